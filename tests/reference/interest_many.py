"""The twin of interest for millions of amounts: whole numbers of any size, one product of days for each first day.

Independent of the engine: rates and calendar are those of `reference.interest`, no power, table of factors or
rounding bound is used. The growth of each pair of days is an exact fraction above / below, carried on day by day.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from decimal import ROUND_HALF_UP, Decimal, localcontext

import numpy as np
import numpy.typing as npt

from reference.interest import DAY, Rates, days_in_year, quarter_end, rate_on

Int64s = npt.NDArray[np.int64]


def days_from(first: dt.date, last: dt.date) -> list[dt.date]:
    """Every day of a period."""
    return [first + n * DAY for n in range((last - first).days + 1)]


def steps(days: list[dt.date], rates: Rates) -> list[tuple[int, int]]:
    """Above and below of the growth of each day."""
    found = []
    for day in days:
        rate = rate_on(day, rates)
        assert rate is not None
        unit = days_in_year(day.year) * rate.denominator
        found.append((unit + rate.numerator, unit))
    return found


def by_first_day(start: Int64s, end: Int64s) -> Iterator[tuple[int, int, list[int]]]:
    """(first day, last day, rows) of all amounts that share them, in the order of the days."""
    order = np.lexsort((end, start))
    begins = np.flatnonzero(np.r_[True, (np.diff(start[order]) != 0) | (np.diff(end[order]) != 0)])
    for group, rows in zip(begins.tolist(), np.split(order, begins[1:]), strict=True):
        at = order[group]
        yield int(start[at]), int(end[at]), rows.tolist()


def interest_of_many(cents: Int64s, start: Int64s, end: Int64s, days: list[dt.date], rates: Rates) -> Int64s:
    """Interest of each amount, rounded once; days are places in `days`, each end at or behind its start."""
    daily = steps(days, rates)
    amounts, found = cents.tolist(), np.zeros(len(cents), np.int64)
    now, day = -1, -1
    above = below = 1
    for first, last, rows in by_first_day(start, end):
        if first != now:
            now, day, above, below = first, first, 1, 1
        while day < last:
            day += 1
            above *= daily[day][0]
            below *= daily[day][1]
        growth, twice = 2 * (above - below), 2 * below
        for row in rows:
            found[row] = (amounts[row] * growth + below) // twice
    return found


def per_quarter_of_many(cents: Int64s, start: Int64s, end: Int64s, days: list[dt.date], rates: Rates) -> Int64s:
    """The same rounded at every quarter: its factor to nine decimals, the balance to cents."""
    daily, ends = steps(days, rates), {}
    place = {day: at for at, day in enumerate(days)}
    for at, day in enumerate(days):
        ends[at] = place[min(quarter_end(day), days[-1])]
    factors: dict[tuple[int, int], int] = {}
    for first in range(-1, len(days)):
        above = below = 1
        for last in range(first + 1, (ends[first + 1] + 1) if first + 1 < len(days) else first + 1):
            above *= daily[last][0]
            below *= daily[last][1]
            factors[first, last] = (2 * 10**9 * (above - below) + below) // (2 * below)
    found = np.zeros(len(cents), np.int64)
    for row, (principal, first, last) in enumerate(zip(cents.tolist(), start.tolist(), end.tolist(), strict=True)):
        balance, day = principal, first
        while day < last:
            stop = min(last, ends[day + 1])
            balance += (2 * balance * factors[day, stop] + 10**9) // (2 * 10**9)
            day = stop
        found[row] = balance - principal
    return found


def every_end(principal: int, start: dt.date, last: dt.date, rates: Rates) -> list[int]:
    """Interest of one amount from `start` to each day up to `last`: the loop of the handbook with 50 digits."""
    found = []
    with localcontext() as context:
        context.prec = 50
        balance, day = Decimal(principal), start
        while day < last:
            day += DAY
            rate = rate_on(day, rates)
            assert rate is not None
            balance *= 1 + Decimal(rate.numerator) / Decimal(rate.denominator) / days_in_year(day.year)
            found.append(int((balance - principal).quantize(Decimal(1), ROUND_HALF_UP)))
    return found
