"""The outlook kernels against plain Python: every acceptance day by itself, interest from exact fractions."""

from __future__ import annotations

import datetime as dt
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cape_engine import rules
from cape_engine.bridge import NO_DAY
from cape_engine.dates import day_number
from cape_engine.refund import outlook as o
from cape_engine.refund.amounts import exact_interest
from cape_engine.refund.deposits import Slices
from cape_engine.refund.rates import KINDS, RatePeriod, RateTable
from cape_engine.settings import Settings
from reference import interest as twin

pytestmark = pytest.mark.kernel

RULESET = rules.load()
FIRST = day_number(dt.date(2026, 11, 2))
DAYS = 7
RATES = (twin.CORPORATE, twin.NONCORPORATE)
NOTHING = np.zeros(0, np.bool_)

# Behind the last rate (2026-12-31), before the first (2024-10-01) and on both sides of quarter and year.
liquidations = st.one_of(st.none(), st.dates(dt.date(2026, 11, 3), dt.date(2027, 1, 3)))
deposits = st.dates(dt.date(2024, 9, 29), dt.date(2026, 11, 6))
slices = st.tuples(st.one_of(st.integers(1, 10**6), st.integers(1, 10**12)), deposits)
plans = st.lists(st.tuples(st.booleans(), liquidations), min_size=DAYS, max_size=DAYS)
entries = st.fixed_dictionaries(
    {
        "plan": st.integers(0, 2),
        "group": st.integers(0, 1),
        "kind": st.integers(0, 1),
        "slices": st.lists(slices, max_size=3),
        "held_back": st.integers(0, 5) | st.just(10**12),
    }
)


def expected(plans: list[Any], entries: list[dict[str, Any]]) -> list[list[list[int]]]:
    """Sums by group, field and day, one entry and one day at a time."""
    sums = [[[0] * DAYS for _ in range(o.FIELDS)] for _ in range(2)]
    for entry in entries:
        principal = sum(cents for cents, _ in entry["slices"]) + 7
        owed = max(principal - entry["held_back"], 0)
        for day, (accepted, liquidated) in enumerate(plans[entry["plan"]]):
            mine = sums[entry["group"]]
            if accepted:
                mine[o.ENTRIES][day] += 1
                mine[o.PRINCIPAL][day] += principal
            if liquidated is None or not owed:
                continue
            mine[o.PAID_ENTRIES][day] += 1
            mine[o.PAID_PRINCIPAL][day] += owed
            earned = [
                0 if start >= liquidated else twin.interest(cents, start, liquidated, RATES[entry["kind"]])
                for cents, start in entry["slices"]
            ]
            if None in earned:
                mine[o.UNKNOWN][day] += 1
            else:
                mine[o.INTEREST][day] += sum(cents or 0 for cents in earned)
    return sums


def arrays(plans: list[Any], entries: list[dict[str, Any]]) -> tuple[o.Stretches, o.Claimed]:
    """The same for the engine."""
    accepted = np.array([[one for one, _ in plan] for plan in plans], np.bool_)
    day = np.array([[NO_DAY if d is None else day_number(d) for _, d in plan] for plan in plans], np.int32)
    principal = np.array([sum(cents for cents, _ in entry["slices"]) + 7 for entry in entries], np.int64)
    owed = np.maximum(principal - np.array([entry["held_back"] for entry in entries], np.int64), 0)
    parts = [(place, cents, day_number(d)) for place, entry in enumerate(entries) for cents, d in entry["slices"]]
    column = [np.array([part[at] for part in parts], kind) for at, kind in enumerate((np.int64, np.int64, np.int32))]
    claimed = o.Claimed(
        np.array([entry["plan"] for entry in entries], np.int32),
        np.array([entry["group"] for entry in entries], np.int32),
        np.array([entry["kind"] for entry in entries], np.int8),
        principal,
        owed,
        Slices(column[0], column[1], column[2].astype(np.int32), False, NOTHING, NOTHING, NOTHING, NOTHING),
    )
    return o.Stretches.of(accepted, day), claimed


