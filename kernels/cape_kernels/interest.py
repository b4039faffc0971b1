"""Interest on refunds: which pair of days an amount has, and its growth applied to principals in 128-bit integers.

The growth of one cent over a pair of days comes in as a fraction of 2^-128, made from exact big integers outside; the
product with a principal is kept in 192 bits, and rounded half up only where the known error cannot change the answer.
"""

from __future__ import annotations

import numpy as np

from cape_kernels._jit import kernel, types, wrapping_helper
from cape_kernels.exact import add_wide, half_up_wide, multiply_wide

NO_INTEREST = 0
"""Status: no principal, or no day between deposit and liquidation."""
PRICED = 1
"""Status: the interest is right to the cent."""
RATE_MISSING = 2
"""Status: a day of the period has no rate."""
TOO_CLOSE = 3
"""Status: the result lies within the error bound of a rounding edge; the stage computes it from fractions."""

_MAX = np.uint64(2**64 - 1)
_HALF = np.uint64(2**63)
_0 = np.uint64(0)
_1 = np.uint64(1)

_BILLION = np.uint64(10**9)

_DAYS = types.Array(types.int32, 1, "C", readonly=True)
_KINDS = types.Array(types.int8, 1, "C", readonly=True)
_CENTS = types.Array(types.int64, 1, "C", readonly=True)
_WIDE = types.Array(types.uint64, 1, "C", readonly=True)
_STATUSES = types.Array(types.int8, 1, "C", readonly=True)


@kernel(types.void(_DAYS, _DAYS, _KINDS, _CENTS, types.int64, _CENTS, types.int64[::1], types.int8[::1]))
def find_pairs(  # type: ignore[no-untyped-def]
    start, end, kind, principal, origin, gaps, pair, status
):
    """Write for each amount the place of its (kind, start, end) in the growth table.

    Args:
        start: int32[n], day of the deposit, itself not counted.
        end: int32[n], day of the (re)liquidation, itself counted.
        kind: int8[n], 0 corporate, 1 noncorporate.
        principal: int64[n], cents, at least 0.
        origin: the day before the first day of the rate table (point 0).
        gaps: int64[points], days without a rate up to each point of the table.
        pair: int64[n], out: place in a table of kinds x points x points, -1 when none is needed.
        status: int8[n], out: NO_INTEREST, PRICED or RATE_MISSING.
    """
    points = gaps.shape[0]
    for i in range(start.shape[0]):
        pair[i] = -1
        status[i] = NO_INTEREST
        first = np.int64(start[i]) - origin
        last = np.int64(end[i]) - origin
        if principal[i] <= 0 or last <= first:
            continue
        if first < 0 or last >= points or gaps[last] != gaps[first]:
            status[i] = RATE_MISSING
            continue
        place = (np.int64(kind[i]) * points + first) * points + last
        pair[i] = place
        status[i] = PRICED


@kernel(types.void(_CENTS, _CENTS, _WIDE, _WIDE, types.uint64, types.int64[::1], types.int8[::1]))
def apply_growth(  # type: ignore[no-untyped-def]
    principal, pair, growth_high, growth_low, slack, interest, status
):
    """Write principal x growth, rounded half up to cents once (handbook 7.1).

    Args:
        principal: int64[n], cents, at least 0.
        pair: int64[n], place of the growth; -1 leaves 0.
        growth_high: uint64[places], high half of the growth less 1, in 2^-128, at most the true value.
        growth_low: uint64[places], low half of it.
        slack: the true growth lies less than `slack` x 2^-128 above the one given.
        interest: int64[n], out: cents.
        status: int8[n], in and out: becomes TOO_CLOSE where the error bound reaches a rounding edge.
    """
    for i in range(principal.shape[0]):
        place = pair[i]
        interest[i] = 0
        if place < 0:
            continue
        amount = np.uint64(principal[i])
        whole, upper = multiply_wide(amount, growth_high[place])
        carried, low = multiply_wide(amount, growth_low[place])
        room = _MAX - upper
        if carried > room:
            whole = whole + _1
            upper = carried - room - _1
        else:
            upper = upper + carried
        if upper >= _HALF:  # one half and more is a cent; the edge lies below
            whole = whole + _1
        else:
            error_high, error_low = multiply_wide(amount, slack)
            if error_low > _MAX - low:
                error_high = error_high + _1
            if error_high >= _HALF - upper:
                status[i] = TOO_CLOSE
        interest[i] = np.int64(whole)


