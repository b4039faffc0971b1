"""Writing a store: partitions one by one, the manifest last, so that an unfinished folder is no store."""

from __future__ import annotations

import json
import os
import shutil
import threading
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from cape_engine.bridge import Partition
from cape_engine.errors import OutputError, StoreError
from cape_engine.schema.column import Column
from cape_engine.schema.facts import ENTRY_NUMBER, IMPORTER_NUMBER
from cape_engine.schema.rows import DUTY_CENTS, SOURCE_ROW, VALUE_DOLLARS
from cape_engine.store.claim import LOCK, claim
from cape_engine.store.hashing import packed_hash, packed_tables, provenance_hash
from cape_engine.store.layout import GROUP_ROWS, TABLES
from cape_engine.store.measured import in_pieces
from cape_engine.store.shape_files import SHAPES_FILE, write_shapes
from cape_engine.store.shapes import derived
from cape_engine.store.store import (
    FORMAT_NAME,
    FORMAT_VERSION,
    MANIFEST,
    PARTIES,
    PARTIES_FILE,
    Source,
    Store,
    source_record,
)

# Number, value and duty of a row decode at 161 M rows/s where zstd gives 81 (two cores, docs/performance.md).
_COMPRESSION = "lz4"
# Measured on 2.2 M rows of the national shape (docs/performance.md): values come again, and by dictionary are as small
# as packed and read in two thirds of the time; duties are read in less than half the time as they are.
_REPEATING = str(VALUE_DOLLARS)
_OPEN = str(DUTY_CENTS)
_PAGE_BYTES = 1 << 17  # a page and what it unpacks to stay in the cache: a sixth less time than pages of 1 MiB
STAGING = ".adding"
"""Folder of what is being added (`store.adding`); cleared by whoever writes next."""

_OWN_FILES = (MANIFEST, f"{MANIFEST}.part", PARTIES_FILE)
_DICTIONARY_BYTES = 1 << 26  # a word column keeps its dictionary however many words it has


class StoreWriter:
    """Writes partitions into a folder; `finish` makes it a store.

    Args:
        folder: an empty or new folder, or an old store, which is replaced.

    Raises:
        StoreError: the folder holds something that is not a store.
        OutputError: the folder cannot be written, or another process writes it.
    """

    def __init__(self, folder: Path | str) -> None:
        self.folder = Path(folder)
        self._parts: list[dict[str, Any]] = []
        self._parties: set[str] = set()
        self._lock = threading.Lock()
        try:
            self._refuse_strangers()
            self.folder.mkdir(parents=True, exist_ok=True)
            self._claim = claim(self.folder)
            self._clear()
        except OSError as error:
            raise OutputError(f"the store {self.folder} cannot be written: {error}") from error

    def _refuse_strangers(self) -> None:
        """Refuse a folder with anything but an old or unfinished store in it."""
        known = {*_OWN_FILES, STAGING, LOCK}
        items = self.folder.iterdir() if self.folder.exists() else ()
        strangers = [item.name for item in items if item.name not in known and not is_partition(item)]
        if strangers:
            raise StoreError(f"{self.folder} holds {min(strangers)!r} and is not a store: choose an empty folder")

    def _clear(self) -> None:
        """Take an old or unfinished store away, its manifest first."""
        for name in _OWN_FILES:
            (self.folder / name).unlink(missing_ok=True)
        for item in self.folder.iterdir():
            if item.name != LOCK:
                shutil.rmtree(item)

    def close(self) -> None:
        """Let others write the folder; what is there without `finish` is no store."""
        self._claim.close()

    def write(self, partition: Partition) -> None:
        """Write one partition; several threads may write at once. Names sort in entry number order.

        Raises:
            OutputError: the disk does not take it.
        """
        place = self.folder / partition.name
        counts = (partition.entries.num_rows, partition.lines.num_rows, partition.tariffs.num_rows)
        with ThreadPoolExecutor(os.cpu_count(), thread_name_prefix="cape-store") as hands:
            files = packed_tables(partition, hands.map)
            hashing = hands.submit(packed_hash, files, counts)
            try:
                place.mkdir()
                writing = [hands.submit(_write_file, place, name, files) for name in sorted(files, reverse=True)]
                tracing = hands.submit(provenance_hash, files, partition.sources)
                shapes, content = derived(files["lines"], files["tariffs"]), hashing.result()
                write_shapes(place / SHAPES_FILE, shapes, counts[2], content)
                for each in writing:
                    each.result()
            except OSError as error:
                raise OutputError(f"the store {self.folder} cannot be written: {error}") from error
        numbers = files["entries"].column(str(ENTRY_NUMBER)) if partition.entries.num_rows else []
        record = {
            "name": partition.name,
            **dict(zip(("entries", "lines", "tariffs"), counts, strict=True)),
            "first_entry": numbers[0].as_py() if len(numbers) else None,
            "last_entry": numbers[-1].as_py() if len(numbers) else None,
            "content_sha256": content,
            "provenance_sha256": tracing.result(),
        }
        words = [word for column in PARTIES for word in _words(files["entries"], column)]
        with self._lock:
            self._parts.append(record)
            self._parties.update(words)

    def finish(self, sources: Sequence[Source], facts_given: Iterable[str]) -> Store:
        """Write the manifest (beside, synced, renamed), let others write the folder, and open the store.

        Raises:
            OutputError: the disk does not take it.
        """
        self._parts.sort(key=lambda record: str(record["name"]))
        manifest = {
            "format": FORMAT_NAME,
            "version": FORMAT_VERSION,
            "sources": [source_record(source) for source in sources],
            "facts_given": sorted(str(fact) for fact in facts_given),
            "totals": {key: sum(part[key] for part in self._parts) for key in ("entries", "lines", "tariffs")},
            "parties": PARTIES_FILE,
            "partitions": self._parts,
        }
        part = self.folder / f"{MANIFEST}.part"
        try:
            write_parties(self.folder, self._parties)
            self._sync_partitions()
            with part.open("w", encoding="utf-8") as file:
                json.dump(manifest, file, indent=1, ensure_ascii=False)
                file.write("\n")
                file.flush()
                os.fsync(file.fileno())
            part.replace(self.folder / MANIFEST)
            sync(self.folder)
        except OSError as error:
            raise OutputError(f"the store {self.folder} cannot be written: {error}") from error
        self.close()
        return Store.open(self.folder)

    def _sync_partitions(self) -> None:
        """Make all partitions durable; at the end, when the system has written most of them by itself."""
        for record in self._parts:
            place = self.folder / str(record["name"])
            for file in place.iterdir():
                sync(file)
            sync(place)


