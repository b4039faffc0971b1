"""The slow twin of standing and schedule: one entry at a time, plain dates and days counted one by one, from the law.

Written from 19 USC 1501 and 1504, 19 CFR 173.3 and the decided cases; it shares nothing with the engine, not even the
calendar: the federal holidays of 5 USC 6103 are worked out here.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache

DAY = dt.timedelta(days=1)
ORDERED_CLOSURES = {dt.date(2024, 12, 24), dt.date(2025, 1, 9), dt.date(2025, 12, 24), dt.date(2025, 12, 26)}
HOLD_CODES = {"43", "44", "45", "46", "49", "50", "51", "65", "66"}
HOLD_WORDS = {"Extended", "Suspended", "Under Review"}
WAITING_TYPES = {"03", "07", "21", "22", "31", "32", "34", "38"}


def _nth_monday(year: int, month: int, nth: int) -> dt.date:
    day = dt.date(year, month, 1)
    while day.weekday() != 0:
        day += DAY
    return day + 7 * (nth - 1) * DAY


def _floating(year: int) -> set[dt.date]:
    """The holidays that always fall on a Monday or Thursday."""
    last_may = dt.date(year, 5, 31)
    while last_may.weekday() != 0:
        last_may -= DAY
    thanksgiving = dt.date(year, 11, 1)
    while thanksgiving.weekday() != 3:
        thanksgiving += DAY
    return {
        _nth_monday(year, 1, 3),
        _nth_monday(year, 2, 3),
        last_may,
        _nth_monday(year, 9, 1),
        _nth_monday(year, 10, 2),
        thanksgiving + 21 * DAY,
    }


def _fixed(year: int) -> list[dt.date]:
    """The holidays of a date, and the next New Year's Day, which may be kept in this year."""
    parts = [(year, 1, 1), (year, 6, 19), (year, 7, 4), (year, 11, 11), (year, 12, 25), (year + 1, 1, 1)]
    return [dt.date(*part) for part in parts]


@cache
def closed(year: int) -> frozenset[dt.date]:
    """The legal public holidays of a year as CBP keeps them (5 USC 6103), observed days included."""
    days = _floating(year) | {day for day in ORDERED_CLOSURES if day.year == year}
    moved = {5: -DAY, 6: DAY}  # a Saturday to Friday, a Sunday to Monday
    days |= {day + moved.get(day.weekday(), 0 * DAY) for day in _fixed(year)}
    return frozenset(day for day in days if day.year == year)


@cache
def banks_closed(year: int) -> frozenset[dt.date]:
    """The same holidays as the Federal Reserve keeps them: a Sunday moves to Monday, a Saturday does not move."""
    kept = {day + DAY if day.weekday() == 6 else day for day in _fixed(year)}
    return frozenset(_floating(year) | {day for day in kept if day.year == year})


def is_run_day(day: dt.date, rules: Rules | None = None) -> bool:
    """Monday to Thursday, and CBP is open."""
    rules = rules or Rules()
    weekday = ("MON", "TUE", "WED", "THU", "FRI", "SAT", "SUN")[day.weekday()]
    return weekday in rules.run_days and day not in closed(day.year) and day.isoformat() not in rules.overrides


def run_day_from(day: dt.date, rules: Rules | None = None) -> dt.date:
    """The first run day on or after `day`."""
    while not is_run_day(day, rules):
        day += DAY
    return day


def run_day_to(day: dt.date, rules: Rules | None = None) -> dt.date:
    """The last run day on or before `day`."""
    while not is_run_day(day, rules):
        day -= DAY
    return day


def one_year_later(day: dt.date) -> dt.date:
    """The anniversary; of 29 February it is 28 February."""
    try:
        return day.replace(year=day.year + 1)
    except ValueError:
        return dt.date(day.year + 1, 2, 28)


