"""The hash of what a partition says, whatever files its rows came from."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from cape_engine.bridge import Each, Partition, single, sparse_quantities
from cape_engine.schema.column import Column
from cape_engine.schema.rows import SOURCE_IDX, SOURCE_ROW
from cape_engine.store.layout import TABLES
from cape_engine.store.packing import by_number, packed

_PROVENANCE = frozenset({str(SOURCE_IDX), str(SOURCE_ROW)})


def packed_tables(partition: Partition, each: Each = map) -> dict[str, pa.Table]:
    """The tables of a partition as they stand in its files, by name.

    Args:
        partition: any.
        each: applies a function to each column; that of a pool of threads packs several at the same time.
    """
    columns = dict(TABLES)
    whole = {
        "tariffs": partition.tariffs,
        "quantities": sparse_quantities(partition),
        "lines": partition.lines,
        "entries": partition.entries,
    }
    cells = [
        (name, column, single(table, column))
        for name, table in whole.items()  # those that take longest first
        for column in columns[name]
        if str(column) in table.column_names
    ]
    found: dict[str, list[tuple[pa.Field, pa.Array]]] = {name: [] for name, _ in TABLES}
    for (name, _column, _values), one in zip(cells, each(lambda cell: packed(*cell[1:]), cells), strict=True):
        if one is not None:
            found[name].append(one)
    tables = {
        name: pa.table([values for _field, values in made], schema=pa.schema([field for field, _values in made]))
        for name, made in found.items()
    }
    return {**tables, "quantities": by_number(tables["quantities"], tables["tariffs"], each)}


def content_hash(partition: Partition) -> str:
    """SHA-256 (hex) over every column of a partition except where its rows came from.

    The order of words in a dictionary, file names and row numbers do not count, so the same entries give the same
    hash from CSV and Parquet, in one file or in many, shuffled or not.
    """
    return packed_hash(
        packed_tables(partition), (partition.entries.num_rows, partition.lines.num_rows, partition.tariffs.num_rows)
    )


def packed_hash(tables: Mapping[str, pa.Table], counts: tuple[int, ...]) -> str:
    """The content hash of a partition from its packed tables, which have one form for one content.

    Args:
        tables: as `packed_tables` gives them.
        counts: entries, lines and tariffs.
    """
    digest = hashlib.sha256(repr(counts).encode())
    for name, columns in TABLES:
        table = tables[name]
        digest.update(f"{name} {table.num_rows}\n".encode())
        for column in columns:
            if str(column) in table.column_names and column not in _PROVENANCE:
                _update(digest, single(table, column), column)
    return digest.hexdigest()


def provenance_hash(tables: Mapping[str, pa.Table], sources: Sequence[str]) -> str:
    """SHA-256 (hex) over where the rows of a partition came from: the names of the files in use, and every row number.

    Args:
        tables: as `packed_tables` gives them.
        sources: the files that `source_idx` counts.
    """
    digest = hashlib.sha256()
    for name in ("entries", "tariffs"):
        table = tables[name]
        for column in (SOURCE_IDX, SOURCE_ROW):
            if str(column) in table.column_names:
                _update(digest, single(table, column), column)
        if str(SOURCE_IDX) in table.column_names:
            used = pc.unique(single(table, SOURCE_IDX)).to_pylist()
            digest.update(repr([(number, sources[number]) for number in sorted(used)]).encode())
    return digest.hexdigest()


def _update(digest: hashlib._Hash, values: pa.Array, column: Column) -> None:
    """Add one column: its name, which cells are known, then their values, none of it dependent on Arrow's buffers."""
    digest.update(f"{column} {values.null_count}\n".encode())
    if values.null_count:
        digest.update(np.packbits(values.is_valid().to_numpy(zero_copy_only=False)).data)
    if pa.types.is_dictionary(values.type):
        for word in values.dictionary.to_pylist():
            digest.update(f"{len(word)}:{word}".encode())
        values = values.indices
    if pa.types.is_string(values.type):
        texts = pc.fill_null(values, "")
        digest.update(pc.binary_length(texts).to_numpy(zero_copy_only=False).astype("<i4"))
        starts = np.frombuffer(texts.buffers()[1], np.int32)[texts.offset : texts.offset + len(texts) + 1]
        data = texts.buffers()[2]
        if data is not None:
            digest.update(memoryview(data)[int(starts[0]) : int(starts[-1])])
        return
    if pa.types.is_date(values.type):
        values = values.cast(pa.int32())
    if values.null_count:
        values = pc.fill_null(values, False if pa.types.is_boolean(values.type) else 0)
    numbers = values.to_numpy(zero_copy_only=False)
    digest.update(f"{numbers.dtype.str}\n".encode())
    digest.update((np.packbits(numbers) if numbers.dtype == np.bool_ else np.ascontiguousarray(numbers)).data)
