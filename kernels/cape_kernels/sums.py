"""Sets of two, three or four of a few amounts that add up to a sum: how many there are, and which is the first."""

from __future__ import annotations

import numpy as np

from cape_kernels._jit import helper, kernel, types

COUNT, PLACES = 0, 1
"""Where the answer tells the number of sets, and where the places of the first one begin."""
ANSWER_LENGTH = 5

_CENTS = types.Array(types.int64, 1, "C", readonly=True)


@helper
def _two_add_up(amounts, begin, target):  # type: ignore[no-untyped-def]  # compiled: types are in the signature of the caller
    """Whether two of the ascending amounts from `begin` on add up: from both ends towards the middle."""
    low, high = begin, amounts.shape[0] - 1
    while low < high:
        found = amounts[low] + amounts[high]
        if found == target:
            return True
        if found < target:
            low += 1
        else:
            high -= 1
    return False


@helper
def _any_add_up(amounts, target):  # type: ignore[no-untyped-def]
    """Whether two, three or four of the ascending amounts add up."""
    if _two_add_up(amounts, 0, target):
        return True
    for i in range(amounts.shape[0]):
        rest = target - amounts[i]
        if amounts[i] > rest:  # another one is at least as large
            return False
        if _two_add_up(amounts, i + 1, rest):
            return True
        for j in range(i + 1, amounts.shape[0]):
            if 2 * amounts[j] > rest - amounts[j]:  # two more are at least as large each
                break
            if _two_add_up(amounts, j + 1, rest - amounts[j]):
                return True
    return False


@helper
def _note(answer, i, j, k, m):  # type: ignore[no-untyped-def]
    """Count one more set; the first one is kept."""
    if answer[COUNT] == 0:
        answer[PLACES], answer[PLACES + 1], answer[PLACES + 2], answer[PLACES + 3] = i, j, k, m
    answer[COUNT] += 1


@kernel(types.void(_CENTS, _CENTS, types.int64, types.int64[::1]))
def find_sums(amounts, ascending, target, answer):  # type: ignore[no-untyped-def]
    """Write how many sets of two, three or four amounts add up to the target, and the places of the first one.

    Whether there are any is found in n^3 steps at most, and mostly in far fewer; only then are all sets looked at, in
    the order of their places.

    Args:
        amounts: int64[n], above 0; four of them fit 63 bits.
        ascending: int64[n], the same in ascending order.
        target: cents.
        answer: int64[5], out: the number of sets, and the places of the first one, -1 behind the last.
    """
    answer[:] = np.int64(-1)
    answer[COUNT] = 0
    if not _any_add_up(ascending, target):
        return
    size = amounts.shape[0]
    for i in range(size):
        for j in range(i + 1, size):
            two = target - amounts[i] - amounts[j]
            if two == 0:
                _note(answer, i, j, -1, -1)
            if two <= 0:
                continue
            for k in range(j + 1, size):
                three = two - amounts[k]
                if three == 0:
                    _note(answer, i, j, k, -1)
                if three <= 0:
                    continue
                for m in range(k + 1, size):
                    if amounts[m] == three:
                        _note(answer, i, j, k, m)
