"""Plain sums of a run in buckets: importers who are paid themselves, of known interest; nearly all sums are plain."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from cape_engine.bridge import Int32s, Int64s, readonly
from cape_kernels import packing as kernels
from cape_kernels.cohorts import Merged

FIRST_BLOCKS = 1 << 11
"""Blocks of a thread at first (3 MB)."""
PACKED_FROM = 3 << 14
"""Records of a bucket from which all threads together pack it: what two threads have of it fits their second caches."""
FEWEST = 1 << 12
"""The same for one of very many threads."""
_GROUP = 8  # buckets that a thread packs at a time


def room_for(rows: int) -> Merged:
    """Cohorts to be written."""
    return Merged(
        recipient=np.empty(rows, np.int32),
        day=np.empty(rows, np.int32),
        importer=np.empty(rows, np.int32),
        importers=np.empty(rows, np.int64),
        sums=np.empty((4, rows), np.int64),
        found=np.zeros(1, np.int64),
    )


class PlainSums:
    """The plain sums that one thread has dealt out.

    Args:
        threads: how many have some.
    """

    def __init__(self, threads: int) -> None:
        lowest = max(PACKED_FROM // threads, FEWEST)
        self._large = lowest // kernels.BLOCK_ROWS * kernels.BUCKETS
        self.blocks = kernels.Blocks(
            words=np.empty(0, np.int64),
            following=np.empty(0, np.int64),
            heads=np.zeros((kernels.BUCKETS, 5), np.int64),
            stock=np.array([0, -1, lowest]),
            owners=np.zeros((kernels.OWNERS, 4), np.int64),
            at_hand=np.zeros((kernels.OWNERS << kernels.STRETCH_BITS, 3), np.int64),
        )
        self.blocks.owners[:, kernels.OWNER] = -1
        self.blocks.heads[:, kernels.LIMIT] = lowest
        self.room = room(lowest, 0)

    @property
    def filled(self) -> Int64s:
        """int64[BUCKETS], records of each bucket."""
        return self.blocks.heads[:, kernels.FILLED]

    def prepare(self, recipients: int) -> None:
        """Have scratch for so many recipients."""
        if len(self.room.starts) < _starts(recipients):
            self.room = self.room._replace(starts=np.empty(_starts(recipients) * 5 // 4, np.int64))

    def make_room(self) -> None:
        """Take more memory: for packing, or for records."""
        rows = len(self.room.records)
        if 4 * int(self.filled.max()) > 3 * rows:
            more = np.empty((2 * rows, 3), np.int64), np.empty((2 * rows, 3), np.int64)
            self.room = self.room._replace(records=more[0], spare=more[1])
        # Memory is none before it is used: nearly all that a large run needs is asked for at once.
        used = len(self.blocks.following)
        if self.blocks.stock[kernels.NEVER_USED] == used:
            blocks = max(self._large, used * 3 // 2 + 1) if used else FIRST_BLOCKS
            words = np.empty(blocks * kernels.BLOCK_ROWS * 3, np.int64)
            words[: len(self.blocks.words)] = self.blocks.words
            following = np.empty(blocks, np.int64)
            following[:used] = self.blocks.following
            self.blocks = self.blocks._replace(words=words, following=following)


def _starts(recipients: int) -> int:
    """Starts that a bucket has at most."""
    return recipients // kernels.BUCKETS + 2


def room(most: int, recipients: int) -> kernels.Room:
    """Scratch for buckets of so many records at most."""
    return kernels.Room(
        records=np.empty((most, 3), np.int64),
        spare=np.empty((most, 3), np.int64),
        days=np.zeros(kernels.DAYS, np.int64),
        bounds=np.array([kernels.DAYS - 1, 0]),
        starts=np.empty(_starts(recipients), np.int64),
    )


@dataclass(frozen=True, slots=True)
class Packed:
    """The plain sums of a run, one for each recipient and day, those of a recipient together and by day.

    Attributes:
        records: int64[n, 3], `cape_kernels.packing`; the end is not in use.
        start: int64[recipients], where those of each place begin.
        used: int64[recipients], how many there are.
    """

    records: Int64s
    start: Int64s
    used: Int64s

    def cohorts(self, places: Int32s) -> Merged:
        """The cohorts of recipients without other sums, in the order of `places` and by day."""
        used = self.used[places]
        merged = room_for(int(used.sum()))
        kernels.plain_cohorts(self.records, readonly(places), readonly(self.start[places]), readonly(used), merged)
        return merged

    def sums(self, places: Int32s) -> tuple[Int64s, Int32s]:
        """The same as sums of any kind, and the row in `places` of the recipient of each."""
        used = self.used[places]
        sums, number = np.empty((int(used.sum()), 4), np.int64), np.empty(int(used.sum()), np.int32)
        start = readonly(self.start[places])
        kernels.wide_sums(self.records, readonly(places), start, readonly(used), sums, number)
        return sums, number


def packed(
    parts: Sequence[PlainSums], recipients: int, each: Callable[[Callable[[int], None], Iterable[int]], object]
) -> Packed:
    """The plain sums of all threads, added up.

    Args:
        parts: of each thread; nothing is added any more.
        recipients: how many numbers there are.
        each: calls a function for many numbers, perhaps in several threads.
    """
    filled = np.sum([np.zeros(kernels.BUCKETS, np.int64), *(part.filled for part in parts)], axis=0)
    records = np.empty((int(filled.sum()), 3), np.int64)
    start, used = np.zeros(recipients, np.int64), np.zeros(recipients, np.int64)
    rooms, lock, end = threading.local(), threading.Lock(), 0

    def taken(rows: int) -> int:
        nonlocal end
        with lock:
            begin, end = end, end + rows
        return begin

    def pack(first: int) -> None:
        group = range(first, min(first + _GROUP, kernels.BUCKETS))
        own = getattr(rooms, "own", None)
        if own is None:
            own = rooms.own = room(int(filled.max()), recipients)
        for bucket in group:
            if not filled[bucket]:
                continue
            own.starts[:] = 0
            there = [part.blocks for part in parts if part.filled[bucket]]
            for blocks in there:
                kernels.count_records(blocks, bucket, own)
            kernels.begin_records(own)
            for blocks in there:
                kernels.deal_records(blocks, bucket, own)
            found = np.zeros(1, np.int64)
            kernels.pack(own, int(filled[bucket]), found)
            # Memory that was never used is slower than all that is done with it: buckets stand without gaps.
            begin = taken(int(found[0]))
            records[begin : begin + found[0]] = own.spare[: found[0]]
            mine = len(start[bucket :: kernels.BUCKETS])
            start[bucket :: kernels.BUCKETS] = begin + own.starts[:mine]
            used[bucket :: kernels.BUCKETS] = np.diff(own.starts[: mine + 1])

    each(pack, np.unique(np.flatnonzero(filled) // _GROUP * _GROUP).tolist())
    return Packed(readonly(records), start, used)
