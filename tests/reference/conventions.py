"""The slow twins of the interest conventions: one day at a time, each from its words, in exact fractions."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator
from fractions import Fraction
from functools import cache
from typing import NamedTuple

from reference.interest import CORPORATE, DAY, NONCORPORATE, Rates, days_in_year, half_up, quarter_end, rate_on

RATES: dict[str, Rates] = {"corporate": CORPORATE, "noncorporate": NONCORPORATE}
OTHER = {"corporate": "noncorporate", "noncorporate": "corporate"}


class Refund(NamedTuple):
    """One refund with all its days."""

    cents: int
    deposited: dt.date
    liquidated: dt.date
    kind: str
    entered: dt.date
    paid: dt.date


class UnknownRateError(Exception):
    """A day has no rate."""


def bearing(start: dt.date, end: dt.date) -> Iterator[dt.date]:
    """The days after `start` up to `end`."""
    while start < end:
        start += DAY
        yield start


@cache
def yearly(day: dt.date, kind: str) -> Fraction:
    """The yearly rate of a day."""
    rate = rate_on(day, RATES[kind])
    if rate is None:
        raise UnknownRateError
    return rate


def growth(start: dt.date, end: dt.date, daily: Callable[[dt.date], Fraction]) -> tuple[int, int]:
    """What 1 becomes when every day bears its daily rate: above and below of a fraction that is never shortened."""
    above = below = 1
    for day in bearing(start, end):
        rate = daily(day)
        above *= rate.denominator + rate.numerator
        below *= rate.denominator
    return above, below


def rounded(cents: int, above: int, below: int) -> int:
    """What `cents` times a growth has brought, half up."""
    return (2 * cents * (above - below) + below) // (2 * below)


def compound(cents: int, start: dt.date, end: dt.date, daily: Callable[[dt.date], Fraction]) -> int:
    """Every day bears its daily rate on the balance of the day before; rounded once."""
    return rounded(cents, *growth(start, end, daily))


def simple(cents: int, start: dt.date, end: dt.date, daily: Callable[[dt.date], Fraction]) -> int:
    """Every day bears its daily rate on the principal; rounded once."""
    return half_up(sum((cents * daily(day) for day in bearing(start, end)), Fraction(0)))


def lawful(kind: str) -> Callable[[dt.date], Fraction]:
    """The daily rate of the law: that of the quarter over the days of the year."""
    return lambda day: yearly(day, kind) / days_in_year(day.year)


def by_base(kind: str, base: int) -> Callable[[dt.date], Fraction]:
    """The daily rate with one base for every year."""
    return lambda day: yearly(day, kind) / base


def restart(one: Refund) -> int:
    """Every quarter starts from the principal."""
    total, day = Fraction(0), one.deposited
    while day < one.liquidated:
        stop = min(one.liquidated, quarter_end(day + DAY))
        above, below = growth(day, stop, lawful(one.kind))
        total += one.cents * Fraction(above - below, below)
        day = stop
    return half_up(total)


def per_quarter(cents: int, start: dt.date, end: dt.date, kind: str, *, printed: bool) -> int:
    """Rounded at every quarter, with a factor of nine decimals where it is printed."""
    balance, day = cents, start
    while day < end:
        stop = min(end, quarter_end(day + DAY))
        above, below = growth(day, stop, lawful(kind))
        factor = Fraction(above - below, below)
        if printed:
            factor = Fraction(half_up(factor * 10**9), 10**9)
        balance += half_up(balance * factor)
        day = stop
    return balance - cents


def large_cut(one: Refund) -> int:
    """Two baskets: the first $10,000 of a corporation at its rate, the rest at a point and a half less."""
    lower = min(one.cents, 10_000_00) if one.kind == "corporate" else one.cents
    total = Fraction(0)
    for cents, less in ((lower, Fraction(0)), (one.cents - lower, Fraction(15, 1000))):
        above, below = growth(
            one.deposited,
            one.liquidated,
            lambda day, less=less: (yearly(day, one.kind) - less) / days_in_year(day.year),  # type: ignore[misc]
        )
        total += Fraction(cents * (above - below), below)
    return half_up(total)


def edge_lost(one: Refund) -> int:
    """First days of quarters bear nothing."""

    def daily(day: dt.date) -> Fraction:
        rate = lawful(one.kind)(day)
        return Fraction(0) if day.day == 1 and day.month in (1, 4, 7, 10) else rate

    return compound(one.cents, one.deposited, one.liquidated, daily)


def leap_kept(one: Refund) -> int:
    """The base of the day on which a rate begins, as long as the rate stays."""
    rate, base = Fraction(-1), 0

    def daily(day: dt.date) -> Fraction:
        nonlocal rate, base
        if yearly(day, one.kind) != rate:
            rate, base = yearly(day, one.kind), days_in_year(day.year)
        return rate / base

    return compound(one.cents, one.deposited, one.liquidated, daily)


def one_rate(one: Refund, day_of_rate: dt.date) -> int:
    """One rate throughout."""
    if one.liquidated <= one.deposited:
        return 0
    rate = yearly(day_of_rate, one.kind)
    for day in (one.deposited + DAY, one.liquidated):
        yearly(day, one.kind)
    return compound(one.cents, one.deposited, one.liquidated, lambda day: rate / days_in_year(day.year))


def missed_drop(one: Refund) -> int:
    """2026-Q2 bears the rates of 2026-Q1."""

    def daily(day: dt.date) -> Fraction:
        of = dt.date(2026, 3, 31) if dt.date(2026, 4, 1) <= day <= dt.date(2026, 6, 30) else day
        return yearly(of, one.kind) / days_in_year(day.year)

    return compound(one.cents, one.deposited, one.liquidated, daily)


def flat(one: Refund, percent: int) -> Callable[[dt.date], Fraction]:
    """One rate for everybody on the days that have a rate."""
    return lambda day: yearly(day, one.kind) * 0 + Fraction(percent, 100) / days_in_year(day.year)


def flat_simple(one: Refund, percent: int) -> int:
    """One rate for everybody, simple, years of 365 days."""
    return simple(
        one.cents,
        one.deposited,
        one.liquidated,
        lambda day: yearly(day, one.kind) * 0 + Fraction(percent, 36500),
    )


def _dated(one: Refund, start: dt.date, end: dt.date, kind: str = "") -> int:
    """The law's own way between other days, or for another kind."""
    return compound(one.cents, start, end, lawful(kind or one.kind))


