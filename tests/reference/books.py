"""The slow twin of books and forecasts: one entry, one day, one case at a time, in exact fractions."""

from __future__ import annotations

import datetime as dt
import math
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

from reference.interest import CORPORATE, DAY, NONCORPORATE, half_up, interest

RATES = {"corporate": CORPORATE, "noncorporate": NONCORPORATE}
EPOCH = dt.date(1970, 1, 1)


@dataclass(frozen=True)
class Entry:
    """An entry with duty to give back.

    Attributes:
        importer: number.
        deposits: (cents, day) of what is given back.
        day: planned or real (re)liquidation day.
        kind: corporate or noncorporate.
        accepted: acceptance day.
        again: it is reliquidated.
        decided: it is liquidated already.
    """

    importer: str
    deposits: tuple[tuple[int, dt.date], ...]
    day: dt.date
    kind: str = "corporate"
    accepted: dt.date = dt.date(2026, 5, 4)
    again: bool = False
    decided: bool = False

    @property
    def principal(self) -> int:
        """Cents."""
        return sum(cents for cents, _ in self.deposits)

    def earned(self, until: dt.date) -> int:
        """Interest up to a day, each deposit rounded as if that day were the liquidation."""
        return sum(interest(cents, day, min(until, self.day), RATES[self.kind]) or 0 for cents, day in self.deposits)

    def interest_on(self, day: dt.date) -> int:
        """Interest if it were liquidated on a day."""
        return sum(interest(cents, first, day, RATES[self.kind]) or 0 for cents, first in self.deposits)


def period_of(day: dt.date, length: str) -> dt.date:
    """First day of the period of a day."""
    if length == "week":
        return day - dt.timedelta(days=day.weekday())
    if length == "month":
        return dt.date(day.year, day.month, 1)
    return dt.date(day.year, day.month - (day.month - 1) % 3, 1)


def books(entries: Sequence[Entry], cut_off: dt.date, length: str) -> dict[tuple[dt.date, str], list[int]]:
    """Deposited, earned, due principal and due interest by period and importer, one day after the other."""
    found: dict[tuple[dt.date, str], list[int]] = defaultdict(lambda: [0, 0, 0, 0])
    for entry in entries:
        for cents, day in entry.deposits:
            when = min(day, entry.day)
            if when <= cut_off:
                found[period_of(when, length), entry.importer][0] += cents
        day, before = min(day for _, day in entry.deposits), 0
        while day <= min(cut_off, entry.day):
            now = entry.earned(day)
            found[period_of(day, length), entry.importer][1] += now - before
            day, before = day + DAY, now
        if entry.day <= cut_off:
            row = found[period_of(entry.day, length), entry.importer]
            row[2] += entry.principal
            row[3] += entry.earned(entry.day)
    return {key: row for key, row in found.items() if any(row)}


FED_HOLIDAYS = {dt.date(2026, *day) for day in ((5, 25), (6, 19), (9, 7), (10, 12), (11, 11), (11, 26), (12, 25))}
CBP_HOLIDAYS = FED_HOLIDAYS | {dt.date(2026, 7, 3)}
"""From May 2026: the fourth of July is a Saturday, which the Federal Reserve does not move."""


def open_from(day: dt.date, holidays: set[dt.date]) -> dt.date:
    """The first working day on or after a day."""
    while day.weekday() >= 5 or day in holidays:
        day += DAY
    return day


@dataclass(frozen=True)
class History:
    """Days that were observed, one for each entry: to the liquidation, the reliquidation, the issue, the bank."""

    liquidate: tuple[int, ...]
    reliquidate: tuple[int, ...]
    issue: tuple[int, ...]
    settle: tuple[int, ...]


def _later(start: dt.date, days: Sequence[int], as_of: dt.date) -> list[int]:
    """Days that lead behind the day of the forecast, as what has not come by then cannot have taken less."""
    return [number for number in days if start + number * DAY > as_of]


def liquidations(entry: Entry, history: History, as_of: dt.date) -> list[dt.date]:
    """Every liquidation day that was observed, as often as it was, in the order of days."""
    if entry.decided:
        return [entry.day]
    days = _later(entry.accepted, history.reliquidate if entry.again else history.liquidate, as_of)
    if not days:
        return [open_from(max(entry.day, as_of + DAY), CBP_HOLIDAYS)]
    return [open_from(entry.accepted + number * DAY, CBP_HOLIDAYS) for number in sorted(days)]


