"""Parts of a run survive a kill at any byte, are taken over unchanged, and give the files of an undisturbed run."""

from __future__ import annotations

import hashlib
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from cape_engine.errors import OutputError
from cape_engine.outputs import files
from cape_engine.outputs.journal import ResultJournal
from cape_engine.outputs.row_groups import EncodedPart, RowGroups

GROUPS = {
    "entries": RowGroups(pa.schema([("key", pa.string()), ("cents", pa.int64())]), ordered_by="key"),
    "changes": RowGroups(pa.schema([("rule", pa.string())]), few=["rule"]),
}
SMALL = {"refunds": pa.table({"b": ["x"]})}
LAYOUT = {"apart": False}


@pytest.fixture(scope="module", autouse=True, params=[False, True], ids=["together", "apart"])
def apart(request: pytest.FixtureRequest) -> bool:
    """Whether parts have files of their own; everything here holds for both."""
    LAYOUT["apart"] = request.param
    return LAYOUT["apart"]


def _parts(key: str) -> dict[str, EncodedPart]:
    """What the part of this key holds; every fifth has no changes."""
    number = int(key)
    rows = 20 + number % 7
    entries = pa.table(
        {"key": [f"{key}-{row:04d}" for row in range(rows)], "cents": list(range(number, number + rows))}
    )
    changes = pa.table({"rule": pa.array([f"rule {n % 3}" for n in range(rows if number % 5 else 0)], pa.string())})
    return {"entries": GROUPS["entries"].encode(entries), "changes": GROUPS["changes"].encode(changes)}


def _keys(count: int) -> list[str]:
    return [str(number) for number in range(1000, 1000 + count)]


@dataclass(frozen=True, slots=True)
class Told:
    """How a run went."""

    reused: int
    written: int
    ignored: str | None


def _run(
    out: Path, keys: Sequence[str], *, stop_after: int | None = None, full: bool = False, tail: str | None = None
) -> Told:
    """A run as the pipeline does it; with `stop_after` it ends without finishing once that many parts are there."""
    with ResultJournal(out, GROUPS, keys, full=full, **LAYOUT) as journal:
        for place, key in enumerate(keys):
            if place == stop_after:
                break
            record = journal.known(key)
            if record is None:
                journal.append(key, _parts(key), f"record of {key}".encode())
            else:
                assert record == f"record of {key}".encode()
                journal.reuse(key)
        if stop_after is not None:
            return Told(journal.reused, journal.written, journal.ignored)
        tails = {} if tail is None else {"entries": _parts(tail)["entries"]}
        manifest = journal.finish(SMALL, {"engine": "test"}, tails=tails)
        assert json.loads((out / files.MANIFEST).read_text()) == manifest
        return Told(journal.reused, journal.written, journal.ignored)


def _content(out: Path) -> dict[str, bytes]:
    """The promised tables, which the manifest describes truly."""
    listed = json.loads((out / files.MANIFEST).read_text())["files"]
    assert sorted(listed) == sorted(path.name for path in out.glob("*.parquet"))
    found = {}
    for name, said in listed.items():
        parts = {name: said}
        if "parts" in said:
            parts = {f"{name}/{file}": about for file, about in said["parts"].items()}
            assert sorted(said["parts"]) == sorted(path.name for path in (out / name).iterdir())
            lines = [f"{about['sha256']}  {file}\n" for file, about in sorted(said["parts"].items())]
            assert hashlib.sha256("".join(lines).encode()).hexdigest() == said["sha256"]
            assert pq.read_table(out / name).num_rows == said["rows"]
        for file, about in parts.items():
            assert files.sha256_of(out / file) == about["sha256"]
            assert pq.ParquetFile(out / file).metadata.num_rows == about["rows"]
            found[file] = (out / file).read_bytes()
    return found


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory, apart: bool) -> dict[str, bytes]:
    """The files of a run of thirty parts that nothing disturbed."""
    out = tmp_path_factory.mktemp("undisturbed")
    assert _run(out, _keys(30)) == Told(0, 30, None)
    assert sorted(path.name for path in (out / ".run").iterdir()) == ["index", "lock", "records"]
    return _content(out)


