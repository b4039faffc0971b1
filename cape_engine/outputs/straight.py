"""Bytes to the disk and from it, past the memory that the system keeps of files.

The results of a large run are written once, made durable and not read again by it. The system would find a page for
every 4 KiB of them, clear and fill it and give it away soon: 1.2 to 1.8 seconds of a processor for a gigabyte, measured
with `perf` (docs/performance.md), and three times as long by the clock as the disk needs. A file system or a system
that knows no such writes takes them as ever.
"""

from __future__ import annotations

import errno
import mmap
import os
import queue
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

from cape_engine import disk
from cape_engine.disk import BLOCK_BYTES, whole_blocks

LARGE_BYTES = 1 << 20
"""What is smaller goes the usual way."""

_ROOM_BYTES = 4 << 20
_ROOMS = 3  # one being written, one being filled, one between them


class Straight:
    """Writes whole blocks of a file in a thread of its own.

    Args:
        path: the file, which is there.
        handle: the same file, open for writing as usual.

    Raises:
        OSError: the file system knows no such writes.
    """

    def __init__(self, path: Path, handle: int) -> None:
        if not disk.STRAIGHT:
            raise OSError(errno.EINVAL, "the system knows no such writes")
        self._usual = handle
        self._handle = os.open(path, os.O_WRONLY | disk.STRAIGHT)
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="cape-straight")
        self._free: queue.SimpleQueue[mmap.mmap] = queue.SimpleQueue()
        for _room in range(_ROOMS):
            self._free.put(mmap.mmap(-1, _ROOM_BYTES))
        self._changed = threading.Condition()
        self._under_way = 0
        self._failed: BaseException | None = None

    def write(self, data: memoryview, place: int) -> None:
        """Have whole blocks written; `data` may change afterwards.

        Args:
            data: a multiple of `BLOCK_BYTES`.
            place: in the file, another multiple.
        """
        for begin in range(0, len(data), _ROOM_BYTES):
            part = data[begin : begin + _ROOM_BYTES]
            room = self._free.get()
            room[: len(part)] = part
            with self._changed:
                self._under_way += 1
            self._pool.submit(self._write, room, len(part), place + begin)

    def settle(self) -> None:
        """Wait until everything is written; any thread may.

        Raises:
            OSError: something could not be written, now or earlier.
        """
        with self._changed:
            self._changed.wait_for(lambda: not self._under_way)
            if self._failed is not None:
                raise self._failed

    def close(self) -> None:
        """Write what waits and end the thread."""
        self._pool.shutdown(wait=True)
        if self._handle >= 0:
            os.close(self._handle)
            self._handle = -1

    def _write(self, room: mmap.mmap, size: int, place: int) -> None:
        """Write the beginning of a room, unless a write before it failed."""
        try:
            if self._failed is None:
                self._written(memoryview(room)[:size], place)
        except BaseException as error:  # noqa: BLE001 - raised again by `settle`
            self._failed = error
        finally:
            self._free.put(room)
            with self._changed:
                self._under_way -= 1
                self._changed.notify_all()

    def _written(self, view: memoryview, place: int) -> None:
        """Write all of some blocks, in the usual way where the file system takes them in no other."""
        handle = self._handle
        while view:
            try:
                done = os.pwrite(handle, view, place)
            except OSError as error:
                if error.errno != errno.EINVAL or handle == self._usual:
                    raise
                handle, done = self._usual, 0
            view, place = view[done:], place + done


class WholeFiles:
    """Writes new files at once, large ones past the memory of the system if the file system can; one at a time."""

    def __init__(self) -> None:
        self._room = mmap.mmap(-1, _ROOM_BYTES)

    def write(self, path: Path, chunks: Sequence[bytes | memoryview]) -> None:
        """Write a file.

        Raises:
            OSError: it could not be written, or is there.
        """
        size, done = sum(map(len, chunks)), 0
        if size > len(self._room):
            self._room = mmap.mmap(-1, whole_blocks(size))
        for chunk in chunks:
            self._room[done : done + len(chunk)] = chunk
            done += len(chunk)
        view = memoryview(self._room)[:size]
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666)
        try:
            done = _written_straight(path, view[: size // BLOCK_BYTES * BLOCK_BYTES]) if size >= LARGE_BYTES else 0
            while done < size:
                done += os.pwrite(handle, view[done:], done)
        finally:
            os.close(handle)


def _written_straight(path: Path, view: memoryview) -> int:
    """Write the beginning of a file straight to the disk: bytes written, fewer where that cannot be done."""
    done = 0
    with suppress(OSError):  # the usual way follows, and says what is wrong
        handle = os.open(path, os.O_WRONLY | disk.STRAIGHT)
        try:
            while done < len(view):
                done += os.pwrite(handle, view[done:], done)
        finally:
            os.close(handle)
    return done


class Rooms:
    """Memory for reading, used in turn: what stands in a room stays there until as many others have been filled.

    Args:
        count: of rooms.
    """

    def __init__(self, count: int) -> None:
        self._rooms = [mmap.mmap(-1, _ROOM_BYTES) for _room in range(count)]
        self._next = 0

    def one(self) -> memoryview:
        """The room that was filled longest ago."""
        self._next = (self._next + 1) % len(self._rooms)
        return memoryview(self._rooms[self._next])


def opened_straight(handle: int) -> int | None:
    """A handle for reading an open file straight from the disk; None where that cannot be done."""
    if not disk.STRAIGHT or not hasattr(os, "preadv"):
        return None
    with suppress(OSError):  # there may be no such folder either
        return os.open(f"/proc/self/fd/{handle}", os.O_RDONLY | disk.STRAIGHT)
    return None


def straight_blocks(handle: int, start: int, length: int, rooms: Rooms) -> Iterator[memoryview]:
    """A range of a file, some MiB at a time; each stays as it is while fewer others follow than there are rooms.

    Args:
        handle: as `opened_straight` gives it.
        start: first byte.
        length: bytes.
        rooms: where they are read.

    Raises:
        OSError: the file ends before the range does.
    """
    end = start + length
    while start < end:
        room, base = rooms.one(), start // BLOCK_BYTES * BLOCK_BYTES
        done = os.preadv(handle, [room[: min(whole_blocks(end - base), _ROOM_BYTES)]], base)
        block = room[start - base : min(done, end - base)]
        if not block:
            raise OSError("a file ends before the bytes that were to be taken from it")
        yield block
        start += len(block)
