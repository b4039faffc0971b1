"""Cells of text where they stand: columns of a part of a file, as places in its bytes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from cape_engine.bridge import Int32s, Int64s, readonly
from cape_kernels import distinct as k
from cape_kernels.splitting import LENGTH_SHIFT

Codes = npt.NDArray[np.signedinteger]


@dataclass(frozen=True, slots=True)
class Texts:
    """Cells of one column.

    Attributes:
        data: the bytes they stand in, UTF-8.
        spans: for each row the place of its first byte, and its bytes times 2^32.
    """

    data: npt.NDArray[np.uint8]
    spans: Int64s

    @staticmethod
    def of(texts: pa.Array) -> Texts:
        """The strings of an Arrow array, where they are; nulls are empty."""
        if texts.null_count:
            texts = pc.fill_null(texts, "")
        _validity, offsets, data = texts.buffers()
        if len(texts) == 0 or offsets is None or data is None or data.size == 0:
            return Texts(readonly(np.zeros(1, np.uint8)), readonly(np.zeros(len(texts), np.int64)))
        places = np.frombuffer(offsets, np.int32, len(texts) + 1, texts.offset * 4).astype(np.int64)
        spans = places[:-1] | ((places[1:] - places[:-1]) << LENGTH_SHIFT)
        return Texts(readonly(np.frombuffer(data, np.uint8)), readonly(spans))

    def __len__(self) -> int:
        return len(self.spans)

    def take(self, rows: pa.Array) -> Texts:
        """The cells of some rows."""
        return Texts(self.data, readonly(self.spans[rows.to_numpy(zero_copy_only=False)]))

    def lengths(self) -> Int64s:
        """The bytes of each cell."""
        found: Int64s = self.spans >> LENGTH_SHIFT
        return found

    def at(self, rows: Int64s) -> pa.Array:
        """The text of some rows."""
        lengths = self.spans[rows] >> LENGTH_SHIFT
        offsets, out = np.empty(len(rows) + 1, np.int32), np.empty(int(lengths.sum()), np.uint8)
        k.copy_cells(self.spans, self.data, readonly(rows), offsets, out)
        return pa.StringArray.from_buffers(len(rows), pa.py_buffer(offsets), pa.py_buffer(out))

    def arrow(self) -> pa.Array:
        """All cells as Arrow strings."""
        return self.at(np.arange(len(self), dtype=np.int64))


@dataclass(frozen=True, slots=True)
class Repeated:
    """Cells of one column, the different ones once.

    Attributes:
        texts: the different cells, in the order in which they come.
        index: which of them each row holds.
        whole: whether each of them is held by a row.
    """

    texts: pa.Array
    index: Int32s
    whole: bool = True

    def __len__(self) -> int:
        return len(self.index)

    def take(self, rows: pa.Array) -> Repeated:
        """The cells of some rows."""
        return Repeated(self.texts, self.index[rows.to_numpy(zero_copy_only=False)], whole=False)

    def arrow(self) -> pa.Array:
        """All cells as Arrow strings."""
        return self.texts.take(pa.array(self.index))


@dataclass(frozen=True, slots=True)
class Counted:
    """Cells of one column that were read as numbers.

    Attributes:
        texts: the cells.
        values: the number of each row.
        status: what `cape_kernels.parse` says of each.
    """

    texts: Texts
    values: Codes
    status: npt.NDArray[np.uint8]

    def __len__(self) -> int:
        return len(self.values)

    def take(self, rows: pa.Array) -> Counted:
        """The cells of some rows."""
        places = rows.to_numpy(zero_copy_only=False)
        return Counted(self.texts.take(rows), self.values[places], self.status[places])

    def arrow(self) -> pa.Array:
        """All cells as Arrow strings."""
        return self.texts.arrow()


Cells = pa.Array | Texts | Repeated | Counted
"""One column of a part of a file: text where it stands, perhaps read already; or an Arrow array (text, words, whole
numbers, days) in which null is a blank cell."""


class Repeats:
    """The different cells of a column, found a few rows at a time; its memory serves one column after another."""

    def __init__(self) -> None:
        self._table = np.empty(k.FIRST_SIZE, np.int32)
        self._keys = np.empty((0, 2), np.uint64)
        self._firsts = np.empty(0, np.int64)
        self._state = np.zeros(k.STATE_LENGTH, np.int64)

    def clear(self) -> None:
        """Begin anew."""
        self._state[:] = 0

    def add(self, cells: Texts, index: Int32s) -> None:
        """Some more rows; `index` takes which cell each holds."""
        self._grow(int(self._state[k.COUNT]) + len(cells))
        k.distinct_cells(cells.spans, cells.data, self._table, self._keys, index, self._firsts, self._state)

    def _grow(self, most: int) -> None:
        """Room for so many different cells."""
        if most <= len(self._firsts):
            return
        room = 1 << (most - 1).bit_length()
        self._table = np.empty(max(4 * room, k.FIRST_SIZE), np.int32)
        self._state[k.SIZE] = 0
        keys, firsts = np.empty((room, 2), np.uint64), np.empty(room, np.int64)
        keys[: len(self._keys)], firsts[: len(self._firsts)] = self._keys, self._firsts
        self._keys, self._firsts = keys, firsts

    def texts(self, data: npt.NDArray[np.uint8]) -> pa.Array:
        """The different cells, in the order in which they came."""
        found = Texts(data, readonly(self._firsts[: self._state[k.COUNT]]))
        return found.arrow()


_FREE: list[Repeats] = []
"""Not in use at the moment: threads come and go, and new memory is slower than all that is done with it."""


def repeated(cells: Texts) -> Repeated:
    """The different cells of a whole column."""
    repeats = _FREE.pop() if _FREE else Repeats()
    index = np.empty(len(cells), np.int32)
    repeats.clear()
    repeats.add(cells, index)
    found = Repeated(repeats.texts(cells.data), index)
    _FREE.append(repeats)
    return found
