"""Reading a store: its manifest, its partitions, one at a time and without threads of its own."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from functools import cached_property, partial
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from cape_engine.bridge import LineShapes, Partition, codes
from cape_engine.errors import StoreError
from cape_engine.schema.facts import IMPORTER_NUMBER, NOTIFY_PARTY
from cape_engine.schema.rows import (
    LINE_COUNT,
    STORE_ENTRIES,
    STORE_LINES,
    STORE_TARIFFS,
    TARIFF_COUNT,
)
from cape_engine.store.layout import TABLES, groups_of
from cape_engine.store.lazy import Cells, LazyTable, LazyTariffs
from cape_engine.store.loading import Loaded, opened_file
from cape_engine.store.shape_files import SHAPES_FILE, read_shapes

FORMAT_NAME = "cape-engine-store"
FORMAT_VERSION = 2
MANIFEST = "manifest.json"

PARTIES_FILE = "parties.parquet"
PARTIES = (IMPORTER_NUMBER, NOTIFY_PARTY)
"""Columns whose words, in all their spellings, stand in a file of the store beside the partitions."""

_LOGICAL = {"entries": STORE_ENTRIES, "lines": STORE_LINES, "tariffs": STORE_TARIFFS}
Asked = dict[str, set[str]]
"""Names of columns by table."""

_ALWAYS = frozenset({str(LINE_COUNT), str(TARIFF_COUNT)})


@dataclass(frozen=True, slots=True)
class Source:
    """One file that rows came from.

    Attributes:
        name: the path as given.
        sha256: hash of its bytes (hex).
        size_bytes: its length.
        rows: tariff rows read from it, blank ones left out.
        kind: es003 or canonical, and the file form: csv, xlsx or parquet.
    """

    name: str
    sha256: str
    size_bytes: int
    rows: int
    kind: str


def is_store(path: Path | str) -> bool:
    """Whether `path` is a folder with the manifest of a store in it (of whatever version)."""
    try:
        return bool(_manifest(Path(path))["format"] == FORMAT_NAME)
    except StoreError:
        return False


def _manifest(folder: Path) -> dict[str, Any]:
    """The manifest of a folder.

    Raises:
        StoreError: none there, or not one of ours.
    """
    file = folder / MANIFEST
    try:
        found = json.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise StoreError(f"{folder} is not a store: there is no {MANIFEST} in it") from error
    except (OSError, UnicodeDecodeError, json.JSONDecodeError) as error:
        raise StoreError(f"{folder} is not a store: {MANIFEST} cannot be read ({error})") from error
    if not isinstance(found, dict) or found.get("format") != FORMAT_NAME:
        raise StoreError(f"{folder} is not a store: {MANIFEST} belongs to something else")
    return found


@dataclass(frozen=True)
class Store:
    """A folder of partitions, opened for reading.

    Attributes:
        folder: where it is.
        manifest: format, version, sources, partitions with counts and content hashes, facts given, totals.
    """

    folder: Path
    manifest: Mapping[str, Any]

    @classmethod
    def open(cls, folder: Path | str) -> Store:
        """The store in `folder`.

        Raises:
            StoreError: it is not a store, was written in another format version, or a file is missing.
        """
        place = Path(folder)
        manifest = _manifest(place)
        version = manifest.get("version")
        if version != FORMAT_VERSION:
            newer = isinstance(version, int) and version > FORMAT_VERSION
            step = "use the newer engine that wrote it" if newer else "import the sources again"
            raise StoreError(
                f"{place} is a store of format version {version}, this engine reads {FORMAT_VERSION}: {step}"
            )
        store = cls(place, manifest)
        for name in store.partitions:
            for table, _columns in TABLES:
                if not store.file(name, table).is_file():
                    raise StoreError(
                        f"{place} is not whole: {name}/{table}.parquet is missing; import the sources again"
                    )
        return store

    @property
    def partitions(self) -> tuple[str, ...]:
        """Names of the partitions, in entry number order."""
        return tuple(str(part["name"]) for part in self.manifest["partitions"])

    @property
    def sources(self) -> tuple[Source, ...]:
        """The files the rows came from; `source_idx` counts them."""
        return tuple(Source(**source) for source in self.manifest["sources"])

    def sources_record(self) -> list[dict[str, Any]]:
        """The sources as the manifest of a run lists them."""
        return [dict(source) for source in self.manifest["sources"]]

    @property
    def facts_given(self) -> frozenset[str]:
        """Entry facts that a column of some source gives (blank cells count as given)."""
        return frozenset(self.manifest["facts_given"])

    def file(self, name: str, table: str) -> Path:
        """The Parquet file of a table (entries, lines, tariffs) of a partition."""
        return self.folder / name / f"{table}.parquet"

    def parties(self) -> pa.Array:
        """Importer and 4811 party numbers of all entries, each spelling at least once.

        Raises:
            StoreError: a file cannot be read.
        """
        if self.manifest.get("parties") == PARTIES_FILE:
            path = self.folder / PARTIES_FILE
            try:
                with pq.ParquetFile(path) as file:  # `read_table` would load a module that nothing else here needs
                    return _one(file.read(use_threads=False).column(str(IMPORTER_NUMBER)))
            except (OSError, pa.ArrowException) as error:
                raise StoreError(f"{path} cannot be read ({error}); import the sources again") from error
        tables = (self.opened(name).entries for name in self.partitions)
        words = {word for table in tables for column in PARTIES for word in codes(table, column)[1]}
        return pa.array(sorted(words), pa.string())

    def read(self, name: str, columns: Collection[str] | None = None) -> Partition:
        """One partition as Arrow tables, read in the calling thread only.

        Args:
            name: one of `partitions`.
            columns: columns wanted, of whichever table; the counts are always read. None reads all.

        Raises:
            StoreError: there is no such partition, or a file of it cannot be read.
        """
        lazy = self.opened(name)
        tables: list[pa.Table] = []
        for table in (lazy.entries, lazy.lines, lazy.tariffs):
            wanted = [
                column for column in table.column_names if columns is None or column in columns or column in _ALWAYS
            ]
            table.prefetch(wanted)
            tables.append(table.chosen(wanted))
        entries, lines, tariffs = tables
        return Partition(name, entries, lines, tariffs, lazy.sources, lazy.kept_shapes)

    def opened(
        self, name: str, ahead: Mapping[str, Collection[str]] | None = None, loaded: Mapping[str, Loaded] | None = None
    ) -> Partition:
        """One partition whose columns are read when they are asked for (`packing.LazyTable`).

        Args:
            name: one of `partitions`.
            ahead: columns by table that will surely be asked for, read at once.
            loaded: what is in memory of its files, by table, and the shapes by the name of their file; it stays there
                while the partition is in use.

        Raises:
            StoreError: there is no such partition, or a file of it cannot be read, now or later.
        """
        record = self._records.get(name)
        if record is None:
            raise StoreError(f"{self.folder} has no partition {name!r}")
        entries, lines = (
            LazyTable(_LOGICAL[table], record[table], self._reader(name, table, loaded or {}))
            for table in ("entries", "lines")
        )
        tariffs = LazyTariffs(
            STORE_TARIFFS,
            record["tariffs"],
            self._reader(name, "tariffs", loaded or {}),
            self._quantity_reader(name, (loaded or {}).get("quantities")),
        )
        for table, lazy in (("entries", entries), ("lines", lines), ("tariffs", tariffs)):
            lazy.prefetch((ahead or {}).get(table, ()))
        sources = tuple(source["name"] for source in self.manifest["sources"])
        return Partition(
            name, entries, lines, tariffs, sources, partial(self._shapes, name, (loaded or {}).get(SHAPES_FILE))
        )

    def _shapes(self, name: str, loaded: Loaded | None) -> LineShapes | None:
        """The shapes of the lines of a partition; None where it keeps none.

        Raises:
            StoreError: they cannot be read.
        """
        record = self._records[name]
        path = self.folder / name / SHAPES_FILE
        return read_shapes(path, record["lines"], record["tariffs"], record["content_sha256"], loaded)

    @cached_property
    def _records(self) -> dict[str, dict[str, Any]]:
        """The manifest's record of each partition, by name."""
        return {str(part["name"]): part for part in self.manifest["partitions"]}

    def _reader(
        self, name: str, table: str, loaded: Mapping[str, Loaded]
    ) -> Callable[[Collection[str]], dict[str, Cells]]:
        """Reads columns of one file by name; those that it lacks are left out."""
        ready = loaded.get(table)

        def read(wanted: Collection[str]) -> dict[str, Cells]:
            with self._file(name, table, ready if ready is not None and ready.has(wanted) else None) as file:
                there = [field for field in file.schema_arrow.names if field in wanted]
                return _cells(file.read(columns=there, use_threads=False)) if there else {}

        return read

    def _quantity_reader(self, name: str, ready: Loaded | None) -> Callable[[Collection[str] | None], dict[str, Cells]]:
        """Reads the quantities that concern some tariff numbers (all with None): row groups of other numbers stay."""

        def read(numbers: Collection[str] | None) -> dict[str, Cells]:
            with self._file(name, "quantities", ready) as file:
                groups = groups_of(file.schema_arrow.metadata, file.num_row_groups, numbers)
                if ready is None or ready.has((), groups):
                    return _cells(file.read_row_groups(groups, use_threads=False)) if groups else {}
            with self._file(name, "quantities") as file:
                return _cells(file.read_row_groups(groups, use_threads=False))

        return read

    @contextmanager
    def _file(self, name: str, table: str, ready: Loaded | None = None) -> Iterator[pq.ParquetFile]:
        """A file of a partition, open, or what is in memory of it.

        Raises:
            StoreError: it cannot be read.
        """
        path = self.file(name, table)
        try:
            with opened_file(path, ready) as file:
                yield file
        except (OSError, pa.ArrowException) as error:
            raise StoreError(f"{path} cannot be read ({error}); import the sources again") from error


def _cells(table: pa.Table) -> dict[str, Cells]:
    """The columns of a table just read, each as one array, with whether nulls may stand in it."""
    return {field.name: (_one(table.column(field.name)), field.nullable) for field in table.schema}


def _one(values: pa.ChunkedArray) -> pa.Array:
    """One array of a column that a file gave in pieces."""
    if values.num_chunks == 1:
        return values.chunk(0)
    if pa.types.is_dictionary(values.type):
        values = values.unify_dictionaries()
    return pa.concat_arrays(values.chunks) if values.num_chunks else pa.array([], values.type)


def source_record(source: Source) -> dict[str, Any]:
    """A source as the manifest keeps it."""
    return asdict(source)
