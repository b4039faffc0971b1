"""Records of plain sums in blocks by bucket: one is left for each recipient and day, in their order.

A bucket fits the second cache of a core, so that memory is only read and written from end to end, and no sum is looked
up in it.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from cape_kernels._jit import helper, kernel, routine, types
from cape_kernels.cohorts import MERGED
from cape_kernels.consolidation import COUNTS, INTEREST, KEY, PRINCIPAL
from cape_kernels.lanes import soon

WHAT, CENTS, EARNED = 0, 1, 2
"""Words of a record: recipient's number in its bucket, day and entries in one; principal and interest."""
BUCKETS = 512
"""Recipients are dealt out to so many buckets: place p belongs to bucket p mod 512, as its number p / 512."""
ENTRY_BITS, DAY_BITS, NUMBER_BITS = 29, 15, 19
"""Bits of entries, days since 1970-01-01 and numbers in `WHAT`; what does not fit is no plain sum."""
MOST_ENTRIES = (1 << ENTRY_BITS) - 1
"""A run may have so many entries in plain sums, so that no record has more."""
DAYS = 1 << DAY_BITS
BLOCK_ROWS = 64
"""Records of a block; a bucket is a chain of blocks."""
LAST, NEXT_ROW, FILLED, FIRST, LIMIT = 0, 1, 2, 3, 4
"""Columns of `Blocks.heads`: last block, row for the next record, records, first block, records to be packed from."""
NEVER_USED, FREE, LOWEST = 0, 1, 2
"""In `Blocks.stock`: first block never used; first free one, -1 for none, the others follow it; lowest limit."""
OWNER, CREDIT, MET = 0, 1, 2
"""Columns of `Blocks.owners`: recipient and stretch of days, -1 for none; how often others must come; days in use."""
STRETCH_BITS = 6
"""A stretch of days has 64, so that one word says which of them are in use."""
OWNERS = 1 << 12
"""Places for stretches at hand: a few thousand recipients have most of all entries."""
LEFT = 3
"""A bucket is packed when it has three times as many records as packing left the last time."""

_BLOCK_WORDS = 3 * BLOCK_ROWS
_KEY_SHIFT = ENTRY_BITS
_NUMBER_SHIFT = ENTRY_BITS + DAY_BITS
_DAY_MASK = DAYS - 1
_NONE = -1

_PLACES = types.Array(types.int32, 1, "C", readonly=True)
_STARTS = types.Array(types.int64, 1, "C", readonly=True)
_SUMS = types.Array(types.int64, 2, "C", readonly=True)


class Blocks(NamedTuple):
    """Plain sums of one thread.

    Attributes:
        words: int64[blocks * BLOCK_ROWS * 3], records.
        following: int64[blocks], the block after each in its chain, -1 for none.
        heads: int64[BUCKETS, 5].
        stock: int64[3].
        owners: int64[n, 4], a power of two of places; whose stretch of days is at hand in each.
        at_hand: int64[n * 64, 3], entries, principal and interest of the days of each place; 0 where there is nothing.
    """

    words: npt.NDArray[np.int64]
    following: npt.NDArray[np.int64]
    heads: npt.NDArray[np.int64]
    stock: npt.NDArray[np.int64]
    owners: npt.NDArray[np.int64]
    at_hand: npt.NDArray[np.int64]


class Room(NamedTuple):
    """Scratch of one thread.

    Attributes:
        records: int64[n, 3], the records of a bucket.
        spare: int64[n, 3].
        days: int64[DAYS], counts of records by day; 0 before and behind.
        bounds: int64[2], the first and the last day.
        starts: int64[recipients + 1], out: where those of each recipient of the bucket begin, and where the last ends.
    """

    records: npt.NDArray[np.int64]
    spare: npt.NDArray[np.int64]
    days: npt.NDArray[np.int64]
    bounds: npt.NDArray[np.int64]
    starts: npt.NDArray[np.int64]


_WORDS, _ROWS = types.int64[::1], types.int64[:, ::1]
BLOCKS = types.NamedTuple([_WORDS, _WORDS, _ROWS, _WORDS, _ROWS, _ROWS], Blocks)
ROOM = types.NamedTuple([_ROWS, _ROWS, _WORDS, _WORDS, _WORDS], Room)


