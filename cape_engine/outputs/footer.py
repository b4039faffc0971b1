"""The footer of a Parquet file, cut where file offsets stand, so that a row group can be moved to another place.

Arrow writes footers but cannot shift their offsets. A footer is Thrift's compact protocol (parquet.thrift,
`FileMetaData`): only the integers that are file positions are read here, every other byte is copied as it is.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterable
from dataclasses import dataclass

MAGIC = b"PAR1"
_TAIL_BYTES = 8  # footer length and magic

# Thrift compact protocol: types of fields and list elements.
_BYTE, _DOUBLE, _BINARY, _LIST, _SET, _MAP, _STRUCT = 3, 7, 8, 9, 10, 11, 12
_VARINTS = (4, 5, 6)
_BOOLEANS = (1, 2)
_DOUBLE_BYTES = 8
_LONG_LIST = 15

# FileMetaData: field ids, and the header bytes that stand before them when no field between is missing.
_NUM_ROWS, _ROW_GROUPS = 3, 4
_ROW_GROUPS_HEADER = bytes([1 << 4 | _LIST])
# RowGroup: columns, file_offset, ordinal (the last field). ColumnChunk: meta_data; file_offset and index offsets.
_COLUMNS, _GROUP_OFFSET, _ORDINAL = 1, 5, 7
_META_DATA, _CHUNK_OFFSETS = 3, (2, 4, 6)
# ColumnMetaData: data, index and dictionary page, bloom filter; statistics, of which those that are known beforehand
# say: no nulls (field 3), and that greatest and least value (5 and 6) are those of the column, not cut (7 and 8).
_PAGE_OFFSETS = (9, 10, 11, 14)
_STATISTICS = 12
_NO_NULLS, _GREATEST, _LEAST, _NOT_CUT = b"\x36\0", b"\x28", b"\x18", b"\x11\x11"

_PIECE = struct.Struct("<IHH")


class FooterError(ValueError):
    """A footer that is not what Arrow writes, or a row group of another schema."""


@dataclass(frozen=True, slots=True)
class GroupPiece:
    """The description of one row group, with its offsets taken out.

    Attributes:
        rows: rows of the group.
        literals: the bytes between the offsets; one more than there are offsets.
        offsets: positions, counted from the first byte of the group's data.
    """

    rows: int
    literals: tuple[bytes, ...]
    offsets: tuple[int, ...]

    def at(self, start: int) -> bytes:
        """The description of the group when its data begins at byte `start` of the file."""
        pieces = [self.literals[0]]
        for offset, literal in zip(self.offsets, self.literals[1:], strict=True):
            pieces.append(_zigzag(start + offset))
            pieces.append(literal)
        return b"".join(pieces)

    def packed(self) -> bytes:
        """The piece as bytes, for the index of a journal."""
        count = len(self.offsets)
        widths = struct.pack(f"<{count + 1}I", *(len(literal) for literal in self.literals))
        offsets = struct.pack(f"<{count}Q", *self.offsets)
        return _PIECE.pack(self.rows, count, 0) + widths + offsets + b"".join(self.literals)

    @classmethod
    def unpacked(cls, data: bytes) -> GroupPiece:
        """The piece that `packed` gave."""
        rows, count, _ = _PIECE.unpack_from(data)
        place = _PIECE.size
        widths = struct.unpack_from(f"<{count + 1}I", data, place)
        place += 4 * (count + 1)
        offsets = struct.unpack_from(f"<{count}Q", data, place)
        place += 8 * count
        literals = []
        for width in widths:
            literals.append(data[place : place + width])
            place += width
        return cls(rows, tuple(literals), offsets)


@dataclass(frozen=True, slots=True)
class Range:
    """Least and greatest value of a column of bytes or texts that has no nulls.

    Attributes:
        column: place of the column. least, greatest: in the order of their bytes.
    """

    column: int
    least: bytes
    greatest: bytes

    def statistics(self) -> bytes:
        """The structure `Statistics` of Parquet."""
        greatest, least = _binary(self.greatest), _binary(self.least)
        return b"".join([_NO_NULLS, _GREATEST, greatest, _LEAST, least, _NOT_CUT, b"\0"])


@dataclass(frozen=True, slots=True)
class Template:
    """What the footers of all files with one schema share.

    Attributes:
        head: version and schema, up to the number of rows.
        tail: everything after the row groups: key-value metadata, writer, column orders.
    """

    head: bytes
    tail: bytes

    @classmethod
    def of(cls, file: bytes | memoryview) -> Template:
        """The template in a Parquet file without rows.

        Raises:
            FooterError: the file is not what Arrow writes for an empty table.
        """
        footer = _footer_of(memoryview(file))
        found: dict[int, tuple[int, int]] = {}
        reader = _Reader(footer)

        def note(field: int, kind: int, start: int) -> int:
            found[field] = (start, reader.skip(kind, start))
            return found[field][1]

        reader.walk(0, note)
        head, (start, end) = found[_NUM_ROWS][0], found[_ROW_GROUPS]
        if footer[start - 1 : start] != _ROW_GROUPS_HEADER:
            raise FooterError("the footer has no row count before its row groups")
        return cls(footer[:head], footer[end:])

    def piece(self, file: bytes | memoryview, data_start: int, known: Range | None = None) -> GroupPiece:
        """The row group of a file with exactly one, cut at its offsets.

        Args:
            file: a whole Parquet file.
            data_start: where the group's data begins in it.
            known: what a column without statistics holds, which is noted as its statistics.

        Raises:
            FooterError: another schema, or not exactly one row group.
        """
        footer = _footer_of(memoryview(file))
        if not footer.startswith(self.head):
            raise FooterError("the table has another schema than the file it is to be appended to")
        rows, place = _varint(footer, len(self.head))
        # 1 << 4 | struct: a list of one structure.
        if footer[place : place + 2] != _ROW_GROUPS_HEADER + bytes([1 << 4 | _STRUCT]):
            raise FooterError("one row group was expected")
        if known is not None:
            footer = _Noter(footer, known).noted(place + 2)
        return _Cutter(footer).piece(place + 2, rows >> 1, data_start)

    def footer(self, groups: Iterable[tuple[GroupPiece, int]]) -> bytes:
        """The end of a file: footer, its length and the magic.

        Args:
            groups: row groups in the order of the table, each with the byte at which its data begins.
        """
        rows = 0
        described = []
        for piece, start in groups:
            rows += piece.rows
            described.append(piece.at(start))
        count = len(described)
        header = (
            bytes([count << 4 | _STRUCT]) if count < _LONG_LIST else bytes([0xF0 | _STRUCT]) + _unsigned_varint(count)
        )
        body = b"".join([self.head, _zigzag(rows), _ROW_GROUPS_HEADER, header, *described, self.tail])
        return body + struct.pack("<I", len(body)) + MAGIC


def footer_length(file: memoryview) -> int:
    """Bytes of the footer of a Parquet file, its length field and the magic included."""
    return int(struct.unpack_from("<I", file, len(file) - _TAIL_BYTES)[0]) + _TAIL_BYTES


def _footer_of(file: memoryview) -> bytes:
    """The footer's own bytes."""
    return bytes(file[len(file) - footer_length(file) : len(file) - _TAIL_BYTES])


