"""What refunds earned in which period: principal and interest, rolled forward from period to period (26 USC 6622)."""

from __future__ import annotations

import calendar
import datetime as dt
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from cape_engine import bridge
from cape_engine.bridge import NO_DAY, Int32s, Int64s
from cape_engine.dates import date_of, day_number
from cape_engine.pipeline.books.positions import NOTHING, WAITING, Positions
from cape_engine.refund.cohorts import UNKNOWN
from cape_engine.schema import books as b

LENGTHS = ("week", "month", "quarter")
"""Lengths of a period; a week begins on Monday."""
_FIELDS = 6  # deposited, earned, due principal, due interest, earning entries, due entries
_DEPOSITED, _EARNED, _DUE, _DUE_INTEREST, _EARNING, _DUE_ENTRIES = range(_FIELDS)


@dataclass(frozen=True, slots=True)
class Accrued:
    """The books of some entries.

    Attributes:
        periods: `schema.books.ACCRUAL_PERIODS`.
        importers: `ACCRUAL_IMPORTERS`.
        without_day: `WITHOUT_DAY`.
        unknown: entries with a day up to the cut-off for which a rate of interest is not known.
    """

    periods: pa.Table
    importers: pa.Table
    without_day: pa.Table
    unknown: int


def periods(first: int, cut_off: int, length: str) -> list[tuple[int, int]]:
    """First and last day of each period from the one that holds a day up to the cut-off, where the last one ends.

    Args:
        first: a day of the first period, days since 1970-01-01.
        cut_off: last day that counts.
        length: one of `LENGTHS`.
    """
    found = []
    begin = _begin(date_of(first), length)
    while day_number(begin) <= cut_off:
        end = _end(begin, length)
        found.append((day_number(begin), min(day_number(end), cut_off)))
        begin = end + dt.timedelta(days=1)
    return found


