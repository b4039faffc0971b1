"""Exact twins of `cape_kernels.exact` in plain Python integers, written from the definitions alone."""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal, localcontext
from fractions import Fraction

HALF = 2**64
"""A wide number (high, low) stands for high x 2^64 + low."""


def wide(high: int, low: int) -> int:
    """The whole number that two halves stand for."""
    return high * HALF + low


def halves(number: int) -> tuple[int, int]:
    """The two halves of a whole number below 2^128."""
    return number // HALF, number % HALF


def half_up(numerator: int, divisor: int) -> int:
    """The nearest whole number, a half going up (19 CFR 159.3; CATAIR AE note (hh)), for numerators from 0."""
    exact = Fraction(numerator, divisor)
    below = exact.numerator // exact.denominator
    return below + 1 if exact - below >= Fraction(1, 2) else below


def half_up_decimal(numerator: int, power_of_ten: int) -> int:
    """The same rounding by the decimal module, for divisors that are powers of ten."""
    with localcontext() as context:
        context.prec = 60
        return int(Decimal(numerator).scaleb(-power_of_ten).to_integral_value(ROUND_HALF_UP))