def test_journal__rows_of_all_parts_in_order(tmp_path: Path) -> None:
    """A finished run is whole: the tables of all parts one after the other, the tail last, and the small tables."""
    _run(tmp_path, _keys(30), tail="77")
    read = pq.read_table(tmp_path / "entries.parquet")
    wanted = [(key, 20 + int(key) % 7) for key in [*_keys(30), "77"]]
    assert read["key"].to_pylist() == [f"{key}-{row:04d}" for key, rows in wanted for row in range(rows)]
    if LAYOUT["apart"]:
        assert len(list((tmp_path / "changes.parquet").iterdir())) == 24 + 1
    else:
        assert pq.ParquetFile(tmp_path / "changes.parquet").num_row_groups == 24
    assert pq.read_table(tmp_path / "refunds.parquet").equals(SMALL["refunds"])
    _content(tmp_path)


@pytest.mark.parametrize("stop_after", [0, 1, 7, 29, 30])
def test_journal__interrupted_between_parts(tmp_path: Path, undisturbed: dict[str, bytes], stop_after: int) -> None:
    """The same command continues where it was and ends with the same bytes; until then no manifest stands there."""
    _run(tmp_path, _keys(30), stop_after=stop_after)
    assert not (tmp_path / files.MANIFEST).exists()
    assert _run(tmp_path, _keys(30)) == Told(stop_after, 30 - stop_after, None)
    assert _content(tmp_path) == undisturbed


def test_journal__torn_at_any_byte(tmp_path: Path, undisturbed: dict[str, bytes]) -> None:
    """Whatever file is cut at whatever byte, the parts before it are kept and the end is the same."""
    _run(tmp_path / "torn", _keys(30), stop_after=20)
    choice = random.Random(7)
    kept = []
    for number in range(40):
        out = tmp_path / str(number)
        shutil.copytree(tmp_path / "torn", out)
        torn = out / ".run" / "attempt" / choice.choice(["entries.parquet", "changes.parquet", "records", "index"])
        if torn.is_dir():
            torn = choice.choice(sorted(torn.iterdir()))
        os.truncate(torn, choice.randrange(torn.stat().st_size))
        kept.append(_run(out, _keys(30)).reused)
        assert _content(out) == undisturbed
    assert max(kept) > 12
    assert len(set(kept)) > 10


def test_journal__bytes_that_never_reached_the_disk(tmp_path: Path, undisturbed: dict[str, bytes]) -> None:
    """A hole of zeros, as a power failure leaves one, is recognised; parts from there on are made again."""
    _run(tmp_path, _keys(30), stop_after=20)
    torn = tmp_path / ".run" / "attempt" / "entries.parquet"
    with (torn / "part-000013.parquet" if LAYOUT["apart"] else torn).open("r+b") as stream:
        stream.seek(300 if LAYOUT["apart"] else -900, os.SEEK_SET if LAYOUT["apart"] else os.SEEK_END)
        stream.write(bytes(300))
    told = _run(tmp_path, _keys(30))
    assert 10 < told.reused < 20
    assert _content(tmp_path) == undisturbed


def test_journal__incremental(tmp_path: Path, undisturbed: dict[str, bytes]) -> None:
    """Parts that did not change are taken from the finished files, whatever came, went or moved between them."""
    before = ["2001", *_keys(12), "2002", "2003", *_keys(30)[12:], "2004"]
    _run(tmp_path, before)
    assert _run(tmp_path, _keys(30)) == Told(30, 0, None)
    assert _content(tmp_path) == undisturbed
    assert _run(tmp_path, [*_keys(30)[15:], *_keys(16)]) == Told(31, 0, None)
    assert _run(tmp_path, ["3001", *_keys(30)[:29]]) == Told(29, 1, None)
    assert _run(tmp_path, _keys(30)) == Told(29, 1, None)
    assert _content(tmp_path) == undisturbed


def test_journal__nothing_changed(tmp_path: Path, undisturbed: dict[str, bytes]) -> None:
    """When every part is known the large files stay where they are; another tail writes them anew."""
    _run(tmp_path, _keys(30))
    path = tmp_path / "entries.parquet" / ("part-000007.parquet" if LAYOUT["apart"] else "")
    before = path.stat()
    assert _run(tmp_path, _keys(30)) == Told(30, 0, None)
    after = path.stat()
    assert (before.st_ino, before.st_mtime_ns) == (after.st_ino, after.st_mtime_ns)
    assert _content(tmp_path) == undisturbed
    _run(tmp_path, _keys(30), tail="77")
    assert _content(tmp_path) != undisturbed
    assert _run(tmp_path, _keys(30)) == Told(30, 0, None)
    assert _content(tmp_path) == undisturbed


