"""Where the few lines of a partition stand that have facts of their own."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from cape_kernels._jit import helper, kernel, types

COMPONENT = 1
"""Mark of a line that is part of a set (CATAIR AE (k))."""
PRIVILEGED = 2
"""Mark of a line of privileged goods (CATAIR AE note (j))."""

_CODES = types.Array(types.int32, 1, "C", readonly=True)
_HITS = types.Array(types.int8, 1, "C", readonly=True)
_LINES = types.Array(types.int64, 1, "C", readonly=True)


class Marked(NamedTuple):
    """Words of a column and which of them give a line a mark.

    Attributes:
        codes: int32 word of each line, -1 none; empty where no line has any.
        marks: int8 mark of each word, that of no word before the first.
    """

    codes: Any
    marks: Any


class Odd(NamedTuple):
    """Lines with facts of their own, ascending; room for all lines, out.

    Attributes:
        line, entry: int32 places. marks: int8 `COMPONENT` and `PRIVILEGED`. text: int32 which text it has, -1 none.
    """

    line: Any
    entry: Any
    marks: Any
    text: Any


_MARKED = types.NamedTuple([_CODES, _HITS], Marked)
_ODD = types.NamedTuple([types.int32[::1], types.int32[::1], types.int8[::1], types.int32[::1]], Odd)


@helper
def _mark(column, line):  # type: ignore[no-untyped-def]  # compiled: types are in the signature of the caller
    """Mark that a column gives a line."""
    if len(column.codes) == 0:
        return np.int8(0)
    return column.marks[np.uint32(column.codes[line] + np.int32(1))]


@kernel(types.void(_CODES, _MARKED, _MARKED, _LINES, _ODD, types.int64[::1]))
def odd_lines(counts, sets, statuses, texts, odd, found):  # type: ignore[no-untyped-def]
    """Write the lines that have a mark or a text.

    Args:
        counts: int32 lines of each entry.
        sets: set indicators.
        statuses: free trade zone statuses.
        texts: int64 lines that have a text, ascending, closed by a number beyond all lines.
        odd: out.
        found: int64[1], out: how many.
    """
    line = np.int64(0)
    place = np.int64(0)
    text = np.int64(0)
    for entry in range(len(counts)):
        for _ in range(counts[entry]):
            marks = _mark(sets, line) | _mark(statuses, line)
            if marks != 0 or texts[text] == line:
                odd.line[place] = line
                odd.entry[place] = entry
                odd.marks[place] = marks
                odd.text[place] = -1
                if texts[text] == line:
                    odd.text[place] = text
                    text += 1
                place += 1
            line += 1
    found[0] = place
