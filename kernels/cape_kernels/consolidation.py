"""Sums of refunds by (recipient, importer, liquidation day): of a partition, and of a whole run.

A sum is one row of four 64-bit words, half a cache line. The cells of a recipient stand together in a slab that grows,
so that adding touches the recipient's head and one line, and the end finds every recipient's days without sorting.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from numba import types

from cape_kernels._jit import helper, kernel, wrapping_helper

KEY, COUNTS, PRINCIPAL, INTEREST = 0, 1, 2, 3
"""Words of a sum: day above importer, entries of unknown interest above all entries, cents, cents."""
SIZES = np.array([2 + (step & 1) << step // 2 for step in range(56)], np.int64)
"""Cells of a slab by class: 2, 3, 4, 6, 8, 12 ..."""
HEAD_START, HEAD_CLASS, HEAD_USED = 0, 1, 2
"""Columns of a head: first cell of the slab, its class plus 1 (0 is none), cells in use."""
BUMP = len(SIZES)
"""In `Slabs.free`, behind the first free slab of every class: the first cell never used."""

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
        head: int32[recipients, 3], the slab of each recipient.
        cells: int64[n, 4], all slabs; a cell whose counts are 0 is empty.
        free: int64[BUMP + 1], first free slab of each class (-1 is none), and the first cell never used.
    """

    head: npt.NDArray[np.int32]
    cells: npt.NDArray[np.int64]
    free: npt.NDArray[np.int64]


class Merged(NamedTuple):
    """Cohorts in their final order.

    Attributes:
        recipient: int32[n], number of the recipient in this batch.
        day: int32[n], liquidation day.
        importer: int32[n], place of an importer of the cohort: the only one, where importers are kept apart.
        importers: int64[n], how many.
        sums: int64[4, n], entries, principal, interest, entries whose interest is not known.
        count: int64[1], how many cohorts.
    """

    recipient: npt.NDArray[np.int32]
    day: npt.NDArray[np.int32]
    importer: npt.NDArray[np.int32]
    importers: npt.NDArray[np.int64]
    sums: npt.NDArray[np.int64]
    count: npt.NDArray[np.int64]


@wrapping_helper
def _hash(one, other):  # type: ignore[no-untyped-def]
    """32 bits in which every bit of two numbers counts."""
    mixed = np.uint64((np.uint64(one) ^ (np.uint64(other) << _32)) * _SPREAD)
    mixed = np.uint64((mixed ^ (mixed >> _29)) * _SPREAD)
    return np.int64(mixed >> _32)


_REFUNDS = types.NamedTuple([_PLACES, _PLACES, _PLACES, _CENTS, _CENTS, _FLAGS, _FLAGS], Refunds)
_SLABS = types.NamedTuple([types.int32[:, ::1], types.int64[:, ::1], types.int64[::1]], Slabs)
_MERGED = types.NamedTuple(
    [types.int32[::1], types.int32[::1], types.int32[::1], types.int64[::1], types.int64[:, ::1], types.int64[::1]],
    Merged,
)


