"""Account and routing numbers as they may be shown: masked to the last four, and less of a short one."""

from __future__ import annotations

import re

import pyarrow as pa
import pyarrow.compute as pc

_SHOWN = 4
_MASK = "****"
_LONG = r"[0-9A-Z]{0,4}[0-9](?:[ \-]?[0-9]){3,}((?:[ \-]?[0-9]){4})"
_SHORT = r"[0-9](?:[ \-]?[0-9]){2,}((?:[ \-]?[0-9]){2})"
"""What looks like a number of an account: eight digits or more, and five to seven."""


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


def hidden(text: str) -> str:
    """A text of a file that holds accounts, whatever looks like a number of one masked.

    Cells may have slipped into other columns, and a file without headings is quoted by its first row.
    """
    return re.sub(_SHORT, _MASK + r"\1", re.sub(_LONG, _MASK + r"\1", text))


def hidden_texts(texts: pa.Array) -> pa.Array:
    """Many texts as by `hidden`."""
    once = pc.replace_substring_regex(texts, _LONG, _MASK + r"\1")
    return pc.replace_substring_regex(once, _SHORT, _MASK + r"\1")
