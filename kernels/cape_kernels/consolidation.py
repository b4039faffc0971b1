"""Sums of refunds by (recipient, importer, liquidation day): of a partition, and of a whole run.

A sum is one row of four 64-bit words, half a cache line. The cells of a recipient stand together in a slab that grows,
so that adding touches the recipient's head and one line, and the end finds every recipient's days without sorting.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from cape_kernels._jit import helper, kernel, types, wrapping_helper

KEY, COUNTS, PRINCIPAL, INTEREST = 0, 1, 2, 3
"""Words of a sum: day above importer, entries of unknown interest above all entries, cents, cents."""
HEAD_SLAB, HEAD_USED = 0, 1
"""Columns of a head: first cell of the slab above six bits of its class plus 1 (0 is none), and cells in use."""
CLASS_BITS = 6
"""Bits of a class; a slab of class c has 2 << c cells."""
CLASSES = 40
"""Classes of slabs, more than memory holds."""
SHARDS = 64
"""Recipients are dealt out to so many shards: place p belongs to shard p mod 64, as its number p / 64.

The cells of one shard fit the caches and the page tables of a core, those of a nation's refunds do not.
"""
WAITING = 8192
"""Sums that wait for a shard, so that it is visited seldom and for many of them."""
RECIPIENT = 4
"""A sum that waits has a fifth word: its recipient."""
AHEAD = 64
"""Sums whose cells are fetched before the first of them is added to: the memory answers many requests at a time."""
BUMP = CLASSES
"""In `Slabs.free`, behind the first free slab of every class: the first cell never used."""

_SHARD_BITS = 6
_CLASS_MASK = (1 << CLASS_BITS) - 1
_APART = 0x9E3779B1  # spreads importers over a slab
_MAX = np.int64(2**63 - 1)
_LOW = 0xFFFFFFFF
_NONE = -1
_SPREAD = np.uint64(0x9E3779B97F4A7C15)
_29 = np.uint64(29)
_32 = np.uint64(32)

_PLACES = types.Array(types.int32, 1, "C", readonly=True)
_CENTS = types.Array(types.int64, 1, "C", readonly=True)
_FLAGS = types.Array(types.int8, 1, "C", readonly=True)
_SUMS = types.Array(types.int64, 2, "C", readonly=True)


class Refunds(NamedTuple):
    """Refunds of entries.

    Attributes:
        recipient: int32[n], place of the recipient, 0 when unknown.
        importer: int32[n], place of the importer, 0 when unknown.
        day: int32[n], liquidation day.
        principal: int64[n], cents, at least 0.
        interest: int64[n], cents, at least 0; not added where it is not known.
        known: int8[n], whether the interest is known.
        paid: int8[n], whether the entry is paid at all.
    """

    recipient: npt.NDArray[np.int32]
    importer: npt.NDArray[np.int32]
    day: npt.NDArray[np.int32]
    principal: npt.NDArray[np.int64]
    interest: npt.NDArray[np.int64]
    known: npt.NDArray[np.int8]
    paid: npt.NDArray[np.int8]


class Slabs(NamedTuple):
    """Sums by recipient; a shard of them.

    Attributes:
        head: int64[recipients, 2], the slab of each recipient.
        cells: int64[n, 4], all slabs; a cell whose counts are 0 is empty.
        free: int64[BUMP + 1], first free slab of each class (-1 is none), and the first cell never used.
    """

    head: npt.NDArray[np.int64]
    cells: npt.NDArray[np.int64]
    free: npt.NDArray[np.int64]


@wrapping_helper
def _hash(one, other):  # type: ignore[no-untyped-def]
    """32 bits in which every bit of two numbers counts."""
    mixed = np.uint64((np.uint64(one) ^ (np.uint64(other) << _32)) * _SPREAD)
    mixed = np.uint64((mixed ^ (mixed >> _29)) * _SPREAD)
    return np.int64(mixed >> _32)


REFUNDS = types.NamedTuple([_PLACES, _PLACES, _PLACES, _CENTS, _CENTS, _FLAGS, _FLAGS], Refunds)
_SLABS = types.NamedTuple([types.int64[:, ::1], types.int64[:, ::1], types.int64[::1]], Slabs)


@kernel(
    types.void(REFUNDS, types.int32[::1], types.int32[::1], types.int32[::1], types.int64[:, ::1], types.int64[::1])
)
def sum_refunds(refunds, slots, row_of, recipient, sums, found):  # type: ignore[no-untyped-def]
    """Add the refunds of a partition up by recipient, importer and day (handbook 7.3).

    Args:
        refunds: one for each entry.
        slots: int32, a power of two above n, all -1; room for the hash table.
        row_of: int32[n], out: row of the sum that an entry went into, -1 when it is not paid.
        recipient: int32[n], out: recipient of each sum, in the order of their first entries.
        sums: int64[n, 4], out.
        found: int64[2], out: number of sums; 1 when one of them does not fit int64.
    """
    mask = np.int64(slots.shape[0] - 1)
    rows = np.int64(0)
    for i in range(row_of.shape[0]):
        row_of[i] = _NONE
        if refunds.paid[i] == 0:
            continue
        who = refunds.recipient[i]
        key = np.int64(refunds.day[i]) << 32 | np.int64(refunds.importer[i])
        slot = _hash(key, who) & mask
        while slots[slot] >= 0 and (sums[slots[slot], KEY] != key or recipient[slots[slot]] != who):
            slot = (slot + 1) & mask
        row = np.int64(slots[slot])
        if row < 0:
            row = rows
            rows += 1
            slots[slot] = row
            recipient[row] = who
            sums[row, KEY] = key
            sums[row, COUNTS] = 0
            sums[row, PRINCIPAL] = 0
            sums[row, INTEREST] = 0
        row_of[i] = row
        sums[row, COUNTS] += 1
        if refunds.principal[i] > _MAX - sums[row, PRINCIPAL]:
            found[1] = 1
        else:
            sums[row, PRINCIPAL] += refunds.principal[i]
        if refunds.known[i] == 0:
            sums[row, COUNTS] += 1 << 32
        elif refunds.interest[i] > _MAX - sums[row, INTEREST]:
            found[1] = 1
        else:
            sums[row, INTEREST] += refunds.interest[i]
    found[0] = rows


@kernel(types.void(_SUMS, types.int64[::1]))
def totals(sums, halves):  # type: ignore[no-untyped-def]
    """Add up the cents of all sums, however large the total: by halves, none of which overflows below 2^31 sums.

    Args:
        sums: int64[n, 4], cents of at least 0.
        halves: int64[4], out: the low and the high 32 bits of all principal, then of all interest, each added up.
    """
    halves[:] = 0
    for row in range(len(sums)):
        halves[0] += sums[row, PRINCIPAL] & _LOW
        halves[1] += sums[row, PRINCIPAL] >> 32
        halves[2] += sums[row, INTEREST] & _LOW
        halves[3] += sums[row, INTEREST] >> 32


@helper
def _size_of(slab):  # type: ignore[no-untyped-def]
    """Cells of a slab, by the first column of a head; 1 where there is none."""
    return np.int64(1) << (slab & _CLASS_MASK)


@helper
def _first_choice(key, size):  # type: ignore[no-untyped-def]
    """Where in a slab a day belongs.

    Days in a row, or a week apart, have places of their own, so that a recipient who is its own importer seldom needs
    a second look; other importers begin elsewhere.
    """
    return ((key >> 32) + ((key & _LOW) * _APART >> 8)) & (size - 1)


@helper
def _cell_of(cells, start, size, key):  # type: ignore[no-untyped-def]
    """The cell of a key in a slab: its own, the empty one where it belongs, or -1 when the slab is full."""
    at = _first_choice(key, size)
    for _ in range(size):
        cell = start + at
        if cells[cell, COUNTS] == 0 or cells[cell, KEY] == key:
            return cell
        at = (at + 1) & (size - 1)
    return np.int64(_NONE)


@helper
def _slab(slabs, step):  # type: ignore[no-untyped-def]
    """An empty slab of a class; -1 when there is no room."""
    size = np.int64(2) << step
    start = slabs.free[step]
    if start >= 0:
        slabs.free[step] = slabs.cells[start, KEY]
    elif slabs.free[BUMP] + size > slabs.cells.shape[0]:
        return np.int64(_NONE)
    else:
        start = slabs.free[BUMP]
        slabs.free[BUMP] = start + size
    for cell in range(start, start + size):
        slabs.cells[cell, COUNTS] = 0
    return start


@helper
def _grown(slabs, who):  # type: ignore[no-untyped-def]
    """Move a recipient into a slab of the next class; whether there was room."""
    slab = slabs.head[who, HEAD_SLAB]
    step = slab & _CLASS_MASK  # the class plus 1: that of the next
    fresh = _slab(slabs, step)
    if fresh < 0:
        return False
    if step > 0:
        start = slab >> CLASS_BITS
        for old in range(start, start + _size_of(slab)):
            if slabs.cells[old, COUNTS] != 0:
                cell = _cell_of(slabs.cells, fresh, np.int64(2) << step, slabs.cells[old, KEY])
                for word in range(4):
                    slabs.cells[cell, word] = slabs.cells[old, word]
        slabs.cells[start, KEY] = slabs.free[step - 1]
        slabs.free[step - 1] = start
    slabs.head[who, HEAD_SLAB] = fresh << CLASS_BITS | (step + 1)
    return True


@helper
def _fetch(waiting, begin, end, slabs, cell):  # type: ignore[no-untyped-def]
    """Touch the cells that sums are likely to go to; without a branch on what is read, the reads overlap.

    One sum after the other, each waiting for its own cell, took half as long again.
    """
    for row in range(begin, end):
        slab = slabs.head[waiting[row, RECIPIENT] >> _SHARD_BITS, HEAD_SLAB]
        cell[row - begin] = (slab >> CLASS_BITS) + _first_choice(waiting[row, KEY], _size_of(slab))
    touched = np.int64(0)
    for at in range(end - begin):
        touched |= slabs.cells[cell[at], COUNTS]
    return touched


@helper
def _add(waiting, row, slabs):  # type: ignore[no-untyped-def]
    """Add one sum to its cell; whether there was room."""
    who = waiting[row, RECIPIENT] >> _SHARD_BITS
    key = waiting[row, KEY]
    slab = slabs.head[who, HEAD_SLAB]
    size = _size_of(slab)
    cell = np.int64(_NONE)
    if size > 1:
        cell = _cell_of(slabs.cells, slab >> CLASS_BITS, size, key)
    if cell >= 0 and slabs.cells[cell, COUNTS] != 0:
        for word in range(1, 4):
            slabs.cells[cell, word] += waiting[row, word]
        return True
    used = slabs.head[who, HEAD_USED]
    # Small slabs fill up; large ones keep an eighth free, else a search walks through all of it.
    if cell < 0 or (used >= 16 and 8 * used >= 7 * size):
        if not _grown(slabs, who):
            return False
        slab = slabs.head[who, HEAD_SLAB]
        cell = _cell_of(slabs.cells, slab >> CLASS_BITS, _size_of(slab), key)
    slabs.head[who, HEAD_USED] = used + 1
    for word in range(4):
        slabs.cells[cell, word] = waiting[row, word]
    return True


@kernel(types.void(_SUMS, _SLABS, types.int64[::1], types.int64[::1]))
def add_sums(waiting, slabs, room, done):  # type: ignore[no-untyped-def]
    """Add sums of partitions to those of the run; stops where the cells are used up.

    The caller keeps the total of all cents below 2^63, so that no cell overflows.

    Args:
        waiting: int64[n, 5], sums of this shard.
        slabs: the shard, in and out.
        room: int64[AHEAD], scratch.
        done: int64[2], sums already added, in and out; and nothing of interest.
    """
    while done[0] < waiting.shape[0]:
        begin = done[0]
        end = min(begin + AHEAD, waiting.shape[0])
        done[1] = _fetch(waiting, begin, end, slabs, room)
        for row in range(begin, end):
            if not _add(waiting, row, slabs):
                return
            done[0] = row + 1


@kernel(types.void(_SLABS, _PLACES, _CENTS, _PLACES, types.int64[:, ::1], types.int32[::1]))
def collect(slabs, who, start, number, sums, recipient):  # type: ignore[no-untyped-def]
    """Copy the sums of recipients out of their slabs.

    Args:
        slabs: the shard.
        who: int32[m], heads of the recipients, each with a slab.
        start: int64[m], where the sums of each go; there are as many as its head says.
        number: int32[m], number of the recipient in this batch.
        sums: int64[n, 4], out.
        recipient: int32[n], out: number of the recipient of each row.
    """
    for i in range(who.shape[0]):
        slab = slabs.head[who[i], HEAD_SLAB]
        at = start[i]
        for cell in range(slab >> CLASS_BITS, (slab >> CLASS_BITS) + _size_of(slab)):
            if slabs.cells[cell, COUNTS] != 0:
                for word in range(4):
                    sums[at, word] = slabs.cells[cell, word]
                recipient[at] = number[i]
                at += 1