@given(plans=st.lists(plans, min_size=3, max_size=3), entries=st.lists(entries, min_size=1, max_size=6))
def test_sum_outlook__equals_every_day_by_itself(plans: list[Any], entries: list[dict[str, Any]]) -> None:
    """Whatever the plans, deposits and amounts, sums of all days equal those of plain Python, in both ways."""
    stretches, claimed = arrays(plans, entries)
    outlook = o.Outlook(stretches, ruleset=RULESET, settings=Settings.build())
    assert outlook.sums(claimed, groups=2).tolist() == expected(plans, entries)
    slowly = np.zeros((2 * o.FIELDS, DAYS + 1), np.int64)
    outlook._by_slices(claimed, slowly)
    assert np.cumsum(slowly, axis=1)[:, :-1].reshape(2, o.FIELDS, DAYS).tolist() == expected(plans, entries)


def test_sum_outlook__next_to_a_half_cent(monkeypatch: pytest.MonkeyPatch) -> None:
    """Amounts whose interest is exactly a half cent are beyond the error bound, and come from fractions."""
    # 36.5 % a year is exactly a thousandth a day: 500 cents earn half a cent in a day, which counts as one.
    daily = Fraction(1, 1000)
    table = RateTable((RatePeriod(FIRST, FIRST + 40, (365 * 10**6,) * len(KINDS)),))
    accepted = np.ones((1, 3), np.bool_)
    day = np.array([[FIRST + 1, FIRST + 1, FIRST + 2]], np.int32)
    outlook = o.Outlook(o.Stretches.of(accepted, day), ruleset=RULESET, settings=Settings.build())
    outlook._rates, outlook._table = table, o._Table(table, np.array([FIRST + 1, FIRST + 2], np.int32))
    exact: list[int] = []

    def noted(cents: int, *given: Any) -> int:
        exact.append(cents)
        return exact_interest(cents, *given)

    monkeypatch.setattr(o, "exact_interest", noted)
    for cents in (499, 500, 501, 1500, 10**12 + 500, 500 * (10**15 + 2) + 500):
        count = np.array([cents], np.int64)
        for repeats in (1, 2):  # one slice, and two of which none may be lost
            parts = Slices(
                np.zeros(repeats, np.int64),
                np.repeat(count, repeats),
                np.full(repeats, FIRST, np.int32),
                repeats == 1,
                *[NOTHING] * 4,
            )
            first = np.zeros(1, np.int32)
            claimed = o.Claimed(first, first, first.astype(np.int8), count, count, parts)
            found = outlook.sums(claimed)[0, o.INTEREST].tolist()
            growth = [daily, daily, (1 + daily) ** 2 - 1]
            assert found == [repeats * (int(2 * cents * one + 1) // 2) for one in growth]
    assert {500, 1500, 10**12 + 500} <= set(exact)
    assert 501 not in exact


def test_sum_outlook__goes_on_when_the_list_is_full(monkeypatch: pytest.MonkeyPatch) -> None:
    """With room for one entry at a time the kernel returns early, and nothing is counted twice or lost."""
    plan = [(True, dt.date(2026, 11, 3 + day)) for day in range(DAYS)]
    many = [
        {"plan": 0, "group": 0, "kind": 0, "slices": [(10**9 + n, dt.date(2025, 5, 1))] * 2, "held_back": 0}
        for n in range(9)
    ]
    stretches, claimed = arrays([plan, plan, plan], many)
    whole = o.Outlook(stretches, ruleset=RULESET, settings=Settings.build()).sums(claimed)
    monkeypatch.setattr(o, "_ROOM", 1)
    assert (o.Outlook(stretches, ruleset=RULESET, settings=Settings.build()).sums(claimed) == whole).all()
    assert whole[0].tolist() == expected([plan, plan, plan], many)[0]


@given(
    plans=st.lists(plans, min_size=3, max_size=3),
    pairs=st.lists(st.tuples(st.integers(0, 4), st.integers(0, 2)), max_size=12),
)
def test_count_refunds__equals_sets(plans: list[Any], pairs: list[tuple[int, int]]) -> None:
    """On each day there are as many refunds as distinct recipients and liquidation days."""
    stretches, _ = arrays(plans, [])
    found = o.refunds_by_day(
        np.array([who for who, _ in pairs], np.int32), np.array([plan for _, plan in pairs], np.int32), stretches
    )
    assert found.tolist() == [
        len({(who, plans[plan][day][1]) for who, plan in pairs if plans[plan][day][1] is not None})
        for day in range(DAYS)
    ]
