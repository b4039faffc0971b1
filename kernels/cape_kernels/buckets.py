"""Sums dealt out: plain ones into buckets by recipient, all others behind those that wait for their shards.

A sum is plain whose importer is paid himself and whose interest is known: most of all by far. Those of recipients who
come again and again are added up at once, in stretches of days at hand; every other becomes a record of 24 bytes, in
the order in which sums come, and now and then a bucket is packed (`packing`).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from cape_kernels._jit import helper, kernel, types, wrapping_helper
from cape_kernels.consolidation import COUNTS, INTEREST, KEY, PRINCIPAL, RECIPIENT, REFUNDS, SHARDS
from cape_kernels.lanes import lowest_bit, soon
from cape_kernels.packing import (
    BLOCK_ROWS,
    BLOCKS,
    BUCKETS,
    CENTS,
    CREDIT,
    DAY_BITS,
    DAYS,
    EARNED,
    ENTRY_BITS,
    FILLED,
    FIRST,
    FREE,
    LAST,
    LIMIT,
    MET,
    MOST_ENTRIES,
    NEVER_USED,
    NEXT_ROW,
    NUMBER_BITS,
    OWNER,
    ROOM,
    STRETCH_BITS,
    WHAT,
    pack_bucket,
)

PLAIN, WIDE = 0, 1
"""What is full: the blocks or the scratch for packing, or a shard's waiting sums."""
LEFT_OVER = 3
"""In `Waiting.done`: sums read, and not dealt yet."""
ROW, CELL, OTHER = 0, 1, 2
"""Rows of `Waiting.ahead`: sums whose days are at hand, and where; all others."""
AHEAD = 64
"""Sums looked at together, so that the memory brings many of their days at a time and no branch is guessed wrong."""

_EARLY = 12  # words, four records
_ROW_MASK = BLOCK_ROWS - 1
_BUCKET_BITS = 9
_BUCKET_MASK = BUCKETS - 1
_KEY_SHIFT = ENTRY_BITS
_NUMBER_SHIFT = ENTRY_BITS + DAY_BITS
_SHARD_MASK = SHARDS - 1
_LOW = 0xFFFFFFFF
_STRETCHES = DAY_BITS - STRETCH_BITS
_STRETCH_MASK = (1 << _STRETCHES) - 1
_STEP_MASK = (1 << STRETCH_BITS) - 1
_CAME, _PATIENCE, _MOST_CREDIT = 4, 64, 1024  # a place stays with whom one in five of those who come to it belongs to
_SPREAD = np.uint64(0x9E3779B97F4A7C15)
_NONE = -1

_PLACES = types.Array(types.int32, 1, "C", readonly=True)
_SUMS = types.Array(types.int64, 2, "C", readonly=True)


class Waiting(NamedTuple):
    """Sums of one thread that are not plain and wait for their shards.

    Attributes:
        sums: int64[SHARDS, n, 5], see `consolidation.add_sums`.
        filled: int64[SHARDS], how many wait.
        done: int64[4]: sums already read, in and out; -1 when all are, else the shard that is full, or 0; what is;
            `LEFT_OVER`.
        ahead: int64[3, AHEAD], scratch.
        allowed: int64[1], 1 where plain sums may be kept apart, else all wait.
    """

    sums: npt.NDArray[np.int64]
    filled: npt.NDArray[np.int64]
    done: npt.NDArray[np.int64]
    ahead: npt.NDArray[np.int64]
    allowed: npt.NDArray[np.int64]


_WAITING = types.NamedTuple(
    [types.int64[:, :, ::1], types.int64[::1], types.int64[::1], types.int64[:, ::1], types.int64[::1]], Waiting
)


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


@wrapping_helper
def _place_of(owner, places):  # type: ignore[no-untyped-def]
    """Where the stretch of an owner may be at hand."""
    return (np.uint64(owner) * _SPREAD >> np.uint64(32)) & np.uint64(places - 1)


