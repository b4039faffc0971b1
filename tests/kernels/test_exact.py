"""Exact arithmetic: every helper against plain Python integers."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from cape_kernels import exact
from reference import exact as twin

pytestmark = pytest.mark.kernel

MAX = 2**64 - 1
MAX_INT64 = 2**63 - 1
EDGES = [0, 1, 2, 2**32 - 1, 2**32, 2**32 + 1, 2**63 - 1, 2**63, 2**63 + 1, MAX - 1, MAX]
WORD = st.one_of(st.sampled_from(EDGES), st.integers(0, MAX))


def call(function: Any, *numbers: int) -> Any:
    """The helper's answer for unsigned words."""
    return function(*(np.uint64(number) for number in numbers))


@given(WORD, WORD)
@example(MAX, MAX)
def test_multiply_wide__any_two_words(a: int, b: int) -> None:
    """The product of any two words is complete: nothing is lost above 64 bits."""
    high, low = call(exact.multiply_wide, a, b)
    assert (int(high), int(low)) == twin.halves(a * b)


@given(WORD, WORD, WORD, WORD)
@example(0, MAX, 0, 1)
@example(0, MAX, 0, MAX)
def test_add_wide__below_2_to_128(a_high: int, a_low: int, b_high: int, b_low: int) -> None:
    """A sum below 2^128 is exact, with the carry from the low half."""
    a, b = twin.wide(a_high // 2, a_low), twin.wide(b_high // 2, b_low)
    high, low = call(exact.add_wide, *twin.halves(a), *twin.halves(b))
    assert (int(high), int(low)) == twin.halves(a + b)


@given(WORD, WORD, WORD, WORD)
@example(1, 0, 0, 1)
def test_subtract_wide__larger_minus_smaller(a_high: int, a_low: int, b_high: int, b_low: int) -> None:
    """A difference of at least zero is exact, with the borrow from the high half."""
    a, b = sorted((twin.wide(a_high, a_low), twin.wide(b_high, b_low)), reverse=True)
    high, low = call(exact.subtract_wide, *twin.halves(a), *twin.halves(b))
    assert (int(high), int(low)) == twin.halves(a - b)


@given(WORD, WORD, WORD, WORD)
@example(3, 5, 3, 5)
@example(3, 5, 3, 6)
@example(2, MAX, 3, 0)
def test_less_wide__orders_as_whole_numbers(a_high: int, a_low: int, b_high: int, b_low: int) -> None:
    """Two wide numbers stand in the order of the whole numbers they mean; equal ones are not less."""
    answer = call(exact.less_wide, a_high, a_low, b_high, b_low)
    assert bool(answer) == (twin.wide(a_high, a_low) < twin.wide(b_high, b_low))


@given(WORD, WORD, WORD)
@example(MAX - 1, MAX, MAX)
@example(2**63, 1, 2**63 + 1)
def test_divide_wide__quotient_fits(high: int, low: int, divisor: int) -> None:
    """Quotient and remainder are exact wherever the quotient fits one word."""
    divisor = max(divisor, 1)
    high %= divisor
    quotient, remainder = call(exact.divide_wide, high, low, divisor)
    assert (int(quotient), int(remainder)) == divmod(twin.wide(high, low), divisor)


@given(WORD, WORD, WORD)
@example(2**63 - 1, MAX - 1, 2**63)
@example(0, 2**64 - 3, 2)
@example(0, 5, 10)
@example(0, 4, 10)
@example(0, 0, 2)
def test_half_up_wide__even_divisor(high: int, low: int, divisor: int) -> None:
    """A wide number is rounded half up; what does not fit int64 is refused with -1, never wrapped."""
    divisor = max(divisor // 2 * 2, 2)
    expected = twin.half_up(twin.wide(high, low), divisor)
    answer = int(call(exact.half_up_wide, high, low, divisor))
    assert answer == (expected if expected <= MAX_INT64 else -1)


@given(st.integers(0, 10**11), st.integers(0, 10**13), st.sampled_from([2, 6, 8, 11, 16]))
def test_half_up_wide__money_times_rate(a: int, b: int, power: int) -> None:
    """Product and rounding together give what the decimal module gives, for divisors that are powers of ten."""
    high, low = call(exact.multiply_wide, a, b)
    expected = twin.half_up_decimal(a * b, power)
    answer = int(call(exact.half_up_wide, int(high), int(low), 10**power))
    assert answer == (expected if expected <= MAX_INT64 else -1)


@given(st.integers(0, 2**62), st.integers(1, 2**62))
@example(1, 2)
@example(149, 100)
@example(150, 100)
@example(2, 5)
@example(3, 5)
def test_half_up__any_divisor(numerator: int, divisor: int) -> None:
    """A half goes up, anything less goes down, for odd divisors too."""
    assert int(exact.half_up(np.int64(numerator), np.int64(divisor))) == twin.half_up(numerator, divisor)


def test_half_up__not_to_even() -> None:
    """0.5, 1.5 and 2.5 become 1, 2 and 3: the law knows no rounding to even."""
    assert [int(exact.half_up(np.int64(n), np.int64(10))) for n in (5, 15, 25)] == [1, 2, 3]
