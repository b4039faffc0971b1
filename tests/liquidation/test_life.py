"""Days in the life of entries: arrays against the slow twin, and what must hold after each of them."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cape_engine import rules
from cape_engine.bridge import NO_DAY
from cape_engine.dates import date_of, day_number
from cape_engine.liquidation.life import HOLDS, LIQUIDATED, RELIQUIDATED, STATES, Alive, Events, Played, Rules, play
from cape_engine.liquidation.policy import BEYOND, Policy, in_force
from cape_engine.liquidation.releasing import months_later
from cape_engine.settings import Settings
from reference import life as twin
from reference.liquidation import DAY, is_run_day, run_day_from

RULES = rules.load()
KINDS = RULES.event_kinds
FIRST = dt.date(2026, 12, 18)  # Christmas, New Year, Martin Luther King's day and a weekend with every window
WEEKS = 12


def _alive(entries: list[twin.Entry]) -> Alive:
    """The twin's entries as arrays."""

    def days(values: list[dt.date | None]) -> np.ndarray[tuple[int], np.dtype[np.int32]]:
        return np.array([NO_DAY if day is None else day_number(day) for day in values], np.int32)

    return Alive(
        number=np.array([entry.number for entry in entries], "S11"),
        state=np.array([STATES.index(entry.state) for entry in entries], np.int8),
        day=days([entry.day for entry in entries]),
        accepted=days([entry.accepted for entry in entries]),
        entered=days([entry.entered for entry in entries]),
        basis=days([entry.basis for entry in entries]),
        limit=days([entry.limit for entry in entries]),
        booked=days([entry.booked for entry in entries]),
        hold=np.array([-1 if entry.hold is None else HOLDS.index(entry.hold) for entry in entries], np.int8),
        picked=np.array([entry.picked for entry in entries], np.bool_),
    )


def _events(entries: list[twin.Entry], events: list[twin.Event], today: dt.date) -> Events:
    """The twin's events of a day as arrays."""
    numbers = [entry.number for entry in entries]
    here = [event for event in events if event.day == today]
    kinds = [kind.kind for kind in KINDS]
    return Events(
        np.array([numbers.index(event.number) for event in here], np.int64),
        np.array([kinds.index(event.kind) for event in here], np.int64),
        np.array([day_number(event.effective) for event in here], np.int32),
        np.array([NO_DAY if event.given is None else day_number(event.given) for event in here], np.int32),
        np.arange(len(here)),
    )


@cache
def _policy(margin: int) -> Policy:
    """The policy of those days."""
    return in_force(RULES, Settings.build({"schedule.deemed_margin_days": margin}), FIRST)


def _rules(figures: twin.Figures) -> Rules:
    """What holds on a day."""
    return Rules(_policy(figures.margin), KINDS, figures.capacity, figures.latest)


def _day(low: int, high: int) -> st.SearchStrategy[dt.date]:
    """Days around the first one."""
    return st.integers(low, high).map(lambda ahead: FIRST + ahead * DAY)


@st.composite
def _entry(draw: st.DrawFn, number: int) -> twin.Entry:
    """An entry in any state that days change."""
    state = draw(st.sampled_from(["SCHEDULED"] * 4 + ["IN_REVIEW", "STRIPPED_WAITING"]))
    accepted = draw(_day(-50, 5))
    planned = run_day_from(accepted + draw(st.integers(1, 60)) * DAY) if state == "SCHEDULED" else None
    return twin.Entry(
        number=f"ABC{number:08d}",
        state=state,
        day=planned,
        accepted=accepted,
        entered=draw(st.none() | _day(-400, -60)),
        basis=draw(st.none() | _day(-100, 2)),
        limit=draw(st.none() | _day(-5, 80)),
        booked=draw(st.none() | _day(-5, 80)),
        hold=draw(st.sampled_from(HOLDS)) if state == "STRIPPED_WAITING" else None,
        picked=state == "STRIPPED_WAITING" and draw(st.booleans()),
    )