def _varint(data: bytes, place: int) -> tuple[int, int]:
    """An unsigned varint and the place after it."""
    byte = data[place]
    place += 1
    if byte < 128:  # noqa: PLR2004 - the top bit says that more follows
        return byte, place
    value, shift = byte & 127, 7
    while True:
        byte = data[place]
        place += 1
        value |= (byte & 127) << shift
        if byte < 128:  # noqa: PLR2004 - as above
            return value, place
        shift += 7


def _unsigned_varint(value: int) -> bytes:
    """An unsigned integer as varint."""
    out = bytearray()
    while value > 127:  # noqa: PLR2004 - seven bits a byte
        out.append(value & 127 | 128)
        value >>= 7
    out.append(value)
    return bytes(out)


def _zigzag(value: int) -> bytes:
    """A signed integer that is not negative, as zigzag varint."""
    return _unsigned_varint(value << 1)


def _binary(value: bytes) -> bytes:
    """Bytes with their length before them."""
    return _unsigned_varint(len(value)) + value


class _Reader:
    """Walks Thrift values without making anything of them."""

    __slots__ = ("data",)

    def __init__(self, data: bytes) -> None:
        self.data = data

    def walk(self, place: int, visit: Callable[[int, int, int], int]) -> int:
        """The place after the structure at `place`.

        Args:
            place: where its first field header stands.
            visit: given id, type and place of each field, it returns the place after its value, or 0 to skip it.
        """
        data, field = self.data, 0
        while head := data[place]:
            place += 1
            if head > _LONG_LIST:
                field += head >> 4
            else:
                value, place = _varint(data, place)
                field = value >> 1
            place = visit(field, head & 15, place) or self.skip(head & 15, place)
        return place + 1

    def end(self, place: int) -> int:
        """The place after the structure at `place`."""
        data, skip = self.data, self.skip
        while head := data[place]:
            place += 1
            if head <= _LONG_LIST:
                place = _varint(data, place)[1]
            place = skip(head & 15, place)
        return place + 1

    def skip(self, kind: int, place: int) -> int:
        """The place after a value of type `kind`."""
        data = self.data
        if kind in _VARINTS:
            while data[place] > 127:  # noqa: PLR2004 - the top bit says that more follows
                place += 1
            return place + 1
        if kind == _BINARY:
            length, place = _varint(data, place)
            return place + length
        if kind == _STRUCT:
            return self.end(place)
        if kind in (_LIST, _SET):
            return self._skip_list(place)
        if kind in _BOOLEANS:
            return place
        if kind in (_BYTE, _DOUBLE):
            return place + (1 if kind == _BYTE else _DOUBLE_BYTES)
        raise FooterError(f"the footer holds a value of type {kind}, which Parquet does not use")

    def items(self, place: int) -> tuple[int, int, int]:
        """Number and type of the items of a list, and where the first begins."""
        head = self.data[place]
        place += 1
        count = head >> 4
        if count == _LONG_LIST:
            count, place = _varint(self.data, place)
        return count, head & 15, place

    def _skip_list(self, place: int) -> int:
        count, kind, place = self.items(place)
        if kind in _BOOLEANS:
            return place + count
        for _ in range(count):
            place = self.skip(kind, place)
        return place