def arrivals(liquidated: dt.date, history: History, as_of: dt.date) -> list[tuple[dt.date, Fraction]]:
    """Days on which the money may arrive, with what they weigh."""
    issue = _later(liquidated, history.issue, as_of) if history.issue else [0]
    if not issue:
        issue = [max((as_of + DAY - liquidated).days, 0)]
    found = []
    for wait in issue:
        issued = liquidated + wait * DAY
        still = issued <= as_of
        if history.settle:
            kept = _later(issued, history.settle, as_of) if still else list(history.settle)
            days = [open_from(issued + number * DAY, FED_HOLIDAYS) for number in kept]
            days = days or [open_from(as_of + DAY, FED_HOLIDAYS)]
        else:
            first = open_from(max(issued + DAY, as_of + DAY) if still else issued + DAY, FED_HOLIDAYS)
            days = [first, open_from(first + DAY, FED_HOLIDAYS)]
        found += [(day, Fraction(1, len(issue) * len(days))) for day in days]
    return found


def means(groups: Sequence[Sequence[Entry]], history: History, as_of: dt.date, weeks: int) -> list[tuple[int, int]]:
    """Mean principal and interest of each week, and of all later ones; what came up to each week is rounded."""
    monday = period_of(as_of + DAY, "week")
    sums = [[Fraction(0), Fraction(0)] for _ in range(weeks + 1)]
    for group in groups:
        days = liquidations(group[0], history, as_of)
        for liquidated, times in Counter(days).items():
            interest_cents = sum(entry.interest_on(liquidated) for entry in group)
            for day, weight in arrivals(liquidated, history, as_of):
                week = min((day - monday).days // 7, weeks)
                share = weight * Fraction(times, len(days))
                sums[week][0] += share * sum(entry.principal for entry in group)
                sums[week][1] += share * interest_cents
    found = []
    to_date = [Fraction(0), Fraction(0)]
    for sums_of_week in sums:
        after = [to_date[kind] + sums_of_week[kind] for kind in range(2)]
        found.append((half_up(after[0]) - half_up(to_date[0]), half_up(after[1]) - half_up(to_date[1])))
        to_date = after
    return found


def word(seed: int, group: int, stage: int, draw: int) -> int:
    """The random word of a draw, counted from 0: splitmix64."""
    mask = (1 << 64) - 1
    first = seed * 0x9E3779B97F4A7C15 + group * 0xD1B54A32D192ED03 + stage * 0x8CB92BA72F3D8DD7
    mixed = (first + (draw + 1) * 0x9E3779B97F4A7C15) & mask
    mixed = (mixed ^ (mixed >> 30)) * 0xBF58476D1CE4E5B9 & mask
    mixed = (mixed ^ (mixed >> 27)) * 0x94D049BB133111EB & mask
    return mixed ^ (mixed >> 31)


def ranges(
    groups: Sequence[Sequence[Entry]], history: History, as_of: dt.date, weeks: int, seed: int, cases: int
) -> tuple[list[list[int]], list[list[int]]]:
    """Low, middle and high of each week, and up to the end of each week, case by case."""
    monday = period_of(as_of + DAY, "week")
    drawn = [[0] * cases for _ in range(weeks + 1)]
    for number, group in enumerate(groups):
        for case in range(cases):
            days = liquidations(group[0], history, as_of)
            liquidated = days[word(seed, number, 0, case) % len(days)]
            weights: dict[dt.date, Fraction] = defaultdict(Fraction)
            for day, weight in arrivals(liquidated, history, as_of):
                weights[day] += weight
            day = _drawn(weights, history, liquidated, as_of, word(seed, number, 1, case))
            cents = sum(entry.principal + entry.interest_on(liquidated) for entry in group)
            drawn[min((day - monday).days // 7, weeks)][case] += cents
    to_date = [[sum(drawn[at][case] for at in range(week + 1)) for case in range(cases)] for week in range(weeks + 1)]
    return _tenths(drawn, cases), _tenths(to_date, cases)


def _drawn(
    weights: dict[dt.date, Fraction], history: History, liquidated: dt.date, as_of: dt.date, ticket: int
) -> dt.date:
    """The day of a ticket: as many tickets for each day as its ways of issue and settlement."""
    whole = _tickets(history, liquidated, as_of)
    rest = ticket % whole
    for day in sorted(weights):
        mine = weights[day] * whole
        assert mine.denominator == 1
        if rest < mine:
            return day
        rest -= int(mine)
    raise AssertionError("no day is left")


def _tickets(history: History, liquidated: dt.date, as_of: dt.date) -> int:
    """How many tickets there are: ways of issue times the least common multiple of the ways of settlement."""
    issue = _later(liquidated, history.issue, as_of) if history.issue else [0]
    issue = issue or [max((as_of + DAY - liquidated).days, 0)]
    sizes = []
    for wait in issue:
        issued = liquidated + wait * DAY
        kept = list(history.settle)
        if issued <= as_of and history.settle:
            kept = _later(issued, history.settle, as_of) or [0]
        sizes.append(len(kept) if history.settle else 2)
    return len(issue) * math.lcm(*sizes)


def _tenths(drawn: list[list[int]], cases: int) -> list[list[int]]:
    return [[sorted(week)[cases * tenths // 10 - 1] for week in drawn] for tenths in (1, 5, 9)]
