"""What the ledger asks of a database, so that SQLite and PostgreSQL look alike to everything above."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib import resources
from pathlib import Path
from typing import Any, Literal, NamedTuple, Protocol

import pyarrow as pa

from cape_engine.errors import LedgerError, LedgerVersionError, UsageError

POSTGRES = ("postgresql://", "postgres://")
SQLITE = "sqlite:///"
WANTED = "wanted"
"""Name of the temporary table that holds the entry numbers of one question."""

Packed = Literal["entry_number", "state", "live", "step", "importer_number", "principal_cents", "declared"]
Parameters = Sequence[int | str | None]


class Goal(NamedTuple):
    """Where entries stand after a step; `live` only where it changes, since an index hangs on it: twice the cost."""

    state: int
    step: int
    live: int | None


class Database(Protocol):
    """One open connection; every statement runs between `begin` and `commit` or `rollback`."""

    url: str
    kind: str
    dialect: str

    def begin(self, *, write: bool) -> None:
        """Begin a transaction; for writing, take the writer's place or wait for it."""

    def commit(self) -> None:
        """Make it durable."""

    def rollback(self) -> None:
        """Undo everything since `begin`."""

    def run(self, sql: str, parameters: Parameters = ()) -> None:
        """A statement without an answer; `?` stands for a parameter."""

    def rows(self, sql: str, parameters: Parameters = ()) -> list[tuple[Any, ...]]:
        """All rows of a small answer."""

    def table(self, sql: str, schema: pa.Schema, parameters: Parameters = ()) -> pa.Table:
        """All rows of a large answer as columns."""

    def whole(self, table: str, schema: pa.Schema) -> pa.Table:
        """Some columns of every row of a large table, in no order; whole numbers and text."""

    def insert(self, table: str, rows: pa.Table) -> None:
        """Append rows; the columns are named as in the table."""

    def want(self, numbers: pa.Array) -> None:
        """Fill the temporary table `wanted` (one column, `entry_number`), which each transaction empties."""

    def update_claims(self, declaration: int, numbers: pa.Array, goal: Goal) -> None:
        """Set where entries of one declaration stand."""

    def packed(self, columns: Sequence[Packed], where: str, parameters: Parameters = ()) -> list[tuple[Any, ...]]:
        """Rows (declaration, count, columns...) with columns of its claims put together in order of entry number.

        `entry_number` without anything between; `state` as characters from 64 on; `live` as `0` and `1`; `step` with
        commas; `importer_number` with unit separators (0x1f, 0x1e for none); `principal_cents` as their sum;
        `declared` as the lines of `chain.entries_digests`.
        """

    def packed_live(self) -> str:
        """The entry numbers of all live claims, put together, in no order."""

    def begin_life(self) -> None:
        """Make whatever must exist before the first table does."""

    def has(self, table: str) -> bool:
        """Whether a table exists."""

    def guards(self) -> frozenset[str]:
        """Names of the indexes and triggers that are there."""

    def complaint(self) -> str | None:
        """What is wrong with the file or server itself, if anything."""

    def close(self) -> None:
        """Give the connection back."""


@contextmanager
def transaction(database: Database, *, write: bool) -> Iterator[None]:
    """Statements that count all or not at all; reading ones see one snapshot."""
    try:
        database.begin(write=write)
        yield
        database.commit()
    except BaseException:
        database.rollback()
        raise


def migrations(dialect: str) -> dict[int, list[str]]:
    """The statements that lead to each schema version.

    Args:
        dialect: `sqlite` or `postgresql`.
    """
    folder = resources.files("cape_engine.ledger").joinpath("migrations")
    texts = {item.name: item.read_text(encoding="utf-8") for item in folder.iterdir() if item.name.endswith(".sql")}
    found: dict[int, list[str]] = {}
    for name in sorted(texts, key=lambda name: (name[:4], name.count("."))):  # what all share comes first
        parts = name.split(".")
        if len(parts) == 2 or parts[1] == dialect:  # noqa: PLR2004 - NNNN_name.sql, or NNNN_name.dialect.sql
            statements = [_statement(block, dialect) for block in texts[name].split("\n\n")]
            found.setdefault(int(name[:4]), []).extend(filter(None, statements))
    return found


def _statement(block: str, dialect: str) -> str:
    """One statement of a migration in a dialect, its comments left out."""
    text = "\n".join(line for line in block.splitlines() if not line.startswith("--")).strip()
    if dialect == "sqlite":
        return text.replace("/*CLUSTERED*/", "WITHOUT ROWID").replace("/*C*/ ", "")
    return text.replace(" /*CLUSTERED*/", "").replace("/*C*/", 'COLLATE "C"')


def newest() -> int:
    """The schema version of this engine."""
    return max(migrations("sqlite"))


def schema_version(database: Database) -> int:
    """The schema version of a ledger; 0 for one without tables."""
    if not database.has("schema_version"):
        return 0
    return int(database.rows("SELECT max(version) FROM schema_version")[0][0] or 0)


def apply_migrations(database: Database, engine: str) -> tuple[int, int]:
    """Bring the schema forward to this engine's, inside the open transaction; (before, after).

    Raises:
        LedgerVersionError: the ledger is newer than the engine.
    """
    before = schema_version(database)
    refuse_newer(database, before)
    steps = migrations(database.dialect)
    for version in sorted(steps):
        if version > before:
            for statement in steps[version]:
                database.run(statement)
            database.run("INSERT INTO schema_version (version, applied_by) VALUES (?, ?)", (version, engine))
    return before, max(before, *steps)


def refuse_newer(database: Database, version: int) -> None:
    """Refuse a ledger from the future."""
    if version > newest():
        raise LedgerVersionError(
            f"{database.url}: the ledger has schema version {version}, this engine knows versions up to {newest()}. "
            "Install the engine that wrote it, or a newer one; nothing was changed."
        )


def file_of(url: str | Path) -> Path | None:
    """The file of a SQLite ledger; None for one on a server.

    Raises:
        UsageError: the address is blank, or of a kind of database that keeps no ledger.
    """
    text = str(url)
    if not text.strip() or text == ".":
        raise UsageError("the name of the ledger is blank: give a file, such as claims.ledger, or a PostgreSQL URL")
    if text.startswith(POSTGRES):
        return None
    scheme, there, _ = text.partition("://")
    if there and not text.startswith(SQLITE):
        raise UsageError(
            f"a ledger is a file, such as claims.ledger or {SQLITE}claims.ledger, or a PostgreSQL URL, such as "
            f"postgresql://user@host/database; {scheme}:// is neither"
        )
    return Path(text.removeprefix(SQLITE))


def is_there(path: Path) -> bool:
    """Whether a ledger's file exists.

    Raises:
        LedgerError: its folder may not be looked into.
    """
    try:
        return path.exists()
    except OSError as error:
        raise LedgerError(
            f"{path}: {error.strerror}. Get the right to use this folder, or name another ledger."
        ) from error


def open_database(url: str | Path, *, create: bool, read_only: bool, timeout_seconds: float) -> Database:
    """Connect to a ledger, whichever kind it is.

    Raises:
        UsageError: the address is none of a ledger.
        LedgerError: it cannot be opened; the message says what to do.
    """
    path = file_of(url)
    if path is None:
        from cape_engine.ledger.postgresql import Postgres  # noqa: PLC0415 - an extra; nobody else needs its driver

        return Postgres(str(url), read_only=read_only, timeout_seconds=timeout_seconds)
    from cape_engine.ledger.sqlite import SQLite  # noqa: PLC0415 - as above

    return SQLite(path, create=create, read_only=read_only, timeout_seconds=timeout_seconds)
