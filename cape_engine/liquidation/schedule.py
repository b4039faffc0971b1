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
from cape_engine.findings.grouped import add_grouped
from cape_engine.liquidation import review
from cape_engine.liquidation.policy import BEYOND, Policy, in_force
from cape_engine.liquidation.standings import year_ends
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

    Raises:
        UsageError: no policy holds on `accepted_on`.
    """
    policy = in_force(ruleset, settings, accepted_on)
    start = day_number(accepted_on)
    numbers = bridge.single(entries, f.ENTRY_NUMBER)
    findings = Findings()

    road = accepted & ~standing.held
    was_liquidated = standing.liquidated_day != NO_DAY
    first_time, ended, ended_by = _first_liquidations(entries, road & ~was_liquidated, policy, start)
    again = road & (was_liquidated | (ended_by != 0))
    basis = np.where(was_liquidated, standing.liquidated_day, ended).astype(np.int32)
    second_time = reliquidation_days(basis, again, policy, start)
    day = np.where(again, second_time, first_time).astype(np.int32)

    missed = again & (second_time == NO_DAY)
    unknown: Bools = road & ~missed & (day == BEYOND)
    in_review = accepted & ~missed & review.picked(numbers, flags, principal_cents, settings)
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
        bits[where] |= np.uint32(flag)
    action = np.full(len(numbers), Action.NONE, np.int8)
    action[dated & ~again] = Action.LIQUIDATE
    action[dated & again] = Action.RELIQUIDATE
    action[waits] = Action.WAIT

    _report(findings, numbers, bits, basis, policy)
    if unknown.any():
        last = np.full(int(unknown.sum()), policy.runs.last)
        add_grouped(
            findings, "CALENDAR_ENDS", numbers.filter(pa.array(unknown)), last, lambda day: {"value": date_of(day)}
        )
    return Plan(
        action=bridge.readonly(action),
        liquidation_day=bridge.readonly(np.where(dated, day, NO_DAY).astype(np.int32)),
        flags=bridge.readonly(bits),
        payable=dated,
        findings=findings,
    )


def _first_liquidations(entries: pa.Table, where: Bools, policy: Policy, start: int) -> tuple[Int32s, Int32s, UInt32s]:
    """Days for unliquidated entries; where no run day is left, the day that ends the road and the flag that says so."""
    target = first_target(policy, start)
    earliest = int(policy.from_day(np.array([start + 1]))[0])
    year_end = year_ends(entries)
    scheduled = bridge.days(entries, f.SCHEDULED_LIQUIDATION_DATE)
    margin = policy.deemed_margin_days
    deemed_limit = np.where(year_end != NO_DAY, policy.up_to_day(year_end.astype(np.int64) - margin), BEYOND)
    booked_limit = np.where(scheduled != NO_DAY, policy.up_to_day(scheduled.astype(np.int64) - 1), BEYOND)
    limit = np.minimum(deemed_limit, booked_limit)
    # Clarification 31: the earliest run day is the first one after acceptance; a limit before it leaves none.
    none_left = where & (limit < earliest)
    year = np.where(year_end != NO_DAY, year_end, BEYOND)
    booked = np.where(scheduled != NO_DAY, scheduled, BEYOND)
    ended = np.where(none_left, np.minimum(year, booked), NO_DAY).astype(np.int32)
    by = np.where(year <= booked, np.uint32(Flag.DEEMED_LIMIT), np.uint32(Flag.SCHEDULED_LIQUIDATION))
    ended_by = np.where(none_left, by, 0).astype(np.uint32)
    return np.minimum(limit, target).astype(np.int32), ended, ended_by


def first_target(policy: Policy, start: int) -> int:
    """Run day aimed at for an unliquidated entry accepted on `start`, limits aside."""
    ahead = policy.days_unliquidated if policy.exact else policy.review_days + 1
    return int(policy.from_day(np.array([start + max(ahead, 1)]))[0])


def reliquidation_days(liquidated: Int32s, where: Bools, policy: Policy, start: int) -> Int32s:
    """Run day on which each liquidated entry is reliquidated; `NO_DAY` where day 90 comes first, or `where` is false.

    Args:
        liquidated: day that starts the 90 days (19 USC 1501), shape (n,).
        where: entries to schedule, shape (n,).
        policy: figures in force.
        start: day of acceptance.
    """
    day = np.where(where, liquidated, start).astype(np.int64)
    limit = policy.up_to_day(day + policy.reliq_reach)
    after = np.maximum(day, start)
    earliest = policy.from_day(after + 1)
    target = np.minimum(policy.from_day(after + 1 + policy.review_days), limit)
    left = where & ((limit >= earliest) | (limit == BEYOND))
    return np.where(left, target, NO_DAY).astype(np.int32)


def _report(findings: Findings, numbers: pa.Array, bits: UInt32s, basis: Int32s, policy: Policy) -> None:
    """Findings for entries whose window is missed or whose year ends too early, with the dates a filer needs (6.6)."""
    for flag, code in (
        (Flag.WINDOW_MISSED, "WINDOW_MISSED"),
        (Flag.DEEMED_LIMIT, "DEEMED_LIMIT"),
        (Flag.SCHEDULED_LIQUIDATION, "SCHEDULED_LIQUIDATION"),
    ):
        where = (bits & np.uint32(flag)) != 0
        add_grouped(
            findings,
            code,
            numbers.filter(pa.array(where)),
            basis[where],
            lambda day: {
                "value": date_of(day),
                "limit": date_of(day + policy.reliq_reach),
                "protest": date_of(day + PROTEST_DAYS),
            },
        )
