"""The one door from text to money: every accepted form, every refusal, and the rounding of the law."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from cape_engine.money import (
    MAX_INT64,
    MoneyFault,
    cents_text,
    half_up,
    parse_cents,
    parse_rate,
    parse_scaled,
    rate_text,
)
from reference.money import amount, round_half_up


@pytest.mark.parametrize(
    ("text", "cents"),
    [
        ("$1,234.50", 123450),
        ("1234.5", 123450),
        ("0", 0),
        ("0.00", 0),
        ("  $ 2,567.49\t", 256749),
        ("007", 700),
        ("1,000,000.01", 100000001),
        ("92233720368547758.07", MAX_INT64),
    ],
)
def test_parse_cents__accepted(text: str, cents: int) -> None:
    """Every accepted form becomes exact cents."""
    assert parse_cents(text) == cents


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("", MoneyFault.EMPTY),
        (" \t ", MoneyFault.EMPTY),
        ("$", MoneyFault.EMPTY),
        ("-5.00", MoneyFault.NEGATIVE),
        ("$-5.00", MoneyFault.NEGATIVE),
        ("-$5.00", MoneyFault.NEGATIVE),
        ("(5.00)", MoneyFault.NEGATIVE),
        ("1e3", MoneyFault.NOT_A_NUMBER),
        ("NaN", MoneyFault.NOT_A_NUMBER),
        ("inf", MoneyFault.NOT_A_NUMBER),
        ("12,34.00", MoneyFault.NOT_A_NUMBER),
        ("1,234,56", MoneyFault.NOT_A_NUMBER),
        ("1.2.3", MoneyFault.NOT_A_NUMBER),
        (".50", MoneyFault.NOT_A_NUMBER),
        ("5.", MoneyFault.NOT_A_NUMBER),
        ("5 USD", MoneyFault.NOT_A_NUMBER),
        ("FREE", MoneyFault.NOT_A_NUMBER),
        ("1 000", MoneyFault.NOT_A_NUMBER),
        ("\u0661\u0662", MoneyFault.NOT_A_NUMBER),
        ("$$5", MoneyFault.NOT_A_NUMBER),
        ("+5", MoneyFault.NOT_A_NUMBER),
        ("1.005", MoneyFault.TOO_MANY_DECIMALS),
        ("1.000", MoneyFault.TOO_MANY_DECIMALS),
        ("92233720368547758.08", MoneyFault.OUT_OF_BOUNDS),
        ("9" * 5000, MoneyFault.OUT_OF_BOUNDS),
    ],
)
def test_parse_cents__refused(text: str, fault: MoneyFault) -> None:
    """What is not an amount in an accepted form is refused with its reason, never read as zero."""
    assert parse_cents(text) is fault


def test_parse_cents__free() -> None:
    """FREE counts as zero only where the caller allows it."""
    assert parse_cents(" free ", free=True) == 0
    assert parse_cents("FREE") is MoneyFault.NOT_A_NUMBER
    assert parse_cents("FREELY", free=True) is MoneyFault.NOT_A_NUMBER


def test_parse_cents__bound() -> None:
    """The bound of a column is inclusive."""
    assert parse_cents("99,999,999.99", most=9_999_999_999) == 9_999_999_999
    assert parse_cents("100,000,000.00", most=9_999_999_999) is MoneyFault.OUT_OF_BOUNDS


@given(st.text(alphabet=" \t$,.-(0123456789eF\n\u0665", max_size=14))
@example("0.")
@example("1,234.5")
def test_parse_scaled__equals_twin(text: str) -> None:
    """The door and the character-by-character twin agree on every text."""
    got = parse_scaled(text, 2, most=10**12)
    assert (got.name if isinstance(got, MoneyFault) else got) == amount(text, 2, 10**12)


@given(st.integers(min_value=0, max_value=MAX_INT64))
def test_cents_text__round_trip(cents: int) -> None:
    """Printed cents are read back as the same cents."""
    assert parse_cents(cents_text(cents)) == cents


def test_cents_text__negative() -> None:
    """A difference below zero carries its sign before the dollar."""
    assert cents_text(-123450) == "-$1,234.50"


@given(st.integers(min_value=0, max_value=10**15))
def test_rate_text__round_trip(rate_e9: int) -> None:
    """A rate is printed with no digit lost and none added."""
    text = rate_text(rate_e9)
    assert parse_rate(text) == rate_e9
    assert not (("." in text) and text.endswith("0"))


def test_parse_rate__decimals() -> None:
    """Nine decimals pass, ten are refused."""
    assert parse_rate("0.000622005") == 622005
    assert parse_rate("0.0000000001") is MoneyFault.TOO_MANY_DECIMALS


@pytest.mark.parametrize(
    ("numerator", "denominator", "expected"), [(12354500, 1000, 12355), (6225, 1000, 6), (5, 10, 1), (4, 10, 0)]
)
def test_half_up__cases(numerator: int, denominator: int, expected: int) -> None:
    """One half goes up: never to even, never down."""
    assert half_up(numerator, denominator) == expected


@given(st.integers(0, 10**24), st.integers(1, 10**12))
def test_half_up__equals_twin(numerator: int, denominator: int) -> None:
    """Rounding agrees with exact fractions."""
    assert half_up(numerator, denominator) == round_half_up(Fraction(numerator, denominator))


@pytest.mark.parametrize(("numerator", "denominator"), [(-1, 10), (1, 0), (1, -5)])
def test_half_up__refuses(numerator: int, denominator: int) -> None:
    """A negative amount or a divisor below 1 is a fault of the program."""
    with pytest.raises(ValueError, match="half_up needs"):
        half_up(numerator, denominator)
