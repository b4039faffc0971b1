"""The slow twin of interest for late payment: period by period and day by day, from 19 USC 1505(d)."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable

from reference.conventions import UnknownRateError, lawful
from reference.interest import DAY


def late(
    cents: int, liquidated: dt.date, paid: dt.date, kind: str, undeliverable: Iterable[tuple[dt.date, dt.date]] = ()
) -> int:
    """Cents for a refund paid late; -1 where a day that counts has no rate."""
    closed = {first + n * DAY for first, last in undeliverable for n in range((last - first).days + 1)}
    above = below = 1
    begins = liquidated
    while paid > begins + 30 * DAY:  # this period is over and nothing was paid in it
        for n in range(1, 31):
            day = begins + n * DAY
            if day not in closed:
                try:
                    rate = lawful(kind)(day)
                except UnknownRateError:
                    return -1
                above *= rate.denominator + rate.numerator
                below *= rate.denominator
        begins += 30 * DAY
    return (2 * cents * (above - below) + below) // (2 * below)