@helper
def _counted(blocks, bucket, room, bounds):  # type: ignore[no-untyped-def]
    """Count the records of a bucket by day and by recipient."""
    first, last = bounds[0], bounds[1]
    left, block = blocks.heads[bucket, FILLED], blocks.heads[bucket, FIRST]
    while left > 0:
        at, block = block * _BLOCK_WORDS, blocks.following[block]
        for step in range(min(left, BLOCK_ROWS)):
            # The next block comes from far away: it is asked for meanwhile.
            soon(blocks.words, max(block, 0) * _BLOCK_WORDS + 3 * step)
            what = blocks.words[np.uint64(at + 3 * step + WHAT)]
            day = what >> _KEY_SHIFT & _DAY_MASK
            first, last = min(first, day), max(last, day)
            room.days[np.uint64(day)] += 1
            room.starts[np.uint64(what >> _NUMBER_SHIFT)] += 1
        left -= BLOCK_ROWS
    bounds[0], bounds[1] = first, last


@helper
def _begun(counts, first, behind):  # type: ignore[no-untyped-def]
    """Make counts of records the rows where those of each begin."""
    end = np.int64(0)
    for number in range(first, behind):
        end += counts[number]
        counts[number] = end - counts[number]


@helper
def _by_day(blocks, bucket, room):  # type: ignore[no-untyped-def]
    """Write the records of a bucket behind those of their days."""
    left, block = blocks.heads[bucket, FILLED], blocks.heads[bucket, FIRST]
    while left > 0:
        for step in range(min(left, BLOCK_ROWS)):
            at = (block * BLOCK_ROWS + step) * 3
            day = np.uint64(blocks.words[np.uint64(at + WHAT)] >> _KEY_SHIFT & _DAY_MASK)
            row = room.days[day]
            for word in range(3):
                room.spare[np.uint64(row), word] = blocks.words[np.uint64(at + word)]
            room.days[day] = row + 1
        left -= BLOCK_ROWS
        block = blocks.following[block]


@helper
def _by_recipient(used, room):  # type: ignore[no-untyped-def]
    """Write all records, which stand by day, behind those of their recipients."""
    for each in range(used):
        at = np.uint64(each)
        number = np.uint64(room.spare[at, WHAT] >> _NUMBER_SHIFT)
        row = room.starts[number]
        for word in range(3):
            room.records[np.uint64(row), word] = room.spare[at, word]
        room.starts[number] = row + 1


@helper
def _added_up(used, room, out):  # type: ignore[no-untyped-def]
    """Write one of the records of each recipient and day, which stand together, to `out`; how many there are.

    Without a branch on what is read: how many records a day has cannot be guessed.
    """
    room.starts[:] = 0
    last, at = np.int64(_NONE), np.int64(-1)
    what = cents = earned = np.int64(0)
    for each in range(used):
        row = np.uint64(each)
        key = room.records[row, WHAT] >> _KEY_SHIFT
        same = -np.int64(key == last)
        what = room.records[row, WHAT] + (what & MOST_ENTRIES & same)
        cents = room.records[row, CENTS] + (cents & same)
        earned = room.records[row, EARNED] + (earned & same)
        last = key
        at += 1 + same
        out[np.uint64(at), WHAT] = what
        out[np.uint64(at), CENTS] = cents
        out[np.uint64(at), EARNED] = earned
        room.starts[np.uint64(what >> _NUMBER_SHIFT)] += 1 + same
    _begun(room.starts, 0, room.starts.shape[0])
    return at + 1


@routine
def pack_bucket(blocks, bucket, room):  # type: ignore[no-untyped-def]
    """Leave one record for each recipient and day in a bucket; blocks that are not needed any more are free."""
    room.starts[:] = 0
    room.bounds[0], room.bounds[1] = _DAY_MASK, 0
    _counted(blocks, bucket, room, room.bounds)
    _begun(room.starts, 0, room.starts.shape[0])
    _begun(room.days, room.bounds[0], room.bounds[1] + 1)
    _by_day(blocks, bucket, room)
    room.days[room.bounds[0] : room.bounds[1] + 1] = 0
    filled = blocks.heads[bucket, FILLED]
    _by_recipient(filled, room)
    _put_packed(blocks, bucket, _added_up(filled, room, room.records), room)


