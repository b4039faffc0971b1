"""Values as the bytes of a Parquet page: runs and packed bits, packed differences, plain texts, levels of lists."""

from __future__ import annotations

import numpy as np
from numba import types

from cape_kernels._jit import helper, kernel, wrapping_helper

BLOCK = 128
"""Differences in a block; each of its four quarters has a width of its own."""
MOST_BYTES = 10
"""Bytes that a varint, or a packed difference with its share of the block's head, needs at most."""

_QUARTER = 32
_GROUP = 8
_MOST_GROUPS = 63  # of a packed run, so that its head is one byte
_LONG_RUN = 8  # shorter repeats are packed
_INT32 = 32

_CODES = types.Array(types.int32, 1, "C", readonly=True)
_NUMBERS = types.Array(types.int64, 1, "C", readonly=True)
_BYTES = types.Array(types.uint8, 1, "C", readonly=True)
_BYTES_OUT = types.Array(types.uint8, 1, "C")
_NUMBERS_OUT = types.Array(types.int64, 1, "C")
_CODES_OUT = types.Array(types.int32, 1, "C")
_END = types.Array(types.int64, 1, "C")


@helper
def _put(out, place, bits):
    """Write the lower 32 bits and give the place after them; the compiler makes one store of the four."""
    out[place] = np.uint8(bits & np.uint64(255))
    out[place + 1] = np.uint8((bits >> np.uint64(8)) & np.uint64(255))
    out[place + 2] = np.uint8((bits >> np.uint64(16)) & np.uint64(255))
    out[place + 3] = np.uint8((bits >> np.uint64(24)) & np.uint64(255))
    return place + 4


