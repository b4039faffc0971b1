"""Some entries of a partition, with their lines and numbers, and partitions made one."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa

from cape_engine.bridge import Int64s, Partition, offsets
from cape_engine.intake.entries import keys_of_texts
from cape_engine.schema import facts as f
from cape_engine.schema import rows as s
from cape_engine.schema.column import Column, arrow_schema


def entry_keys(partition: Partition) -> Int64s:
    """The keys of a partition's entries."""
    keys, _status = keys_of_texts(plain(partition.entries, f.ENTRY_NUMBER))
    return keys


def plain(table: pa.Table, column: Column) -> pa.Array:
    """A column as one array, words as text, so that those of two tables can be compared and joined."""
    values = table.column(str(column))
    if pa.types.is_dictionary(values.type):
        values = values.cast(pa.string())
    return values.combine_chunks() if values.num_chunks != 1 else values.chunk(0)


def below(counts: Int64s, rows: Int64s) -> Int64s:
    """The rows of the table below that some rows own.

    Args:
        counts: where the rows below begin for each row, and the end (`bridge.offsets`).
        rows: some rows, in any order.
    """
    begin, length = counts[rows], counts[rows + 1] - counts[rows]
    before = np.concatenate([[0], np.cumsum(length)]).astype(np.int64)
    found: Int64s = np.arange(before[-1]) + np.repeat(begin - before[:-1], length)
    return found


def picked(partition: Partition, rows: Int64s) -> Partition:
    """Some entries of a partition, in the order given, whole.

    Args:
        partition: any.
        rows: places in its entries.
    """
    lines = below(offsets(partition.entries, s.LINE_COUNT), rows)
    tariffs = below(offsets(partition.lines, s.TARIFF_COUNT), lines)
    return Partition(
        partition.name,
        partition.entries.take(pa.array(rows)),
        partition.lines.take(pa.array(lines)),
        partition.tariffs.take(pa.array(tariffs)),
        partition.sources,
    )


def in_entry_order(
    name: str, partitions: Sequence[Partition], sources: tuple[str, ...], without: Int64s | None = None
) -> Partition:
    """The entries of several partitions as one partition, by number.

    Args:
        name: its name.
        partitions: no entry stands in two of them, those left out excepted.
        sources: the files that `source_idx` counts in all of them.
        without: places of entries of the first partition that are left out.
    """
    whole = Partition(
        name,
        _end_to_end(s.STORE_ENTRIES, [part.entries for part in partitions]),
        _end_to_end(s.STORE_LINES, [part.lines for part in partitions]),
        _end_to_end(s.STORE_TARIFFS, [part.tariffs for part in partitions]),
        sources,
    )
    order = np.argsort(entry_keys(whole), kind="stable")
    if without is not None:
        stays = np.ones(len(order), bool)
        stays[without] = False
        order = order[stays[order]]
    unchanged = len(order) == whole.entries.num_rows and bool((np.diff(order) == 1).all())
    return whole if unchanged else picked(whole, order.astype(np.int64))


def _end_to_end(columns: Sequence[Column], tables: Sequence[pa.Table]) -> pa.Table:
    """Tables of one schema end to end, each column one array."""
    whole = pa.concat_tables([table.select([str(column) for column in columns]) for table in tables])
    return whole.unify_dictionaries().combine_chunks().cast(arrow_schema(columns))