def write_parties(folder: Path, words: Iterable[str]) -> None:
    """Write the importer and party numbers that stand in a store, each spelling once, and make the file durable."""
    path = folder / PARTIES_FILE
    pq.write_table(pa.table({str(IMPORTER_NUMBER): pa.array(sorted(words), pa.string())}), path)
    sync(path)


def _words(entries: pa.Table, column: Column) -> list[str]:
    """The words of a packed word column."""
    if str(column) not in entries.column_names:
        return []
    words: list[str] = entries.column(str(column)).chunk(0).dictionary.to_pylist()
    return words


def is_partition(item: Path) -> bool:
    """Whether a folder holds nothing but the files of a partition."""
    known = {SHAPES_FILE, *(f"{name}.parquet" for name, _columns in TABLES)}
    return item.is_dir() and {file.name for file in item.iterdir()} <= known


def _write_file(place: Path, name: str, files: Mapping[str, pa.Table]) -> None:
    """One of the packed tables of a partition as its file."""
    table = files[name]
    pieces, rows = [table], max(table.num_rows, 1)
    if name == "quantities":
        pieces, rows = in_pieces(table, files["tariffs"]), GROUP_ROWS
    _write_table(place / f"{name}.parquet", pieces, rows)


def _write_table(path: Path, pieces: Sequence[pa.Table], group_rows: int) -> None:
    """One table: words by dictionary, numbers plain and packed, but for the amounts that every run reads."""
    schema = pieces[0].schema
    coded = [field.name for field in schema if pa.types.is_dictionary(field.type) or field.name == _REPEATING]
    bare = {*coded, _OPEN}
    with pq.ParquetWriter(
        path,
        schema,
        compression={name: "none" if name in bare else _COMPRESSION for name in schema.names},
        use_dictionary=coded,
        column_encoding={str(SOURCE_ROW): "DELTA_BINARY_PACKED"} if str(SOURCE_ROW) in schema.names else None,
        data_page_size=_PAGE_BYTES,
        dictionary_pagesize_limit=_DICTIONARY_BYTES,
        write_statistics=False,
        version="2.6",
    ) as writer:
        for piece in pieces:
            writer.write_table(piece, row_group_size=group_rows)


def sync(place: Path) -> None:
    """Make a file, or the names in a folder, durable; where the system lets a folder be opened."""
    if place.is_dir() and not hasattr(os, "O_DIRECTORY"):
        return
    handle = os.open(place, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
