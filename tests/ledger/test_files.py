"""Ledgers that cannot be used: each says what it is and what to do, and nothing is changed."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pyarrow as pa
import pytest

from cape_engine.errors import (
    InputError,
    LedgerError,
    LedgerFormatError,
    LedgerVersionError,
    LedgerWriteError,
    UsageError,
)
from cape_engine.ledger import Ledger, Submission, database
from cape_engine.ledger.sqlite import APPLICATION_ID

Numbers = Callable[..., list[str]]
Submit = Callable[..., Submission]


@pytest.fixture
def made(tmp_path: Path, numbers: Numbers, submit: Submit) -> Path:
    """A ledger of 2,000 entries in a file."""
    place = tmp_path / "made.ledger"
    with Ledger.open(place) as ledger:
        ledger.record(submit(numbers(2000)))
    return place


def _zip(place: Path) -> None:
    """A zip archive under the name of a ledger."""
    with zipfile.ZipFile(place, "w") as archive:
        archive.writestr("claims.csv", "Entry Number\r\n")


def _other_program(place: Path) -> None:
    """A SQLite database of another program."""
    with closing(sqlite3.connect(place)) as client:
        client.execute("CREATE TABLE links (link INTEGER)")


@pytest.mark.parametrize(
    ("write", "words"),
    [
        (lambda place: place.write_text("Entry Number\r\nABC12345676\r\n" * 20), "not a ledger. Name the ledger's own"),
        (lambda place: place.write_bytes(b"\x00\x01" * 5000), "not a ledger. Name the ledger's own file"),
        (_zip, "not a ledger. Name the ledger's own file"),
        (_other_program, "a SQLite database of another program. Name the ledger's own file"),
        (lambda place: place.write_bytes(b""), "the file is empty. Restore the last backup"),
        (lambda place: place.write_bytes(b"SQLite"), "not a ledger"),
        (lambda place: place.mkdir(), "Is a directory. Name the file of a ledger"),
    ],
    ids=["csv", "binary", "zip", "other_program", "empty", "six_bytes", "folder"],
)
def test_open__not_a_ledger(tmp_path: Path, write: Callable[[Path], object], words: str) -> None:
    """What is not a ledger is refused by name, and left as it is."""
    place = tmp_path / "x.ledger"
    write(place)
    before = place.read_bytes() if place.is_file() else None
    with pytest.raises(LedgerError, match=words) as caught:
        Ledger.open(place)
    assert caught.value.exit_code == 2
    assert before is None or place.read_bytes() == before


def test_open__missing(tmp_path: Path) -> None:
    """Without leave to make one, a ledger that is not there is an error, and none is made."""
    for asked in ({"create": False}, {"read_only": True}):
        with pytest.raises(LedgerError, match="there is no ledger"):
            Ledger.open(tmp_path / "none.ledger", **asked)
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(LedgerWriteError, match=r"Make the folder writable|folder must exist"):
        Ledger.open(tmp_path / "no" / "folder" / "x.ledger")


@pytest.mark.parametrize("share", [0.3, 0.6, 0.99])
def test_open__truncated(made: Path, share: float) -> None:
    """A ledger whose end is missing is refused at once."""
    size = made.stat().st_size
    os.truncate(made, int(size * share))
    with pytest.raises(LedgerFormatError, match=r"truncated, .* bytes are there|truncated, .* of .* are there"):
        Ledger.open(made)


def test_verify__damaged_page(made: Path) -> None:
    """Bytes overwritten in the middle are found by `verify` or refused as damage; never a traceback or a wrong yes."""
    data = bytearray(made.read_bytes())
    data[3 * 8192 : 4 * 8192] = b"\xff" * 8192
    made.write_bytes(bytes(data))
    try:
        with Ledger.open(made) as ledger:
            found = ledger.verify().problems
    except LedgerFormatError as refused:
        found = (str(refused),)
    assert found


def _with_version(place: Path, version: int) -> None:
    """Write another schema version into a ledger."""
    with closing(sqlite3.connect(place)) as client:
        client.execute("INSERT INTO schema_version VALUES (?, 'another engine')", (version,))
        client.commit()


def test_open__from_the_future(made: Path) -> None:
    """A newer schema is refused with both versions and the next step, by `open` and by `migrate`."""
    _with_version(made, database.newest() + 5)
    for act in (Ledger.open, Ledger.migrate):
        with pytest.raises(LedgerVersionError, match=r"schema version 9, this engine knows versions up to 4\. Install"):
            act(made)


def test_migrate__forward(made: Path, monkeypatch: pytest.MonkeyPatch, submit: Submit, numbers: Numbers) -> None:
    """An older ledger is refused until it is migrated, in one transaction; then everything is still there."""
    old = database.migrations
    step = ["ALTER TABLE runs ADD COLUMN note TEXT"]
    monkeypatch.setattr(database, "migrations", lambda dialect: {**old(dialect), 5: step})
    with pytest.raises(LedgerVersionError, match=r"version 4, this engine writes version 5\. .*`cape ledger migrate"):
        Ledger.open(made)
    assert Ledger.migrate(made) == (4, 5)
    assert Ledger.migrate(made) == (5, 5)
    with Ledger.open(made) as ledger:
        assert ledger.show().schema_version == 5
        assert ledger.verify().ok
        assert not ledger.record(submit(numbers(2000))).new


def test_migrate__fails_whole(made: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A migration that fails half-way leaves the ledger as it was."""
    old = database.migrations
    steps = ["ALTER TABLE runs ADD COLUMN note TEXT", "ALTER TABLE absent ADD COLUMN note TEXT"]
    with monkeypatch.context() as changed:
        changed.setattr(database, "migrations", lambda dialect: {**old(dialect), 5: steps})
        with pytest.raises(LedgerError, match="no such table"):
            Ledger.migrate(made)
    with Ledger.open(made) as ledger:
        assert ledger.show().schema_version == 4
    with closing(sqlite3.connect(made)) as client:
        assert "note" not in client.execute("SELECT sql FROM sqlite_master WHERE name = 'runs'").fetchone()[0]


