"""Commands in processes of their own that are killed at chosen moments, and what ledger and folder hold then."""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow.parquet as pq

from cape_engine.errors import LedgerError
from cape_engine.ledger import Ledger, tables
from cape_engine.outputs.files import MANIFEST, sha256_of, write_json
from cape_engine.pipeline.packing.recording import ledger_name

LEDGER = "claims.ledger"
STAGING = ".staging"
DECLARATIONS = "declarations"
SLOWEST_SECONDS = 900
_POLL_SECONDS = 0.0005
_LATE = 1.1
"""A kill comes at most so many times later than the undisturbed command took."""
_OF_ITS_MAKING = {"seconds", "peak_memory_bytes", "ledger"}
"""What a manifest says of clock, machine and place."""
Content = dict[str, list[dict[str, Any]]]


@dataclass(frozen=True, slots=True)
class Place:
    """A folder of results and the ledger in which they count.

    Attributes:
        folder: holds `out`, and the ledger if it is a file.
        url: the ledger.
    """

    folder: Path
    url: str

    @classmethod
    def of(cls, folder: Path) -> Place:
        """A place whose ledger is a file in its folder."""
        return cls(folder, str(folder / LEDGER))

    @property
    def out(self) -> Path:
        """The folder of results."""
        return self.folder / "out"

    @property
    def words(self) -> list[str]:
        """The options of a command that works here."""
        return ["--out", str(self.out), "--ledger", self.url]

    def copy(self, name: str) -> Place:
        """The same under another name; a database is copied by its server."""
        folder = self.folder.with_name(name)
        shutil.copytree(self.folder, folder)
        if "://" not in self.url:
            return Place.of(folder)._at_home()
        return Place(folder, new_database(self.url, name, self.url.rpartition("/")[2]))._at_home()

    def on_server(self, server: str, folder: Path) -> Place:
        """The same with a ledger on a PostgreSQL server, carried over table by table.

        Args:
            server: URL of any database there.
            folder: for the results and the carried tables.
        """
        name = f"{self.folder.name}_pg"
        place = Place(folder / name, new_database(server, name, "template1"))
        shutil.copytree(self.out, place.out)
        if Path(self.url).exists():
            with Ledger.open(self.url) as ours, Ledger.open(place.url) as theirs:
                ours.export(folder / f"{name}_tables")
                theirs.import_(folder / f"{name}_tables")
        return place._at_home()

    def _at_home(self) -> Place:
        """The manifest of copied results names the copied ledger, as if they had been made here."""
        path = self.out / MANIFEST
        if path.exists():
            said = json.loads(path.read_text(encoding="utf-8"))
            if "ledger" in said:
                write_json(path, {**said, "ledger": ledger_name(self.url)})
        return self


def new_database(server: str, name: str, template: str) -> str:
    """Copy a database of a PostgreSQL server; the URL of the copy."""
    from adbc_driver_postgresql import dbapi

    place = server.rpartition("/")[0]
    with dbapi.connect(f"{place}/postgres", autocommit=True) as connection, connection.cursor() as cursor:
        cursor.execute(f"CREATE DATABASE {name} TEMPLATE {template}")
    return f"{place}/{name}"


def content(place: Place) -> Content:
    """Every table of the ledger but for hashes and folders, which hang on place and clock; nothing without a ledger.

    The ledger verifies, and no entry is live in two claims.
    """
    try:
        ledger = Ledger.open(place.url, create=False)
    except LedgerError as error:
        if "there is no ledger" not in str(error):
            raise
        return {}
    with ledger:
        with ledger.transaction():
            pass  # what a server still does for a process that is dead comes to its end first
        report = ledger.verify()
        assert report.ok, report.problems
        with ledger._reading() as database:
            found = {
                table: database.table(tables.select(table), tables.schema(table)).to_pylist() for table in tables.ALL
            }
    live = Counter(row["entry_number"] for row in found["claim_entries"] if row["live"])
    assert set(live.values()) <= {1}, live.most_common(3)
    for row in found["links"]:
        del row["hash"]
    for row in found["runs"]:
        del row["folder"], row["manifest_sha256"]
    return found


def claims(found: Content) -> Content:
    """What a repeated command must leave alone: all but the registered results and their links."""
    return {table: rows for table, rows in found.items() if table not in {"runs", "links"}}


def whole(place: Place) -> dict[str, Any] | None:
    """The manifest of a whole folder of results, but for its making; None where there is no manifest.

    Every file that it or the table of packed declarations names is there, with its hash.
    """
    path = place.out / MANIFEST
    if not path.exists():
        return None
    said: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    for name, file in said["files"].items():
        assert sha256_of(place.out / name) == file["sha256"], name
    if (place.out / DECLARATIONS).exists():
        for row in pq.read_table(place.out / f"{DECLARATIONS}.parquet").to_pylist():
            assert sha256_of(place.out / DECLARATIONS / row["file_name"]) == row["file_sha256"]
    return {name: value for name, value in said.items() if name not in _OF_ITS_MAKING}


def files(place: Place) -> dict[str, str]:
    """Hashes of all files of the folder of results but the manifest, by name."""
    found = (path for path in sorted(place.out.rglob("*")) if path.is_file())
    return {str(path.relative_to(place.out)): sha256_of(path) for path in found if path.name != MANIFEST}


class State(NamedTuple):
    """Everything a command leaves: the ledger, the manifest, the files."""

    ledger: Content
    manifest: dict[str, Any] | None
    files: dict[str, str]


