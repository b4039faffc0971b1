"""Cash by week: entries in groups that move together, observed days for each step, exact means and drawn ranges."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from cape_engine.bridge import NO_DAY, Int32s, Int64s
from cape_engine.dates import RunDays, weekday
from cape_engine.pipeline.books.lags import Lag, Lags, drawn, mixed
from cape_engine.pipeline.books.positions import DECIDED, PAID, PLANNED, Positions
from cape_engine.refund.rates import half_up

CASES = 1_000
"""Cases that are drawn for the ranges."""
TENTHS = (1, 5, 9)
"""Low, middle, high."""
FED_DAYS = Lag(np.array([1, 2]), np.array([1, 1]))
"""Settlement one or two Fed days after issue, as often one as two (handbook 7.4)."""
LATEST_FED_DAYS = 2
AT_ONCE = Lag(np.zeros(1, np.int64), np.ones(1, np.int64))
"""Where nothing is known of a step: on the same day."""


@dataclass(frozen=True, slots=True)
class Group:
    """Entries that move together: accepted on one day and planned for one, or decided, or issued, on one day.

    Attributes:
        standing: PLANNED, DECIDED or PAID.
        rows: int64[n], places of the entries.
        again: they are reliquidated.
        accepted: acceptance day of planned ones; NO_DAY where it is not known.
        day: planned or real liquidation day; of paid ones the day of issue.
    """

    standing: int
    rows: Int64s
    again: bool
    accepted: int
    day: int


@dataclass(slots=True)
class Roads:
    """Turns observed days into days of the calendar.

    Attributes:
        lags: what was observed.
        as_of: day of the forecast: everything lies behind it.
        cbp: working days of CBP.
        fed: days on which the Federal Reserve settles.
    """

    lags: Lags
    as_of: int
    cbp: RunDays
    fed: RunDays
    _settled: dict[tuple[int, bool], dict[int, int]] = field(default_factory=dict)

    def liquidations(self, group: Group) -> tuple[Int64s, Lag]:
        """Days on which a group may be liquidated, and how often each was observed (ascending lags).

        Without observations the planned day, or the next working day when it has passed.
        """
        if group.standing != PLANNED:
            return np.array([group.day]), AT_ONCE
        observed = self.lags.reliquidate if group.again else self.lags.liquidate
        lag = observed.beyond(self.as_of + 1 - group.accepted)
        if group.accepted == NO_DAY or not len(lag.days):
            return np.array([_next(self.cbp, max(group.day, self.as_of + 1))]), AT_ONCE
        return _all_next(self.cbp, group.accepted + lag.days), lag

    def issue(self, day: int) -> Lag:
        """How long after a liquidation Treasury pays, of what is still to come."""
        if not len(self.lags.issue.days):
            return AT_ONCE
        lag = self.lags.issue.beyond(self.as_of + 1 - day)
        return lag if len(lag.days) else Lag(np.array([max(self.as_of + 1 - day, 0)]), np.ones(1, np.int64))

    def arrivals(self, issued: int, *, still: bool) -> tuple[Int64s, Lag]:
        """Days on which money arrives that was paid on a day, and how often each was observed.

        Args:
            issued: day of issue.
            still: it is known not to have arrived up to the day of the forecast.
        """
        settle = self.lags.settle
        if not len(settle.days):
            first = _next(self.fed, max(issued + 1, self.as_of + 1) if still else issued + 1)
            return np.array([first, _next(self.fed, first + 1)]), FED_DAYS
        lag = settle.beyond(self.as_of + 1 - issued) if still else settle
        if not len(lag.days):
            return np.array([_next(self.fed, self.as_of + 1)]), AT_ONCE
        return _all_next(self.fed, issued + lag.days), lag

    def settled(self, day: int, *, paid: bool) -> dict[int, int]:
        """Arrival days and weights of what is liquidated (or, if paid, issued) on a day; the exact distribution."""
        key = (day, paid)
        if key not in self._settled:
            found: dict[int, int] = defaultdict(int)
            issue = AT_ONCE if paid else self.issue(day)
            # Several ways of issue all lie ahead, and so share the observations of the settlement.
            for wait, count in zip(issue.days.tolist(), issue.counts.tolist(), strict=True):
                days, lag = self.arrivals(day + wait, still=paid or day + wait <= self.as_of)
                for arrival, times in zip(days.tolist(), lag.counts.tolist(), strict=True):
                    found[arrival] += count * times
            self._settled[key] = dict(found)
        return self._settled[key]


def _next(calendar: RunDays, day: int) -> int:
    """The first open day on or after a day."""
    return int(_all_next(calendar, np.array([day]))[0])


def _all_next(calendar: RunDays, days: Int64s) -> Int64s:
    """The first open day on or after each; beyond the calendar the day itself."""
    found = calendar.next_run_day(days.astype(np.int32)).astype(np.int64)
    return np.where(found == NO_DAY, days, found)


def grouped(positions: Positions, rows: Int64s, issued: Int32s) -> list[Group]:
    """Groups of entries, in the order of standing and days.

    Args:
        positions: of all entries.
        rows: int64[n], those that are paid some day.
        issued: int32[entries], day of issue of paid ones; the liquidation day where it is not known.
    """
    standing = positions.standing[rows]
    planned = standing == PLANNED
    accepted = np.where(planned, positions.accepted[rows], NO_DAY)
    day = np.where(standing == PAID, issued[rows], positions.day[rows])
    again = positions.again[rows] & planned
    order = np.lexsort((day, accepted, again, standing))
    keys = np.stack([standing[order].astype(np.int64), again[order], accepted[order], day[order]])
    edges = np.flatnonzero(np.any(keys[:, 1:] != keys[:, :-1], axis=0)) + 1
    parts = np.split(order, edges) if len(order) else []
    return [
        Group(
            int(standing[part[0]]),
            np.sort(rows[part]),
            bool(again[part[0]]),
            int(accepted[part[0]]),
            int(day[part[0]]),
        )
        for part in parts
    ]


@dataclass(frozen=True, slots=True)
class Cash:
    """Cash by week, and after the last one.

    Attributes:
        planned: int64[weeks + 1].
        principal: int64[weeks + 1], mean.
        interest: int64[weeks + 1], mean.
        ranges: int64[3, weeks + 1], cash of each week in `TENTHS` of the cases.
        to_date: int64[3, weeks + 1], cash up to the end of each week likewise.
        entries: how many are expected.
    """

    planned: Int64s
    principal: Int64s
    interest: Int64s
    ranges: Int64s
    to_date: Int64s
    entries: int


def money_on(positions: Positions, groups: list[Group], roads: Roads) -> list[tuple[int, Int64s]]:
    """Principal of each group, and its interest on each of its liquidation days (int64, in their order)."""
    days = [roads.liquidations(group)[0] for group in groups]
    wanted: dict[int, list[int]] = defaultdict(list)
    for number, group in enumerate(groups):
        if group.standing == PLANNED:
            for day in set(days[number].tolist()):
                wanted[day].append(number)
    interest: dict[tuple[int, int], int] = {}
    for day, numbers in sorted(wanted.items()):
        rows = np.concatenate([groups[number].rows for number in numbers])
        order = np.argsort(rows, kind="stable")
        cents = np.empty(len(rows), np.int64)
        cents[order] = positions.interest_on(rows[order], day)
        edges = np.cumsum([0, *(len(groups[number].rows) for number in numbers)])
        for place, number in enumerate(numbers):
            interest[number, day] = int(cents[edges[place] : edges[place + 1]].sum())
    found = []
    for number, group in enumerate(groups):
        principal = int(positions.principal_cents[group.rows].sum())
        own = int(positions.interest_cents[group.rows].sum())
        sums = [interest.get((number, day), own) for day in days[number].tolist()]
        found.append((principal, np.array(sums, np.int64)))
    return found


def forecast_cash(positions: Positions, groups: list[Group], roads: Roads, weeks: int, seed: int) -> Cash:
    """Cash by week.

    Means are exact: every liquidation, issue and settlement that was observed, by how often it was. Ranges come from
    `CASES` cases, drawn alike on every machine; in a case the entries of a group share their days, and groups do not
    depend on each other.

    Args:
        positions: of all entries.
        groups: of those that are paid some day.
        roads: the days.
        weeks: how many, the first one that of the day behind the forecast's.
        seed: another seed, other cases.
    """
    monday = first_monday(roads.as_of)
    money = money_on(positions, groups, roads)
    planned = np.zeros(weeks + 1, np.int64)
    means: tuple[dict[int, list[int]], ...] = tuple(defaultdict(lambda: [0] * (weeks + 1)) for _ in range(2))
    cases = np.zeros((weeks + 1, CASES), np.int64)
    for number, (group, (principal, interest)) in enumerate(zip(groups, money, strict=True)):
        own = int(positions.interest_cents[group.rows].sum())
        planned[_week(_planned_arrival(group, roads), monday, weeks)] += principal + own
        days, lag = roads.liquidations(group)
        paid = group.standing == PAID
        for place, day in enumerate(days.tolist()):
            arrivals = roads.settled(day, paid=paid)
            whole = lag.observed * sum(arrivals.values())
            for arrival, weight in arrivals.items():
                week = _week(arrival, monday, weeks)
                share = int(lag.counts[place]) * weight
                means[0][whole][week] += share * principal
                means[1][whole][week] += share * int(interest[place])
        _draw(cases, group, number, (principal, interest), roads, monday, seed)
    principal_mean, interest_mean = (_rounded(mean, weeks) for mean in means)
    return Cash(
        planned,
        principal_mean,
        interest_mean,
        _ranges(cases),
        _ranges(np.cumsum(cases, axis=0)),
        sum(len(group.rows) for group in groups),
    )


def first_monday(as_of: int) -> int:
    """Monday of the week of the day behind the forecast's."""
    return as_of + 1 - weekday(as_of + 1)


