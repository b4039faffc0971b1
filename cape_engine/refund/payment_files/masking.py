"""Account and routing numbers as they may be shown: masked to the last four, and less of a short one."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc

_SHOWN = 4
_MASK = "****"


def masked(number: str | None) -> str | None:
    """A number as it may be shown: stars and its last four characters, at most half of it.

    Args:
        number: an account or routing number; None stays None.
    """
    if number is None:
        return None
    shown = min(_SHOWN, len(number) // 2)
    return _MASK + number[len(number) - shown :]


def masked_texts(numbers: pa.Array) -> pa.Array:
    """Many numbers as they may be shown, each as by `masked`."""
    most = pc.divide(pc.utf8_length(numbers), 2)
    shown = pc.utf8_slice_codeunits(numbers, -_SHOWN)
    for fewer in range(1, _SHOWN):
        shown = pc.if_else(pc.equal(most, fewer), pc.utf8_slice_codeunits(numbers, -fewer), shown)
    return pc.binary_join_element_wise(_MASK, pc.if_else(pc.equal(most, 0), "", shown), "")
