"""Texts as small whole numbers, in the order in which they come; millions of them, without one object for each."""

from __future__ import annotations

from typing import TypeVar

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from cape_engine.bridge import Int32s, Int64s, readonly
from cape_kernels import parties as kernels
from cape_kernels.payment_keys import Names

ROOM = 1 << 12
_T = TypeVar("_T", bound=np.generic)


class Numbered:
    """Texts by place; place 0 is the empty text. Not for several threads at once."""

    def __init__(self) -> None:
        self._slots = np.full(4 * ROOM, kernels.EMPTY, np.int64)
        self._starts = np.zeros(ROOM + 1, np.int64)
        self._letters = np.empty(16 * ROOM, np.uint8)
        self._known = np.ones(1, np.int64)
        self._room = np.empty((kernels.TOGETHER, kernels.ROOM_WORDS), np.int64)

    def __len__(self) -> int:
        """How many texts there are, the empty one included."""
        return int(self._known[0])

    def number(self, starts: Int32s, data: npt.NDArray[np.uint8], places: Int32s, *, folded: bool) -> None:
        """Fill in the place of each text; what is new gets one.

        Args:
            starts: int32[n + 1], text i is data[starts[i]:starts[i + 1]].
            data: uint8, letters of the texts.
            places: int32[n], out; `kernels.BEYOND_ASCII` where a text is to be folded and has other letters.
            folded: texts count as they are; else dashes, blanks and case do not matter.
        """
        count = len(self)
        most = count + len(places)
        self._starts = with_room(self._starts, most + 1)
        self._letters = with_room(self._letters, int(self._starts[count]) + int(starts[-1] - starts[0]))
        if 2 * most > len(self._slots):
            self._slots = np.full(1 << (4 * most).bit_length(), kernels.EMPTY, np.int64)
            kernels.fill_slots(self._slots, self._starts, readonly(self._letters), count)
        book = kernels.Book(self._slots, self._starts, self._letters, self._known)
        kernels.number_texts(starts, data, folded, book, self._room, places)

    def of(self, texts: pa.Array) -> Int32s:
        """Place of each text as it is, int32[n]; 0 for null and blank."""
        places = np.empty(len(texts), np.int32)
        self.number(*text_buffers(texts), places, folded=True)
        return places

    def names(self) -> Names:
        """All texts, for kernels."""
        count = len(self)
        return Names(readonly(self._starts[: count + 1]), readonly(self._letters[: max(self._starts[count], 1)]))

    def texts(self, places: Int32s | None = None) -> pa.Array:
        """The texts of some places, or of all but the empty one."""
        names = self.names()
        chosen = np.arange(1, len(self), dtype=np.int32) if places is None else places
        first = names.starts[chosen]
        return texts_of(first, names.starts[chosen + 1] - first, names.data)


def with_room(array: npt.NDArray[_T], size: int, fill: int = 0) -> npt.NDArray[_T]:
    """`array` or, when it is too short, a longer copy; the old one stays as it is for whoever reads it."""
    if len(array) >= size:
        return array
    longer = np.full(max(size, 2 * len(array)), fill, array.dtype)
    longer[: len(array)] = array
    return longer


def text_buffers(texts: pa.Array) -> tuple[Int32s, npt.NDArray[np.uint8]]:
    """(offsets, bytes) of a text array, nulls made empty."""
    if texts.null_count:
        texts = pc.fill_null(texts, "")
    if texts.type != pa.string():
        texts = texts.cast(pa.string())
    if not len(texts):
        return readonly(np.zeros(1, np.int32)), readonly(np.zeros(1, np.uint8))
    _validity, offsets, data = texts.buffers()
    starts = np.frombuffer(offsets, np.int32, len(texts) + 1, texts.offset * 4)
    has_data = data is not None and data.size
    return readonly(starts), readonly(np.frombuffer(data, np.uint8) if has_data else np.zeros(1, np.uint8))


def texts_of(first: Int64s, length: Int64s, data: npt.NDArray[np.uint8]) -> pa.Array:
    """Texts of the data as one Arrow array.

    Args:
        first: int64[n], where each begins.
        length: int64[n], its bytes.
        data: uint8.
    """
    offsets = np.zeros(len(first) + 1, np.int64)
    np.cumsum(length, out=offsets[1:])
    out = np.empty(max(int(offsets[-1]), 1), np.uint8)
    kernels.copy_texts(readonly(first), readonly(data), readonly(offsets), out)
    return pa.StringArray.from_buffers(
        len(first), pa.py_buffer(offsets.astype(np.int32)), pa.py_buffer(out[: offsets[-1]])
    )
