"""Fifty processes killed at random moments: the same command always finishes with the undisturbed answer."""

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

import pyarrow.parquet as pq
import pytest

import cape_fixtures
from cape_engine.outputs.files import MANIFEST, sha256_of
from cape_engine.outputs.part_index import read_index
from cape_engine.outputs.part_sources import ATTEMPT, INDEX, RUN
from cape_engine.store import Store, is_store
from face.exports import AS_OF, DAY

pytestmark = pytest.mark.heavy

KILLS = int(os.environ.get("CAPE_TEST_KILLS", "25"))  # of `import`, and as many of `run`
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


def _timed(words: Sequence[str], stage: str, folder: Path) -> Command:
    """The command, timed undisturbed (the second time, with compiled kernels at hand); `folder` keeps its results."""
    command = Command(tuple(words), stage)
    _finished(command, folder.with_name(f"{folder.name}-first"))
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
        before: results of an earlier run that stand there already.

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
    """Partitions, totals and content hashes of a store, and that the hashes are those of the files."""
    said: dict[str, Any] = json.loads((store / MANIFEST).read_text())
    opened = Store.open(store)
    assert [part["name"] for part in said["partitions"]] == list(opened.partitions)
    entries = sum(pq.read_metadata(store / name / "entries.parquet").num_rows for name in opened.partitions)
    assert entries == said["totals"]["entries"]
    return said


def _results(out: Path) -> tuple[str, dict[str, Any]]:
    """Result hash, and hash and rows of each file, which are what the manifest says."""
    said = json.loads((out / MANIFEST).read_text())
    for name, file in said["files"].items():
        assert sha256_of(out / name) == file["sha256"]
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


def test_run__killed(importing: tuple[Command, Path, cape_fixtures.Written], tmp_path: Path) -> None:
    """`cape run`, killed anywhere and given again, goes on and writes the files of an undisturbed run, byte for byte.

    Every third time results stand there already in which one entry had another fact: one partition differs, all
    others are taken over.
    """
    _command, store, made = importing
    words = ["run", str(store), "--importers", str(made.importers), *AS_OF, "--threads", "2", "--json"]
    command = _timed([*words, "--out"], "processing entries", tmp_path / "undisturbed")
    wanted = _results(tmp_path / "undisturbed")
    headers = tmp_path / "headers.csv"
    numbers = pq.read_table(tmp_path / "undisturbed" / "entries.parquet", columns=["entry_number"])
    headers.write_text(f"entry_number,prior_refund_cents\n{numbers[0][len(numbers) // 2]},100\n")
    _finished(Command((*words, "--headers", str(headers), "--out"), command.stage), tmp_path / "before")

    def disturbed(seed: int) -> tuple[Path, int]:
        return _disturbed(command, tmp_path, seed, tmp_path / "before" if seed % 3 == 0 else None)

    with ThreadPoolExecutor(AT_ONCE) as pool:
        found = list(pool.map(disturbed, range(KILLS)))
    parts = len(Store.open(store).partitions)
    part_way = 0
    for seed, (place, kept) in enumerate(found):
        assert _results(place) == wanted
        reused = json.loads((place / MANIFEST).read_text())["partitions_reused"]
        assert reused >= max(kept, parts - 1 if seed % 3 == 0 else 0), f"{kept} of {parts} parts were there"
        assert not (place / RUN / ATTEMPT).exists()
        part_way += 0 < kept < parts
    assert part_way > KILLS // 5, "hardly a kill came while parts were written"
