"""Sums dealt out: plain ones into buckets by recipient, all others behind those that wait for their shards.

A sum is plain whose importer is paid himself and whose interest is known: most of all by far. It becomes a record of 24
bytes, in the order in which sums come; now and then a bucket is packed (`packing`).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from cape_kernels._jit import helper, kernel, types
from cape_kernels.consolidation import COUNTS, INTEREST, KEY, PRINCIPAL, RECIPIENT, REFUNDS, SHARDS
from cape_kernels.lanes import soon
from cape_kernels.packing import (
    BLOCK_ROWS,
    BLOCKS,
    BUCKETS,
    CENTS,
    DAY_BITS,
    DAYS,
    EARNED,
    ENTRY_BITS,
    FILLED,
    FIRST,
    FREE,
    LAST,
    LIMIT,
    MOST_ENTRIES,
    NEVER_USED,
    NEXT_ROW,
    NUMBER_BITS,
    ROOM,
    WHAT,
    pack_bucket,
)

PLAIN, WIDE = 0, 1
"""What is full: the blocks or the scratch for packing, or a shard's waiting sums."""

_EARLY = 12  # words, four records
_ROW_MASK = BLOCK_ROWS - 1
_BUCKET_BITS = 9
_BUCKET_MASK = BUCKETS - 1
_KEY_SHIFT = ENTRY_BITS
_NUMBER_SHIFT = ENTRY_BITS + DAY_BITS
_SHARD_MASK = SHARDS - 1
_LOW = 0xFFFFFFFF
_NONE = -1

_PLACES = types.Array(types.int32, 1, "C", readonly=True)
_SUMS = types.Array(types.int64, 2, "C", readonly=True)


class Waiting(NamedTuple):
    """Sums of one thread that are not plain and wait for their shards.

    Attributes:
        sums: int64[SHARDS, n, 5], see `consolidation.add_sums`.
        filled: int64[SHARDS], how many wait.
        done: int64[3]: sums already dealt, in and out; -1 when all are, else the shard that is full, or 0; what is.
        allowed: int64[1], 1 where plain sums may be kept apart, else all wait.
    """

    sums: npt.NDArray[np.int64]
    filled: npt.NDArray[np.int64]
    done: npt.NDArray[np.int64]
    allowed: npt.NDArray[np.int64]


_WAITING = types.NamedTuple([types.int64[:, :, ::1], types.int64[::1], types.int64[::1], types.int64[::1]], Waiting)


@helper
def _another_block(blocks, bucket):  # type: ignore[no-untyped-def]
    """Begin the next block of a bucket; whether there was one."""
    block = blocks.stock[FREE]
    if block >= 0:
        blocks.stock[FREE] = blocks.following[block]
    elif blocks.stock[NEVER_USED] == blocks.following.shape[0]:
        return False
    else:
        block = blocks.stock[NEVER_USED]
        blocks.stock[NEVER_USED] = block + 1
    blocks.following[block] = _NONE
    if blocks.heads[bucket, FILLED] == 0:
        blocks.heads[bucket, FIRST] = block
    else:
        blocks.following[blocks.heads[bucket, LAST]] = block
    blocks.heads[bucket, LAST] = block
    blocks.heads[bucket, NEXT_ROW] = block * BLOCK_ROWS
    return True


@helper
def _put_plain(blocks, room, waiting, who, day, entries, principal, interest):  # type: ignore[no-untyped-def]
    """Write a record behind those of its bucket; whether there was room."""
    bucket = np.uint64(who & _BUCKET_MASK)  # unsigned: a signed place would be tested for counting from the end
    filled = blocks.heads[bucket, FILLED]
    if filled == blocks.heads[bucket, LIMIT]:
        pack_bucket(blocks, bucket, room)
        filled = blocks.heads[bucket, FILLED]
        if 4 * filled > 3 * room.records.shape[0]:  # it would be packed again and again
            waiting.done[1] = 0
            waiting.done[2] = PLAIN
            return False
    if filled & _ROW_MASK == 0 and not _another_block(blocks, bucket):
        waiting.done[1] = 0
        waiting.done[2] = PLAIN
        return False
    place = 3 * blocks.heads[bucket, NEXT_ROW]
    # Each bucket's next line comes from far away: it is asked for early.
    soon(blocks.words, place + _EARLY)
    what = (who >> _BUCKET_BITS) << _NUMBER_SHIFT | day << _KEY_SHIFT | entries
    blocks.words[np.uint64(place + WHAT)] = what
    blocks.words[np.uint64(place + CENTS)] = principal
    blocks.words[np.uint64(place + EARNED)] = interest
    blocks.heads[bucket, NEXT_ROW] += 1
    blocks.heads[bucket, FILLED] = filled + 1
    return True


