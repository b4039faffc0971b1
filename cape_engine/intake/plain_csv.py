"""Parts of a text file whose records are plain, read from bytes to numbers a few thousand rows at a time.

The bytes of those rows, and where their cells stand, stay in the core's own cache while column after column is read:
over a whole part, every cell of a column would be fetched from farther away.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from cape_engine.bridge import Int64s, readonly
from cape_engine.intake.cells import is_number, read_numbers
from cape_engine.intake.texts import Cells, Codes, Counted, Repeated, Repeats, Texts
from cape_engine.schema.column import Column
from cape_kernels import splitting as k

_TILE_ROWS = (1 << 12) + 8  # no power of two: the columns would share the same few lines of the cache


class _Memory(threading.local):
    """Scratch of one thread, kept from part to part: new memory costs more than what is written into it."""

    def __init__(self) -> None:
        self.spans = np.empty((0, _TILE_ROWS), np.int64)
        self.repeats: list[Repeats] = []
        self.tail = np.empty(k.TAIL, np.uint8)

    def grow(self, columns: int, most: int) -> None:
        """Room for so many columns, and for parts of so many rows."""
        if len(self.spans) != columns:
            self.spans = np.empty((columns, _TILE_ROWS), np.int64)
        if len(self.repeats) < columns or self.repeats[0].most < most:
            self.repeats = [Repeats(most) for _column in range(columns)]
        for repeats in self.repeats:
            repeats.clear()


_MEMORY = _Memory()


def plain_cells(
    data: npt.NDArray[np.uint8], delimiter: str, width: int, positions: Mapping[Column, int]
) -> tuple[int, dict[Column, Cells]] | None:
    """(rows, cells of each column) of a part; None if one of its records is not plain.

    Args:
        data: the bytes of whole records, UTF-8.
        delimiter: the character between cells.
        width: cells of a record.
        positions: our columns and the place of each in a record.
    """
    most = len(data) // width + 1
    _MEMORY.grow(len(positions), most)
    slots = np.full(width, -1, np.int64)
    slots[list(positions.values())] = np.arange(len(positions))
    columns = [_Reading(column, data, most, _MEMORY.repeats[slot]) for slot, column in enumerate(positions)]
    fixed = readonly(slots)
    seen = readonly(_MEMORY.spans)
    state = np.zeros(k.STATE_LENGTH, np.int64)
    rows = 0
    while state[k.PLACE] < len(data):
        k.split_records(data, np.uint8(ord(delimiter)), fixed, _MEMORY.spans, _MEMORY.tail, state)
        if not state[k.PLAIN]:
            return None
        count = int(state[k.RECORDS])
        for slot, column in enumerate(columns):
            column.read(seen[slot, :count], rows)
        rows += count
    return rows, {column.column: column.cells(rows) for column in columns}


class _Reading:
    """One column of a part while it is read.

    Args:
        column: which.
        data: the bytes of the part.
        most: rows there may be.
        repeats: finds the different cells.
    """

    def __init__(self, column: Column, data: npt.NDArray[np.uint8], most: int, repeats: Repeats) -> None:
        self.column = column
        self._data = data
        self._repeats = repeats
        self._number = is_number(column)
        # Only what is touched of these becomes memory, so room for the most there can be costs nothing.
        self._values: Codes = np.empty(most, np.int64 if self._number else np.int32)
        self._spans: Int64s = np.empty(most if self._number else 0, np.int64)
        self._status = np.empty(most if self._number else 0, np.uint8)

    def read(self, spans: Int64s, row: int) -> None:
        """The cells of some rows, the first of which is `row`."""
        texts, behind = Texts(self._data, spans), row + len(spans)
        if self._number:
            self._spans[row:behind] = spans
            read_numbers(self.column, texts, self._values[row:behind], self._status[row:behind])
        else:
            self._repeats.add(texts, self._values[row:behind])

    def cells(self, rows: int) -> Cells:
        """The cells of all rows."""
        if self._number:
            texts = Texts(self._data, readonly(self._spans[:rows]))
            return Counted(texts, self._values[:rows], self._status[:rows])
        return Repeated(self._repeats.texts(self._data), self._values[:rows])