@helper
def _put_back(blocks, room, waiting, place):  # type: ignore[no-untyped-def]
    """Write the days at hand in a place as records; whether there was room for all of them."""
    owner = blocks.owners[place, OWNER]
    while blocks.owners[place, MET] != 0:
        step = np.int64(lowest_bit(np.uint64(blocks.owners[place, MET])))
        at = np.uint64((np.int64(place) << STRETCH_BITS) + step)
        who, day = owner >> _STRETCHES, (owner & _STRETCH_MASK) << STRETCH_BITS | step
        entries, principal, interest = blocks.at_hand[at, 0], blocks.at_hand[at, 1], blocks.at_hand[at, 2]
        if not _put_plain(blocks, room, waiting, who, day, entries, principal, interest):
            return False
        for word in range(3):
            blocks.at_hand[at, word] = 0
        blocks.owners[place, MET] &= ~(np.int64(1) << step)
    blocks.owners[place, OWNER] = _NONE
    return True


@helper
def _put(blocks, room, waiting, who, day, entries, principal, interest):  # type: ignore[no-untyped-def]
    """Add a plain sum to its day where that is at hand, or write a record; whether there was room.

    Whoever comes often enough takes the place of somebody who does not: of a nation's entries three in four need no
    record of their own.
    """
    owners = blocks.owners
    owner = who << _STRETCHES | day >> STRETCH_BITS
    place = _place_of(owner, owners.shape[0])
    if owners[place, OWNER] != owner:
        if owners[place, CREDIT] > 0:
            owners[place, CREDIT] -= 1
            return _put_plain(blocks, room, waiting, who, day, entries, principal, interest)
        if not _put_back(blocks, room, waiting, place):
            return False
        owners[place, OWNER] = owner
        owners[place, CREDIT] = _PATIENCE
    _add(blocks, (np.int64(place) << STRETCH_BITS) + (day & _STEP_MASK), entries, principal, interest)
    return True


@helper
def _add(blocks, at, entries, principal, interest):  # type: ignore[no-untyped-def]
    """Add a sum to a day at hand."""
    place, cell = np.uint64(at >> STRETCH_BITS), np.uint64(at)
    blocks.owners[place, CREDIT] = min(blocks.owners[place, CREDIT] + _CAME, _MOST_CREDIT)
    blocks.owners[place, MET] |= np.int64(1) << (at & _STEP_MASK)
    blocks.at_hand[cell, 0] += entries
    blocks.at_hand[cell, 1] += principal
    blocks.at_hand[cell, 2] += interest


@helper
def _note(blocks, ahead, row, step, met, who, day, simple):  # type: ignore[no-untyped-def]
    """Note whether the day of a sum, the `step`-th of these, is at hand, and where, without a branch; how many are."""
    owner = who << _STRETCHES | day >> STRETCH_BITS
    place = _place_of(owner, blocks.owners.shape[0])
    ahead[ROW, np.uint64(met)] = row
    ahead[CELL, np.uint64(met)] = (np.int64(place) << STRETCH_BITS) + (day & _STEP_MASK)
    ahead[OTHER, np.uint64(step - met)] = row
    return met + np.int64(simple & (blocks.owners[place, OWNER] == owner))


@kernel(types.void(BLOCKS, ROOM, _WAITING))
def put_back(blocks, room, waiting):  # type: ignore[no-untyped-def]
    """Write all days at hand as records; stops without room.

    Args:
        blocks: plain sums of this thread, in and out.
        room: scratch for packing; records of the largest bucket, and as many starts as a bucket has recipients.
        waiting: `done` says what is full, else -1.
    """
    waiting.done[1] = _NONE
    for place in range(blocks.owners.shape[0]):
        if blocks.owners[place, OWNER] >= 0 and not _put_back(blocks, room, waiting, np.uint64(place)):
            return


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
    return (importer == who) & (day >= 0) & (day < DAYS) & (who >> _BUCKET_BITS < 1 << NUMBER_BITS)


