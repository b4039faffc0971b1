"""Interest by every named convention side by side, so that a figure of CBP's can be recognised (handbook 7.1 and 8.1).

The conventions are rows of `conventions.toml`; the first, `exact`, is the engine's own.
"""

from __future__ import annotations

import datetime as dt
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import cache
from importlib import resources
from typing import NamedTuple

import numpy as np

from cape_engine.bridge import NO_DAY, NO_NUMBER, Int8s, Int32s, Int64s, readonly
from cape_engine.dates import date_of, day_number
from cape_engine.errors import RuleFileError, UsageError
from cape_engine.refund.growth import FirstRateTable, LastRateTable, LeapKeptTable, RestartTable, SimpleTable
from cape_engine.refund.many import above_limit, priced
from cape_engine.refund.rates import (
    KINDS,
    SCALE,
    RatePeriod,
    RateTable,
    Way,
    interest_table,
    large_table,
    quarter_bounds,
    shared,
)
from cape_engine.rules import Ruleset

FILE = "conventions.toml"
WAYS: Mapping[str, Way] = {
    "compound": RateTable,
    "per_quarter": RateTable,
    "per_quarter_cents": RateTable,
    "edge_lost": RateTable,
    "simple": SimpleTable,
    "restart": RestartTable,
    "first_rate": FirstRateTable,
    "last_rate": LastRateTable,
    "leap_kept": LeapKeptTable,
}
"""How money grows, for each word of `Convention.method`."""
CAUSES = ("MATCH", "RATE_KIND", "INTEREST_METHOD", "INTEREST_DATES")
"""Cause codes of a reconciliation that a convention can stand for (handbook 7.6)."""


@dataclass(frozen=True, slots=True)
class Convention:
    """One way in which interest is, or may have been, computed; the words are explained in `conventions.toml`.

    Attributes:
        name: short name, a word of the results.
        words: what it does, for a person.
        cause: cause code of a reconciliation when CBP's figure is this one.
        source: where the convention is known from.
        confidence: how sure that is.
        kind: own or other importer kind.
        start: deposit or entry.
        start_shift: days added to the first day.
        end: liquidation, payment, or a day that ends all interest.
        end_shift: days added to the last day.
        method: a word of `WAYS`.
        base: days that a yearly rate is divided by; 0 by the year of the day.
        flat: one yearly rate for everybody, as decimal text; empty for the table's.
        days: so many days whatever the dates; 0 for those between the dates.
        missed: first days of quarters that repeat the rate before.
        cut: F + 0.5 for what a corporation is owed above $10,000.
    """

    name: str
    words: str
    cause: str
    source: str
    confidence: str
    kind: str = "own"
    start: str = "deposit"
    start_shift: int = 0
    end: str = "liquidation"
    end_shift: int = 0
    method: str = "compound"
    base: int = 0
    flat: str = ""
    days: int = 0
    missed: tuple[str, ...] = ()
    cut: bool = False

    @property
    def last_day(self) -> int | None:
        """The day that ends all interest, where there is one."""
        return None if self.end in ("liquidation", "payment") else day_number(dt.date.fromisoformat(self.end))


class Recognised(NamedTuple):
    """Which convention gives each figure.

    Attributes:
        place: int16[n], place in the names asked for; -1 where none comes within the tolerance.
        difference_cents: int64[n], figure less that convention; 0 where none does.
    """

    place: np.ndarray[tuple[int], np.dtype[np.int16]]
    difference_cents: Int64s


@cache
def catalogue() -> Mapping[str, Convention]:
    """Every convention by name, in the order in which figures are recognised; the first is the engine's own.

    Raises:
        RuleFileError: the file has an unknown key or word.
    """
    text = resources.files("cape_engine.refund").joinpath(FILE).read_text(encoding="utf-8")
    return {name: _checked(name, body) for name, body in tomllib.loads(text).items()}


def _checked(name: str, body: Mapping[str, object]) -> Convention:
    """One convention of the file, its words known."""
    unknown = set(body) - set(Convention.__slots__)
    if unknown:
        raise RuleFileError(f"{FILE}: [{name}] has unknown keys {sorted(unknown)}")
    body = {key: tuple(value) if isinstance(value, list) else value for key, value in body.items()}
    found = Convention(name=name, **body)  # type: ignore[arg-type]  # TOML gives the types; words are tested below
    for word, known in (
        (found.kind, ("own", "other")),
        (found.start, ("deposit", "entry")),
        (found.method, tuple(WAYS)),
        (found.cause, CAUSES),
    ):
        if word not in known:
            raise RuleFileError(f"{FILE}: [{name}] takes {' | '.join(known)}, not {word!r}")
    return found