def state(place: Place) -> State:
    """What stands at a place now."""
    return State(content(place), whole(place), files(place))


def registered(place: Place) -> None:
    """The results that the ledger counts last are those that lie in the folder."""
    with Ledger.open(place.url, create=False) as ledger, ledger._reading() as database:
        sql = "SELECT folder, manifest_sha256 FROM runs ORDER BY run DESC LIMIT 1"
        assert database.rows(sql) == [(str(place.out), sha256_of(place.out / MANIFEST))]


# --- processes --------------------------------------------------------------------------------------------------------


class Times(NamedTuple):
    """Seconds of an undisturbed command.

    Attributes:
        begin: from its start to the stage in which something is recorded.
        work: from there until files are staged.
        write: from there until the manifest lies in the folder.
        end: from there, through the commit, to the end of the process.
    """

    begin: float
    work: float
    write: float
    end: float


@dataclass(frozen=True, slots=True)
class Command:
    """A command line, but for its place.

    Attributes:
        words: name and options.
        stage: the progress message that comes before anything is recorded.
    """

    words: tuple[str, ...]
    stage: str


def _started(command: Command, place: Place) -> subprocess.Popen[str]:
    path = os.pathsep.join(path for path in sys.path if path)
    return subprocess.Popen(
        [sys.executable, "-m", "cape_engine", *command.words, *place.words, "--json"],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
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


def _until(process: subprocess.Popen[str], sign: Callable[[], bool]) -> None:
    """Wait until a sign is seen, or the process ends."""
    while process.poll() is None and not sign():
        time.sleep(_POLL_SECONDS)


class _Signs:
    """What can be seen from outside of a command that writes its results."""

    def __init__(self, place: Place) -> None:
        self._out = place.out
        self._manifest = self._number()

    def _number(self) -> int | None:
        """Number of the manifest's file; a new manifest is another file."""
        try:
            return (self._out / MANIFEST).stat().st_ino
        except FileNotFoundError:
            return None

    def staged(self) -> bool:
        """Files are written beside."""
        return (self._out / STAGING).exists()

    def moved(self) -> bool:
        """The first of them lies where it belongs, or the manifest of earlier results is gone."""
        if self._manifest is not None:
            return self._number() != self._manifest
        return any(item.name != STAGING for item in self._out.iterdir())

    def written(self) -> bool:
        """The new manifest lies there."""
        return self._number() not in {None, self._manifest}


def finished(command: Command, place: Place) -> Times:
    """Run to the end."""
    signs, moments = _Signs(place), [time.monotonic()]
    with _started(command, place) as process:
        _until_stage(process, command)
        moments.append(time.monotonic())
        for sign in (signs.staged, signs.written):
            _until(process, sign)
            moments.append(time.monotonic())
        _out, said = process.communicate(timeout=SLOWEST_SECONDS)
        assert process.returncode in {0, 1}, said
    moments.append(time.monotonic())
    return Times(*(after - before for before, after in pairwise(moments)))


AIMS = ("staged", "written", "from the stage", "writing", "moved", "before the stage")
"""Where kills come in turn: as soon as files are staged; from the new manifest on; anywhere from the stage on; from the
staging until the manifest lies there; as soon as files are moved; anywhere before the stage."""


def killed(command: Command, place: Place, times: Times, seed: int, attempt: int = 0) -> bool:
    """Start the command and kill it at a moment that hangs on the seed; whether the kill came before its end.

    Args:
        command: what is started.
        place: where.
        times: how long it takes undisturbed.
        seed: of the moment.
        attempt: how many kills of this seed came too late; each time half as long is waited, for the times may have
            been taken on a busier machine.
    """
    draw = random.Random(seed).random() * _LATE / 2**attempt
    aim, signs = AIMS[seed % len(AIMS)], _Signs(place)
    with _started(command, place) as process:
        if aim in {"staged", "writing"}:
            _until(process, signs.staged)
            time.sleep(draw * times.write if aim == "writing" else 0)
        elif aim == "from the stage":
            _until_stage(process, command)
            time.sleep(draw * sum(times[1:]))
        elif aim == "written":
            _until(process, signs.written)
            time.sleep(draw * times.end)
        elif aim == "moved":
            _until(process, signs.moved)
        else:
            time.sleep(draw * times.begin)
        process.send_signal(signal.SIGKILL)
        process.communicate(timeout=SLOWEST_SECONDS)
    return process.returncode == -signal.SIGKILL


def part_way(place: Place, found: State, before: State, after: State) -> str:
    """What a kill left, in a word; only these are allowed.

    Args:
        place: where.
        found: what stands there now.
        before: what stood there.
        after: what an undisturbed command makes of it.
    """
    begun = not before.ledger and not any(rows for table, rows in found.ledger.items() if table != "states")
    assert begun or found.ledger in (before.ledger, after.ledger), "a transaction counts in part"
    if found.ledger == after.ledger:
        assert found.manifest == after.manifest, "the ledger counts results that are not whole"
        registered(place)
        return "recorded"
    assert found.manifest in (None, before.manifest, after.manifest), "a manifest says what nobody wrote"
    if found.manifest is not None and found.manifest != before.manifest:
        return "written, not recorded"
    moved = any(not name.startswith(STAGING) for name in found.files)
    if found.manifest is None and (moved or before.manifest is not None):
        return "moved in part"
    return "staged" if (place.out / STAGING).exists() else "untouched"
