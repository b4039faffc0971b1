"""Day numbers, anniversaries and run days, against the standard library."""

from __future__ import annotations

import datetime as dt

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cape_engine.bridge import NO_DAY as BRIDGE_NO_DAY
from cape_engine.dates import (
    NO_DAY,
    OPEN_END,
    OPEN_START,
    Calendar,
    anniversary,
    date_of,
    day_number,
    first_day,
    last_day,
    weekday,
)

DAYS = st.dates(dt.date(1990, 1, 1), dt.date(2090, 12, 31))
FIRST, LAST = dt.date(2026, 1, 1), dt.date(2026, 12, 31)


def _int32(*days: dt.date | None) -> np.ndarray:
    """Days as the column the engine uses."""
    return np.array([NO_DAY if day is None else day_number(day) for day in days], np.int32)


@given(DAYS)
def test_day_number__as_arrow(day: dt.date) -> None:
    """Day numbers count from 1970-01-01, as Arrow's date32 and NumPy do, and come back."""
    assert day_number(day) == int(np.datetime64(day, "D").astype(int))
    assert date_of(day_number(day)) == day
    assert weekday(day_number(day)) == day.weekday()


def test_no_day__same_everywhere() -> None:
    """A missing day is the same number here and in the bridge, and lies outside every period, also open ones."""
    assert NO_DAY == BRIDGE_NO_DAY
    assert not first_day(None) <= NO_DAY <= last_day(None)
    assert (first_day(None), last_day(None)) == (OPEN_START, OPEN_END)


@given(st.lists(DAYS, min_size=1, max_size=20))
def test_anniversary__equals_calendar(days: list[dt.date]) -> None:
    """One year later is the same day of the next year; only 29 February moves, to the 28th."""
    expected = [
        day.replace(year=day.year + 1) if (day.month, day.day) != (2, 29) else dt.date(day.year + 1, 2, 28)
        for day in days
    ]
    assert anniversary(_int32(*days)).tolist() == _int32(*expected).tolist()


def test_anniversary__leap_and_missing() -> None:
    """29 February 2028 ends on 28 February 2029; a missing day stays missing."""
    assert anniversary(_int32(dt.date(2028, 2, 29), None)).tolist() == _int32(dt.date(2029, 2, 28), None).tolist()


def _naive(day: dt.date, step: int, closed: set[dt.date]) -> dt.date | None:
    """The nearest Monday-to-Thursday day that is not closed, walking day by day inside the calendar."""
    while FIRST <= day <= LAST:
        if day.weekday() < 4 and day not in closed:
            return day
        day += dt.timedelta(step)
    return None


@given(
    st.sets(st.dates(FIRST, LAST), max_size=40),
    st.lists(st.dates(dt.date(2025, 12, 20), dt.date(2027, 1, 10)), min_size=1, max_size=20),
)
def test_run_days__equals_walking(closed: set[dt.date], days: list[dt.date]) -> None:
    """Looked-up run days equal a walk over the calendar; days outside it have none."""
    runs = Calendar.build(FIRST, LAST, closed).runs(("MON", "TUE", "WED", "THU"))
    one = dt.timedelta(1)
    inside = [FIRST <= day <= LAST for day in days]
    forward = [_naive(day, 1, closed) if known else None for day, known in zip(days, inside, strict=True)]
    after = [_naive(day + one, 1, closed) if FIRST <= day + one <= LAST else None for day in days]
    back = [_naive(day, -1, closed) if known else None for day, known in zip(days, inside, strict=True)]
    column = _int32(*days)
    assert runs.next_run_day(column).tolist() == _int32(*forward).tolist()
    assert runs.next_run_day(column, strictly_after=True).tolist() == _int32(*after).tolist()
    assert runs.last_run_day_on_or_before(column).tolist() == _int32(*back).tolist()


def test_run_days__missing_and_extreme() -> None:
    """A missing day stays missing, and the largest day number does not wrap round."""
    runs = Calendar.build(FIRST, LAST, ()).runs(("MON",))
    extreme = np.array([NO_DAY, OPEN_END, OPEN_START], np.int32)
    for found in (runs.next_run_day(extreme, strictly_after=True), runs.last_run_day_on_or_before(extreme)):
        assert found.tolist() == [NO_DAY] * 3
        assert found.dtype == np.int32


def test_calendar__beyond_is_refused() -> None:
    """A calendar never guesses a year it does not hold."""
    calendar = Calendar.build(FIRST, LAST, ())
    with pytest.raises(ValueError, match=r"runs from 2026-01-01 to 2026-12-31 and does not know 2027-01-01"):
        calendar.is_open(day_number(dt.date(2027, 1, 1)))
    with pytest.raises(ValueError, match="lies outside the calendar"):
        Calendar.build(FIRST, LAST, [dt.date(2027, 1, 1)])
    assert calendar.knows(_int32(FIRST, dt.date(2027, 1, 1), None)).tolist() == [True, False, False]


def test_runs__needs_a_day() -> None:
    """A set of run days that leaves none is refused."""
    calendar = Calendar.build(FIRST, LAST, ())
    with pytest.raises(ValueError, match="no run day is left"):
        calendar.runs(("SUN",))
