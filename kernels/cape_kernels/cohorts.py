"""Sums of a run in their final order: by recipient and day, one cohort for each pair (handbook 7.3)."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from cape_kernels._jit import kernel, types
from cape_kernels.consolidation import COUNTS, INTEREST, KEY, PRINCIPAL

_LOW = 0xFFFFFFFF

_PLACES = types.Array(types.int32, 1, "C", readonly=True)
_SUMS = types.Array(types.int64, 2, "C", readonly=True)


class Merged(NamedTuple):
    """Cohorts in their final order.

    Attributes:
        recipient: int32[n], number of the recipient in this batch.
        day: int32[n], liquidation day.
        importer: int32[n], place of an importer of the cohort: the only one, where importers are kept apart.
        importers: int64[n], how many.
        sums: int64[4, n], entries, principal, interest, entries whose interest is not known.
        found: int64[1], how many cohorts.
    """

    recipient: npt.NDArray[np.int32]
    day: npt.NDArray[np.int32]
    importer: npt.NDArray[np.int32]
    importers: npt.NDArray[np.int64]
    sums: npt.NDArray[np.int64]
    found: npt.NDArray[np.int64]


MERGED = types.NamedTuple(
    [types.int32[::1], types.int32[::1], types.int32[::1], types.int64[::1], types.int64[:, ::1], types.int64[::1]],
    Merged,
)


@kernel(
    types.void(
        _SUMS, _PLACES, _PLACES, types.int64, types.int64[::1], types.int64[::1], types.int32[::1], types.int32[::1]
    )
)
def order_sums(sums, recipient, given, first_day, by_day, by_recipient, spare, order):  # type: ignore[no-untyped-def]
    """Write the rows by recipient and day; rows of one day stay in the order given.

    Args:
        sums: int64[n, 4].
        recipient: int32[n], number of the recipient of each row.
        given: int32[n], the rows in the order of importers.
        first_day: the smallest day.
        by_day: int64[days + 1], all 0; scratch.
        by_recipient: int64[recipients], where the rows of each begin; scratch afterwards.
        spare: int32[n], scratch.
        order: int32[n], out.
    """
    for row in range(sums.shape[0]):
        by_day[(sums[row, KEY] >> 32) - first_day + 1] += 1
    for day in range(1, by_day.shape[0]):
        by_day[day] += by_day[day - 1]
    for row in given:
        day = (sums[row, KEY] >> 32) - first_day
        spare[by_day[day]] = row
        by_day[day] += 1
    for row in spare:
        who = recipient[row]
        order[by_recipient[who]] = row
        by_recipient[who] += 1


@kernel(types.void(_SUMS, _PLACES, _PLACES, types.boolean, MERGED))
def merge_sums(sums, recipient, order, apart, merged):  # type: ignore[no-untyped-def]
    """Make one cohort of the sums of one recipient and day (handbook 7.3).

    Args:
        sums: int64[n, 4].
        recipient: int32[n], number of the recipient of each row.
        order: int32[n], rows by recipient and day.
        apart: importers are kept apart (`refund.consolidate_4811` = importer): each row is a cohort of its own.
        merged: out, room for n.
    """
    last = np.int64(-1)
    for row in order:
        day = np.int32(sums[row, KEY] >> 32)
        if apart or last < 0 or merged.recipient[last] != recipient[row] or merged.day[last] != day:
            last += 1
            merged.recipient[last] = recipient[row]
            merged.day[last] = day
            merged.importer[last] = np.int32(sums[row, KEY] & _LOW)
            merged.importers[last] = 0
            for word in range(4):
                merged.sums[word, last] = 0
        merged.importers[last] += 1
        merged.sums[0, last] += sums[row, COUNTS] & _LOW
        merged.sums[1, last] += sums[row, PRINCIPAL]
        merged.sums[2, last] += sums[row, INTEREST]
        merged.sums[3, last] += sums[row, COUNTS] >> 32
    merged.found[0] = last + 1
