"""Files that grow while a run goes on: written in order, hashed in a thread beside, made durable now and then."""

from __future__ import annotations

import errno
import hashlib
import os
import queue
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any, Protocol, TypeVar

from cape_engine.disk import BLOCK_BYTES, whole_blocks
from cape_engine.outputs.straight import LARGE_BYTES, Rooms, Straight, opened_straight, straight_blocks

T = TypeVar("T")
Seen = Callable[[bytes | memoryview], None]
"""Looks at each block of what is copied, in order."""

READ_BYTES = 256 << 10  # stays in the cache between reading, hashing and writing: twice as fast as 8 MiB
_SYNC_SECONDS = 0.5
_WAITING_BLOCKS = 8  # to be hashed
_IN_HAND = 2  # beside those that wait: one that is being hashed, and one that is being read
_SYNC = getattr(os, "fdatasync", os.fsync)  # macOS has only the latter


class InOrder:
    """Calls made one after the other in a thread of its own; what one of them raises shows at the next step.

    After a failure nothing is called any more: what would follow counts on what was to come before it.
    """

    def __init__(self) -> None:
        self._failed = False
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="cape-write")
        self._waiting: deque[Future[Any]] = deque()

    def add(self, call: Callable[..., T], *args: object) -> Future[T]:
        """Have something called after everything added before.

        Raises:
            Exception: whatever an earlier call raised.
        """
        while self._waiting and self._waiting[0].done():
            self._waiting.popleft().result()
        future = self._pool.submit(self._called, call, *args)
        self._waiting.append(future)
        return future

    def wait(self, most: int = 0) -> None:
        """Until so many calls are left at most; none by default.

        Raises:
            Exception: whatever one of the calls raised.
        """
        while len(self._waiting) > most:
            self._waiting.popleft().result()

    def close(self) -> None:
        """Call what waits, unless something failed, and end the thread."""
        self._pool.shutdown(wait=True)

    def _called(self, call: Callable[..., T], *args: object) -> T:
        if self._failed:
            raise RuntimeError("a call before this one failed")
        try:
            return call(*args)
        except BaseException:
            self._failed = True
            raise


class Digest:
    """SHA-256 of blocks in the order they are given, computed in a thread of its own (the GIL is released)."""

    def __init__(self) -> None:
        self._hash = hashlib.sha256()
        self._failure: BaseException | None = None
        self._blocks: queue.Queue[tuple[bytes | memoryview, Seen | None] | None] = queue.Queue(_WAITING_BLOCKS)
        self._thread = threading.Thread(target=self._work, name="cape-digest", daemon=True)
        self._thread.start()

    def update(self, block: bytes | memoryview, seen: Seen | None = None) -> None:
        """Add a block, which must not change afterwards.

        Args:
            block: bytes of it.
            seen: called with the block in the thread.

        Raises:
            Exception: whatever `seen` raised for a block before.
        """
        if self._failure is not None:
            raise self._failure
        self._blocks.put((block, seen))

    def hexdigest(self) -> str:
        """The hash of everything given; nothing may follow.

        Raises:
            Exception: whatever `seen` raised for one of the blocks.
        """
        self.close()
        if self._failure is not None:
            raise self._failure
        return self._hash.hexdigest()

    def close(self) -> None:
        """End the thread."""
        if self._thread.is_alive():
            self._blocks.put(None)
            self._thread.join()

    def _work(self) -> None:
        while (given := self._blocks.get()) is not None:
            block, seen = given
            self._hash.update(block)
            if seen is not None and self._failure is None:
                try:
                    seen(block)
                except BaseException as error:  # noqa: BLE001 - raised again in the thread that asks for the hash
                    self._failure = error


