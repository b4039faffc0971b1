"""Entries, lines and their shapes as the kernel wants them: rate dates, words, and lines with facts of their own."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from cape_engine import bridge
from cape_engine.bridge import NO_DAY, Bools, Int32s, Int64s, LineShapes, Partition, readonly
from cape_engine.mass_processing.periods import Periods
from cape_engine.rules import Ruleset
from cape_engine.schema import facts as f
from cape_engine.schema import rows as t
from cape_engine.schema.column import Column
from cape_kernels import tables as k

_ENTRY_DATES = {str(column): column for column in (f.ENTRY_DATE, f.INBOND_DATE)}
_INT32_MAX = 2**31 - 1
_NO_AMOUNTS: Int64s = readonly(np.zeros(0, np.int64))
_NO_KEYS: Int32s = readonly(np.zeros(0, np.int32))

Texts = tuple[Int64s, Int32s]
"""Places of lines (ascending) and the rate row read from the column 1 text of each."""


def entries_of(partition: Partition, ruleset: Ruleset, periods: Periods) -> k.Entries:
    """`tables.Entries` of a partition."""
    days = _entry_days(partition.entries, ruleset)
    return k.Entries(_counts(partition.entries, t.LINE_COUNT), readonly(days), periods.of_days(days))


def lines_of(shapes: LineShapes, periods: Periods, texts: Texts) -> k.Lines:
    """`tables.Lines` of a partition.

    Args:
        shapes: its lines by shape.
        periods: what days mean.
        texts: lines whose column 1 text counts.
    """
    count = len(shapes.key)
    value, wide_value = narrowed(shapes.value)
    narrow = shapes.key.dtype == np.int32
    return k.Lines(
        key=shapes.key if narrow else _NO_KEYS,
        wide_key=_NO_AMOUNTS if narrow else shapes.key,
        value=value,
        wide_value=wide_value,
        text_line=_closed(texts[0], count),
        text_row=texts[1],
        dated_line=_closed(shapes.dated_line, count),
        dated_day=shapes.dated_day,
        dated_period=periods.of_days(shapes.dated_day),
    )


def keys_of(lines: k.Lines) -> Int32s | Int64s:
    """Keys of the lines, in whichever array they are."""
    keys: Int32s | Int64s = lines.key if len(lines.key) else lines.wide_key
    return keys


def shapes_for(shapes: LineShapes, ruleset: Ruleset, origin_of: Int32s, spi_of: Int32s) -> k.Shapes:
    """`tables.Shapes` of a partition.

    Privileged FTZ goods take the day of that status (CATAIR AE note (j), handbook 5.5); the components of a set carry
    no duty (CATAIR AE (k)).

    Args:
        shapes: the lines by shape.
        ruleset: which status is privileged.
        origin_of: what each country is, and no country, as `Periods.origins` gives it.
        spi_of: what each programme is, as `Periods.spis` gives it.
    """
    privileged = {row.ftz_status for row in ruleset.rate_date_rules if row.ftz_status}
    origin, spi, sets, statuses = shapes.words
    marks = k.SHAPE_VALUED * shapes.valued.astype(np.int8)
    marks |= np.where(among(sets, shapes.word_lists[2], {"V"}), np.int8(k.SHAPE_COMPONENT), np.int8(0))
    marks |= np.where(among(statuses, shapes.word_lists[3], privileged), np.int8(k.SHAPE_PRIVILEGED), np.int8(0))
    return k.Shapes(
        shapes.size,
        shapes.start,
        shapes.before,
        readonly(origin_of[origin]),
        readonly(spi_of[spi]),
        readonly(marks),
        shapes.beside_tariff,
        shapes.beside_value,
    )


def narrowed(amounts: npt.NDArray[Any]) -> tuple[Int32s, Int64s]:
    """(int32 with `WIDE` for what does not fit, all of them as int64 if there is any such)."""
    if amounts.dtype == np.int32:
        return readonly(amounts), _NO_AMOUNTS
    wide = amounts > _INT32_MAX
    narrow = amounts.astype(np.int32)
    if not wide.any():
        return readonly(narrow), _NO_AMOUNTS
    narrow[wide] = k.WIDE
    return readonly(narrow), readonly(amounts)


def _closed(places: npt.NDArray[np.integer], end: int) -> Int32s:
    """Ascending places, and the end behind them."""
    return readonly(np.append(places, end).astype(np.int32))


def entry_of(line_counts: Int32s | Int64s, lines: npt.NDArray[np.integer]) -> Int64s:
    """Entry of each of those lines."""
    return np.searchsorted(np.cumsum(line_counts), lines, side="right")


def days_of(entries: k.Entries, lines: k.Lines, shapes: k.Shapes, bits: int) -> Int32s:
    """Rate date of each line, `NO_DAY` where unknown."""
    days: Int32s = np.repeat(entries.day, entries.lines)
    dated = lines.dated_line[:-1]
    own = shapes.marks[keys_of(lines)[dated] >> bits] & k.SHAPE_PRIVILEGED != 0
    days[dated[own]] = lines.dated_day[own]
    return days


def among(codes: Int32s, words: Sequence[str], wanted: set[str]) -> Bools:
    """Which codes stand for one of the wanted words; false where nothing is known."""
    hit = np.array([word in wanted for word in words] + [False], np.bool_)
    return hit[codes]


def _entry_days(entries: pa.Table, ruleset: Ruleset) -> Int32s:
    """Rate date of each entry, as far as its own dates give one.

    Some entry types take the entry date; the others the in-bond date first, then the entry date (CATAIR AE note (j),
    handbook 5.5). Dates no input carries are passed over.
    """
    types, words = bridge.codes(entries, f.ENTRY_TYPE)
    days = np.full(entries.num_rows, NO_DAY, np.int32)
    open_ = np.ones(entries.num_rows, np.bool_)
    for rule in ruleset.rate_date_rules:
        if rule.ftz_status:
            continue
        chosen = open_ & among(types, words, set(rule.entry_types)) if rule.entry_types else open_.copy()
        open_ &= ~chosen
        for name in rule.dates:
            if name in _ENTRY_DATES:
                found = bridge.days(entries, _ENTRY_DATES[name])
                days = np.where(chosen & (days == NO_DAY), found, days)
    return days


def _counts(table: pa.Table, column: Column) -> Int32s:
    """A column of counts as it is at hand."""
    values = bridge.stored(table, column)
    if values is None:
        return readonly(np.zeros(table.num_rows, np.int32))
    return readonly(values.to_numpy(zero_copy_only=False).astype(np.int32, copy=False))
