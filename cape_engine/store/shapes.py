"""The lines of a partition by shape: as its store keeps them, or found in its tables."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeVar

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from cape_engine.bridge import (
    NO_NUMBER,
    Int32s,
    Int64s,
    LineShapes,
    Partition,
    days_at,
    filled,
    raw_codes,
    readonly,
    stored,
)
from cape_engine.errors import StoreError
from cape_engine.schema.column import Column
from cape_engine.schema.rows import (
    COUNTRY_OF_ORIGIN,
    FTZ_STATUS,
    HTS_NUMBER,
    PRIVILEGED_DATE,
    SET_INDICATOR,
    SPI_CODE,
    TARIFF_COUNT,
    VALUE_DOLLARS,
)
from cape_kernels import shapes as kernel

WORD_COLUMNS = (COUNTRY_OF_ORIGIN, SPI_CODE, SET_INDICATOR, FTZ_STATUS)
"""Words of a line that belong to its shape."""
FIRST_SHAPES = 1 << 11
"""Shapes that there is room for at first; a partition of the national data has a thousand."""
_T = TypeVar("_T", bound=np.generic)
_Kernel = Callable[..., None]

_NOTHING = readonly(np.zeros(0, np.int32))


def shapes_of(partition: Partition) -> LineShapes:
    """The lines of a partition by shape: as its store keeps them, else found in its tables.

    Args:
        partition: any.

    Raises:
        StoreError: what the store keeps cannot be read, or lines and numbers do not fit each other.
    """
    kept = None if partition.kept_shapes is None else partition.kept_shapes()
    return derived(partition.lines, partition.tariffs) if kept is None else kept


def derived(lines: pa.Table, tariffs: pa.Table) -> LineShapes:
    """The shapes that stand in the tables of a partition, numbered in the order in which they first come.

    A number that is unknown, which no intake lets through, counts as the word "".

    Args:
        lines: the lines, as a run or a file has them; a column that is not there is unknown.
        tariffs: their numbers.

    Raises:
        StoreError: lines and numbers do not fit each other.
    """
    worded = [_words(lines, column) for column in WORD_COLUMNS]
    codes, ranks, vocabulary = _numbers(tariffs)
    counts = _counts(lines)
    values = _values(tariffs)
    bits = max(len(vocabulary) - 1, 0).bit_length()
    filler = _filler(counts, values)
    facts = kernel.Facts._make([*(one[0] for one in worded), *(one[1] for one in worded), counts])
    walk = _Walk(len(counts), values.dtype)
    walk.through(facts, kernel.Numbers(codes, ranks), values, kernel.How(filler, bits))
    dated, day = _dated(lines)
    said, form = walk.said, walk.said[:, kernel.FORM]
    one, two = said[:, kernel.WORDS_ONE], said[:, kernel.WORDS_TWO]
    return LineShapes(
        vocabulary,
        bits,
        readonly(walk.key),
        walk.value,
        _int32(form >> 1),
        readonly(walk.start),
        readonly(walk.before),
        (_int32(one >> 32), _int32(one), _int32(two >> 32), _int32(two)),
        (worded[0][2], worded[1][2], worded[2][2], worded[3][2]),
        readonly((form & 1).astype(np.bool_)),
        filler,
        readonly(walk.beside_tariff),
        readonly(walk.beside_value),
        dated,
        day,
    )


@dataclass(slots=True)
class _Walk:
    """The kernel's room, which grows with what is found.

    Attributes:
        lines: how many there are.
        kind: width of values.
    """

    lines: int
    kind: np.dtype[np.int32] | np.dtype[np.int64]
    key: Int64s = field(init=False)
    value: Int32s | Int64s = field(init=False)
    said: npt.NDArray[np.int64] = field(init=False)
    start: Int32s = field(init=False)
    before: Int32s = field(init=False)
    beside_tariff: Int32s = field(init=False)
    beside_value: Int64s = field(init=False)

    def __post_init__(self) -> None:
        self.key = np.empty(self.lines, np.int64)
        self.value = np.empty(self.lines, self.kind)
        room = min(FIRST_SHAPES, max(self.lines, 1))
        self.said = np.empty((room, kernel.SAID), np.int64)
        self.start = np.empty(room, np.int32)
        self.before = np.empty(room, np.int32)
        self.beside_tariff = np.empty(room, np.int32)
        self.beside_value = np.empty(room, np.int64)

    def through(self, facts: kernel.Facts, numbers: kernel.Numbers, values: Int32s | Int64s, how: kernel.How) -> None:
        """Walk all lines.

        Raises:
            StoreError: lines and numbers do not fit each other.
        """
        walk: _Kernel = kernel.shapes_of_lines if self.kind == np.int32 else kernel.shapes_of_wide_lines
        state = np.zeros(kernel.STATE_LENGTH, np.int64)
        table = np.zeros(_slots(len(self.said)), np.uint64)
        while True:
            walk(
                facts,
                numbers,
                values,
                kernel.Shapes(self.said, self.start, self.before, table),
                kernel.Beside(self.beside_tariff, self.beside_value),
                self.key,
                self.value,
                how,
                state,
            )
            line = int(state[kernel.LINE])
            if line == self.lines:
                break
            size = int(facts.sizes[line])
            if size < 0 or state[kernel.TARIFF] + size > len(numbers.code):
                break
            self._grow(state, size)
            if len(table) != _slots(len(self.said)):
                table = np.zeros(_slots(len(self.said)), np.uint64)
        if state[kernel.LINE] != self.lines or state[kernel.TARIFF] != len(numbers.code):
            raise StoreError("lines and numbers of a partition do not fit each other; import the sources again")
        self.value.flags.writeable = False
        shapes = int(state[kernel.SHAPES])
        self.said, self.start = self.said[:shapes], self.start[:shapes]
        self.before = self.before[: int(state[kernel.BEFORE])]
        beside = int(state[kernel.BESIDE])
        self.beside_tariff, self.beside_value = self.beside_tariff[:beside], self.beside_value[:beside]

    def _grow(self, state: Int64s, more: int) -> None:
        """Double what has no room for the next line."""
        shapes, before, beside = (int(state[at]) for at in (kernel.SHAPES, kernel.BEFORE, kernel.BESIDE))
        if shapes == len(self.said):
            self.said, self.start = _longer(self.said, shapes, 1), _longer(self.start, shapes, 1)
        if before + more > len(self.before):
            self.before = _longer(self.before, before, more)
        if beside + more > len(self.beside_tariff):
            self.beside_tariff = _longer(self.beside_tariff, beside, more)
            self.beside_value = _longer(self.beside_value, beside, more)


def _longer(array: npt.NDArray[_T], used: int, more: int) -> npt.NDArray[_T]:
    """The array with at least twice the room."""
    found = np.empty((2 * len(array) + more, *array.shape[1:]), array.dtype)
    found[:used] = array[:used]
    return found


def _slots(shapes: int) -> int:
    """Slots of a table for so many shapes."""
    return 1 << (2 * shapes - 1).bit_length()


def _int32(values: Int64s) -> Int32s:
    """The lower halves."""
    return readonly(values.astype(np.int32))


def _codes(table: pa.Table, column: Column) -> tuple[Int32s, list[str]]:
    """Codes of a word column, none where no row has a word."""
    if str(column) not in table.column_names:
        return _NOTHING, []
    codes, words = raw_codes(table, column)
    return (codes, words) if words else (_NOTHING, [])


def _words(lines: pa.Table, column: Column) -> tuple[Int32s, Int32s, list[str]]:
    """(codes of a word column of lines, which code counts for -1 and each of them, words without the empty one)."""
    codes, words = _codes(lines, column)
    counted: dict[str, int] = {}
    ranks = [counted.setdefault(word, len(counted)) if word else -1 for word in words]
    return codes, readonly(np.array([-1, *ranks], np.int32)), list(counted)


def _numbers(tariffs: pa.Table) -> tuple[Int32s, Int32s, list[str]]:
    """(codes of tariff numbers, place in the vocabulary for -1 and each of them, the vocabulary in byte order)."""
    codes, words = _codes(tariffs, HTS_NUMBER)
    if len(codes) == 0:
        codes = readonly(np.full(tariffs.num_rows, -1, np.int32))
    unknown = len(codes) > 0 and int(codes.min()) < 0
    vocabulary = sorted({*words, ""} if unknown else set(words))  # by code points, which is byte order too
    places = {word: place for place, word in enumerate(vocabulary)}
    ranks = [places.get("", 0), *(places[word] for word in words)]
    return codes, readonly(np.array(ranks, np.int32)), vocabulary


def _counts(lines: pa.Table) -> Int32s:
    """How many numbers each line has."""
    values = stored(lines, TARIFF_COUNT) if str(TARIFF_COUNT) in lines.column_names else None
    if values is None:
        return readonly(np.zeros(lines.num_rows, np.int32))
    return filled(values, np.int32, 0)


def _values(tariffs: pa.Table) -> Int32s | Int64s:
    """Dollars beside each number, of either width."""
    values = stored(tariffs, VALUE_DOLLARS) if str(VALUE_DOLLARS) in tariffs.column_names else None
    if values is None:
        return readonly(np.full(tariffs.num_rows, NO_NUMBER, np.int32))
    if values.type == pa.int32():
        return filled(values, np.int32, NO_NUMBER)
    return filled(values, np.int64, NO_NUMBER)


def _filler(counts: Int32s, values: Int32s | Int64s) -> int:
    """0 or `NO_NUMBER`: what more numbers before the last have; 0 where neither is more common."""
    if len(values) == 0 or int(values.min()) > NO_NUMBER:
        return 0
    found = np.zeros(2, np.int64)
    count: _Kernel = kernel.count_fillers if values.dtype == np.int32 else kernel.count_wide_fillers
    count(counts, values, found)
    return NO_NUMBER if found[1] > found[0] else 0


def _dated(lines: pa.Table) -> tuple[Int32s, Int32s]:
    """Places of the lines with a privileged status date, and the dates."""
    values = stored(lines, PRIVILEGED_DATE) if str(PRIVILEGED_DATE) in lines.column_names else None
    if values is None:
        return _NOTHING, _NOTHING
    if values.null_count:
        every = np.unpackbits(np.frombuffer(values.buffers()[0], np.uint8), bitorder="little")
        places = np.flatnonzero(every[values.offset : values.offset + len(values)].view(np.bool_))
    else:
        places = np.arange(len(values))
    return _int32(places), readonly(days_at(lines, PRIVILEGED_DATE, places))
