"""The rate cut for what a corporation is owed above $10,000 (`refund.large_corporate_cut`, 26 USC 6621(a)(1))."""

from __future__ import annotations

import datetime as dt
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cape_engine import refund, rules
from cape_engine.bridge import Int64s
from cape_engine.dates import day_number
from cape_engine.refund.many import above_limit, priced, priced_in_baskets
from cape_engine.refund.rates import KINDS, RatePeriod, RateTable, large_table
from cape_kernels import interest as kernels
from face import exports
from reference import conventions as twin
from reference.interest import days_in_year, half_up
from refund.test_pricing import entry, price
from road import es003

RULES = rules.load()
TABLE = large_table(RULES)
START, END = dt.date(2025, 3, 14), dt.date(2026, 5, 8)
DAYS = st.dates(dt.date(2024, 9, 30), dt.date(2026, 12, 31))
CENTS = st.one_of(st.integers(0, 3_000_000), st.integers(2**61, 2**62 - 1))


def of(cents: int, start: dt.date = START, end: dt.date = END, kind: str = "corporate") -> twin.Refund:
    """A refund for the twin."""
    return twin.Refund(cents, start, end, kind, start, end)


def in_baskets(lower: int, upper: int, start: dt.date, end: dt.date, kind: str) -> tuple[int, int]:
    """Interest and status of one amount in two baskets."""
    found, status = priced_in_baskets(
        np.array([lower], np.int64),
        np.array([upper], np.int64),
        np.array([day_number(start)], np.int32),
        np.array([day_number(end)], np.int32),
        np.array([KINDS.index(kind)], np.int8),
        TABLE,
    )
    return int(found[0]), int(status[0])


def of_hundred_thousand(table: RateTable) -> tuple[int, bool]:
    """Interest of $100,000 of a corporation by a table, and whether all its days have a rate."""
    start, end = (np.array([day_number(day)], np.int32) for day in (START, END))
    found, known = priced(np.array([10_000_000]), np.array([9_000_000]), start, end, np.zeros(1, np.int8), table)
    return int(found[0]), bool(known[0])


def test_short_term_rates__agree_with_the_overpayment_rates() -> None:
    """F of each quarter is the corporate rate less two points and the other less three; the cut rate is F + 0.5."""
    assert [row.quarter_start for row in RULES.short_term_rates] == [row.quarter_start for row in RULES.interest]
    for short, overpayment in zip(RULES.short_term_rates, RULES.interest, strict=True):
        assert short.quarter_end == overpayment.quarter_end
        assert short.federal_short_term_rate_e9 == overpayment.corporate_rate_e9 - 20_000_000
        assert short.federal_short_term_rate_e9 == overpayment.noncorporate_rate_e9 - 30_000_000
        assert short.large_corporate_rate_e9 == short.federal_short_term_rate_e9 + 5_000_000


@given(CENTS, CENTS, DAYS, DAYS, st.sampled_from(KINDS))
def test_apply_two_growths__equals_fractions(lower: int, upper: int, one: dt.date, other: dt.date, kind: str) -> None:
    """Whatever the two parts up to 2^62 each, their interest is rounded once, to the exact cent."""
    start, end = min(one, other), max(one, other)
    daily = twin.lawful(kind)
    first = twin.growth(start, end, daily)
    second = twin.growth(
        start, end, lambda day: (twin.yearly(day, "corporate") - Fraction(15, 1000)) / days_in_year(day.year)
    )
    exact = sum(Fraction(cents * (a - b), b) for cents, (a, b) in ((lower, first), (upper, second)))
    assert in_baskets(lower, upper, start, end, kind)[0] == half_up(Fraction(exact))


