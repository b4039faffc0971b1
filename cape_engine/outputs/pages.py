"""One column of a part as the bytes of a Parquet column chunk, for the few kinds of columns that results consist of.

Arrow's writer takes 20 to 90 ns for each cell of such tables, most of it in the general machinery of levels and
buffers; these kernels take 1 to 5 ns (`row_groups` gives the figures). Anything unusual is left to Arrow.
"""

from __future__ import annotations

import struct
import threading
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from cape_engine.outputs.footer import GroupPiece
from cape_engine.outputs.thrift import LIST, LONG, STRUCT, Field, binary, i32, i64, listed, structure, unsigned
from cape_kernels import pages as kernels

Bytes = npt.NDArray[np.uint8]
Codes = npt.NDArray[np.int32]
Piece = bytes | memoryview

_CODEC = pa.Codec("snappy")
_BLOCK_BYTES = 8 << 20
_NO_BYTES, _ALL = np.empty(0, np.uint8), np.empty(0, np.int32)
_INT32, _INT64, _BYTE_ARRAY = 1, 2, 6
_PLAIN, _RLE, _DELTA, _DICTIONARY = 0, 3, 5, 8
_CODED = (_PLAIN, _RLE, _DICTIONARY)
_NO_CODEC, _SNAPPY = 0, 1
_DATA_PAGE, _DICTIONARY_PAGE = 0, 2
_DATA_OFFSET, _DICTIONARY_OFFSET, _STATISTICS = 9, 11, 12  # fields of ColumnMetaData


@dataclass(frozen=True, slots=True)
class Chunk:
    """A column chunk.

    Attributes:
        pieces: its bytes, in order.
        size: their number.
        plain_size: their number before a codec.
        meta: the first fields of `ColumnMetaData`: type, encodings, path, codec, number of values.
        dictionary_size: bytes of the dictionary page, 0 without one.
        low_high: lowest and highest value, where they are kept.
    """

    pieces: Sequence[Piece]
    size: int
    plain_size: int
    meta: Sequence[Field]
    dictionary_size: int
    low_high: tuple[bytes, bytes] | None


def chunk(field: pa.Field, column: pa.Array, *, coded: bool, ranged: bool) -> Chunk | None:
    """A column as a column chunk; None for what Arrow is to encode.

    Args:
        field: as the file declares it.
        column: its values, or for texts their words.
        coded: write texts with a dictionary.
        ranged: keep the lowest and highest value.
    """
    if column.null_count and not field.nullable:
        raise ValueError(f"{field.name} has cells without a value, which its schema does not allow")
    if pa.types.is_list(field.type):
        return _lists(field, column)
    if pa.types.is_integer(field.type) or pa.types.is_date(field.type):
        return _numbers(field, column)
    if coded or pa.types.is_dictionary(field.type):
        return _words(field, column, ranged=ranged)
    return _texts(field, column, ranged=ranged)


class _Room(threading.local):
    """Room for the bytes of a part, used again for the next: fresh memory of this size costs more than its filling."""

    def __init__(self) -> None:
        self._blocks = [np.empty(_BLOCK_BYTES, np.uint8)]
        self._block = self._used = 0

    def clear(self) -> None:
        """Forget what was written."""
        self._block = self._used = 0

    def at_least(self, size: int) -> Bytes:
        """Bytes to be written; they count once `keep` is called."""
        while self._used + size > len(self._blocks[self._block]):
            self._block, self._used = self._block + 1, 0
            if self._block == len(self._blocks):
                self._blocks.append(np.empty(max(size, _BLOCK_BYTES), np.uint8))
        return self._blocks[self._block][self._used :]

    def keep(self, end: npt.NDArray[np.int64]) -> memoryview:
        """The first bytes of the room, which now belong to the part."""
        start, self._used = self._used, self._used + int(end[0])
        return self._blocks[self._block][start : self._used].data


_ROOM = _Room()


