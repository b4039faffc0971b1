"""Delimited text that is plain: one line a record, no quote inside a quoted cell; where the wanted cells stand.

Sixty-four bytes are compared at a time, and the cells follow from the bits: looking for the end of each cell has to
wait for the one before and takes twice as long. What is not plain is left to `delimited` and Arrow's reader: the kernel
stops and says so.
"""

from __future__ import annotations

import numpy as np

from cape_kernels._jit import helper, kernel, types
from cape_kernels.lanes import WIDTH, equal_bytes, high_bytes, lowest_bit
from cape_kernels.words64 import parities

PLACE = 0
RECORDS = 1
PLAIN = 2
HIGH = 3
STATE_LENGTH = 4

TAIL = WIDTH
"""Bytes of scratch that the kernel needs."""

LENGTH_SHIFT = 32
"""A cell is one number: the place of its first byte, and its bytes times 2^32."""

_BYTES = types.Array(types.uint8, 1, "C", readonly=True)
_BYTES_OUT = types.Array(types.uint8, 1, "C")
_SLOTS = types.Array(types.int64, 1, "C", readonly=True)
_SPANS_OUT = types.Array(types.int64, 2, "C")
_STATE_OUT = types.Array(types.int64, 1, "C")

_NONE = np.uint64(0)
_ONE = np.uint64(1)
_LAST = np.uint64(WIDTH - 1)
_ALL = np.uint64(0xFFFFFFFFFFFFFFFF)
_QUOTE = np.uint8(34)
_LF = np.uint8(10)
_CR = np.uint8(13)


@helper
def _between_lines(data, place):  # type: ignore[no-untyped-def]  # compiled: types are in the caller's signature
    """Whether a line end stands at `place`."""
    return data[place] == 10 or data[place] == 13


@helper
def _says_something(data, place, end, delimiter):  # type: ignore[no-untyped-def]
    """Whether a record holds anything but delimiters, quotes, blanks and the like (true is sure, false is not)."""
    while place < end:
        if data[place] > 34 and data[place] != delimiter:
            return True
        place += 1
    return False


@helper
def _bits_of(data, base, delimiter, tail):  # type: ignore[no-untyped-def]
    """(quotes, delimiters and line ends, line ends, what is not ASCII) among the 64 bytes from `base` on, a bit each.

    The last bytes are copied into `tail` with zeros behind them, because 64 are compared at a time.
    """
    if base + WIDTH <= len(data):
        ends = equal_bytes(data, base, _LF) | equal_bytes(data, base, _CR)
        between = ends | equal_bytes(data, base, delimiter)
        return equal_bytes(data, base, _QUOTE), between, ends, high_bytes(data, base)
    for step in range(WIDTH):
        tail[step] = data[base + step] if base + step < len(data) else 0
    ends = equal_bytes(tail, 0, _LF) | equal_bytes(tail, 0, _CR)
    between = ends | equal_bytes(tail, 0, delimiter)
    return equal_bytes(tail, 0, _QUOTE), between, ends, high_bytes(tail, 0)


@kernel(types.void(_BYTES, types.uint8, _SLOTS, _SPANS_OUT, _BYTES_OUT, _STATE_OUT))
def split_records(data, delimiter, slots, spans, tail, state):
    """Write where the wanted cells of some records stand, quotes around them left out.

    Stops at a record that is not plain: a wrong number of cells, nothing but blanks, a line end or a quote inside a
    cell, text behind a closing quote. The records written are good.

    Args:
        data: the bytes of whole records, fewer than 2^31; the last line end may be missing.
        delimiter: the byte between cells.
        slots: for each cell of a record its row in `spans`, or -1 where it is not wanted.
        spans: wanted cells x as many records as are to be read now, out.
        tail: 64 bytes of scratch.
        state: in and out: where to begin and where the next record begins; out: records written, 1 if they are plain;
            in and out: not 0 once a byte that is not ASCII was seen.
    """
    size = np.int64(len(data))
    cells = np.int64(len(slots))
    room = np.int64(spans.shape[1])
    state[PLAIN] = 0
    record = np.int64(0)
    cell = np.int64(0)
    start = state[PLACE]
    begin = start
    within = _NONE  # all bits set while a quoted cell goes on
    after_mark = _ONE  # whether the byte before stands at the end of a cell
    after_quote = _NONE  # whether the byte before closes a quoted cell
    high = _NONE
    for base in range(start, size, WIDTH):
        quotes, between, ends, beyond = _bits_of(data, base, delimiter, tail)
        high |= beyond
        inside = parities(quotes) ^ within
        closing = quotes & ~inside
        opening = quotes & inside
        followed = (closing << _ONE) | after_quote
        if base + WIDTH > size:  # behind the last byte nothing has to follow
            followed &= (_ONE << np.uint64(size - base)) - _ONE
        stray = ends & inside
        between &= ~inside
        stray |= (opening & ~((between << _ONE) | after_mark)) | (followed & ~between)
        if stray != _NONE:
            state[RECORDS] = record
            return
        within = _ALL if inside >> _LAST == _ONE else _NONE
        after_mark = between >> _LAST
        after_quote = closing >> _LAST
        while between != _NONE:
            place = base + lowest_bit(between)
            between &= between - _ONE
            if place < start:  # the LF of a CRLF
                continue
            quoted = np.int64(data[start] == 34)
            first = start + quoted
            slot = slots[cell]
            if slot >= 0:
                spans[slot, record] = first | ((place - quoted - first) << LENGTH_SHIFT)
            cell += 1
            start = place + 1
            if cell < cells:
                if data[place] != delimiter:
                    state[RECORDS] = record
                    return
                continue
            if not _between_lines(data, place) or not _says_something(data, begin, place, delimiter):
                state[RECORDS] = record
                return
            if data[place] == 13 and start < size and data[start] == 10:
                start += 1
            record += 1
            cell = np.int64(0)
            begin = start
            if record == room:
                state[RECORDS] = record
                state[PLACE] = start
                state[PLAIN] = 1
                state[HIGH] |= np.int64(high != _NONE)
                return
    state[RECORDS] = record
    state[PLACE] = size
    state[HIGH] |= np.int64(high != _NONE)
    if within != _NONE:
        return
    if start < size or cell > 0:  # the last line has no end
        quoted = np.int64(start < size and data[start] == 34)
        first = start + quoted
        if cell + 1 != cells or not _says_something(data, begin, size, delimiter):
            return
        slot = slots[cell]
        if slot >= 0:
            spans[slot, record] = first | ((size - quoted - first) << LENGTH_SHIFT)
        state[RECORDS] = record + 1
    state[PLAIN] = 1


@kernel(types.void(_BYTES, types.int64, _STATE_OUT))
def line_end(data, place, found):
    """Write the place behind the first line end (LF, CR or CRLF) at or after `place` into `found[0]`."""
    size = np.int64(len(data))
    while place < size and data[place] != 10 and data[place] != 13:
        place += 1
    if place < size:
        place += 2 if data[place] == 13 and place + 1 < size and data[place + 1] == 10 else 1
    found[0] = place