@kernel(
    types.void(_REFUNDS, types.int32[::1], types.int32[::1], types.int32[::1], types.int64[:, ::1], types.int64[::1])
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


@kernel(types.void(_PLACES, types.int64, types.int64[::1], types.int32[::1]))
def deal(recipient, shards, starts, order):  # type: ignore[no-untyped-def]
    """Write the rows of each shard, shard after shard.

    Args:
        recipient: int32[n], recipient of each row.
        shards: how many there are; a recipient belongs to shard recipient mod shards.
        starts: int64[shards + 2], all 0; out: the rows of shard s are order[starts[s]:starts[s + 1]].
        order: int32[n], out.
    """
    for row in range(recipient.shape[0]):
        starts[recipient[row] % shards + 2] += 1
    for shard in range(shards):
        starts[shard + 2] += starts[shard + 1]
    for row in range(recipient.shape[0]):
        shard = recipient[row] % shards
        order[starts[shard + 1]] = row
        starts[shard + 1] += 1


@helper
def _cell_of(cells, start, size, key):  # type: ignore[no-untyped-def]
    """The cell of a key in a slab: its own, the empty one where it belongs, or -1 when the slab is full."""
    at = _hash(key, 0) * size >> 32
    for _ in range(size):
        cell = start + at
        if cells[cell, COUNTS] == 0 or cells[cell, KEY] == key:
            return cell
        at += 1
        if at == size:
            at = 0
    return np.int64(_NONE)


@helper
def _slab(slabs, step):  # type: ignore[no-untyped-def]
    """An empty slab of a class; -1 when there is no room."""
    size = SIZES[step]
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
    start = np.int64(slabs.head[who, HEAD_START])
    step = np.int64(slabs.head[who, HEAD_CLASS])  # the class plus 1: that of the next
    fresh = _slab(slabs, step)
    if fresh < 0:
        return False
    if step > 0:
        for old in range(start, start + SIZES[step - 1]):
            if slabs.cells[old, COUNTS] != 0:
                cell = _cell_of(slabs.cells, fresh, SIZES[step], slabs.cells[old, KEY])
                for word in range(4):
                    slabs.cells[cell, word] = slabs.cells[old, word]
        slabs.cells[start, KEY] = slabs.free[step - 1]
        slabs.free[step - 1] = start
    slabs.head[who, HEAD_START] = fresh
    slabs.head[who, HEAD_CLASS] = step + 1
    return True


@kernel(types.void(_PLACES, _SUMS, _PLACES, types.int64, _SLABS, types.int64[::1]))
def add_sums(recipient, sums, order, shards, slabs, done):  # type: ignore[no-untyped-def]
    """Add sums of a partition to those of the run; stops where the cells are used up.

    The caller keeps the total of all cents below 2^63, so that no cell overflows.

    Args:
        recipient: int32[n], recipient of each sum.
        sums: int64[n, 4].
        order: int32[m], the rows that belong to this shard.
        shards: how many there are: the head of a recipient is that of recipient / shards.
        slabs: the shard, in and out.
        done: int64[1], rows of `order` already added, in and out.
    """
    for at in range(done[0], order.shape[0]):
        row = order[at]
        who = recipient[row] // shards
        key = sums[row, KEY]
        step = np.int64(slabs.head[who, HEAD_CLASS])
        cell = np.int64(_NONE)
        if step > 0:
            cell = _cell_of(slabs.cells, np.int64(slabs.head[who, HEAD_START]), SIZES[step - 1], key)
        if cell < 0 or slabs.cells[cell, COUNTS] == 0:
            used = np.int64(slabs.head[who, HEAD_USED])
            # Small slabs fill up; large ones keep an eighth free, else a search walks through all of it.
            if step == 0 or used == SIZES[step - 1] or (used >= 12 and 8 * used >= 7 * SIZES[step - 1]):
                if not _grown(slabs, who):
                    done[0] = at
                    return
                step = np.int64(slabs.head[who, HEAD_CLASS])
                cell = _cell_of(slabs.cells, np.int64(slabs.head[who, HEAD_START]), SIZES[step - 1], key)
            slabs.head[who, HEAD_USED] = used + 1
            for word in range(4):
                slabs.cells[cell, word] = sums[row, word]
        else:
            for word in range(1, 4):
                slabs.cells[cell, word] += sums[row, word]
    done[0] = order.shape[0]


@kernel(types.void(_SLABS, _PLACES, _CENTS, _PLACES, types.int64[:, ::1], types.int32[::1]))
def collect(slabs, who, start, number, sums, recipient):  # type: ignore[no-untyped-def]
    """Copy the sums of recipients out of their slabs.

    Args:
        slabs: the shard.
        who: int32[m], heads of the recipients.
        start: int64[m], where the sums of each go; there are as many as its head says.
        number: int32[m], number of the recipient in this batch.
        sums: int64[n, 4], out.
        recipient: int32[n], out: number of the recipient of each row.
    """
    for i in range(who.shape[0]):
        step = np.int64(slabs.head[who[i], HEAD_CLASS])
        if step == 0:
            continue
        first = np.int64(slabs.head[who[i], HEAD_START])
        at = start[i]
        for cell in range(first, first + SIZES[step - 1]):
            if slabs.cells[cell, COUNTS] != 0:
                for word in range(4):
                    sums[at, word] = slabs.cells[cell, word]
                recipient[at] = number[i]
                at += 1


@kernel(
    types.void(
        _SUMS, _PLACES, _PLACES, types.int64, types.int64[::1], types.int64[::1], types.int32[::1], types.int32[::1]
    )
)
def order_sums(sums, recipient, given, first_day, by_day, by_recipient, spare, order):  # type: ignore[no-untyped-def]
    """Write the rows by recipient and day; rows of one day stay in the order given.

    Args:
        sums: int64[n, 4].
        recipient: int32[n], number of the recipient of each row.
        given: int32[n], the rows in the order of importers.
        first_day: the smallest day.
        by_day: int64[days + 1], all 0; scratch.
        by_recipient: int64[recipients], where the rows of each begin; scratch afterwards.
        spare: int32[n], scratch.
        order: int32[n], out.
    """
    for row in range(sums.shape[0]):
        by_day[(sums[row, KEY] >> 32) - first_day + 1] += 1
    for day in range(1, by_day.shape[0]):
        by_day[day] += by_day[day - 1]
    for row in given:
        day = (sums[row, KEY] >> 32) - first_day
        spare[by_day[day]] = row
        by_day[day] += 1
    for row in spare:
        who = recipient[row]
        order[by_recipient[who]] = row
        by_recipient[who] += 1


@kernel(types.void(_SUMS, _PLACES, _PLACES, types.boolean, _MERGED))
def merge_sums(sums, recipient, order, apart, merged):  # type: ignore[no-untyped-def]
    """Make one cohort of the sums of one recipient and day (handbook 7.3).

    Args:
        sums: int64[n, 4].
        recipient: int32[n], number of the recipient of each row.
        order: int32[n], rows by recipient and day.
        apart: importers are kept apart (`refund.consolidate_4811` = importer): each row is a cohort of its own.
        merged: out, room for n.
    """
    last = np.int64(-1)
    for row in order:
        day = np.int32(sums[row, KEY] >> 32)
        if apart or last < 0 or merged.recipient[last] != recipient[row] or merged.day[last] != day:
            last += 1
            merged.recipient[last] = recipient[row]
            merged.day[last] = day
            merged.importer[last] = np.int32(sums[row, KEY] & _LOW)
            merged.importers[last] = 0
            for word in range(4):
                merged.sums[word, last] = 0
        merged.importers[last] += 1
        merged.sums[0, last] += sums[row, COUNTS] & _LOW
        merged.sums[1, last] += sums[row, PRINCIPAL]
        merged.sums[2, last] += sums[row, INTEREST]
        merged.sums[3, last] += sums[row, COUNTS] >> 32
    merged.count[0] = last + 1
