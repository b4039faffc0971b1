"""Where the few lines of a partition stand that have facts of their own."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from cape_kernels._jit import helper, kernel, types

COMPONENT = 1
"""Mark of a line that is part of a set (CATAIR AE (k))."""
PRIVILEGED = 2
"""Mark of a line of privileged goods (CATAIR AE note (j))."""
BLOCK = 1 << 12
"""Lines surveyed at a time, so that the notes on them stay in the cache of the core."""

_CODES = types.Array(types.int32, 1, "C", readonly=True)
_HITS = types.Array(types.int8, 1, "C", readonly=True)
_LINES = types.Array(types.int64, 1, "C", readonly=True)


class Marked(NamedTuple):
    """Words of a column and which of them give a line a mark.

    Attributes:
        codes: int32 word of each line, -1 none; empty where no line has any.
        marks: int8 mark of each word, that of no word before the first.
        first: the first word with a mark. span: how far behind it the last one stands.
    """

    codes: Any
    marks: Any
    first: Any
    span: Any


class Odd(NamedTuple):
    """Lines with facts of their own, ascending; room for all lines, out.

    Attributes:
        line, entry: int32 places. marks: int8 `COMPONENT` and `PRIVILEGED`. text: int32 which text it has, -1 none.
    """

    line: Any
    entry: Any
    marks: Any
    text: Any


_MARKED = types.NamedTuple([_CODES, _HITS, types.int64, types.int64], Marked)
_ODD = types.NamedTuple([types.int32[::1], types.int32[::1], types.int8[::1], types.int32[::1]], Odd)


@helper
def _survey(column, begin, end, mark, seen):  # type: ignore[no-untyped-def]  # compiled: types are in the caller
    """Note the lines whose word may give a mark, by the range of such words: the processor does many at a time."""
    if len(column.codes) != 0:
        codes = column.codes[begin:end]
        first = np.int32(column.first)
        span = np.uint32(column.span)
        for at in range(len(codes)):
            if np.uint32(codes[at] - first) <= span:
                seen[at] |= mark


@helper
def _mark(column, line):  # type: ignore[no-untyped-def]
    """Mark that a column gives a line."""
    if len(column.codes) == 0:
        return np.int8(0)
    return column.marks[np.uint32(column.codes[line] + np.int32(1))]


@kernel(types.void(_CODES, _MARKED, _MARKED, _LINES, types.int64[::1], types.int8[::1], _ODD, types.int64[::1]))
def odd_lines(counts, sets, statuses, texts, words, seen, odd, found):  # type: ignore[no-untyped-def]
    """Write the lines that have a mark or a text.

    Args:
        counts: int32 lines of each entry.
        sets: set indicators.
        statuses: free trade zone statuses.
        texts: int64 lines that have a text, ascending, closed by the number of lines.
        words: int64[BLOCK / 8], scratch.
        seen: int8[BLOCK], the bytes of `words`.
        odd: out.
        found: int64[1], out: how many.
    """
    size = texts[len(texts) - 1]
    place = np.int64(0)
    text = np.int64(0)
    entry = np.int64(-1)
    ends = np.int64(0)
    for begin in range(0, size, BLOCK):
        end = min(begin + BLOCK, size)
        words[:] = 0
        _survey(sets, begin, end, np.int8(COMPONENT), seen)
        _survey(statuses, begin, end, np.int8(PRIVILEGED), seen)
        ahead = text
        while texts[ahead] < end:
            seen[texts[ahead] - begin] = -1
            ahead += 1
        for word in range(len(words)):
            if words[word] == 0:
                continue
            for line in range(begin + 8 * word, begin + 8 * word + 8):
                if seen[line - begin] == 0:
                    continue
                marks = _mark(sets, line) | _mark(statuses, line)
                has_text = texts[text] == line
                if marks == 0 and not has_text:
                    continue
                while line >= ends:
                    entry += 1
                    ends += counts[entry]
                odd.line[place] = line
                odd.entry[place] = entry
                odd.marks[place] = marks
                odd.text[place] = text if has_text else -1
                text += has_text
                place += 1
    found[0] = place
