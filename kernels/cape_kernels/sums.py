"""Whether two, three or four of a few amounts add up to a sum; which ones is found elsewhere, for the few that do."""

from __future__ import annotations

from cape_kernels._jit import helper, kernel, types

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


@kernel(types.void(_CENTS, types.int64, types.boolean[::1]))
def add_up(amounts, target, found):  # type: ignore[no-untyped-def]
    """Write whether two, three or four of the amounts add up to the target.

    Args:
        amounts: int64[n], ascending, above 0; four of them fit 63 bits.
        target: cents.
        found: bool[1], out.
    """
    size = amounts.shape[0]
    found[0] = _two_add_up(amounts, 0, target)
    for i in range(size):
        rest = target - amounts[i]
        if found[0] or amounts[i] > rest:  # another one is at least as large
            break
        found[0] = _two_add_up(amounts, i + 1, rest)
        for j in range(i + 1, size):
            if found[0] or 2 * amounts[j] > rest - amounts[j]:  # two more are at least as large each
                break
            found[0] = _two_add_up(amounts, j + 1, rest - amounts[j])