def test_journal__interrupted_incremental(tmp_path: Path, undisturbed: dict[str, bytes]) -> None:
    """An interrupted re-run continues from its own parts and from the finished files, which stay valid meanwhile."""
    before = [*_keys(10), "2001", "2002", *_keys(30)[12:]]
    _run(tmp_path, before)
    finished = _content(tmp_path)
    told = _run(tmp_path, _keys(30), stop_after=11)
    assert (told.reused, told.written) == (10, 1)
    assert _content(tmp_path) == finished
    assert _run(tmp_path, _keys(30)) == Told(29, 1, None)
    assert _content(tmp_path) == undisturbed


def test_journal__another_command_after_an_interruption(tmp_path: Path, undisturbed: dict[str, bytes]) -> None:
    """Parts of an interrupted run serve the command that follows, even when its first part is another, twice over."""
    _run(tmp_path, ["2001", *_keys(30)], stop_after=25)
    assert _run(tmp_path, _keys(30), stop_after=10).reused == 10
    told = _run(tmp_path, _keys(30))
    assert (told.reused, told.written) == (24, 6)
    assert _content(tmp_path) == undisturbed
    assert not (tmp_path / ".run" / "older").exists()


@pytest.mark.parametrize("harm", ["changed", "touched", "gone", "manifest", "records", "index"])
def test_journal__finished_files_not_as_they_were(tmp_path: Path, undisturbed: dict[str, bytes], harm: str) -> None:
    """Files that somebody changed or removed are not drawn upon: all parts are made anew, and the reason is told."""
    _run(tmp_path, _keys(30))
    path = tmp_path / "entries.parquet" / ("part-000007.parquet" if LAYOUT["apart"] else "")
    if harm == "changed":
        path.write_bytes(path.read_bytes()[::-1])
    elif harm == "touched":
        os.utime(path, ns=(1, 1))
    elif harm == "manifest":
        (tmp_path / files.MANIFEST).unlink()
    elif harm == "gone":
        path.unlink()
    elif harm == "records":
        os.truncate(tmp_path / ".run" / "records" / "part-000003", 3)
    else:
        os.truncate(tmp_path / ".run" / harm, 100)
    told = _run(tmp_path, _keys(30))
    assert (told.reused, told.written) == (0, 30)
    assert harm == "index" or told.ignored is not None
    assert _content(tmp_path) == undisturbed


def test_journal__full(tmp_path: Path, undisturbed: dict[str, bytes]) -> None:
    """With `full`, neither finished files nor an interrupted attempt is drawn upon."""
    _run(tmp_path, _keys(30))
    _run(tmp_path, ["2001", *_keys(30)], stop_after=9)
    assert _run(tmp_path, _keys(30), full=True) == Told(0, 30, None)
    assert _content(tmp_path) == undisturbed


def test_journal__other_layout(tmp_path: Path) -> None:
    """Results of the other layout are replaced whole, and the reason why nothing is taken over is told."""
    for _ in range(2):
        LAYOUT["apart"] = not LAYOUT["apart"]
        _run(tmp_path, _keys(30))
        _content(tmp_path)
        told = _run(tmp_path, _keys(30))
        assert (told.reused, told.ignored) == (30, None)
    LAYOUT["apart"] = not LAYOUT["apart"]
    try:
        told = _run(tmp_path, _keys(30))
    finally:
        LAYOUT["apart"] = not LAYOUT["apart"]
    assert told.reused == 0
    assert told.ignored is not None
    assert "layout" in told.ignored


def test_journal__parts_of_the_same_content(tmp_path: Path) -> None:
    """A key that stands twice among the keys is two parts of the same bytes, also when taken over."""
    keys = ["1001", "1002", "1001", "1001"]
    assert _run(tmp_path, keys) == Told(0, 4, None)
    first = _content(tmp_path)
    assert _run(tmp_path, [*keys, "1003"], stop_after=5) == Told(4, 1, None)
    assert _run(tmp_path, keys) == Told(4, 0, None)
    assert _content(tmp_path) == first


def test_journal__no_parts(tmp_path: Path) -> None:
    """A run without parts still writes its tables."""
    _run(tmp_path, [])
    _run(tmp_path, [])
    assert pq.read_table(tmp_path / "entries.parquet").num_rows == 0
    _content(tmp_path)


