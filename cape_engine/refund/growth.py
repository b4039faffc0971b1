"""Other ways to let money grow than the law's: what CBP or a spreadsheet may have done instead (handbook 8.1).

Each is a rate table with another growth between two days, exact as a fraction and as the 2^-128 lower bound that the
kernel multiplies, so that millions of amounts are priced by each in the same way as by the law's own.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from typing import TypeVar

import numpy as np

from cape_engine.bridge import Bools, Int64s, readonly
from cape_engine.dates import date_of
from cape_engine.refund.rates import (
    SCALE,
    WORD_BITS,
    RatePeriod,
    RateTable,
    Uint64s,
    as_words,
    base_of,
    exact_growth,
    quarter_bounds,
    shared,
)
from cape_kernels import growth as growths

_FINE = 64
"""Further bits of a sum of quarters, so that the errors of all of them stay below one unit of 2^-128."""
_PLAIN, _LEAP = 365, 366
_BASES = math.lcm(360, _PLAIN, _LEAP)
_Days = TypeVar("_Days", int, Int64s)


def by_calendar_quarter(start: int, end: int) -> list[tuple[int, int]]:
    """The days after `start` up to `end` cut at calendar quarters: (day before the first, last) of each."""
    found = []
    while start < end:
        date = date_of(start + 1)
        last = min(end, quarter_bounds(date.year, (date.month + 2) // 3)[1])
        found.append((start, last))
        start = last
    return found


@dataclass(frozen=True)
class SimpleTable(RateTable):
    """Simple interest: every day bears its rate on the principal alone."""

    @cached_property
    def _sums(self) -> tuple[list[int], ...]:
        """For each kind the sum of daily rates up to each point, in billionths of 1 / `_BASES`."""
        whole = []
        for kind in range(len(self.periods[0].rates_e9)):
            sums = [0]
            for period in self.periods:
                sums += [sums[-1]] * (period.first - self.origin - len(sums))
                for day in range(period.first, period.last + 1):
                    sums.append(sums[-1] + period.rates_e9[kind] * (_BASES // self.base_on(date_of(day).year)))
            whole.append(sums)
        return tuple(whole)

    def growth(self, kind: int, start: int, end: int) -> Fraction:
        """1 and the sum of the daily rates from `start` (out) to `end` (in)."""
        sums = self._sums[kind]
        return 1 + Fraction(sums[end - self.origin] - sums[start - self.origin], _BASES * SCALE)

    def growth_e128(self, kind: int, start: int, end: int) -> int:
        """The same less 1 in 2^-128, cut off."""
        if end <= start:
            return 0
        sums = self._sums[kind]
        return (sums[end - self.origin] - sums[start - self.origin] << 128) // (_BASES * SCALE)

    def grown(self, kind: Int64s, start: Int64s, end: Int64s) -> Uint64s:
        """The same of many at once; see `RateTable.grown`. A sum below 2^51 loses less than 2^-141 by the cut unit."""
        sums = np.array(self._sums, np.int64)
        found = np.empty((len(kind), growths.WORDS), np.uint64)
        unit = as_words([(1 << WORD_BITS) // (_BASES * SCALE)])[0]
        growths.multiply(readonly(np.maximum(sums[kind, end] - sums[kind, start], 0)), unit, found)
        return found


@dataclass(frozen=True)
class RestartTable(RateTable):
    """Interest that starts from the principal again in every quarter (handbook 8.1, fault 7)."""

    def growth(self, kind: int, start: int, end: int) -> Fraction:
        """1 and the interest of each quarter on the principal alone, compounded within the quarter."""
        quarters = by_calendar_quarter(start, end)
        return 1 + sum((exact_growth(self.segments(kind, *quarter)) - 1 for quarter in quarters), Fraction(0))

    def growth_e128(self, kind: int, start: int, end: int) -> int:
        """The same less 1 in 2^-128: a lower bound, by less than two units in tables of a thousand years."""
        growth = self.cumulative[kind]
        fine = sum(
            (growth[last - self.origin] << 128 + _FINE) // growth[before - self.origin] - (1 << 128 + _FINE) - 1
            for before, last in by_calendar_quarter(start, end)
        )
        return max(fine >> _FINE, 0)

    def grown(self, kind: Int64s, start: Int64s, end: Int64s) -> Uint64s:
        """The same of many at once, quarter by quarter; see `RateTable.grown`."""
        found = np.zeros((len(kind), growths.WORDS), np.uint64)
        for before, last in by_calendar_quarter(self.origin, self.last):
            edges = before - self.origin, last - self.origin
            self.grow(kind, np.clip(start, *edges), np.clip(end, *edges), found, compounded=False)
        return found


@dataclass(frozen=True)
class FirstRateTable(RateTable):
    """The rate of the first day that bears interest holds to the end."""

    def _rate_day(self, start: _Days, end: _Days) -> _Days:
        """The day whose rate holds throughout."""
        del end
        return start + 1

    @cached_property
    def fits(self) -> bool:
        """Whether growth stays below doubling at the highest rate too."""
        return all(self._at(rate).fits for period in self.periods for rate in period.rates_e9)

    def _at(self, rate_e9: int) -> RateTable:
        """The table of one rate."""
        whole = RatePeriod(self.periods[0].first, self.last, (rate_e9,) * len(self.periods[0].rates_e9))
        return shared(RateTable, (whole,), self.base)

    def _flat(self, kind: int, start: int, end: int) -> RateTable:
        """The table of the one rate that holds between two days."""
        day = self._rate_day(start, end)
        return self._at(next(one.rates_e9[kind] for one in self.periods if one.first <= day <= one.last))

    def growth(self, kind: int, start: int, end: int) -> Fraction:
        """Growth of 1 at one rate, daily compounded."""
        return self._flat(kind, start, end).growth(kind, start, end) if end > start else Fraction(1)

    def growth_e128(self, kind: int, start: int, end: int) -> int:
        """The same less 1 in 2^-128."""
        return self._flat(kind, start, end).growth_e128(kind, start, end) if end > start else 0

    def grown(self, kind: Int64s, start: Int64s, end: Int64s) -> Uint64s:
        """The same of many at once, rate by rate; see `RateTable.grown`."""
        found = np.zeros((len(kind), growths.WORDS), np.uint64)
        day = self._rate_day(start, end)
        for one in self.periods:
            for place, rate in enumerate(one.rates_e9):
                inside = (one.first - self.origin <= day) & (day <= one.last - self.origin)
                rows = np.flatnonzero(inside & (kind == place) & (end > start))
                if len(rows):
                    found[rows] = self._at(rate).grown(kind[rows], start[rows], end[rows])
        return found


@dataclass(frozen=True)
class LastRateTable(FirstRateTable):
    """The rate of the last day holds from the beginning."""

    def _rate_day(self, start: _Days, end: _Days) -> _Days:
        """The day whose rate holds throughout."""
        del start
        return end


@dataclass(frozen=True)
class LeapKeptTable(RateTable):
    """The base of the first day of a run of equal rates holds for the whole run (handbook 8.1, fault 9; case G06)."""

    def _runs(self, kind: int, start: int, end: int) -> list[tuple[int, int, RateTable]]:
        """(day before the first, last, table of the base) of each run of equal rates."""
        runs: list[tuple[int, int, RateTable]] = []
        rate = None
        for period in self.periods:
            before, last = max(period.first - 1, start), min(period.last, end)
            if before >= last:
                continue
            if period.rates_e9[kind] == rate and runs[-1][1] == before:
                before = runs.pop()[0]
            rate = period.rates_e9[kind]
            base = base_of(date_of(before + 1).year)
            runs.append((before, last, shared(RateTable, self.periods, base)))
        return runs

    def growth(self, kind: int, start: int, end: int) -> Fraction:
        """Growth of 1, run by run."""
        grown = Fraction(1)
        for before, last, table in self._runs(kind, start, end):
            grown *= table.growth(kind, before, last)
        return grown

    def growth_e128(self, kind: int, start: int, end: int) -> int:
        """The same less 1 in 2^-128, cut off below the true value by less than three units."""
        if end <= start:
            return 0
        above = below = 1
        for before, last, table in self._runs(kind, start, end):
            growth = table.cumulative[kind]
            above *= growth[last - self.origin]
            below *= growth[before - self.origin]
        return max((above << 128) // below - (1 << 128) - 1, 0)

    @cached_property
    def fits(self) -> bool:
        """Whether growth stays below doubling with the shorter base too."""
        return all(shared(RateTable, self.periods, base).fits for base in (0, _PLAIN))

    def grown(self, kind: Int64s, start: Int64s, end: Int64s) -> Uint64s:
        """The same of many at once, run by run; see `RateTable.grown`."""
        found = np.zeros((len(kind), growths.WORDS), np.uint64)
        for place in range(len(self.periods[0].rates_e9)):
            for before, last, _table in self._runs(place, self.origin, self.last):
                edges = before - self.origin, last - self.origin
                first, stop = np.clip(start, *edges), np.clip(end, *edges)
                leap = self._leap[first]
                for base in (_PLAIN, _LEAP):
                    rows = np.flatnonzero((kind == place) & (stop > first) & (leap == (base == _LEAP)))
                    if len(rows):
                        part = found[rows]
                        shared(RateTable, self.periods, base).grow(kind[rows], first[rows], stop[rows], part)
                        found[rows] = part
        return found

    @cached_property
    def _leap(self) -> Bools:
        """Whether the day after each point lies in a leap year."""
        return np.array([base_of(date_of(self.origin + 1 + point).year) == _LEAP for point in range(self.points)])
