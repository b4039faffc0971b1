"""Shares of neighbouring parts, added up and kept beside results: a later run reads one where it would read sixteen."""

from __future__ import annotations

import json
import os
import struct
import threading
import zlib
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from hashlib import sha256
from pathlib import Path
from typing import BinaryIO

from cape_engine.errors import OutputError
from cape_engine.outputs import files
from cape_engine.outputs.growing import InOrder
from cape_engine.outputs.part_sources import RUN
from cape_engine.pipeline.part import Share
from cape_engine.refund import Register

PARTS = 16
"""Parts of a block: neighbours mostly have the same recipients, and one changed part costs fifteen other records."""
NAME = "shares"
_AHEAD = 3  # blocks that are read before they are asked for
_WAITING = 2  # blocks that wait to be written
_TAIL = struct.Struct("<QI")


class ShareBlocks:
    """The shares of a run in blocks; those that an earlier run kept stand for all their parts at once.

    A block's key is made of the keys of its parts, which stand for everything that their shares depend on: a block of
    another run is right or is not found. The file is a convenience; without it, or with a damaged one, parts are read
    one by one.

    Args:
        out: folder of the results.
        keys: key of each part, in the order of the run.
        register: the importer numbers of the run.
        held: whether an earlier run finished a part.
    """

    def __init__(self, out: Path, keys: Sequence[str], register: Register, held: Callable[[str], bool]) -> None:
        self._path, self._register = out / RUN / NAME, register
        # Parts of equal content have one key; which of them is meant cannot be told, so such a run has no blocks.
        distinct = keys if len(set(keys)) == len(keys) else ()
        self._blocks = [tuple(distinct[start : start + PARTS]) for start in range(0, len(distinct), PARTS)]
        self._block_of = {key: number for number, block in enumerate(self._blocks) for key in block}
        self._names = [_name(block) for block in self._blocks]
        kept = _index(self._path)
        self._kept = {
            number: kept[name]
            for number, name in enumerate(self._names)
            if name in kept and all(map(held, self._blocks[number])) and self._read(kept[name]) is not None
        }
        self._waiting: dict[str, Share] = {}
        self._lock = threading.Lock()
        self._reader = ThreadPoolExecutor(2, thread_name_prefix="cape-shares")
        self._reading: dict[int, Future[Share]] = {}
        self._unread = sorted(self._kept, reverse=True)
        self._writer = InOrder()
        self._new: BinaryIO | None = None
        self._written: dict[str, list[int]] = {}

    def share(self, key: str) -> Share | None:
        """The share of a part that an earlier run kept in a block: that of all its parts for the first of them.

        Any thread may ask, for any key; the others of the block add nothing more.

        Raises:
            OutputError: the file was changed while the run goes on.
        """
        number = self._block_of.get(key)
        if number is None or number not in self._kept:
            return None
        if key != self._blocks[number][0]:
            return Share.nothing(self._register)
        with self._lock:
            # Blocks are asked for in their order: those that come next are read meanwhile.
            while self._unread and (number not in self._reading or len(self._reading) < _AHEAD):
                following = self._unread.pop()
                self._reading[following] = self._reader.submit(self._loaded, following)
            share = self._reading.pop(number, None)
        return self._loaded(number) if share is None else share.result()

    def _loaded(self, number: int) -> Share:
        """The share of a kept block.

        Raises:
            OutputError: the file was changed meanwhile.
        """
        data = self._read(self._kept[number])
        if data is None:  # parts of the block may have been counted as nothing already
            raise OutputError(f"{self._path} changed while it was read; run again with --full")
        return Share.from_bytes(data, self._register)

    def take(self, key: str, share: Share) -> None:
        """The share of a part that is not in a kept block; any thread may bring it."""
        number = self._block_of.get(key)
        if number is not None and number not in self._kept:
            with self._lock:
                self._waiting[key] = share

    def passed(self, key: str) -> None:
        """The next part is in the results; whole blocks are written as they come, in a thread beside.

        Raises:
            OutputError: the disk is full or the folder cannot be written.
        """
        number = self._block_of.get(key)
        if number is None or number in self._kept or key != self._blocks[number][-1]:
            return
        with self._lock:
            shares = [self._waiting.pop(part) for part in self._blocks[number]]
        with files.writing(self._path.parent):
            self._writer.add(self._write_together, number, shares)
            self._writer.wait(_WAITING)

    def ending(self) -> None:
        """All parts have passed: write the rest in the thread beside; nothing where all blocks were kept before."""
        with files.writing(self._path.parent):
            self._writer.add(self._write_rest)

    def finish(self) -> None:
        """Keep the blocks of this run, after `ending` and once its results are in their place."""
        with files.writing(self._path.parent):
            self._writer.wait()
            if self._new is not None:
                self.close()
                self._fresh.replace(self._path)

    def close(self) -> None:
        """Leave what is kept as it is."""
        self._reader.shutdown(wait=True, cancel_futures=True)
        self._writer.close()
        if self._new is not None:
            self._new.close()
            self._new = None

    @property
    def _fresh(self) -> Path:
        return self._path.with_suffix(".new")

    def _write_together(self, number: int, shares: Sequence[Share]) -> None:
        """Write a new block of these shares."""
        self._write(number, Share.together(shares, self._register).to_bytes())

    def _write_rest(self) -> None:
        """Write the blocks that were kept behind the new ones, if there are new ones, and where each stands."""
        if self._new is None:
            return
        for number, place in sorted(self._kept.items()):
            if (data := self._read(place)) is not None:
                self._write(number, data)
        said = json.dumps(self._written, sort_keys=True).encode()
        self._new.write(said + _TAIL.pack(len(said), zlib.crc32(said)))
        self._new.flush()
        os.fsync(self._new.fileno())

    def _write(self, number: int, data: bytes) -> None:
        if self._new is None:
            self._new = self._fresh.open("wb")
        self._written[self._names[number]] = [self._new.tell(), len(data), zlib.crc32(data)]
        self._new.write(data)

    def _read(self, place: Sequence[int]) -> bytes | None:
        """The bytes of a block, if they are what they were."""
        start, length, crc = place
        try:
            with self._path.open("rb") as file:
                file.seek(start)
                data = file.read(length)
        except OSError:
            return None
        return data if len(data) == length and zlib.crc32(data) == crc else None


def _name(block: Sequence[str]) -> str:
    """What a block is known by."""
    return sha256("\n".join(block).encode()).hexdigest()


def _index(path: Path) -> Mapping[str, list[int]]:
    """Start, length and check sum of each block of a file; nothing where there is none, or a damaged one."""
    try:
        with path.open("rb") as file:
            end = file.seek(-_TAIL.size, os.SEEK_END)
            length, crc = _TAIL.unpack(file.read(_TAIL.size))
            file.seek(end - length)
            said = file.read(length)
    except (OSError, struct.error):
        return {}
    if zlib.crc32(said) != crc:
        return {}
    found: dict[str, list[int]] = json.loads(said)
    return found