def test_journal__faults_of_the_program(tmp_path: Path) -> None:
    """Parts out of order, unknown parts, missing tables and an early end are refused."""
    with ResultJournal(tmp_path, GROUPS, _keys(3), **LAYOUT) as journal:
        with pytest.raises(ValueError, match="part 0 of the run is not 1001"):
            journal.append("1001", _parts("1001"), b"")
        with pytest.raises(ValueError, match="consists of"):
            journal.append("1000", {}, b"")
        journal.append("1000", _parts("1000"), b"")
        with pytest.raises(ValueError, match="1 of 3 parts"):
            journal.finish(SMALL, {})
    with (
        ResultJournal(tmp_path, GROUPS, _keys(3), **LAYOUT) as journal,
        pytest.raises(ValueError, match="to be reused"),
    ):
        journal.append("1000", _parts("1000"), b"")


def test_journal__one_run_at_a_time(tmp_path: Path) -> None:
    """A second run into the same folder is refused while the first is at work, and welcome afterwards."""
    with ResultJournal(tmp_path, GROUPS, _keys(3), **LAYOUT), pytest.raises(OutputError, match="another run"):
        ResultJournal(tmp_path, GROUPS, _keys(3), **LAYOUT)
    _run(tmp_path, _keys(3))


def test_journal__disk_full(tmp_path: Path, undisturbed: dict[str, bytes], monkeypatch: pytest.MonkeyPatch) -> None:
    """A full disk is one clear error with exit code 3, and the same command continues once there is room."""
    room = [20_000]
    write = os.pwrite

    def limited(handle: int, data: bytes | memoryview, place: int) -> int:
        if room[0] <= 0:
            raise OSError(28, "No space left on device")
        count = write(handle, memoryview(data)[: room[0]], place)
        room[0] -= count
        return count

    monkeypatch.setattr(os, "pwrite", limited)
    with pytest.raises(OutputError, match=r"No space left on device.*run the same command again") as caught:
        _run(tmp_path, _keys(30))
    assert caught.value.exit_code == 3
    assert not (tmp_path / files.MANIFEST).exists()
    monkeypatch.setattr(os, "pwrite", write)
    told = _run(tmp_path, _keys(30))
    assert told.reused > 5
    assert told.reused + told.written == 30
    assert _content(tmp_path) == undisturbed


def test_journal__folder_cannot_be_made(tmp_path: Path) -> None:
    """A folder that cannot be made is one clear error."""
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="could not be written"):
        ResultJournal(tmp_path / "file" / "out", GROUPS, [])


def test_journal__interrupted_while_files_are_moved(
    tmp_path: Path, undisturbed: dict[str, bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Wherever moving into place ends, no manifest stands beside files of another run, and the next run goes on."""
    moved = Path.replace
    # Records and, where parts have files of their own, two tables are folders: what is there goes aside first.
    moves = 10 if LAYOUT["apart"] else 8
    for allowed in range(moves + 1):
        out = tmp_path / str(allowed)
        _run(out, _keys(29))
        before = _content(out)
        left = [allowed]

        def fail(self: Path, target: Path, left: list[int] = left) -> Path:
            if not left[0]:
                raise OSError(5, "Input/output error")
            left[0] -= 1
            return moved(self, target)

        monkeypatch.setattr(Path, "replace", fail)
        try:
            _run(out, _keys(30))
        except OutputError:
            assert allowed < moves
        monkeypatch.setattr(Path, "replace", moved)
        if (out / files.MANIFEST).exists():
            assert _content(out) == (before if allowed < moves else undisturbed)
        assert _run(out, _keys(30)).reused == 30
        assert _content(out) == undisturbed


_SCRIPT = """
import sys, time
from pathlib import Path
sys.path.insert(0, sys.argv[1])
import test_journal as t
out = Path(sys.argv[2])
print("ready", flush=True)
t.LAYOUT["apart"] = sys.argv[3] == "True"
told = t._run(out, t._keys(30))
print(told.reused, flush=True)
"""


@pytest.mark.heavy
def test_journal__killed(tmp_path: Path, undisturbed: dict[str, bytes]) -> None:
    """Twenty processes killed at random moments: whatever they leave, the next finishes with the same bytes."""
    choice = random.Random(11)
    command = [sys.executable, "-c", _SCRIPT, str(Path(__file__).parent)]
    reused = []
    for number in range(20):
        out = tmp_path / str(number)
        with subprocess.Popen([*command, str(out), str(LAYOUT["apart"])], stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n"
            time.sleep(choice.random() * 0.04)
            process.send_signal(signal.SIGKILL)
        reused.append(_run(out, _keys(30)).reused)
        assert _content(out) == undisturbed
    assert len(set(reused)) > 3
