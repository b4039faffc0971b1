"""Days as numbers, and calendars of working days; a day beyond a calendar is refused, never guessed."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Int32s = npt.NDArray[np.int32]
Bools = npt.NDArray[np.bool_]

NO_DAY = -(2**31)
"""Missing date, and the answer where a calendar has none (the same value as `bridge.NO_DAY`)."""
OPEN_START = NO_DAY + 1
"""First day of a period whose start is open: below every real day, above `NO_DAY`, so that a missing day is outside."""
OPEN_END = 2**31 - 1
"""Last day of a period whose end is open."""

WEEKDAYS = ("MON", "TUE", "WED", "THU", "FRI", "SAT", "SUN")
"""Words of `schedule.run_days`, in the order of `datetime.date.weekday`."""

_EPOCH = dt.date(1970, 1, 1).toordinal()
_EPOCH_WEEKDAY = 3  # 1970-01-01 was a Thursday


def day_number(day: dt.date) -> int:
    """Days since 1970-01-01, as Arrow's date32 counts them."""
    return day.toordinal() - _EPOCH


def date_of(number: int) -> dt.date:
    """The date of a day number."""
    return dt.date.fromordinal(number + _EPOCH)


def first_day(start: dt.date | None) -> int:
    """First day number of a period; `OPEN_START` where it is open."""
    return OPEN_START if start is None else day_number(start)


def last_day(end: dt.date | None) -> int:
    """Last day number of a period; `OPEN_END` where it is open."""
    return OPEN_END if end is None else day_number(end)


def weekday(number: int) -> int:
    """0 for Monday to 6 for Sunday."""
    return (number + _EPOCH_WEEKDAY) % 7


def anniversary(days: Int32s) -> Int32s:
    """The same day one year later, the limit of 19 USC 1504(a); `NO_DAY` stays.

    29 February has no anniversary: 28 February is taken, the last day that still lies within one year by any count
    (the cautious reading: the engine then schedules a day earlier, never a day late).

    Args:
        days: day numbers, int32, shape (n,).
    """
    known = days != NO_DAY
    day = np.where(known, days, 0).astype("datetime64[D]")
    month = day.astype("datetime64[M]")
    offset = (day - month.astype("datetime64[D]")).astype(np.int64)
    later = month + np.timedelta64(12, "M")
    length = ((later + np.timedelta64(1, "M")).astype("datetime64[D]") - later.astype("datetime64[D]")).astype(np.int64)
    result = later.astype("datetime64[D]").astype(np.int64) + np.minimum(offset, length - 1)
    return np.where(known, result, NO_DAY).astype(np.int32)


@dataclass(frozen=True, slots=True)
class Calendar:
    """Open and closed days between two days; outside them it knows nothing and says so.

    Attributes:
        first: first day number it knows.
        last: last day number it knows.
        open: whether each day from `first` to `last` is a working day.
    """

    first: int
    last: int
    open: Bools

    @classmethod
    def build(cls, first: dt.date, last: dt.date, closed: Iterable[dt.date]) -> Calendar:
        """The calendar from `first` to `last`: Monday to Friday, less `closed` (holidays and one-off closures).

        Raises:
            ValueError: a closed day outside the calendar, which would be forgotten silently.
        """
        low, high = day_number(first), day_number(last)
        numbers = np.arange(low, high + 1)
        is_open = (numbers + _EPOCH_WEEKDAY) % 7 < 5  # noqa: PLR2004 - Saturday is 5, Sunday 6
        for day in closed:
            if not first <= day <= last:
                raise ValueError(f"{day} lies outside the calendar, which runs from {first} to {last}")
            is_open[day_number(day) - low] = False
        is_open.flags.writeable = False
        return cls(low, high, is_open)

    def knows(self, days: Int32s) -> Bools:
        """Whether each day lies within the calendar; a missing day does not."""
        result: Bools = (days >= self.first) & (days <= self.last)
        return result

    def is_open(self, day: int) -> bool:
        """Whether one day is a working day.

        Raises:
            ValueError: the calendar does not reach that day.
        """
        if not self.first <= day <= self.last:
            raise ValueError(
                f"the calendar runs from {date_of(self.first)} to {date_of(self.last)} and does not know {date_of(day)}"
            )
        return bool(self.open[day - self.first])

    def runs(self, weekdays: Iterable[str]) -> RunDays:
        """The days of this calendar on which runs happen: open, and one of `weekdays` (`MON` to `SUN`).

        Raises:
            ValueError: a word that is not a weekday, or no run day at all.
        """
        wanted = {WEEKDAYS.index(word) for word in weekdays}
        numbers = np.arange(self.first, self.last + 1)
        chosen = np.isin((numbers + _EPOCH_WEEKDAY) % 7, sorted(wanted)) & self.open
        if not chosen.any():
            raise ValueError("no run day is left: name at least one working weekday")
        return RunDays.build(self.first, chosen)


@dataclass(frozen=True, slots=True)
class RunDays:
    """For every day of a calendar the nearest run days, looked up in constant time.

    Attributes:
        first: first day number of the tables.
        last: last day number of the tables.
        following: first run day on or after each day; `NO_DAY` where the calendar ends first.
        preceding: last run day on or before each day; `NO_DAY` where there is none.
    """

    first: int
    last: int
    following: Int32s
    preceding: Int32s

    @classmethod
    def build(cls, first: int, chosen: Bools) -> RunDays:
        """Tables from a mask of run days that begins on day `first`."""
        numbers = np.arange(first, first + len(chosen), dtype=np.int64)
        preceding = np.maximum.accumulate(np.where(chosen, numbers, NO_DAY)).astype(np.int32)
        later = np.where(chosen, numbers, OPEN_END)
        following = np.minimum.accumulate(later[::-1])[::-1]
        following = np.where(following == OPEN_END, NO_DAY, following).astype(np.int32)
        for array in (preceding, following):
            array.flags.writeable = False
        return cls(first, first + len(chosen) - 1, following, preceding)

    def _look_up(self, table: Int32s, days: npt.NDArray[np.int64]) -> Int32s:
        """`table` at `days`, `NO_DAY` outside it."""
        inside = (days >= self.first) & (days <= self.last)
        at = np.where(inside, days - self.first, 0)
        return np.where(inside, table[at], NO_DAY).astype(np.int32)

    def next_run_day(self, days: Int32s, *, strictly_after: bool = False) -> Int32s:
        """First run day on or after each day (or after it); `NO_DAY` for missing days and beyond the calendar.

        The caller turns `NO_DAY` for a known day into a finding: the calendar is never extended by guess.

        Args:
            days: day numbers, int32, shape (n,).
            strictly_after: whether the day itself does not count (clarification 31).
        """
        wide = days.astype(np.int64)
        return self._look_up(self.following, np.where(days == NO_DAY, wide, wide + int(strictly_after)))

    def last_run_day_on_or_before(self, days: Int32s) -> Int32s:
        """Last run day on or before each day; `NO_DAY` for missing days and outside the calendar."""
        return self._look_up(self.preceding, days.astype(np.int64))
