"""Interest of one amount: exactly, with integers of any size, and explained day by day (handbook 7.1)."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Sequence
from fractions import Fraction
from itertools import groupby
from typing import NamedTuple

from cape_engine.dates import date_of, day_number
from cape_engine.errors import UsageError
from cape_engine.refund.rates import (
    KINDS,
    LARGE_ABOVE_CENTS,
    RATES,
    SCALE,
    MissingRateError,
    RateTable,
    Segment,
    exact_growth,
    half_up,
    interest_table,
    large_table,
    same_for_all_kinds,
)
from cape_engine.rules import Ruleset

Rates = Sequence[tuple[dt.date, dt.date, int]]
"""(first day, last day, rate in billionths) in order of days."""


class InterestSegment(NamedTuple):
    """Days in a row that share rate, base and quarter, as a person reads them.

    Attributes:
        first: first day that bears interest.
        last: last day that bears interest, included.
        days: number of days.
        rate_e9: yearly rate in billionths; None where the table has no rate.
        base: 365, or 366 for days inside a leap year.
        balance_cents: principal and interest after the last day, exact (rounded at quarters with `per_quarter`);
            None from the first day without a rate on.
    """

    first: dt.date
    last: dt.date
    days: int
    rate_e9: int | None
    base: int
    balance_cents: Fraction | None


def exact_interest(principal_cents: int, table: RateTable, kind: int, start: int, end: int) -> int:
    """Interest in cents by exact fractions, rounded half up once; day numbers, start out, end in."""
    return half_up(principal_cents * (table.growth(kind, start, end) - 1))


def by_quarter(segments: Sequence[Segment]) -> Iterator[list[Segment]]:
    """The segments of each calendar quarter together."""
    for _, group in groupby(segments, key=lambda segment: _quarter(segment.first)):
        yield list(group)


def _quarter(day: int) -> tuple[int, int]:
    date = date_of(day)
    return date.year, (date.month - 1) // 3


def _table(ruleset: Ruleset | None, rates: Rates | None, kind: str) -> RateTable:
    if rates is not None:
        return same_for_all_kinds(rates)
    if ruleset is None:
        raise UsageError("interest needs a ruleset or rates of its own")
    return large_table(ruleset) if kind == RATES[-1] else interest_table(ruleset)


def _kind(kind: str, rates: Rates | None) -> int:
    if kind not in RATES:
        raise UsageError(f"the importer kind is one of {' | '.join(KINDS)}, not {kind!r}")
    return 0 if rates is not None else RATES.index(kind)


def interest(
    principal_cents: int,
    start: dt.date,
    end: dt.date,
    kind: str = "corporate",
    *,
    ruleset: Ruleset | None = None,
    rates: Rates | None = None,
    rounding: str = "final",
    large_corporate_cut: bool = False,
) -> int:
    """Interest on one amount, daily compounded, from `start` (not counted) to `end` (counted).

    Args:
        principal_cents: money refunded, at least 0.
        start: day of the deposit (19 CFR 24.36(a)(1)).
        end: day of the (re)liquidation; a day before `start` bears nothing.
        kind: corporate or noncorporate (26 USC 6621(a)(1)); corporate_large for the rate above $10,000.
        ruleset: where the rates come from.
        rates: own rates instead, which then hold for every kind.
        rounding: final (once, at the end), or per_quarter: at the end of every quarter the factor of its days is
            rounded to nine decimals and the balance to cents (`refund.interest_rounding`).
        large_corporate_cut: what a corporation is owed above $10,000 bears F + 0.5 (`refund.large_corporate_cut`).

    Returns:
        Cents, at least 0.

    Raises:
        MissingRateError: a day of the period has no rate.
        UsageError: a negative principal, or a word that is not known.
    """
    baskets = [(principal_cents, kind)]
    if large_corporate_cut and kind == "corporate" and principal_cents > LARGE_ABOVE_CENTS:
        baskets = [(LARGE_ABOVE_CENTS, kind), (principal_cents - LARGE_ABOVE_CENTS, RATES[-1])]
    earned = Fraction(0)
    for cents, rate in baskets:
        balance = explain_interest(cents, start, end, rate, ruleset=ruleset, rates=rates, rounding=rounding)
        for segment in balance:
            if segment.rate_e9 is None:
                raise MissingRateError(f"no interest rate is known for {segment.first} to {segment.last}")
        last = balance[-1].balance_cents if balance else None
        earned += 0 if last is None else last - cents
    return half_up(earned)


def explain_interest(
    principal_cents: int,
    start: dt.date,
    end: dt.date,
    kind: str = "corporate",
    *,
    ruleset: Ruleset | None = None,
    rates: Rates | None = None,
    rounding: str = "final",
) -> list[InterestSegment]:
    """The computation of `interest` in segments of days that share rate, base and quarter, with the balance after each.

    Args and errors are those of `interest`, but a missing rate shows as a segment without rate and balance.
    """
    if principal_cents < 0:
        raise UsageError(f"interest runs on a refund, not on {principal_cents} cents")
    if rounding not in ("final", "per_quarter"):
        raise UsageError(f"interest is rounded final or per_quarter, not {rounding!r}")
    place, table = _kind(kind, rates), _table(ruleset, rates, kind)
    balance: Fraction | None = Fraction(principal_cents)
    explained = []
    for quarter in by_quarter(table.segments(place, day_number(start), day_number(end))):
        opening = balance
        for segment in quarter:
            known = balance is not None and segment.rate_e9 is not None
            balance = balance * exact_growth([segment]) if balance is not None and known else None
            if rounding == "per_quarter" and balance is not None and opening is not None and segment is quarter[-1]:
                factor = Fraction(table.factor_e9(place, quarter[0].first - 1, segment.last), SCALE)
                balance = opening + half_up(opening * factor)
            explained.append(
                InterestSegment(
                    date_of(segment.first), date_of(segment.last), segment.days, segment.rate_e9, segment.base, balance
                )
            )
    return explained
