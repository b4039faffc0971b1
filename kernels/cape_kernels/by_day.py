"""Answers that depend on one day alone, looked up in a table of days."""

from __future__ import annotations

import numpy as np

from cape_kernels._jit import kernel, types

_DAYS = types.Array(types.int32, 1, "C", readonly=True)
_MOST = np.int32(2**31 - 1)


@kernel(types.void(_DAYS, types.int32, types.int32[::1]))
def span(days, unknown, found):  # type: ignore[no-untyped-def]  # compiled: types are in the signature
    """Write the first and the last of the days that are known; the first lies behind the last where none is.

    Args:
        days: int32[n].
        unknown: stands for a day that is not known, before all others.
        found: int32[2], out.
    """
    first, last = _MOST, unknown
    for i in range(len(days)):
        day = days[i]
        first = min(first, day if day != unknown else _MOST)
        last = max(last, day)
    found[0] = first
    found[1] = last


@kernel(types.void(_DAYS, types.int32, types.int32, _DAYS, types.int32[::1]))
def look_up(days, unknown, first, table, answers):  # type: ignore[no-untyped-def]
    """Write the answer of each day.

    Args:
        days: int32[n].
        unknown: stands for a day that is not known.
        first: the earliest day that is known.
        table: int32, the answer where the day is unknown, and then that of each day from `first` on.
        answers: int32[n], out.
    """
    for i in range(len(days)):
        day = days[i]
        place = np.int64(day) - np.int64(first) + 1 if day != unknown else np.int64(0)
        answers[i] = table[np.uint64(place)]
