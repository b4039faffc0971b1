"""Overpayment interest rates by day, and the exact growth of one cent between two days.

Growth is kept as big integers in 2^-320; the proof of the error bound stands at `RateTable.growth_e128`.
"""

from __future__ import annotations

import calendar
import datetime as dt
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property, lru_cache
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from cape_engine.bridge import Int64s, readonly
from cape_engine.dates import date_of, day_number
from cape_engine.errors import RuleFileError, UsageError
from cape_engine.rules import Ruleset
from cape_engine.settings import Settings
from cape_kernels import growth as growths
from cape_kernels import interest as kernels

KINDS = ("corporate", "noncorporate")
"""Kinds of importer, in the order of the rates of a period (26 USC 6621(a)(1))."""
CORPORATE = KINDS.index("corporate")
LARGE = len(KINDS)
"""Place behind `KINDS`, in tables that have it, of the rate of what a corporation is owed above the limit."""
RATES = (*KINDS, "corporate_large")
"""Words for the rates of a period that has all of them."""
LARGE_ABOVE_CENTS = 10_000_00
"""A corporation's overpayment above this bears F + 0.5 (26 USC 6621(a)(1), last sentence)."""
SCALE = 10**9
"""Rates are whole billionths."""
BITS = 320
"""Fractional bits of the growth since the first day of a table."""
SLACK = 4
"""`growth_e128` lies below the true growth by less than this many 2^-128."""

Uint64s = npt.NDArray[np.uint64]
WORD_BITS = 64 * growths.WORDS
"""Fractional bits of growth in words."""
_FEW = 1 << 15
"""Growths that are computed faster than they are looked up in a table of all pairs of days, most of it untouched."""


class RatePeriod(NamedTuple):
    """Days that bear one rate for each kind.

    Attributes:
        first: first day, counted from 1970-01-01.
        last: last day, included.
        rates_e9: yearly rate for each of `KINDS`, in billionths.
    """

    first: int
    last: int
    rates_e9: tuple[int, ...]


class Segment(NamedTuple):
    """Days in a row that share rate, year and quarter.

    Attributes:
        first: first day that bears interest.
        last: last day that bears interest.
        rate_e9: yearly rate in billionths; None where the table has none.
        base: 366 for days inside a leap year, else 365.
    """

    first: int
    last: int
    rate_e9: int | None
    base: int

    @property
    def days(self) -> int:
        """Days of the segment."""
        return self.last - self.first + 1


def base_of(year: int) -> int:
    """Days that a yearly rate is divided by: 366 in a leap year, else 365, by the year of the day (handbook 7.1)."""
    return 366 if calendar.isleap(year) else 365


