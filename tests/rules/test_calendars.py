"""The frozen federal calendar against an independent package and the days the handbook names."""

from __future__ import annotations

import datetime as dt

import holidays
import numpy as np
import pytest

from cape_engine.dates import day_number
from cape_engine.errors import SettingError
from cape_engine.rules import Ruleset, calendars, load

RULES = load()
YEARS = range(2024, 2031)
ONLY_FED_OPEN = ("2026-07-03", "2027-06-18", "2027-12-24", "2027-12-31", "2028-11-10")


def test_cbp__equals_holidays_package() -> None:
    """Observed federal holidays and one-off closures are those of the `holidays` package, day by day."""
    wide = range(YEARS.start, YEARS.stop + 1)  # New Year of the next year may be observed in this one
    theirs = {
        day
        for day in holidays.country_holidays("US", years=wide, observed=True, categories=("public", "government"))
        if day.year in YEARS and day.weekday() < 5
    }
    ours = {holiday.date for holiday in RULES.holidays if holiday.cbp_closed} | {
        closure.date for closure in RULES.closures
    }
    assert ours == theirs


def test_fed__equals_holidays_package() -> None:
    """The Federal Reserve takes the unmoved holiday, and Monday only for a Sunday."""
    unmoved = set(holidays.country_holidays("US", years=YEARS, observed=False))
    moved = {day + dt.timedelta(1) if day.weekday() == 6 else day for day in unmoved}
    theirs = {day for day in moved if day.weekday() < 5 and day.year in YEARS}
    assert {holiday.date for holiday in RULES.holidays if holiday.fed_closed} == theirs


def test_calendars__days_of_the_handbook() -> None:
    """Statutory days closed at CBP and open at the Fed are exactly the five of handbook 6.5."""
    closures = {closure.date for closure in RULES.closures}
    cbp, fed = calendars.cbp(RULES), calendars.fed(RULES)
    first, last = calendars.span(RULES)
    every = map(dt.date.fromordinal, range(first.toordinal(), last.toordinal() + 1))
    odd = [
        day
        for day in every
        if not cbp.is_open(day_number(day)) and fed.is_open(day_number(day)) and day not in closures
    ]
    assert tuple(map(str, odd)) == ONLY_FED_OPEN
    assert all(fed.is_open(day_number(day)) and not cbp.is_open(day_number(day)) for day in closures)


@pytest.mark.parametrize(
    ("day", "step", "expected"),
    [
        ("2026-11-20", "forward", "2026-11-23"),
        ("2026-12-31", "forward", "2026-12-31"),
        ("2026-11-26", "forward", "2026-11-30"),
        ("2026-04-30", "back", "2026-04-30"),
    ],
)
def test_runs__examples_of_the_handbook(day: str, step: str, expected: str) -> None:
    """The worked examples of handbook 6.2: Friday to Monday, Thanksgiving to the next Monday, day 90 on a Thursday."""
    runs = calendars.cbp(RULES).runs(("MON", "TUE", "WED", "THU"))
    numbers = np.array([day_number(dt.date.fromisoformat(day))], np.int32)
    found = runs.next_run_day(numbers) if step == "forward" else runs.last_run_day_on_or_before(numbers)
    assert found.tolist() == [day_number(dt.date.fromisoformat(expected))]


def test_cbp__overrides() -> None:
    """A closure named in the settings closes CBP and not the Fed."""
    day = day_number(dt.date(2026, 12, 24))
    assert calendars.cbp(RULES).is_open(day)
    assert not calendars.cbp(RULES, ("2026-12-24",)).is_open(day)
    assert calendars.fed(RULES).is_open(day)


@pytest.mark.parametrize(
    ("text", "why"), [("Christmas", "takes days like"), ("2031-01-02", "lies outside the calendar")]
)
def test_cbp__override_refused(text: str, why: str) -> None:
    """An override that is no day, or beyond the table, is a broken setting."""
    with pytest.raises(SettingError, match=why):
        calendars.cbp(RULES, (text,))


def test_span__whole_years() -> None:
    """Both calendars know 2024 to 2030."""
    rules: Ruleset = RULES
    assert calendars.span(rules) == (dt.date(2024, 1, 1), dt.date(2030, 12, 31))
