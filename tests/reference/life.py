"""The slow twin of the days an entry lives: one entry at a time, plain dates, from chapter 6 of the handbook.

Written from 19 USC 1501 and 1504 and the handbook's tables of holds and events; it shares nothing with the engine but
words, and takes its run days from the twin of the schedule.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field

from reference.liquidation import DAY, run_day_from, run_day_to

NEVER = dt.date(9999, 12, 31)
ORDER = (
    "EXTENSION_ENDED", "SUSPENSION_LIFTED", "COMMERCE_INSTRUCTIONS", "WAREHOUSE_LIQUIDATED", "LIQUIDATED_BY_CBP",
    "PROTEST_DECIDED", "STATUS_CHANGED", "CORRECTED", "REVIEW_CLOSED",
)  # fmt: skip
"""Events of one day in the order in which they are played."""
ORDINARY = {"extended", "suspended", "under_review"}
ENDS = {
    "EXTENSION_ENDED": ORDINARY,
    "SUSPENSION_LIFTED": ORDINARY,
    "COMMERCE_INSTRUCTIONS": {"adcvd"},
    "WAREHOUSE_LIQUIDATED": {"warehouse"},
    "REVIEW_CLOSED": {"under_review"},
}
"""Which holds each event ends (handbook 6.3)."""


@dataclass(slots=True)
class Figures:
    """What holds for all entries."""

    days_unliquidated: int = 45
    reach: int = 90
    margin: int = 1
    capacity: int = 0
    latest: bool = True


@dataclass(slots=True)
class Entry:
    """One entry; what is None is not known."""

    number: str
    state: str
    day: dt.date | None
    accepted: dt.date
    entered: dt.date | None = None
    basis: dt.date | None = None
    limit: dt.date | None = None
    booked: dt.date | None = None
    hold: str | None = None
    picked: bool = False
    road: list[str] = field(default_factory=list)

    def go(self, state: str) -> None:
        """Take a step."""
        self.state = state
        self.road.append(state)

    def law(self) -> dt.date:
        """The day on which it is liquidated without CAPE: by law, or as it was scheduled."""
        return min(self.limit or NEVER, self.booked or NEVER)

    def last_day(self, figures: Figures) -> dt.date:
        """Last run day on which it may be decided."""
        if self.basis is not None:
            return run_day_to(self.basis + figures.reach * DAY)
        days = [NEVER]
        if self.limit is not None and self.limit < dt.date(2031, 1, 1):
            days.append(run_day_to(self.limit - figures.margin * DAY))
        if self.booked is not None:
            days.append(run_day_to(self.booked - DAY))
        return min(days)


@dataclass(slots=True)
class Event:
    """One event of one entry, played on `day`."""

    number: str
    kind: str
    day: dt.date
    effective: dt.date
    given: dt.date | None = None


def months_later(day: dt.date, months: int) -> dt.date:
    """The same day of the month, or the last one there is."""
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    last = 31
    while True:
        try:
            return dt.date(year, month + 1, min(day.day, last))
        except ValueError:
            last -= 1


def live(entries: list[Entry], events: list[Event], today: dt.date, figures: Figures) -> list[Event]:
    """One day; the events that did not fit."""
    by_number = {entry.number: entry for entry in entries}
    here = sorted((one for one in events if one.day == today), key=lambda one: ORDER.index(one.kind))
    misfits = [event for event in here if not _happens(by_number[event.number], event, today, figures)]
    if run_day_from(today) == today:
        _run(entries, today, figures)
    for entry in entries:
        _close(entry, today, figures)
    return misfits


def _happens(entry: Entry, event: Event, today: dt.date, figures: Figures) -> bool:
    """One event; whether it fits."""
    if event.kind in ENDS:
        waits = entry.state == "STRIPPED_WAITING" and entry.hold in ENDS[event.kind]
        reviewed = entry.state == "IN_REVIEW" and event.kind == "REVIEW_CLOSED"
        if not waits and not reviewed:
            return False
        _let_go(entry, event, today, figures, waits=waits)
        return True
    if event.kind in {"LIQUIDATED_BY_CBP", "PROTEST_DECIDED"}:
        if entry.state not in {"SCHEDULED", "IN_REVIEW"}:
            return False
        if event.given is not None and (entry.basis is None or figures.latest):
            entry.basis = max(entry.basis or event.given, event.given)
            _reliquidate(entry, today, figures)
        return True
    if entry.state != "SCHEDULED":
        return False
    entry.go("IN_REVIEW")
    return True


def _let_go(entry: Entry, event: Event, today: dt.date, figures: Figures, *, waits: bool) -> None:
    """A hold or a review ends."""
    soon = run_day_from(today + DAY)
    if waits:
        entry.booked = None
        if event.kind in {"SUSPENSION_LIFTED", "COMMERCE_INSTRUCTIONS"}:
            entry.limit = months_later(event.effective, 6)
        elif event.kind == "EXTENSION_ENDED":
            entry.limit = NEVER if entry.entered is None else months_later(entry.entered, 48)
        elif event.kind == "WAREHOUSE_LIQUIDATED" or entry.limit is None:
            entry.limit = NEVER
    start = event.effective if waits else entry.accepted
    wanted = event.given or start + figures.days_unliquidated * DAY
    target = max(run_day_from(wanted), soon)
    if entry.basis is None and entry.last_day(figures) < soon:
        entry.basis = entry.law()
    if entry.basis is None:
        day: dt.date | None = min(target, entry.last_day(figures))
    else:
        day = _next(entry.basis, today, figures)
    if waits:
        entry.go("SCHEDULED")
    if day is None:
        entry.go("WINDOW_MISSED")
    elif waits and entry.picked:
        entry.go("IN_REVIEW")
        day = None
    elif not waits:
        entry.go("SCHEDULED")
    entry.day = day


def _next(basis: dt.date, today: dt.date, figures: Figures) -> dt.date | None:
    """The run day of a reliquidation, the first one after today and after the liquidation itself; within 90 days."""
    day = run_day_from(max(basis, today) + DAY)
    return day if day <= basis + figures.reach * DAY else None


def _reliquidate(entry: Entry, today: dt.date, figures: Figures) -> None:
    """A liquidation lies behind the entry that did not before."""
    if entry.state != "SCHEDULED":
        entry.day = None
        return
    assert entry.basis is not None
    entry.day = _next(entry.basis, today, figures)
    if entry.day is None:
        entry.go("WINDOW_MISSED")


def _run(entries: list[Entry], today: dt.date, figures: Figures) -> None:
    """Decide the entries due, as many as a day takes, the most urgent ones first."""
    due = [
        entry
        for entry in entries
        if entry.state == "SCHEDULED"
        and entry.day is not None
        and entry.accepted < today
        and entry.day <= today <= entry.last_day(figures)
        and (entry.basis is None or entry.basis < today)
    ]
    due.sort(key=lambda entry: (entry.last_day(figures), entry.number))
    for place, entry in enumerate(due):
        if figures.capacity and place >= figures.capacity:
            entry.day = run_day_from(today + DAY)
        else:
            entry.go("LIQUIDATED" if entry.basis is None else "RELIQUIDATED")
            entry.day = today


def _close(entry: Entry, today: dt.date, figures: Figures) -> None:
    """What the calendar does to an entry that nobody decided."""
    if entry.state in {"SCHEDULED", "IN_REVIEW"} and entry.basis is None and entry.law() <= today:
        entry.basis = entry.law()
        _reliquidate(entry, today, figures)
    undecided = entry.state in {"SCHEDULED", "IN_REVIEW"}
    if undecided and entry.basis is not None and today >= entry.basis + figures.reach * DAY:
        entry.go("WINDOW_MISSED")
