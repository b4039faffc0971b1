"""The slow twin of deposits, recipients and consolidation (handbook 7.1 to 7.4), and tables to feed the engine with."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

EPOCH = dt.date(1970, 1, 1)


@dataclass(frozen=True)
class Paid:
    """One refunded entry as the law sees it."""

    recipient: str
    importer: str
    day: dt.date
    principal: int
    interest: int | None


@dataclass
class Cohort:
    """All refunds of one recipient on one day."""

    importers: set[str]
    entries: int
    principal: int
    interest: int | None


def plain(number: str | None) -> str:
    """An importer number without dashes and blanks, upper case."""
    return "" if number is None else "".join(sign for sign in number if not sign.isspace() and sign != "-").upper()


def cohorts(entries: Sequence[Paid]) -> dict[tuple[str, dt.date], Cohort]:
    """One sum for each recipient and day; one unknown interest leaves that of the whole cohort open."""
    found: dict[tuple[str, dt.date], Cohort] = {}
    for entry in entries:
        if entry.principal <= 0:
            continue
        cohort = found.setdefault((plain(entry.recipient), entry.day), Cohort(set(), 0, 0, 0))
        cohort.importers.add(plain(entry.importer))
        cohort.entries += 1
        cohort.principal += entry.principal
        if entry.interest is None or cohort.interest is None:
            cohort.interest = None
        else:
            cohort.interest += entry.interest
    return found


def split(amount: int, cap: int) -> list[int]:
    """The fewest parts, each at most `cap`, full ones first."""
    parts = []
    while amount > 0:
        parts.append(min(amount, cap))
        amount -= parts[-1]
    return parts


def consumed(
    deposits: Sequence[tuple[dt.date, int]], principal: int, prior: int, *, last_first: bool
) -> list[tuple[dt.date, int]]:
    """The parts of the deposits that a refund of `principal` gives back, after an earlier refund of `prior`."""
    by_day: dict[dt.date, int] = {}
    for day, amount in deposits:
        by_day[day] = by_day.get(day, 0) + amount
    found = []
    for day in sorted(by_day, reverse=last_first):
        left = by_day[day]
        earlier = min(left, prior)
        prior -= earlier
        left -= earlier
        now = min(left, principal)
        principal -= now
        if now:
            found.append((day, now))
    return found


def table(schema: pa.Schema, rows: Sequence[Mapping[str, Any]]) -> pa.Table:
    """Rows as a table of `schema`; what a row does not name is unknown."""
    loose = pa.schema([field.with_nullable(True) for field in schema])
    columns = []
    for field in loose:
        values = [row.get(field.name) for row in rows]
        if pa.types.is_dictionary(field.type):
            columns.append(pa.array(values, pa.string()).dictionary_encode().cast(field.type))
        else:
            columns.append(pa.array(values, field.type))
    return pa.table(columns, schema=loose)


def day_numbers(days: Sequence[dt.date | None]) -> npt.NDArray[np.int32]:
    """Days as the engine's arrays hold them."""
    return np.array([-(2**31) if day is None else (day - EPOCH).days for day in days], np.int32)


def plain_sums(
    rows: Sequence[tuple[int, int, int, int, int, bool, bool]], days: int
) -> tuple[dict[tuple[int, int], list[int]], list[tuple[int, int, int, int, int]]]:
    """Entries of importers paid themselves by recipient and day: entries, principal, interest; and all other ones.

    Args:
        rows: (recipient, importer, day, principal, interest, known, paid).
        days: days from this one on are not plain, nor those before 1970.
    """
    found: dict[tuple[int, int], list[int]] = {}
    others = []
    for recipient, importer, day, principal, interest, known, paid in rows:
        if not paid:
            continue
        if known and recipient == importer and 0 <= day < days:
            own = found.setdefault((recipient, day), [0, 0, 0])
            for place, more in enumerate((1, principal, interest)):
                own[place] += more
        else:
            key = day * 2**32 + importer
            others.append((recipient, key, 1 if known else 2**32 + 1, principal, interest if known else 0))
    return found, others
