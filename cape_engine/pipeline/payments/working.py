"""Working days of payments: those of the Federal Reserve, on which money moves, and of CBP, which certifies."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from cape_engine import rules
from cape_engine.dates import Calendar, date_of, day_number
from cape_engine.errors import UsageError
from cape_engine.rules import calendars
from cape_engine.settings import Settings


@dataclass(frozen=True, slots=True)
class Working:
    """Both calendars (handbook 6.5).

    Attributes:
        fed: days on which the Federal Reserve settles.
        cbp: days on which CBP works.
    """

    fed: Calendar
    cbp: Calendar

    @classmethod
    def of(cls, ruleset: rules.Ruleset, settings: Settings) -> Working:
        """The calendars of a ruleset."""
        return cls(calendars.fed(ruleset), calendars.cbp(ruleset, settings.words("calendar.overrides")))

    def both(self, day: dt.date) -> bool:
        """Whether both work.

        Raises:
            UsageError: the calendar does not reach the day.
        """
        number = day_number(day)
        if not self.fed.first <= number <= self.fed.last:
            first, last = date_of(self.fed.first), date_of(self.fed.last)
            raise UsageError(f"{day} lies outside the calendar of holidays, which runs from {first} to {last}")
        return self.fed.is_open(number) and self.cbp.is_open(number)

    def after(self, day: dt.date, days: int) -> dt.date:
        """The day that lies so many days later on which both work."""
        while days:
            day += dt.timedelta(days=1)
            days -= self.both(day)
        return day

    def fed_after(self, day: dt.date) -> dt.date:
        """The Fed day after a day."""
        day += dt.timedelta(days=1)
        while not (self.both(day) or self.fed.is_open(day_number(day))):
            day += dt.timedelta(days=1)
        return day

    def refuse_closed(self, day: dt.date, what: str) -> None:
        """Refuse a day on which payments are neither certified nor settled.

        Raises:
            UsageError: with the next day on which they are.
        """
        if not self.both(day):
            raise UsageError(f"{day} is no working day of CBP and the Federal Reserve: {what} on {self.after(day, 1)}")

    def fed_days_between(self, first: int, last: int) -> int:
        """How many Fed days lie after one day, up to and including another (day numbers)."""
        low, high = (min(max(day, self.fed.first), self.fed.last) - self.fed.first for day in (first, last))
        return int(self.fed.open[low + 1 : high + 1].sum())
