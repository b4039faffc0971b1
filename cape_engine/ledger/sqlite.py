"""A ledger in a SQLite file: WAL, every commit durable, one writer at a time, readers never in the way."""

from __future__ import annotations

import contextlib
import os
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import chain, islice
from pathlib import Path
from typing import Any

import pyarrow as pa

from cape_engine.errors import LedgerError, LedgerFormatError, LedgerLockedError, LedgerWriteError
from cape_engine.ledger.database import WANTED, Goal, Packed, Parameters, is_there
from cape_engine.ledger.sqlite_columns import whole_table

APPLICATION_ID = 0x43415045
"""`CAPE`, in the header of the file: tells a ledger from other programs' databases."""
MAGIC = b"SQLite format 3\x00"
HEADER_BYTES = 100
PAGE_BYTES = 8192
CACHE_KIB = 256 * 1024
"""A transaction of a million entries stays in memory until it is written once."""
LARGEST_WAL = 256 * 1024 * 1024
_FETCH = 50_000
_AT_ONCE = 100
_PACKED: Mapping[Packed, str] = {
    "entry_number": "group_concat(entry_number, '')",
    "state": "group_concat(char(64 + state), '')",
    "live": "group_concat(char(48 + live), '')",
    "step": "group_concat(step, ',')",
    "importer_number": "group_concat(coalesce(importer_number, char(30)), char(31))",
    "principal_cents": "sum(coalesce(principal_cents, 0))",
    "declared": (
        "group_concat(entry_number || char(31) || coalesce(importer_number, char(30)) || char(31) || "
        "coalesce(principal_cents, char(30)) || char(10), '')"
    ),
}

_LOCKED = frozenset({sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED})
_CLOSED = frozenset({sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN})
_DAMAGED = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB})
_UNWRITTEN = frozenset(
    {sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_NOMEM}
)
_STEPS = {
    sqlite3.SQLITE_FULL: "The disk is full: make room and run the same command again.",
    sqlite3.SQLITE_IOERR: "The disk refuses: look at its room and health, then run the same command again.",
    sqlite3.SQLITE_READONLY: "The file may only be read: give the right to write, or name another ledger.",
    sqlite3.SQLITE_CANTOPEN: "The folder must exist, and one may write into it.",
}


