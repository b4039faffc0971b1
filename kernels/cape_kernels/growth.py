"""Growth of money between many pairs of days at once, in fractions of 2^-192, from what it grew to up to each day.

Growth lies from 1 to below 2 and is kept without the 1 in front, as three words, the highest first. Everything is cut
off, never rounded up, so that each figure is at most the true one; what is lost stays far below 2^-128.
"""

from __future__ import annotations

import numpy as np

from cape_kernels._jit import helper, kernel, types, wrapping_helper
from cape_kernels.exact import multiply_wide

WORDS = 3
"""Words of a growth."""

_0 = np.uint64(0)
_1 = np.uint64(1)
_PLACES = types.Array(types.int64, 1, "C", readonly=True)
_TABLE = types.Array(types.uint64, 2, "C", readonly=True)


@wrapping_helper
def _added(third, second, first, a, b):  # type: ignore[no-untyped-def]  # compiled: types are in the signature of the caller
    """Three words and a x b."""
    high, low = multiply_wide(a, b)
    first = np.uint64(first + low)
    if first < low:
        high = np.uint64(high + _1)  # a product leaves room for one
    second = np.uint64(second + high)
    if second < high:
        third = np.uint64(third + _1)
    return third, second, first


@helper
def _product(a2, a1, a0, b2, b1, b0):  # type: ignore[no-untyped-def]
    """The product of two fractions of three words, cut off below 2^-192."""
    third, second, first = _added(_0, _0, _0, a0, b0)
    third, second, first = _added(_0, third, second, a0, b1)
    third, second, first = _added(third, second, first, a1, b0)
    third, second, first = _added(_0, third, second, a0, b2)
    third, second, first = _added(third, second, first, a1, b1)
    third, second, first = _added(third, second, first, a2, b0)
    third, second, low = _added(_0, third, second, a1, b2)
    third, second, low = _added(third, second, low, a2, b1)
    third, high, middle = _added(_0, third, second, a2, b2)
    return high, middle, low


@wrapping_helper
def _sum(a2, a1, a0, b2, b1, b0):  # type: ignore[no-untyped-def]
    """The sum of two fractions of three words, and what is carried above them (0 or 1)."""
    low = np.uint64(a0 + b0)
    carry = _1 if low < a0 else _0
    middle = np.uint64(a1 + carry)
    carry = _1 if middle < carry else _0
    middle = np.uint64(middle + b1)
    carry = np.uint64(carry + (_1 if middle < b1 else _0))
    high = np.uint64(a2 + carry)
    carry = _1 if high < carry else _0
    high = np.uint64(high + b2)
    carry = np.uint64(carry + (_1 if high < b2 else _0))
    return high, middle, low, carry


@kernel(types.void(_PLACES, _PLACES, _TABLE, _TABLE, types.boolean, types.uint64[:, ::1]))
def grow(first, last, growth, inverse, compounded, grown):  # type: ignore[no-untyped-def]
    """Let amounts that have grown already grow from one day to another.

    Args:
        first: int64[n], row of the table for the day before the first one that bears interest; -1 for none at all.
        last: int64[n], row of the last day that bears interest.
        growth: uint64[days, 3], growth up to each day, less 1, in 2^-192, at most the true one.
        inverse: uint64[days, 3], 1 divided by that growth, at most the true one and below 1.
        compounded: whether interest bears interest; else what is earned is added to what was earned before.
        grown: uint64[n, 3], in and out: growth less 1 so far, below 1 with what is added here.
    """
    for i in range(first.shape[0]):
        if first[i] < 0:
            continue
        g, v = last[i], first[i]
        v2, v1, v0 = inverse[v, 0], inverse[v, 1], inverse[v, 2]
        p2, p1, p0 = _product(growth[g, 0], growth[g, 1], growth[g, 2], v2, v1, v0)
        p2, p1, p0, whole = _sum(p2, p1, p0, v2, v1, v0)
        if whole == _0:  # no growth at all: what was cut off leaves less than 1
            continue
        s2, s1, s0 = grown[i, 0], grown[i, 1], grown[i, 2]
        if compounded and (s2 | s1 | s0) != _0:  # mostly nothing has grown before, and nine products are saved
            c2, c1, c0 = _product(s2, s1, s0, p2, p1, p0)
            p2, p1, p0, _ = _sum(p2, p1, p0, c2, c1, c0)
        s2, s1, s0, _ = _sum(s2, s1, s0, p2, p1, p0)
        grown[i, 0] = s2
        grown[i, 1] = s1
        grown[i, 2] = s0


@kernel(types.void(_PLACES, types.Array(types.uint64, 1, "C", readonly=True), types.uint64[:, ::1]))
def multiply(amounts, unit, grown):  # type: ignore[no-untyped-def]
    """Write amounts x one fraction.

    Args:
        amounts: int64[n], at least 0.
        unit: uint64[3], what one of them is, in 2^-192; all of them are below 1.
        grown: uint64[n, 3], out.
    """
    for i in range(amounts.shape[0]):
        amount = np.uint64(amounts[i])
        third, second, low = _added(_0, _0, _0, amount, unit[2])
        third, second, middle = _added(_0, third, second, amount, unit[1])
        third, second, high = _added(_0, third, second, amount, unit[0])
        grown[i, 0] = high
        grown[i, 1] = middle
        grown[i, 2] = low