@st.composite
def _worlds(draw: st.DrawFn) -> tuple[list[twin.Entry], list[twin.Event], twin.Figures]:
    """Entries with the events that happen to them."""
    entries = [draw(_entry(number)) for number in range(draw(st.integers(1, 8)))]
    events = []
    for _ in range(draw(st.integers(0, 12))):
        day = draw(_day(0, 7 * WEEKS - 1))
        effective = day - draw(st.integers(0, 3)) * DAY
        entry = draw(st.sampled_from(entries))
        fitting = [kind for kind in KINDS if entry.state in kind.from_states]
        fitting = [kind for kind in fitting if entry.hold is None or entry.hold in kind.holds]
        kind = draw(st.sampled_from(fitting * 3 + list(KINDS)))
        dated = kind.liquidation_date == "required" or (kind.liquidation_date == "optional" and draw(st.booleans()))
        away = draw(st.integers(0, 8) | st.integers(0, 70) | st.integers(120, 220)) * DAY
        given_day = (effective - away if kind.effect == "basis" else effective + away) if dated else None
        events.append(twin.Event(entry.number, kind.kind, day, effective, given_day))
    margin, capacity = draw(st.integers(0, 3)), draw(st.sampled_from([0, 0, 1, 2]))
    return entries, events, twin.Figures(margin=margin, capacity=capacity, latest=draw(st.booleans()))


def _shown(day: int) -> dt.date | None:
    """A day of the arrays as the twin keeps it."""
    return None if day in (NO_DAY, BEYOND) else date_of(day)


@given(_worlds())
def test_play__as_the_slow_twin(world: tuple[list[twin.Entry], list[twin.Event], twin.Figures]) -> None:
    """After every day, states, planned days, liquidations and limits are those of entries played one by one."""
    entries, events, figures = world
    alive = _alive(entries)
    today = FIRST
    while today < FIRST + 7 * WEEKS * DAY:
        found = _events(entries, events, today)
        played = play(alive, day_number(today), found, _rules(figures))
        roads = {entry.number: len(entry.road) for entry in entries}
        misfits = twin.live(entries, events, today, figures)
        here = [event for event in events if event.day == today]
        assert sorted(here.index(event) for event in misfits) == sorted(set(played.misfits))
        assert [STATES[state] for state in alive.state] == [entry.state for entry in entries]
        for place, entry in enumerate(entries):
            assert _shown(int(alive.basis[place])) == entry.basis
            assert _shown(int(alive.limit[place])) == entry.limit
            assert _roads(played, place) == entry.road[roads[entry.number] :]
            if entry.state == "SCHEDULED":
                assert _shown(int(alive.day[place])) == entry.day
        _invariant_13(alive, played, today, figures)
        today += DAY


def _roads(played: Played, place: int) -> list[str]:
    """The states an entry went through on a day."""
    return [state for move in played.moves if place in move.places for state in move.road]


def _invariant_13(alive: Alive, played: Played, today: dt.date, figures: twin.Figures) -> None:
    """Decisions lie on run days, after acceptance, reliquidations by day 90, the others before the law liquidates."""
    for place, again in zip(played.executed.tolist(), played.again.tolist(), strict=True):
        assert is_run_day(today)
        assert today > date_of(int(alive.accepted[place]))
        if again:
            assert date_of(int(alive.basis[place])) < today <= date_of(int(alive.basis[place]) + figures.reach)
            assert alive.state[place] == STATES.index(RELIQUIDATED)
        else:
            assert alive.basis[place] == NO_DAY
            assert alive.limit[place] == NO_DAY or day_number(today) <= alive.limit[place] - figures.margin
            assert alive.booked[place] == NO_DAY or day_number(today) < alive.booked[place]
            assert alive.state[place] == STATES.index(LIQUIDATED)


def _one(**facts: object) -> twin.Entry:
    """A scheduled entry, some facts changed."""
    return replace(twin.Entry("ABC00000001", "SCHEDULED", FIRST, FIRST - 50 * DAY), **facts)  # type: ignore[arg-type]


def _lived(entry: twin.Entry, events: list[twin.Event], days: int, capacity: int = 0) -> list[tuple[dt.date, str]]:
    """When an entry came to each of its states."""
    alive = _alive([entry])
    found: list[tuple[dt.date, str]] = []
    for ahead in range(days):
        today = FIRST + ahead * DAY
        figures = twin.Figures(capacity=capacity)
        played = play(alive, day_number(today), _events([entry], events, today), _rules(figures))
        found.extend((today, state) for state in _roads(played, 0))
    return found


