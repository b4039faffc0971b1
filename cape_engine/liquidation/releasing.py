"""The day of an entry that a hold or a review lets go (handbook 6.3, 6.4; 19 USC 1504)."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from cape_engine.bridge import NO_DAY, Bools, Int32s
from cape_engine.liquidation.policy import BEYOND, Policy
from cape_engine.liquidation.schedule import reliquidation_days

NEVER = 2_932_896
"""9999-12-31: the limit of an entry that no year ends (a warehouse entry whose last withdrawal an event reports)."""
SUSPENSION_MONTHS = 6
"""19 USC 1504(d): liquidated within six months after the suspension ends."""
EXTENSION_MONTHS = 48
"""19 USC 1504(b): at most four years from the entry."""


class Given(NamedTuple):
    """Entries that are let go, one value per entry.

    Attributes:
        effective: int32 day from which the event holds.
        given: int32 liquidation day that it gives; `NO_DAY` where none.
        held: they waited; the others were in review.
        accepted: int32 day of acceptance.
        entered: int32 day of entry.
        basis: int32 liquidation that starts the 90 days; `NO_DAY` while unliquidated.
        limit: int32 day on which the law liquidates; `NO_DAY` where none.
        booked: int32 ordinary liquidation already scheduled; `NO_DAY` where none.
    """

    effective: Int32s
    given: Int32s
    held: Bools
    accepted: Int32s
    entered: Int32s
    basis: Int32s
    limit: Int32s
    booked: Int32s


class Released(NamedTuple):
    """Where they stand afterwards.

    Attributes:
        day: int32 run day; `NO_DAY` where the window has closed, `policy.BEYOND` where the calendar ends first.
        basis: int32, set where the law liquidated meanwhile.
        limit: int32, moved where a hold ended.
        booked: int32, `NO_DAY` where a hold ended.
    """

    day: Int32s
    basis: Int32s
    limit: Int32s
    booked: Int32s


def released(entries: Given, day: int, policy: Policy, limit_rule: str) -> Released:
    """The day of entries let go on a day; the first run day after it is the earliest.

    A hold: the day that the event gives, rolled forward to a run day, else the policy for unliquidated entries counted
    from its effective day (`schedule.event_policy` = target_from_event). A review: the day the entry had, while that
    lies ahead (the set window is kept). Both end before the limit of the law; an entry liquidated already is
    reliquidated within its 90 days, or never.

    Args:
        entries: those let go.
        day: the day on which it is played.
        policy: figures in force on that day.
        limit_rule: `none`, `year`, `six_months` or `four_years`: until when a held entry must be liquidated now.
    """
    soon = policy.from_day(np.array([day + 1]))[0]
    held = entries.held
    limit = np.where(held, _limits(entries, limit_rule), entries.limit).astype(np.int32)
    booked = np.where(held, np.int32(NO_DAY), entries.booked)
    ahead = max(policy.days_unliquidated if policy.exact else policy.review_days + 1, 1)
    start = np.where(held, entries.effective, entries.accepted).astype(np.int64)
    wanted = np.where(entries.given != NO_DAY, entries.given.astype(np.int64), start + ahead)
    target = np.maximum(policy.from_day(wanted), soon)
    last = first_last_days(limit, booked, policy)
    ended = (entries.basis == NO_DAY) & (last < soon)
    basis = np.where(ended, np.minimum(_or_beyond(limit), _or_beyond(booked)), entries.basis).astype(np.int32)
    again = reliquidation_days(basis, policy, day)
    found = np.where(basis == NO_DAY, np.minimum(target, last), again).astype(np.int32)
    return Released(found, basis, limit, booked)


def first_last_days(limit: Int32s, booked: Int32s, policy: Policy) -> Int32s:
    """Last run day on which unliquidated entries may be liquidated; `BEYOND` where nothing limits them."""
    by_year = policy.up_to_day(_or_beyond(limit).astype(np.int64) - policy.deemed_margin_days)
    by_booking = policy.up_to_day(_or_beyond(booked).astype(np.int64) - 1)
    return np.minimum(by_year, by_booking)


def _or_beyond(days: Int32s) -> Int32s:
    """Days, those not known beyond the calendar."""
    return np.where(days == NO_DAY, np.int32(BEYOND), days)


def _limits(entries: Given, rule: str) -> Int32s:
    """Until when a held entry must be liquidated once its hold ends."""
    if rule == "six_months":
        return months_later(entries.effective, SUSPENSION_MONTHS)
    if rule == "four_years":
        return months_later(entries.entered, EXTENSION_MONTHS)
    known = (rule == "year") & (entries.limit != NO_DAY)
    return np.where(known, entries.limit, np.int32(NEVER))


def months_later(days: Int32s, months: int) -> Int32s:
    """The same day of the month some months later, or the last day of that month; `NEVER` for a day not known.

    Args:
        days: day numbers, int32, shape (n,).
        months: how many.
    """
    known = days != NO_DAY
    day = np.where(known, days, 0).astype("datetime64[D]")
    month = day.astype("datetime64[M]")
    offset = (day - month.astype("datetime64[D]")).astype(np.int64)
    later = month + np.timedelta64(months, "M")
    length = ((later + np.timedelta64(1, "M")).astype("datetime64[D]") - later.astype("datetime64[D]")).astype(np.int64)
    result = later.astype("datetime64[D]").astype(np.int64) + np.minimum(offset, length - 1)
    return np.where(known, result, NEVER).astype(np.int32)