def _begin(day: dt.date, length: str) -> dt.date:
    if length == "week":
        return day - dt.timedelta(days=day.weekday())
    return day.replace(day=1, month=day.month if length == "month" else 3 * ((day.month - 1) // 3) + 1)


def _end(begin: dt.date, length: str) -> dt.date:
    if length == "week":
        return begin + dt.timedelta(days=6)
    month = begin.month if length == "month" else begin.month + 2
    return dt.date(begin.year, month, calendar.monthrange(begin.year, month)[1])


def accrue(positions: Positions, cut_off: dt.date, length: str) -> Accrued:
    """Principal and interest by period, of every entry that has a day.

    The interest of a period is what the entry has earned up to its last day less what it had up to the day before its
    first one, each rounded as CBP rounds on the day of liquidation. So the periods of an entry add up to its interest
    to the cent, whatever the length.

    Args:
        positions: of entries.
        cut_off: last day that counts.
        length: one of `LENGTHS`.
    """
    last = day_number(cut_off)
    number, words = _importers(positions)
    dated = np.flatnonzero(positions.dated)
    owner, money, day = _events(positions, dated)
    before = int(day.min()) if len(day) else last
    spans = periods(min(before, last), last, length)
    sums = np.zeros((len(spans), _FIELDS, len(words)), np.int64)
    start = positions.start()
    earned = np.zeros(len(positions), np.int64)
    unknown = np.zeros(len(positions), np.bool_)
    for place, (begin, end) in enumerate(spans):
        fields = sums[place]
        inside = (day >= begin) & (day <= end)
        np.add.at(fields[_DEPOSITED], number[owner[inside]], money[inside])
        runs = dated[(start[dated] != NO_DAY) & (start[dated] < end) & (positions.day[dated] >= begin)]
        until, sure = positions.accrued(runs, np.full(len(runs), end, np.int32))
        unknown[runs[~sure]] = True
        until = np.where(sure, until, earned[runs])
        np.add.at(fields[_EARNED], number[runs], until - earned[runs])
        fields[_EARNING] += np.bincount(number[runs], minlength=len(words))
        earned[runs] = until
        due = dated[(positions.day[dated] >= begin) & (positions.day[dated] <= end)]
        np.add.at(fields[_DUE], number[due], positions.principal_cents[due])
        np.add.at(fields[_DUE_INTEREST], number[due], earned[due])
        fields[_DUE_ENTRIES] += np.bincount(number[due], minlength=len(words))
    return Accrued(
        _periods_table(spans, sums),
        _importers_table(spans, sums, words),
        without_day(positions),
        int(unknown.sum()),
    )


def _importers(positions: Positions) -> tuple[Int64s, list[str]]:
    """The importer of each entry as a number, and importers in their order."""
    known = positions.importer.dictionary.to_pylist()
    words = sorted({*known, UNKNOWN} - {None})
    place = {word: number for number, word in enumerate(words)}
    which = np.array([*(place[word] for word in known), place[UNKNOWN]], np.int64)
    return which[bridge.filled(positions.importer.indices, np.int32, -1)], words


def _events(positions: Positions, dated: Int64s) -> tuple[Int64s, Int64s, Int32s]:
    """Entry, cents and day of each deposit of entries with a day.

    What no deposit covers, and what was deposited after the liquidation, counts as deposited on its day: it earns
    nothing, and the books still close.
    """
    parts = positions.slices
    mine = np.zeros(len(positions), np.bool_)
    mine[dated] = True
    kept = mine[parts.entry]
    entry, cents = parts.entry[kept], parts.amount_cents[kept]
    day = np.minimum(parts.day[kept], positions.day[entry])
    covered = np.zeros(len(positions), np.int64)
    np.add.at(covered, entry, cents)
    rest = dated[positions.principal_cents[dated] > covered[dated]]
    return (
        np.concatenate([entry, rest]),
        np.concatenate([cents, positions.principal_cents[rest] - covered[rest]]),
        np.concatenate([day, positions.day[rest]]),
    )


def _columns(sums: npt.NDArray[np.int64]) -> list[Int64s]:
    """The columns of a table of periods from sums by period (first axis)."""
    deposited, earned, due, interest, earning, entries = (sums[:, field] for field in range(_FIELDS))
    return [
        deposited,
        earned,
        due,
        interest,
        np.cumsum(deposited - due, axis=0),
        np.cumsum(earned - interest, axis=0),
        earning,
        entries,
    ]


def _span_columns(spans: list[tuple[int, int]], rows: Int64s) -> list[pa.Array]:
    """First and last day of the period of each row."""
    edges = np.array(spans, np.int32).reshape(-1, 2)
    return [bridge.dates(edges[rows, side].astype(np.int32)) for side in range(2)]


def _periods_table(spans: list[tuple[int, int]], sums: npt.NDArray[np.int64]) -> pa.Table:
    """One row per period."""
    columns = _columns(sums.sum(axis=2))
    rows = np.arange(len(spans))
    made = [*_span_columns(spans, rows), *(pa.array(column) for column in columns)]
    return pa.table(made, schema=b.ACCRUAL_PERIODS_SCHEMA)


def _importers_table(spans: list[tuple[int, int]], sums: npt.NDArray[np.int64], words: list[str]) -> pa.Table:
    """One row per importer and period in which something moves or is open."""
    columns = _columns(sums)
    busy = np.any(np.stack(columns) != 0, axis=0)
    importer, period = np.nonzero(busy.T)
    shown = pa.DictionaryArray.from_arrays(pa.array(importer.astype(np.int32)), pa.array(words, pa.string()))
    made = [
        shown,
        *_span_columns(spans, period),
        *(pa.array(np.ascontiguousarray(column[period, importer])) for column in columns),
    ]
    return pa.table(made, schema=b.ACCRUAL_IMPORTERS_SCHEMA)


def without_day(positions: Positions) -> pa.Table:
    """Principal without a day by importer and reason (`schema.books.WITHOUT_DAY`)."""
    rows = np.flatnonzero((positions.standing == WAITING) | (positions.standing == NOTHING))
    number, words = _importers(positions)
    states = positions.state.dictionary.to_pylist()
    state = bridge.filled(positions.state.indices, np.int32, -1)[rows]
    key = (number[rows] << 8 | positions.standing[rows]) << 16 | state
    met, which = np.unique(key, return_inverse=True)
    cents = np.zeros(len(met), np.int64)
    np.add.at(cents, which, positions.principal_cents[rows])
    counts = np.bincount(which, minlength=len(met))
    made = [
        pa.array([words[one >> 24] for one in met.tolist()], pa.string()).dictionary_encode(),
        pa.array([b.STANDINGS[one >> 16 & 0xFF] for one in met.tolist()], pa.string()).dictionary_encode(),
        pa.array([states[one & 0xFFFF] for one in met.tolist()], pa.string()).dictionary_encode(),
        pa.array(counts.astype(np.int64)),
        pa.array(cents),
    ]
    return pa.table(made, schema=b.WITHOUT_DAY_SCHEMA)
