"""Interest by every named convention: each equals its day-by-day twin, and a figure of CBP's is recognised."""

from __future__ import annotations

import datetime as dt
import tomllib
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cape_engine import rules
from cape_engine.bridge import NO_DAY, Int64s
from cape_engine.dates import day_number
from cape_engine.errors import RuleFileError, UsageError
from cape_engine.refund import conventions, rates
from cape_engine.refund.growth import FirstRateTable, LastRateTable, LeapKeptTable, RestartTable, SimpleTable
from cape_engine.refund.rates import KINDS, SLACK, RatePeriod, RateTable, half_up, interest_table
from reference import conventions as twin

RULES = rules.load()
TABLE = interest_table(RULES)
DAYS = st.dates(dt.date(2024, 9, 20), dt.date(2027, 1, 10))
REFUNDS = st.lists(
    st.builds(twin.Refund, st.integers(0, 10**12), DAYS, DAYS, st.sampled_from(KINDS), DAYS, DAYS),
    min_size=1,
    max_size=3,
)
D01 = twin.Refund(
    10_000_000, dt.date(2025, 3, 14), dt.date(2026, 5, 8), "corporate", dt.date(2025, 3, 4), dt.date(2026, 6, 1)
)


def computed(refunds: list[twin.Refund], *names: str) -> dict[str, Int64s]:
    """The conventions of refunds by the engine."""
    deposited, liquidated, entered, paid = (
        np.array([day_number(day) for day in days], np.int32)
        for days in zip(*((one.deposited, one.liquidated, one.entered, one.paid) for one in refunds), strict=True)
    )
    return conventions.interest(
        np.array([one.cents for one in refunds], np.int64),
        deposited,
        liquidated,
        np.array([KINDS.index(one.kind) for one in refunds], np.int8),
        ruleset=RULES,
        names=names or None,
        entry_day=entered,
        payment_day=paid,
    )


def test_catalogue__every_convention_has_a_twin() -> None:
    """Each named convention is computed a second time here, in the same order, and says what, whence and how sure."""
    assert list(conventions.catalogue()) == list(twin.TWINS)
    assert next(iter(conventions.catalogue())) == "exact"
    for convention in conventions.catalogue().values():
        assert convention.words
        assert convention.source
        assert convention.confidence


@pytest.mark.parametrize("name", list(twin.TWINS))
@given(REFUNDS)
def test_interest__equals_the_twin(name: str, refunds: list[twin.Refund]) -> None:
    """Any amounts, days and kinds give the figure of the day-by-day computation, to the cent."""
    expected = [twin.interest(name, one) for one in refunds]
    assert computed(refunds, name)[name].tolist() == expected


def test_interest__unknown_days_leave_it_open() -> None:
    """A convention whose days are not given, or missing for one refund, is -1 and no guess."""
    start, end = (np.array([day_number(day)] * 2, np.int32) for day in (D01.deposited, D01.liquidated))
    amounts, kind = np.array([D01.cents] * 2, np.int64), np.zeros(2, np.int8)
    entered = np.array([NO_DAY, day_number(D01.entered)], np.int32)
    found = conventions.interest(amounts, start, end, kind, ruleset=RULES, entry_day=entered)
    assert found["exact"].tolist() == [703594] * 2
    assert found["from_entry_date"].tolist() == [-1, twin.interest("from_entry_date", D01)]
    assert found["to_payment_date"].tolist() == [-1, -1]


def test_interest__wrong_words_are_refused() -> None:
    """An unknown name and a negative principal are mistakes of the caller."""
    with pytest.raises(UsageError, match="no interest convention 'monthly'; known: exact, other_kind"):
        computed([D01], "monthly")
    with pytest.raises(UsageError, match="not on -1 cents"):
        computed([D01._replace(cents=-1)])