def test_migrate__no_ledger(tmp_path: Path) -> None:
    """There is nothing to migrate where there is no ledger, and none is made."""
    with pytest.raises(LedgerError, match="there is no ledger"):
        Ledger.migrate(tmp_path / "none")
    assert not (tmp_path / "none").exists()


def test_migrations__one_text_for_both() -> None:
    """Both dialects have the same versions; what is special to one is only its guards."""
    lite, post = database.migrations("sqlite"), database.migrations("postgresql")
    assert set(lite) == set(post)
    shared = [statement for statement in lite[1] if not statement.startswith("CREATE TRIGGER")]
    assert len(shared) == len([s for s in post[1] if not s.startswith(("CREATE TRIGGER", "CREATE FUNCTION"))])


def test_open__killed_while_made(tmp_path: Path) -> None:
    """A file that was begun and never got its tables becomes a ledger when it is opened again."""
    place = tmp_path / "begun.ledger"
    with closing(sqlite3.connect(place)) as client:
        client.execute("PRAGMA journal_mode = WAL")
        client.execute(f"PRAGMA application_id = {APPLICATION_ID}")
    with Ledger.open(place) as ledger:
        assert ledger.show().links == 0


def test_look__makes_nothing(url: str, tmp_path: Path, numbers: Numbers, submit: Submit) -> None:
    """Looking makes no ledger and changes none; what `open` would refuse, it refuses."""
    Ledger.look(url)
    with pytest.raises(LedgerError, match="there is no ledger"):
        Ledger.open(url, create=False)
    with Ledger.open(url) as ledger:
        ledger.record(submit(numbers(3)))
        before = ledger.show()
    Ledger.look(url)
    with Ledger.open(url) as ledger:
        assert ledger.show() == before
    with pytest.raises(LedgerWriteError, match="there is no folder"):
        Ledger.look(tmp_path / "no" / "claims.ledger")
    with pytest.raises(UsageError, match="oracle:// is neither"):
        Ledger.look("oracle://me:secret@host/claims")
    (tmp_path / "text").write_text("Entry Number" * 99)
    with pytest.raises(LedgerFormatError, match="not a ledger"):
        Ledger.look(tmp_path / "text")


