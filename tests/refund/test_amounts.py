"""Interest of one amount: the golden cases, the quarter edges, the properties of invariant 12, and its explanation."""

from __future__ import annotations

import datetime as dt
import tomllib
from collections.abc import Callable, Sequence
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cape_engine import refund, rules
from cape_engine.dates import day_number
from cape_engine.errors import UsageError
from cape_engine.refund.amounts import Rates
from cape_engine.refund.rates import KINDS, Segment, exact_growth, interest_table
from reference import interest as twin

CASES = sorted((Path(__file__).parents[1] / "cases" / "interest").glob("*.toml"))
RULES = rules.load()
TABLE = interest_table(RULES)
RATES = dict(zip(KINDS, (twin.CORPORATE, twin.NONCORPORATE), strict=True))
DAYS = st.dates(dt.date(2024, 9, 30), dt.date(2026, 12, 31))
ONE = dt.timedelta(days=1)
EDGES = [dt.date(year, month, 1) for year in (2025, 2026) for month in (1, 4, 7, 10)]


def cents(dollars: str) -> int:
    """Dollars as text in cents."""
    return int(Decimal(dollars) * 100)


def own_rates(case: dict[str, Any]) -> Rates:
    """The rates that a case brings along."""
    return [(row["from"], row["to"], int(Decimal(row["rate"]) * 10**9)) for row in case.get("rates", [])]


@pytest.mark.parametrize("path", CASES, ids=lambda path: path.stem)
def test_interest__golden_case(path: Path) -> None:
    """Every golden case gives its figure in both roundings, with its own rates and with the project's."""
    case = tomllib.loads(path.read_text(encoding="utf-8"))
    principal, start, end = cents(case["principal"]), case["start_date"], case["end_date"]
    expected = cents(case["interest"])
    if rates := own_rates(case):
        assert refund.interest(principal, start, end, rates=rates) == expected
        if "per_quarter" in case:
            by_quarter = refund.interest(principal, start, end, rates=rates, rounding="per_quarter")
            assert by_quarter == cents(case["per_quarter"])
    if case["kind"]:
        assert refund.interest(principal, start, end, case["kind"], ruleset=RULES) == expected
    if "must_not_return" in case:
        assert expected != cents(case["must_not_return"])


def test_interest__cases_are_there() -> None:
    """No golden case got lost."""
    assert len(CASES) == 16


@pytest.mark.parametrize("edge", EDGES, ids=str)
@pytest.mark.parametrize("kind", KINDS)
def test_interest__first_day_of_a_quarter_bears_the_new_rate(edge: dt.date, kind: str) -> None:
    """The day before a quarter bears the old rate, its first day the new one, and a period over the edge both."""
    principal = 10**11
    for start, end in ((edge - 2 * ONE, edge - ONE), (edge - ONE, edge), (edge - 2 * ONE, edge), (edge, edge + ONE)):
        expected = twin.interest(principal, start, end, RATES[kind])
        assert refund.interest(principal, start, end, kind, ruleset=RULES) == expected
    old, new = (twin.rate_on(day, RATES[kind]) for day in (edge - ONE, edge))
    before = refund.interest(principal, edge - 2 * ONE, edge - ONE, kind, ruleset=RULES)
    after = refund.interest(principal, edge - ONE, edge, kind, ruleset=RULES)
    assert (before != after) == (old != new)


@pytest.mark.parametrize("rate", ["0.06", "0.07"])
def test_interest__is_not_flat(rate: str) -> None:
    """A flat 6 % or 7 %, simple or for 180 days, is a known wrong answer (handbook 8.1, fault 8)."""
    start, end, principal = dt.date(2025, 3, 14), dt.date(2026, 5, 8), 10**7
    right = refund.interest(principal, start, end, ruleset=RULES)
    for days in ((end - start).days, 180):
        assert right != int(principal * Decimal(rate) * days / 365)


@pytest.mark.parametrize("rounding", ["final", "per_quarter"])
@given(st.integers(0, 10**12), DAYS, DAYS, st.sampled_from(KINDS))
def test_interest__equals_the_twin(rounding: str, principal: int, one: dt.date, other: dt.date, kind: str) -> None:
    """Both roundings equal the day-by-day computation."""
    start, end = min(one, other), max(one, other)
    expected = twin.TWINS[rounding](principal, start, end, RATES[kind])
    assert refund.interest(principal, start, end, kind, ruleset=RULES, rounding=rounding) == expected


Growth = Callable[[Sequence[Segment]], Fraction]


