"""Where the tables of parts are written: one after the other into one file, or each into a file of its own.

In one file a part that changed moves all that follow, so that a later run copies them. In a folder of files the others
stay as they are: the new folder has links to them.
"""

from __future__ import annotations

import errno
import hashlib
import os
import shutil
import threading
import zlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

from cape_engine.errors import OutputError
from cape_engine.outputs.files import sync_folder
from cape_engine.outputs.growing import GrowingFile, made_durable
from cape_engine.outputs.part_index import Extent, Part, stamp
from cape_engine.outputs.part_sources import Source, part_file
from cape_engine.outputs.row_groups import MAGIC, EncodedPart, GroupPiece, RowGroups
from cape_engine.outputs.straight import WholeFiles

REST = "rest.parquet"
"""File of the rows that follow all parts; it stands in every folder, so that none is without schema."""
_NO_LINKS = frozenset({errno.EPERM, errno.EXDEV, errno.EMLINK, errno.EOPNOTSUPP, errno.ENOSYS, errno.EACCES})


class Stream(Protocol):
    """One table of a run under way."""

    def put(self, number: int, part: EncodedPart) -> Extent:
        """Write the table of the next part, which is number `number`."""

    def take(self, number: int, parts: Sequence[tuple[Source, Part]]) -> list[Extent]:
        """Take the table of some parts over, the first of which is number `number` here."""

    def settle(self) -> None:
        """Wait until everything is written."""

    def sync(self) -> None:
        """Make what is written durable; any thread may."""

    def complete(self, extents: Sequence[Extent], tail: EncodedPart | None) -> dict[str, Any]:
        """Write what follows all parts and make everything durable: rows, hash, size and time of the whole."""

    def close(self) -> None:
        """Leave everything as it is."""


class Together:
    """All parts in one file, a row group each.

    Args:
        path: the file; what it holds beyond the parts that stay is cut off.
        name: of the table.
        groups: how its row groups are joined.
        kept: the table of each part that stays.
    """

    def __init__(self, path: Path, name: str, groups: RowGroups, kept: Sequence[Extent]) -> None:
        self._name, self._groups = name, groups
        keep = max((extent.end for extent in kept), default=0)
        if keep:  # check sums are of parts, which begin behind it
            with path.open("r+b") as file:
                file.write(MAGIC)
        self._file = GrowingFile(path, keep=keep)
        if not keep:
            self._file.write(MAGIC)

    def put(self, number: int, part: EncodedPart) -> Extent:
        """Append the table of a part."""
        del number
        start = self._file.size
        self._file.write(part.data)
        piece = b"" if part.piece is None else part.piece.packed()
        return Extent(part.rows, start, len(part.data), zlib.crc32(part.data), piece)

    def take(self, number: int, parts: Sequence[tuple[Source, Part]]) -> list[Extent]:
        """Copy tables, neighbours in one go.

        Raises:
            OutputError: one of these, or of those before, is not what was written; at the latest `complete` says so.
        """
        del number
        place, moved = self._file.size, []
        ranges: list[tuple[Source, list[Extent]]] = []
        for source, part in parts:
            extent = part.extents[self._name]
            moved.append(Extent(extent.rows, place, extent.length, extent.crc, extent.piece))
            place += extent.length
            if ranges and ranges[-1][0] is source and ranges[-1][1][-1].end == extent.start:
                ranges[-1][1].append(extent)
            else:
                ranges.append((source, [extent]))
        for source, extents in ranges:
            start, length = extents[0].start, extents[-1].end - extents[0].start
            whole = Checked(source.files[self._name], extents)
            self._file.copy(source.handle(self._name), start, length, whole.block)
        return moved

    def settle(self) -> None:
        """Wait until everything is written."""
        self._file.settle()

    def sync(self) -> None:
        """Make the file durable as far as it is."""
        self._file.sync()

    def complete(self, extents: Sequence[Extent], tail: EncodedPart | None) -> dict[str, Any]:
        """Write tail and footer: rows, hash, size and time of the file."""
        every = [*extents, *([] if tail is None else [self.put(len(extents), tail)])]
        pieces = [(GroupPiece.unpacked(extent.piece), extent.start) for extent in every if extent.piece]
        self._file.write(self._groups.template.footer(pieces))
        self._file.sync()
        return _said(self._file.path, sum(extent.rows for extent in every), self._file.sha256())

    def close(self) -> None:
        """Close the file."""
        self._file.close()