def test_look__from_the_future(made: Path) -> None:
    """A newer schema is refused before anything is read."""
    _with_version(made, database.newest() + 6)
    with pytest.raises(LedgerVersionError, match="Install"):
        Ledger.look(made)


READER = """
import datetime as dt, os, sys, tempfile
from cape_engine.errors import CapeError
from cape_engine.ledger import Ledger

def look(place, read_only):
    try:
        with Ledger.open(place, read_only=read_only) as ledger:
            print(ledger.live().num_rows)
            ledger.move(ledger.live()["entry_number"], "STRIPPED", on_day=dt.date(2026, 5, 5), who="x")
    except CapeError as wrong:
        print(type(wrong).__name__, wrong.exit_code, wrong)

if os.geteuid() == 0:
    # Root may write anything: become nobody, once every module is loaded.
    with tempfile.TemporaryDirectory() as scratch:
        Ledger.open(scratch + "/l").close()
        look(scratch + "/l", False)
    os.setuid(65534)
else:
    print(0)
look(sys.argv[1], len(sys.argv) > 2)
"""


@pytest.mark.parametrize("asked", ["", "read_only"])
def test_read_only__file(made: Path, asked: str) -> None:
    """A file that may only be read answers questions; writing to it is an error that says why, and changes nothing."""
    with tempfile.TemporaryDirectory() as scratch:  # pytest's own folders are closed to others
        place = Path(scratch) / made.name
        shutil.copy(made, place)
        place.chmod(0o444)
        place.parent.chmod(0o555)
        command = [sys.executable, "-c", READER, str(place), *([asked] if asked else [])]
        done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
        place.parent.chmod(0o755)
        assert place.read_bytes() == made.read_bytes()
    assert done.stdout.startswith("0\n2000\nLedgerWriteError 3 "), done.stdout + done.stderr
    assert "may only be read" in done.stdout


def test_disk_full__in_the_middle_of_a_transaction(made: Path, numbers: Numbers, submit: Submit) -> None:
    """When there is no room the transaction is undone, said so with exit code 3, and the same command works later."""
    with Ledger.open(made) as ledger:
        before = ledger.show()
        connection = ledger._database._connection  # type: ignore[attr-defined]  # SQLite's own way to make room scarce
        pages = connection.execute("PRAGMA page_count").fetchone()[0]
        connection.execute(f"PRAGMA max_page_count = {pages + 3}")
        big = submit(numbers(20_000, start=10_000), file="b")
        with pytest.raises(
            LedgerWriteError, match=r"full; nothing of the transaction counts\. The disk is full"
        ) as caught:
            ledger.record(big)
        assert caught.value.exit_code == 3
        assert ledger.show() == before
        assert ledger.verify().ok
        connection.execute("PRAGMA max_page_count = 1000000")
        assert ledger.record(big).new
        assert ledger.verify().ok


@pytest.mark.heavy
def test_disk_full__really(tmp_path: Path, numbers: Numbers, submit: Submit) -> None:
    """The same on a file system without room: 4 MB of memory."""
    room = tmp_path / "room"
    room.mkdir()
    if os.geteuid() != 0 or shutil.which("mount") is None:
        pytest.skip("only root can make a small file system")
    made = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", str(room)], check=False, capture_output=True
    )
    if made.returncode:
        pytest.skip("this machine lets nobody mount a file system")
    try:
        with Ledger.open(room / "l") as ledger:
            ledger.record(submit(numbers(100)))
            with pytest.raises(LedgerWriteError, match="nothing of the transaction counts") as caught:
                ledger.record(submit(numbers(60_000, start=1000), file="b"))
            assert caught.value.exit_code == 3
        with Ledger.open(room / "l") as ledger:
            assert ledger.show().claims == 100
            assert ledger.verify().ok
    finally:
        subprocess.run(["umount", str(room)], check=True)


