"""The days that matter to a filer: last PSC, last CAPE filing, last protest, earliest limit of a suit."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from cape_engine import bridge
from cape_engine.bridge import NO_DAY, Bools, Int32s
from cape_engine.claim_portal.entry_checks import PROTEST_DAYS, accept_window
from cape_engine.dates import day_number
from cape_engine.rules import Ruleset
from cape_engine.schema import facts as f
from cape_engine.schema.codes import Standing
from cape_engine.settings import Settings

SUIT_YEARS = 2
"""Years from accrual in which a suit may be brought; counted here from the deposit, the earliest day (handbook 6.6)."""
_ALWAYS = np.iinfo(np.int32).max


@dataclass(frozen=True, slots=True)
class Deadlines:
    """Last days as int32 day numbers, shape (n,); `NO_DAY` where there is none or where it is unknown.

    Attributes:
        psc: last day of a post summary correction: 300 days from entry or 15 days before a scheduled liquidation,
            whichever is first; the day before the liquidation of a liquidated entry.
        window: last day on which CAPE takes a liquidated entry (80 days).
        protest: last day of a protest (180 days after the latest (re)liquidation, 19 USC 1514).
        court: two years after the deposit, the earliest limit of a suit that is spoken of.
    """

    psc: Int32s
    window: Int32s
    protest: Int32s
    court: Int32s

    def named(self, word: str) -> Int32s:
        """One of them by its word in `failure_routes.csv`; no day for a blank word."""
        if not word:
            return np.full(len(self.psc), NO_DAY, np.int32)
        found: Int32s = getattr(self, word)
        return found


def deadlines(
    entries: pa.Table, standing: Standing, *, ruleset: Ruleset, settings: Settings, as_of: dt.date
) -> Deadlines:
    """The days of each entry (handbook 4.4 "Corrections" and "80 days", 6.6).

    Args:
        entries: entries of the store, n rows.
        standing: where they stand.
        ruleset: policies, for the 80 days.
        settings: `claim.psc_days`, `claim.psc_days_before_liquidation`, `claim.accept_window_inclusive` and
            `schedule.accept_window` are read.
        as_of: filing day.
    """
    liquidated = standing.liquidated_day
    has = liquidated != NO_DAY
    reach = window_reach(ruleset, settings, as_of)
    return Deadlines(
        psc=_psc(entries, liquidated, settings),
        window=_after(liquidated, has, reach),
        protest=_after(liquidated, has, PROTEST_DAYS),
        court=_years_after(bridge.days(entries, f.DEPOSIT_DATE), SUIT_YEARS),
    )


def window_reach(ruleset: Ruleset, settings: Settings, as_of: dt.date) -> int:
    """Days after a liquidation up to the last one on which CAPE takes the entry (handbook 4.4, "80 days")."""
    return accept_window(ruleset, settings, as_of) - (not settings.switch("claim.accept_window_inclusive"))


def _psc(entries: pa.Table, liquidated: Int32s, settings: Settings) -> Int32s:
    """The last day of a PSC."""
    entered = bridge.days(entries, f.ENTRY_DATE)
    planned = bridge.days(entries, f.SCHEDULED_LIQUIDATION_DATE)
    last = np.full(len(entered), _ALWAYS, np.int64)
    for day, days in (
        (entered, settings.number("claim.psc_days")),
        (planned, -settings.number("claim.psc_days_before_liquidation")),
        (liquidated, -1),
    ):
        np.minimum(last, np.where(day == NO_DAY, _ALWAYS, day.astype(np.int64) + days), out=last)
    return np.where(last == _ALWAYS, NO_DAY, last).astype(np.int32)


def _after(days: Int32s, known: Bools, count: int) -> Int32s:
    """Days later by a count where they are known."""
    found: Int32s = np.where(known, days.astype(np.int64) + count, NO_DAY).astype(np.int32)
    return found


def _years_after(days: Int32s, years: int) -> Int32s:
    """The same day of a later year, found once for each day between the first and the last (entries share hundreds)."""
    known = days != NO_DAY
    if not known.any():
        return np.full(len(days), NO_DAY, np.int32)
    low = int(days[known].min())
    high = int(days[known].max())
    if high - low >= len(days):
        return _later(days, years)
    table = _later(np.arange(low, high + 1, dtype=np.int32), years)
    return np.where(known, table.take(np.subtract(days, low, dtype=np.int64), mode="clip"), np.int32(NO_DAY))


def _later(days: Int32s, years: int) -> Int32s:
    """The same day of a later year; 29 February becomes 28 February."""
    months = days.astype("datetime64[D]").astype("datetime64[M]")
    inside = days.astype("datetime64[D]") - months.astype("datetime64[D]")
    later = months + 12 * years
    length = (later + 1).astype("datetime64[D]") - later.astype("datetime64[D]")
    moved = later.astype("datetime64[D]") + np.minimum(inside, length - 1)
    found: Int32s = np.where(days == NO_DAY, NO_DAY, moved.astype(np.int64)).astype(np.int32)
    return found


def passed(day: Int32s, as_of: dt.date) -> Bools:
    """Days that are known and lie before the filing day."""
    found: Bools = (day != NO_DAY) & (day < day_number(as_of))
    return found