def encoded(
    fields: Sequence[pa.Field], columns: Sequence[pa.Array], *, coded: Collection[str], ranged: str | None
) -> tuple[bytes, GroupPiece] | None:
    """A row group and its description; None when a column is to be encoded by Arrow.

    Args:
        fields: as the file declares them.
        columns: their values, all of one length; texts also as words.
        coded: texts that are written with a dictionary.
        ranged: the column that keeps its lowest and highest value.
    """
    _ROOM.clear()
    chunks = []
    for field, column in zip(fields, columns, strict=True):
        one = chunk(field, column, coded=field.name in coded, ranged=field.name == ranged)
        if one is None:
            return None
        chunks.append(one)
    data = b"".join(piece for one in chunks for piece in one.pieces)
    return data, described(len(columns[0]), chunks)


def described(rows: int, chunks: Sequence[Chunk]) -> GroupPiece:
    """The description of a row group of these chunks, one behind the other."""
    literals: list[bytes] = []
    offsets: list[int] = []
    head = bytes([1 << 4 | LIST]) + _list_head(len(chunks))
    place = 0
    for one in chunks:
        # ColumnChunk: file_offset, which is out of use, and meta_data; in it sizes, then data page and dictionary page.
        meta = [*one.meta, (6, i64(one.plain_size)), (7, i64(one.size))]
        literals.append(head + b"\x26\x00" + bytes([1 << 4 | STRUCT]) + structure(meta)[1][:-1] + b"\x26")
        offsets.append(place + one.dictionary_size)
        last = _DATA_OFFSET
        if one.dictionary_size:
            literals.append(b"\x26")
            offsets.append(place)
            last = _DICTIONARY_OFFSET
        head = (_ranged(one, last) if one.low_high else b"") + b"\0\0"
        place += one.size
    sizes = [(2, i64(sum(one.plain_size for one in chunks))), (3, i64(rows)), (6, i64(place))]
    # Sizes follow the list of columns, whose id is one.
    tail = structure([(1, i32(0)), *sizes])[1][2:]
    return GroupPiece(rows, (*literals, head + tail), tuple(offsets))


def _ranged(one: Chunk, before: int) -> bytes:
    """The statistics of a chunk, as the field that follows field `before`."""
    low, high = one.low_high or (b"", b"")
    kind, data = structure([(5, binary(high)), (6, binary(low))])
    return bytes([(_STATISTICS - before) << 4 | kind]) + data


def _list_head(count: int) -> bytes:
    """The head of a list of structures."""
    return bytes([count << 4 | STRUCT]) if count < LONG else bytes([0xF0 | STRUCT]) + unsigned(count)


def _numbers(field: pa.Field, column: pa.Array) -> Chunk:
    """Whole numbers and days: packed differences."""
    width = column.type.bit_width
    given = np.frombuffer(column.buffers()[1], f"<i{width // 8}")[column.offset : column.offset + len(column)]
    values = given.astype(np.int64, copy=False)
    if column.null_count:
        known, end = np.empty(len(values), np.int64), np.zeros(1, np.int64)
        kernels.known_numbers(values, _bits(column), column.offset, known, end)
        values = known[: end[0]]
    body, end = _ROOM.at_least(kernels.MOST_BYTES * (len(values) + kernels.BLOCK)), np.zeros(1, np.int64)
    kernels.write_differences(values, width <= 32, np.empty(kernels.BLOCK, np.int64), body, end)  # noqa: PLR2004 - bits
    first = int(values[0]) if len(values) else 0
    head = unsigned(kernels.BLOCK) + unsigned(4) + unsigned(len(values)) + unsigned(first << 1 ^ first >> 63)
    page = _page(len(column), _DELTA, [*_validity(field, column), head, _ROOM.keep(end)])
    kind = _INT32 if width <= 32 else _INT64  # noqa: PLR2004 - bits
    return _whole(field, page, (_DELTA, _RLE), kind, len(column))