class SQLite:
    """One connection to a SQLite ledger."""

    kind = "SQLite"
    dialect = "sqlite"

    def __init__(self, path: Path, *, create: bool, read_only: bool, timeout_seconds: float) -> None:
        self.url = str(path)
        self._path = path
        self._timeout = timeout_seconds
        self._frozen = False
        if not is_there(path):
            if read_only or not create:
                raise LedgerError(
                    f"{path}: there is no ledger. Look at the path; `cape check` and `cape pack` make new ones."
                )
            with self._named():
                _make(path)
        _look_at_header(path)
        with self._named():
            self._connection = self._connect(read_only=read_only)

    def _connect(self, *, read_only: bool) -> sqlite3.Connection:
        """Open the file and set what every connection needs."""
        try:
            return self._connected("ro" if read_only else "rw")
        except sqlite3.OperationalError as error:
            # Where neither file nor folder may be written, WAL's shared memory cannot be made; and nobody writes there.
            log = self._path.with_name(self._path.name + "-wal")
            if _code(error) not in _CLOSED or (log.exists() and log.stat().st_size):
                raise
            self._frozen = True
            return self._connected("ro&immutable=1")

    def _connected(self, mode: str) -> sqlite3.Connection:
        """One connection, tried."""
        place = self._path.resolve().as_uri()
        connection = sqlite3.connect(f"{place}?mode={mode}", timeout=self._timeout, isolation_level=None, uri=True)
        try:
            _refuse_other(self._path, connection.execute("PRAGMA application_id").fetchone()[0])
            connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
            for pragma in (
                "synchronous = FULL",
                "foreign_keys = ON",
                f"cache_size = -{CACHE_KIB}",
                "temp_store = MEMORY",
                f"journal_size_limit = {LARGEST_WAL}",
            ):
                connection.execute(f"PRAGMA {pragma}")
        except BaseException:
            connection.close()
            raise
        return connection

    @contextmanager
    def _named(self) -> Iterator[None]:
        """SQLite's errors as ours, each with the next step."""
        try:
            yield
        except sqlite3.Error as error:
            raise self._error(error) from error
        except OSError as error:
            raise LedgerWriteError(f"{self._path}: {error.strerror}. Make the folder writable, with room.") from error

    def _error(self, error: sqlite3.Error) -> LedgerError:
        """One error of SQLite as ours."""
        code = _code(error)
        if code in _LOCKED:
            return LedgerLockedError(
                f"{self._path}: somebody else has been writing for {self._timeout:g} s. Nothing was changed: run the "
                "same command again when the other one is done, or wait longer with a larger timeout."
            )
        if code in _DAMAGED:
            return LedgerFormatError(
                f"{self._path}: damaged or not a ledger ({error}). Restore the last backup; "
                "keep the damaged file beside it."
            )
        if code in _UNWRITTEN:
            step = _STEPS.get(code, "Run the same command again.")
            return LedgerWriteError(f"{self._path}: {error}; nothing of the transaction counts. {step}")
        return LedgerError(f"{self._path}: {error}. Nothing was changed; `cape ledger verify` looks at the whole file.")

    # --- transactions -------------------------------------------------------------------------------------------------

    def begin(self, *, write: bool) -> None:
        """Begin; for writing take the writer's place at once, so that what is read inside holds."""
        if write and self._frozen:  # SQLite takes no lock there, and would say so at the first row only
            step = _STEPS[sqlite3.SQLITE_READONLY]
            raise LedgerWriteError(f"{self._path}: nothing of the transaction counts. {step}")
        with self._named():
            self._connection.execute("BEGIN IMMEDIATE" if write else "BEGIN")

    def commit(self) -> None:
        """Make the transaction durable; a failure undoes it."""
        try:
            with self._named():
                self._connection.execute("COMMIT")
        except LedgerError:
            self.rollback()
            raise

    def rollback(self) -> None:
        """Undo everything since `begin`; SQLite may have done so itself."""
        if self._connection.in_transaction:
            with contextlib.suppress(sqlite3.Error):
                self._connection.execute("ROLLBACK")

    # --- statements ---------------------------------------------------------------------------------------------------

    def run(self, sql: str, parameters: Parameters = ()) -> None:
        """A statement without an answer."""
        with self._named():
            self._connection.execute(sql, parameters)

    def rows(self, sql: str, parameters: Parameters = ()) -> list[tuple[Any, ...]]:
        """All rows of a small answer."""
        with self._named():
            return self._connection.execute(sql, parameters).fetchall()

    def table(self, sql: str, schema: pa.Schema, parameters: Parameters = ()) -> pa.Table:
        """All rows of a large answer as columns."""
        batches = []
        with self._named():
            cursor = self._connection.execute(sql, parameters)
            while rows := cursor.fetchmany(_FETCH):
                columns = [
                    pa.array(cells, field.type) for cells, field in zip(zip(*rows, strict=True), schema, strict=True)
                ]
                batches.append(pa.record_batch(columns, schema=schema))
        return pa.Table.from_batches(batches, schema)

    def whole(self, table: str, schema: pa.Schema) -> pa.Table:
        """Some columns of every row of a large table, each put together as one text: a third of the time of rows."""
        with self._named():
            return whole_table(self._connection, table, schema)

    def insert(self, table: str, rows: pa.Table) -> None:
        """Append rows, a hundred with each statement (twice as fast as one by one)."""
        names, width = ", ".join(rows.column_names), rows.num_columns
        start = f"INSERT INTO {table} ({names}) VALUES "  # noqa: S608 - our own names
        one = f"({', '.join('?' * width)})"
        whole = rows.num_rows // _AT_ONCE * _AT_ONCE
        with self._named():
            if whole:
                flat = chain.from_iterable(
                    zip(*(_cells(column) for column in rows.slice(0, whole).columns), strict=True)
                )
                several = iter(lambda: tuple(islice(flat, _AT_ONCE * width)), ())
                self._connection.executemany(start + ", ".join([one] * _AT_ONCE), several)
            rest = zip(*(_cells(column) for column in rows.slice(whole).columns), strict=True)
            self._connection.executemany(start + one, rest)

    def want(self, numbers: pa.Array) -> None:
        """Fill the temporary table of wanted entry numbers."""
        self.run(f"CREATE TEMP TABLE IF NOT EXISTS {WANTED} (entry_number TEXT PRIMARY KEY) WITHOUT ROWID")
        self.run(f"DELETE FROM {WANTED}")  # noqa: S608 - our own name
        self.insert(WANTED, pa.table({"entry_number": numbers}))

    def update_claims(self, declaration: int, numbers: pa.Array, goal: Goal) -> None:
        """Set where entries of one declaration stand."""
        change = "state = ?, step = ?" if goal.live is None else f"state = ?, step = ?, live = {goal.live}"
        listed = _cells(pa.chunked_array([numbers]))
        for start in range(0, len(listed), _AT_ONCE):
            part = listed[start : start + _AT_ONCE]
            marks = ", ".join("?" * len(part))
            sql = f"UPDATE claim_entries SET {change} WHERE declaration = ? AND entry_number IN ({marks})"  # noqa: S608 - our own words
            self.run(sql, (goal.state, goal.step, declaration, *part))

    def packed(self, columns: Sequence[Packed], where: str, parameters: Parameters = ()) -> list[tuple[Any, ...]]:
        """For each declaration, columns of its claims put together, in the order of their entry numbers."""
        shown = ", ".join(_PACKED[column] for column in columns)
        return self.rows(
            f"SELECT declaration, count(*), {shown} FROM (SELECT * FROM claim_entries WHERE {where} "  # noqa: S608 - our own words
            "ORDER BY declaration, entry_number) GROUP BY declaration ORDER BY declaration",
            parameters,
        )

    def packed_live(self) -> str:
        """The entry numbers of all live claims, put together, straight from the index."""
        sql = "SELECT group_concat(entry_number, '') FROM claim_entries INDEXED BY one_live_claim WHERE live = 1"
        return str(self.rows(sql)[0][0] or "")

    def _many(self, sql: str, rows: pa.Table) -> None:
        """One statement for each row."""
        with self._named():
            self._connection.executemany(sql, zip(*(_cells(column) for column in rows.columns), strict=True))

    def begin_life(self) -> None:
        """Nothing is needed before the first table."""

    def has(self, table: str) -> bool:
        """Whether a table exists."""
        return bool(self.rows("SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = ?", (table,)))

    def guards(self) -> frozenset[str]:
        """Names of the indexes and triggers that are there."""
        return frozenset(
            row[0] for row in self.rows("SELECT name FROM sqlite_master WHERE type IN ('index', 'trigger')")
        )

    def complaint(self) -> str | None:
        """What SQLite's own check of its pages finds."""
        found = str(self.rows("PRAGMA quick_check(1)")[0][0])
        return None if found == "ok" else f"{self.url}: SQLite finds {found}"

    def backup(self, target: sqlite3.Connection) -> None:
        """Copy every page, as of one moment."""
        with self._named():
            self._connection.backup(target)

    def close(self) -> None:
        """Close; the last connection writes the log back into the file."""
        self.rollback()
        with contextlib.suppress(sqlite3.Error):
            self._connection.close()