def test_apply_two_growths__next_to_the_half_cent() -> None:
    """One day of 2025 on $10,415 is exactly 169.5 cents: the kernel does not trust itself, fractions round it up."""
    day = dt.date(2025, 7, 1)
    amounts, rest = np.array([1_000_000]), np.array([41_500])
    found, status = np.zeros(1, np.int64), np.ones(1, np.int8)
    start = day_number(day)
    lower, upper = (
        np.array([(kind * TABLE.points + start - TABLE.origin) * TABLE.points + start + 1 - TABLE.origin])
        for kind in (0, 2)
    )
    high, low, place = TABLE.growth_of(np.concatenate([lower, upper]))
    kernels.apply_two_growths(amounts, place[:1], rest, place[1:], high, low, np.uint64(4), found, status)
    assert status.tolist() == [kernels.TOO_CLOSE]
    assert in_baskets(1_000_000, 41_500, day, day + dt.timedelta(days=1), "corporate") == (170, kernels.PRICED)
    assert in_baskets(1_000_000, 41_499, day, day + dt.timedelta(days=1), "corporate") == (169, kernels.PRICED)


def test_price__only_corporations_above_ten_thousand() -> None:
    """At $10,000 nothing changes; above it the excess bears F + 0.5, for a corporation and for nobody else."""
    rows = [entry(), entry(), entry(), entry(importer_kind="noncorporate")]
    amounts = [1_000_000, 1_010_000, 10_000_000, 10_000_000]
    with_cut = price(rows, amounts, large_corporate_cut=True).interest_cents.tolist()
    without = price(rows, amounts).interest_cents.tolist()
    assert with_cut[0] == without[0] == 70359
    assert with_cut[1] == twin.interest("large_cut", of(1_010_000)) == without[1] - 183
    assert with_cut[2] == twin.interest("large_cut", of(10_000_000)) == 538_772
    assert with_cut[3] == without[3] == 827_448


def test_price__first_ten_thousand_are_those_deposited_first() -> None:
    """With several deposits the limit is used up by the earliest, whichever of them a refund consumes first."""
    early, late = dt.date(2025, 3, 14), dt.date(2025, 9, 1)
    deposits = [
        {"entry_number": "ABC12345676", "deposit_date": early, "amount_cents": 800_000},
        {"entry_number": "ABC12345676", "deposit_date": late, "amount_cents": 900_000},
    ]
    lower = of(800_000, early).cents, 200_000
    first = refund.interest(lower[0], early, END, ruleset=RULES)
    daily = twin.lawful("corporate")
    a, b = twin.growth(late, END, daily)
    c, d = twin.growth(
        late, END, lambda day: (twin.yearly(day, "corporate") - Fraction(15, 1000)) / days_in_year(day.year)
    )
    second = half_up(Fraction(lower[1] * (a - b), b) + Fraction(700_000 * (c - d), d))
    for order in ("last_first", "first_first"):
        priced_ = price([entry()], 1_700_000, deposits=deposits, large_corporate_cut=True, deposit_allocation=order)
        assert priced_.interest_cents.tolist() == [first + second]


def test_price__per_quarter_rounds_each_basket() -> None:
    """With `refund.interest_rounding` = per_quarter both baskets are rounded at every quarter."""
    found = price([entry()], large_corporate_cut=True, interest_rounding="per_quarter").interest_cents
    lower = refund.interest(1_000_000, START, END, ruleset=RULES, rounding="per_quarter")
    upper = refund.interest(9_000_000, START, END, "corporate_large", ruleset=RULES, rounding="per_quarter")
    assert found.tolist() == [lower + upper]


@given(st.integers(0, 10**10), DAYS, DAYS, st.sampled_from(KINDS))
def test_interest__cut_equals_the_twin(cents: int, one: dt.date, other: dt.date, kind: str) -> None:
    """The figure of one amount, by exact fractions, equals the day-by-day computation."""
    start, end = min(one, other), max(one, other)
    found = refund.interest(cents, start, end, kind, ruleset=RULES, large_corporate_cut=True)
    assert found == twin.interest("large_cut", of(cents, start, end, kind))


def test_large_table__quarter_without_short_term_rate_has_no_rate() -> None:
    """Where F of a quarter is not known, nothing is guessed: the day has no rate."""
    gap = RateTable(tuple(period for period in TABLE.periods if period.first != day_number(dt.date(2025, 7, 1))))
    assert of_hundred_thousand(gap) == (0, False)


