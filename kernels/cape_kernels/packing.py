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

WHAT, CENTS, EARNED = 0, 1, 2
"""Words of a record: recipient's number in its bucket, day and entries in one; principal and interest."""
BUCKETS = 512
"""Recipients are dealt out to so many buckets: place p belongs to bucket p mod 512, as its number p / 512."""
ENTRY_BITS, DAY_BITS, NUMBER_BITS = 29, 15, 19
"""Bits of entries, days since 1970-01-01 and numbers in `WHAT`; what does not fit is no plain sum."""
MOST_ENTRIES = (1 << ENTRY_BITS) - 1
"""A run may have so many entries in plain sums, so that no record has more."""
DAYS = 1 << DAY_BITS
FEW = 12
"""Up to so many records of a recipient are sorted; more are added up in a table of days."""
BLOCK_ROWS = 64
"""Records of a block; a bucket is a chain of blocks."""
LAST, NEXT_ROW, FILLED, FIRST, LIMIT = 0, 1, 2, 3, 4
"""Columns of `Blocks.heads`: last block, row for the next record, records, first block, records to be packed from."""
NEVER_USED, FREE, LOWEST = 0, 1, 2
"""In `Blocks.stock`: first block never used; first free one, -1 for none, the others follow it; lowest limit."""
LEFT = 3
"""A bucket is packed when it has three times as many records as packing left the last time."""

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
    """

    words: npt.NDArray[np.int64]
    following: npt.NDArray[np.int64]
    heads: npt.NDArray[np.int64]
    stock: npt.NDArray[np.int64]


class Room(NamedTuple):
    """Scratch of one thread.

    Attributes:
        records: int64[n, 3], the records of a bucket.
        spare: int64[n, 3].
        table: int64[DAYS, 3], all 0 before and behind.
        starts: int64[recipients + 1], out: where those of each recipient of the bucket begin, and where the last ends.
    """

    records: npt.NDArray[np.int64]
    spare: npt.NDArray[np.int64]
    table: npt.NDArray[np.int64]
    starts: npt.NDArray[np.int64]


BLOCKS = types.NamedTuple([types.int64[::1], types.int64[::1], types.int64[:, ::1], types.int64[::1]], Blocks)
ROOM = types.NamedTuple([types.int64[:, ::1], types.int64[:, ::1], types.int64[:, ::1], types.int64[::1]], Room)


@helper
def _sorted(spare, begin, end, records, out):  # type: ignore[no-untyped-def]
    """Insert few records of a recipient by day, one for each; where the next one goes."""
    first = out
    for row in range(begin, end):
        key = spare[row, WHAT] >> _KEY_SHIFT
        at = out
        while at > first and records[at - 1, WHAT] >> _KEY_SHIFT > key:
            at -= 1
        if at > first and records[at - 1, WHAT] >> _KEY_SHIFT == key:
            records[at - 1, WHAT] += spare[row, WHAT] & MOST_ENTRIES
            records[at - 1, CENTS] += spare[row, CENTS]
            records[at - 1, EARNED] += spare[row, EARNED]
            continue
        for moved in range(out, at, -1):
            for word in range(3):
                records[moved, word] = records[moved - 1, word]
        for word in range(3):
            records[at, word] = spare[row, word]
        out += 1
    return out


@helper
def _by_day(spare, begin, end, records, out, table):  # type: ignore[no-untyped-def]
    """Add many records of a recipient up in a table of days, all 0 before and behind; where the next one goes."""
    first, last = np.int64(_DAY_MASK), np.int64(0)
    for row in range(begin, end):
        day = spare[row, WHAT] >> _KEY_SHIFT & _DAY_MASK
        first, last = min(first, day), max(last, day)
        day = np.uint64(day)
        table[day, 0] += spare[row, WHAT] & MOST_ENTRIES
        table[day, 1] += spare[row, CENTS]
        table[day, 2] += spare[row, EARNED]
    whose = spare[begin, WHAT] >> _NUMBER_SHIFT << _NUMBER_SHIFT
    for day in range(first, last + 1):
        if table[day, 0] != 0:
            records[out, WHAT] = whose | day << _KEY_SHIFT | table[day, 0]
            records[out, CENTS] = table[day, 1]
            records[out, EARNED] = table[day, 2]
            out += 1
            for word in range(3):
                table[day, word] = 0
    return out


@helper
def _begun(starts):  # type: ignore[no-untyped-def]
    """Make counts of records the rows where those of each recipient begin."""
    end = np.int64(0)
    for number in range(starts.shape[0]):
        end += starts[number]
        starts[number] = end - starts[number]


@helper
def _added_up(room):  # type: ignore[no-untyped-def]
    """Write one record for each recipient and day from `spare`, where those of a recipient end at its start."""
    begin = out = np.int64(0)
    for number in range(room.starts.shape[0]):
        end = room.starts[number]
        room.starts[number] = out
        if end - begin == 1:
            for word in range(3):
                room.records[out, word] = room.spare[begin, word]
            out += 1
        elif end - begin <= FEW:
            out = _sorted(room.spare, begin, end, room.records, out)
        else:
            out = _by_day(room.spare, begin, end, room.records, out, room.table)
        begin = end
    return out


@helper
def _dealt(words, place, rows, room):  # type: ignore[no-untyped-def]
    """Write some records behind those of their recipients."""
    for step in range(rows):
        at = place + 3 * step
        number = np.uint64(words[np.uint64(at + WHAT)] >> _NUMBER_SHIFT)
        row = room.starts[number]
        for word in range(3):
            room.spare[np.uint64(row), word] = words[np.uint64(at + word)]
        room.starts[number] = row + 1


@routine
def pack_bucket(blocks, bucket, room):  # type: ignore[no-untyped-def]
    """Leave one record for each recipient and day in a bucket; blocks that are not needed any more are free."""
    words, following, heads = blocks.words, blocks.following, blocks.heads
    room.starts[:] = 0
    left, block = heads[bucket, FILLED], heads[bucket, FIRST]
    while left > 0:
        place = block * BLOCK_ROWS * 3
        for step in range(min(left, BLOCK_ROWS)):
            room.starts[np.uint64(words[np.uint64(place + 3 * step + WHAT)] >> _NUMBER_SHIFT)] += 1
        left -= BLOCK_ROWS
        block = following[block]
    _begun(room.starts)
    left, block = heads[bucket, FILLED], heads[bucket, FIRST]
    while left > 0:
        _dealt(words, block * BLOCK_ROWS * 3, min(left, BLOCK_ROWS), room)
        left -= BLOCK_ROWS
        block = following[block]
    packed = _added_up(room)
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


@helper
def _unchained(blocks, bucket, records, out):  # type: ignore[no-untyped-def]
    """Copy the records of a bucket; where the next one goes."""
    left = blocks.heads[bucket, FILLED]
    block = blocks.heads[bucket, FIRST]
    while left > 0:
        place = block * BLOCK_ROWS * 3
        rows = min(left, BLOCK_ROWS)
        for row in range(rows):
            for word in range(3):
                records[out + row, word] = blocks.words[place + 3 * row + word]
        out += rows
        left -= rows
        block = blocks.following[block]
    return out


@kernel(types.void(BLOCKS, types.int64, types.int64[:, ::1], types.int64[::1]))
def unchain(blocks, bucket, records, found):  # type: ignore[no-untyped-def]
    """Copy the records of a bucket behind others.

    Args:
        blocks: of one thread.
        bucket: which.
        records: int64[n, 3], out.
        found: int64[1], records that are there, in and out.
    """
    found[0] = _unchained(blocks, bucket, records, found[0])


@kernel(types.void(ROOM, types.int64, types.int64, types.int64[:, ::1], types.int64[::1]))
def pack(room, used, begin, out, found):  # type: ignore[no-untyped-def]
    """Write one record for each recipient and day among those of a bucket, in their order.

    The caller keeps the total of all cents below 2^63 and of all entries up to `MOST_ENTRIES`: no record overflows.

    Args:
        room: with the records.
        used: how many there are.
        begin: where the first one goes in `out`.
        out: int64[n, 3], out.
        found: int64[1], out: how many are left.
    """
    room.starts[:] = 0
    for row in range(used):
        room.starts[room.records[row, WHAT] >> _NUMBER_SHIFT] += 1
    _begun(room.starts)
    for row in range(used):
        number = room.records[row, WHAT] >> _NUMBER_SHIFT
        at = room.starts[number]
        for word in range(3):
            room.spare[at, word] = room.records[row, word]
        room.starts[number] = at + 1
    found[0] = _added_up(room)
    for row in range(found[0]):
        for word in range(3):
            out[begin + row, word] = room.records[row, word]


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
