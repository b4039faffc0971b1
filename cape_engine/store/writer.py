"""Writing a store: partitions one by one, the manifest last, so that an unfinished folder is no store."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from cape_engine.bridge import Partition
from cape_engine.errors import OutputError, StoreError
from cape_engine.schema.column import Column, arrow_schema
from cape_engine.schema.facts import ENTRY_NUMBER
from cape_engine.schema.rows import SOURCE_ROW
from cape_engine.store.hashing import content_hash
from cape_engine.store.store import FORMAT_NAME, FORMAT_VERSION, MANIFEST, TABLES, Source, Store, source_record

_COMPRESSION = "lz4"  # read 61 M tariff rows/s where zstd gave 42 (two cores, docs/intake.md)


class StoreWriter:
    """Writes partitions into a folder; `finish` makes it a store.

    Args:
        folder: an empty or new folder, or an old store, which is replaced.

    Raises:
        StoreError: the folder holds something that is not a store.
        OutputError: the folder cannot be written.
    """

    def __init__(self, folder: Path | str) -> None:
        self.folder = Path(folder)
        self._parts: list[dict[str, Any]] = []
        try:
            if self.folder.exists():
                self._clear()
            self.folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise OutputError(f"the store {self.folder} cannot be written: {error}") from error

    def _clear(self) -> None:
        """Take an old or unfinished store away, its manifest first; anything else in the folder is left and refused."""
        known = {MANIFEST, f"{MANIFEST}.part"}
        strangers = [item.name for item in self.folder.iterdir() if item.name not in known and not _is_partition(item)]
        if strangers:
            raise StoreError(f"{self.folder} holds {min(strangers)!r} and is not a store: choose an empty folder")
        for name in sorted(known):
            (self.folder / name).unlink(missing_ok=True)
        for item in self.folder.iterdir():
            for file in item.iterdir():
                file.unlink()
            item.rmdir()

    def write(self, partition: Partition) -> None:
        """Write one partition; the partitions of a store come in entry number order.

        Raises:
            OutputError: the disk does not take it.
        """
        place = self.folder / partition.name
        tables = (partition.entries, partition.lines, partition.tariffs)
        try:
            place.mkdir()
            for (name, columns), table in zip(TABLES, tables, strict=True):
                _write_table(place / f"{name}.parquet", table, columns)
            _sync(place)
        except OSError as error:
            raise OutputError(f"the store {self.folder} cannot be written: {error}") from error
        numbers = partition.entries.column(str(ENTRY_NUMBER))
        self._parts.append(
            {
                "name": partition.name,
                "entries": partition.entries.num_rows,
                "lines": partition.lines.num_rows,
                "tariffs": partition.tariffs.num_rows,
                "first_entry": numbers[0].as_py() if len(numbers) else None,
                "last_entry": numbers[-1].as_py() if len(numbers) else None,
                "content_sha256": content_hash(partition),
            }
        )

    def finish(self, sources: Sequence[Source], facts_given: Iterable[str]) -> Store:
        """Write the manifest (beside, synced, renamed) and open the store.

        Raises:
            OutputError: the disk does not take it.
        """
        manifest = {
            "format": FORMAT_NAME,
            "version": FORMAT_VERSION,
            "sources": [source_record(source) for source in sources],
            "facts_given": sorted(str(fact) for fact in facts_given),
            "totals": {key: sum(part[key] for part in self._parts) for key in ("entries", "lines", "tariffs")},
            "partitions": self._parts,
        }
        part = self.folder / f"{MANIFEST}.part"
        try:
            with part.open("w", encoding="utf-8") as file:
                json.dump(manifest, file, indent=1, ensure_ascii=False)
                file.write("\n")
                file.flush()
                os.fsync(file.fileno())
            part.replace(self.folder / MANIFEST)
            _sync(self.folder)
        except OSError as error:
            raise OutputError(f"the store {self.folder} cannot be written: {error}") from error
        return Store.open(self.folder)


def _is_partition(item: Path) -> bool:
    """Whether a folder holds nothing but the files of a partition."""
    return item.is_dir() and {file.name for file in item.iterdir()} <= {f"{name}.parquet" for name, _columns in TABLES}


def _write_table(path: Path, table: pa.Table, columns: tuple[Column, ...]) -> None:
    """One table as one row group, dictionaries kept, plain numbers otherwise, and synced."""
    schema = arrow_schema(columns)
    words = [str(column) for column in columns if pa.types.is_dictionary(column.type)]
    with path.open("wb") as file:
        with pq.ParquetWriter(
            file,
            schema,
            compression=_COMPRESSION,
            use_dictionary=words,
            column_encoding={str(SOURCE_ROW): "DELTA_BINARY_PACKED"} if SOURCE_ROW in columns else None,
            write_statistics=False,
            version="2.6",
        ) as writer:
            writer.write_table(table.select(schema.names).cast(schema), row_group_size=max(table.num_rows, 1))
        file.flush()
        os.fsync(file.fileno())


def _sync(folder: Path) -> None:
    """Make names in a folder durable, where the system lets a folder be opened."""
    if hasattr(os, "O_DIRECTORY"):
        handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
