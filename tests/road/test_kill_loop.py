"""Processes killed at random moments: the same command always finishes with the undisturbed answer."""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

import cape_engine
import cape_fixtures
from cape_engine.outputs.files import MANIFEST, sha256_of
from cape_engine.outputs.part_index import read_index
from cape_engine.outputs.part_sources import ATTEMPT, INDEX, RUN
from cape_engine.schema.facts import ENTRY_NUMBER, VERSION
from cape_engine.store import Store, is_store
from cape_engine.store.hashing import packed_hash, packed_tables
from face.exports import AS_OF, DAY

pytestmark = pytest.mark.heavy

KILLS = int(os.environ.get("CAPE_TEST_KILLS", "25"))  # of `import`, as many of `import --into`, and of `run`
AT_ONCE = 2
_FROM_THE_START = 5  # each so many kills, one may come while Python is still importing


@dataclass(frozen=True, slots=True)
class Command:
    """A command line, and how long it takes undisturbed.

    Attributes:
        words: without the folder it writes to, which comes last.
        stage: the progress message from which on it does what a kill could spoil.
        seconds: from the start to that message, and from there to the end.
    """

    words: tuple[str, ...]
    stage: str
    seconds: tuple[float, float] = (0.0, 0.0)


def _started(command: Command, folder: Path) -> subprocess.Popen[str]:
    path = os.pathsep.join(path for path in sys.path if path)
    return subprocess.Popen(
        [sys.executable, "-m", "cape_engine", *command.words, str(folder)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": path},
    )


def _until_stage(process: subprocess.Popen[str], command: Command) -> None:
    """Wait until the process says that the stage begins."""
    assert process.stderr is not None
    for line in process.stderr:
        if command.stage in line:
            return


def _finished(command: Command, folder: Path) -> tuple[float, float]:
    """Run to the end; seconds as in `Command`."""
    begun = time.monotonic()
    with _started(command, folder) as process:
        _until_stage(process, command)
        reached = time.monotonic()
        _out, err = process.communicate(timeout=300)
        assert process.returncode in {0, 1}, err
    return reached - begun, time.monotonic() - reached


def _timed(words: Sequence[str], stage: str, folder: Path, before: Path | None = None) -> Command:
    """The command, timed undisturbed (the second time, with compiled kernels at hand); `folder` keeps its results."""
    command = Command(tuple(words), stage)
    first = folder.with_name(f"{folder.name}-first")
    if before is not None:
        shutil.copytree(before, first)
        shutil.copytree(before, folder)
    _finished(command, first)
    return Command(command.words, stage, _finished(command, folder))


def _killed(command: Command, folder: Path, choice: random.Random) -> bool:
    """Start the command and kill it at a random moment; whether the kill came before its end."""
    anywhere = choice.randrange(_FROM_THE_START) == 0
    with _started(command, folder) as process:
        if anywhere:
            time.sleep(choice.random() * command.seconds[0])
        else:
            _until_stage(process, command)
            time.sleep(choice.random() * command.seconds[1] * 1.1)
        process.send_signal(signal.SIGKILL)
        process.communicate(timeout=60)
    return process.returncode == -signal.SIGKILL


def _disturbed(command: Command, folder: Path, seed: int, before: Path | None = None) -> tuple[Path, int]:
    """Kill the command at a random moment and give it again; a kill that comes too late does not count.

    Args:
        command: import or run.
        folder: where to make new folders.
        seed: of the random moment.
        before: results of an earlier run, or a store, that stand there already.

    Returns:
        The folder it wrote to, and how many finished parts of a run the kill left there.
    """
    choice = random.Random(seed)
    for attempt in count():
        place = folder / f"{seed}-{attempt}"
        if before is not None:
            shutil.copytree(before, place)
        if not _killed(command, place, choice):
            continue
        if (place / MANIFEST).exists():
            # What a manifest stands for is whole even now.
            _ = Store.open(place).partitions if is_store(place) else _results(place)
        index = read_index(place / RUN / ATTEMPT / INDEX)
        _finished(command, place)
        return place, 0 if index is None else len(index.parts)
    raise AssertionError


def _store_content(store: Path) -> dict[str, Any]:
    """The manifest of a store: partitions, totals and content hashes, which are those of the files."""
    said: dict[str, Any] = json.loads((store / MANIFEST).read_text())
    opened = Store.open(store)
    for part in said["partitions"]:
        partition = opened.read(part["name"])
        files = packed_tables(partition)
        counts = (partition.entries.num_rows, partition.lines.num_rows, partition.tariffs.num_rows)
        assert counts == tuple(part[name] for name in ("entries", "lines", "tariffs"))
        assert packed_hash(files, counts) == part["content_sha256"]
    return said


def _results(out: Path) -> tuple[str, dict[str, Any]]:
    """Result hash, and hash and rows of each file, which are what the manifest says."""
    said = json.loads((out / MANIFEST).read_text())
    for name, about in said["files"].items():
        files = {f"{name}/{part}": file for part, file in about.get("parts", {}).items()} or {name: about}
        for path, file in files.items():
            assert sha256_of(out / path) == file["sha256"]
        assert "parts" not in about or {path.name for path in (out / name).iterdir()} == set(about["parts"])
    return said["result_hash"], said["files"]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> cape_fixtures.Written:
    """Generated entries as files."""
    lot = cape_fixtures.generate(1_500, 23, as_of=DAY)
    return cape_fixtures.write(lot, tmp_path_factory.mktemp("made"), format="parquet", layout="canonical")


@pytest.fixture(scope="module")
def importing(
    made: cape_fixtures.Written, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Command, Path, cape_fixtures.Written]:
    """`cape import` into some forty partitions, and the store it gives."""
    words = ["import", *map(str, made.rows), "--headers", str(made.headers), "--partition-lines", "1000", "--json"]
    store = tmp_path_factory.mktemp("import") / "store"
    return _timed([*words, "--store"], "reading files", store), store, made


def test_import__killed(importing: tuple[Command, Path, cape_fixtures.Written], tmp_path: Path) -> None:
    """`cape import`, killed anywhere and given again, writes the store of an undisturbed import."""
    command, store, _made = importing
    wanted = _store_content(store)
    assert len(wanted["partitions"]) > 20
    with ThreadPoolExecutor(AT_ONCE) as pool:
        places = list(pool.map(lambda seed: _disturbed(command, tmp_path, seed)[0], range(KILLS)))
    for place in places:
        assert _store_content(place) == wanted


def _later_export(made: cape_fixtures.Written, folder: Path) -> list[str]:
    """Words of `cape import` for files with new entries, and every ninth entry again in a higher version."""
    lot = cape_fixtures.generate(600, 24, as_of=DAY)
    fresh = cape_fixtures.write(lot, folder, format="parquet", layout="canonical")
    headers = pq.read_table(made.headers)
    headers = headers.take(list(range(0, headers.num_rows, 9)))
    again = pc.field(str(ENTRY_NUMBER)).isin(headers.column(str(ENTRY_NUMBER)))
    pq.write_table(pq.read_table(made.rows[0], filters=again), folder / "again.parquet")
    versions = [f"{int(version or 0) + 100:05d}" for version in headers.column(str(VERSION)).to_pylist()]
    place = headers.schema.get_field_index(str(VERSION))
    headers = headers.set_column(place, str(VERSION), pa.array(versions, pa.string()))
    pq.write_table(headers, folder / "again-headers.parquet")
    words = ["import", *map(str, fresh.rows), str(folder / "again.parquet")]
    words += ["--headers", str(fresh.headers), "--headers", str(folder / "again-headers.parquet")]
    return [*words, "--partition-lines", "1000", "--json"]


def test_import_into__killed(importing: tuple[Command, Path, cape_fixtures.Written], tmp_path: Path) -> None:
    """`cape import --into`, killed anywhere and given again, gives the store of an undisturbed one.

    Before that the store is either the old one or the new one, whole; afterwards nothing else is left in its folder,
    and a run over it gives the undisturbed hash.
    """
    _command, store, made = importing
    (tmp_path / "later").mkdir()
    words = _later_export(made, tmp_path / "later")
    command = _timed([*words, "--into"], "reading files", tmp_path / "undisturbed", store)
    wanted = _store_content(tmp_path / "undisturbed")
    old, new = (set(map(str, Store.open(place).partitions)) for place in (store, tmp_path / "undisturbed"))
    assert len(old & new) > 0, "every partition was written anew"
    assert len(old - new) > 5, "hardly a partition was written anew"
    assert len(new - old) > 20

    with ThreadPoolExecutor(AT_ONCE) as pool:
        found = list(pool.map(lambda seed: _disturbed(command, tmp_path, seed, store)[0], range(KILLS)))
    for place in found:
        assert _store_content(place) == wanted
        assert {item.name for item in place.iterdir()} == {item.name for item in (tmp_path / "undisturbed").iterdir()}
    answers = {
        cape_engine.run(place, importers=made.importers, as_of=DAY.isoformat()).manifest["result_hash"]
        for place in (tmp_path / "undisturbed", *found)
    }
    assert len(answers) == 1


@pytest.mark.parametrize(("layout", "kills"), [("files", KILLS), ("parts", KILLS // 2)])
def test_run__killed(
    importing: tuple[Command, Path, cape_fixtures.Written], tmp_path: Path, layout: str, kills: int
) -> None:
    """`cape run`, killed anywhere and given again, goes on and writes the files of an undisturbed run, byte for byte.

    Every third time results stand there already in which one entry had another fact: one partition differs, all
    others are taken over.
    """
    _command, store, made = importing
    words = ["run", str(store), "--importers", str(made.importers), *AS_OF, "--threads", "2", "--json"]
    words += ["--layout", layout]
    command = _timed([*words, "--out"], "processing entries", tmp_path / "undisturbed")
    wanted = _results(tmp_path / "undisturbed")
    headers = tmp_path / "headers.csv"
    numbers = pq.read_table(tmp_path / "undisturbed" / "entries.parquet", columns=["entry_number"])
    headers.write_text(f"entry_number,prior_refund_cents\n{numbers[0][len(numbers) // 2]},100\n")
    _finished(Command((*words, "--headers", str(headers), "--out"), command.stage), tmp_path / "before")

    def disturbed(seed: int) -> tuple[Path, int]:
        return _disturbed(command, tmp_path, seed, tmp_path / "before" if seed % 3 == 0 else None)

    with ThreadPoolExecutor(AT_ONCE) as pool:
        found = list(pool.map(disturbed, range(kills)))
    parts = len(Store.open(store).partitions)
    part_way = 0
    for seed, (place, kept) in enumerate(found):
        assert _results(place) == wanted
        reused = json.loads((place / MANIFEST).read_text())["partitions_reused"]
        assert reused >= max(kept, parts - 1 if seed % 3 == 0 else 0), f"{kept} of {parts} parts were there"
        assert not (place / RUN / ATTEMPT).exists()
        part_way += 0 < kept < parts
    assert part_way > kills // 5, "hardly a kill came while parts were written"
