"""Parts of a text file whose records are plain, read from bytes to numbers a few thousand rows at a time.

The bytes of those rows, and where their cells stand, stay in the core's own cache while column after column is read:
over a whole part, every cell of a column would be fetched from farther away.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from cape_engine.bridge import Int64s, readonly
from cape_engine.intake.cells import is_number, read_numbers
from cape_engine.intake.texts import Cells, Codes, Counted, Repeated, Repeats, Texts
from cape_engine.schema.column import Column
from cape_kernels import splitting as k

_TILE_ROWS = (1 << 13) + 8  # no power of two: the columns would share the same few lines of the cache


class _Scratch:
    """Memory for reading a part, kept for the next one: new memory costs more than what is written into it."""

    def __init__(self) -> None:
        self.spans = np.empty((0, _TILE_ROWS), np.int64)
        self.repeats: list[Repeats] = []
        self.tail = np.empty(k.TAIL, np.uint8)

    def grow(self, columns: int) -> None:
        """Room for so many columns, nothing in it."""
        if len(self.spans) != columns:
            self.spans = np.empty((columns, _TILE_ROWS), np.int64)
            self.repeats = [Repeats() for _column in range(columns)]
        for repeats in self.repeats:
            repeats.clear()


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
        scratch.grow(len(positions))
        slots = np.full(width, -1, np.int64)
        slots[list(positions.values())] = np.arange(len(positions))
        return _read(data, delimiter, readonly(slots), list(positions), scratch)
    finally:
        _FREE.append(scratch)


def _read(
    data: npt.NDArray[np.uint8], delimiter: str, slots: Int64s, names: list[Column], scratch: _Scratch
) -> Part | None:
    """As `plain_cells`; `slots` says which of `names` each cell of a record is."""
    columns: list[_Reading] = []
    seen = readonly(scratch.spans)
    state = np.zeros(k.STATE_LENGTH, np.int64)
    rows = 0
    while state[k.PLACE] < len(data):
        k.split_records(data, np.uint8(ord(delimiter)), slots, scratch.spans, scratch.tail, state)
        if not state[k.PLAIN]:
            return None
        count = int(state[k.RECORDS])
        if not columns:
            room = count + int(count * len(data) / int(state[k.PLACE]))  # as many as there are if all are as long
            columns = [
                _Reading(column, data, room, repeats) for column, repeats in zip(names, scratch.repeats, strict=True)
            ]
        for slot, column in enumerate(columns):
            column.read(seen[slot, :count], rows)
        rows += count
    return Part(rows, {column.column: column.cells(rows) for column in columns}, not state[k.HIGH])


class _Reading:
    """One column of a part while it is read.

    Args:
        column: which.
        data: the bytes of the part.
        room: rows that are expected.
        repeats: finds the different cells.
    """

    def __init__(self, column: Column, data: npt.NDArray[np.uint8], room: int, repeats: Repeats) -> None:
        self.column = column
        self._data = data
        self._repeats = repeats
        self._number = is_number(column)
        self._values: Codes = np.empty(room, np.int64 if self._number else np.int32)
        self._spans: Int64s = np.empty(room if self._number else 0, np.int64)
        self._status = np.empty(room if self._number else 0, np.uint8)

    def read(self, spans: Int64s, row: int) -> None:
        """The cells of some rows, the first of which is `row`."""
        texts, behind = Texts(self._data, spans), row + len(spans)
        if behind > len(self._values):
            self._grow(2 * behind)
        if self._number:
            self._spans[row:behind] = spans
            read_numbers(self.column, texts, self._values[row:behind], self._status[row:behind])
        else:
            self._repeats.add(texts, self._values[row:behind])

    def _grow(self, room: int) -> None:
        """Room for more rows than were expected."""
        for name in ("_values", "_spans", "_status"):
            array = getattr(self, name)
            if len(array):
                larger = np.empty(room, array.dtype)
                larger[: len(array)] = array
                setattr(self, name, larger)

    def cells(self, rows: int) -> Cells:
        """The cells of all rows."""
        if self._number:
            texts = Texts(self._data, readonly(self._spans[:rows]))
            return Counted(texts, self._values[:rows], self._status[:rows])
        return Repeated(self._repeats.texts(self._data), self._values[:rows])
