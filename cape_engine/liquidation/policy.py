"""The scheduling policy in force: dated rows of the ruleset, with the settings that the user changed laid over them."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from cape_engine.bridge import NO_DAY, Int32s
from cape_engine.dates import OPEN_END, OPEN_START, RunDays
from cape_engine.errors import SettingError, UsageError
from cape_engine.rules import Ruleset, calendars
from cape_engine.settings import Settings, catalogue

Days = npt.NDArray[np.integer]

BEYOND = OPEN_END
"""A run day later than the calendar reaches: later than every day that it knows."""
BEFORE = OPEN_START
"""A run day earlier than the calendar reaches."""


@dataclass(frozen=True, slots=True)
class Policy:
    """The figures of one run (handbook 6.2).

    Attributes:
        days_unliquidated: days from acceptance to the liquidation of an unliquidated entry.
        exact: whether that is the day aimed at, or the latest one.
        reliq_reach: last day after a liquidation on which it may be reliquidated (19 USC 1501).
        review_days: days of review before a run.
        deemed_margin_days: days kept free before the anniversary (19 USC 1504(a)).
        runs: the days on which CAPE liquidates.
    """

    days_unliquidated: int
    exact: bool
    reliq_reach: int
    review_days: int
    deemed_margin_days: int
    runs: RunDays
    _from: Int32s = field(init=False, repr=False, compare=False)
    _up_to: Int32s = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        # One more place before and behind the calendar answers for all days outside it.
        following, preceding = self.runs.following, self.runs.preceding
        object.__setattr__(self, "_from", _framed(np.where(following == NO_DAY, BEYOND, following)))
        object.__setattr__(self, "_up_to", _framed(np.where(preceding == NO_DAY, BEFORE, preceding)))

    def from_day(self, days: Days) -> Int32s:
        """First run day on or after each day; `BEYOND` where the calendar ends first."""
        return self._look_up(self._from, days)

    def up_to_day(self, days: Days) -> Int32s:
        """Last run day on or before each day; `BEYOND` or `BEFORE` where the calendar does not reach it."""
        return self._look_up(self._up_to, days)

    def _look_up(self, table: Int32s, days: Days) -> Int32s:
        """`table` at `days`."""
        return table.take(np.subtract(days, self.runs.first - 1, dtype=np.int64), mode="clip")


def _framed(table: npt.NDArray[np.integer]) -> Int32s:
    """A table of days with an answer before its first day and one behind its last."""
    return np.concatenate([np.array([BEFORE]), table, np.array([BEYOND])]).astype(np.int32)


_latest: list[tuple[Ruleset, Settings, dt.date, Policy]] = []
"""The policy asked for last: every partition of a run asks for the same one, and a calendar takes milliseconds."""


def in_force(ruleset: Ruleset, settings: Settings, accepted_on: dt.date) -> Policy:
    """The policy for entries accepted on `accepted_on`.

    Raises:
        UsageError: no policy holds on that day.
        SettingError: the settings leave no run day at all.
    """
    for known_ruleset, known_settings, day, policy in _latest:
        if known_ruleset is ruleset and known_settings is settings and day == accepted_on:
            return policy
    policy = _of(ruleset, settings, accepted_on)
    _latest[:] = [(ruleset, settings, accepted_on, policy)]
    return policy


def _of(ruleset: Ruleset, settings: Settings, accepted_on: dt.date) -> Policy:
    """The policy, made from the ruleset."""
    live = settings.switch("phase.3_enabled") and accepted_on >= settings.day("phase.3_start")
    row = ruleset.policy(accepted_on, phase_3=live)
    if row is None:
        raise UsageError(
            f"no scheduling policy holds on {accepted_on}; --accepted-on must be a day since the portal opened"
        )
    days_unliquidated = _changed(settings, "schedule.days_unliquidated", row.days_unliquidated)
    limit = _changed(settings, "schedule.reliq_limit", row.reliq_limit)
    words = settings.words("schedule.run_days")
    run_days = row.run_days if list(words) == catalogue()["schedule.run_days"].default else words
    try:
        runs = calendars.cbp(ruleset, settings.words("calendar.overrides")).runs(run_days)
    except ValueError as error:
        raise SettingError(f"schedule.run_days: {error}") from error
    return Policy(
        days_unliquidated=days_unliquidated,
        exact=settings.text("schedule.unliquidated_rule") == "exact",
        reliq_reach=limit if settings.switch("schedule.reliq_limit_inclusive") else limit - 1,
        review_days=settings.number("schedule.review_days"),
        deemed_margin_days=settings.number("schedule.deemed_margin_days"),
        runs=runs,
    )


def _changed(settings: Settings, name: str, dated: int) -> int:
    """The dated figure, unless the user set another than the default."""
    value = settings.number(name)
    return dated if value == catalogue()[name].default else value
