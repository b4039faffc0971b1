"""Tables whose parts have files of their own: linked from run to run, never written over, copied where links fail."""

from __future__ import annotations

import errno
import json
import os
import shutil
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from cape_engine.disk import BLOCK_BYTES
from cape_engine.errors import InputError, OutputError
from cape_engine.outputs import straight, streams
from cape_engine.outputs.journal import ResultJournal
from cape_engine.outputs.result_groups import ResultGroups
from cape_engine.outputs.row_groups import EncodedPart, RowGroups

GROUPS = {"entries": RowGroups(pa.schema([("key", pa.string()), ("cents", pa.int64())]), ordered_by="key")}


def part(key: str, rows: int = 3) -> EncodedPart:
    """The entries of a part."""
    return GROUPS["entries"].encode(
        pa.table(
            {"key": [f"{key}-{row}" for row in range(rows)], "cents": list(range(rows))},
            schema=GROUPS["entries"].schema,
        )
    )


def run(out: Path, keys: list[str], *, apart: bool = True, rows: int = 3, full: bool = False) -> int:
    """A run of parts; how many were taken over."""
    with ResultJournal(out, GROUPS, keys, apart=apart, full=full) as journal:
        for key in keys:
            if journal.known(key) is None:
                journal.append(key, {"entries": part(key, rows)}, key.encode())
            else:
                journal.reuse(key)
        journal.finish({}, {})
        return journal.reused


def stopped(out: Path, keys: list[str], *, apart: bool) -> None:
    """A run of new parts that dies when all of its files are complete, and none of them is in place."""

    def manifest() -> dict[str, object]:
        raise KeyboardInterrupt

    with ResultJournal(out, GROUPS, keys, apart=apart) as journal:
        for key in keys:
            journal.append(key, {"entries": part(key)}, key.encode())
        with pytest.raises(KeyboardInterrupt):
            journal.finish({}, manifest)


@pytest.mark.parametrize("before", [None, "apart", "together"])
@pytest.mark.parametrize("apart", [False, True])
def test_stopped__before_its_files_were_in_place(tmp_path: Path, before: str | None, apart: bool) -> None:
    """A run that died before its files were in place is taken over as parts alone, also after another command."""
    if before is not None:
        run(tmp_path, ["y", "z"], apart=before == "apart")
    stopped(tmp_path, ["a", "b"], apart=apart)
    ResultJournal(tmp_path, GROUPS, ["x"], apart=apart).close()
    assert run(tmp_path, ["a", "b"], apart=apart) == 2
    assert pq.read_table(tmp_path / "entries.parquet").column("key").to_pylist() == [
        "a-0",
        "a-1",
        "a-2",
        "b-0",
        "b-1",
        "b-2",
    ]
    run(tmp_path / "fresh", ["a", "b"], apart=apart)
    found, fresh = (json.loads((folder / "manifest.json").read_text()) for folder in (tmp_path, tmp_path / "fresh"))
    assert found["files"] == fresh["files"]


@pytest.mark.parametrize("place", [4, 40, -1])
def test_together__damaged(tmp_path: Path, place: int) -> None:
    """Bytes that changed under an unchanged size and time are seen when they are copied, and get no new hash."""
    run(tmp_path, ["a", "b", "c"], apart=False)
    path = tmp_path / "entries.parquet"
    was = path.stat()
    content = bytearray(path.read_bytes())
    place = content.index(part("c").data.tobytes()) - 1 if place < 0 else place
    content[place] ^= 1
    path.write_bytes(content)
    os.utime(path, ns=(was.st_atime_ns, was.st_mtime_ns))
    with pytest.raises(OutputError, match=r"entries.parquet is not as the last run left it; run again with --full"):
        run(tmp_path, ["a", "b", "x", "c"], apart=False)
    assert run(tmp_path, ["a", "b", "x", "c"], apart=False, full=True) == 0


def test_together__first_bytes_of_an_interrupted_file(tmp_path: Path) -> None:
    """What stands before the first part of an interrupted file is written again: no check sum covers it."""
    run(tmp_path / "fresh", ["a", "b"], apart=False)
    stopped(tmp_path, ["a", "b"], apart=False)
    path = tmp_path / ".run" / "attempt" / "entries.parquet"
    path.write_bytes(b"DAMA" + path.read_bytes()[4:])
    assert run(tmp_path, ["a", "b"], apart=False) == 2
    assert (tmp_path / "entries.parquet").read_bytes() == (tmp_path / "fresh" / "entries.parquet").read_bytes()


