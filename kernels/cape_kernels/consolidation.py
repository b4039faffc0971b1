"""Sums of refunds by (party, liquidation day) in a dense table: one pass, no sort, no hash."""

from __future__ import annotations

import numpy as np
from numba import types

from cape_kernels._jit import kernel

ENTRIES, PRINCIPAL, INTEREST, UNKNOWN = 0, 1, 2, 3
"""Columns of the sums: entries, cents of principal, cents of interest, entries whose interest is not known."""

_MAX = np.int64(2**63 - 1)

_CENTS = types.Array(types.int64, 1, "C", readonly=True)
_FLAGS = types.Array(types.int8, 1, "C", readonly=True)


@kernel(types.void(_CENTS, _CENTS, _CENTS, _FLAGS, types.int64[:, ::1], types.int8[::1]))
def add_to_cohorts(  # type: ignore[no-untyped-def]
    cell, principal, interest, known, sums, overflow
):
    """Add each entry to the sums of its cohort (handbook 7.3).

    Args:
        cell: int64[n], dense number of (recipient, importer, liquidation day); negative for an entry that is not paid.
        principal: int64[n], cents, at least 0.
        interest: int64[n], cents, at least 0; not added where `known` is 0.
        known: int8[n], whether the interest is known.
        sums: int64[cells, 4], in and out: entries, principal, interest, entries of unknown interest.
        overflow: int8[1], out: 1 when a sum does not fit int64.
    """
    for i in range(cell.shape[0]):
        place = cell[i]
        if place < 0:
            continue
        sums[place, ENTRIES] += 1
        if principal[i] > _MAX - sums[place, PRINCIPAL]:
            overflow[0] = 1
        else:
            sums[place, PRINCIPAL] += principal[i]
        if known[i] == 0:
            sums[place, UNKNOWN] += 1
        elif interest[i] > _MAX - sums[place, INTEREST]:
            overflow[0] = 1
        else:
            sums[place, INTEREST] += interest[i]