def test_checked__words_of_the_file_are_known() -> None:
    """An unknown key or word in the file of conventions stops the program with its place."""
    needed = {"words": "w", "cause": "MATCH", "source": "s", "confidence": "c"}
    with pytest.raises(RuleFileError, match=r"\[odd\] has unknown keys \['colour'\]"):
        conventions._checked("odd", {**needed, "colour": "red"})
    with pytest.raises(RuleFileError, match=r"\[odd\] takes own \| other, not 'nobody'"):
        conventions._checked("odd", {**needed, "kind": "nobody"})


def test_recognise__each_convention_is_found() -> None:
    """A figure made by any convention is recognised as one that gives exactly that figure."""
    found = computed([D01])
    for name, figure in found.items():
        told = conventions.recognise(figure, found, tolerance_cents=10)
        first = next(other for other in found if found[other] == figure)
        assert list(found)[int(told.place[0])] == first, name
        assert told.difference_cents.tolist() == [0]


def test_recognise__nearest_within_the_tolerance() -> None:
    """An equal figure counts before a near one, a nearer one before a farther one, and none outside the tolerance."""
    found = {"a": np.array([100, 100, 100, 100]), "b": np.array([108, 108, 108, -1]), "c": np.array([108] * 4)}
    told = conventions.recognise(np.array([108, 103, 119, -1]), found, tolerance_cents=10)
    assert told.place.tolist() == [1, 0, -1, -1]
    assert told.difference_cents.tolist() == [0, 3, 0, 0]
    preferred = conventions.recognise(np.array([108] * 4), found, tolerance_cents=10, trusted=["c"])
    assert preferred.place.tolist() == [2, 2, 2, 2]


def golden(name: str) -> tuple[int, int, int, tuple[RatePeriod, ...], dict[str, Any]]:
    """Principal, first and last day, rates and the whole of a golden case with rates of its own."""
    case = tomllib.loads((Path(__file__).parents[1] / "cases" / "interest" / f"{name}.toml").read_text("utf-8"))
    periods = tuple(
        RatePeriod(day_number(row["from"]), day_number(row["to"]), (int(Decimal(row["rate"]) * 10**9),) * 2)
        for row in case["rates"]
    )
    days = day_number(case["start_date"]), day_number(case["end_date"])
    return int(Decimal(case["principal"]) * 100), *days, periods, case


def test_leap_kept__gives_the_published_wrong_figure() -> None:
    """366 carried into 2017 gives exactly the wrong 1,174.79 of golden case G06; the law's own way does not."""
    cents, start, end, periods, case = golden("G06")
    wrong = LeapKeptTable(periods)
    assert half_up(cents * (wrong.growth(0, start, end) - 1)) == int(Decimal(case["must_not_return"]) * 100) == 117479
    low = wrong.growth_e128(0, start, end)
    assert 0 <= wrong.growth(0, start, end) - 1 - Fraction(low, 1 << 128) < Fraction(SLACK, 1 << 128)
    assert half_up(cents * (RateTable(periods).growth(0, start, end) - 1)) == 117572


def test_start_in_end_out__gives_the_published_wrong_figure() -> None:
    """G03 with the start day counted and the end day not is 72.21, as the case says, instead of 72.61."""
    cents, start, end, periods, _ = golden("G03")
    how = conventions.catalogue()["start_in_end_out"]
    earlier = (RatePeriod(periods[0].first - 1, periods[0].last, (70_000_000, 0)),)
    quarters = RateTable((earlier[0]._replace(last=periods[0].first - 1), *periods))
    shifted = half_up(cents * (quarters.growth(0, start + how.start_shift, end + how.end_shift) - 1))
    assert (shifted, half_up(cents * (quarters.growth(0, start, end) - 1))) == (7221, 7261)


@pytest.mark.parametrize("way", [SimpleTable, RestartTable, FirstRateTable, LastRateTable, LeapKeptTable, RateTable])
@pytest.mark.parametrize("base", [0, 360, 366])
@settings(max_examples=25)
@given(DAYS, DAYS, st.integers(0, 1))
def test_growth_e128__lower_bound_within_the_slack(
    way: type[RateTable], base: int, one: dt.date, other: dt.date, kind: int
) -> None:
    """In every way of growing the 2^-128 fraction lies below the exact growth by less than the kernel allows for."""
    table = way(TABLE.periods, base)
    first, last = sorted(min(max(day_number(day), TABLE.origin), TABLE.last) for day in (one, other))
    missing = table.growth(kind, first, last) - 1 - Fraction(table.growth_e128(kind, first, last), 1 << 128)
    assert 0 <= missing < Fraction(SLACK, 1 << 128)


