"""Rows on their way: held in memory as long as they fit, else written to disk, and given back by entry number.

Every part of a file is a stretch of rows in order. A spill file is such stretches end to end, column after column as
plain numbers. When all files are read, entry numbers are chosen that cut all stretches into buckets of about equal
rows; a bucket is the piece of every stretch that falls into it, and holds its entries whole.
"""

from __future__ import annotations

import os
import sys
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

import numpy as np
import numpy.typing as npt

from cape_engine.bridge import Int64s
from cape_engine.errors import OutputError
from cape_engine.intake.memory import give_back, resident
from cape_engine.intake.ordered import in_order
from cape_engine.intake.stretch import Stretch, joined
from cape_engine.schema.column import Column

_SAMPLE = 1 << 11
"""Of every so many rows of a stretch, the key of one is kept in memory."""
_WORTH_WRITING = 1 << 25
"""Bytes below which rows stay in memory although the process is large: something else is."""
_RUN_ROWS = 1 << 19
"""Rows of a stretch on disk; so many are sorted within the cache."""


@dataclass(frozen=True, slots=True)
class _Array:
    """Where an array stands in a spill file."""

    offset: int
    kind: np.dtype[Any]
    length: int


@dataclass(slots=True)
class _OnDisk:
    """A stretch in a spill file."""

    handle: int
    keys: _Array
    starts: _Array
    place: _Array
    source: _Array
    row: _Array
    bad: _Array | None
    facts: dict[Column, _Array]


@dataclass(slots=True)
class _Held:
    """A stretch, the keys that stand for its rows, and where the buckets cut it.

    Attributes:
        what: the stretch, or where it is.
        source: which file; of stretches made of several others, of finished files, -1.
        sample: the key of every `_SAMPLE`-th row.
        cuts: places of its keys at which the buckets begin, and the end.
        rows: the rows at these places (only of stretches on disk).
    """

    what: Stretch | _OnDisk
    source: int
    sample: Int64s
    cuts: Int64s = field(default_factory=lambda: np.empty(0, np.int64))
    rows: Int64s = field(default_factory=lambda: np.empty(0, np.int64))


