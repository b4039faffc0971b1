"""The slow twin of interest: one day at a time, from handbook 7.1 (19 CFR 24.36, 26 USC 6621 and 6622)."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Sequence
from decimal import ROUND_HALF_UP, Decimal, localcontext
from fractions import Fraction

DAY = dt.timedelta(days=1)
Rates = Sequence[tuple[dt.date, dt.date, Fraction]]

CORPORATE: Rates = [
    (dt.date(2024, 10, 1), dt.date(2024, 12, 31), Fraction(7, 100)),
    (dt.date(2025, 1, 1), dt.date(2026, 3, 31), Fraction(6, 100)),
    (dt.date(2026, 4, 1), dt.date(2026, 6, 30), Fraction(5, 100)),
    (dt.date(2026, 7, 1), dt.date(2026, 12, 31), Fraction(6, 100)),
]
"""Overpayment rates of corporations as CBP published them."""
NONCORPORATE: Rates = [(first, last, rate + Fraction(1, 100)) for first, last, rate in CORPORATE]
"""One point more for everybody else (26 USC 6621(a)(1))."""


def rate_on(day: dt.date, rates: Rates) -> Fraction | None:
    """The yearly rate of a day; None when no row holds it."""
    return next((rate for first, last, rate in rates if first <= day <= last), None)


def days_in_year(year: int) -> int:
    """365, or 366 in a leap year."""
    return (dt.date(year + 1, 1, 1) - dt.date(year, 1, 1)).days


def growth(start: dt.date, end: dt.date, rates: Rates) -> Fraction | None:
    """What one dollar becomes: every day after `start` up to `end` compounds; None when a day has no rate."""
    above = below = 1
    day = start + DAY
    while day <= end:
        rate = rate_on(day, rates)
        if rate is None:
            return None
        base = days_in_year(day.year)
        above *= base * rate.denominator + rate.numerator
        below *= base * rate.denominator
        day += DAY
    return Fraction(above, below)


def half_up(amount: Fraction) -> int:
    """Half a cent and more is a cent."""
    whole = int(amount)
    return whole + (1 if amount - whole >= Fraction(1, 2) else 0)


def interest(principal: int, start: dt.date, end: dt.date, rates: Rates) -> int | None:
    """Cents of interest, rounded once."""
    factor = growth(start, end, rates)
    return None if factor is None else half_up(principal * (factor - 1))


def interest_50_digits(principal: int, start: dt.date, end: dt.date, rates: Rates) -> int:
    """The same with 50-digit decimals, as the pseudo-code of the handbook reads."""
    with localcontext() as context:
        context.prec = 50
        balance = Decimal(principal)
        day = start + DAY
        while day <= end:
            rate = rate_on(day, rates) or Fraction(0)
            balance *= 1 + Decimal(rate.numerator) / Decimal(rate.denominator) / days_in_year(day.year)
            day += DAY
        return int((balance - principal).quantize(Decimal(1), ROUND_HALF_UP))


def interest_per_quarter(principal: int, start: dt.date, end: dt.date, rates: Rates) -> int | None:
    """Cents of interest when every quarter is rounded: its factor to nine decimals, the balance to cents."""
    balance, day = principal, start
    while day < end:
        last = quarter_end(day + DAY)
        stop = min(end, last)
        factor = growth(day, stop, rates)
        if factor is None:
            return None
        balance += half_up(balance * Fraction(half_up((factor - 1) * 10**9), 10**9))
        day = stop
    return balance - principal


def quarter_end(day: dt.date) -> dt.date:
    """Last day of the calendar quarter of `day`."""
    month = (day.month + 2) // 3 * 3
    while (day + DAY).month <= month and (day + DAY).year == day.year:
        day += DAY
    return day


TWINS: dict[str, Callable[[int, dt.date, dt.date, Rates], int | None]] = {
    "final": interest,
    "per_quarter": interest_per_quarter,
}
"""The twin of each word of `refund.interest_rounding`."""