def _words(field: pa.Field, column: pa.Array, *, ranged: bool) -> Chunk | None:
    """Texts by their place in a dictionary."""
    words = _used(column)
    if words is None:
        return None
    page = _page(len(column), _DICTIONARY, [*_validity(field, column), *words.places])
    ends = _ends(words.starts, words.data, words.moved) if ranged else None
    return _whole(field, page, _CODED, _BYTE_ARRAY, len(column), dictionary=words.page, ends=ends)


def _lists(field: pa.Field, column: pa.Array) -> Chunk | None:
    """Lists of texts by their place in a dictionary; lists with unknown items are left to Arrow."""
    items = column.flatten()
    words = None if items.null_count else _used(items)
    if words is None:
        return None
    starts = np.frombuffer(column.buffers()[1], np.int32)[column.offset : column.offset + len(column) + 1]
    levels = len(items) + int(np.count_nonzero(starts[1:] == starts[:-1]))
    repetition, definition = np.empty((2, levels), np.int32)
    kernels.list_levels(starts, repetition, definition)
    body: list[Piece] = []
    for level, bits in ((repetition, 1), (definition, 2)):
        runs = _runs(level, bits)
        body += [struct.pack("<I", len(runs)), runs]
    page = _page(levels, _DICTIONARY, [*body, *words.places])
    return _whole(field, page, _CODED, _BYTE_ARRAY, levels, dictionary=words.page)


def _texts(field: pa.Field, column: pa.Array, *, ranged: bool) -> Chunk:
    """Texts that hardly repeat, packed by a codec."""
    if pa.types.is_dictionary(column.type):
        column = column.cast(pa.string())
    starts, data = _text_arrays(column.drop_null() if column.null_count else column)
    levels, texts = _validity(field, column), _plain(starts, data, _ALL)
    body = b"".join([*levels, texts]) if levels else texts
    packed = _CODEC.compress(pa.py_buffer(body), asbytes=True)
    page = _page(len(column), _PLAIN, [packed], plain_size=len(body))
    ends = _ends(starts, data, _ALL) if ranged else None
    plain_size = len(page[0]) + len(body)
    return _whole(field, page, (_PLAIN, _RLE), _BYTE_ARRAY, len(column), plain_size=plain_size, ends=ends)


@dataclass(frozen=True, slots=True)
class _Words:
    """Words of a column.

    Attributes:
        places: bytes that say which word stands where.
        page: the page of the words that occur.
        starts, data: the texts of all words.
        moved: new place of each word, -1 where it does not occur.
    """

    places: Sequence[Piece]
    page: Sequence[Piece]
    starts: Codes
    data: Bytes
    moved: Codes


def _used(column: pa.Array) -> _Words | None:
    """The words of a column without those that do not occur, since a run may share one dictionary of all importers."""
    words = column if pa.types.is_dictionary(column.type) else column.dictionary_encode()
    indices, dictionary = words.indices, words.dictionary
    if dictionary.null_count or not pa.types.is_int32(indices.type) or not pa.types.is_string(dictionary.type):
        return None
    given = np.frombuffer(indices.buffers()[1], np.int32)[indices.offset : indices.offset + len(indices)]
    bits = _bits(indices) if indices.null_count else _NO_BYTES
    moved, known, end = np.empty(len(dictionary), np.int32), np.empty(len(given), np.int32), np.zeros(2, np.int64)
    kernels.known_words(given, bits, indices.offset, moved, known, end)
    count, occurring = end.tolist()
    width = max(occurring - 1, 1).bit_length()
    starts, data = _text_arrays(dictionary)
    texts = _plain(starts, data, moved)
    header = structure([(1, i32(occurring)), (2, i32(_PLAIN))])
    fields = [(1, i32(_DICTIONARY_PAGE)), (2, i32(len(texts))), (3, i32(len(texts))), (7, header)]
    places: list[Piece] = [bytes([width]), _runs(known[:count], width)]
    return _Words(places, [structure(fields)[1], texts], starts, data, moved)