@dataclass(slots=True)
class Pool:
    """All rows of an import.

    Attributes:
        folder: where spill files go. They have no name, so that their room is free again when the process ends,
            however it ends.
        budget: bytes of rows that are held in memory; beyond, all that is held goes to disk.
        process: bytes of the whole process beyond which it does so too, whoever holds them.
        threads: how many sort rows for the disk at the same time.
        spilled: bytes written to disk.
        held_bytes: bytes in memory.
    """

    folder: Path
    budget: int
    process: int = sys.maxsize
    threads: int = 1
    spilled: int = 0
    held_bytes: int = 0
    _held: list[_Held] = field(default_factory=list)
    _files: list[IO[bytes]] = field(default_factory=list)
    _edges: Int64s = field(default_factory=lambda: np.empty(0, np.int64))

    def add(self, stretch: Stretch) -> None:
        """Take rows, in the order in which they are read.

        Raises:
            OutputError: the disk does not take them.
        """
        if len(stretch) == 0:
            return
        source = int(stretch.source[0])
        self._held.append(_Held(stretch, source, _sample(stretch)))
        self.held_bytes += stretch.nbytes
        full = self.held_bytes > _WORTH_WRITING and resident() > self.process
        if full or self.held_bytes > self.budget:
            self.flush()

    def forget(self, source: int) -> None:
        """Leave out all rows of a file, because the rest of it cannot be read."""
        self._held = [held for held in self._held if held.source != source]
        self.held_bytes = sum(held.what.nbytes for held in self._held if isinstance(held.what, Stretch))

    def rows(self) -> int:
        """Rows in it, roughly (to the sample)."""
        return sum(len(held.sample) for held in self._held) * _SAMPLE

    def flush(self) -> None:
        """Write everything that is held to a spill file, sorted into stretches that follow each other.

        Many short stretches in no order would otherwise be read back in as many little pieces for every bucket.

        Raises:
            OutputError: the disk does not take it.
        """
        waiting = [held for held in self._held if isinstance(held.what, Stretch)]
        if not waiting:
            return
        self._held = [held for held in self._held if isinstance(held.what, _OnDisk)]
        try:
            file = tempfile.TemporaryFile(dir=self.folder, buffering=0)  # noqa: SIM115 - closed with the pool
            self._files.append(file)
            # The rows of the file that is being read stay apart: it may still turn out to be unreadable.
            reading = waiting[-1].source
            self._sort([held for held in waiting if held.source != reading], -1, file)
            self._sort([held for held in waiting if held.source == reading], reading, file)
            self.spilled += file.tell()
        except OSError as error:
            raise OutputError(f"rows cannot be spilled to {self.folder}: {error}") from error
        self.held_bytes = 0
        waiting.clear()
        give_back()

    def _sort(self, waiting: list[_Held], source: int, file: IO[bytes]) -> None:
        """Write stretches as others that follow each other."""
        own = Pool(self.folder, self.budget)  # never full: only to cut what is held
        own._held = waiting
        parts = range(own.cut(_RUN_ROWS))
        for whole in in_order(lambda number: joined(own.bucket(number)), parts, self.threads):
            if len(whole):
                self._held.append(_Held(_written(whole, file), source, _sample(whole)))

    def cut(self, bucket_rows: int) -> int:
        """Cut all rows into buckets of about `bucket_rows`; how many there are."""
        sample = np.sort(np.concatenate([np.empty(0, np.int64), *(held.sample for held in self._held)]))
        step = max(bucket_rows // _SAMPLE, 1)
        edges = np.unique(sample[step::step])
        for held in self._held:
            what = held.what
            keys = what.keys if isinstance(what, Stretch) else _read(what.handle, what.keys)
            held.cuts = np.concatenate([[0], np.searchsorted(keys, edges), [len(keys)]])
            if isinstance(what, _OnDisk):
                held.rows = _read(what.handle, what.starts)[held.cuts]
        self._edges = edges
        return len(edges) + 1

    def bucket(self, number: int) -> list[Stretch]:
        """The stretches of a bucket, in the order in which they were read; those in memory are views.

        Raises:
            OutputError: a spill file cannot be read.
        """
        found: list[Stretch] = []
        for held in self._held:
            low, high = int(held.cuts[number]), int(held.cuts[number + 1])
            if low == high:
                continue
            if isinstance(held.what, Stretch):
                found.append(held.what.part(low, high))
            else:
                rows = int(held.rows[number]), int(held.rows[number + 1])
                found.append(_part(held.what, (low, high), rows))
        return found

    def keys_within(self, number: int, keys: Int64s) -> Int64s:
        """Those of some keys (ascending) that fall into a bucket."""
        cuts = np.concatenate([[0], np.searchsorted(keys, self._edges), [len(keys)]])
        return keys[cuts[number] : cuts[number + 1]]

    def close(self) -> None:
        """Let go of all rows and spill files."""
        for file in self._files:
            file.close()
        self._files, self._held, self.held_bytes = [], [], 0


def _sample(stretch: Stretch) -> Int64s:
    """The key of every `_SAMPLE`-th row."""
    every = np.arange(0, len(stretch), _SAMPLE)
    found: Int64s = stretch.keys[np.searchsorted(stretch.starts, every, side="right") - 1]
    return found


def _written(stretch: Stretch, file: IO[bytes]) -> _OnDisk:
    """A stretch at the end of a file, and where its arrays stand in it."""

    def put(values: npt.NDArray[Any]) -> _Array:
        found = _Array(file.tell(), values.dtype, len(values))
        left = np.ascontiguousarray(values).view(np.uint8).data
        while left:
            left = left[file.write(left) :]
        return found

    return _OnDisk(
        file.fileno(),
        put(stretch.keys),
        put(stretch.starts),
        put(stretch.place),
        put(stretch.source),
        put(stretch.row),
        None if stretch.bad is None else put(stretch.bad),
        {column: put(values) for column, values in stretch.facts.items()},
    )


def _read(handle: int, array: _Array, begin: int = 0, end: int | None = None) -> Any:
    """The numbers of an array from `begin` to `end`.

    Raises:
        OutputError: the file cannot be read.
    """
    count = (array.length if end is None else end) - begin
    found = np.empty(count, array.kind)
    left, offset = found.view(np.uint8).data, array.offset + begin * array.kind.itemsize
    while left:
        try:
            got = os.preadv(handle, [left], offset)
        except OSError as error:
            raise OutputError(f"spilled rows cannot be read back: {error}") from error
        if got == 0:
            raise OutputError("spilled rows cannot be read back: the file ends early")
        left, offset = left[got:], offset + got
    return found


def _part(what: _OnDisk, keys: tuple[int, int], rows: tuple[int, int]) -> Stretch:
    """Some keys of a stretch on disk, with their rows."""
    handle = what.handle
    return Stretch(
        _read(handle, what.keys, *keys),
        _read(handle, what.starts, keys[0], keys[1] + 1) - rows[0],
        _read(handle, what.place, *rows),
        _read(handle, what.source, *rows),
        _read(handle, what.row, *rows),
        None if what.bad is None else _read(handle, what.bad, *rows),
        {column: _read(handle, array, *rows) for column, array in what.facts.items()},
    )
