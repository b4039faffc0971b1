"""Rows in groups: which row of each group first says something about a fact, and which one contradicts it."""

from __future__ import annotations

from cape_kernels._jit import kernel, types

NO_ROW = -1

_NUMBERS = types.Array(types.int64, 1, "C", readonly=True)
_NUMBERS_OUT = types.Array(types.int64, 1, "C")


@kernel(types.void(_NUMBERS, _NUMBERS, _NUMBERS, types.int64, _NUMBERS_OUT, _NUMBERS_OUT))
def first_and_other(offsets, order, values, missing, first, other):
    """Write, for each group, the first row whose value is known and the first row whose known value differs from it.

    Args:
        offsets: n + 1 starts of the groups in `order`.
        order: row numbers (indices of `values`), group after group.
        values: one number a row.
        missing: the number that stands for an unknown value.
        first: n row numbers out, `NO_ROW` where nothing is known.
        other: n row numbers out, `NO_ROW` where nothing contradicts.
    """
    for group in range(len(first)):
        first[group] = NO_ROW
        other[group] = NO_ROW
        for place in range(offsets[group], offsets[group + 1]):
            row = order[place]
            if values[row] == missing:
                continue
            if first[group] == NO_ROW:
                first[group] = row
            elif values[row] != values[first[group]]:
                other[group] = row
                break
