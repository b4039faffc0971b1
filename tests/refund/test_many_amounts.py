"""Interest of millions of random amounts, and of every pair of days of two years, against exact computations.

CAPE_TEST_AMOUNTS is the number of random amounts (200,000 unless given); 10,000,000 took three minutes of one core.
"""

from __future__ import annotations

import datetime as dt
import os
from collections.abc import Callable

import numpy as np
import pytest

from cape_engine import rules
from cape_engine.bridge import Int64s
from cape_engine.dates import day_number
from cape_engine.refund.many import priced
from cape_engine.refund.rates import KINDS, interest_table
from reference import interest as twin
from reference import interest_many as many

TABLE = interest_table(rules.load())
RATES = dict(zip(KINDS, (twin.CORPORATE, twin.NONCORPORATE), strict=True))
FIRST, LAST = dt.date(2024, 9, 30), dt.date(2026, 12, 31)
DAYS = many.days_from(FIRST, LAST)
EDGES = [dt.date(year, month, 1) for year in (2024, 2025, 2026) for month in (1, 4, 7, 10)]
NEAR = [day for day in DAYS if any(abs((day - edge).days) <= 4 for edge in EDGES)]
"""The four days before and after every first day of a quarter, and that day."""
PRINCIPAL = 9_999_999_999
"""The largest payment: a cent more or less of growth shows."""


def engine(cents: Int64s, start: Int64s, end: Int64s, kind: Int64s, rounding: str = "final") -> Int64s:
    """Interest by the engine; days are places in `DAYS`."""
    first, last = ((place + day_number(FIRST)).astype(np.int32) for place in (start, end))
    found, known = priced(cents, None, first, last, kind.astype(np.int8), TABLE, rounding)
    assert known.all()
    return found


def random_amounts(count: int, seed: int) -> tuple[Int64s, Int64s, Int64s, Int64s]:
    """Amounts from a cent to $100 M with every size as likely, days of the table's two years and more, both kinds."""
    generator = np.random.default_rng(seed)
    cents = np.minimum(10 ** generator.uniform(0, 10, count), 10**10).astype(np.int64)
    one, other = generator.integers(0, len(DAYS), (2, count))
    return cents, np.minimum(one, other), np.maximum(one, other), generator.integers(0, 2, count)


@pytest.mark.heavy
@pytest.mark.parametrize(
    ("rounding", "twin_of"), [("final", many.interest_of_many), ("per_quarter", many.per_quarter_of_many)]
)
def test_priced__millions_equal_exact_fractions(rounding: str, twin_of: Callable[..., Int64s]) -> None:
    """Every one of the random amounts has the interest of the exact computation, to the cent, in both roundings."""
    count = int(os.environ.get("CAPE_TEST_AMOUNTS", "200000"))
    cents, start, end, kind = random_amounts(count, seed=6)
    found = engine(cents, start, end, kind, rounding)
    for place, name in enumerate(KINDS):
        rows = np.flatnonzero(kind == place)
        # The day before the table is place 0 and bears nothing itself; days are counted from the one after it.
        expected = twin_of(cents[rows], start[rows] - 1, end[rows] - 1, DAYS[1:], RATES[name])
        wrong = np.flatnonzero(found[rows] != expected)
        assert len(wrong) == 0, (cents[rows[wrong[0]]], DAYS[start[rows[wrong[0]]]], DAYS[end[rows[wrong[0]]]])


def all_ends(starts: list[dt.date], kind: int) -> list[tuple[int, int, int]]:
    """(start, end, cents) by the loop of the handbook for every start given and every later day."""
    found = []
    for start in starts:
        place = (start - FIRST).days
        by_end = many.every_end(PRINCIPAL, start, LAST, RATES[KINDS[kind]])
        found += [(place, place + after, cents) for after, cents in enumerate(by_end, start=1)]
    return found


def assert_equal(rows: list[tuple[int, int, int]], kind: int) -> None:
    """The engine gives the same for each row."""
    start, end, expected = (np.array(column, np.int64) for column in zip(*rows, strict=True))
    found = engine(np.full(len(start), PRINCIPAL), start, end, np.full(len(start), kind))
    wrong = np.flatnonzero(found != expected)
    assert len(wrong) == 0, (DAYS[start[wrong[0]]], DAYS[end[wrong[0]]], found[wrong[0]], expected[wrong[0]])


@pytest.mark.parametrize("kind", range(len(KINDS)), ids=KINDS)
def test_priced__every_pair_around_quarter_edges(kind: int) -> None:
    """Each start and end within four days of any quarter's first day equals the day-by-day loop of the handbook."""
    near = {(day - FIRST).days for day in NEAR}
    assert len(near) == 9 * 9 - 3  # nine quarters; nothing before the day before the table
    assert_equal([row for row in all_ends(NEAR, kind) if row[1] in near], kind)


@pytest.mark.heavy
@pytest.mark.parametrize("kind", range(len(KINDS)), ids=KINDS)
def test_priced__every_pair_of_days(kind: int) -> None:
    """Each of the 338,000 pairs of days that the rate table spans equals the day-by-day loop of the handbook."""
    assert_equal(all_ends(DAYS[:-1], kind), kind)
