"""A plain part of a delimited file in one call: where its cells stand, numbers read, and cells that repeat found.

A call for each column of every few thousand rows took 7 microseconds of the interpreter each time, three thousand times
for a million rows, and threads that read side by side waited for each other's.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from cape_kernels._jit import kernel, types
from cape_kernels.distinct import COUNT, distinct_cells
from cape_kernels.parse import parse_number
from cape_kernels.splitting import PLACE, PLAIN, RECORDS, split_records
from cape_kernels.splitting import STATE_LENGTH as _SPLIT_LENGTH

ROWS = _SPLIT_LENGTH
STATE_LENGTH = _SPLIT_LENGTH + 1


class Split(NamedTuple):
    """Where cells stand.

    Attributes:
        slots: int64 for each cell of a record: its row in `spans`, numbers before words, or -1 where it is not wanted.
        spans: int64, wanted cells x rows that are read at a time; scratch.
        tail: scratch of `splitting.TAIL` bytes.
    """

    slots: Any
    spans: Any
    tail: Any


class Numbers(NamedTuple):
    """Columns of amounts and counts.

    Attributes:
        forms: int64, columns x 3: form, lowest and highest number of `parse.parse_number`.
        spans: int64, columns x rows, out: where the cells stand.
        values: int64, columns x rows, out. status: uint8, columns x rows, out; as many rows as in `Words.index`.
    """

    forms: Any
    spans: Any
    values: Any
    status: Any


class Words(NamedTuple):
    """Columns of cells that repeat, each as in `distinct.distinct_cells`.

    Attributes:
        table: int32, columns x a power of 2. keys: uint64, columns x different cells x 2. firsts: int64, columns x
            different cells. states: int64, columns x 2.
        index: int32, columns x rows, out.
    """

    table: Any
    keys: Any
    firsts: Any
    states: Any
    index: Any


def _out(kind: types.Scalar, ndim: int) -> types.Array:
    return types.Array(kind, ndim, "C")


_BYTES = types.Array(types.uint8, 1, "C", readonly=True)
_SPLIT = types.NamedTuple(
    [types.Array(types.int64, 1, "C", readonly=True), _out(types.int64, 2), _out(types.uint8, 1)], Split
)
_NUMBERS = types.NamedTuple(
    [
        types.Array(types.int64, 2, "C", readonly=True),
        _out(types.int64, 2),
        _out(types.int64, 2),
        _out(types.uint8, 2),
    ],
    Numbers,
)
_WORDS = types.NamedTuple(
    [
        _out(types.int32, 2),
        _out(types.uint64, 3),
        _out(types.int64, 2),
        _out(types.int64, 2),
        _out(types.int32, 2),
    ],
    Words,
)


@kernel(types.void(_BYTES, types.uint8, _SPLIT, _NUMBERS, _WORDS, _out(types.int64, 1)))
def read_part(data, delimiter, split, numbers, words, state):
    """Read rows until the part ends, a record is not plain, or one of the arrays has no room for more.

    A few thousand rows at a time: their bytes, and where their cells stand, stay in the core's own cache while column
    after column is read. Room is asked for as many rows, and different cells, as `split.spans` holds.

    Args:
        data: the bytes of whole records, fewer than 2^31; the last line end may be missing.
        delimiter: the byte between cells.
        split: where the cells stand.
        numbers: the columns of numbers.
        words: the other columns.
        state: that of `splitting.split_records`, and behind it the rows read so far; in and out.
    """
    step = np.int64(split.spans.shape[1])
    count_numbers = np.int64(len(numbers.forms))
    while state[PLACE] < len(data):
        rows = state[ROWS]
        if rows + step > words.index.shape[1]:
            return
        for column in range(len(words.states)):
            if words.states[column, COUNT] + step > words.firsts.shape[1]:
                return
        split_records(data, delimiter, split.slots, split.spans, split.tail, state)
        if state[PLAIN] == 0:
            return
        count = state[RECORDS]
        end = rows + count
        for column in range(count_numbers):
            cells = split.spans[column, :count]
            for row in range(count):
                numbers.spans[column, rows + row] = cells[row]
            low, high = numbers.forms[column, 1], numbers.forms[column, 2]
            out, status = numbers.values[column, rows:end], numbers.status[column, rows:end]
            parse_number(cells, data, numbers.forms[column, 0], low, high, out, status)
        for column in range(len(words.states)):
            distinct_cells(
                split.spans[count_numbers + column, :count],
                data,
                words.table[column],
                words.keys[column],
                words.index[column, rows:end],
                words.firsts[column],
                words.states[column],
            )
        state[ROWS] = end
