"""One day in the life of accepted entries: what events, a run and closing windows do to them (handbook 6.2, 6.3)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from cape_engine.bridge import NO_DAY, Bools, Int32s
from cape_engine.liquidation.policy import BEYOND, Policy
from cape_engine.liquidation.releasing import Given, first_last_days, released
from cape_engine.liquidation.schedule import reliquidation_days
from cape_engine.rules.rows import EventKind

Places = npt.NDArray[np.int64]

WAITING, REVIEW, SCHEDULED = "STRIPPED_WAITING", "IN_REVIEW", "SCHEDULED"
LIQUIDATED, RELIQUIDATED, MISSED = "LIQUIDATED", "RELIQUIDATED", "WINDOW_MISSED"
STATES = (WAITING, REVIEW, SCHEDULED, LIQUIDATED, RELIQUIDATED, MISSED)
HOLDS = ("extended", "suspended", "under_review", "warehouse", "adcvd")
BY_YEAR, BY_BOOKING, DAY_90, CAPACITY = "DEEMED_LIMIT", "SCHEDULED_LIQUIDATION", "WINDOW_MISSED", "CAPACITY"
"""Reasons beside the kinds of events."""


@dataclass(slots=True)
class Alive:
    """Entries that are alive, in order of entry number, one value per entry; `play` changes them.

    Attributes:
        number: bytes of 11 characters, ascending.
        state: int8, place in `STATES`.
        day: int32 planned run day; `NO_DAY` where none is planned.
        accepted: int32 day of acceptance.
        entered: int32 day of entry.
        basis: int32 liquidation that starts the 90 days; `NO_DAY` while unliquidated.
        limit: int32 day on which the law liquidates the entry; `NO_DAY` where none.
        booked: int32 day of an ordinary liquidation already scheduled; `NO_DAY` where none.
        hold: int8 place in `HOLDS`, -1 where none.
        picked: an officer looks at the entry once its hold ends.
    """

    number: npt.NDArray[np.bytes_]
    state: npt.NDArray[np.int8]
    day: Int32s
    accepted: Int32s
    entered: Int32s
    basis: Int32s
    limit: Int32s
    booked: Int32s
    hold: npt.NDArray[np.int8]
    picked: Bools


class Events(NamedTuple):
    """Events of one day in the order in which they arrived.

    Attributes:
        place: int64, which entry.
        kind: int64, which of the kinds.
        effective: int32 day from which it holds.
        given: int32 liquidation day it gives; `NO_DAY` where none.
        row: int64, the caller's own number of the event.
    """

    place: Places
    kind: Places
    effective: Int32s
    given: Int32s
    row: Places

    def at(self, rows: Places) -> Events:
        """Some of them."""
        return Events(self.place[rows], self.kind[rows], self.effective[rows], self.given[rows], self.row[rows])


class Rules(NamedTuple):
    """What holds on a day.

    Attributes:
        policy: figures and run days in force.
        kinds: kinds of events, in the order in which those of one day are played.
        capacity: most entries of a run; 0 is no limit.
        latest: the latest liquidation starts the 90 days, not the original one.
    """

    policy: Policy
    kinds: Sequence[EventKind]
    capacity: int
    latest: bool


class Move(NamedTuple):
    """Entries that go the same road for the same reason, in order of entry number."""

    places: Places
    road: tuple[str, ...]
    reason: str


class Replan(NamedTuple):
    """Entries with a new plan; `NO_DAY` in basis or limit leaves what was known.

    Attributes:
        places: which entries.
        day: planned run day, `NO_DAY` where none.
        basis: liquidation that starts the 90 days.
        limit: day on which the law liquidates; `NEVER` where the event takes the limit away.
        reason: why.
    """

    places: Places
    day: Int32s
    basis: Int32s
    limit: Int32s
    reason: str


@dataclass(slots=True)
class Played:
    """What a day did.

    Attributes:
        moves: in order.
        replans: in order.
        executed: entries that were liquidated or reliquidated, ascending.
        again: of these, the reliquidated ones.
        misfits: events that did not fit the state or hold of their entry (the caller's numbers).
        beyond: events that would lead beyond the calendar.
        counts: entries by word.
    """

    moves: list[Move] = field(default_factory=list)
    replans: list[Replan] = field(default_factory=list)
    executed: Places = field(default_factory=lambda: np.zeros(0, np.int64))
    again: Bools = field(default_factory=lambda: np.zeros(0, np.bool_))
    misfits: list[int] = field(default_factory=list)
    beyond: list[int] = field(default_factory=list)
    counts: dict[str, int] = field(default_factory=dict)

    def count(self, word: str, number: int) -> None:
        """Count entries."""
        self.counts[word] = self.counts.get(word, 0) + number


def play(alive: Alive, day: int, events: Events, rules: Rules) -> Played:
    """One day in the life of all entries.

    First the events in the order of their kinds, reviews that closed among them; then, on a run day, the entries due;
    then windows that closed and years that ended.

    Args:
        alive: changed in place.
        day: the day.
        events: what is played on it.
        rules: what holds on it.
    """
    played = Played()
    for number in range(len(rules.kinds)):
        rest = np.flatnonzero(events.kind == number)
        while len(rest):  # two events of one kind for one entry are played one after the other
            _, first = np.unique(events.place[rest], return_index=True)
            _event(alive, day, events.at(rest[first]), rules, played, rules.kinds[number])
            rest = np.delete(rest, first)
    if rules.policy.from_day(np.array([day]))[0] == day:
        _run(alive, day, rules, played)
    _close(alive, day, rules, played)
    return played


def _event(alive: Alive, day: int, events: Events, rules: Rules, played: Played, kind: EventKind) -> None:
    """Events of one kind, each of another entry."""
    state, hold = alive.state[events.place], alive.hold[events.place]
    fits = np.isin(state, [STATES.index(word) for word in kind.from_states])
    if kind.holds:
        held = state == STATES.index(WAITING)
        fits &= ~held | np.isin(hold, [HOLDS.index(word) for word in kind.holds])
    played.misfits.extend(events.row[~fits].tolist())
    events = events.at(np.flatnonzero(fits))
    if kind.effect == "release":
        _release(alive, day, events, rules, played, kind)
    elif kind.effect == "basis":
        _new_basis(alive, day, events, rules, played, kind)
    else:
        places = np.sort(events.place)
        _move(alive, played, places, (kind.to_state,), kind.kind)
        _plan(alive, played, places, kind.kind)
    played.count("events", int(fits.sum()))


def _release(alive: Alive, day: int, events: Events, rules: Rules, played: Played, kind: EventKind) -> None:
    """A hold or a review ends: a new day, or no day any more."""
    place = events.place
    held = alive.state[place] == STATES.index(WAITING)
    given = Given(
        events.effective, events.given, held, alive.accepted[place], alive.entered[place], alive.basis[place],
        alive.limit[place], alive.booked[place],
    )  # fmt: skip
    found = released(given, day, rules.policy, kind.limit)
    known = found.day != BEYOND
    played.beyond.extend(events.row[~known].tolist())
    place, held = place[known], held[known]
    alive.day[place], alive.basis[place] = found.day[known], found.basis[known]
    alive.limit[place], alive.booked[place] = found.limit[known], found.booked[known]
    missed = alive.day[place] == NO_DAY
    picked = held & alive.picked[place] & ~missed
    alive.day[place[picked]] = NO_DAY
    for where, road in (
        (~missed & ~picked, (SCHEDULED,)),
        (picked, (SCHEDULED, REVIEW)),
        (missed & held, (SCHEDULED, MISSED)),
        (missed & ~held, (MISSED,)),
    ):
        _move(alive, played, place[where], road, kind.kind)
    _plan(alive, played, place, kind.kind, basis=True, moved=held)
    played.count("missed", int(missed.sum()))


def _new_basis(alive: Alive, day: int, events: Events, rules: Rules, played: Played, kind: EventKind) -> None:
    """CBP liquidated by itself: the 90 days run from there."""
    place = events.place
    known = (events.given != NO_DAY) & ((alive.basis[place] == NO_DAY) | rules.latest)
    place = place[known]
    alive.basis[place] = np.maximum(alive.basis[place], events.given[known])
    _again(alive, day, place, rules, played, kind.kind)


def _again(alive: Alive, day: int, place: Places, rules: Rules, played: Played, reason: str) -> None:
    """Entries with a new liquidation behind them: those with a day get another one within 90 days, if there is any."""
    alive.day[place] = np.where(
        alive.state[place] == STATES.index(SCHEDULED),
        reliquidation_days(alive.basis[place], rules.policy, day),
        np.int32(NO_DAY),
    )
    missed = (alive.state[place] == STATES.index(SCHEDULED)) & (alive.day[place] == NO_DAY)
    _plan(alive, played, place, reason, basis=True)
    _move(alive, played, place[missed], (MISSED,), reason)
    played.count("missed", int(missed.sum()))


def _run(alive: Alive, day: int, rules: Rules, played: Played) -> None:
    """The entries due on a run day: tests again, order, capacity, decision (handbook 6.2)."""
    policy = rules.policy
    due = np.flatnonzero((alive.state == STATES.index(SCHEDULED)) & (alive.day <= day) & (alive.day != NO_DAY))
    again = alive.basis[due] != NO_DAY
    last = np.where(
        again,
        policy.up_to_day(alive.basis[due].astype(np.int64) + policy.reliq_reach),
        first_last_days(alive.limit[due], alive.booked[due], policy),
    )
    passes = (last >= day) & (alive.accepted[due] < day) & (~again | (alive.basis[due] < day))
    due, again, last = due[passes], again[passes], last[passes]
    if rules.capacity and len(due) > rules.capacity:
        order = np.lexsort((due, last))  # urgency, then entry number (schedule.order)
        later = np.sort(due[order[rules.capacity :]])
        kept = np.sort(order[: rules.capacity])
        due, again = due[kept], again[kept]
        alive.day[later] = policy.from_day(np.array([day + 1]))[0]
        _plan(alive, played, later, CAPACITY)
        played.count("moved_on", len(later))
    played.executed, played.again = due, again
    _move(alive, played, due[~again], (LIQUIDATED,), "")
    _move(alive, played, due[again], (RELIQUIDATED,), "")
    alive.day[due] = day
    played.count("liquidated", int((~again).sum()))
    played.count("reliquidated", int(again.sum()))


def _close(alive: Alive, day: int, rules: Rules, played: Played) -> None:
    """Years that ended, and windows that closed without a decision (19 USC 1504(a), 1501)."""
    open_ = np.isin(alive.state, [STATES.index(SCHEDULED), STATES.index(REVIEW)])
    limit, booked = (np.where(days == NO_DAY, np.int32(BEYOND), days) for days in (alive.limit, alive.booked))
    ended = np.flatnonzero(open_ & (alive.basis == NO_DAY) & (np.minimum(limit, booked) <= day))
    by_year = limit[ended] <= booked[ended]
    alive.basis[ended] = np.minimum(limit, booked)[ended]
    for places, reason, word in (
        (ended[by_year], BY_YEAR, "deemed"),
        (ended[~by_year], BY_BOOKING, "liquidated_as_booked"),
    ):
        _again(alive, day, places, rules, played, reason)
        played.count(word, len(places))
    open_ = np.isin(alive.state, [STATES.index(SCHEDULED), STATES.index(REVIEW)])
    closed = np.flatnonzero(open_ & (alive.basis != NO_DAY) & (alive.basis <= day - rules.policy.reliq_reach))
    _move(alive, played, closed, (MISSED,), DAY_90)
    alive.day[closed] = NO_DAY
    _plan(alive, played, closed, DAY_90)
    played.count("missed", len(closed))


def _move(alive: Alive, played: Played, places: Places, road: tuple[str, ...], reason: str) -> None:
    """Entries go a road."""
    if len(places):
        alive.state[places] = STATES.index(road[-1])
        played.moves.append(Move(places, road, reason))


def _plan(
    alive: Alive, played: Played, places: Places, reason: str, *, basis: bool = False, moved: Bools | None = None
) -> None:
    """Entries have the plan that they stand with now; `moved`: their limit is a new one."""
    if len(places):
        unchanged = np.full(len(places), NO_DAY, np.int32)
        new_basis = alive.basis[places] if basis else unchanged
        new_limit = unchanged if moved is None else np.where(moved, alive.limit[places], unchanged)
        played.replans.append(Replan(places, alive.day[places], new_basis, new_limit, reason))
