"""The frozen federal calendar against an independent package and the days the handbook names."""

from __future__ import annotations

import datetime as dt
import tomllib
from pathlib import Path
from typing import Any

import holidays
import numpy as np
import pytest

from cape_engine.dates import NO_DAY, day_number
from cape_engine.errors import SettingError
from cape_engine.rules import Ruleset, calendars, load
from reference import liquidation as twin

RULES = load()
CASES = Path(__file__).parents[1] / "cases" / "calendars" / "days.toml"
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


def every_day() -> list[dt.date]:
    """Every day that the calendars know."""
    first, last = calendars.span(RULES)
    return [dt.date.fromordinal(number) for number in range(first.toordinal(), last.toordinal() + 1)]


def test_calendars__equal_the_twin() -> None:
    """Open days, run days and the nearest run days equal those of the slow twin on each day of 2024 to 2030."""
    days = every_day()
    numbers = np.array([day_number(day) for day in days], np.int32)
    cbp, fed = calendars.cbp(RULES), calendars.fed(RULES)
    assert cbp.open.tolist() == [day.weekday() < 5 and day not in twin.closed(day.year) for day in days]
    assert fed.open.tolist() == [day.weekday() < 5 and day not in twin.banks_closed(day.year) for day in days]
    runs = cbp.runs(("MON", "TUE", "WED", "THU"))
    following = [twin.run_day_from(day) for day in days]
    preceding = [twin.run_day_to(day) for day in days]
    known = range(day_number(days[0]), day_number(days[-1]) + 1)
    for answers, expected in (
        (runs.next_run_day(numbers), following),
        (runs.last_run_day_on_or_before(numbers), preceding),
    ):
        wanted = [day_number(day) for day in expected]
        assert answers.tolist() == [day if day in known else NO_DAY for day in wanted]


def day_cases() -> list[Any]:
    """The readable days of tests/cases/calendars."""
    cases = tomllib.loads(CASES.read_text(encoding="utf-8"))["day"]
    return [pytest.param(case, id=f"{case['day']}{'-overridden' * ('overrides' in case)}") for case in cases]


@pytest.mark.parametrize("case", day_cases())
def test_day__readable_case(case: dict[str, Any]) -> None:
    """Each day is open or closed, with the next and last run day, as its case says; the `holidays` package agrees."""
    day, overrides = case["day"], case.get("overrides", [])
    number = day_number(day)
    cbp, fed = calendars.cbp(RULES, overrides), calendars.fed(RULES)
    if case["cbp"] == "unknown":
        for calendar in (cbp, fed):
            with pytest.raises(ValueError, match=f"does not know {day}"):
                calendar.is_open(number)
    else:
        words = {True: "open", False: "closed"}
        assert (words[cbp.is_open(number)], words[fed.is_open(number)]) == (case["cbp"], case["fed"]), case["says"]
        theirs = holidays.country_holidays("US", years=[day.year, day.year + 1], categories=("public", "government"))
        works = day.weekday() < 5 and day not in theirs and day.isoformat() not in overrides
        assert works is (case["cbp"] == "open"), case["says"]
    runs = cbp.runs(("MON", "TUE", "WED", "THU"))
    where = np.array([number], np.int32)
    found = (runs.next_run_day(where)[0], runs.last_run_day_on_or_before(where)[0])
    expected = (case.get("next"), case.get("last"))
    assert found == tuple(NO_DAY if one is None else day_number(one) for one in expected), case["says"]


def test_calendars__days_of_the_handbook() -> None:
    """Statutory days closed at CBP and open at the Fed are exactly the five of handbook 6.5."""
    closures = {closure.date for closure in RULES.closures}
    cbp, fed = calendars.cbp(RULES), calendars.fed(RULES)
    odd = [
        day
        for day in every_day()
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
