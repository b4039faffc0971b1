"""Files of a partition read past the memory that the system keeps of files, into memory of our own that is used again.

A store larger than the memory comes from the disk in every run, and what the system keeps of it is of no use to the
next one. It would look for a page for every 4 KiB, fill it, map it and soon give it away again, which takes more
processor time than to decode what stands in it. A thread beside those that compute reads what a run will ask for
straight from the disk.
"""

from __future__ import annotations

import mmap
import os
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from cape_engine import disk
from cape_engine.disk import BLOCK_BYTES, whole_blocks

_TAIL_BYTES = 1 << 16  # of a file, read first: its footer stands there
_LENGTH_BYTES = 8  # the length of the footer, and four letters
CAN_LOAD = bool(disk.STRAIGHT) and hasattr(os, "preadv")
"""Whether this system knows such reads; a file system may yet refuse them."""

Span = tuple[int, int]
"""First byte, and the end behind the last."""
Groups = Callable[[pq.FileMetaData], int]
"""How many of the first row groups of a file are wanted."""


@dataclass(frozen=True, slots=True)
class Loaded:
    """A file of which some columns are in memory.

    Attributes:
        data: as many bytes as the file has; only its footer and what `has` says are those of the file.
        metadata: its footer.
        columns: the columns that are there, None for all.
        groups: how many of its first row groups are there.
    """

    data: pa.Buffer
    metadata: pq.FileMetaData
    columns: frozenset[str] | None
    groups: int

    def has(self, columns: Collection[str], groups: Collection[int] | None = None) -> bool:
        """Whether some columns are there, of some row groups (of all with None)."""
        last = max(groups, default=-1) if groups is not None else self.metadata.num_row_groups - 1
        return last < self.groups and (self.columns is None or self.columns.issuperset(columns))


@contextmanager
def opened_file(path: Path, loaded: Loaded | None) -> Iterator[pq.ParquetFile]:
    """A Parquet file, open; or what is in memory of it."""
    if loaded is None:
        with pq.ParquetFile(path, memory_map=True) as file:
            yield file
    else:
        with pq.ParquetFile(pa.BufferReader(loaded.data), metadata=loaded.metadata) as file:
            yield file


class Room:
    """Memory for the files of a partition, and of another one when nobody needs them any more."""

    def __init__(self) -> None:
        self._memory = mmap.mmap(-1, BLOCK_BYTES)
        self._used = 0

    def clear(self, size: int) -> None:
        """Begin anew, with so many bytes at least for all files and a block for each."""
        if len(self._memory) < size:
            self._memory = mmap.mmap(-1, size)
        self._used = 0

    def of(self, size: int) -> memoryview:
        """Bytes for a file, whole blocks of them."""
        begin, self._used = self._used, self._used + whole_blocks(size)
        return memoryview(self._memory)[begin : self._used]


def load(path: Path, room: Room, columns: Collection[str] | None, groups: Groups) -> Loaded:
    """Read some columns of a Parquet file.

    Args:
        path: the file.
        room: memory that has as much left as the file takes.
        columns: None for all.
        groups: how many of the first row groups.

    Raises:
        OSError: it cannot be read, or not past the memory of the system.
        pa.ArrowException: it is no Parquet file.
    """
    handle = os.open(path, os.O_RDONLY | disk.STRAIGHT)
    try:
        size = os.fstat(handle).st_size
        view = room.of(size)
        begin = max(size - _TAIL_BYTES, 0) // BLOCK_BYTES * BLOCK_BYTES
        _read(handle, view, begin, size)
        footer = int.from_bytes(view[max(size - _LENGTH_BYTES, 0) : max(size - 4, 0)], "little") + _LENGTH_BYTES
        if begin > size - footer:
            behind, begin = begin, max(size - footer, 0) // BLOCK_BYTES * BLOCK_BYTES
            _read(handle, view, begin, behind)
        data = pa.py_buffer(view[:size])
        metadata = pq.read_metadata(pa.BufferReader(data))
        count = groups(metadata)
        for first, last in joined(spans(metadata, columns, count), BLOCK_BYTES):
            _read(handle, view, first, min(last, begin))
    finally:
        os.close(handle)
    return Loaded(data, metadata, None if columns is None else frozenset(columns), count)


def _read(handle: int, view: memoryview, begin: int, end: int) -> None:
    """Read the blocks from one place, where a block begins, to another."""
    while begin < end:
        done = os.preadv(handle, [view[begin : begin + whole_blocks(end - begin)]], begin)
        begin += done
        if begin < end and (not done or done % BLOCK_BYTES):
            raise OSError("the file ends before it should")


def spans(metadata: pq.FileMetaData, columns: Collection[str] | None, groups: int) -> Iterator[Span]:
    """Where the chunks of some columns stand in the first row groups."""
    for group in range(groups):
        for place in range(metadata.num_columns):
            chunk = metadata.row_group(group).column(place)
            if columns is None or chunk.path_in_schema in columns:
                begin = chunk.dictionary_page_offset or chunk.data_page_offset
                yield begin, begin + chunk.total_compressed_size


def joined(found: Iterator[Span], block: int = 1) -> Sequence[Span]:
    """Spans in order, from block to block; those that touch each other as one."""
    whole: list[Span] = []
    for first, last in sorted(found):
        begin, end = first // block * block, -(-last // block) * block
        if whole and begin <= whole[-1][1]:
            whole[-1] = whole[-1][0], max(end, whole[-1][1])
        else:
            whole.append((begin, end))
    return whole