def chains(growth: Growth, kind: int, days: Sequence[dt.date]) -> bool:
    """Whether the growth of [a, c] is that of [a, b] times that of [b, c]."""
    a, b, c = sorted(map(day_number, days))
    first, second = (growth(TABLE.segments(kind, *period)) for period in ((a, b), (b, c)))
    return growth(TABLE.segments(kind, a, c)) == first * second


@given(DAYS, DAYS, DAYS, st.sampled_from(range(len(KINDS))))
def test_exact_growth__chains(one: dt.date, two: dt.date, three: dt.date, kind: int) -> None:
    """Unrounded, interest over [a, c] is that over [a, b] carried on over [b, c] (invariant 12)."""
    assert chains(exact_growth, kind, (one, two, three))


def test_exact_growth__chain_check_can_fail() -> None:
    """Simple interest, and a growth that counts its start day, break the chain, and the check says so."""
    days = (dt.date(2025, 3, 14), dt.date(2025, 9, 1), dt.date(2026, 5, 8))

    def simple(segments: Sequence[Segment]) -> Fraction:
        return sum((Fraction((one.rate_e9 or 0) * one.days, 10**9 * one.base) for one in segments), Fraction(1))

    def start_counted(segments: Sequence[Segment]) -> Fraction:
        return exact_growth([segments[0]._replace(first=segments[0].first - 1), *segments[1:]])

    assert not chains(simple, 0, days)
    assert not chains(start_counted, 0, days)


@given(st.integers(0, 10**12), st.integers(0, 10**6), DAYS, DAYS, DAYS)
def test_interest__grows(principal: int, more: int, one: dt.date, two: dt.date, three: dt.date) -> None:
    """Interest is never negative, zero for no days, and grows with principal and days (invariant 12)."""
    a, b, c = sorted((one, two, three))
    here = refund.interest(principal, a, b, ruleset=RULES)
    assert refund.interest(principal, a, a, ruleset=RULES) == 0
    assert 0 <= here <= refund.interest(principal, a, c, ruleset=RULES)
    assert here <= refund.interest(principal + more, a, b, ruleset=RULES)


@pytest.mark.parametrize(
    ("start", "end"), [(dt.date(2024, 9, 29), dt.date(2025, 1, 1)), (dt.date(2026, 1, 1), dt.date(2027, 1, 1))]
)
def test_interest__missing_quarter_is_refused(start: dt.date, end: dt.date) -> None:
    """A day before or after the table has no rate, and the last rate is never repeated."""
    with pytest.raises(refund.MissingRateError, match="no interest rate is known for"):
        refund.interest(100, start, end, ruleset=RULES)
    segments = refund.explain_interest(100, start, end, ruleset=RULES)
    assert any(segment.rate_e9 is None and segment.balance_cents is None for segment in segments)


def test_interest__wrong_words_are_refused() -> None:
    """A negative principal, an unknown kind or rounding, and no rates at all are mistakes of the caller."""
    day = dt.date(2025, 1, 1)
    with pytest.raises(UsageError, match="runs on a refund, not on -1 cents"):
        refund.interest(-1, day, day, ruleset=RULES)
    with pytest.raises(UsageError, match="noncorporate, not 'firm'"):
        refund.interest(1, day, day, "firm", ruleset=RULES)
    with pytest.raises(UsageError, match="final or per_quarter, not 'daily'"):
        refund.interest(1, day, day, ruleset=RULES, rounding="daily")
    with pytest.raises(UsageError, match="needs a ruleset or rates"):
        refund.interest(1, day, day)


@given(st.integers(0, 10**10), DAYS, DAYS)
def test_explain_interest__adds_up(principal: int, one: dt.date, other: dt.date) -> None:
    """The segments follow each other without gap, share one rate and base each, and end at the interest paid."""
    start, end = min(one, other), max(one, other)
    segments = refund.explain_interest(principal, start, end, ruleset=RULES)
    day, balance = start, Fraction(principal)
    for segment in segments:
        assert segment.first == day + ONE
        assert segment.days == (segment.last - segment.first).days + 1
        for inside in (segment.first, segment.last):
            rate = twin.rate_on(inside, twin.CORPORATE)
            assert rate is not None
            assert segment.rate_e9 == rate * 10**9
            assert segment.base == twin.days_in_year(inside.year)
        day = segment.last
        assert segment.balance_cents is not None
        assert segment.balance_cents >= balance
        balance = segment.balance_cents
    assert day == end
    assert twin.half_up(balance - principal) == refund.interest(principal, start, end, ruleset=RULES)