@pytest.mark.parametrize("content", [b"", b"{", b"\xff", b"[]", b"{}", b'{"files": null, "index": true}'])
def test_commit__damaged(tmp_path: Path, content: bytes) -> None:
    """A damaged note of what is to be moved ends the run with the way out, which works."""
    run(tmp_path, ["a"])
    attempt = tmp_path / ".run" / "attempt"
    attempt.mkdir()
    (attempt / "commit").write_bytes(content)
    for full in (False, True):
        with pytest.raises(OutputError, match=r"commit is damaged, .* remove the folder .*attempt and run"):
            ResultJournal(tmp_path, GROUPS, ["a"], full=full, apart=True)
    shutil.rmtree(attempt)
    assert run(tmp_path, ["a"]) == 1


@pytest.mark.parametrize(
    "content", ["[]", "null", '{"files": []}', '{"files": null}', '{"files": {"entries.parquet": []}}']
)
def test_manifest__of_another_form(tmp_path: Path, content: str) -> None:
    """Results whose manifest has another form are not used, and a run makes them anew."""
    run(tmp_path, ["a"])
    (tmp_path / "manifest.json").write_text(content, encoding="utf-8")
    assert run(tmp_path, ["a"]) == 0


def inodes(out: Path) -> dict[str, int]:
    """Which file each part is."""
    return {path.name: path.stat().st_ino for path in sorted((out / "entries.parquet").glob("part-*"))}


def test_apart__what_did_not_change_stays(tmp_path: Path) -> None:
    """Files of parts that did not change are the same files under the next run, at their new places."""
    run(tmp_path, ["a", "b", "c"])
    before = inodes(tmp_path)
    assert run(tmp_path, ["a", "x", "b", "c"]) == 3
    after = inodes(tmp_path)
    assert [after[f"part-00000{number}.parquet"] for number in (0, 2, 3)] == list(before.values())
    assert sorted(path.name for path in (tmp_path / ".run").iterdir()) == ["index", "lock", "records"]
    assert pq.read_table(tmp_path / "entries.parquet").column("key").to_pylist() == [
        f"{key}-{row}" for key in "axbc" for row in range(3)
    ]


def test_apart__links_of_others_are_never_written_to(tmp_path: Path) -> None:
    """Whoever linked or copied results of a run keeps them, whatever later runs write."""
    out, kept = tmp_path / "out", tmp_path / "kept"
    run(out, ["a", "b", "c"])
    kept.mkdir()
    for path in (out / "entries.parquet").iterdir():
        os.link(path, kept / path.name)
    before = {path.name: path.read_bytes() for path in kept.iterdir()}
    run(out, ["x", "a", "y"])
    run(out, ["b", "c", "x"])
    run(out, [])
    assert {path.name: path.read_bytes() for path in kept.iterdir()} == before


