"""Entries and lines as the kernel wants them: rate dates, words, and the few lines with facts of their own."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from cape_engine import bridge
from cape_engine.bridge import NO_DAY, Bools, Int32s, Int64s, Partition, readonly
from cape_engine.mass_processing.periods import Periods
from cape_engine.rules import Ruleset
from cape_engine.schema import facts as f
from cape_engine.schema import rows as t
from cape_engine.schema.column import Column
from cape_kernels import places
from cape_kernels import tables as k

_ENTRY_DATES = {str(column): column for column in (f.ENTRY_DATE, f.INBOND_DATE)}
_NO_TEXT = -1
_NOTHING: Int32s = readonly(np.zeros(0, np.int32))

Texts = tuple[Int64s, Int32s]
"""Places of lines (ascending) and the rate row read from the column 1 text of each."""


def entries_of(partition: Partition, ruleset: Ruleset, periods: Periods) -> k.Entries:
    """`tables.Entries` of a partition."""
    days = _entry_days(partition.entries, ruleset)
    return k.Entries(_counts(partition.entries, t.LINE_COUNT), readonly(days), periods.of_days(days))


def lines_of(
    partition: Partition, ruleset: Ruleset, periods: Periods, entries: k.Entries, texts: Texts
) -> tuple[k.Lines, Sequence[str], Sequence[str], Int64s]:
    """(`tables.Lines`, countries of origin, programmes, privileged lines without their date).

    Privileged FTZ goods take the day of that status (CATAIR AE note (j), handbook 5.5); the components of a set carry
    no duty (CATAIR AE (k)).

    Args:
        partition: lines and their counts.
        ruleset: which status is privileged.
        periods: what days mean.
        entries: as made by `entries_of`.
        texts: lines whose column 1 text counts.
    """
    origin, countries = _words(partition.lines, t.COUNTRY_OF_ORIGIN)
    spi, programmes = _words(partition.lines, t.SPI_CODE)
    counts = _counts(partition.lines, t.TARIFF_COUNT)
    odd = _odd_lines(partition, ruleset, entries.lines, texts[0])
    days = entries.day[odd.entry]
    privileged = np.flatnonzero(odd.marks & places.PRIVILEGED)
    missing = privileged
    if len(privileged):
        own = bridge.days_at(partition.lines, t.PRIVILEGED_DATE, odd.line[privileged])
        missing, given = privileged[own == NO_DAY], own != NO_DAY
        days[privileged[given]] = own[given]
    arrays = k.Lines(
        tariffs=counts,
        origin=origin,
        spi=spi,
        odd=readonly(np.append(odd.line, np.int32(len(counts)))),
        odd_day=readonly(days),
        odd_period=periods.of_days(days),
        odd_component=readonly(odd.marks & np.int8(places.COMPONENT)),
        odd_text=readonly(np.append(texts[1], np.int32(_NO_TEXT))[odd.text]),
    )
    return arrays, countries, programmes, odd.line[missing].astype(np.int64)


def _odd_lines(partition: Partition, ruleset: Ruleset, counts: Int32s, texts: Int64s) -> places.Odd:
    """Lines that are part of a set, privileged, or have a text that counts."""
    statuses = {row.ftz_status for row in ruleset.rate_date_rules if row.ftz_status}
    columns = (
        _marked(partition.lines, t.SET_INDICATOR, {"V"}, places.COMPONENT),
        _marked(partition.lines, t.FTZ_STATUS, statuses, places.PRIVILEGED),
    )
    size = partition.lines.num_rows
    room = places.Odd(*(np.empty(size, kind) for kind in (np.int32, np.int32, np.int8, np.int32)))
    found = np.zeros(1, np.int64)
    words = np.empty(places.BLOCK // 8, np.int64)
    places.odd_lines(counts, *columns, readonly(np.append(texts, size)), words, words.view(np.int8), room, found)
    return places.Odd._make(array[: found[0]] for array in room)


def _marked(table: pa.Table, column: Column, wanted: set[str], mark: int) -> places.Marked:
    """A column of words, of which the wanted ones give a line a mark."""
    codes, words = _words(table, column)
    hits = [place for place, word in enumerate(words) if word in wanted]
    marks = np.zeros(len(words) + 1, np.int8)
    marks[np.array(hits, np.int64) + 1] = mark
    first, last = (hits[0], hits[-1]) if hits else (0, 0)
    return places.Marked(codes if hits else _NOTHING, readonly(marks), first, last - first)


def entry_of(line_counts: Int32s | Int64s, lines: npt.NDArray[np.integer]) -> Int64s:
    """Entry of each of those lines."""
    return np.searchsorted(np.cumsum(line_counts), lines, side="right")


def days_of(entries: k.Entries, lines: k.Lines) -> Int32s:
    """Rate date of each line, `NO_DAY` where unknown."""
    days: Int32s = np.repeat(entries.day, entries.lines)
    days[lines.odd[:-1]] = lines.odd_day
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


def _words(table: pa.Table, column: Column) -> tuple[Int32s, Sequence[str]]:
    """Codes and vocabulary; no codes where no row has a word."""
    if not bridge.is_given(table, column):
        return _NOTHING, ()
    return bridge.raw_codes(table, column)