@helper
def _put_packed(blocks, bucket, packed, room):  # type: ignore[no-untyped-def]
    """Write what packing has left into the first blocks of a bucket; its other blocks are free."""
    words, following, heads = blocks.words, blocks.following, blocks.heads
    row, block = np.int64(0), heads[bucket, FIRST]
    while True:
        place = block * BLOCK_ROWS * 3
        rows = min(packed - row, BLOCK_ROWS)
        for step in range(rows):
            for word in range(3):
                words[place + 3 * step + word] = room.records[row + step, word]
        row += rows
        if row == packed:
            break
        block = following[block]
    free = following[block]
    following[block] = _NONE
    heads[bucket, FILLED] = packed
    heads[bucket, LAST] = block
    heads[bucket, NEXT_ROW] = block * BLOCK_ROWS + rows
    heads[bucket, LIMIT] = min(max(blocks.stock[LOWEST], LEFT * packed), room.records.shape[0])
    while free >= 0:
        after = following[free]
        following[free] = blocks.stock[FREE]
        blocks.stock[FREE] = free
        free = after


@kernel(types.void(BLOCKS, types.int64, ROOM))
def count_records(blocks, bucket, room):  # type: ignore[no-untyped-def]
    """Count the records that a thread has in a bucket, by day and by recipient.

    Args:
        blocks: of the thread.
        bucket: which.
        room: counts, 0 before the first thread; in and out.
    """
    _counted(blocks, bucket, room, room.bounds)


@kernel(types.void(ROOM))
def begin_records(room):  # type: ignore[no-untyped-def]
    """Make the counts of all threads rows.

    Args:
        room: with the counts, in and out.
    """
    _begun(room.starts, 0, room.starts.shape[0])
    _begun(room.days, room.bounds[0], room.bounds[1] + 1)


@kernel(types.void(BLOCKS, types.int64, ROOM))
def deal_records(blocks, bucket, room):  # type: ignore[no-untyped-def]
    """Write the records that a thread has in a bucket behind those of their days.

    Args:
        blocks: of the thread.
        bucket: which.
        room: with rows, in and out.
    """
    _by_day(blocks, bucket, room)


@kernel(types.void(ROOM, types.int64, types.int64[::1]))
def pack(room, used, found):  # type: ignore[no-untyped-def]
    """Write one record for each recipient and day among those of a bucket, in their order.

    The caller keeps the total of all cents below 2^63 and of all entries up to `MOST_ENTRIES`: no record overflows.

    Args:
        room: with the records by day in `spare`, where those that are left stand in the end; its counts of days are 0
            behind.
        used: how many records there are.
        found: int64[1], out: how many are left.
    """
    room.days[room.bounds[0] : room.bounds[1] + 1] = 0
    room.bounds[0], room.bounds[1] = _DAY_MASK, 0
    _by_recipient(used, room)
    found[0] = _added_up(used, room, room.spare)


@kernel(types.void(_SUMS, _PLACES, _STARTS, _STARTS, MERGED))
def plain_cohorts(records, places, start, used, merged):  # type: ignore[no-untyped-def]
    """Write the cohorts of recipients who have plain sums only.

    Args:
        records: int64[n, 3], packed, of all buckets.
        places: int32[m], the recipients.
        start: int64[m], where the records of each begin.
        used: int64[m], how many each has.
        merged: out, with room for all of them.
    """
    out = np.int64(0)
    for number in range(places.shape[0]):
        for row in range(start[number], start[number] + used[number]):
            merged.recipient[out] = number
            merged.day[out] = records[row, WHAT] >> _KEY_SHIFT & _DAY_MASK
            merged.importer[out] = places[number]
            merged.importers[out] = 1
            merged.sums[0, out] = records[row, WHAT] & MOST_ENTRIES
            merged.sums[1, out] = records[row, CENTS]
            merged.sums[2, out] = records[row, EARNED]
            merged.sums[3, out] = 0
            out += 1
    merged.found[0] = out


@kernel(types.void(_SUMS, _PLACES, _STARTS, _STARTS, types.int64[:, ::1], types.int32[::1]))
def wide_sums(records, places, start, used, sums, recipient):  # type: ignore[no-untyped-def]
    """Write records as sums of any kind.

    Args:
        records: int64[n, 3], packed, of all buckets.
        places: int32[m], the recipients.
        start: int64[m], where the records of each begin.
        used: int64[m], how many each has.
        sums: int64[rows, 4], out.
        recipient: int32[rows], out: number of the recipient of each, below m.
    """
    out = np.int64(0)
    for number in range(places.shape[0]):
        for row in range(start[number], start[number] + used[number]):
            sums[out, KEY] = (records[row, WHAT] >> _KEY_SHIFT & _DAY_MASK) << 32 | places[number]
            sums[out, COUNTS] = records[row, WHAT] & MOST_ENTRIES
            sums[out, PRINCIPAL] = records[row, CENTS]
            sums[out, INTEREST] = records[row, EARNED]
            recipient[out] = number
            out += 1
