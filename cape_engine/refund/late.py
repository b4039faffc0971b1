"""Interest for refunds that CBP pays late (19 USC 1505(d), 19 CFR 24.36(a); `refund.late_interest`, off by default).

Official: a refund not paid within 30 days of (re)liquidation bears interest by 30-day periods from that day, none for
the period in which it is paid, and none for the time in which it could not be delivered for want of bank data (91 FR
21). Inferred: the unpaid balance (principal and interest) compounds daily at the quarterly rates of the importer's
kind, the 30-day periods are counted from the liquidation whatever happens, and days on which nothing could be
delivered bear nothing.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence
from fractions import Fraction
from typing import NamedTuple

import numpy as np

from cape_engine.bridge import NO_DAY, NO_NUMBER, Int8s, Int32s, Int64s, readonly
from cape_engine.dates import day_number
from cape_engine.errors import UsageError
from cape_engine.refund.many import priced
from cape_engine.refund.rates import KINDS, MissingRateError, RateTable, half_up, interest_table
from cape_engine.rules import Ruleset

PERIOD_DAYS = 30
"""Interest for late payment runs by periods of so many days (19 USC 1505(d))."""


class Undeliverable(NamedTuple):
    """Times in which refunds could not be delivered, any number for each.

    Attributes:
        row: int64[m], which refund.
        first: int32[m], first day on which its ACH could not be delivered.
        last: int32[m], last such day, included.
    """

    row: Int64s
    first: Int32s
    last: Int32s


def late_interest(
    amount_cents: int,
    liquidated: dt.date,
    paid: dt.date,
    kind: str = "corporate",
    *,
    undeliverable: Iterable[tuple[dt.date, dt.date]] = (),
    ruleset: Ruleset,
) -> int:
    """Interest for the late payment of one refund.

    Args:
        amount_cents: unpaid balance, principal and interest at the (re)liquidation, at least 0.
        liquidated: day of the (re)liquidation, itself not counted.
        paid: day of payment, or a day up to which nothing was paid.
        kind: corporate or noncorporate (26 USC 6621(a)(1)).
        undeliverable: (first, last) days, both included, on which the ACH could not be delivered.
        ruleset: where the rates come from.

    Returns:
        Cents, at least 0; 0 where it was paid within 30 days.

    Raises:
        MissingRateError: a day that bears interest has no rate.
        UsageError: a negative amount, or a kind that is not known.
    """
    if amount_cents < 0:
        raise UsageError(f"interest runs on a refund, not on {amount_cents} cents")
    if kind not in KINDS:
        raise UsageError(f"the importer kind is one of {' | '.join(KINDS)}, not {kind!r}")
    start = day_number(liquidated)
    end = start + PERIOD_DAYS * full_periods(start, day_number(paid))
    holes = [(day_number(first), day_number(last)) for first, last in undeliverable]
    table = interest_table(ruleset)
    return _grown(amount_cents, KINDS.index(kind), bearing(start, end, holes), table)


def full_periods(liquidated: int, paid: int) -> int:
    """Whole 30-day periods after the (re)liquidation that are over before the period of payment begins."""
    return max(paid - liquidated - 1, 0) // PERIOD_DAYS


def bearing(start: int, end: int, holes: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    """The days after `start` up to `end` outside of holes: (day before the first, last) of each stretch."""
    stretches = []
    for first, last in sorted(hole for hole in holes if hole[0] <= hole[1]):
        if first > start + 1 and start < end:
            stretches.append((start, min(first - 1, end)))
        start = max(start, last)
    if start < end:
        stretches.append((start, end))
    return stretches


def _grown(amount_cents: int, kind: int, stretches: Sequence[tuple[int, int]], table: RateTable) -> int:
    """What an amount brings over stretches of days, carried on from one to the next, rounded once."""
    return half_up(amount_cents * (_growth(kind, stretches, table) - 1))


def _growth(kind: int, stretches: Sequence[tuple[int, int]], table: RateTable) -> Fraction:
    """What one cent grows to over stretches of days."""
    growth = Fraction(1)
    for before, last in stretches:
        growth *= table.growth(kind, before, last)
    return growth


def late_interest_of_many(
    amount_cents: Int64s,
    liquidated: Int32s,
    paid: Int32s,
    kind: Int8s,
    *,
    undeliverable: Undeliverable | None = None,
    ruleset: Ruleset,
) -> Int64s:
    """Interest for the late payment of many refunds, each exact to the cent.

    Args:
        amount_cents: int64[n], unpaid balances, at least 0.
        liquidated: int32[n], days of the (re)liquidation; `bridge.NO_DAY` where unknown.
        paid: int32[n], days of payment; `bridge.NO_DAY` where unknown.
        kind: int8[n], place in `rates.KINDS`.
        undeliverable: when which of them could not be delivered.
        ruleset: where the rates come from.

    Returns:
        int64[n] cents; -1 where a day is not known or has no rate.

    Raises:
        UsageError: a negative amount.
    """
    if len(amount_cents) and int(amount_cents.min()) < 0:
        raise UsageError(f"interest runs on a refund, not on {int(amount_cents.min())} cents")
    table = interest_table(ruleset)
    unknown = (liquidated == NO_DAY) | (paid == NO_DAY)
    start = np.where(unknown, 0, liquidated).astype(np.int64)
    end = start + PERIOD_DAYS * (np.maximum(np.where(unknown, 0, paid) - start - 1, 0) // PERIOD_DAYS)
    first, last = readonly(start.astype(np.int32)), readonly(end.astype(np.int32))
    interest, known = priced(amount_cents, None, first, last, kind, table)
    interest[~known] = NO_NUMBER
    if undeliverable is not None:
        holes: dict[int, list[tuple[int, int]]] = {}
        for row, one, other in zip(*(array.tolist() for array in undeliverable), strict=True):
            holes.setdefault(row, []).append((one, other))
        # Money that is held together is undeliverable together: few growths for many refunds.
        grown: dict[tuple[int, tuple[tuple[int, int], ...]], tuple[int, int] | None] = {}
        for row, times in holes.items():
            way = int(kind[row]), tuple(bearing(int(start[row]), int(end[row]), times))
            if way not in grown:
                try:
                    growth = _growth(*way, table) - 1
                    grown[way] = growth.numerator, growth.denominator
                except MissingRateError:
                    grown[way] = None
            found, cents = grown[way], int(amount_cents[row])
            if found is None:
                interest[row] = NO_NUMBER if cents else 0
            else:
                interest[row] = (2 * cents * found[0] + found[1]) // (2 * found[1])
    interest[unknown] = NO_NUMBER
    return interest