class GrowingFile:
    """A file that only grows.

    Args:
        path: made if it is missing; what it holds beyond `keep` is cut off.
        keep: bytes that stay.
        hashed: whether the SHA-256 of the whole file is wanted.
    """

    def __init__(self, path: Path, *, keep: int = 0, hashed: bool = True) -> None:
        self.path = path
        self._straight: Straight | None = None
        self._rooms: Rooms | None = None
        self._handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
        self._digest = Digest() if hashed else None
        os.ftruncate(self._handle, keep)
        for block in blocks(self._handle, 0, keep) if self._digest else ():
            self._hashed(block)
        self.size = os.lseek(self._handle, 0, os.SEEK_END)
        with suppress(OSError):  # the file system knows no such writes
            self._straight = Straight(path, self._handle)

    def write(self, data: bytes | memoryview, seen: Seen | None = None) -> None:
        """Append `data`, all of it; whole blocks of much of it are written meanwhile, until `settle`.

        Args:
            data: bytes of it.
            seen: looks at them where they are hashed.

        Raises:
            Exception: whatever it raised for bytes before.
        """
        self._hashed(data, seen)
        rest, place = memoryview(data), self.size
        self.size += len(rest)
        first, last = whole_blocks(place), self.size // BLOCK_BYTES * BLOCK_BYTES
        if self._straight is not None and last - first >= LARGE_BYTES:
            self._put(rest[: first - place], place)
            self._straight.write(rest[first - place : last - place], first)
            rest, place = rest[last - place :], last
        self._put(rest, place)

    def settle(self) -> None:
        """Wait until everything is written.

        Raises:
            OSError: something could not be written.
        """
        if self._straight is not None:
            self._straight.settle()

    def copy(self, source: int, start: int, length: int, seen: Seen) -> None:
        """Append a range of an open file, which nobody will read again: the system may forget it at once.

        Args:
            source: the open file.
            start: where the range begins.
            length: bytes of it.
            seen: looks at each block of it where it is hashed; what it raises shows at a later step.
        """
        before = self.size
        if length >= LARGE_BYTES:
            self._copy_straight(source, start, length, seen)
        copied = self.size - before
        for block in blocks(source, start + copied, length - copied):
            self.write(block, seen)
        with suppress(AttributeError, OSError):  # advice only: a system that cannot be told copies as well
            os.posix_fadvise(source, start, length, os.POSIX_FADV_DONTNEED)

    def _copy_straight(self, source: int, start: int, length: int, seen: Seen) -> None:
        """`copy` straight from the disk; nothing, or not all of it, where the file system knows no such reads."""
        handle = opened_straight(source)
        if handle is None:
            return
        self._rooms = self._rooms or Rooms(_WAITING_BLOCKS + _IN_HAND)
        try:
            for block in straight_blocks(handle, start, length, self._rooms):
                self.write(block, seen)
        except OSError as error:
            if error.errno != errno.EINVAL:
                raise
        finally:
            os.close(handle)

    def read(self, start: int, length: int) -> bytes:
        """Bytes already written."""
        return os.pread(self._handle, length, start)

    def sync(self) -> None:
        """Make what is written durable.

        Raises:
            OSError: something could not be written.
        """
        self.settle()
        _SYNC(self._handle)

    def sha256(self) -> str:
        """SHA-256 (hex) of the whole file; nothing may be written afterwards.

        Raises:
            Exception: what was copied is not what it should be.
        """
        if self._digest is None:
            raise ValueError(f"{self.path.name} is not hashed")
        return self._digest.hexdigest()

    def close(self) -> None:
        """Close the file and end its thread."""
        if self._digest is not None:
            self._digest.close()
        if self._straight is not None:
            self._straight.close()
        if self._handle >= 0:
            os.close(self._handle)
            self._handle = -1

    def _put(self, rest: memoryview, place: int) -> None:
        """Write in the usual way."""
        while rest:
            done = os.pwrite(self._handle, rest, place)
            rest, place = rest[done:], place + done

    def _hashed(self, block: bytes | memoryview, seen: Seen | None = None) -> None:
        if self._digest is not None:
            self._digest.update(block, seen)
        elif seen is not None:
            seen(block)


def made_durable(path: Path) -> None:
    """Make a file durable that is written already."""
    handle = os.open(path, os.O_RDONLY)
    try:
        _SYNC(handle)
    finally:
        os.close(handle)


def blocks(handle: int, start: int, length: int) -> Iterator[bytes]:
    """A range of an open file, block by block.

    Raises:
        OSError: the file ends before the range does.
    """
    while length:
        block = os.pread(handle, min(length, READ_BYTES), start)
        if not block:
            raise OSError("a file ends before the bytes that were to be taken from it")
        yield block
        start += len(block)
        length -= len(block)


class Durable(Protocol):
    """What can be made durable as far as it is written, by any thread."""

    def sync(self) -> None:
        """Do so."""


class Syncer:
    """Makes files durable now and then, in a thread of its own, so that the end of a run need not wait."""

    def __init__(self) -> None:
        self._last = time.monotonic()
        self._thread: threading.Thread | None = None

    def now_and_then(self, files: Sequence[Durable]) -> None:
        """Start making `files` durable if the last time is long enough ago."""
        if time.monotonic() - self._last < _SYNC_SECONDS or (self._thread is not None and self._thread.is_alive()):
            return
        self._last = time.monotonic()
        self._thread = threading.Thread(target=_sync_all, args=(files,), name="cape-sync", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Wait for the thread, if one is at work."""
        if self._thread is not None:
            self._thread.join()


def _sync_all(files: Sequence[Durable]) -> None:
    """Make files durable one after the other; an error will show again when the run ends."""
    for file in files:
        try:
            file.sync()
        except OSError:
            return
