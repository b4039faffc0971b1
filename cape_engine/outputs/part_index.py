"""The index of a run's parts: an append-only file that says where the bytes of each finished part stand.

A frame is its length, its CRC-32 and its payload; a torn tail is recognised by either and cut off on opening.
"""

from __future__ import annotations

import json
import struct
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

FORMAT = 2
_FRAME = struct.Struct("<II")
_WIDTH = struct.Struct("<I")


@dataclass(frozen=True, slots=True)
class Extent:
    """Where one table of a part stands in its data file.

    Attributes:
        rows: rows of the table.
        start: first byte.
        length: bytes; 0 for a table without rows.
        crc: CRC-32 of the bytes.
        piece: description of the row group (`GroupPiece.packed`), empty without rows and for records.
        sha256: hash of the file, where it is the part's own and is promised.
    """

    rows: int
    start: int
    length: int
    crc: int
    piece: bytes = b""
    sha256: str = ""

    @property
    def end(self) -> int:
        """The byte after the last."""
        return self.start + self.length


@dataclass(frozen=True, slots=True)
class Part:
    """A finished part: its key, and an extent in each data file."""

    key: str
    extents: Mapping[str, Extent]


@dataclass(frozen=True, slots=True)
class Index:
    """What an index file says.

    Attributes:
        streams: digest of the schema of each data file, by name.
        parts: in the order of the run.
        ends: byte of the index file after each part's frame.
        finished: rows, hash, size and time of each finished table, and digests of the tails; None while under way.
    """

    streams: Mapping[str, str]
    parts: tuple[Part, ...]
    ends: tuple[int, ...]
    finished: Mapping[str, Any] | None


def head_frame(streams: Mapping[str, str]) -> bytes:
    """The first frame of an index."""
    return _frame({"format": FORMAT, "streams": dict(streams)})


def part_frame(part: Part) -> bytes:
    """The frame of a finished part."""
    extents = {name: [e.rows, e.start, e.length, e.crc, len(e.piece), e.sha256] for name, e in part.extents.items()}
    return _frame({"key": part.key, "extents": extents}, b"".join(e.piece for e in part.extents.values()))


def finished_frame(finished: Mapping[str, Any]) -> bytes:
    """The last frame, once all files are whole."""
    return _frame({"finished": finished})


def read_index(path: Path) -> Index | None:
    """The index at `path` up to its last whole frame; None if there is none of this format."""
    try:
        data = path.read_bytes()
    except OSError:
        return None
    streams: Mapping[str, str] | None = None
    finished: Mapping[str, Any] | None = None
    parts: list[Part] = []
    ends: list[int] = []
    place = 0
    while (payload := _payload(data, place)) is not None:
        place += _FRAME.size + len(payload)
        (width,) = _WIDTH.unpack_from(payload)
        said = json.loads(payload[_WIDTH.size : _WIDTH.size + width])
        if streams is None:
            if said.get("format") != FORMAT:
                return None
            streams = said["streams"]
        elif "key" in said:
            parts.append(_part(said, payload, _WIDTH.size + width))
            ends.append(place)
        else:
            finished = said["finished"]
    return None if streams is None else Index(streams, tuple(parts), tuple(ends), finished)


def _part(said: Mapping[str, Any], payload: bytes, place: int) -> Part:
    """A part from its frame; the pieces follow from byte `place`."""
    extents = {}
    for name, (rows, start, length, crc, width, sha256) in said["extents"].items():
        extents[name] = Extent(rows, start, length, crc, payload[place : place + width], sha256)
        place += width
    return Part(said["key"], extents)


def _frame(said: Mapping[str, Any], pieces: bytes = b"") -> bytes:
    """A payload with its length and check sum."""
    text = json.dumps(said, separators=(",", ":")).encode()
    payload = _WIDTH.pack(len(text)) + text + pieces
    return _FRAME.pack(len(payload), zlib.crc32(payload)) + payload


def _payload(data: bytes, place: int) -> bytes | None:
    """The payload of the frame at `place`; None at the end and where the file is torn."""
    if place + _FRAME.size > len(data):
        return None
    length, crc = _FRAME.unpack_from(data, place)
    payload = data[place + _FRAME.size : place + _FRAME.size + length]
    return payload if len(payload) == length >= _WIDTH.size and zlib.crc32(payload) == crc else None


def stamp(path: Path) -> list[int]:
    """Size and time of change (nanoseconds) of a file; renaming changes neither."""
    found = path.stat()
    return [found.st_size, found.st_mtime_ns]