def test_large_table__fast_money_is_computed_from_fractions() -> None:
    """Growth beyond doubling does not fit the kernel: both baskets come from fractions."""
    first = day_number(START)
    table = RateTable((RatePeriod(first, day_number(END), (900_000_000, 900_000_000, 800_000_000)),))
    assert not table.fits
    days = day_number(START), day_number(END)
    exact = 1_000_000 * (table.growth(0, *days) - 1) + 9_000_000 * (table.growth(2, *days) - 1)
    assert of_hundred_thousand(table) == (half_up(exact), True)


@given(
    st.lists(
        st.tuples(st.integers(0, 3), st.integers(1, 2_000_000), st.integers(0, 5), st.sampled_from((0, 1))), max_size=8
    )
)
def test_above_limit__by_hand(rows: list[tuple[int, int, int, int]]) -> None:
    """Slice by slice, oldest first, the limit of an entry is used up; equal days in their order."""
    rows.sort(key=lambda row: row[0])
    kinds = {row[0]: row[3] for row in rows}
    expected = [0] * len(rows)
    room = dict.fromkeys(kinds, 1_000_000)
    for place in sorted(range(len(rows)), key=lambda at: rows[at][2]):
        owner, cents, _, _ = rows[place]
        lower = min(cents, room[owner])
        room[owner] -= lower
        expected[place] = 0 if kinds[owner] else cents - lower
    columns: list[Int64s] = [np.array([row[at] for row in rows], np.int64) for at in range(3)]
    kind = np.array([kinds[row[0]] for row in rows], np.int8)
    found = above_limit(columns[0], columns[1], columns[2].astype(np.int32), kind)
    assert found.tolist() == expected


def test_apply_two_growths__carries_from_the_last_half_to_whole_cents() -> None:
    """One unit of 2^-128 on top of all that is below a cent makes a whole cent: the carry goes through both halves."""
    most = 2**64 - 1
    high, low = np.array([most, 0], np.uint64), np.array([most, 1], np.uint64)
    for array in (high, low):
        array.flags.writeable = False
    one, found, status = np.array([1]), np.zeros(1, np.int64), np.ones(1, np.int8)
    kernels.apply_two_growths(one, np.array([0]), one, np.array([1]), high, low, np.uint64(0), found, status)
    assert (found.tolist(), status.tolist()) == ([1], [kernels.PRICED])
    kernels.apply_two_growths(one, np.array([-1]), one, np.array([-1]), high, low, np.uint64(4), found, status)
    assert (found.tolist(), status.tolist()) == ([0], [kernels.PRICED])


def test_explain__shows_both_baskets(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """`cape explain` of a run with the cut says which part bears F + 0.5, and shows the days of both."""
    rows = [
        {**row, "value_dollars": value, "duty": duty}
        for row, (value, duty) in zip(
            exports.entry("ABC12345676"), (("$0.00", "$20,000.00"), ("$200,000.00", "FREE")), strict=True
        )
    ]
    source = es003.write(rows, tmp_path / "export.csv")
    facts = {"entry_number": "ABC12345676", "deposit_date": dt.date(2025, 9, 22), "importer_kind": "corporate"}
    es003.write_facts([facts], tmp_path / "headers.csv")
    words = ("run", source, "--headers", tmp_path / "headers.csv", "--as-of", "2026-05-04", "--out", tmp_path / "run")
    es003.cape(capsys, *words, "--set", "refund.large_corporate_cut=true", "--quiet")
    told = es003.cape(capsys, "explain", "ABC12345676", "--results", tmp_path / "run", "--json")
    section = next(line for line in told.lines if line["title"] == "Interest")
    assert "$10,000.00 of it at F + 0.5 (26 USC 6621(a)(1), last sentence; a setting)." in section["sentences"][0]
    assert {row[3] for row in section["rows"]} == {"6 %", "5 %", "4.5 %", "3.5 %"}
