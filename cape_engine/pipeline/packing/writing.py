"""Writing a packing: declarations in a folder of their own, lists beside, all of it whole or not at all."""

from __future__ import annotations

import json
import os
from collections.abc import Collection, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pacsv

from cape_engine.claim_portal.packing import Packed, sequence_of
from cape_engine.errors import UsageError
from cape_engine.outputs.files import (
    MANIFEST,
    move_results,
    sha256_of,
    staged,
    sync_folder,
    write_json,
    write_tables,
)
from cape_engine.pipeline.packing.request import FOLDER

SPELT_OUT = ("left_out", "corrections")
"""Tables that are written as CSV too, for people."""
_WRITERS = 8


def refuse_other_ledger(folder: Path, ledger: str | None) -> None:
    """Refuse a folder whose declarations another ledger remembers, or that would be forgotten without one.

    Raises:
        UsageError: the manifest of the folder names another ledger.
    """
    try:
        before = json.loads((folder / MANIFEST).read_text(encoding="utf-8")).get("ledger")
    except (OSError, ValueError, AttributeError):
        return
    if before is not None and before != ledger:
        raise UsageError(
            f"{folder} holds declarations that the ledger {before} remembers: give --ledger {before}, or another --out"
        )


def write_packing(
    folder: Path,
    contents: Iterable[tuple[str, bytes]],
    tables: Mapping[str, pa.Table],
    manifest: dict[str, Any],
    *,
    known: Collection[str],
) -> dict[str, Any]:
    """Write declarations, tables and manifest; declarations of an earlier packing that nobody recorded go away.

    Args:
        folder: made if it is missing.
        contents: name and bytes of each declaration.
        tables: by name; some of them also as CSV.
        manifest: completed with `files` (sha256 and rows of each table).
        known: hashes of the declarations that the ledger has; files with these bytes stay.

    Returns:
        The manifest as written.

    Raises:
        OutputError: the disk is full or the folder cannot be written.
    """
    with staged(folder) as staging:
        (staging / FOLDER).mkdir()
        names = _write_declarations(staging / FOLDER, contents)
        files = write_spelt_out(staging, tables, SPELT_OUT)
        whole = {**manifest, "files": files}
        write_json(staging / MANIFEST, whole)
        (folder / MANIFEST).unlink(missing_ok=True)
        (folder / FOLDER).mkdir(exist_ok=True)
        _remove_forgotten(folder / FOLDER, names, known)
        for name in names:
            (staging / FOLDER / name).replace(folder / FOLDER / name)
        sync_folder(folder / FOLDER)
        move_results(staging, folder, list(files))
    return whole


def _write_declarations(folder: Path, contents: Iterable[tuple[str, bytes]]) -> list[str]:
    """Write the files, durably; waiting for the disk is done for several at once."""

    def one(item: tuple[str, bytes]) -> str:
        name, content = item
        with (folder / name).open("wb") as stream:
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())
        return name

    with ThreadPoolExecutor(_WRITERS) as pool:
        return list(pool.map(one, contents))


def _remove_forgotten(folder: Path, names: Collection[str], known: Collection[str]) -> None:
    """Remove declarations that an attempt before this one left behind without recording them."""
    kept = set(names)
    for path in sorted(folder.iterdir()):
        if sequence_of(path.name) is not None and path.name not in kept and sha256_of(path) not in known:
            path.unlink()


def write_spelt_out(
    folder: Path, tables: Mapping[str, pa.Table], spelt_out: Iterable[str]
) -> dict[str, dict[str, object]]:
    """Write tables as Parquet, and some of them as CSV for people too; hash and rows of each file, by name."""
    files = write_tables(folder, tables)
    for name in spelt_out:
        path = folder / f"{name}.csv"
        write_csv(path, tables[name])
        files[path.name] = {"sha256": sha256_of(path), "rows": tables[name].num_rows}
    return files


def write_csv(path: Path, table: pa.Table) -> None:
    """A table as CSV, lists of words by semicolons."""
    columns = {}
    for field in table.schema:
        column = table.column(field.name)
        if pa.types.is_list(field.type):
            column = pc.binary_join(column.cast(pa.list_(pa.string())), "; ")
        elif pa.types.is_dictionary(field.type):
            column = column.cast(field.type.value_type)
        elif pa.types.is_boolean(field.type):
            column = pc.if_else(column, "Y", "N")
        columns[field.name] = column
    with path.open("wb") as stream:
        pacsv.write_csv(pa.table(columns), stream)
        stream.flush()
        os.fsync(stream.fileno())


def fresh_sequences(names: Iterable[str]) -> dict[str, int]:
    """The highest sequence given so far, by the stem of the names of packed declarations."""
    used: dict[str, int] = {}
    for name in names:
        found = sequence_of(name)
        if found is not None:
            used[found[0]] = max(used.get(found[0], 0), found[1])
    return used


def contents_of(packed: Packed) -> tuple[list[tuple[str, bytes]], dict[str, str]]:
    """Name and bytes of each declaration, and their hashes by name."""
    made = list(packed.contents())
    return [(file.name, content) for file, content, _ in made], {file.name: sha for file, _, sha in made}