def _date(text: str) -> dt.date:
    return dt.date.fromisoformat(text)


@pytest.mark.parametrize(
    ("basis", "planned", "came"),
    [
        ("2026-09-23", "2026-12-22", [("2026-12-22", "RELIQUIDATED")]),  # day 90 is a Tuesday, and a run day
        ("2026-09-22", "2026-12-22", [("2026-12-21", "WINDOW_MISSED")]),  # the run comes a day late
        ("2026-09-26", "2026-12-28", [("2026-12-25", "WINDOW_MISSED")]),  # day 90 is Christmas, nothing ran before
        ("2026-09-26", "2026-12-24", [("2026-12-24", "RELIQUIDATED")]),  # the last run day before it
    ],
)
def test_play__day_90(basis: str, planned: str, came: list[tuple[str, str]]) -> None:
    """Day 90 is tested again when the run comes; who was not reached leaves at its end."""
    found = _lived(_one(basis=_date(basis), day=_date(planned)), [], 20)
    assert found == [(_date(day), state) for day, state in came]


@pytest.mark.parametrize(
    ("limit", "came"),
    [
        ("2026-12-30", [("2026-12-29", "LIQUIDATED")]),  # the day before the anniversary
        ("2026-12-29", [("2026-12-30", "RELIQUIDATED")]),  # liquidated by law on the 29th, reliquidated afterwards
    ],
)
def test_play__deemed_limit(limit: str, came: list[tuple[str, str]]) -> None:
    """On its anniversary an entry counts as liquidated; it goes on by the rule of 90 days."""
    found = _lived(_one(limit=_date(limit), day=_date("2026-12-29")), [], 20)
    assert found == [(_date(day), state) for day, state in came]


def test_play__suspension_lifted_without_date() -> None:
    """45 days from the event, rolled forward to a run day (handbook 6.3)."""
    held = _one(state="STRIPPED_WAITING", day=None, hold="suspended")
    event = twin.Event(held.number, "SUSPENSION_LIFTED", FIRST, FIRST)
    day = run_day_from(FIRST + 45 * DAY)
    assert _lived(held, [event], 60) == [(FIRST, "SCHEDULED"), (day, "LIQUIDATED")]


def test_play__event_of_today_runs_tomorrow() -> None:
    """A liquidation date that is today, a run day, gives the first run day after it (clarification 31)."""
    held, today = _one(state="STRIPPED_WAITING", day=None, hold="adcvd"), _date("2026-12-21")
    event = twin.Event(held.number, "COMMERCE_INSTRUCTIONS", today, today, today)
    assert _lived(held, [event], 20) == [(today, "SCHEDULED"), (today + DAY, "LIQUIDATED")]


def test_play__wrong_hold() -> None:
    """Instructions of Commerce do not end an extension; the entry waits on."""
    held = _one(state="STRIPPED_WAITING", day=None, hold="extended")
    assert _lived(held, [twin.Event(held.number, "COMMERCE_INSTRUCTIONS", FIRST, FIRST)], 60) == []


def test_play__capacity_moves_on() -> None:
    """Who finds no room is decided on the next run day; the more urgent one goes first."""
    late, urgent = _one(), _one(number="ABC00000002", limit=FIRST + 20 * DAY)
    entries = [replace(late, day=_date("2026-12-21")), replace(urgent, day=_date("2026-12-21"))]
    alive, days = _alive(entries), {}
    for ahead in range(8):
        today = FIRST + ahead * DAY
        played = play(alive, day_number(today), _events(entries, [], today), _rules(twin.Figures(capacity=1)))
        days.update({int(place): today for place in played.executed})
    assert days == {1: _date("2026-12-21"), 0: _date("2026-12-22")}


@pytest.mark.parametrize(
    ("day", "months", "later"),
    [("2026-08-31", 6, "2027-02-28"), ("2023-08-31", 6, "2024-02-29"), ("2024-02-29", 48, "2028-02-29")],
)
def test_months_later__ends_of_months(day: str, months: int, later: str) -> None:
    """The same day of the month, or the last one there is."""
    found = months_later(np.array([day_number(_date(day))], np.int32), months)
    assert date_of(int(found[0])) == _date(later)
    assert twin.months_later(_date(day), months) == _date(later)
