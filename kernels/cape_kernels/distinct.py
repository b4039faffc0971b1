"""Cells that repeat: the different ones of a column, and which of them each row holds."""

from __future__ import annotations

import numpy as np

from cape_kernels._jit import helper, kernel, types
from cape_kernels.words64 import first_bytes, mixed, word_at

COUNT = 0
SIZE = 1
STATE_LENGTH = 2

FIRST_SIZE = 1 << 10

_BYTES = types.Array(types.uint8, 1, "C", readonly=True)
_BYTES_OUT = types.Array(types.uint8, 1, "C")
_SPANS = types.Array(types.int64, 1, "C", readonly=True)
_ROWS = types.Array(types.int64, 1, "C", readonly=True)
_PLACES_OUT = types.Array(types.int32, 1, "C")
_NUMBERS_OUT = types.Array(types.int64, 1, "C")
_WORDS_OUT = types.Array(types.uint64, 2, "C")


@helper
def _same_rest(data, one, other, length):  # type: ignore[no-untyped-def]  # compiled: types are in the caller
    """Whether two cells of `length` bytes are equal behind their first eight bytes."""
    for step in range(8, length):  # noqa: SIM110 - compiled code has no generators
        if data[one + step] != data[other + step]:
            return False
    return True


@helper
def _rest(data, place, length, high):  # type: ignore[no-untyped-def]
    """Every byte behind the first eight in one word, for cells of more than sixteen: many may begin alike."""
    for step in range(16, length, 8):
        high = mixed(high, first_bytes(word_at(data, place + step), length - step), length)
    return high


@helper
def _enter_again(spans, keys, table, size, count):  # type: ignore[no-untyped-def]
    """Fill a table of another size with the cells that are known."""
    for slot in range(size):
        table[slot] = 0
    for code in range(count):
        slot = mixed(keys[code, 0], keys[code, 1], spans[code] >> 32) & np.uint64(size - 1)
        while table[slot] != 0:
            slot = (slot + np.uint64(1)) & np.uint64(size - 1)
        table[slot] = code + 1


@kernel(types.void(_SPANS, _BYTES, _PLACES_OUT, _WORDS_OUT, _PLACES_OUT, _NUMBERS_OUT, _NUMBERS_OUT))
def distinct_cells(spans, data, table, keys, index, firsts, state):
    """Write each different cell once, and for each row which of them it holds; goes on where the call before ended.

    Rows of one entry repeat most of their cells, so a cell is compared with that of the row before it is looked up.

    Args:
        spans: n cells: the place of the first byte, and bytes times 2^32.
        data: the bytes they and those of earlier calls stand in.
        table: scratch of 2^k numbers, at least `FIRST_SIZE` and four times the different cells there may be.
        keys: scratch, two words for each different cell.
        index: n numbers out, counted in the order in which the cells come.
        firsts: the different cells, in and out.
        state: how many there are, and how much of the table is in use, in and out; both 0 at first, and the latter 0
            again where a larger table takes the place of another.
    """
    count = state[COUNT]
    size = state[SIZE]
    if size == 0:
        size = np.int64(FIRST_SIZE)
        while size < 2 * count:
            size *= 2
        _enter_again(firsts, keys, table, size, count)
    low_before = np.uint64(0)
    high_before = np.uint64(0)
    length_before = np.int64(-1)
    code = np.int32(0)
    for row in range(len(spans)):
        place = spans[row] & 0xFFFFFFFF
        length = spans[row] >> 32
        low = first_bytes(word_at(data, place), length)
        high = np.uint64(0) if length <= 8 else first_bytes(word_at(data, place + 8), length - 8)
        if length > 16:
            high = _rest(data, place, length, high)
        if low == low_before and high == high_before and length == length_before and length <= 16:
            index[row] = code
            continue
        low_before = low
        high_before = high
        length_before = length
        slot = mixed(low, high, length) & np.uint64(size - 1)
        while True:
            code = table[slot] - np.int32(1)
            if code < 0:
                code = np.int32(count)
                table[slot] = count + 1
                keys[count, 0] = low
                keys[count, 1] = high
                firsts[count] = spans[row]
                count += 1
                break
            same = keys[code, 0] == low and keys[code, 1] == high and firsts[code] >> 32 == length
            if same and (length <= 16 or _same_rest(data, place, firsts[code] & 0xFFFFFFFF, length)):
                break
            slot = (slot + np.uint64(1)) & np.uint64(size - 1)
        index[row] = code
        if 2 * count > size and 2 * size <= len(table):
            size *= 2
            _enter_again(firsts, keys, table, size, count)
    state[COUNT] = count
    state[SIZE] = size


@kernel(types.void(_SPANS, _BYTES, _ROWS, _PLACES_OUT, _BYTES_OUT))
def copy_cells(spans, data, rows, offsets, out):
    """Write the bytes of the cells of some rows one behind the other.

    Args:
        spans: cells, as in `distinct_cells`.
        data: the bytes they stand in.
        rows: m rows.
        offsets: m + 1 places in `out`, out (Arrow's layout).
        out: room for all their bytes, out.
    """
    behind = np.int64(0)
    offsets[0] = 0
    for at in range(len(rows)):
        place = spans[rows[at]] & 0xFFFFFFFF
        length = spans[rows[at]] >> 32
        for step in range(length):
            out[behind + step] = data[place + step]
        behind += length
        offsets[at + 1] = behind
