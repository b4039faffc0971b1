"""How long an entry in review has: the last run day of its window, and until when a release still reaches it."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from cape_engine.bridge import NO_DAY, Int32s
from cape_engine.liquidation.policy import BEYOND, Policy
from cape_engine.liquidation.releasing import Given, first_last_days, released


class Windows(NamedTuple):
    """One value per entry; `NO_DAY` where there is none, or where the calendar ends first.

    Attributes:
        last_run: int32 last run day within day 90 of a liquidated entry (19 USC 1501), else the last one before the law
            or an ordinary liquidation already scheduled decides it.
        decide_by: int32 last day on which a release still leaves that run day: the earliest run day is the first one
            after the release (clarification 31).
        released_to: int32 run day of an entry released on the day asked for; the set window is kept (handbook 6.4).
    """

    last_run: Int32s
    decide_by: Int32s
    released_to: Int32s


def windows(entries: Given, day: int, policy: Policy) -> Windows:
    """The windows of entries in review, as they stand on a day.

    Args:
        entries: not held, `effective` and `given` without meaning.
        day: the day asked for.
        policy: figures in force on that day.
    """
    again = entries.basis != NO_DAY
    by_90 = policy.up_to_day(entries.basis.astype(np.int64) + policy.reliq_reach)
    last = np.where(again, by_90, first_last_days(entries.limit, entries.booked, policy)).astype(np.int32)
    limited = last != BEYOND
    found = released(entries, day, policy, "year").day
    return Windows(
        np.where(limited, last, np.int32(NO_DAY)),
        np.where(limited, last - 1, np.int32(NO_DAY)).astype(np.int32),
        np.where(found == BEYOND, np.int32(NO_DAY), found),
    )
