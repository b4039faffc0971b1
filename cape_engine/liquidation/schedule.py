"""The schedule: on which run day an accepted entry is liquidated or reliquidated, or why it waits."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from cape_engine import bridge
from cape_engine.bridge import NO_DAY, Bools, Int8s, Int32s, Int64s
from cape_engine.dates import date_of, day_number
from cape_engine.findings import Findings
from cape_engine.findings.grouped import add_where
from cape_engine.liquidation import review
from cape_engine.liquidation.days import by_day, given, year_ends
from cape_engine.liquidation.policy import BEYOND, Policy, in_force
from cape_engine.rules import Ruleset
from cape_engine.schema import facts as f
from cape_engine.schema.codes import Action, Flag, Standing
from cape_engine.settings import Settings

UInt32s = npt.NDArray[np.uint32]

PROTEST_DAYS = 180
"""Days after a (re)liquidation in which it may be protested (19 USC 1514)."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What the schedule does, one value per entry.

    Attributes:
        action: int8 `codes.Action`.
        liquidation_day: int32 planned run day; `NO_DAY` where none is planned.
        flags: uint32 `codes.Flag` bits to add to those of mass processing.
        payable: has a day and is not in review.
        findings: what a person should look at.
    """

    action: Int8s
    liquidation_day: Int32s
    flags: UInt32s
    payable: Bools
    findings: Findings


def plan(
    entries: pa.Table,
    standing: Standing,
    *,
    accepted: Bools,
    flags: UInt32s,
    principal_cents: Int64s,
    ruleset: Ruleset,
    settings: Settings,
    accepted_on: dt.date,
    picked: Bools | None = None,
) -> Plan:
    """Schedule the accepted entries (handbook 6.2 to 6.4; clarifications 3 to 5, 30 to 32).

    Args:
        entries: entries of the store, n rows.
        standing: their standing at acceptance.
        accepted: whether the claim portal accepted each entry.
        flags: `codes.Flag` bits that mass processing set; they pick entries for review.
        principal_cents: duty to give back, for the review threshold.
        ruleset: policies and calendar.
        settings: `schedule.*` are read.
        accepted_on: day of acceptance; the first run day after it is the earliest (clarification 31).
        picked: entries that go to review, for callers who know them already; else `review.picked` finds them.

    Raises:
        UsageError: no policy holds on `accepted_on`.
    """
    policy = in_force(ruleset, settings, accepted_on)
    start = day_number(accepted_on)
    numbers = bridge.single(entries, f.ENTRY_NUMBER)

    road = accepted & ~standing.held
    was_liquidated = standing.liquidated_day != NO_DAY
    day, ended, ended_by = _first_liquidations(entries, road & ~was_liquidated, policy, start)
    again = road & was_liquidated
    basis = standing.liquidated_day
    if ended_by.any():
        again |= ended_by != 0
        basis = bridge.either(was_liquidated, basis, ended)
    day = bridge.either(again, by_day(basis, lambda days: reliquidation_days(days, policy, start)), day)

    missed = again & (day == NO_DAY)
    unknown: Bools = road & (day == BEYOND)
    if picked is None:
        picked = review.picked(numbers, flags, principal_cents, ruleset, settings)
    in_review = accepted & picked & ~missed
    waits = (accepted & standing.held) | in_review | unknown
    dated: Bools = road & ~missed & ~waits

    bits = np.zeros(len(numbers), np.uint32)
    for flag, where in (
        (Flag.HELD, accepted & standing.held),
        (Flag.IN_REVIEW, in_review),
        (Flag.WINDOW_MISSED, missed),
        (Flag.DEEMED_LIMIT, (ended_by == Flag.DEEMED_LIMIT) | (road & standing.deemed)),
        (Flag.SCHEDULED_LIQUIDATION, ended_by == Flag.SCHEDULED_LIQUIDATION),
    ):
        if where.any():
            bits |= where * np.uint32(flag)
    action = np.zeros(len(numbers), np.int8)
    for value, where in ((Action.LIQUIDATE, dated & ~again), (Action.RELIQUIDATE, dated & again), (Action.WAIT, waits)):
        action += where.view(np.int8) * np.int8(value)  # no entry is in two of them

    findings = Findings()
    _report(findings, numbers, bits, basis, policy)
    last = np.full(len(numbers), policy.runs.last, np.int32) if unknown.any() else basis
    add_where(findings, "CALENDAR_ENDS", numbers, unknown, last, lambda day: {"value": date_of(day)})
    return Plan(
        action=bridge.readonly(action),
        liquidation_day=bridge.readonly(bridge.either(dated, day, NO_DAY)),
        flags=bridge.readonly(bits),
        payable=dated,
        findings=findings,
    )


def _first_liquidations(entries: pa.Table, where: Bools, policy: Policy, start: int) -> tuple[Int32s, Int32s, UInt32s]:
    """Days for unliquidated entries; where no run day is left, the day that ends the road and the flag that says so."""
    earliest = int(policy.from_day(np.array([start + 1]))[0])
    year = year_ends(entries)
    limit = by_day(year, lambda days: _limit(days, policy, policy.deemed_margin_days))
    booked = given(entries, f.SCHEDULED_LIQUIDATION_DATE)
    if booked is not None:
        limit = np.minimum(limit, by_day(booked, lambda days: _limit(days, policy, 1)))
    # Clarification 31: the earliest run day is the first one after acceptance; a limit before it leaves none.
    ended, ended_by = np.full(len(year), NO_DAY, np.int32), np.zeros(len(year), np.uint32)
    places = np.flatnonzero(where & (limit < earliest))
    if len(places):
        its_year = _or_beyond(year[places])
        its_booked = np.full(len(places), BEYOND, np.int32) if booked is None else _or_beyond(booked[places])
        ended[places] = np.minimum(its_year, its_booked)
        by_year, by_booking = np.uint32(Flag.DEEMED_LIMIT), np.uint32(Flag.SCHEDULED_LIQUIDATION)
        ended_by[places] = np.where(its_year <= its_booked, by_year, by_booking)
    return np.minimum(limit, np.int32(first_target(policy, start))), ended, ended_by


def _or_beyond(days: Int32s) -> Int32s:
    """Days, those not known beyond the calendar."""
    return np.where(days == NO_DAY, np.int32(BEYOND), days)


def _limit(days: Int32s, policy: Policy, before: int) -> Int32s:
    """Last run day that lies at least `before` days before each day; a day that is not known sets no limit."""
    return np.where(days == NO_DAY, np.int32(BEYOND), policy.up_to_day(days.astype(np.int64) - before))


def first_target(policy: Policy, start: int) -> int:
    """Run day aimed at for an unliquidated entry accepted on `start`, limits aside."""
    ahead = policy.days_unliquidated if policy.exact else policy.review_days + 1
    return int(policy.from_day(np.array([start + max(ahead, 1)]))[0])


def reliquidation_days(liquidated: Int32s, policy: Policy, start: int) -> Int32s:
    """Run day on which an entry liquidated on each day is reliquidated; `NO_DAY` where day 90 comes first.

    Args:
        liquidated: day that starts the 90 days (19 USC 1501), shape (n,); `NO_DAY` gives `NO_DAY`.
        policy: figures in force.
        start: day of acceptance.
    """
    day = liquidated.astype(np.int64)
    limit = policy.up_to_day(day + policy.reliq_reach)
    after = np.maximum(day, start)
    earliest = policy.from_day(after + 1)
    target = np.minimum(policy.from_day(after + 1 + policy.review_days), limit)
    left = (day != NO_DAY) & ((limit >= earliest) | (limit == BEYOND))
    return np.where(left, target, np.int32(NO_DAY))


def _report(findings: Findings, numbers: pa.Array, bits: UInt32s, basis: Int32s, policy: Policy) -> None:
    """Findings for entries whose window is missed or whose year ends too early, with the dates a filer needs (6.6)."""
    for flag, code in (
        (Flag.WINDOW_MISSED, "WINDOW_MISSED"),
        (Flag.DEEMED_LIMIT, "DEEMED_LIMIT"),
        (Flag.SCHEDULED_LIQUIDATION, "SCHEDULED_LIQUIDATION"),
    ):
        add_where(
            findings,
            code,
            numbers,
            (bits & np.uint32(flag)) != 0,
            basis,
            lambda day: {
                "value": date_of(day),
                "limit": date_of(day + policy.reliq_reach),
                "protest": date_of(day + PROTEST_DAYS),
            },
        )
