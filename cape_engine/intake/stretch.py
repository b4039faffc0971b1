"""A stretch of rows in entry, line and ordinal order: what a part of a file becomes, in memory or on disk."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from cape_engine.bridge import Bools, Int32s, Int64s
from cape_engine.intake.cells import missing_of
from cape_engine.intake.chunk import RowChunk
from cape_engine.schema.column import Column
from cape_kernels import order as k

Numbers = npt.NDArray[np.signedinteger]

_NARROW = (np.int8, np.int16, np.int32)
_RUN_ROWS = 4  # of a run on the average; shorter ones, as of rows in any order, are not looked at


@dataclass(slots=True)
class Stretch:
    """Rows of one file, or of several after joining, in order; rows that compare equal as they were read.

    Attributes:
        keys: entry number keys, ascending, each with at least one row.
        starts: where the rows of each key begin, and the end (one more than keys).
        place: line number x ORDINALS + ordinal of each row.
        source, row: file, and line of that file, of each row.
        bad: rows with a cell that cannot be read; None: none.
        facts: stored columns, one number a row, in the narrowest type that holds them; a column of which nothing is
            known is left out.
    """

    keys: Int64s
    starts: Int64s
    place: Int32s
    source: npt.NDArray[np.int16]
    row: Numbers
    bad: Bools | None
    facts: dict[Column, Numbers]

    def __len__(self) -> int:
        return len(self.place)

    @property
    def nbytes(self) -> int:
        """Bytes that the arrays hold."""
        rows = self.place.nbytes + self.source.nbytes + self.row.nbytes + (0 if self.bad is None else self.bad.nbytes)
        return self.keys.nbytes + self.starts.nbytes + rows + sum(values.nbytes for values in self.facts.values())

    def part(self, low: int, high: int) -> Stretch:
        """The rows of the keys at places `low` to `high`, as views."""
        begin, end = int(self.starts[low]), int(self.starts[high])
        return Stretch(
            self.keys[low:high],
            self.starts[low : high + 1] - begin,
            self.place[begin:end],
            self.source[begin:end],
            self.row[begin:end],
            None if self.bad is None else self.bad[begin:end],
            {column: values[begin:end] for column, values in self.facts.items()},
        )


def stretch_of(chunk: RowChunk) -> Stretch:
    """A chunk in order and narrow; its columns are taken out of it on the way."""
    counts = np.bincount(chunk.entry, minlength=len(chunk.keys))
    used = np.flatnonzero(counts)
    keys = chunk.keys[used]
    entry = chunk.entry
    if len(used) < len(chunk.keys) or (keys[1:] <= keys[:-1]).any():
        ranked = np.argsort(keys, kind="stable")
        rank = np.empty(len(chunk.keys), np.int32)
        rank[used[ranked]] = np.arange(len(used), dtype=np.int32)
        entry, keys, counts = rank[entry], keys[ranked], counts[used[ranked]]
    order = order_of(entry, chunk.place)
    starts = np.zeros(len(keys) + 1, np.int64)
    np.cumsum(counts, out=starts[1:])
    place, row, bad = chunk.place, narrowed(chunk.rows), chunk.bad if chunk.bad.any() else None
    if order is not None:
        place, row, bad = place.take(order), row.take(order), None if bad is None else bad.take(order)
    facts: dict[Column, Numbers] = {}
    for column in list(chunk.facts):
        values = narrow_fact(column, chunk.facts.pop(column))
        if values is not None:
            facts[column] = values if order is None else values.take(order)
    return Stretch(keys, starts, place, np.full(len(place), chunk.source, np.int16), row, bad, facts)


def joined(stretches: list[Stretch]) -> Stretch:
    """Stretches as one, in order; rows that compare equal in the order of the stretches. Empties them on the way."""
    keys = distinct_keys([stretch.keys for stretch in stretches])
    entry = end_to_end([_entries(keys, stretch) for stretch in stretches], np.int32)
    place = end_to_end([stretch.place for stretch in stretches], np.int32)
    order = order_of(entry, place)
    starts = np.zeros(len(keys) + 1, np.int64)
    np.cumsum(np.bincount(entry, minlength=len(keys)), out=starts[1:])
    source = end_to_end([stretch.source for stretch in stretches], np.int16)
    row: Numbers = end_to_end([stretch.row for stretch in stretches], np.int64)
    bad: Bools | None = None
    if any(stretch.bad is not None for stretch in stretches):
        marks = [np.zeros(len(each), bool) if each.bad is None else each.bad for each in stretches]
        bad = end_to_end(marks, np.bool_)
    facts: dict[Column, Numbers] = {}
    for column in sorted({column for stretch in stretches for column in stretch.facts}):
        values = end_to_end([_fact(stretch, column) for stretch in stretches], np.int64)
        facts[column] = values if order is None else values.take(order)
        for stretch in stretches:
            stretch.facts.pop(column, None)
    if order is not None:
        place, source, row = place.take(order), source.take(order), row.take(order)
        bad = None if bad is None else bad.take(order)
    return Stretch(keys, starts, place, source, row, bad, facts)


def distinct_keys(parts: list[Int64s]) -> Int64s:
    """The keys of all parts, ascending; parts that follow each other, as those of sorted files do, are only joined."""
    parts = [part for part in parts if len(part)]
    if all(one[-1] < two[0] for one, two in pairwise(parts)):
        return end_to_end(parts, np.int64)
    return np.unique(np.concatenate(parts))


def end_to_end(parts: list[npt.NDArray[Any]], kind: type[np.generic]) -> npt.NDArray[Any]:
    """Arrays as one, not copied if there is only one; `kind` where there is none."""
    if len(parts) == 1:
        return parts[0]
    return np.concatenate(parts) if parts else np.empty(0, kind)


def _entries(keys: Int64s, stretch: Stretch) -> Int32s:
    """For each row of a stretch, the place of its key among `keys`."""
    found: Int32s = np.repeat(np.searchsorted(keys, stretch.keys).astype(np.int32), np.diff(stretch.starts))
    return found


def _fact(stretch: Stretch, column: Column) -> Numbers:
    """A column of a stretch; unknown on every row where the file lacks it."""
    found = stretch.facts.get(column)
    if found is not None:
        return found
    return np.full(len(stretch), missing_of(column), np.int32 if pa.types.is_date(column.type) else np.int8)


def order_of(entry: Int32s, place: Int32s) -> Int64s | None:
    """The stable order by entry and place; None where the rows stand in it already, as those of many exports do."""
    count = len(entry)
    if count < 2:  # noqa: PLR2004 - one row is always in order
        return None
    begins = entry[1:] != entry[:-1]
    if bool(((place[1:] >= place[:-1]) | begins).all()):
        runs = np.concatenate([[0], np.flatnonzero(begins) + 1, [count]])
        if bool((entry[runs[1:-1]] > entry[runs[1:-1] - 1]).all()):
            return None
        found = _order_of_runs(entry, place, runs) if count >= _RUN_ROWS * len(runs) else None
        if found is not None:
            return found
    keys = entry.astype(np.int64) << int(place.max()).bit_length()
    keys += place
    order = np.empty(count, np.int32)
    spare = np.empty(count, np.int64), np.empty(count, np.int32)
    k.sort_rows(keys, order, *spare, np.empty(k.COUNTERS, np.int64))
    return order.astype(np.int64)  # once; else every column that is taken in this order would do it


def _order_of_runs(entry: Int32s, place: Int32s, runs: Int64s) -> Int64s | None:
    """`order_of` by moving whole runs, as most exports give them: each entry with its rows in order, entries in any.

    Args:
        entry: of each row.
        place: of each row, ascending within a run.
        runs: where each run of rows of one entry begins, and the end.

    Returns:
        None where two runs of an entry lie one in the other, as in rows of any order.
    """
    moved = np.argsort(entry[runs[:-1]], kind="stable")
    begin, end = runs[:-1][moved], runs[1:][moved]
    again = entry[begin[1:]] == entry[begin[:-1]]  # a run goes on where a part of the file ended within an entry
    if bool((again & (place[begin[1:]] < place[end[:-1] - 1])).any()):
        return None
    length = end - begin
    order: Int64s = np.repeat(begin - (np.cumsum(length) - length), length)
    order += np.arange(len(order))
    return order


def narrow_fact(column: Column, values: Numbers) -> Numbers | None:
    """A column in the narrowest type that holds it; None where nothing is known. Days stay as they are."""
    if len(values) == 0:
        return None
    high = int(values.max())
    if high == missing_of(column):
        return None
    return _own(values) if pa.types.is_date(column.type) else _narrowed(values, int(values.min()), high)


def narrowed(values: Numbers) -> Numbers:
    """Whole numbers in the narrowest type that holds them."""
    return values if len(values) == 0 else _narrowed(values, int(values.min()), int(values.max()))


def _narrowed(values: Numbers, low: int, high: int) -> Numbers:
    """As above, the bounds being known."""
    for kind in _NARROW:
        if values.dtype.itemsize > np.dtype(kind).itemsize and np.iinfo(kind).min <= low and high <= np.iinfo(kind).max:
            return values.astype(kind)
    return _own(values)


def _own(values: Numbers) -> Numbers:
    """An array that keeps no larger one in memory, as a view would do."""
    return values if values.base is None else values.copy()
