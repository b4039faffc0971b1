"""The duty kernels against fractions: every computation code, units, whole units, half up, large amounts."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cape_kernels import status as s
from cape_kernels import tables as k
from cape_kernels.duty import CODE_TOPUP, percent_cents, row_duty
from cape_kernels.units import Measures, whole_units
from reference.duty import Formula, Goods, Measure, duty_cents, half_up

UNITS = ["KG", "NO", "L"]
CODES = "0123456790ABDEFJK"
E9 = 10**9

rates_e9 = st.one_of(st.integers(0, 2 * E9), st.integers(0, 10**13), st.sampled_from([0, 1, E9, E9 + 1, 150_000_000]))
values = st.one_of(st.none(), st.integers(0, 2_000_000), st.integers(0, 9_999_999_999))
amounts = st.one_of(
    st.none(), st.integers(0, 10**6), st.integers(0, 999_999_999_999), st.sampled_from([0, 49, 50, 9_999])
)
units = st.one_of(st.none(), st.sampled_from(UNITS))
rate_units = st.sampled_from(["", *UNITS])


def fixed(array: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """The array as kernels take it."""
    array.flags.writeable = False
    return array


def rate_record(
    code: str, p: tuple[int, int, int], unit: tuple[str, str], whole: tuple[bool, bool]
) -> np.ndarray[Any, Any]:
    """One rate row."""
    places = [UNITS.index(word) if word else -1 for word in unit]
    row = (k.USE_GENERAL, 0, ord(code), *whole, False, *places, 0, 0, *p, 0)
    return fixed(np.array([row], k.RATE))


def quantities(measures: list[tuple[int | None, str | None]]) -> Measures:
    """Quantities of one number."""
    amounts_ = [np.int64(-1 if amount is None else amount) for amount, _ in measures]
    places = [np.int64(-2 if unit is None else UNITS.index(unit)) for _, unit in measures]
    return Measures._make([*amounts_, *places])


def kernel_cents(rate: np.ndarray[Any, Any], goods: Measures, value: int | None) -> tuple[int | None, int]:
    """(cents or None, status) of the kernel."""
    cents, floor, status = row_duty(rate, np.int64(0), goods, np.int64(-1 if value is None else value))
    if status == s.OK:
        assert floor in {cents, cents - 1}
    return (int(cents) if status == s.OK else None), int(status)


@pytest.mark.parametrize("code", sorted(set(CODES)))
@given(
    p=st.tuples(rates_e9, rates_e9, rates_e9),
    value=values,
    measures=st.lists(st.tuples(amounts, units), min_size=3, max_size=3),
    unit=st.tuples(rate_units, rate_units),
    whole=st.tuples(st.booleans(), st.booleans()),
)
def test_row_duty__equals_fractions(
    code: str,
    p: tuple[int, int, int],
    value: int | None,
    measures: list[tuple[int | None, str | None]],
    unit: tuple[str, str],
    whole: tuple[bool, bool],
) -> None:
    """Each code gives exactly the cents of Appendix F in fractions, or no answer where there is none."""
    formula = Formula(code, Fraction(p[0], E9), Fraction(p[1], E9), Fraction(p[2], E9), *unit, *whole)
    first, second, third = (
        Measure(None if amount is None else Fraction(amount, 100), word) for amount, word in measures
    )
    goods = Goods(None if value is None else Fraction(value), (first, second, third))
    expected = duty_cents(formula, goods)
    cents, status = kernel_cents(rate_record(code, p, unit, whole), quantities(measures), value)
    if status == s.TOO_LARGE:
        # A factor too wide for 64 bits is refused before the product is known; it is refused only where it is huge.
        assert expected is None or max(p) * max(amount or 0 for amount, _ in measures) > 2**61
    else:
        assert cents == expected


@pytest.mark.parametrize("code", ["9", "C", "X"])
def test_row_duty__no_formula(code: str) -> None:
    """Derived, filer's choice and X have no formula (Appendix F)."""
    cents, status = kernel_cents(
        rate_record(code, (1, 1, 1), ("", ""), (False, False)), quantities([(100, "KG")] * 3), 100
    )
    assert (cents, status) == (None, s.NO_FORMULA)


@pytest.mark.parametrize(
    ("value", "rate_e9", "cents"),
    [
        (83, 75_000_000, 623),  # RF-05: 6.225 -> 6.23
        (1, 5_000_000, 1),  # 0.005 -> 0.01
        (1, 4_999_999, 0),
        (136_481, 100_000_000, 1_364_810),
        (9_999_999_999, 1_250_000_000, 1_249_999_999_875),
        (100, 30_000_000, 300),
    ],
)
def test_percent_cents__half_up(value: int, rate_e9: int, cents: int) -> None:
    """Percentages round half up once (CATAIR AE note (hh)); wide products do not wrap."""
    assert percent_cents(np.int64(value), np.int64(rate_e9)) == cents


@pytest.mark.parametrize(
    ("dollars", "cents"), [("181.56451", 18156), ("256.18515", 25619), ("123.58155", 12358), ("123.54500", 12355)]
)
def test_percent_cents__catair_examples(dollars: str, cents: int) -> None:
    """OF-01: the examples of note (hh), each written as a rate on a value of one dollar."""
    rate = int(Fraction(dollars) * E9)
    assert percent_cents(np.int64(1), np.int64(rate)) == cents == half_up(Fraction(dollars) * 100)


@pytest.mark.parametrize(("given_e2", "whole_e2"), [(149, 100), (150, 200), (49, 0), (50, 100), (-1, -1)])
def test_whole_units__one_half_counts(given_e2: int, whole_e2: int) -> None:
    """A fraction below one half is dropped, one half or more is a unit (19 CFR 159.3(b)); missing stays missing."""
    assert whole_units(np.int64(given_e2), np.int8(1)) == whole_e2
    assert whole_units(np.int64(given_e2), np.int8(0)) == given_e2


def test_row_duty__unit_decides_slot() -> None:
    """A rate per kg takes the kg wherever they stand, and no dozens ever (handbook 5.3)."""
    rate = rate_record("1", (1_890_000_000, 0, 0), ("KG", ""), (False, False))
    assert kernel_cents(rate, quantities([(500, "NO"), (1000, "KG"), (None, None)]), 100) == (1890, s.OK)
    assert kernel_cents(rate, quantities([(500, "NO"), (None, "KG"), (None, None)]), 100) == (None, s.NO_QUANTITY)
    assert kernel_cents(rate, quantities([(500, "NO"), (1000, "L"), (None, None)]), 100) == (None, s.NO_QUANTITY)


def test_row_duty__all_in_is_a_percentage() -> None:
    """Our own code for all-in headings charges rate x value."""
    rate = rate_record(chr(CODE_TOPUP), (0, 150_000_000, 0), ("", ""), (False, False))
    assert kernel_cents(rate, quantities([(None, None)] * 3), 1_000) == (15_000, s.OK)


def test_row_duty__sugar_needs_degrees() -> None:
    """Code K goes by slot: no degrees, or quantity 1 in another unit, gives no answer (clarification 27)."""
    rate = rate_record("K", (36_606_000, 206_680, 31_438_540), ("KG", "KG"), (True, True))
    assert kernel_cents(rate, quantities([(100_000, "KG"), (9_600, None), (None, None)]), 1) == (3_578, s.OK)
    assert kernel_cents(rate, quantities([(100_000, "KG"), (None, None), (None, None)]), 1) == (None, s.NO_QUANTITY)
    assert kernel_cents(rate, quantities([(100_000, "L"), (9_600, None), (100_000, "KG")]), 1) == (None, s.NO_QUANTITY)