@helper
def _one_sum(recipient, sums, row, blocks, room, waiting):  # type: ignore[no-untyped-def]
    """Deal one sum; whether there was room."""
    who, key, counts = np.int64(recipient[row]), sums[row, KEY], sums[row, COUNTS]
    plain = 1 <= counts <= MOST_ENTRIES and _is_plain(who, key & _LOW, key >> 32)
    if plain and waiting.allowed[0] != 0:
        return _put(blocks, room, waiting, who, key >> 32, counts, sums[row, PRINCIPAL], sums[row, INTEREST])
    return _put_wide(waiting, who, key, counts, sums[row, PRINCIPAL], sums[row, INTEREST])


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
    done, ahead, allowed = waiting.done, waiting.ahead, waiting.allowed[0] != 0
    done[1] = _NONE
    while True:
        while done[LEFT_OVER] > 0:
            if not _one_sum(recipient, sums, np.uint64(ahead[OTHER, done[LEFT_OVER] - 1]), blocks, room, waiting):
                return
            done[LEFT_OVER] -= 1
        begin, met = done[0], np.int64(0)
        if begin == recipient.shape[0]:
            return
        end = min(begin + AHEAD, recipient.shape[0])
        for number in range(begin, end):
            row = np.uint64(number)
            who, key, counts = np.int64(recipient[row]), sums[row, KEY], sums[row, COUNTS]
            simple = allowed & (counts >= 1) & (counts <= MOST_ENTRIES) & _is_plain(who, key & _LOW, key >> 32)
            met = _note(blocks, ahead, number, number - begin, met, who, key >> 32, simple)
        done[0], done[LEFT_OVER] = end, end - begin - met
        for each in range(met):
            row = np.uint64(ahead[ROW, each])
            _add(blocks, ahead[CELL, each], sums[row, COUNTS], sums[row, PRINCIPAL], sums[row, INTEREST])


@helper
def _one_refund(refunds, row, blocks, room, waiting):  # type: ignore[no-untyped-def]
    """Deal one entry; whether there was room."""
    if refunds.paid[row] == 0:
        return True
    who, importer, day = np.int64(refunds.recipient[row]), np.int64(refunds.importer[row]), np.int64(refunds.day[row])
    principal, interest, known = refunds.principal[row], refunds.interest[row], refunds.known[row] != 0
    if known and waiting.allowed[0] != 0 and _is_plain(who, importer, day):
        return _put(blocks, room, waiting, who, day, 1, principal, interest)
    if known:
        return _put_wide(waiting, who, day << 32 | importer, 1, principal, interest)
    return _put_wide(waiting, who, day << 32 | importer, 1 << 32 | 1, principal, 0)


@kernel(types.void(REFUNDS, BLOCKS, ROOM, _WAITING))
def deal_refunds(refunds, blocks, room, waiting):  # type: ignore[no-untyped-def]
    """Write each paid entry as a sum of its own where `deal_sums` would; stops without room.

    Args:
        refunds: one for each entry.
        blocks: plain sums of this thread, in and out.
        room: scratch for packing; records of the largest bucket, and as many starts as a bucket has recipients.
        waiting: its other sums, in and out.
    """
    done, ahead, allowed = waiting.done, waiting.ahead, waiting.allowed[0] != 0
    done[1] = _NONE
    while True:
        while done[LEFT_OVER] > 0:
            if not _one_refund(refunds, np.uint64(ahead[OTHER, done[LEFT_OVER] - 1]), blocks, room, waiting):
                return
            done[LEFT_OVER] -= 1
        begin, met = done[0], np.int64(0)
        if begin == refunds.recipient.shape[0]:
            return
        end = min(begin + AHEAD, refunds.recipient.shape[0])
        for number in range(begin, end):
            row = np.uint64(number)
            who, importer = np.int64(refunds.recipient[row]), np.int64(refunds.importer[row])
            day = np.int64(refunds.day[row])
            simple = allowed & (refunds.paid[row] != 0) & (refunds.known[row] != 0) & _is_plain(who, importer, day)
            met = _note(blocks, ahead, number, number - begin, met, who, day, simple)
        done[0], done[LEFT_OVER] = end, end - begin - met
        for each in range(met):
            row = np.uint64(ahead[ROW, each])
            _add(blocks, ahead[CELL, each], 1, refunds.principal[row], refunds.interest[row])


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
