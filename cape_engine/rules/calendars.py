"""The two calendars of the handbook 6.5, built from the rule files: working days of CBP and of the Federal Reserve."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable

from cape_engine.dates import Calendar
from cape_engine.errors import SettingError
from cape_engine.rules import Ruleset


def span(ruleset: Ruleset) -> tuple[dt.date, dt.date]:
    """First and last day that both calendars know: whole years of the table of statutory holidays."""
    years = [holiday.date.year for holiday in ruleset.holidays]
    return dt.date(min(years), 1, 1), dt.date(max(years), 12, 31)


def cbp(ruleset: Ruleset, overrides: Iterable[str] = ()) -> Calendar:
    """Days on which CBP liquidates and certifies: no weekends, statutory holidays (Saturday to Friday), closures.

    Args:
        ruleset: the rules in force.
        overrides: further closures as ISO days (`calendar.overrides`).

    Raises:
        SettingError: an override that is not a day, or lies beyond the table of holidays.
    """
    first, last = span(ruleset)
    extra = [_override(text, first, last) for text in overrides]
    statutory = [holiday.date for holiday in ruleset.holidays if holiday.cbp_closed]
    return Calendar.build(first, last, [*statutory, *(closure.date for closure in ruleset.closures), *extra])


def fed(ruleset: Ruleset) -> Calendar:
    """Days on which the Federal Reserve settles ACH: a Saturday holiday is not moved, orders do not close it."""
    first, last = span(ruleset)
    return Calendar.build(first, last, [holiday.date for holiday in ruleset.holidays if holiday.fed_closed])


def _override(text: str, first: dt.date, last: dt.date) -> dt.date:
    """One day of `calendar.overrides`."""
    try:
        day = dt.date.fromisoformat(text.strip())
    except ValueError as error:
        raise SettingError(f"calendar.overrides takes days like 2026-12-24, not {text!r}") from error
    if not first <= day <= last:
        raise SettingError(f"calendar.overrides: {day} lies outside the calendar, which runs from {first} to {last}")
    return day