@wrapping_helper
def _times_growth(amount, high, low):  # type: ignore[no-untyped-def]
    """Amount x growth in full: whole cents, and both halves of the rest in 2^-128."""
    whole, upper = multiply_wide(amount, high)
    carried, lowest = multiply_wide(amount, low)
    whole, upper = add_wide(whole, upper, _0, carried)
    return whole, upper, lowest


@kernel(types.void(_CENTS, _CENTS, _CENTS, _CENTS, _WIDE, _WIDE, types.uint64, types.int64[::1], types.int8[::1]))
def apply_two_growths(  # type: ignore[no-untyped-def]
    lower, lower_pair, upper, upper_pair, growth_high, growth_low, slack, interest, status
):
    """Write the interest of amounts in two baskets that grow at rates of their own, rounded half up once.

    Args:
        lower: int64[n], cents of the first basket, at least 0.
        lower_pair: int64[n], place of its growth; -1 where it earns nothing.
        upper: int64[n], cents of the second basket, at least 0; both together fit 63 bits.
        upper_pair: int64[n], place of its growth; -1 where it earns nothing.
        growth_high: uint64[places], high half of the growth less 1, in 2^-128, at most the true value.
        growth_low: uint64[places], low half of it.
        slack: the true growth lies less than `slack` x 2^-128 above the one given.
        interest: int64[n], out: cents.
        status: int8[n], in and out: becomes TOO_CLOSE where the error bound reaches a rounding edge.
    """
    for i in range(lower.shape[0]):
        interest[i] = 0
        whole = rest = lowest = amount = _0
        if lower_pair[i] >= 0:
            amount = np.uint64(lower[i])
            whole, rest, lowest = _times_growth(amount, growth_high[lower_pair[i]], growth_low[lower_pair[i]])
        if upper_pair[i] >= 0:
            second = np.uint64(upper[i])
            amount = amount + second
            more, more_rest, more_lowest = _times_growth(second, growth_high[upper_pair[i]], growth_low[upper_pair[i]])
            whole, rest = add_wide(whole, rest, more, more_rest)
            rest_before = rest
            rest, lowest = add_wide(rest, lowest, _0, more_lowest)
            if rest < rest_before:
                whole = whole + _1
        if rest >= _HALF:  # one half and more is a cent; the edge lies below
            whole = whole + _1
        else:
            error_high, error_low = multiply_wide(amount, slack)
            if error_low > _MAX - lowest:
                error_high = error_high + _1
            if amount > _0 and error_high >= _HALF - rest:
                status[i] = TOO_CLOSE
        interest[i] = np.int64(whole)


@kernel(types.void(_CENTS, _CENTS, _CENTS, types.int64[::1]))
def apply_factors(principal, pair, factors_e9, interest):  # type: ignore[no-untyped-def]
    """Write principal x published factor of a quarter, rounded half up to cents (`refund.interest_rounding`).

    Args:
        principal: int64[n], cents, at least 0.
        pair: int64[n], place of the factor; -1 leaves 0.
        factors_e9: int64[places], growth less 1 of the days in the quarter, rounded to billionths.
        interest: int64[n], out: cents; -1 where they do not fit int64.
    """
    for i in range(principal.shape[0]):
        interest[i] = 0
        if pair[i] >= 0:
            high, low = multiply_wide(np.uint64(principal[i]), np.uint64(factors_e9[pair[i]]))
            interest[i] = half_up_wide(high, low, _BILLION)