def _week(day: int, monday: int, weeks: int) -> int:
    """Number of the week of a day; the last one holds everything later."""
    return min((day - monday) // 7, weeks)


def _planned_arrival(group: Group, roads: Roads) -> int:
    """The day on which money arrives if the plan holds: two Fed days after the liquidation, or the issue."""
    day = max(group.day, roads.as_of)
    for _ in range(LATEST_FED_DAYS):
        day = _next(roads.fed, day + 1)
    return day


def _draw(
    cases: npt.NDArray[np.int64],
    group: Group,
    number: int,
    money: tuple[int, Int64s],
    roads: Roads,
    monday: int,
    seed: int,
) -> None:
    """Add the money of a group to the week in which it arrives, in each case."""
    weeks = len(cases) - 1
    principal, interest = money
    days, lag = roads.liquidations(group)
    chosen = drawn(lag, mixed(seed, number, 0, CASES))
    words = mixed(seed, number, 1, CASES)
    for place in np.unique(chosen).tolist():
        mine = np.flatnonzero(chosen == place)
        arrivals = roads.settled(int(days[place]), paid=group.standing == PAID)
        ordered = sorted(arrivals)
        ends = np.cumsum(np.array([arrivals[day] for day in ordered], object))
        tickets = [int(word) % int(ends[-1]) for word in words[mine].tolist()]
        arrived = np.searchsorted(ends.astype(np.float64), tickets, "right") if ends[-1] < 1 << 52 else None
        if arrived is None:
            arrived = np.array([next(at for at, end in enumerate(ends) if ticket < end) for ticket in tickets])
        week = np.array([_week(day, monday, weeks) for day in ordered])[arrived]
        cases[week, mine] += principal + int(interest[place])


def _rounded(sums: dict[int, list[int]], weeks: int) -> Int64s:
    """Means in whole cents from numerators by their denominator.

    What arrives up to the end of each week is rounded half up, so that all weeks add up to the whole.
    """
    to_date, total = [0], Fraction(0)
    for week in range(weeks + 1):
        total += sum((Fraction(values[week], whole) for whole, values in sums.items()), Fraction(0))
        to_date.append(half_up(total))
    return np.array([later - earlier for earlier, later in pairwise(to_date)], np.int64)


def _ranges(cases: npt.NDArray[np.int64]) -> Int64s:
    """The cents that so many tenths of the cases do not pass, for each week."""
    ordered = np.sort(cases, axis=1)
    return np.stack([ordered[:, CASES * tenths // 10 - 1] for tenths in TENTHS])


def standing_rows(positions: Positions) -> tuple[Int64s, Int64s]:
    """Entries that are paid some day, and those that nothing is promised for."""
    held = np.array([word in NOT_PAID for word in positions.state.dictionary.to_pylist()] + [False])
    state = positions.state.indices.to_numpy()
    settled = np.array([word in ARRIVED for word in positions.state.dictionary.to_pylist()] + [False])
    wanted = np.isin(positions.standing, (PLANNED, DECIDED, PAID)) & ~held[state] & positions.known
    return np.flatnonzero(wanted & ~settled[state]), np.flatnonzero(~wanted & ~settled[state])


NOT_PAID = frozenset(
    {
        "held_no_ach",
        "held_no_recipient",
        "held_no_interest_rate",
        "offset",
        "HELD_NO_ACH",
        "OFFSET",
        "RETURNED",
    }
)
"""States in which money waits for somebody: bank data, a recipient, a rate, a debt, a reissue."""
ARRIVED = frozenset({"SETTLED"})
"""States in which the money has come."""
