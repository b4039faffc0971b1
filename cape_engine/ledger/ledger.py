"""The ledger as its callers see it: open, ask, record, move, verify, carry away."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Self

import pyarrow as pa

from cape_engine.ledger.records import Moved, Recorded, Report, Submission, Summary


class Ledger:
    """An open ledger; use it as a context manager.

    Every call that writes is one transaction with one link of the hash chain. Calls inside `with ledger.transaction():`
    are one transaction together: they count all, or none of them does.
    """

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
        raise NotImplementedError

    def close(self) -> None:
        """Close the ledger; what is committed stays."""
        raise NotImplementedError

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
        raise NotImplementedError
        yield

    def live(self, entry_numbers: pa.Array | pa.ChunkedArray | None = None) -> pa.Table:
        """The claims that hold entries, whoever filed them (handbook 4.6).

        Args:
            entry_numbers: only of these entries (text, 11 characters, in any order); None for all.

        Returns:
            Columns `schema.ledger.LIVE`, sorted by entry number, one row per held entry.
        """
        raise NotImplementedError

    def claims(self, *, declaration: int | None = None, entry_numbers: pa.Array | None = None) -> pa.Table:
        """Every claim, dead ones too, of a declaration or of entries; columns `schema.ledger.LIVE`.

        Sorted by entry number, then declaration.
        """
        raise NotImplementedError

    def declared(self, file_sha256: str | None = None, *, claim_number: str | None = None) -> pa.Table:
        """Declarations with their present status, all of them or those with this file hash or claim number.

        Returns:
            Columns `schema.ledger.DECLARED`, oldest first.
        """
        raise NotImplementedError

    def record(self, submission: Submission) -> Recorded:
        """Record a declaration, its entries and their steps; the same declaration again changes nothing and says so.

        The same declaration is the same file (by hash) of the same submitter and account. Only when no entry of it is
        on a live claim any more and the filing day is a later one, the file counts as a new attempt.

        Raises:
            UsageError: an entry number stands twice, a state or account is unknown, or no road leads to the state.
            LedgerLockedError, LedgerWriteError: as `transaction`.
        """
        raise NotImplementedError

    def move(
        self,
        entry_numbers: pa.Array | pa.ChunkedArray,
        to_state: str,
        *,
        on_day: dt.date,
        who: str,
        reason: str | pa.Array = "",
        declaration: int | None = None,
        by_road: bool = False,
    ) -> Moved:
        """Move entries to a state, each by one step that `state_transitions.csv` allows.

        Args:
            entry_numbers: the entries, each once, in any order.
            to_state: the state they come to.
            on_day: day on which it happened.
            who: who did it.
            reason: why; one text for all, or one for each entry.
            declaration: the claim meant; without it the live claim of each entry.
            by_road: also take the steps between (`DECLARED` to `STRIPPED` by way of `CLAIMED` and `ACCEPTED`), each
                written as an event; the shortest road that does not pass `FILED`.

        Returns:
            Counts, and the refused ones with the reason; an illegal step is never an exception.
        """
        raise NotImplementedError

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
        raise NotImplementedError

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
        raise NotImplementedError

    def history(self, entry_number: str) -> pa.Table:
        """Every step of an entry on every claim, oldest first; columns `schema.ledger.HISTORY`."""
        raise NotImplementedError

    def show(self) -> Summary:
        """What stands in the ledger, counted in one snapshot."""
        raise NotImplementedError

    def verify(self) -> Report:
        """Recompute the chain, every state, every balance and the uniqueness of live claims, in one snapshot."""
        raise NotImplementedError

    def export(self, folder: str | Path) -> dict[str, int]:
        """Write every table as Parquet into a new folder; rows by table.

        Raises:
            OutputError: the folder exists and is not empty, or cannot be written.
        """
        raise NotImplementedError

    def import_(self, folder: str | Path) -> dict[str, int]:
        """Read an exported folder into this empty ledger, verified before it counts; rows by table.

        Raises:
            UsageError: this ledger is not empty.
            InputError: the folder is not an export, or its chain does not verify.
        """
        raise NotImplementedError

    def backup(self, path: str | Path) -> None:
        """Copy the ledger, as it stands in one snapshot, into a new SQLite file; writers may go on meanwhile.

        Raises:
            OutputError: the file exists, or cannot be written.
        """
        raise NotImplementedError

    @classmethod
    def migrate(cls, url: str | Path, *, timeout_seconds: float = 30.0) -> tuple[int, int]:
        """Bring an older ledger to this engine's schema, forward only, in one transaction; (before, after)."""
        raise NotImplementedError