TWINS: dict[str, Callable[[Refund], int]] = {
    "exact": lambda one: _dated(one, one.deposited, one.liquidated),
    "other_kind": lambda one: _dated(one, one.deposited, one.liquidated, OTHER[one.kind]),
    "per_quarter": lambda one: per_quarter(one.cents, one.deposited, one.liquidated, one.kind, printed=True),
    "per_quarter_cents": lambda one: per_quarter(one.cents, one.deposited, one.liquidated, one.kind, printed=False),
    "large_cut": large_cut,
    "start_day_in": lambda one: _dated(one, one.deposited - DAY, one.liquidated),
    "start_in_end_out": lambda one: _dated(one, one.deposited - DAY, one.liquidated - DAY),
    "end_day_out": lambda one: _dated(one, one.deposited, one.liquidated - DAY),
    "from_entry_date": lambda one: _dated(one, one.entered, one.liquidated),
    "to_payment_date": lambda one: _dated(one, one.deposited, one.paid),
    "entry_to_payment": lambda one: _dated(one, one.entered, one.paid),
    "end_of_collection": lambda one: _dated(one, one.deposited, min(one.liquidated, dt.date(2026, 2, 24))),
    "thirty_days_less": lambda one: _dated(one, one.deposited, one.liquidated - 30 * DAY),
    "simple": lambda one: simple(one.cents, one.deposited, one.liquidated, lawful(one.kind)),
    "simple_360": lambda one: simple(one.cents, one.deposited, one.liquidated, by_base(one.kind, 360)),
    "quarter_restart": restart,
    "quarter_edge_lost": edge_lost,
    "base_365": lambda one: compound(one.cents, one.deposited, one.liquidated, by_base(one.kind, 365)),
    "base_366": lambda one: compound(one.cents, one.deposited, one.liquidated, by_base(one.kind, 366)),
    "leap_base_kept": leap_kept,
    "missed_rate_drop": missed_drop,
    "first_rate": lambda one: one_rate(one, one.deposited + DAY),
    "last_rate": lambda one: one_rate(one, one.liquidated),
    "flat_6_compound": lambda one: compound(one.cents, one.deposited, one.liquidated, flat(one, 6)),
    "flat_7_simple": lambda one: flat_simple(one, 7),
    "flat_6_180_days": lambda one: (
        half_up(Fraction(one.cents * 6 * 180, 36500)) if one.liquidated > one.deposited else 0
    ),
    "other_kind_per_quarter": lambda one: per_quarter(
        one.cents, one.deposited, one.liquidated, OTHER[one.kind], printed=True
    ),
    "other_kind_start_in_end_out": lambda one: _dated(one, one.deposited - DAY, one.liquidated - DAY, OTHER[one.kind]),
    "other_kind_from_entry_date": lambda one: _dated(one, one.entered, one.liquidated, OTHER[one.kind]),
    "other_kind_to_payment_date": lambda one: _dated(one, one.deposited, one.paid, OTHER[one.kind]),
    "other_kind_simple": lambda one: simple(one.cents, one.deposited, one.liquidated, lawful(OTHER[one.kind])),
}
"""The twin of every convention."""


def interest(name: str, one: Refund) -> int:
    """Cents by a convention; -1 where a day has no rate, and nothing on nothing."""
    if not one.cents:
        return 0
    try:
        return TWINS[name](one)
    except UnknownRateError:
        return -1
