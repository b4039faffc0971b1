"""The ledger as its callers see it: open, ask, record, move, verify, carry away."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Self

import pyarrow as pa

from cape_engine import __version__
from cape_engine.errors import LedgerWriteError
from cape_engine.ledger import reading
from cape_engine.ledger.carrying import backup, export, import_
from cape_engine.ledger.database import (
    Database,
    apply_migrations,
    file_of,
    is_there,
    open_database,
    schema_version,
    transaction,
)
from cape_engine.ledger.moving import Move, move
from cape_engine.ledger.paying import Paying
from cape_engine.ledger.preparing import keep_states, prepare, refuse_other, refuse_version
from cape_engine.ledger.recording import record
from cape_engine.ledger.records import Moved, Recorded, Report, Status, Submission, Summary
from cape_engine.ledger.registering import register_run, set_statuses
from cape_engine.ledger.states import Life, default_life
from cape_engine.ledger.verifying import verify
from cape_engine.ledger.writing import Writer


class Ledger(Paying):
    """An open ledger; use it as a context manager.

    Every call that writes is one transaction with one link of the hash chain. Calls inside `with ledger.transaction():`
    are one transaction together: they count all, or none of them does.
    """

    def __init__(self, database: Database, life: Life) -> None:
        self._database = database
        self._life = life
        self._writer: Writer | None = None

    @classmethod
    def open(
        cls, url: str | Path, *, create: bool = True, read_only: bool = False, timeout_seconds: float = 30.0
    ) -> Self:
        """Open a ledger.

        Args:
            url: path of a SQLite file, or `postgresql://...`.
            create: make an empty ledger where there is none.
            read_only: never write, not even to make the ledger; `live`, `history` and the like work.
            timeout_seconds: how long to wait for another writer.

        Raises:
            LedgerError: there is none and `create` is False, or it cannot be opened.
            LedgerFormatError: the file is not a ledger, or is damaged.
            LedgerVersionError: its schema is newer than the engine, or must be migrated first.
        """
        database = open_database(url, create=create, read_only=read_only, timeout_seconds=timeout_seconds)
        try:
            life = default_life()
            prepare(database, life, create=create and not read_only)
            return cls(database, life)
        except BaseException:
            database.close()
            raise

    @classmethod
    def look(cls, url: str | Path, *, timeout_seconds: float = 30.0) -> None:
        """See that a ledger can be opened, or made where there is none, and make nothing: before long work, not after.

        Raises:
            UsageError, LedgerError: as `open`; LedgerWriteError also where its folder is missing.
        """
        path = file_of(url)
        if path is not None and not is_there(path):
            if not path.parent.is_dir():
                raise LedgerWriteError(f"{path}: there is no folder {path.parent}. Make it, or name another ledger.")
            return
        database = open_database(url, create=False, read_only=False, timeout_seconds=timeout_seconds)
        try:
            with transaction(database, write=False):
                refuse_version(database, schema_version(database))
        finally:
            database.close()

    def close(self) -> None:
        """Close the ledger; what is committed stays."""
        self._database.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @contextmanager
    def transaction(self, recorded_at: dt.datetime | None = None) -> Iterator[None]:
        """Several calls as one transaction: the writer's place is taken at once, and what is read inside holds.

        Files that belong to the transaction are written inside, before its end: if the process dies between the two,
        the files do not count, and the same command again completes.

        Args:
            recorded_at: time written on the link; without it the `received_at` of the submission, else the `on_day`.

        Raises:
            LedgerLockedError: another writer kept its place longer than `timeout_seconds`.
            LedgerWriteError: the disk is full, the file is read-only, or the server went away.
        """
        if self._writer is not None:
            yield
            return
        with transaction(self._database, write=True):
            self._writer = Writer(self._database, self._life, recorded_at)
            try:
                yield
                self._writer.finish()
            finally:
                self._writer = None

    @contextmanager
    def _writing(self) -> Iterator[Writer]:
        """The writer of the open transaction, or of one of its own."""
        with self.transaction():
            if self._writer is None:  # pragma: no cover - `transaction` has just made it
                raise AssertionError
            yield self._writer

    @contextmanager
    def _reading(self) -> Iterator[Database]:
        """One snapshot: the open transaction, or one of its own."""
        if self._writer is not None:
            yield self._database
        else:
            with transaction(self._database, write=False):
                yield self._database

    def live(self, entry_numbers: pa.Array | pa.ChunkedArray | None = None) -> pa.Table:
        """The claims that hold entries, whoever filed them (handbook 4.6).

        Args:
            entry_numbers: only of these entries (text, 11 characters, in any order); None for all.

        Returns:
            Columns `schema.ledger.LIVE`, sorted by entry number, one row per held entry.
        """
        with self._reading() as database:
            numbers = None if entry_numbers is None else reading.text(entry_numbers)
            return reading.shown(database, self._life, reading.live_rows(database, numbers))

    def live_numbers(self) -> pa.Array:
        """Only the entry numbers of all live claims, in no order; ten times as fast as `live`."""
        with self._reading() as database:
            return reading.live_numbers(database)

    def claims(
        self, *, declaration: int | Sequence[int] | None = None, entry_numbers: pa.Array | None = None
    ) -> pa.Table:
        """Every claim, dead ones too, of declarations or of entries; columns `schema.ledger.LIVE`.

        Sorted by entry number, then declaration.
        """
        with self._reading() as database:
            numbers = None if entry_numbers is None else reading.text(entry_numbers)
            homes = [declaration] if isinstance(declaration, int) else declaration
            return reading.shown(database, self._life, reading.claim_rows(database, homes, numbers))

    def declared(self, file_sha256: str | None = None, *, claim_number: str | None = None) -> pa.Table:
        """Declarations with their present status, all of them or those with this file hash or claim number.

        Returns:
            Columns `schema.ledger.DECLARED`, oldest first.
        """
        asked = [("d.file_sha256 = ?", file_sha256), ("s.claim_number = ?", claim_number)]
        given = [(test, value) for test, value in asked if value is not None]
        where = "WHERE " + " AND ".join(test for test, _ in given) if given else ""
        with self._reading() as database:
            return reading.declared(database, where, [value for _, value in given])

    def record(self, submission: Submission) -> Recorded:
        """Record a declaration, its entries and their steps; the same declaration again changes nothing and says so.

        The same declaration is the same file (by hash) of the same submitter and account. Only when no entry of it is
        on a live claim any more and the filing day is a later one, the file counts as a new attempt.

        Raises:
            UsageError: an entry number stands twice, a state or account is unknown, or no road leads to the state.
            LedgerLockedError, LedgerWriteError: as `transaction`.
        """
        return self.record_many([submission])[0]

    def record_many(self, submissions: Sequence[Submission]) -> list[Recorded]:
        """Record declarations together, in one transaction; what each of them does is as if they came one by one.

        Thousands of small declarations cost a fiftieth of as many calls of `record`; either all are recorded or none.

        Raises:
            UsageError, LedgerLockedError, LedgerWriteError: as `record`, and then nothing is recorded.
        """
        with self._writing() as writer:
            return record(writer, submissions)

    def move(
        self,
        entry_numbers: pa.Array | pa.ChunkedArray,
        to_state: str,
        *,
        on_day: dt.date,
        who: str,
        reason: str | pa.Array = "",
        declaration: int | pa.Array | None = None,
        by_road: bool = False,
    ) -> Moved:
        """Move entries to a state, each by one step that `state_transitions.csv` allows.

        Args:
            entry_numbers: the entries, each once, in any order.
            to_state: the state they come to.
            on_day: day on which it happened.
            who: who did it.
            reason: why; one text for all, or one for each entry.
            declaration: the claim meant, one for all or one for each entry; without it the live claim of each entry.
            by_road: also take the steps between (`DECLARED` to `STRIPPED` by way of `CLAIMED` and `ACCEPTED`), each
                written as an event; the shortest road that does not pass `FILED`.

        Returns:
            Counts, and the refused ones with the reason; an illegal step is never an exception.
        """
        with self._writing() as writer:
            return move(writer, entry_numbers, reason, Move(to_state, on_day, who, declaration, by_road))

    def set_status(
        self,
        declaration: int,
        status: str,
        *,
        on_day: dt.date,
        who: str,
        reason: str = "",
        claim_number: str | None = None,
    ) -> bool:
        """Give a declaration its new status, and its claim number where it had none; the old ones stay in the ledger.

        Returns:
            False when it had both already, and nothing changed.
        """
        return self.set_statuses([Status(declaration, status, claim_number, reason)], on_day=on_day, who=who)[0]

    def set_statuses(self, statuses: Sequence[Status], *, on_day: dt.date, who: str) -> list[bool]:
        """Give declarations their new statuses together, each as `set_status` does; whether each changed anything.

        Raises:
            UsageError: a declaration stands twice or is unknown, or a claim number is another one's.
        """
        with self._writing() as writer:
            return set_statuses(writer, statuses, on_day, who)

    def register_run(
        self,
        folder: str | Path,
        *,
        kind: str,
        result_hash: str,
        manifest_sha256: str,
        totals: Mapping[str, int],
        on_day: dt.date,
        files: Mapping[str, str] | None = None,
    ) -> bool:
        """Register a folder of results, so that it counts.

        Args:
            folder: the folder.
            kind: the command that made it: `check`, `pack`, `answers`, `run`.
            result_hash: hash of the results.
            manifest_sha256: hash of its manifest.
            totals: whole numbers by name (entries, cents).
            on_day: the day the results are for.
            files: sha256 by file name.

        Returns:
            False when the same results (kind, result hash, manifest hash) were registered already.
        """
        with self._writing() as writer:
            made = (kind, str(folder), result_hash, manifest_sha256, on_day.isoformat())
            return register_run(writer, made, totals, files or {})

    def history(self, entry_number: str) -> pa.Table:
        """Every step of an entry on every claim, oldest first; columns `schema.ledger.HISTORY`."""
        with self._reading() as database:
            return reading.history(database, self._life, entry_number)

    def show(self) -> Summary:
        """What stands in the ledger, counted in one snapshot."""
        with self._reading() as database:
            return reading.show(database, self._life)

    def verify(self) -> Report:
        """Recompute the chain, every state, every balance and the uniqueness of live claims, in one snapshot."""
        with self._reading() as database:
            return verify(database, self._life)

    def export(self, folder: str | Path) -> dict[str, int]:
        """Write every table as Parquet into a new folder; rows by table.

        Raises:
            UsageError: the folder exists and is not empty, or is a file.
            OutputError: it cannot be written.
        """
        with self._reading() as database:
            return export(database, Path(folder))

    def import_(self, folder: str | Path) -> dict[str, int]:
        """Read an exported folder into this empty ledger, verified before it counts; rows by table.

        Raises:
            UsageError: this ledger is not empty.
            InputError: the folder is not an export, or its chain does not verify.
        """
        with transaction(self._database, write=True):
            return import_(self._database, self._life, Path(folder))

    def backup(self, path: str | Path) -> None:
        """Copy the ledger, as it stands in one snapshot, into a new SQLite file; writers may go on meanwhile.

        Raises:
            UsageError: the file exists, or there is no folder for it.
            OutputError: it cannot be written.
        """
        with self._reading() as database:
            backup(database, self._life, Path(path))

    @classmethod
    def migrate(cls, url: str | Path, *, timeout_seconds: float = 30.0) -> tuple[int, int]:
        """Bring an older ledger to this engine's schema, forward only, in one transaction; (before, after)."""
        database = open_database(url, create=False, read_only=False, timeout_seconds=timeout_seconds)
        try:
            with transaction(database, write=True):
                refuse_other(database)
                before, after = apply_migrations(database, __version__)
                keep_states(database, default_life())
            return before, after
        finally:
            database.close()