@dataclass(frozen=True)
class Rules:
    """What the schedule is made of; the defaults are those of the handbook."""

    accept_window: int = 80
    reliq_limit: int = 90
    reliq_limit_inclusive: bool = True
    reliq_basis: str = "latest"
    days_unliquidated: int = 45
    unliquidated_rule: str = "exact"
    review_days: int = 0
    deemed_margin_days: int = 1
    run_days: Sequence[str] = ("MON", "TUE", "WED", "THU")
    overrides: Sequence[str] = ()


@dataclass
class Stands:
    """Where one entry stands."""

    liquidated: dt.date | None = None
    deemed: bool = False
    held: bool = False
    no_status: bool = False
    refused: bool = False
    findings: list[str] = field(default_factory=list)


def standing(  # noqa: PLR0912 - one sentence of the law after another
    facts: Mapping[str, object], as_of: dt.date, accepted_on: dt.date, rules: Rules | None = None
) -> Stands:
    """Where an entry with these facts (missing = unknown) stands on these two days."""
    rules = rules or Rules()
    word = facts.get("liquidation_status")
    day = facts.get("liquidation_date")
    original = facts.get("original_liquidation_date")
    entered = facts.get("entry_date")
    code = facts.get("extension_suspension_code")
    result = Stands()
    if word is None:
        word = "Liquidated" if day else "Unliquidated"
    if word == "Open":
        word = "Unliquidated"
    if word == "Closed":
        word = "Liquidated" if day else ""
    if word in {"Liquidated", "Reliquidated"} and day is None:
        return Stands(refused=True, findings=["LIQUIDATION_DATE_MISSING"])
    if (word == "Unliquidated" or word in HOLD_WORDS) and day is not None:
        return Stands(refused=True, findings=["LIQUIDATION_CONTRADICTION"])
    if rules.reliq_basis == "original" and original is not None and day is not None:
        day = original
    if isinstance(day, dt.date):
        if day > as_of:
            return Stands(refused=True, findings=["LIQUIDATION_AFTER_FILING"])
        if isinstance(entered, dt.date) and day < entered:
            return Stands(refused=True, findings=["LIQUIDATION_BEFORE_ENTRY"])
        result.liquidated = day
    result.no_status = word == ""
    if code in HOLD_CODES:
        result.held = True
        if facts.get("liquidation_status") is not None and word not in HOLD_WORDS:
            result.findings.append("HOLD_CONTRADICTION")
    if word in HOLD_WORDS:
        result.held = True
    if word == "Unliquidated" and facts.get("entry_type") in WAITING_TYPES:
        result.held = True
    if word == "Unliquidated" and not result.held:
        start = facts.get("last_withdrawal_date") or entered
        if isinstance(start, dt.date) and one_year_later(start) <= accepted_on:
            result.liquidated = one_year_later(start)
            result.deemed = True
    return result


@dataclass
class Planned:
    """What the schedule does with one entry."""

    action: str
    day: dt.date | None = None
    flags: set[str] = field(default_factory=set)


def reliquidation(liquidated: dt.date, accepted_on: dt.date, rules: Rules) -> dt.date | None:
    """The run day on which a liquidated entry is reliquidated, or none when day 90 (19 USC 1501) comes first."""
    reach = rules.reliq_limit if rules.reliq_limit_inclusive else rules.reliq_limit - 1
    limit = run_day_to(liquidated + reach * DAY, rules)
    start = max(accepted_on, liquidated)
    if limit < run_day_from(start + DAY, rules):
        return None
    return min(run_day_from(start + rules.review_days * DAY + DAY, rules), limit)