@kernel(types.void(_CODES, types.int64, _BYTES_OUT, _END))
def write_runs(values, width, out, end):
    """Write small numbers as repeats and packed groups of eight (Parquet's RLE hybrid encoding).

    Args:
        values: n numbers from 0 to 2^width - 1.
        width: bits of a number, 0 to 32.
        out: at least 4 n + n / 8 + 64 bytes.
        end: bytes written, in its first place.
    """
    count = len(values)
    place, row = 0, 0
    head, groups = -1, 0
    while row < count:
        value = values[row]
        last = row + 1
        while last < count and values[last] == value:
            last += 1
        run = last - row
        if run >= _LONG_RUN or (last == count and run == count):
            head = -1
            left = run << 1
            while left > 127:
                out[place] = left & 127 | 128
                place += 1
                left >>= 7
            out[place] = left
            place += 1
            for byte in range((width + 7) // 8):
                out[place] = (value >> (8 * byte)) & 255
                place += 1
            row = last
            continue
        if head < 0 or groups == _MOST_GROUPS:
            head, groups = place, 0
            place += 1
        groups += 1
        out[head] = groups << 1 | 1
        packed, held = np.uint64(0), 0
        for other in range(row, row + _GROUP):
            if other < count:
                packed |= np.uint64(values[other]) << np.uint64(held)
            held += width
            if held >= _INT32:
                place = _put(out, place, packed)
                packed >>= np.uint64(_INT32)
                held -= _INT32
        while held > 0:
            out[place] = np.uint8(packed & np.uint64(255))
            place += 1
            packed >>= np.uint64(8)
            held -= 8
        row += _GROUP
    end[0] = place


@wrapping_helper
def _difference(later, earlier, narrow):
    """`later` minus `earlier` modulo 2^64, or 2^32 in narrow columns."""
    found = later - earlier
    if narrow:
        found = ((found + 2147483648) & 4294967295) - 2147483648
    return found


@wrapping_helper
def _above(value, low):
    """How far `value` is above `low`, as an unsigned number."""
    return np.uint64(value) - np.uint64(low)


@kernel(types.void(_NUMBERS, types.boolean, _NUMBERS_OUT, _BYTES_OUT, _END))
def write_differences(values, narrow, waiting, out, end):
    """Write whole numbers as packed differences (Parquet's DELTA_BINARY_PACKED), without the head that counts them.

    Args:
        values: n numbers, the first of which the head gives.
        narrow: whether the column is 32 bits wide: differences then wrap at 2^32.
        waiting: room for the differences of a block.
        out: at least 10 (n + 128) bytes.
        end: bytes written, in its first place.
    """
    count = len(values)
    place = 0
    for start in range(1, count, BLOCK):
        size = min(BLOCK, count - start)
        low = _difference(values[start], values[start - 1], narrow)
        for row in range(size):
            waiting[row] = _difference(values[start + row], values[start + row - 1], narrow)
            low = min(low, waiting[row])
        for row in range(size, BLOCK):
            waiting[row] = low
        left = np.uint64(low << 1) ^ np.uint64(low >> 63)
        while left > np.uint64(127):
            out[place] = np.uint8(left & np.uint64(127) | np.uint64(128))
            place += 1
            left >>= np.uint64(7)
        out[place] = np.uint8(left)
        widths = place + 1
        place += 5
        for quarter in range(4):
            every = np.uint64(0)
            for row in range(quarter * _QUARTER, (quarter + 1) * _QUARTER):
                every |= _above(waiting[row], low)
            width = 0
            while every:
                width += 1
                every >>= np.uint64(1)
            out[widths + quarter] = width if quarter * _QUARTER < size else 0
            packed, held = np.uint64(0), 0
            for row in range(quarter * _QUARTER, (quarter + 1) * _QUARTER if width else 0):
                over = _above(waiting[row], low)
                # Up to 31 bits of the numbers before wait, so wide ones go in two halves.
                packed |= (over & np.uint64(4294967295)) << np.uint64(held)
                held += min(width, _INT32)
                if held >= _INT32:
                    place = _put(out, place, packed)
                    packed >>= np.uint64(_INT32)
                    held -= _INT32
                if width > _INT32:
                    packed |= (over >> np.uint64(_INT32)) << np.uint64(held)
                    held += width - _INT32
                    if held >= _INT32:
                        place = _put(out, place, packed)
                        packed >>= np.uint64(_INT32)
                        held -= _INT32
    end[0] = place


@kernel(types.void(_NUMBERS, _BYTES, types.int64, _NUMBERS_OUT, _END))
def known_numbers(values, bits, first, known, end):
    """Write the numbers that are known, in order.

    Args:
        values: n numbers.
        bits: which are known, as Arrow's bits.
        first: bit of the first number.
        known: room for n numbers.
        end: how many are known, in its first place.
    """
    count = 0
    for row in range(len(values)):
        known[count] = values[row]
        count += int((bits[(first + row) >> 3] >> ((first + row) & 7)) & 1)
    end[0] = count


@kernel(types.void(_CODES, _BYTES, types.int64, _CODES_OUT, _CODES_OUT, _END))
def known_words(indices, bits, first, moved, known, end):
    """Write the places of known words in a dictionary of only the words that occur, in the order of the dictionary.

    Args:
        indices: n places in the dictionary.
        bits: which cells are known, as Arrow's bits; empty if all are.
        first: bit of the first cell.
        moved: out, one for each word: its new place, or -1 if it does not occur.
        known: room for n places.
        end: out, how many cells are known, how many words occur.
    """
    moved[:] = -1
    count = 0
    for row in range(len(indices)):
        if len(bits) == 0 or (bits[(first + row) >> 3] >> ((first + row) & 7)) & 1:
            known[count] = indices[row]
            moved[indices[row]] = 0
            count += 1
    words = 0
    for word in range(len(moved)):
        if moved[word] == 0:
            moved[word] = words
            words += 1
    for place in range(count):
        known[place] = moved[known[place]]
    end[0] = count
    end[1] = words


@kernel(types.void(_CODES, _BYTES, _CODES, _BYTES_OUT, _END))
def write_texts(starts, data, moved, out, end):
    """Write texts each with its length before it (Parquet's PLAIN encoding).

    Args:
        starts: n + 1 places in `data`.
        data: the bytes of all texts.
        moved: texts with -1 are left out; empty if all are wanted.
        out: at least 4 n + starts[n] - starts[0] bytes.
        end: bytes written, in its first place.
    """
    place = 0
    for row in range(len(starts) - 1):
        if len(moved) > 0 and moved[row] < 0:
            continue
        length = starts[row + 1] - starts[row]
        for byte in range(4):
            out[place + byte] = (length >> (8 * byte)) & 255
        place += 4
        for byte in range(length):
            out[place + byte] = data[starts[row] + byte]
        place += length
    end[0] = place


@helper
def _before(starts, data, one, other):
    """Whether text `one` stands before text `other`, byte by byte."""
    length, rest = starts[one + 1] - starts[one], starts[other + 1] - starts[other]
    for byte in range(min(length, rest)):
        if data[starts[one] + byte] != data[starts[other] + byte]:
            return data[starts[one] + byte] < data[starts[other] + byte]
    return length < rest


@kernel(types.void(_CODES, _BYTES, _CODES, _END))
def lowest_highest(starts, data, moved, end):
    """Find the lowest and the highest text.

    Args:
        starts: n + 1 places in `data`.
        data: the bytes of all texts.
        moved: texts with -1 do not count; empty if all do.
        end: out, numbers of the lowest and the highest text; -1 without any.
    """
    low, high = -1, -1
    for row in range(len(starts) - 1):
        if len(moved) > 0 and moved[row] < 0:
            continue
        if low < 0 or _before(starts, data, row, low):
            low = row
        if high < 0 or _before(starts, data, high, row):
            high = row
    end[0] = low
    end[1] = high


@kernel(types.void(_CODES, _CODES_OUT, _CODES_OUT))
def list_levels(starts, repetition, definition):
    """Write the levels of lists that are never unknown, nor are their items: one for each item and each empty list.

    Args:
        starts: n + 1 places of the first items.
        repetition: out, 0 where a list begins, 1 within it.
        definition: out, 0 for an empty list, 2 for an item.
    """
    place = 0
    for row in range(len(starts) - 1):
        items = starts[row + 1] - starts[row]
        repetition[place] = 0
        definition[place] = 2 if items else 0
        place += 1
        for _ in range(1, items):
            repetition[place] = 1
            definition[place] = 2
            place += 1