def interest(
    principal_cents: Int64s,
    start: Int32s,
    end: Int32s,
    kind: Int8s,
    *,
    ruleset: Ruleset,
    names: Sequence[str] | None = None,
    entry_day: Int32s | None = None,
    payment_day: Int32s | None = None,
    owner: Int64s | None = None,
) -> dict[str, Int64s]:
    """Interest of many amounts by each convention, each exact to the cent in its own way.

    Args:
        principal_cents: int64[n], at least 0.
        start: int32[n], day of the deposit, days since 1970-01-01; `bridge.NO_DAY` where unknown.
        end: int32[n], day of the (re)liquidation.
        kind: int8[n], place in `rates.KINDS`: 0 corporate, 1 noncorporate.
        ruleset: where the rates come from.
        names: the conventions wanted; all of `catalogue()` when not given.
        entry_day: int32[n], entry dates, for the conventions that start there.
        payment_day: int32[n], days of payment, for those that end there.
        owner: int64[n], ascending, row of the entry where several amounts are deposits of one; each its own without.

    Returns:
        For each name int64[n] cents; -1 where a day is not known or has no rate.

    Raises:
        UsageError: an unknown name, or a negative principal.
    """
    known = catalogue()
    wanted = list(known if names is None else names)
    if wrong := [name for name in wanted if name not in known]:
        raise UsageError(f"there is no interest convention {wrong[0]!r}; known: {', '.join(known)}")
    if len(principal_cents) and int(principal_cents.min()) < 0:
        raise UsageError(f"interest runs on a refund, not on {int(principal_cents.min())} cents")
    days = {"deposit": start, "entry": entry_day, "liquidation": end, "payment": payment_day}
    amounts = Amounts(principal_cents, kind, np.arange(len(kind)) if owner is None else owner, days)
    return {name: _of(known[name], amounts, ruleset) for name in wanted}


class Amounts(NamedTuple):
    """Amounts with all their facts, as `interest` takes them; `days` by the words of `start` and `end`."""

    principal_cents: Int64s
    kind: Int8s
    owner: Int64s
    days: Mapping[str, Int32s | None]


def _of(convention: Convention, amounts: Amounts, ruleset: Ruleset) -> Int64s:
    """Interest by one convention."""
    principal_cents, kind, owner, days = amounts
    count = len(principal_cents)
    first, last = days[convention.start], days[convention.end if convention.last_day is None else "liquidation"]
    if first is None or last is None:
        return np.full(count, NO_NUMBER, np.int64)
    table = table_of(convention, ruleset)
    unknown = (first == NO_DAY) | (last == NO_DAY)
    begins, ends = first.astype(np.int64) + convention.start_shift, last.astype(np.int64) + convention.end_shift
    if convention.last_day is not None:
        ends = np.minimum(ends, convention.last_day)
    if convention.days:
        ends = np.where(ends > begins, table.origin + convention.days, table.origin)
        begins = np.full(count, table.origin, np.int64)
    begins[unknown] = ends[unknown] = table.origin
    starts, stops = (readonly(np.clip(day, NO_DAY, 2**31 - 1).astype(np.int32)) for day in (begins, ends))
    kinds = readonly(1 - kind if convention.kind == "other" else kind)
    rounding = convention.method if convention.method.startswith("per_quarter") else "final"
    upper = above_limit(owner, principal_cents, starts, kinds) if convention.cut else None
    found, known = priced(principal_cents, upper, starts, stops, kinds, table, rounding)
    found[unknown | ~known] = NO_NUMBER
    return found


def table_of(convention: Convention, ruleset: Ruleset) -> RateTable:
    """The shared rate table of a convention: its rates, base and way of growing."""
    periods = (large_table(ruleset) if convention.cut else interest_table(ruleset)).periods
    for missed in convention.missed:
        periods = _repeated(periods, day_number(dt.date.fromisoformat(missed)))
    if convention.flat:
        rate = int(Decimal(convention.flat) * SCALE)
        periods = (RatePeriod(periods[0].first, periods[-1].last, (rate,) * len(KINDS)),)
    if convention.method == "edge_lost":
        periods = _without_edges(periods)
    return shared(WAYS[convention.method], periods, convention.base)


def _repeated(periods: tuple[RatePeriod, ...], missed: int) -> tuple[RatePeriod, ...]:
    """The periods with the rates of the one before in the one that begins on a day."""
    return tuple(
        period._replace(rates_e9=periods[place - 1].rates_e9) if period.first == missed and place else period
        for place, period in enumerate(periods)
    )


def _without_edges(periods: tuple[RatePeriod, ...]) -> tuple[RatePeriod, ...]:
    """The periods with no interest on the first day of every calendar quarter."""
    cut: list[RatePeriod] = []
    for period in periods:
        day = period.first
        while day <= period.last:
            date = date_of(day)
            begins, ends = quarter_bounds(date.year, (date.month + 2) // 3)
            if day == begins:
                cut.append(RatePeriod(day, day, (0,) * len(period.rates_e9)))
                day += 1
            if day <= min(ends, period.last):
                cut.append(RatePeriod(day, min(ends, period.last), period.rates_e9))
            day = ends + 1
    return tuple(cut)


def recognise(
    figure_cents: Int64s, found: Mapping[str, Int64s], *, tolerance_cents: int, trusted: Sequence[str] = ()
) -> Recognised:
    """Which convention gives each figure: an equal one first, else the nearest within the tolerance.

    Equal distances go to the convention that stands first. Names of `trusted` count before all others at an equal
    distance; a convention that could not be computed (-1) is never recognised.

    Args:
        figure_cents: int64[n], interest as CBP paid it.
        found: interest by convention, as `interest` gives it.
        tolerance_cents: cents that count as rounding (`reports.rounding_tolerance_cents`).
        trusted: names that are preferred.
    """
    order = sorted(enumerate(found), key=lambda one: one[1] not in trusted)
    place = np.full(len(figure_cents), -1, np.int16)
    nearest = np.full(len(figure_cents), tolerance_cents + 1, np.int64)
    difference = np.zeros(len(figure_cents), np.int64)
    for number, name in order:
        away = figure_cents - found[name]
        nearer = (found[name] != NO_NUMBER) & (np.abs(away) < nearest)
        place[nearer] = number
        nearest[nearer] = np.abs(away[nearer])
        difference[nearer] = away[nearer]
    return Recognised(place, difference)