def plan(facts: Mapping[str, object], stands: Stands, accepted_on: dt.date, rules: Rules | None = None) -> Planned:
    """What happens to an accepted entry that nobody picks for review."""
    rules = rules or Rules()
    if stands.held:
        return Planned("wait", None, {"HELD"})
    if stands.liquidated is not None:
        flags = {"DEEMED_LIMIT"} if stands.deemed else set()
        day = reliquidation(stands.liquidated, accepted_on, rules)
        return Planned("reliquidate", day, flags) if day else Planned("none", None, flags | {"WINDOW_MISSED"})
    start = facts.get("last_withdrawal_date") or facts.get("entry_date")
    scheduled = facts.get("scheduled_liquidation_date")
    limits: list[dt.date] = []
    ends: list[tuple[dt.date, str]] = []
    if isinstance(start, dt.date):
        limits.append(run_day_to(one_year_later(start) - rules.deemed_margin_days * DAY, rules))
        ends.append((one_year_later(start), "DEEMED_LIMIT"))
    if isinstance(scheduled, dt.date):
        limits.append(run_day_to(scheduled - DAY, rules))
        ends.append((scheduled, "SCHEDULED_LIQUIDATION"))
    earliest = run_day_from(accepted_on + DAY, rules)
    if limits and min(limits) < earliest:
        ended, flag = min(ends)
        day = reliquidation(ended, accepted_on, rules)
        return Planned("reliquidate", day, {flag}) if day else Planned("none", None, {flag, "WINDOW_MISSED"})
    if rules.unliquidated_rule == "exact":
        target = run_day_from(accepted_on + rules.days_unliquidated * DAY, rules)
    else:
        target = run_day_from(accepted_on + rules.review_days * DAY + DAY, rules)
    target = max(target, earliest)
    return Planned("liquidate", min([target, *limits]))


MASK = 2**64 - 1


def mixed(value: int) -> int:
    """The finalizer of MurmurHash3 over 64 bits: spreads neighbouring numbers over the whole range."""
    value ^= value >> 33
    value = value * 0xFF51AFD7ED558CCD & MASK
    value ^= value >> 33
    value = value * 0xC4CEB9FE1A85EC53 & MASK
    return value ^ value >> 33


def sampled(entry_number: str, per_10000: int, seed: int) -> bool:
    """Whether the seeded sample picks an entry: FNV-1a of its number, begun from the seed."""
    value = mixed(seed + 1 & MASK) ^ 0xCBF29CE484222325
    for byte in entry_number.encode():
        value = (value ^ byte) * 0x100000001B3 & MASK
    return mixed(value) % 10_000 < per_10000


@dataclass
class Window:
    """How long an officer has: last run day, last day for a release, run day of a release today; None where none."""

    last_run: dt.date | None
    decide_by: dt.date | None
    released_to: dt.date | None


def window(facts: Mapping[str, dt.date | None], on: dt.date, rules: Rules | None = None) -> Window:
    """The window of an entry in review on a day, released on that day at the end.

    `facts`: accepted, basis (the liquidation that starts the 90 days), limit (end of the year), booked.
    """
    rules = rules or Rules()
    accepted, basis, limit, booked = (facts[name] for name in ("accepted", "basis", "limit", "booked"))
    assert accepted is not None
    if basis is not None:
        reach = rules.reliq_limit if rules.reliq_limit_inclusive else rules.reliq_limit - 1
        last = run_day_to(basis + reach * DAY, rules)
        return Window(last, last - DAY, reliquidation(basis, on, rules))
    limits = [] if limit is None else [run_day_to(limit - rules.deemed_margin_days * DAY, rules)]
    limits += [] if booked is None else [run_day_to(booked - DAY, rules)]
    soon = run_day_from(on + DAY, rules)
    if not limits:
        return Window(None, None, max(soon, run_day_from(accepted + rules.days_unliquidated * DAY, rules)))
    last = min(limits)
    if last < soon:  # the law liquidates, or has, before CAPE can
        ended = min(day for day in (limit, booked) if day is not None)
        return Window(last, last - DAY, reliquidation(ended, on, rules))
    target = max(soon, run_day_from(accepted + rules.days_unliquidated * DAY, rules))
    return Window(last, last - DAY, min(target, last))
