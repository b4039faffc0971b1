"""What every class of entries comes to on each of many acceptance days, asked of the components of a run."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from enum import IntEnum
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from cape_engine import claim_portal, liquidation
from cape_engine.bridge import NO_DAY, Bools, Int8s, Int32s, Int64s
from cape_engine.claim_portal.entry_checks import INPUT_REFUSED, accept_window, in_force_on
from cape_engine.dates import date_of
from cape_engine.execution.threads import map_ordered
from cape_engine.liquidation.policy import BEYOND, in_force
from cape_engine.liquidation.schedule import first_target
from cape_engine.pipeline.outlook.classes import KIND_SHIFT, Dates, Kinds, Reach
from cape_engine.rules import Ruleset
from cape_engine.schema.codes import Action, Flag
from cape_engine.settings import Settings

UInt32s = npt.NDArray[np.uint32]
UInt64s = npt.NDArray[np.uint64]


_FIGURES = ("days_unliquidated", "exact", "reliq_reach", "review_days", "deemed_margin_days")


class State(IntEnum):
    """What an acceptance day means for a class; the names, lower case, are words of tables."""

    NOT_ACCEPTED = 0
    SCHEDULED = 1
    HELD = 2
    IN_REVIEW = 3
    WINDOW_MISSED = 4
    CALENDAR_ENDS = 5


@dataclass(frozen=True, slots=True)
class Law:
    """Rules and settings, and the acceptance days from `first` to `last`."""

    ruleset: Ruleset
    settings: Settings
    first: int
    last: int

    @property
    def days(self) -> range:
        """The acceptance days as day numbers."""
        return range(self.first, self.last + 1)

    def reach(self) -> Reach:
        """The days that can matter to them.

        Raises:
            UsageError: a day on which no policy holds.
        """
        windows, farthest, margin = [], self.last, 0
        for day in self.days:
            date = date_of(day)
            policy = in_force(self.ruleset, self.settings, date)
            target = first_target(policy, day)
            farthest = max(farthest, policy.runs.last + 1 if target == BEYOND else target)
            margin = max(margin, policy.deemed_margin_days)
            windows += [accept_window(self.ruleset, self.settings, date), policy.reliq_reach]
        return Reach(self.first, self.last, self.first - max(windows) - 3, farthest, margin)

    def turning_points(self) -> list[int]:
        """The first day, and each on which other rules, entry types or figures are in force than the day before."""
        codes = {row.code for row in self.ruleset.table("entry_types.csv")}
        found, before = [], None
        for day in self.days:
            date = date_of(day)
            policy = in_force(self.ruleset, self.settings, date)
            law = (
                [in_force_on(rule, self.settings, date) for rule in self.ruleset.eligibility],
                [self.ruleset.entry_types(code, date) for code in sorted(codes)],
                [getattr(policy, name) for name in _FIGURES],
                accept_window(self.ruleset, self.settings, date),
            )
            if law != before:
                found.append(day)
            before = law
        return found


class Judged(NamedTuple):
    """Answers of one day, one value per class.

    Attributes:
        failed: bits of the failed rules, as in `claim_portal.ClaimResult`.
        state: int8 `State`.
        day: int32 liquidation day; `NO_DAY` unless scheduled.
    """

    failed: UInt64s
    state: Int8s
    day: Int32s


def judged(entries: pa.Table, trial: UInt32s, picked: Bools, law: Law, day: int) -> Judged:
    """What entries come to when they are filed and accepted on a day, by the components of a run.

    Args:
        entries: one for each class.
        trial: what the trial removal found on each.
        picked: which of them go to review.
        law: rules and settings.
        day: filing and acceptance day, as a day number.
    """
    date = date_of(day)
    standing, _ = liquidation.standing(
        entries, ruleset=law.ruleset, settings=law.settings, as_of=date, accepted_on=date
    )
    claim = claim_portal.check(
        entries, trial, standing, ruleset=law.ruleset, settings=law.settings, as_of=date, accepted_on=date
    )
    plan = liquidation.plan(
        entries,
        standing,
        accepted=claim.accepted,
        flags=np.zeros(len(trial), np.uint32),
        principal_cents=np.zeros(len(trial), np.int64),
        ruleset=law.ruleset,
        settings=law.settings,
        accepted_on=date,
        picked=picked,
    )
    return Judged(claim.failed, _states(claim.accepted, plan), plan.liquidation_day)


def _states(accepted: Bools, plan: liquidation.Plan) -> Int8s:
    """The state of each entry; one that waits for two reasons is shown as in review."""
    state = np.where(accepted, np.int8(State.CALENDAR_ENDS), np.int8(State.NOT_ACCEPTED))
    dated = (plan.action == Action.LIQUIDATE) | (plan.action == Action.RELIQUIDATE)
    for where, value in (
        (dated, State.SCHEDULED),
        ((plan.flags & np.uint32(Flag.HELD)) != 0, State.HELD),
        ((plan.flags & np.uint32(Flag.IN_REVIEW)) != 0, State.IN_REVIEW),
        ((plan.flags & np.uint32(Flag.WINDOW_MISSED)) != 0, State.WINDOW_MISSED),
    ):
        state[where] = np.int8(value)
    return state


@dataclass(frozen=True, slots=True)
class Classes:
    """The classes of all entries, less everything that makes no difference, with a made-up entry of each.

    Attributes:
        place: int32[m], which of them each class given is.
        entries: one entry for each class (`schema.rows.STORE_ENTRIES`).
        trial: uint32, what the trial removal found on it.
        picked: whether it goes to review.
        never: whether it is accepted on none of the days.
    """

    place: Int32s
    entries: pa.Table
    trial: UInt32s
    picked: Bools
    never: Bools

    def __len__(self) -> int:
        return len(self.trial)


def classes_of(keys: Int64s, kinds: Kinds, law: Law, reach: Reach) -> Classes:
    """Merge classes that differ in nothing.

    Args:
        keys: of all partitions (`classes.class_keys`), in any order, some of them more than once.
        kinds: that they count.
        law: rules, settings and days.
        reach: the days that matter.
    """
    sort, first, never, undated = _sorts(kinds, law, reach)
    dates = Dates.of(keys, reach)
    if never.any():
        sort[never[sort]] = int(np.argmax(never))  # whoever is never accepted is of one sort
    of_key = sort[dates.kind]
    plain = (never | undated)[of_key]
    merged, place = np.unique(
        of_key.astype(np.int64) << KIND_SHIFT | np.where(plain, 0, keys & ((1 << KIND_SHIFT) - 1)), return_inverse=True
    )
    chosen = Dates.of(merged, reach)
    kind = first[chosen.kind]
    known = list(kinds.known)
    return Classes(
        place.reshape(-1).astype(np.int32),
        chosen.onto(kinds.table().take(pa.array(kind))),
        np.array([one.trial for one in known], np.uint32)[kind],
        np.array([one.picked for one in known], np.bool_)[kind],
        never[chosen.kind],
    )


def _sorts(kinds: Kinds, law: Law, reach: Reach) -> tuple[Int32s, Int32s, Bools, Bools]:
    """(sort of each kind, a kind of each sort, sorts that are never accepted, sorts whose dates mean nothing).

    Two kinds are of one sort when they come to the same under every law of the days asked for, both with dates that
    fail nothing and with dates that are over long ago: the rules about dates add to the others, and do not look at
    them.
    """
    table, known = kinds.table(), list(kinds.known)
    trial = np.array([kind.trial for kind in known], np.uint32)
    picked, dated, early = (
        np.array([getattr(kind, name) for kind in known], np.bool_) for name in ("picked", "dated", "early")
    )
    nothing = np.full(len(known), NO_DAY, np.int32)
    columns = [picked.astype(np.uint64), dated.astype(np.uint64)]
    never, waits = np.ones(len(known), np.bool_), np.ones(len(known), np.bool_)
    for day in law.turning_points():
        for liquidated, entered in ((day, NO_DAY), (reach.oldest, reach.entered[0])):
            last = np.where(dated, np.int32(liquidated), np.int32(NO_DAY))
            start = np.where(early, last + np.int32(1), np.where(dated, np.int32(NO_DAY), np.int32(entered)))
            probe = Dates(nothing, last, start, nothing).onto(table)
            answer = judged(probe, trial, picked, law, day)
            columns += [answer.failed, answer.state.astype(np.uint64)]
            never &= answer.failed != 0
            waits &= (answer.state == State.HELD) | (answer.state == State.NOT_ACCEPTED)
    rows = np.stack(columns, axis=1)
    signatures: dict[bytes, int] = {}
    sort = np.array([signatures.setdefault(row.tobytes(), len(signatures)) for row in rows], np.int32)
    first = np.full(len(signatures), -1, np.int32)
    first[sort[::-1]] = np.arange(len(known), dtype=np.int32)[::-1]
    return sort, first, never[first], (waits & ~dated)[first]


class Change(NamedTuple):
    """Classes that differ from the day before in the same way.

    Attributes:
        day: place of the acceptance day.
        kind: `enters`, `leaves`, `scheduled` or `unscheduled`.
        reason: bit of a rule for the first two, else a `State`.
        classes: int64, places of the classes.
    """

    day: int
    kind: str
    reason: int
    classes: Int64s


@dataclass(frozen=True, slots=True)
class Answers:
    """What every class comes to on every day.

    Attributes:
        state: int8[days, classes] `State`.
        day: int32[days, classes] liquidation day; `NO_DAY` unless scheduled.
        changes: what differs from the day before.
    """

    state: Int8s
    day: Int32s
    changes: list[Change]


def answers(classes: Classes, law: Law, *, threads: int, stop: threading.Event | None = None) -> Answers:
    """Judge every class on every day.

    Args:
        classes: to be judged.
        law: rules, settings and days.
        threads: days judged at the same time.
        stop: set it to stop between days.
    """
    state = np.zeros((len(law.days), len(classes)), np.int8)
    day = np.full((len(law.days), len(classes)), NO_DAY, np.int32)
    changes: list[Change] = []
    live = np.flatnonzero(~classes.never)
    entries, trial, picked = classes.entries.take(pa.array(live)), classes.trial[live], classes.picked[live]

    def work(at: int) -> Judged:
        return judged(entries, trial, picked, law, at)

    before: Judged | None = None
    for place, found in enumerate(map_ordered(work, law.days, threads=threads, stop=stop)):
        state[place, live], day[place, live] = found.state, found.day
        if before is not None:
            changes += [one._replace(classes=live[one.classes]) for one in _changes(place, before, found)]
        before = found
    return Answers(state, day, changes)


def _changes(place: int, before: Judged, after: Judged) -> list[Change]:
    """What differs between two days that follow each other."""
    was, now = before.state != State.NOT_ACCEPTED, after.state != State.NOT_ACCEPTED
    both = was & now & (before.state != after.state)
    kinds = (
        ("enters", ~was & now, _first_rule(before.failed)),
        ("leaves", was & ~now, _first_rule(after.failed)),
        ("scheduled", both & (after.state == State.SCHEDULED), before.state),
        ("unscheduled", both & (before.state == State.SCHEDULED), after.state),
    )
    found = []
    for kind, where, reasons in kinds:
        rows = np.flatnonzero(where)
        found += [
            Change(place, kind, reason, rows[reasons[rows] == reason]) for reason in np.unique(reasons[rows]).tolist()
        ]
    return found


def _first_rule(failed: UInt64s) -> Int8s:
    """The bit of the first rule that fails, in the order of reasons; -1 where none does."""
    first = np.full(len(failed), -1, np.int8)
    for bit in reversed([INPUT_REFUSED, *range(INPUT_REFUSED)]):
        first[(failed >> np.uint64(bit) & np.uint64(1)) != 0] = bit
    return first
