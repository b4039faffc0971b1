"""Exact arithmetic wider than 64 bits, and the one rounding of the law: half up, at the place it names.

A wide number is a pair of unsigned 64-bit halves (high, low). Numba turns a mixture of signed and unsigned integers
into a float, so everything here is unsigned from the first line to the last.
"""

from __future__ import annotations

import numpy as np

from cape_kernels._jit import helper, wrapping_helper

_LOW32 = np.uint64(0xFFFFFFFF)
_32 = np.uint64(32)
_63 = np.uint64(63)
_0 = np.uint64(0)
_1 = np.uint64(1)
_MAX_INT64 = np.uint64(2**63 - 1)


@helper
def multiply_wide(a, b):  # type: ignore[no-untyped-def]  # compiled: types are in the signature of the caller
    """Both halves of a x b in full: (high, low) of two uint64."""
    a0 = a & _LOW32
    a1 = a >> _32
    b0 = b & _LOW32
    b1 = b >> _32
    p00 = a0 * b0
    p01 = a0 * b1
    p10 = a1 * b0
    p11 = a1 * b1
    middle = (p00 >> _32) + (p01 & _LOW32) + (p10 & _LOW32)
    low = (p00 & _LOW32) | ((middle & _LOW32) << _32)
    high = p11 + (p01 >> _32) + (p10 >> _32) + (middle >> _32)
    return high, low


@wrapping_helper
def add_wide(a_high, a_low, b_high, b_low):  # type: ignore[no-untyped-def]
    """The sum of two wide numbers; the caller's bounds keep it below 2^128."""
    low = np.uint64(a_low + b_low)
    carry = _1 if low < a_low else _0
    return np.uint64(a_high + b_high + carry), low


@helper
def less_wide(a_high, a_low, b_high, b_low):  # type: ignore[no-untyped-def]
    """Whether the first wide number is smaller."""
    return a_high < b_high or (a_high == b_high and a_low < b_low)


@wrapping_helper
def subtract_wide(a_high, a_low, b_high, b_low):  # type: ignore[no-untyped-def]
    """The difference a - b of two wide numbers, for a >= b."""
    borrow = _1 if a_low < b_low else _0
    return np.uint64(a_high - b_high - borrow), np.uint64(a_low - b_low)


@wrapping_helper
def divide_wide(high, low, divisor):  # type: ignore[no-untyped-def]
    """(quotient, remainder) of a wide number by a uint64 above `high`, bit by bit; the quotient fits 64 bits."""
    if high == _0:  # the processor divides 64 bits by itself: nine times as fast
        whole = low // divisor
        return whole, np.uint64(low - whole * divisor)
    remainder = high
    quotient = _0
    for step in range(64):
        carry = remainder >> _63
        bit = (low >> np.uint64(63 - step)) & _1
        remainder = np.uint64((remainder << _1) | bit)
        quotient = np.uint64(quotient << _1)
        if carry != _0 or remainder >= divisor:
            remainder = np.uint64(remainder - divisor)
            quotient = np.uint64(quotient | _1)
    return quotient, remainder


@helper
def half_up_wide(high, low, divisor):  # type: ignore[no-untyped-def]
    """A wide number divided by an even `divisor`, half up (CATAIR AE note (hh)); -1 if it does not fit int64."""
    if high >= divisor:
        return np.int64(-1)
    quotient, remainder = divide_wide(high, low, divisor)
    if remainder >= divisor - remainder and quotient <= _MAX_INT64:  # above it the sum could pass 2^64
        quotient = np.uint64(quotient + _1)
    if quotient > _MAX_INT64:
        return np.int64(-1)
    return np.int64(quotient)


@helper
def half_up(numerator, divisor):  # type: ignore[no-untyped-def]
    """A whole number of at least zero divided by `divisor` (int64), half up (CATAIR AE note (hh), 19 CFR 159.3)."""
    quotient = numerator // divisor
    remainder = numerator - quotient * divisor
    if remainder >= divisor - remainder:
        quotient += 1
    return quotient