# --- carried away and back --------------------------------------------------------------------------------------------


def test_export__there_and_back(url: str, tmp_path: Path, numbers: Numbers, submit: Submit) -> None:
    """An export read into an empty ledger gives the same head, the same answers, and the same export."""
    with Ledger.open(url) as ledger:
        ledger.record(submit(numbers(50), ["ACCEPTED", "ENTRY_FAILED"] * 25))
        ledger.record(submit(numbers(50), file="b", filer="XYZ"))
        counts = ledger.export(tmp_path / "out")
        assert counts["claim_entries"] == 100
        shown = ledger.show()
        with Ledger.open(tmp_path / "again.ledger") as again:
            again.import_(tmp_path / "out")
            assert again.verify().head == ledger.verify().head
            assert again.live().equals(ledger.live())
            assert again.show().states == shown.states
            again.export(tmp_path / "out2")
        for file in sorted((tmp_path / "out").iterdir()):
            assert file.read_bytes() == (tmp_path / "out2" / file.name).read_bytes()


def test_import__into_postgres_and_back(url: str, tmp_path: Path, numbers: Numbers, submit: Submit) -> None:
    """A ledger may move from a file to a server by way of its export."""
    with Ledger.open(tmp_path / "first.ledger") as first:
        first.record(submit(numbers(50)))
        first.export(tmp_path / "out")
        head = first.verify().head
    with Ledger.open(url) as ledger:
        ledger.import_(tmp_path / "out")
        assert ledger.verify().head == head
        assert not ledger.record(submit(numbers(50))).new


def test_import__refused(tmp_path: Path, made: Path, numbers: Numbers, submit: Submit) -> None:
    """Into a ledger that is not empty, from what is no export, or from an edited one: refused, and nothing stays."""
    with Ledger.open(made) as ledger:
        ledger.export(tmp_path / "out")
        with pytest.raises(UsageError, match="the ledger is not empty"):
            ledger.import_(tmp_path / "out")
        with pytest.raises(UsageError, match="the folder is not empty"):
            ledger.export(tmp_path / "out")
    file = tmp_path / "out" / "claim_entries.parquet"
    table = pa.parquet.read_table(file)
    cents = pa.array([7, *table["principal_cents"].to_pylist()[1:]])
    place = table.column_names.index("principal_cents")
    with Ledger.open(tmp_path / "new.ledger") as ledger:
        with pytest.raises(InputError, match="cannot be read"):
            ledger.import_(tmp_path)
        edited = table.set_column(place, "principal_cents", cents)
        pa.parquet.write_table(edited.replace_schema_metadata(table.schema.metadata), file)
        with pytest.raises(InputError, match="the export does not verify: declaration 1"):
            ledger.import_(tmp_path / "out")
        pa.parquet.write_table(table.replace_schema_metadata({b"cape_ledger_schema": b"9"}), file)
        with pytest.raises(InputError, match="an export of schema version 9, this engine reads version 4"):
            ledger.import_(tmp_path / "out")
        assert ledger.show().declarations == 0


def test_backup__whole(url: str, tmp_path: Path, numbers: Numbers, submit: Submit) -> None:
    """A backup is a SQLite ledger that verifies to the same head, and never overwrites a file."""
    with Ledger.open(url) as ledger:
        ledger.record(submit(numbers(30)))
        ledger.backup(tmp_path / "copy.ledger")
        with Ledger.open(tmp_path / "copy.ledger") as copy:
            assert copy.verify().head == ledger.verify().head
        with pytest.raises(UsageError, match="exists already"):
            ledger.backup(tmp_path / "copy.ledger")
        with pytest.raises(UsageError, match="there is no folder"):
            ledger.backup(tmp_path / "no" / "folder" / "copy.ledger")
    assert sorted(item.name for item in tmp_path.iterdir() if item.name.startswith(".")) == []