def quarter_bounds(year: int, quarter: int) -> tuple[int, int]:
    """First and last day of a calendar quarter (1 to 4)."""
    first = dt.date(year, 3 * quarter - 2, 1)
    after = dt.date(year + quarter // 4, 3 * quarter % 12 + 1, 1)
    return day_number(first), day_number(after) - 1


class MissingRateError(UsageError):
    """A day of the period has no rate; the last one is never repeated (handbook 7.1)."""


def half_up(amount: Fraction) -> int:
    """A fraction of at least zero as a whole number, half up (handbook 7.1)."""
    return (2 * amount.numerator + amount.denominator) // (2 * amount.denominator)


def exact_growth(segments: Sequence[Segment]) -> Fraction:
    """Growth of 1 over the segments, daily compounded (26 USC 6622).

    Raises:
        MissingRateError: a segment has no rate.
    """
    numerator = denominator = 1
    for segment in segments:
        if segment.rate_e9 is None:
            raise MissingRateError(f"no interest rate is known for {date_of(segment.first)} to {date_of(segment.last)}")
        daily = 1 + Fraction(segment.rate_e9, SCALE * segment.base)
        numerator *= daily.numerator**segment.days
        denominator *= daily.denominator**segment.days
    return Fraction(numerator, denominator)


@dataclass(frozen=True)
class RateTable:
    """Rates by period, with the growth since the day before the first one (point 0).

    Attributes:
        periods: periods in order, without overlap; a day between two of them has no rate.
        base: days that a yearly rate is divided by on every day; 0 for those of the year of the day, as the law has it.
    """

    periods: tuple[RatePeriod, ...]
    base: int = 0

    def __post_init__(self) -> None:
        if not self.periods:
            raise RuleFileError("the interest table has no period")
        for period, following in zip(self.periods, [*self.periods[1:], None], strict=True):
            if period.last < period.first or (following is not None and following.first <= period.last):
                raise RuleFileError(f"interest rates: periods overlap or end early at {date_of(period.last)}")
            if any(rate < 0 for rate in period.rates_e9):
                raise RuleFileError(f"interest rates: the rate from {date_of(period.first)} is negative")

    @property
    def large(self) -> bool:
        """Whether the table has rates of `LARGE`."""
        return len(self.periods[0].rates_e9) > LARGE

    @property
    def origin(self) -> int:
        """The day before the first day of the table."""
        return self.periods[0].first - 1

    @property
    def last(self) -> int:
        """The last day of the table."""
        return self.periods[-1].last

    @cached_property
    def points(self) -> int:
        """Days of the table, and the one before."""
        return self.last - self.origin + 1

    @cached_property
    def gaps(self) -> Int64s:
        """Days without a rate up to each point."""
        missing = np.ones(self.points, np.int64)
        missing[0] = 0
        for period in self.periods:
            missing[period.first - self.origin : period.last - self.origin + 1] = 0
        return readonly(np.cumsum(missing))

    @cached_property
    def cumulative(self) -> tuple[list[int], ...]:
        """For each kind the growth since point 0 at each point, cut off below 2^-320 day by day."""
        whole = []
        for kind in range(len(self.periods[0].rates_e9)):
            rates = dict.fromkeys(range(self.origin + 1, self.last + 1), 0)
            for period in self.periods:
                rates.update(dict.fromkeys(range(period.first, period.last + 1), period.rates_e9[kind]))
            growth = [1 << BITS]
            for day, rate in rates.items():
                unit = self.base_on(date_of(day).year) * SCALE
                growth.append(growth[-1] * (unit + rate) // unit)
            whole.append(growth)
        return tuple(whole)

    @cached_property
    def fits(self) -> bool:
        """Whether all growth stays below doubling, as the 128-bit fractions need."""
        return all(growth[-1] < 2 << BITS for growth in self.cumulative)

    def base_on(self, year: int) -> int:
        """Days that a yearly rate is divided by on the days of a year."""
        return self.base or base_of(year)

    def growth(self, kind: int, start: int, end: int) -> Fraction:
        """Growth of 1 from `start` (out) to `end` (in), exactly.

        Raises:
            MissingRateError: a day has no rate.
        """
        return exact_growth(self.segments(kind, start, end))

    def growth_e128(self, kind: int, start: int, end: int) -> int:
        """Growth less 1 from `start` (out) to `end` (in), in 2^-128: at most the true value, by less than `SLACK`.

        Proof. Let T(d) be the true growth up to day d and C(d) the one kept, both in units of 2^-320. Each day cuts off
        less than 1, and earlier cuts grow with the money, so T(d) - n T(d) / 2^320 < C(d) <= T(d) after n days (T is at
        least 2^320). With n below 2^24 both C are right to 2^-296 of themselves, and so is C(end) / C(start). In 2^-128
        that is an error below 1 as long as the growth is below 2^168. The division cuts off less than 1 more. Taking
        off 1 makes the result a lower bound, and the sum of the errors stays below 3.
        """
        if end <= start:
            return 0
        growth = self.cumulative[kind]
        return max((growth[end - self.origin] << 128) // growth[start - self.origin] - (1 << 128) - 1, 0)

    @cached_property
    def words(self) -> tuple[Uint64s, Uint64s]:
        """Growth less 1, and 1 divided by the growth, by kind and point, as `cape_kernels.growth` takes them."""
        growth = [one for whole in self.cumulative for one in whole]
        top = (1 << WORD_BITS) - 1
        less_one = [(one >> BITS - WORD_BITS) & top for one in growth]
        return as_words(less_one), as_words([min((1 << BITS + WORD_BITS) // one, top) for one in growth])

    def grown(self, kind: Int64s, start: Int64s, end: Int64s) -> Uint64s:
        """Growth less 1 from point `start` (out) to point `end` (in), uint64[n, 3] in 2^-192.

        Like `growth_e128` at most the true value: both words of `words` are cut off below 2^-192 and right to less than
        2 x 2^-192, so that their product is right to 5 x 2^-192 and the upper two words to 1 x 2^-128.

        Args:
            kind: int64[n], place in the rates of a period.
            start: int64[n], points of the table, days since `origin`.
            end: int64[n], points of the table.
        """
        found = np.zeros((len(kind), growths.WORDS), np.uint64)
        self.grow(kind, start, end, found)
        return found

    def grow(self, kind: Int64s, start: Int64s, end: Int64s, grown: Uint64s, *, compounded: bool = True) -> None:
        """Let what has grown already grow on; see `grown`."""
        row = kind * self.points
        first = np.where(end > start, row + start, -1)
        growths.grow(readonly(first), readonly(row + end), *self.words, compounded, grown)

    @cached_property
    def _memo(self) -> tuple[Uint64s, Uint64s, npt.NDArray[np.bool_]]:
        """Growth by place (kind, start, end): high and low halves, and whether they were computed; pages on demand."""
        places = len(self.periods[0].rates_e9) * self.points * self.points
        return np.zeros(places, np.uint64), np.zeros(places, np.uint64), np.zeros(places, np.bool_)

    def growth_of(self, places: Int64s) -> tuple[Uint64s, Uint64s, Int64s]:
        """High and low halves of growths, and where in them those of the places stand.

        Args:
            places: int64[n] by kind, start and end; -1 stands for none, and stays -1.

        Few are computed where they are asked for. Of many, each is computed once in a process and kept by its place:
        filling is idempotent and marks a place last, so threads may share a table.
        """
        if len(places) <= _FEW:
            grown = self._grown_at(places)
            where = np.where(places >= 0, np.arange(len(places)), -1)
            return readonly(grown[:, 0]), readonly(grown[:, 1]), readonly(where)
        high, low, done = self._memo
        lacking = _lacking(places, done)
        if len(lacking):
            grown = self._grown_at(lacking)
            high[lacking], low[lacking] = grown[:, 0], grown[:, 1]
            done[lacking] = True
        return readonly(high), readonly(low), places

    def _grown_at(self, places: Int64s) -> Uint64s:
        """`grown` of places by kind, start and end; none where a place is -1. NumPy's `divmod` takes four `//`."""
        rest = (found := np.maximum(places, 0)) // self.points
        return self.grown(kind := rest // self.points, rest - kind * self.points, found - rest * self.points)

    def factor_e9(self, kind: int, start: int, end: int) -> int:
        """Growth less 1 from `start` (out) to `end` (in), half up to nine decimals as the published tables print it.

        Source: the factors of Rev. Proc. 95-17, for example 0.014680663 for 76 days at 7 %.
        """
        low = self.growth_e128(kind, start, end)
        candidates = {((growth * SCALE << 1) + (1 << 128)) >> 129 for growth in (low, low + SLACK)}
        if len(candidates) == 1:
            return candidates.pop()
        return half_up(SCALE * (self.growth(kind, start, end) - 1))

    @cached_property
    def _factors(self) -> tuple[Int64s, npt.NDArray[np.bool_]]:
        """Nine-decimal factors by place, and whether they were computed."""
        places = len(self.periods[0].rates_e9) * self.points * self.points
        return np.zeros(places, np.int64), np.zeros(places, np.bool_)

    def factors_of(self, places: Int64s) -> Int64s:
        """Table of nine-decimal factors with at least `places` filled in (see `growth_of`)."""
        factors, done = self._factors
        lacking = _lacking(places, done)
        if len(lacking):
            grown = self._grown_at(lacking)
            found, status = np.empty(len(lacking), np.int64), np.zeros(len(lacking), np.int8)
            unit, every = readonly(np.full(len(lacking), SCALE, np.int64)), readonly(np.arange(len(lacking)))
            halves = readonly(grown[:, 0]), readonly(grown[:, 1])
            kernels.apply_growth(unit, every, *halves, np.uint64(SLACK), found, status)
            for row in np.flatnonzero(status == kernels.TOO_CLOSE).tolist():
                found[row] = self.factor_e9(*self._days_of(int(lacking[row])))
            factors[lacking] = found
            done[lacking] = True
        return readonly(factors)

    def _days_of(self, place: int) -> tuple[int, int, int]:
        """Kind, start day and end day of a place."""
        rest, end = divmod(place, self.points)
        kind, start = divmod(rest, self.points)
        return kind, start + self.origin, end + self.origin

    def segments(self, kind: int, start: int, end: int) -> list[Segment]:
        """The days after `start` up to `end`, cut at every year, calendar quarter and period."""
        found: list[Segment] = []
        day = start + 1
        while day <= end:
            date = date_of(day)
            last = min(end, quarter_bounds(date.year, (date.month + 2) // 3)[1])
            rate = None
            for period in self.periods:
                if period.first <= day <= period.last:
                    rate, last = period.rates_e9[kind], min(last, period.last)
                elif period.first > day:
                    last = min(last, period.first - 1)
            found.append(Segment(day, last, rate, self.base_on(date.year)))
            day = last + 1
        return found


def _lacking(places: Int64s, done: npt.NDArray[np.bool_]) -> Int64s:
    """The places that are not filled in yet, each once."""
    missing = ~done[places]
    missing &= places >= 0
    return np.unique(places[missing]) if missing.any() else np.empty(0, np.int64)


def as_words(numbers: Sequence[int]) -> Uint64s:
    """Fractions in 2^-192 as words, the highest first."""
    size = WORD_BITS // 8
    whole = np.frombuffer(b"".join(one.to_bytes(size, "big") for one in numbers), ">u8").astype(np.uint64)
    return readonly(whole.reshape(-1, growths.WORDS))


Way = Callable[[tuple[RatePeriod, ...], int], RateTable]
"""A class of rate table: how money grows between two days."""


@lru_cache(maxsize=64)
def shared(way: Way, periods: tuple[RatePeriod, ...], base: int = 0) -> RateTable:
    """One shared table for the same periods and way of computing, so that its growth is computed once in a process."""
    return way(periods, base)


def table_of(periods: tuple[RatePeriod, ...]) -> RateTable:
    """The shared table of the law's own way: daily compounding, base by the year of the day."""
    return shared(RateTable, periods)


def same_for_all_kinds(periods: Sequence[tuple[dt.date, dt.date, int]]) -> RateTable:
    """A table with one rate for every kind, from (first day, last day, rate in billionths)."""
    return table_of(
        tuple(RatePeriod(day_number(first), day_number(last), (rate,) * len(KINDS)) for first, last, rate in periods)
    )


def interest_table(ruleset: Ruleset) -> RateTable:
    """The overpayment rates of the ruleset as one shared table."""
    return table_of(
        tuple(
            RatePeriod(quarter.from_day, quarter.to_day, (quarter.corporate_rate_e9, quarter.noncorporate_rate_e9))
            for quarter in sorted(ruleset.interest, key=lambda quarter: quarter.from_day)
        )
    )


def large_table(ruleset: Ruleset) -> RateTable:
    """The overpayment rates with those of `LARGE` behind; a quarter whose F is not known has no rate at all."""
    large = {quarter.quarter_start: quarter.large_corporate_rate_e9 for quarter in ruleset.short_term_rates}
    return table_of(
        tuple(
            RatePeriod(
                quarter.from_day,
                quarter.to_day,
                (quarter.corporate_rate_e9, quarter.noncorporate_rate_e9, large[quarter.quarter_start]),
            )
            for quarter in sorted(ruleset.interest, key=lambda quarter: quarter.from_day)
            if quarter.quarter_start in large
        )
    )


def table_in_force(ruleset: Ruleset, settings: Settings) -> RateTable:
    """The overpayment rates, with those of `LARGE` where `refund.large_corporate_cut` is on."""
    return large_table(ruleset) if settings.switch("refund.large_corporate_cut") else interest_table(ruleset)
