"""What the entries of a store come to on each of many acceptance days: counts, principal and interest of every day.

Entries with the same answers on all days share a plan: stretches of days on which they are accepted, and stretches
on which they are refunded on one liquidation day. A stretch adds to its first day and takes off behind its last, so
that an entry costs as many steps as it has liquidation days, not days; running sums over the days come later.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from cape_kernels._jit import helper, instruction, kernel, types, wrapping_helper
from cape_kernels.exact import multiply_wide

ENTRIES, PRINCIPAL, PAID_ENTRIES, PAID_PRINCIPAL, INTEREST, UNKNOWN = 0, 1, 2, 3, 4, 5
"""Rows of the sums: accepted entries and their principal; refunded entries, their principal and interest (cents),
and those of them whose interest is not known."""
FIELDS = 6

NO_INTEREST, PRICED, RATE_MISSING = 0, 1, 2
"""States of a pair of days in `Growth`, as in `cape_kernels.interest`."""

SLICE, GROUP, DAY, FROM, UNTIL = 0, 1, 2, 3, 4
"""Columns of what is too close to a rounding edge: row of the slice, group, place of the liquidation day, stretch."""
CLOSE_FIELDS = 5

_MAX = np.uint64(2**64 - 1)
_HALF = np.uint64(2**63)
_1 = np.uint64(1)
_63 = np.uint64(63)

_INTS = types.Array(types.int32, 1, "C", readonly=True)
_CENTS = types.Array(types.int64, 1, "C", readonly=True)
_KINDS = types.Array(types.int8, 1, "C", readonly=True)
_WIDE = types.Array(types.uint64, 2, "C", readonly=True)
_STATES = types.Array(types.int8, 2, "C", readonly=True)


class Claims(NamedTuple):
    """Entries and the deposits that their refunds come from.

    Attributes:
        plan: int32[n], place of each entry's plan.
        group: int32[n], whose sums it adds to.
        kind: int8[n], kind of the importer: which rows of the growth table count.
        principal: int64[n], cents, at least 0.
        owed: int64[n], cents that are paid out when the entry is liquidated; 0 for none.
        first: int32[n + 1], first slice of each entry, and the end.
        amount: int64[m], cents of each slice, above 0.
        deposit: int32[m], place of its deposit day in the growth table.
    """

    plan: npt.NDArray[np.int32]
    group: npt.NDArray[np.int32]
    kind: npt.NDArray[np.int8]
    principal: npt.NDArray[np.int64]
    owed: npt.NDArray[np.int64]
    first: npt.NDArray[np.int32]
    amount: npt.NDArray[np.int64]
    deposit: npt.NDArray[np.int32]


class Plans(NamedTuple):
    """Stretches of acceptance days of each plan; a stretch ends before its `until`.

    Attributes:
        accepted: int32[p + 1], first stretch of acceptance of each plan, and the end.
        accepted_from, accepted_until: int32, places of days.
        dated: int32[p + 1], first stretch on which there is a liquidation day, whichever it is, and the end.
        dated_from, dated_until: int32, places of days.
        paid: int32[p + 1], first stretch of refund of each plan, and the end.
        paid_day: int32, place of the liquidation day in the growth table.
        paid_from, paid_until: int32, places of days, ascending within a plan.
    """

    accepted: npt.NDArray[np.int32]
    accepted_from: npt.NDArray[np.int32]
    accepted_until: npt.NDArray[np.int32]
    dated: npt.NDArray[np.int32]
    dated_from: npt.NDArray[np.int32]
    dated_until: npt.NDArray[np.int32]
    paid: npt.NDArray[np.int32]
    paid_day: npt.NDArray[np.int32]
    paid_from: npt.NDArray[np.int32]
    paid_until: npt.NDArray[np.int32]


class Growth(NamedTuple):
    """Growth of one cent less 1; a row for each kind and deposit day, a column for each liquidation day.

    Attributes:
        high, low: uint64, halves of 2^-128, at most the true value.
        state: int8, NO_INTEREST, PRICED or RATE_MISSING.
    """

    high: npt.NDArray[np.uint64]
    low: npt.NDArray[np.uint64]
    state: npt.NDArray[np.int8]


_CLAIMS = types.NamedTuple([_INTS, _INTS, _KINDS, _CENTS, _CENTS, _INTS, _CENTS, _INTS], Claims)
_PLANS = types.NamedTuple([_INTS] * 10, Plans)
_GROWTH = types.NamedTuple([_WIDE, _WIDE, _STATES], Growth)


def _spelled_out(one: Any, other: Any) -> np.uint64:
    """The same for a run with the compiler off."""
    return np.uint64(int(one) * int(other) >> 64)


def _high_half(_context: Any, one: Any, other: Any) -> Any:
    """(signature, code) of `high_half`."""
    from llvmlite import ir  # type: ignore[import-untyped]  # as Numba itself, it publishes no types
    from numba.core import types as kinds

    def generate(_context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        wide = ir.IntType(128)
        product = builder.mul(*(builder.zext(argument, wide) for argument in arguments))
        return builder.trunc(builder.lshr(product, ir.Constant(wide, 64)), ir.IntType(64))

    return kinds.uint64(one, other), generate


high_half: Any = instruction(_high_half, _spelled_out)
"""high_half(one, other): the upper 64 bits of a product of two words, which is one instruction of the processor."""


@wrapping_helper
def _low_half(one, other):  # type: ignore[no-untyped-def]
    """The lower 64 bits of a product of two words."""
    return np.uint64(one * other)


@wrapping_helper
def _near(amount, upper):  # type: ignore[no-untyped-def]
    """Whether a fraction lies below a half by `amount` or less; from a half on the difference wraps to a large one."""
    return np.uint64(_HALF - _1 - upper) < amount


@helper
def _too_close(amount, low, upper, slack):  # type: ignore[no-untyped-def]
    """(whether a half is reached, whether the error bound leaves that open) of a product cut off below 2^-64.

    Args:
        amount: uint64, cents.
        low: uint64, low half of the growth.
        upper: uint64, fraction of the product of amount and high half; below a half.
        slack: uint64, see `sum_outlook`.
    """
    carried, rest = multiply_wide(amount, low)
    upper = upper + carried
    if upper >= _HALF:
        return True, False
    error_high, error_low = multiply_wide(amount, slack)
    if error_low > _MAX - rest:
        error_high = error_high + _1
    return False, error_high >= _HALF - upper


@helper
def _note_close(close, found, claims, plans, entry, part, place):  # type: ignore[no-untyped-def]
    """Write down what must be computed from fractions."""
    close[found, SLICE] = part
    close[found, GROUP] = claims.group[entry]
    close[found, DAY] = plans.paid_day[place]
    close[found, FROM] = plans.paid_from[place]
    close[found, UNTIL] = plans.paid_until[place]


@helper
def _add_interest(claims, plans, growth, slack, which, sums, close, found):  # type: ignore[no-untyped-def]
    """Interest of an entry with one slice, stretch by stretch; rows of `close` in use afterwards.

    A stretch that follows another adds the difference to it, so that each costs one step; the high half of the growth
    decides nearly every rounding: what it leaves out is less than the amount, in 2^-64.
    """
    entry, part, kind_row = which
    into = np.int64(claims.group[entry]) * FIELDS
    row = kind_row + claims.deposit[part]
    amount = np.uint64(claims.amount[part])
    before = np.int64(0)
    behind = np.int64(-1)
    for place in range(plans.paid[claims.plan[entry]], plans.paid[claims.plan[entry] + 1]):
        day = plans.paid_day[place]
        first = np.int64(plans.paid_from[place])
        cents = np.int64(0)
        state = growth.state[row, day]
        if state == PRICED:
            upper = _low_half(amount, growth.high[row, day])
            whole = high_half(amount, growth.high[row, day])
            cents = np.int64(whole + (upper >> _63))
            if _near(amount, upper):
                more, unsure = _too_close(amount, growth.low[row, day], upper, slack)
                if more:
                    cents += 1
                elif unsure:
                    _note_close(close, found, claims, plans, entry, part, place)
                    found += 1
                    cents = np.int64(0)
        elif state == RATE_MISSING:
            sums[into + UNKNOWN, first] += 1
            sums[into + UNKNOWN, plans.paid_until[place]] -= 1
        if first != behind and behind >= 0:
            sums[into + INTEREST, behind] -= before
            before = np.int64(0)
        sums[into + INTEREST, first] += cents - before
        before = cents
        behind = np.int64(plans.paid_until[place])
    sums[into + INTEREST, behind] -= before
    return found


@helper
def _add_slices(claims, plans, growth, slack, which, sums, close, found):  # type: ignore[no-untyped-def]
    """Interest of an entry with several slices or none; it is not known where one of them has a day without a rate."""
    entry, begin, end, kind_row = which
    into = np.int64(claims.group[entry]) * FIELDS
    for place in range(plans.paid[claims.plan[entry]], plans.paid[claims.plan[entry] + 1]):
        day = plans.paid_day[place]
        cents = np.int64(0)
        known = True
        far = found
        for part in range(begin, end):
            row = kind_row + claims.deposit[part]
            state = growth.state[row, day]
            if state == RATE_MISSING:
                known = False
            if state != PRICED:
                continue
            amount = np.uint64(claims.amount[part])
            upper = _low_half(amount, growth.high[row, day])
            whole = high_half(amount, growth.high[row, day])
            own = np.int64(whole + (upper >> _63))
            if _near(amount, upper):
                more, unsure = _too_close(amount, growth.low[row, day], upper, slack)
                if more:
                    own += 1
                elif unsure:
                    _note_close(close, far, claims, plans, entry, part, place)
                    far += 1
                    own = np.int64(0)
            cents += own
        if known:
            found = far
            sums[into + INTEREST, plans.paid_from[place]] += cents
            sums[into + INTEREST, plans.paid_until[place]] -= cents
        else:
            sums[into + UNKNOWN, plans.paid_from[place]] += 1
            sums[into + UNKNOWN, plans.paid_until[place]] -= 1
    return found


@kernel(types.void(_CLAIMS, _PLANS, _GROWTH, types.uint64, types.int64[:, ::1], types.int64[:, ::1], types.int64[::1]))
def sum_outlook(claims, plans, growth, slack, sums, close, progress):  # type: ignore[no-untyped-def]
    """Add entries to the sums of every stretch of days; interest is rounded half up once per slice (handbook 7.1).

    Args:
        claims: the entries.
        plans: their answers by day.
        growth: for every pair of days that a plan can ask for.
        slack: the true growth lies less than `slack` x 2^-128 above the one given.
        sums: int64[groups x FIELDS, days + 1], in and out: differences between one day and the day before.
        close: int64[k, CLOSE_FIELDS], out: interest that must be computed from fractions, and is not in `sums`.
        progress: int64[2], in and out: the entry to go on with, rows of `close` in use. The kernel returns early
            when an entry could need more rows than are left; the caller then empties `close` and calls again.
    """
    rows = growth.high.shape[0] // 2
    room = close.shape[0]
    found = progress[1]
    entry = progress[0]
    while entry < claims.plan.shape[0]:
        plan = claims.plan[entry]
        begin = np.int64(claims.first[entry])
        end = np.int64(claims.first[entry + 1])
        low = np.int64(plans.paid[plan])
        high = np.int64(plans.paid[plan + 1])
        if found + (high - low) * (end - begin) > room:
            break
        row = np.int64(claims.group[entry]) * FIELDS
        for place in range(plans.accepted[plan], plans.accepted[plan + 1]):
            sums[row + ENTRIES, plans.accepted_from[place]] += 1
            sums[row + ENTRIES, plans.accepted_until[place]] -= 1
            sums[row + PRINCIPAL, plans.accepted_from[place]] += claims.principal[entry]
            sums[row + PRINCIPAL, plans.accepted_until[place]] -= claims.principal[entry]
        owed = claims.owed[entry]
        if owed > 0 and high > low:
            for place in range(plans.dated[plan], plans.dated[plan + 1]):
                sums[row + PAID_ENTRIES, plans.dated_from[place]] += 1
                sums[row + PAID_ENTRIES, plans.dated_until[place]] -= 1
                sums[row + PAID_PRINCIPAL, plans.dated_from[place]] += owed
                sums[row + PAID_PRINCIPAL, plans.dated_until[place]] -= owed
            kind_row = np.int64(claims.kind[entry]) * rows
            if end - begin == 1:
                found = _add_interest(claims, plans, growth, slack, (entry, begin, kind_row), sums, close, found)
            else:
                found = _add_slices(claims, plans, growth, slack, (entry, begin, end, kind_row), sums, close, found)
        entry += 1
    progress[0] = entry
    progress[1] = found


@kernel(types.void(_INTS, _INTS, _PLANS, types.int32[:, ::1], types.int64[::1]))
def count_refunds(recipient, plan, plans, met, count):  # type: ignore[no-untyped-def]
    """Count the refunds of every acceptance day: recipients and liquidation days that stand together (handbook 7.3).

    Args:
        recipient: int32[n], from 1, in ascending order; every pair of recipient and plan once or more.
        plan: int32[n], place of the plan.
        plans: answers by day.
        met: int32[liquidation days, days], in and out: the recipient seen there last; all 0 before the first call.
        count: int64[days], in and out.
    """
    for pair in range(recipient.shape[0]):
        who = recipient[pair]
        for place in range(plans.paid[plan[pair]], plans.paid[plan[pair] + 1]):
            day = plans.paid_day[place]
            for at in range(plans.paid_from[place], plans.paid_until[place]):
                if met[day, at] != who:
                    met[day, at] = who
                    count[at] += 1