def _whole(
    field: pa.Field,
    pages: Sequence[Piece],
    encodings: tuple[int, ...],
    kind: int,
    values: int,
    *,
    dictionary: Sequence[Piece] = (),
    plain_size: int | None = None,
    ends: tuple[bytes, bytes] | None = None,
) -> Chunk:
    """A chunk of its pages."""
    codec = _NO_CODEC if plain_size is None else _SNAPPY
    meta = [*_constant(field.name, bool(pa.types.is_list(field.type)), kind, encodings, codec), (5, i64(values))]
    before = sum(len(piece) for piece in dictionary)
    size = before + sum(len(piece) for piece in pages)
    return Chunk([*dictionary, *pages], size, size if plain_size is None else plain_size, meta, before, ends)


@cache
def _constant(name: str, lists: bool, kind: int, encodings: tuple[int, ...], codec: int) -> tuple[Field, ...]:  # noqa: FBT001 - cached by place
    """The fields of `ColumnMetaData` that are the same in all parts: type, encodings, path, codec."""
    path = [name, "list", "element"] if lists else [name]
    return (
        (1, i32(kind)),
        (2, listed([i32(encoding) for encoding in encodings])),
        (3, listed([binary(part.encode()) for part in path])),
        (4, i32(codec)),
    )


def _page(values: int, encoding: int, body: Sequence[Piece], *, plain_size: int | None = None) -> list[Piece]:
    """A data page: header and body."""
    size = sum(len(piece) for piece in body)
    header = structure([(1, i32(values)), (2, i32(encoding)), (3, i32(_RLE)), (4, i32(_RLE))])
    fields = [(1, i32(_DATA_PAGE)), (2, i32(size if plain_size is None else plain_size)), (3, i32(size)), (5, header)]
    return [structure(fields)[1], *body]


def _validity(field: pa.Field, column: pa.Array) -> list[Piece]:
    """Definition levels: one repeat when all cells are known, else the bits."""
    if not field.nullable:
        return []
    count = len(column)
    if not column.null_count:
        body = unsigned(count << 1) + b"\1"
    else:
        place = column.offset
        if place % 8:
            known = np.packbits(
                np.unpackbits(_bits(column), bitorder="little")[place : place + count], bitorder="little"
            )
        else:
            known = _bits(column)[place // 8 : (place + count + 7) // 8].copy()
            known[-1] &= 255 >> (-count % 8)
        body = unsigned(len(known) << 1 | 1) + known.tobytes()
    return [struct.pack("<I", len(body)), body]


def _bits(column: pa.Array) -> Bytes:
    """Arrow's bits of which cells are known."""
    return np.frombuffer(column.buffers()[0], np.uint8)


def _runs(values: Codes, width: int) -> memoryview:
    """Small numbers as runs and packed bits."""
    out, end = _ROOM.at_least(4 * len(values) + len(values) // 8 + 64), np.zeros(1, np.int64)
    kernels.write_runs(values, width, out, end)
    return _ROOM.keep(end)


def _text_arrays(texts: pa.Array) -> tuple[Codes, Bytes]:
    """Where each text begins, and the bytes of all."""
    _known, offsets, data = texts.buffers()
    if not len(texts):
        return np.zeros(1, np.int32), _NO_BYTES
    starts = np.frombuffer(offsets, np.int32)[texts.offset : texts.offset + len(texts) + 1]
    return starts, _NO_BYTES if data is None else np.frombuffer(data, np.uint8)


def _plain(starts: Codes, data: Bytes, moved: Codes) -> memoryview:
    """Texts with their lengths."""
    out, end = _ROOM.at_least(4 * (len(starts) - 1) + int(starts[-1] - starts[0])), np.zeros(1, np.int64)
    kernels.write_texts(starts, data, moved, out, end)
    return _ROOM.keep(end)


def _ends(starts: Codes, data: Bytes, moved: Codes) -> tuple[bytes, bytes] | None:
    """The lowest and the highest text."""
    end = np.zeros(2, np.int64)
    kernels.lowest_highest(starts, data, moved, end)
    low, high = (data[starts[row] : starts[row + 1]].tobytes() for row in end.tolist())
    return None if end[0] < 0 else (low, high)