def _cells(column: pa.ChunkedArray) -> list[Any]:
    """The values of a column as Python objects, by NumPy where nothing is null (five times as fast)."""
    if column.null_count:
        found: list[Any] = column.to_pylist()
        return found
    listed: list[Any] = column.to_numpy().tolist()
    return listed


def _code(error: sqlite3.Error) -> int:
    """SQLite's primary error code."""
    return int(getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR)) & 0xFF


def _refuse_other(path: Path, application_id: int) -> None:
    """Refuse the database of another program."""
    if application_id != APPLICATION_ID:
        raise LedgerFormatError(f"{path}: a SQLite database of another program. Name the ledger's own file.")


def _make(path: Path) -> None:
    """An empty database of ours, whole from the first moment on: written beside, then given its name."""
    beside = path.with_name(f".{path.name}.new-{os.getpid()}")
    try:
        connection = sqlite3.connect(beside, isolation_level=None)
        try:
            for pragma in (f"page_size = {PAGE_BYTES}", "journal_mode = WAL", f"application_id = {APPLICATION_ID}"):
                connection.execute(f"PRAGMA {pragma}")
        finally:
            connection.close()
        with contextlib.suppress(FileExistsError):  # somebody made it at the same moment: theirs is as good
            os.link(beside, path)
    finally:
        beside.unlink(missing_ok=True)


def _look_at_header(path: Path) -> None:
    """Refuse what is no SQLite file, or is cut short, before SQLite says so in its own words."""
    try:
        with path.open("rb") as file:
            header = file.read(HEADER_BYTES)
        size = path.stat().st_size
    except OSError as error:
        raise LedgerError(f"{path}: {error.strerror}. Name the file of a ledger, or a new one.") from error
    if not header:
        raise LedgerFormatError(
            f"{path}: the file is empty. Restore the last backup; to begin a new ledger, remove the file first."
        )
    if len(header) < HEADER_BYTES or not header.startswith(MAGIC):
        raise LedgerFormatError(f"{path}: not a ledger. Name the ledger's own file, or one that does not exist yet.")
    page = int.from_bytes(header[16:18], "big")
    pages = int.from_bytes(header[28:32], "big")
    log = path.with_name(path.name + "-wal")
    if pages * (65536 if page == 1 else page) > size and not (log.exists() and log.stat().st_size):
        raise LedgerFormatError(
            f"{path}: truncated, {size:,} bytes of {pages * page:,} are there. Restore the last backup."
        )