class _Noter(_Reader):
    """Writes the statistics of one column into the description of a row group."""

    __slots__ = ("before", "following", "known")

    def __init__(self, data: bytes, known: Range) -> None:
        super().__init__(data)
        self.known = known
        self.before = 0  # id of the last field before the statistics
        self.following: tuple[int, int, int] | None = None  # id, type and header of the first field behind them

    def noted(self, place: int) -> bytes:
        """The footer with them, given where the row group stands."""
        self.walk(place, self._in_group)
        if self.following is None or self.before == _STATISTICS:
            raise FooterError("a column without statistics, with something behind their place, was expected")
        field, kind, header = self.following
        beginning = bytes([_STATISTICS - self.before << 4 | _STRUCT]) + self.known.statistics()
        return b"".join(
            [self.data[:header], beginning, bytes([field - _STATISTICS << 4 | kind]), self.data[header + 1 :]]
        )

    def _in_group(self, field: int, _kind: int, start: int) -> int:
        if field == _COLUMNS:
            _, _, place = self.items(start)
            for _ in range(self.known.column):
                place = self.end(place)
            self.walk(place, self._in_chunk)
        return 0

    def _in_chunk(self, field: int, _kind: int, start: int) -> int:
        return self.walk(start, self._in_meta_data) if field == _META_DATA else 0

    def _in_meta_data(self, field: int, kind: int, start: int) -> int:
        if field <= _STATISTICS:
            self.before = field
        elif self.following is None:
            self.following = (field, kind, start - 1)
        return 0


class _Cutter(_Reader):
    """Finds the offsets of a row group in one walk.

    The ordinal is left out: it is 16 bits wide, matters to encryption only, and would limit a file to 32,767 groups.
    """

    __slots__ = ("cuts", "end_of_group")

    def __init__(self, data: bytes) -> None:
        super().__init__(data)
        self.cuts: list[tuple[int, int, int]] = []
        self.end_of_group = 0

    def piece(self, place: int, rows: int, data_start: int) -> GroupPiece:
        """The row group at `place`."""
        self.walk(place, self._in_group)
        literals, offsets = [], []
        for start, stop, value in self.cuts:
            literals.append(self.data[place:start])
            offsets.append(value - data_start)
            place = stop
        literals.append(self.data[place : self.end_of_group] + b"\0")
        return GroupPiece(rows, tuple(literals), tuple(offsets))

    def _in_group(self, field: int, kind: int, start: int) -> int:
        if field == _ORDINAL:
            return 0
        if field == _COLUMNS:
            count, _, stop = self.items(start)
            for _ in range(count):
                stop = self.walk(stop, self._in_chunk)
        else:
            stop = self._offset(start) if field == _GROUP_OFFSET else self.skip(kind, start)
        self.end_of_group = stop
        return stop

    def _in_chunk(self, field: int, _kind: int, start: int) -> int:
        if field == _META_DATA:
            return self.walk(start, self._in_meta_data)
        return self._offset(start) if field in _CHUNK_OFFSETS else 0

    def _in_meta_data(self, field: int, _kind: int, start: int) -> int:
        return self._offset(start) if field in _PAGE_OFFSETS else 0

    def _offset(self, start: int) -> int:
        """Note one offset; zero means that the writer left the field out of use."""
        value, stop = _varint(self.data, start)
        if value:
            self.cuts.append((start, stop, value >> 1))
        return stop