class Checked:
    """Compares what is copied with the check sums of what was written: a new hash would vouch for damaged bytes.

    Args:
        path: the file, for the message.
        extents: tables that stand one after the other.
    """

    def __init__(self, path: Path, extents: Sequence[Extent]) -> None:
        self._path = path
        self._extents = iter([extent for extent in extents if extent.length])
        self._expected, self._left, self._crc = 0, 0, 0

    def block(self, block: bytes | memoryview) -> None:
        """The next bytes of them.

        Raises:
            OutputError: a table ended that is not what was written.
        """
        rest = memoryview(block)
        while rest:
            if not self._left:
                extent = next(self._extents)
                self._expected, self._left, self._crc = extent.crc, extent.length, 0
            some = rest[: self._left]
            self._crc = zlib.crc32(some, self._crc)
            self._left, rest = self._left - len(some), rest[len(some) :]
            if not self._left and self._crc != self._expected:
                raise OutputError(f"{self._path} is not as the last run left it; run again with --full")


class Apart:
    """Each part in a file of its own; parts without rows have none.

    Args:
        path: the folder; files of parts that do not stay are removed.
        name: of the table.
        groups: how a file of it is made; None for bytes of our own.
        kept: how many parts stay.
    """

    def __init__(self, path: Path, name: str, groups: RowGroups | None, kept: int) -> None:
        self._path, self._name, self._groups = path, name, groups
        self._files = WholeFiles()
        self._lock = threading.Lock()
        self._fresh: list[Path] = []  # written, and not durable yet
        path.mkdir(exist_ok=True)
        stay = {part_file(name, number) for number in range(kept)}
        # Others may be links to files of results: they are removed, and whatever is written here is a new file.
        for file in path.iterdir():
            if file.name not in stay:
                file.unlink()
            else:
                self._fresh.append(file)

    def put(self, number: int, part: EncodedPart) -> Extent:
        """Write the file of a part."""
        if not len(part.data):
            return Extent(part.rows, 0, 0, 0)
        return self._written(part_file(self._name, number), part)

    def take(self, number: int, parts: Sequence[tuple[Source, Part]]) -> list[Extent]:
        """Link files; where the file system knows no links, copy them."""
        for place, (source, part) in enumerate(parts, number):
            if part.extents[self._name].length:
                self._linked(source.path(self._name, part.key), self._path / part_file(self._name, place))
        return [part.extents[self._name] for _, part in parts]

    def settle(self) -> None:
        """Everything is written at once."""

    def sync(self) -> None:
        """Make the files durable that were written meanwhile."""
        with self._lock:
            fresh, self._fresh = self._fresh, []
        for path in fresh:
            made_durable(path)

    def complete(self, extents: Sequence[Extent], tail: EncodedPart | None) -> dict[str, Any]:
        """Write the rows that follow: hash, rows, size and time of each file, and of all together."""
        parts = {}
        for number, extent in enumerate(extents):
            if extent.length and self._groups is not None:
                file = part_file(self._name, number)
                parts[file] = _said(self._path / file, extent.rows, extent.sha256)
        if self._groups is not None:
            rest = self._written(REST, EncodedPart(0, memoryview(b""), None) if tail is None else tail)
            parts[REST] = _said(self._path / REST, rest.rows, rest.sha256)
        self.sync()
        sync_folder(self._path)
        return {"rows": sum(said["rows"] for said in parts.values()), "sha256": _hash_of(parts), "parts": parts}

    def close(self) -> None:
        """No file is open."""

    def _written(self, file: str, part: EncodedPart) -> Extent:
        """Write a new file, all of which is the part's."""
        chunks: list[bytes | memoryview] = [part.data]
        if self._groups is not None:
            pieces = [] if part.piece is None else [(part.piece, len(MAGIC))]
            chunks = [MAGIC, part.data, self._groups.template.footer(pieces)]
        digest, crc, path = hashlib.sha256(), 0, self._path / file
        for chunk in chunks:
            digest.update(chunk)
            crc = zlib.crc32(chunk, crc)
        self._files.write(path, chunks)
        with self._lock:
            self._fresh.append(path)
        return Extent(part.rows, 0, sum(map(len, chunks)), crc, b"", digest.hexdigest())

    def _linked(self, source: Path, path: Path) -> None:
        """Have a file under another name as well, or a copy of it."""
        try:
            os.link(source, path)
        except OSError as error:
            if error.errno not in _NO_LINKS:
                raise
            shutil.copyfile(source, path)
            with self._lock:
                self._fresh.append(path)


def _said(path: Path, rows: int, sha256: str) -> dict[str, Any]:
    """What the index notes of a finished file."""
    size, changed = stamp(path)
    return {"rows": rows, "sha256": sha256, "size": size, "mtime_ns": changed}


def _hash_of(parts: Mapping[str, Mapping[str, Any]]) -> str:
    """SHA-256 (hex) of the lines that `sha256sum` prints for the files of a folder in the order of their names."""
    lines = "".join(f"{said['sha256']}  {name}\n" for name, said in sorted(parts.items()))
    return hashlib.sha256(lines.encode()).hexdigest()
