"""A ledger as files: Parquet out and in, and a copy as a SQLite file of any ledger."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from cape_engine import __version__
from cape_engine.disk import NO_ROOM
from cape_engine.errors import InputError, LedgerError, OutputError, UsageError
from cape_engine.ledger import tables
from cape_engine.ledger.database import Database, apply_migrations, newest, schema_version, transaction
from cape_engine.ledger.sqlite import SQLite
from cape_engine.ledger.states import Life
from cape_engine.ledger.verifying import verify

VERSION_KEY = b"cape_ledger_schema"


def export(database: Database, folder: Path) -> dict[str, int]:
    """Every table as a Parquet file in a new folder."""
    try:
        _refuse_used(folder)
        return _exported(database, folder)
    except OSError as error:
        step = "Make room" if error.errno in NO_ROOM else "See that this is a folder that may be written"
        raise OutputError(
            f"{folder}: {error.strerror or error}; nothing was exported. {step}, or name another one, and export again."
        ) from error


def _refuse_used(folder: Path) -> None:
    """Refuse what is no folder, or one with something in it.

    Raises:
        UsageError: it is one of them.
    """
    if folder.exists() and not folder.is_dir():
        raise UsageError(f"{folder}: this is a file. Name a new folder.")
    if folder.is_dir() and any(folder.iterdir()):
        raise UsageError(f"{folder}: the folder is not empty. Name a new one.")


def _exported(database: Database, folder: Path) -> dict[str, int]:
    """Rows by table of an export; one that fails takes its files away again, so that the same command may follow."""
    counts: dict[str, int] = {}
    version = str(schema_version(database)).encode()
    folder.mkdir(parents=True, exist_ok=True)
    with contextlib.ExitStack() as failed:
        for table in tables.ALL:
            rows = database.table(tables.select(table), tables.schema(table))
            place = folder / f"{table}.parquet"
            failed.callback(place.unlink, missing_ok=True)
            pq.write_table(rows.replace_schema_metadata({VERSION_KEY: version}), place, compression="zstd")
            counts[table] = rows.num_rows
        failed.pop_all()
    return counts


def refuse_other_folder(folder: Path) -> None:
    """Refuse a folder that no export has written, before a ledger is made for it.

    Raises:
        InputError: it is not there, or a table is missing.
    """
    missing = [name for name in (f"{table}.parquet" for table in tables.ALL) if not (folder / name).is_file()]
    if missing:
        why = f"no {missing[0]} in it" if folder.is_dir() else "no such folder"
        raise InputError(f"{folder}: {why}. Name a folder that `cape ledger export` wrote.")


def import_(database: Database, life: Life, folder: Path) -> dict[str, int]:
    """Fill an empty ledger from an export inside the open transaction; it counts only when it verifies."""
    if database.rows("SELECT 1 FROM links LIMIT 1"):
        raise UsageError(f"{database.url}: the ledger is not empty. Import into a new one.")
    counts: dict[str, int] = {}
    known = {row[0] for row in database.rows("SELECT code FROM states")}
    for table in tables.ALL:
        rows = _read(folder / f"{table}.parquet", tables.schema(table))
        if table == "states":
            keep = [code not in known for code in rows.column("code").to_pylist()]
            rows = rows.filter(pa.array(keep, pa.bool_()))
        database.insert(table, rows)
        counts[table] = rows.num_rows
    report = verify(database, life)
    if not report.ok:
        raise InputError(f"{folder}: the export does not verify: {report.problems[0]}. Export the ledger again.")
    return counts


def _read(file: Path, schema: pa.Schema) -> pa.Table:
    """One table of an export."""
    try:
        rows = pq.read_table(file)
    except (OSError, pa.ArrowInvalid) as error:
        words = str(error).splitlines()[0]
        raise InputError(f"{file}: cannot be read ({words}). Name a folder that `cape ledger export` wrote.") from error
    version = (rows.schema.metadata or {}).get(VERSION_KEY, b"?").decode()
    if version != str(newest()) or rows.column_names != schema.names:
        raise InputError(
            f"{file}: an export of schema version {version}, this engine reads version {newest()}. "
            "Migrate the ledger it came from, and export it again."
        )
    return rows.cast(schema)


def backup(database: Database, life: Life, path: Path) -> None:
    """Copy a ledger into a new SQLite file, table by table as they stand in the open snapshot, and verify the copy."""
    if path.exists():
        raise UsageError(f"{path}: the file exists already. Name a new one.")
    if not path.parent.is_dir():
        raise UsageError(f"{path}: there is no folder {path.parent}. Make it, or name another file.")
    beside = path.with_name(f".{path.name}.part-{os.getpid()}")
    try:
        copy = SQLite(beside, create=True, read_only=False, timeout_seconds=1)
        try:
            with transaction(copy, write=True):
                apply_migrations(copy, __version__)
                for table in tables.ALL:
                    copy.insert(table, database.table(tables.select(table), tables.schema(table)))
            with transaction(copy, write=False):
                report = verify(copy, life)
        finally:
            copy.close()
        if not report.ok:
            raise LedgerError(
                f"{database.url}: the copy does not verify: {report.problems[0]}. Run `cape ledger verify`."
            )
        beside.rename(path)
    except OSError as error:
        step = "Make room" if error.errno in NO_ROOM else "See that the folder may be written"
        raise OutputError(f"{path}: {error.strerror or error}. {step}, or name another file.") from error
    finally:
        with contextlib.suppress(OSError):
            beside.unlink(missing_ok=True)
