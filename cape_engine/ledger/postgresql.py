"""A ledger on a PostgreSQL server: the same tables in a schema of their own, writers queueing on an advisory lock."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import pyarrow as pa

from cape_engine.errors import LedgerError, LedgerLockedError, LedgerWriteError
from cape_engine.ledger.database import WANTED, Goal, Packed, Parameters

SCHEMA = "cape_ledger"
LOCK = 0x43415045
"""Number of the advisory lock that one writer holds to the end of its transaction."""
_MARK = re.compile(r"\?")
_MAKE_WANTED = f'CREATE TEMP TABLE IF NOT EXISTS {WANTED} (entry_number TEXT COLLATE "C" PRIMARY KEY)'
_LOCKED = {"55P03", "57014", "40P01", "40001"}
_PACKED: Mapping[Packed, str] = {
    "entry_number": "string_agg(entry_number, '' ORDER BY entry_number)",
    "state": "string_agg(chr(64 + state::int), '' ORDER BY entry_number)",
    "live": "string_agg(chr(48 + live::int), '' ORDER BY entry_number)",
    "step": "string_agg(step::text, ',' ORDER BY entry_number)",
    "importer_number": "string_agg(coalesce(importer_number, chr(30)), chr(31) ORDER BY entry_number)",
    "principal_cents": "sum(coalesce(principal_cents, 0))::bigint",
    "declared": (
        "string_agg(entry_number || chr(31) || coalesce(importer_number, chr(30)) || chr(31) || "
        "coalesce(principal_cents::text, chr(30)) || chr(10), '' ORDER BY entry_number)"
    ),
}


class Postgres:
    """One connection to a PostgreSQL ledger."""

    kind = "PostgreSQL"
    dialect = "postgresql"

    def __init__(self, url: str, *, read_only: bool, timeout_seconds: float) -> None:
        try:
            from adbc_driver_postgresql import dbapi  # noqa: PLC0415 - an extra
        except ImportError as error:
            raise LedgerError(
                f"{_plain(url)}: PostgreSQL needs the driver. Install cape-engine[postgres], or use a file."
            ) from error
        self.url = _plain(url)
        self._timeout = timeout_seconds
        self._read_only = read_only
        self._fault: type[Exception] = dbapi.Error
        with self._named():
            self._connection = dbapi.connect(_patient(url, timeout_seconds))
            self._cursor = self._connection.cursor()
            self._cursor.execute(f"SET search_path TO {SCHEMA}")
            self._connection.commit()
        if read_only:
            # A server that may only be read has no temporary tables: then questions about some entries are refused.
            with contextlib.suppress(self._fault):
                self._cursor.execute(_MAKE_WANTED)
            self._connection.commit()

    @contextmanager
    def _named(self) -> Iterator[None]:
        """The driver's errors as ours, each with the next step."""
        try:
            yield
        except self._fault as error:
            raise self._error(error) from error

    def _error(self, error: Exception) -> LedgerError:
        """One error of the server as ours."""
        state = str(getattr(error, "sqlstate", "") or "")
        words = " ".join(str(error).split())
        if state in _LOCKED:
            return LedgerLockedError(
                f"{self.url}: somebody else has been writing for {self._timeout:g} s. Nothing was changed: run the "
                "same command again when the other one is done, or wait longer with a larger timeout."
            )
        if state[:2] in {"53", "58"}:
            return LedgerWriteError(
                f"{self.url}: {words}; nothing of the transaction counts. Make room on the server and run the same "
                "command again."
            )
        if state[:2] in {"08", "57"} or "connection" in words.lower():
            return LedgerWriteError(
                f"{self.url}: {words}; nothing of the transaction counts. See that the server runs and lets us in, "
                "then run the same command again."
            )
        if state == "25006":
            return LedgerWriteError(f"{self.url}: {words}. The server may only be read: name another ledger.")
        return LedgerError(f"{self.url}: {words}. Nothing was changed.")

    # --- transactions -------------------------------------------------------------------------------------------------

    def begin(self, *, write: bool) -> None:
        """Begin; a writer waits for the lock, a reader sees one snapshot."""
        with self._named():
            if write and not self._read_only:
                self._cursor.execute(f"SET LOCAL lock_timeout = {max(1, int(self._timeout * 1000))}")
                self._cursor.execute(f"SELECT pg_advisory_xact_lock({LOCK})").fetchall()
                self._cursor.execute("SET LOCAL lock_timeout = 0")
            else:
                self._cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
                if self._read_only:
                    self._cursor.execute("SET TRANSACTION READ ONLY")

    def commit(self) -> None:
        """Make the transaction durable."""
        with self._named():
            self._connection.commit()

    def rollback(self) -> None:
        """Undo everything since `begin`."""
        with contextlib.suppress(self._fault):
            self._connection.rollback()

    # --- statements ---------------------------------------------------------------------------------------------------

    def run(self, sql: str, parameters: Parameters = ()) -> None:
        """A statement without an answer."""
        with self._named():
            self._cursor.execute(_numbered(sql), tuple(parameters) or None)

    def rows(self, sql: str, parameters: Parameters = ()) -> list[tuple[Any, ...]]:
        """All rows of a small answer."""
        with self._named():
            self._cursor.execute(_numbered(sql), tuple(parameters) or None)
            found: list[tuple[Any, ...]] = self._cursor.fetchall()
            return found

    def table(self, sql: str, schema: pa.Schema, parameters: Parameters = ()) -> pa.Table:
        """All rows of a large answer as columns."""
        with self._named():
            self._cursor.execute(_numbered(sql), tuple(parameters) or None)
            found = self._cursor.fetch_arrow_table()
        columns = [found.column(index).cast(field.type) for index, field in enumerate(schema)]
        return pa.table(columns, schema=schema)

    def whole(self, table: str, schema: pa.Schema) -> pa.Table:
        """Some columns of every row of a large table."""
        return self.table(f"SELECT {', '.join(schema.names)} FROM {table}", schema)  # noqa: S608 - our own names

    def insert(self, table: str, rows: pa.Table) -> None:
        """Append rows by COPY."""
        if rows.num_rows:
            with self._named():
                self._cursor.adbc_ingest(table, rows, mode="append", db_schema_name=SCHEMA)

    def want(self, numbers: pa.Array) -> None:
        """Fill the temporary table of wanted entry numbers, with figures for the planner."""
        if self._read_only:  # its transactions may write into a temporary table, and neither make nor truncate one
            self.run(f"DELETE FROM pg_temp.{WANTED}")  # noqa: S608 - our own word
        else:
            self.run(_MAKE_WANTED)
            self.run(f"TRUNCATE pg_temp.{WANTED}")
        if len(numbers):
            with self._named():
                rows = pa.table({"entry_number": numbers})
                self._cursor.adbc_ingest(WANTED, rows, mode="append", temporary=True)
        self.run(f"ANALYZE pg_temp.{WANTED}")

    def update_claims(self, declaration: int, numbers: pa.Array, goal: Goal) -> None:
        """Set where entries of one declaration stand."""
        live = "" if goal.live is None else f", live = {goal.live}"
        self.run(
            f"UPDATE claim_entries SET state = ?, step = ?{live} WHERE declaration = ? "  # noqa: S608 - a digit
            "AND entry_number = ANY (string_to_array(?, ','))",
            (goal.state, goal.step, declaration, ",".join(numbers.to_pylist())),
        )

    def packed(self, columns: Sequence[Packed], where: str, parameters: Parameters = ()) -> list[tuple[Any, ...]]:
        """For each declaration, columns of its claims put together, in the order of their entry numbers."""
        shown = ", ".join(_PACKED[column] for column in columns)
        return self.rows(
            f"SELECT declaration, count(*), {shown} FROM claim_entries WHERE {where} "  # noqa: S608 - our own words
            "GROUP BY declaration ORDER BY declaration",
            parameters,
        )

    def packed_live(self) -> str:
        """The entry numbers of all live claims, put together."""
        found = self.rows(
            "SELECT string_agg(entry_number, '' ORDER BY entry_number) FROM claim_entries WHERE live = 1 "
            "GROUP BY declaration"
        )
        return "".join(row[0] for row in found)

    def begin_life(self) -> None:
        """Make the schema that holds the tables."""
        self.run(f"CREATE SCHEMA IF NOT EXISTS {SCHEMA}")

    def has(self, table: str) -> bool:
        """Whether a table exists."""
        return bool(self.rows("SELECT 1 WHERE to_regclass(?) IS NOT NULL", (f"{SCHEMA}.{table}",)))

    def guards(self) -> frozenset[str]:
        """Names of the indexes and triggers that are there and switched on."""
        sql = (
            "SELECT c.relname::text FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid "
            "WHERE i.indisunique AND i.indisvalid AND c.relnamespace = to_regnamespace(?) "
            "UNION SELECT t.tgname::text FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid "
            "WHERE t.tgenabled <> 'D' AND c.relnamespace = to_regnamespace(?)"
        )
        return frozenset(row[0] for row in self.rows(sql, (SCHEMA, SCHEMA)))

    def complaint(self) -> str | None:
        """The server looks after its own pages."""
        return None

    def close(self) -> None:
        """Close the connection; an open transaction is undone."""
        self.rollback()
        with contextlib.suppress(self._fault):
            self._cursor.close()
            self._connection.close()


def _numbered(sql: str) -> str:
    """`?` as `$1`, `$2`, as PostgreSQL writes parameters."""
    count = iter(range(1, 100))
    return _MARK.sub(lambda _: f"${next(count)}", sql)


def _patient(url: str, seconds: float) -> str:
    """The URL with a limit for reaching the server, unless it has one: nobody waits long for a silent host."""
    if "connect_timeout=" in url:
        return url
    return f"{url}{'&' if '?' in url else '?'}connect_timeout={max(2, int(seconds))}"


def _plain(url: str) -> str:
    """The URL without its password, fit for messages."""
    return re.sub(r"(://[^:/@]*):[^@/]*@", r"\1@", url)
