"""The interest kernels against exact fractions, near rounding edges and at the edges of the table."""

from __future__ import annotations

import datetime as dt
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cape_engine.dates import day_number
from cape_engine.refund.many import priced_amounts
from cape_engine.refund.rates import KINDS, SLACK, RatePeriod, RateTable
from cape_kernels import interest as kernels
from reference import interest as twin

pytestmark = pytest.mark.kernel

TABLE = RateTable(
    tuple(
        RatePeriod(day_number(first), day_number(last), (int(rate * 10**9), int(rate * 10**9) + 10**7))
        for first, last, rate in twin.CORPORATE
    )
)
RATES = dict(zip(KINDS, (twin.CORPORATE, twin.NONCORPORATE), strict=True))
FIRST, LAST = dt.date(2024, 9, 30), dt.date(2026, 12, 31)
PRINCIPALS = st.one_of(st.integers(1, 10**7), st.integers(1, 10**12), st.integers(2**62, 2**63 - 1))
DAYS = st.dates(FIRST, LAST)


def of_one(principal: int, start: dt.date, end: dt.date, kind: str) -> tuple[int, int]:
    """Interest and status of one amount."""
    interest, status = priced_amounts(
        np.array([principal]),
        np.array([day_number(start)], np.int32),
        np.array([day_number(end)], np.int32),
        np.array([KINDS.index(kind)], np.int8),
        TABLE,
    )
    return int(interest[0]), int(status[0])


@given(PRINCIPALS, DAYS, DAYS, st.sampled_from(KINDS))
def test_apply_growth__equals_fractions(principal: int, one: dt.date, other: dt.date, kind: str) -> None:
    """Whatever the amount up to 2^63, days and kind, the kernel gives the exact cent."""
    start, end = min(one, other), max(one, other)
    interest, status = of_one(principal, start, end, kind)
    assert interest == twin.interest(principal, start, end, RATES[kind])
    assert status == (kernels.PRICED if end > start else kernels.NO_INTEREST)


@given(st.integers(1, 10**12), DAYS, DAYS, st.sampled_from(KINDS))
def test_apply_growth__equals_50_digits(principal: int, one: dt.date, other: dt.date, kind: str) -> None:
    """The kernel agrees with the handbook's pseudo-code run with 50-digit decimals."""
    start, end = min(one, other), max(one, other)
    assert of_one(principal, start, end, kind)[0] == twin.interest_50_digits(principal, start, end, RATES[kind])


@pytest.mark.parametrize("times", range(40))
def test_apply_growth__exact_half_cent_goes_up(times: int) -> None:
    """One day at 6 % of 91.25 x an odd number ends in exactly half a cent, which no binary fraction holds."""
    principal = 9125 * (2 * times + 1)
    start, end = dt.date(2025, 5, 5), dt.date(2025, 5, 6)
    exact = Fraction(principal * 6, 36500)
    assert exact - int(exact) == Fraction(1, 2)
    assert of_one(principal, start, end, "corporate")[0] == int(exact) + 1


def test_apply_growth__says_too_close_near_the_half() -> None:
    """An exact half cent lies within the error bound, so the kernel leaves it to the fractions (Ziv's test)."""
    growth = TABLE.growth_e128(0, day_number(dt.date(2025, 5, 5)), day_number(dt.date(2025, 5, 6)))
    interest, status = np.zeros(2, np.int64), np.full(2, kernels.PRICED, np.int8)
    kernels.apply_growth(
        np.array([9125, 9126]),
        np.zeros(2, np.int64),
        np.array([growth >> 64], np.uint64),
        np.array([growth & 2**64 - 1], np.uint64),
        np.uint64(SLACK),
        interest,
        status,
    )
    assert status.tolist() == [kernels.TOO_CLOSE, kernels.PRICED]


@given(st.integers(1, 2**63 - 1), st.integers(0, 2**128 - 1), st.integers(0, 2**63 - 1))
def test_apply_growth__rounds_or_says_too_close(principal: int, growth: int, slack: int) -> None:
    """For any fraction and bound the lower end is rounded right, and TOO_CLOSE said when the ends differ."""
    interest, status = np.zeros(1, np.int64), np.full(1, kernels.PRICED, np.int8)
    kernels.apply_growth(
        np.array([principal]),
        np.zeros(1, np.int64),
        np.array([growth >> 64], np.uint64),
        np.array([growth & 2**64 - 1], np.uint64),
        np.uint64(slack),
        interest,
        status,
    )
    low, high = principal * growth, principal * (growth + slack)
    assert interest[0] == (2 * low + 2**128) >> 129
    fraction = low & (2**128 - 1)
    crosses = fraction < 2**127 <= fraction + (high - low)
    assert (status[0] == kernels.TOO_CLOSE) == crosses


@given(DAYS, DAYS, st.sampled_from(KINDS))
def test_growth_e128__within_its_bound(one: dt.date, other: dt.date, kind: str) -> None:
    """The growth fraction is a lower bound of the true one and misses it by less than the slack."""
    start, end = min(one, other), max(one, other)
    exact = twin.growth(start, end, RATES[kind])
    assert exact is not None
    growth = TABLE.growth_e128(KINDS.index(kind), day_number(start), day_number(end))
    assert 0 <= (exact - 1) * 2**128 - growth < SLACK


def test_find_pairs__statuses() -> None:
    """No principal and no days bear nothing; a day before or after the table has no rate; the rest is priced."""
    days = [(2025, 1, 1), (2025, 1, 1), (2024, 9, 29), (2024, 9, 30), (2026, 1, 1), (2026, 1, 1)]
    ends = [(2025, 2, 1), (2025, 1, 1), (2025, 1, 1), (2025, 1, 1), (2027, 1, 1), (2025, 12, 31)]
    start = np.array([day_number(dt.date(*day)) for day in days], np.int32)
    end = np.array([day_number(dt.date(*day)) for day in ends], np.int32)
    pair, status = np.zeros(6, np.int64), np.zeros(6, np.int8)
    principal = np.array([0, 5, 5, 5, 5, 5])
    kernels.find_pairs(start, end, np.ones(6, np.int8), principal, TABLE.origin, TABLE.gaps, pair, status)
    none, missing, priced = kernels.NO_INTEREST, kernels.RATE_MISSING, kernels.PRICED
    assert status.tolist() == [none, none, missing, priced, missing, none]
    assert 0 <= pair[3] < 2 * TABLE.points**2
    assert pair.tolist() == [-1, -1, -1, pair[3], -1, -1]


def test_find_pairs__gap_inside_the_table() -> None:
    """A period over days between two rows of the table has no rate; one beside them has."""
    table = RateTable((RatePeriod(100, 110, (10**7, 10**7)), RatePeriod(120, 130, (10**7, 10**7))))
    start, end = np.array([100, 100, 119, 110], np.int32), np.array([110, 111, 130, 121], np.int32)
    _, status = priced_amounts(np.full(4, 10**6), start, end, np.zeros(4, np.int8), table)
    missing, priced = kernels.RATE_MISSING, kernels.PRICED
    assert status.tolist() == [priced, missing, priced, missing]


@given(st.integers(0, 10**15), st.integers(0, 10**9))
def test_apply_factors__half_up(principal: int, factor_e9: int) -> None:
    """A published factor is applied exactly and rounded half up."""
    interest = np.zeros(1, np.int64)
    kernels.apply_factors(np.array([principal]), np.zeros(1, np.int64), np.array([factor_e9]), interest)
    assert interest[0] == twin.half_up(Fraction(principal * factor_e9, 10**9))