@helper
def _put_wide(waiting, who, key, counts, principal, interest):  # type: ignore[no-untyped-def]
    """Write a sum behind those that wait for its shard; whether there was room."""
    shard = who & _SHARD_MASK
    at = waiting.filled[shard]
    if at == waiting.sums.shape[1]:
        waiting.done[1] = shard
        waiting.done[2] = WIDE
        return False
    waiting.sums[shard, at, KEY] = key
    waiting.sums[shard, at, COUNTS] = counts
    waiting.sums[shard, at, PRINCIPAL] = principal
    waiting.sums[shard, at, INTEREST] = interest
    waiting.sums[shard, at, RECIPIENT] = who
    waiting.filled[shard] = at + 1
    return True


@helper
def _is_plain(who, importer, day):  # type: ignore[no-untyped-def]
    """Whether a sum of known interest fits a record."""
    return importer == who and day >= 0 and day < DAYS and who >> _BUCKET_BITS < 1 << NUMBER_BITS


@kernel(types.void(_PLACES, _SUMS, BLOCKS, ROOM, _WAITING))
def deal_sums(recipient, sums, blocks, room, waiting):  # type: ignore[no-untyped-def]
    """Write each sum of a partition into its bucket, or behind those that wait for its shard; stops without room.

    Args:
        recipient: int32[n], recipient of each sum.
        sums: int64[n, 4], see `consolidation.sum_refunds`.
        blocks: plain sums of this thread, in and out.
        room: scratch for packing; records of the largest bucket, and as many starts as a bucket has recipients.
        waiting: its other sums, in and out.
    """
    waiting.done[1] = _NONE
    allowed = waiting.allowed[0] != 0
    for row in range(waiting.done[0], recipient.shape[0]):
        who = np.int64(recipient[row])
        key, counts = sums[row, KEY], sums[row, COUNTS]
        if allowed and 1 <= counts <= MOST_ENTRIES and _is_plain(who, key & _LOW, key >> 32):
            there = _put_plain(blocks, room, waiting, who, key >> 32, counts, sums[row, PRINCIPAL], sums[row, INTEREST])
        else:
            there = _put_wide(waiting, who, key, counts, sums[row, PRINCIPAL], sums[row, INTEREST])
        if not there:
            waiting.done[0] = row
            return
    waiting.done[0] = recipient.shape[0]


@kernel(types.void(REFUNDS, BLOCKS, ROOM, _WAITING))
def deal_refunds(refunds, blocks, room, waiting):  # type: ignore[no-untyped-def]
    """Write each paid entry as a sum of its own where `deal_sums` would; stops without room.

    Args:
        refunds: one for each entry.
        blocks: plain sums of this thread, in and out.
        room: scratch for packing; records of the largest bucket, and as many starts as a bucket has recipients.
        waiting: its other sums, in and out.
    """
    waiting.done[1] = _NONE
    allowed = waiting.allowed[0] != 0
    for number in range(waiting.done[0], refunds.recipient.shape[0]):
        row = np.uint64(number)
        if refunds.paid[row] == 0:
            continue
        who, importer = np.int64(refunds.recipient[row]), np.int64(refunds.importer[row])
        day, known = np.int64(refunds.day[row]), refunds.known[row] != 0
        principal, interest = refunds.principal[row], refunds.interest[row]
        if allowed and known and _is_plain(who, importer, day):
            there = _put_plain(blocks, room, waiting, who, day, 1, principal, interest)
        elif known:
            there = _put_wide(waiting, who, day << 32 | importer, 1, principal, interest)
        else:
            there = _put_wide(waiting, who, day << 32 | importer, 1 << 32 | 1, principal, 0)
        if not there:
            waiting.done[0] = number
            return
    waiting.done[0] = refunds.recipient.shape[0]


@kernel(types.void(REFUNDS, types.int64[::1]))
def totals_of_refunds(refunds, halves):  # type: ignore[no-untyped-def]
    """Add up the cents of all paid entries by halves, as `consolidation.totals` does.

    Args:
        refunds: one for each entry; fewer than 2^31.
        halves: int64[5], out: low and high 32 bits of all principal, then of all interest; entries.
    """
    low = high = low_interest = high_interest = entries = np.int64(0)
    for row in range(refunds.recipient.shape[0]):
        # Masks of all bits instead of branches: the compiler takes several entries at a time.
        paid = -np.int64(refunds.paid[row] != 0)
        known = paid & -np.int64(refunds.known[row] != 0)
        low += paid & refunds.principal[row] & _LOW
        high += paid & (refunds.principal[row] >> 32)
        low_interest += known & refunds.interest[row] & _LOW
        high_interest += known & (refunds.interest[row] >> 32)
        entries -= paid
    halves[0], halves[1], halves[2], halves[3], halves[4] = low, high, low_interest, high_interest, entries
