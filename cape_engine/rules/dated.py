"""What every dated row has: the period it holds in, as dates and as day numbers."""

from __future__ import annotations

import datetime as dt

from cape_engine.dates import first_day, last_day


class Dated:
    """A row that holds from one day to another, both inclusive, open where a date is missing."""

    __slots__ = ()

    effective_from: dt.date | None
    effective_to: dt.date | None

    @property
    def from_day(self) -> int:
        """First day number; `dates.OPEN_START` where open."""
        return first_day(self.effective_from)

    @property
    def to_day(self) -> int:
        """Last day number; `dates.OPEN_END` where open."""
        return last_day(self.effective_to)

    def applies(self, on: dt.date) -> bool:
        """Whether the row holds on that day."""
        return (self.effective_from is None or self.effective_from <= on) and (
            self.effective_to is None or on <= self.effective_to
        )
