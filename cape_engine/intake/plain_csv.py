"""Parts of a text file whose records are plain, read from bytes to numbers without looking at one row in Python."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from cape_engine.bridge import readonly
from cape_engine.intake.cells import form_of, is_number
from cape_engine.intake.texts import Cells, Counted, Repeated, Texts
from cape_engine.schema.column import Column
from cape_kernels import distinct as d
from cape_kernels import parts as k
from cape_kernels import splitting as sp

_TILE_ROWS = (1 << 11) + 8  # no power of two: the columns would share the same few lines of the cache
_DIFFERENT = 1 << 14  # cells of a column at first


class _Scratch:
    """Memory for reading a part, kept for the next one: new memory costs more than what is written into it."""

    def __init__(self) -> None:
        self.tail = np.empty(sp.TAIL, np.uint8)
        self.spans = np.empty((0, _TILE_ROWS), np.int64)
        self.states = np.zeros((0, d.STATE_LENGTH), np.int64)
        self._make(0, 0)

    def _make(self, columns: int, room: int) -> None:
        """Empty tables of the different cells of so many columns."""
        self.table = np.empty((columns, max(4 * room, d.FIRST_SIZE)), np.int32)
        self.keys = np.empty((columns, room, 2), np.uint64)
        self.firsts = np.empty((columns, room), np.int64)

    def fit(self, columns: int, words: int) -> None:
        """Room for so many columns, some of them of words, nothing in it."""
        if len(self.spans) != columns:
            self.spans = np.empty((columns, _TILE_ROWS), np.int64)
        if len(self.states) != words:
            self.states = np.zeros((words, d.STATE_LENGTH), np.int64)
            self._make(words, _DIFFERENT)
        self.states[:] = 0

    def widen(self) -> None:
        """Twice as much room for the different cells of each column; what none needs stays memory never touched."""
        keys, firsts = self.keys, self.firsts
        words, room = firsts.shape
        self._make(words, 2 * room)
        for column, count in enumerate(self.states[:, d.COUNT].tolist()):
            self.keys[column, :count], self.firsts[column, :count] = keys[column, :count], firsts[column, :count]
        self.states[:, d.SIZE] = 0

    def full(self) -> bool:
        """Whether a column has no room for the cells of a tile, were they all different."""
        return bool((self.states[:, d.COUNT] + _TILE_ROWS > self.firsts.shape[1]).any())


_FREE: list[_Scratch] = []
"""Not in use at the moment; as many as parts were ever read at once."""


class Part(NamedTuple):
    """Rows of a file.

    Attributes:
        rows: how many.
        columns: the cells of each column.
        ascii: whether all bytes of the part are such.
    """

    rows: int
    columns: dict[Column, Cells]
    ascii: bool


def plain_cells(
    data: npt.NDArray[np.uint8], delimiter: str, width: int, positions: Mapping[Column, int]
) -> Part | None:
    """A part; None if one of its records is not plain.

    Args:
        data: the bytes of whole records, UTF-8.
        delimiter: the character between cells.
        width: cells of a record.
        positions: our columns and the place of each in a record.
    """
    scratch = _FREE.pop() if _FREE else _Scratch()
    try:
        return _read(data, ord(delimiter), width, positions, scratch)
    finally:
        _FREE.append(scratch)


def _read(
    data: npt.NDArray[np.uint8], delimiter: int, width: int, positions: Mapping[Column, int], scratch: _Scratch
) -> Part | None:
    """As `plain_cells`."""
    numbers = [column for column in positions if is_number(column)]
    words = [column for column in positions if not is_number(column)]
    scratch.fit(len(positions), len(words))
    slots = np.full(width, -1, np.int64)
    slots[[positions[column] for column in (*numbers, *words)]] = np.arange(len(positions))
    forms = np.array([form_of(column) for column in numbers], np.int64).reshape(-1, 3)
    split = k.Split(readonly(slots), scratch.spans, scratch.tail)
    counted, index = _roomier(k.Numbers(readonly(forms), *_OUT), np.empty((len(words), 0), np.int32), 0, _TILE_ROWS)
    state = np.zeros(k.STATE_LENGTH, np.int64)
    state[sp.PLAIN] = 1
    while state[sp.PLAIN] and state[sp.PLACE] < len(data):
        table = k.Words(scratch.table, scratch.keys, scratch.firsts, scratch.states, index)
        k.read_part(data, np.uint8(delimiter), split, counted, table, state)
        rows, place = int(state[k.ROWS]), int(state[sp.PLACE])
        if state[sp.PLAIN] and place < len(data):
            if scratch.full():
                scratch.widen()
            if rows + _TILE_ROWS > index.shape[1]:  # as many as there are if all are as long, and some more
                counted, index = _roomier(counted, index, rows, rows * len(data) * 17 // (16 * place) + 2 * _TILE_ROWS)
    if not state[sp.PLAIN]:
        return None
    rows = int(state[k.ROWS])
    columns: dict[Column, Cells] = {}
    for place, column in enumerate(numbers):
        texts = Texts(data, readonly(counted.spans[place, :rows]))
        columns[column] = Counted(texts, counted.values[place, :rows], counted.status[place, :rows])
    for place, column in enumerate(words):
        found = Texts(data, readonly(scratch.firsts[place, : scratch.states[place, d.COUNT]]))
        columns[column] = Repeated(found.arrow(), index[place, :rows])
    return Part(rows, {column: columns[column] for column in positions}, not state[sp.HIGH])


def _roomier(
    numbers: k.Numbers, index: npt.NDArray[np.int32], rows: int, room: int
) -> tuple[k.Numbers, npt.NDArray[np.int32]]:
    """The arrays of rows with more room, those that were read copied."""
    old = (numbers.spans, numbers.values, numbers.status, index)
    counts = (*[len(numbers.forms)] * 3, len(index))
    spans, values, status, codes = (
        np.empty((count, room), array.dtype) for count, array in zip(counts, old, strict=True)
    )
    for array, larger in zip(old, (spans, values, status, codes), strict=True):
        if rows:
            larger[:, :rows] = array[:, :rows]
    return k.Numbers(numbers.forms, spans, values, status), codes


_OUT = (np.empty((0, 0), np.int64), np.empty((0, 0), np.int64), np.empty((0, 0), np.uint8))