def test_apart__interrupted_after_links(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A run that ended after it linked files leaves those of the last run as they are, and the next goes on."""
    run(tmp_path, ["a", "b", "c"])
    before = {path.name: path.read_bytes() for path in (tmp_path / "entries.parquet").iterdir()}
    with ResultJournal(tmp_path, GROUPS, ["a", "x", "c"], apart=True) as journal:
        journal.reuse("a")
        journal.append("x", {"entries": part("x")}, b"x")
    assert {path.name: path.read_bytes() for path in (tmp_path / "entries.parquet").iterdir()} == before
    # Another part takes the place of the one that was written; what is linked there is not it.
    assert run(tmp_path, ["b", "y", "c"], rows=5) == 2
    keys = pq.read_table(tmp_path / "entries.parquet").column("key").to_pylist()
    assert keys == [
        *(f"b-{row}" for row in range(3)),
        *(f"y-{row}" for row in range(5)),
        *(f"c-{row}" for row in range(3)),
    ]


@pytest.mark.parametrize("code", [errno.EPERM, errno.EXDEV, errno.EMLINK])
def test_apart__no_links(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int) -> None:
    """Where the file system knows no links, files are copied, and the next run finds them whole."""

    def refused(*_paths: Path) -> None:
        raise OSError(code, os.strerror(code))

    run(tmp_path, ["a", "b"])
    before = inodes(tmp_path)
    monkeypatch.setattr(os, "link", refused)
    assert run(tmp_path, ["x", "a", "b"]) == 2
    assert not set(before.values()) & set(inodes(tmp_path).values())
    assert run(tmp_path, ["x", "a", "b"]) == 3
    monkeypatch.undo()
    assert pq.read_table(tmp_path / "entries.parquet").num_rows == 9


def test_apart__durable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every file that a run wrote, or found of an interrupted one, is made durable before the manifest stands."""
    durable: set[int] = set()

    def noted(path: Path) -> None:
        durable.add(path.stat().st_ino)
        assert not (tmp_path / "manifest.json").exists()

    monkeypatch.setattr(streams, "made_durable", noted)
    with ResultJournal(tmp_path, GROUPS, ["a", "b", "c"], apart=True) as journal:
        for key in ("a", "b"):
            journal.append(key, {"entries": part(key)}, key.encode())
    durable.clear()
    assert run(tmp_path, ["a", "b", "c"]) == 2
    for folder in (tmp_path / "entries.parquet", tmp_path / ".run" / "records"):
        assert {path.stat().st_ino for path in folder.iterdir()} <= durable


def test_apart__links_refused_for_another_reason(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A disk that fails is not taken for a file system without links."""

    def failed(*_paths: Path) -> None:
        raise OSError(errno.EIO, "Input/output error")

    run(tmp_path, ["a", "b"])
    monkeypatch.setattr(os, "link", failed)
    with pytest.raises(OutputError, match="Input/output error"):
        run(tmp_path, ["x", "a", "b"])


def test_apart__large_parts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Large parts, which go past the memory of the system, are whole, also beyond the room for the first."""
    monkeypatch.setattr(straight, "LARGE_BYTES", 3 * BLOCK_BYTES)
    monkeypatch.setattr(straight, "_ROOM_BYTES", 2 * BLOCK_BYTES)
    sizes = [10, 5_000, 9_000, 20, 7_000]
    with ResultJournal(tmp_path, GROUPS, [str(size) for size in sizes], apart=True) as journal:
        for size in sizes:
            journal.append(str(size), {"entries": part("k", size)}, b"r" * size)
        journal.finish({}, {})
    files = sorted((tmp_path / "entries.parquet").glob("part-*"))
    assert max(path.stat().st_size for path in files) > 3 * BLOCK_BYTES
    rows = pq.read_table(tmp_path / "entries.parquet")
    assert rows.column("cents").to_pylist() == [cents for size in sizes for cents in range(size)]


def test_journal__record_not_as_it_was(tmp_path: Path) -> None:
    """A record whose bytes are others is refused, with the next step."""
    run(tmp_path, ["a", "b"])
    (tmp_path / ".run" / "records" / "part-000001").write_bytes(b"c")
    with ResultJournal(tmp_path, GROUPS, ["a", "b"], apart=True) as journal:
        assert journal.known("a") == b"a"
        with pytest.raises(OutputError, match=r"part-000001 is not as the last run left it; run again with --full"):
            journal.known("b")


@pytest.mark.parametrize("apart", [False, True])
def test_result_groups__by_part(tmp_path: Path, apart: bool) -> None:
    """Row groups in the order of the parts, with the range of a column, from one file as from many."""
    run(tmp_path, ["a", "b", "c"], apart=apart)
    groups = ResultGroups.of(tmp_path / "entries.parquet")
    assert list(groups.rows) == [3, 3, 3]
    assert [groups.range_of(place, "key") for place in range(3)] == [(f"{key}-0", f"{key}-2") for key in "abc"]
    assert groups.range_of(0, "cents") is None
    assert groups.range_of(0, "unknown") is None
    assert groups.read(1, ["key"]).column("key").to_pylist() == ["b-0", "b-1", "b-2"]
    assert groups.read(1, ["key"]).column_names == ["key"]


def test_result_groups__damaged(tmp_path: Path) -> None:
    """What is missing or damaged is one clear error, when it is opened and when it is read."""
    with pytest.raises(InputError, match="cannot be read"):
        ResultGroups.of(tmp_path / "entries.parquet")
    run(tmp_path, ["a", "b"])
    groups = ResultGroups.of(tmp_path / "entries.parquet")
    file = tmp_path / "entries.parquet" / "part-000001.parquet"
    file.unlink()
    with pytest.raises(InputError, match="cannot be read"):
        groups.read(1, ["key"])
    file.write_bytes(b"PAR1 nothing PAR1")
    with pytest.raises(InputError, match="cannot be read"):
        ResultGroups.of(tmp_path / "entries.parquet")
