"""Masks that repeat numbered, lists of words laid end to end by their number, and exact sums of whole numbers."""

from __future__ import annotations

import numpy as np

from cape_kernels._jit import kernel, types, wrapping_helper

_SPREAD = np.uint64(0x9E3779B97F4A7C15)
_LOW = np.int64(0xFFFFFFFF)
_MASKS = types.Array(types.uint64, 1, "C", readonly=True)
_NUMBERS = types.Array(types.int32, 1, "C", readonly=True)
_CENTS = types.Array(types.int64, 1, "C", readonly=True)
_KNOWN = types.Array(types.uint8, 1, "C", readonly=True)


@wrapping_helper
def _slot_of(mask, last):  # type: ignore[no-untyped-def]  # compiled: types are in the caller
    """Where the search for a mask begins in a table of `last` + 1 slots."""
    word = mask * _SPREAD
    return (word ^ (word >> np.uint64(32))) & last


@kernel(types.void(_MASKS, types.int32[::1], types.uint64[::1], types.int32[::1], types.int64[::1]))
def number_masks(masks, slots, distinct, which, count):  # type: ignore[no-untyped-def]
    """Number the distinct masks: 0 is the first, the others follow in the order in which they come.

    Args:
        masks: uint64[n], most of them 0.
        slots: int32, a power of two above n + 1, all -1; room for the hash table.
        distinct: uint64[n + 1], out: the distinct masks.
        which: int32[n], out: number of each row's mask.
        count: int64[1], out: how many distinct masks there are, with 0.
    """
    last = np.uint64(len(slots) - 1)
    distinct[0] = np.uint64(0)
    found = 1
    for i in range(len(masks)):
        mask = masks[i]
        number = np.int32(0)
        if mask != np.uint64(0):
            slot = _slot_of(mask, last)
            while slots[slot] >= 0 and distinct[slots[slot]] != mask:
                slot = (slot + np.uint64(1)) & last
            number = slots[slot]
            if number < 0:
                number = np.int32(found)
                slots[slot] = number
                distinct[found] = mask
                found += 1
        which[i] = number
    count[0] = found


@kernel(types.void(_NUMBERS, _NUMBERS, types.int32[::1]))
def list_ends(which, starts, ends):  # type: ignore[no-untyped-def]
    """Write where the list of each row ends when the lists of all rows stand end to end.

    Args:
        which: int32[n], number of each row's list.
        starts: int32[k + 1], list j has the members from starts[j] to starts[j + 1].
        ends: int32[n + 1], out, from 0 on.
    """
    end = np.int32(0)
    ends[0] = end
    for i in range(len(which)):
        end = np.int32(end + starts[which[i] + 1] - starts[which[i]])
        ends[i + 1] = end


@kernel(types.void(_NUMBERS, _NUMBERS, _NUMBERS, types.int32[::1]))
def list_members(which, starts, ends, members):  # type: ignore[no-untyped-def]
    """Write the members of the lists of all rows, end to end.

    Args:
        which: int32[n], as for `list_ends`.
        starts: int32[k + 1], likewise.
        ends: int32[n + 1], what `list_ends` wrote.
        members: int32[ends[n]], out: places among the members of the distinct lists.
    """
    for i in range(len(which)):
        first = starts[which[i]] - ends[i]
        for place in range(ends[i], ends[i + 1]):
            members[place] = np.int32(first + place)


@kernel(types.void(_CENTS, _KNOWN, types.int64[::1]))
def sum_exactly(values, known, total):  # type: ignore[no-untyped-def]
    """Write the sum of whole numbers in two parts that cannot wrap below 2^31 rows.

    Args:
        values: int64[n].
        known: uint8[n], 1 where a number counts, 0 where it does not; or empty where all count.
        total: int64[2], out: the sum is total[0] x 2^32 + total[1].
    """
    high = low = np.int64(0)
    if len(known) == 0:
        for i in range(len(values)):
            high += values[i] >> np.int64(32)
            low += values[i] & _LOW
    else:
        for i in range(len(values)):
            value = values[i] & -np.int64(known[i])
            high += value >> np.int64(32)
            low += value & _LOW
    total[0] = high
    total[1] = low