@pytest.mark.parametrize("way", [SimpleTable, RestartTable, FirstRateTable, LastRateTable, LeapKeptTable, RateTable])
@pytest.mark.parametrize("base", [0, 360, 366])
@settings(max_examples=15)
@given(st.lists(st.tuples(DAYS, DAYS, st.integers(0, 1)), min_size=1, max_size=8))
def test_growth_of__many_at_once(way: type[RateTable], base: int, asked: list[tuple[dt.date, dt.date, int]]) -> None:
    """The kernel's growth of many pairs of days lies below the exact one by less than the slack, kept or computed."""
    table = way(TABLE.periods, base)
    wanted = []
    for one, other, kind in asked:
        first, last = sorted(min(max(day_number(day), TABLE.origin), TABLE.last) for day in (one, other))
        wanted.append((kind, first, last))
    kinds, firsts, lasts = (np.array(values) for values in zip(*wanted, strict=True))
    places = (kinds * table.points + firsts - table.origin) * table.points + lasts - table.origin
    for repeated in (1, rates._FEW + 1):
        high, low, where = table.growth_of(np.append(np.tile(places, repeated)[: max(repeated, len(places))], -1))
        assert where[-1] == -1
        for place, (kind, first, last) in zip(where.tolist(), wanted, strict=False):
            given_low = (int(high[place]) << 64) + int(low[place])
            missing = table.growth(kind, first, last) - 1 - Fraction(given_low, 1 << 128)
            assert 0 <= missing < Fraction(SLACK, 1 << 128)


@pytest.mark.parametrize("cut", [False, True])
def test_factors_of__many_at_once(cut: bool) -> None:
    """Nine-decimal factors of many pairs of days are those that fractions give, one by one."""
    table = TABLE if not cut else LeapKeptTable(TABLE.periods, 0)
    random = np.random.default_rng(5)
    start = random.integers(0, table.points - 95, 200)
    end = start + random.integers(0, 95, 200)
    kind = random.integers(0, 2, 200)
    places = (kind * table.points + start) * table.points + end
    factors = table.factors_of(places)
    for place, *one in zip(places.tolist(), kind.tolist(), start.tolist(), end.tolist(), strict=True):
        days = one[1] + table.origin, one[2] + table.origin
        assert factors[place] == half_up(10**9 * (table.growth(one[0], *days) - 1))


def test_growth__never_meets_a_rate_that_does_not_fit() -> None:
    """One high quarter held to the end may double money: such a table says that the kernel must not be used."""
    first = day_number(dt.date(2025, 1, 1))
    periods = (RatePeriod(first, first + 9, (900_000_000,) * 2), RatePeriod(first + 10, first + 400, (10_000_000,) * 2))
    assert RateTable(periods).fits
    assert not FirstRateTable(periods).fits


def test_leap_kept__says_that_the_shorter_base_may_not_fit() -> None:
    """Growth that doubles only where 365 days hold for a leap year too is not left to the kernel."""
    first = day_number(dt.date(2023, 12, 31))
    rate = 691_000_000
    table = LeapKeptTable((RatePeriod(first, first + 366, (rate,) * 2),))
    assert RateTable(table.periods).fits
    assert table.growth(0, first - 1, first + 366) >= 2
    assert not table.fits


def test_catalogue__each_stands_on_the_page() -> None:
    """The page about interest explains every convention in the words of the file."""
    page = Path(__file__).parents[2] / "docs" / "interest.md"
    if not page.is_file():
        pytest.skip("the documentation is not here")
    text = page.read_text(encoding="utf-8")
    for name, how in conventions.catalogue().items():
        assert f"| `{name}` |" in text
        assert f"| {how.cause} | {how.words} |" in text
