"""The running sums of a whole run: partial sums in as they come, cohorts by recipient and day out."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from functools import partial

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from cape_engine.bridge import Int32s, Int64s, readonly
from cape_engine.errors import InputError
from cape_engine.refund.plain import Packed, PlainSums, packed, room_for
from cape_engine.refund.register import Register
from cape_engine.refund.shards import Shard
from cape_engine.refund.sums import TOO_MUCH, Sums
from cape_kernels import buckets, cohorts, packing
from cape_kernels import consolidation as kernels

BATCH_ROWS = 1 << 20
"""About so many sums become cohorts at a time; the memory of the end does not grow with the run."""

_Watch = AbstractContextManager[object]
_Deal = Callable[[packing.Blocks, packing.Room, buckets.Waiting], None]
_LOW = 0xFFFFFFFF


class _Own:
    """Sums that one thread has dealt out, and those that wait for their shards."""

    def __init__(self, shards: list[Shard], threads: int) -> None:
        self._shards = shards
        self.plain = PlainSums(threads)
        self._waiting = buckets.Waiting(
            sums=np.empty((kernels.SHARDS, kernels.WAITING, 5), np.int64),
            filled=np.zeros(kernels.SHARDS, np.int64),
            done=np.zeros(4, np.int64),
            ahead=np.empty((3, buckets.AHEAD), np.int64),
            allowed=np.ones(1, np.int64),
        )

    def add(self, deal: _Deal, recipients: int, *, allowed: bool) -> None:
        """Deal sums out; a shard for which many wait gets them.

        Args:
            deal: deals, from where it stopped before.
            recipients: how many numbers there are.
            allowed: plain sums may go to the buckets.
        """
        self._waiting.done[0], self._waiting.allowed[0] = 0, allowed
        self.plain.prepare(recipients)
        self._dealt(deal, recipients)

    def _dealt(self, deal: _Deal, recipients: int) -> None:
        """Deal until all is dealt, with room made meanwhile."""
        done = self._waiting.done
        while True:
            deal(self.plain.blocks, self.plain.room, self._waiting)
            if done[1] < 0:
                return
            if done[2] == buckets.PLAIN:
                self.plain.make_room()
            else:
                self._flush(int(done[1]), recipients)

    def flush(self, recipients: int) -> None:
        """Hand over whatever waits, and what is at hand."""
        self.plain.prepare(recipients)
        self._dealt(buckets.put_back, recipients)
        for shard in np.flatnonzero(self._waiting.filled).tolist():
            self._flush(shard, recipients)

    def _flush(self, shard: int, recipients: int) -> None:
        self._shards[shard].add(self._waiting.sums[shard, : self._waiting.filled[shard]], recipients)
        self._waiting.filled[shard] = 0


@dataclass(frozen=True, slots=True)
class Subtotals:
    """What importers have in refunds that are paid to somebody else, or for several importers.

    Attributes:
        cohort: int64[n], row of the cohort in its batch; ascending.
        importer: int32[n], place of the importer; in the order of their numbers as they are shown, within a cohort.
        entries: int64[n].
        principal_cents: int64[n].
        interest_cents: int64[n], of the entries whose interest is known.
        open: int64[n], entries whose interest is not known.
    """

    cohort: Int64s
    importer: Int32s
    entries: Int64s
    principal_cents: Int64s
    interest_cents: Int64s
    open: Int64s


@dataclass(frozen=True, slots=True)
class Cohorts:
    """Refunds by recipient and day (and importer, where importers are kept apart), in their final order.

    Attributes:
        recipients: int32, places of the recipients.
        number: int32[n], which of them each cohort belongs to; ascending.
        day: int32[n], liquidation day; ascending within a recipient.
        importer: int32[n], place of the importer; of one of them, where importers are not kept apart.
        importers: int64[n], how many.
        entries: int64[n].
        principal_cents: int64[n].
        interest_cents: int64[n], of the entries whose interest is known.
        open: int64[n], entries whose interest is not known.
        subtotals: of importers in shared refunds; None when they were not asked for.
    """

    recipients: Int32s
    number: Int32s
    day: Int32s
    importer: Int32s
    importers: Int64s
    entries: Int64s
    principal_cents: Int64s
    interest_cents: Int64s
    open: Int64s
    subtotals: Subtotals | None


class RunningSums:
    """Adds partial sums of partitions up, in any order and from several threads.

    Args:
        register: the numbers of the run; sums of other registers are translated.
        threads: how many add sums, about; memory is shared out among them.
    """

    def __init__(self, register: Register, threads: int = 2) -> None:
        self.register, self._threads = register, threads
        self._shards = [Shard() for _ in range(kernels.SHARDS)]
        self._lock = threading.Lock()
        self._thread = threading.local()
        self._all: list[_Own] = []
        self._found: Packed | None = None
        self._principal = self._interest = self._entries = 0

    def add(self, sums: Sums) -> None:
        """Add the sums of one more partition.

        Raises:
            InputError: all refunds together pass 2^63 cents; below it no sum of a cohort overflows.
        """
        if not len(sums.sums):  # as of parts whose block is added with its first part
            return
        own = sums.of(self.register)
        self._add(partial(buckets.deal_sums, own.recipient, own.sums), *own.totals())

    def add_refunds(self, refunds: kernels.Refunds) -> None:
        """Add the paid entries of a partition one by one: faster than to add them up first, where only that is wanted.

        Args:
            refunds: one for each entry, in places of the register.

        Raises:
            InputError: as `add`.
        """
        fixed = kernels.Refunds(**{name: readonly(array) for name, array in refunds._asdict().items()})
        halves = np.empty(5, np.int64)
        buckets.totals_of_refunds(fixed, halves)
        low_principal, principal, low_interest, interest, entries = halves.tolist()
        cents = (principal << 32) + low_principal, (interest << 32) + low_interest
        self._add(partial(buckets.deal_refunds, fixed), *cents, entries)

    def _add(self, deal: _Deal, principal: int, interest: int, entries: int) -> None:
        """Deal sums of so many cents and entries out."""
        own: _Own | None = getattr(self._thread, "own", None)
        with self._lock:
            self._principal += principal
            self._interest += interest
            self._entries += entries
            if max(self._principal, self._interest) >= 1 << 63:
                raise InputError(TOO_MUCH.format("this run"))
            allowed = self._entries <= packing.MOST_ENTRIES
            if own is None:
                own = self._thread.own = _Own(self._shards, max(self._threads, len(self._all) + 1))
                self._all.append(own)
        own.add(deal, len(self.register), allowed=allowed)

    def work(
        self,
        unknown: str,
        *,
        apart: bool,
        subtotals: bool = False,
        threads: int = 1,
        watch: Callable[[], _Watch] = nullcontext,
    ) -> list[Callable[[], Cohorts]]:
        """All cohorts by recipient as it is shown and by day, as batches that several threads may make.

        A recipient is whole in one batch. Nothing is added any more meanwhile.

        Args:
            unknown: how the recipient is shown whose number is not known.
            apart: importers are kept apart (`refund.consolidate_4811` = importer).
            subtotals: also what each importer has in shared refunds.
            threads: how many work side by side here already.
            watch: entered in each of them, where there are several.
        """
        for own in self._all:
            own.flush(len(self.register))
        found = self._packed(threads, watch)
        places, plain, wide = self._recipients(unknown, found)
        ranks = self._importer_ranks() if apart else None
        ends = np.cumsum(plain + wide)
        made: list[Callable[[], Cohorts]] = []
        begin = 0
        while begin < len(places):
            before = int(ends[begin - 1]) if begin else 0
            end = max(int(np.searchsorted(ends, before + BATCH_ROWS, "right")), begin + 1)
            some = places[begin:end]
            if wide[begin:end].any():
                made.append(partial(self._batch, found, some, wide[begin:end], ranks, subtotals=subtotals))
            else:
                made.append(partial(_plain_batch, found, some, subtotals=subtotals and ranks is None))
            begin = end
        return made

    def sums(self) -> Iterator[Sums]:
        """All sums so far, about a million at a time; those of a recipient are together."""
        for own in self._all:
            own.flush(len(self.register))
        found, wide = self._packed(1, nullcontext), self._wide_used()
        places = np.flatnonzero(wide + found.used).astype(np.int32)
        ends = np.cumsum(wide[places] + found.used[places])
        for some in np.split(places, np.searchsorted(ends, np.arange(BATCH_ROWS, ends.max(initial=0), BATCH_ROWS))):
            rows, number, _ = self._gathered(found, some, wide[some])
            yield Sums(self.register, readonly(some[number]), readonly(rows))

    def _packed(self, threads: int, watch: Callable[[], _Watch]) -> Packed:
        """The plain sums; those of recipients who have others as well are added to these."""
        found = self._found
        grown = found is not None and len(found.used) < len(self.register)
        if found is None or grown or any(own.plain.filled.any() for own in self._all):
            if found is not None:
                self._deal_again(found, np.flatnonzero(found.used).astype(np.int32), allowed=True)
            found = self._found = self._pack(threads, watch)
        # Of a recipient all sums are plain, or none.
        both = np.flatnonzero((self._wide_used() > 0) & (found.used > 0)).astype(np.int32)
        self._deal_again(found, both, allowed=False)
        found.used[both] = 0
        return found

    def _pack(self, threads: int, watch: Callable[[], _Watch]) -> Packed:
        """Add the plain sums of all threads up, and begin anew."""
        count, parts = len(self.register), [own.plain for own in self._all]
        if threads == 1:
            found = packed(parts, count, lambda call, numbers: deque(map(call, numbers), 0))
        else:

            def watched(call: Callable[[int], None], number: int) -> None:
                with watch():
                    call(number)

            with ThreadPoolExecutor(threads, thread_name_prefix="cape") as pool:
                found = packed(parts, count, lambda call, some: deque(pool.map(partial(watched, call), some), 0))
        for own in self._all:
            own.plain = PlainSums(len(parts))
        return found

    def _deal_again(self, found: Packed, places: Int32s, *, allowed: bool) -> None:
        """Add the plain sums of some recipients once more: to the plain ones, or to the others."""
        if not len(places):
            return
        sums, number = found.sums(places)
        own = _Own(self._shards, 1)
        own.add(
            partial(buckets.deal_sums, readonly(places[number]), readonly(sums)), len(self.register), allowed=allowed
        )
        own.flush(len(self.register))
        self._all.append(own)

    def _wide_used(self) -> Int64s:
        """How many sums each place has that are not plain."""
        used = np.zeros(len(self.register), np.int64)
        for number, shard in enumerate(self._shards):
            mine = used[number :: kernels.SHARDS]
            found = shard.head[: len(mine), kernels.HEAD_USED]
            mine[: len(found)] = found
        return used

    def _recipients(self, unknown: str, found: Packed) -> tuple[Int32s, Int64s, Int64s]:
        """Places of the recipients in the order of their spelling, and how many sums each has, plain and other."""
        wide = self._wide_used()
        places = np.flatnonzero(wide + found.used).astype(np.int32)
        # A stable sort: who is not known comes first, also before somebody whose number reads the same.
        order = pc.sort_indices(self.register.shown(places, unknown)).to_numpy()
        places = places[order]
        return places, found.used[places], wide[places]

    def _importer_ranks(self) -> Int32s:
        """The order of all numbers as they are compared."""
        count = len(self.register)
        ranks = np.empty(count, np.int32)
        keys = self.register.keys(np.arange(count, dtype=np.int32))
        ranks[pc.sort_indices(keys).to_numpy()] = np.arange(count, dtype=np.int32)
        return ranks

    def _batch(self, found: Packed, places: Int32s, wide: Int64s, ranks: Int32s | None, *, subtotals: bool) -> Cohorts:
        """The cohorts of some recipients, of whom some have sums that are not plain."""
        sums, recipient, starts = self._gathered(found, places, wide)
        rows = len(sums)
        given = np.arange(rows, dtype=np.int32)
        if ranks is not None:
            given = np.argsort(ranks[sums[:, kernels.KEY] & 0xFFFFFFFF], kind="stable").astype(np.int32)
        days = sums[:, kernels.KEY] >> 32
        first, last = int(days.min()), int(days.max())
        by_day = np.zeros(last - first + 2, np.int64)
        spare, order = np.empty(rows, np.int32), np.empty(rows, np.int32)
        fixed, whose = readonly(sums), readonly(recipient)
        cohorts.order_sums(fixed, whose, readonly(given), first, by_day, starts, spare, order)
        merged = room_for(rows)
        cohorts.merge_sums(fixed, whose, readonly(order), ranks is not None, merged)
        parts = self._subtotals(fixed, order, merged, places) if subtotals and ranks is None else None
        return _cohorts(places, merged, parts)

    def _gathered(self, found: Packed, places: Int32s, wide: Int64s) -> tuple[Int64s, Int32s, Int64s]:
        """Sums of some recipients, plain and other, the row in `places` of each, and where those of each begin."""
        simple, whose_simple = found.sums(places)
        used = wide + found.used[places]
        starts = np.cumsum(used) - used
        rows = int(used.sum())
        sums, recipient = np.empty((rows, 4), np.int64), np.empty(rows, np.int32)
        for number, shard in enumerate(self._shards):
            mine = np.flatnonzero((places % kernels.SHARDS == number) & (wide > 0)).astype(np.int32)
            who = readonly(places[mine] // kernels.SHARDS)
            kernels.collect(shard.slabs(), who, readonly(starts[mine]), readonly(mine), sums, recipient)
        # Who has plain sums has no others by now: theirs stand together, too.
        alone = np.repeat(wide == 0, used)
        sums[alone], recipient[alone] = simple, whose_simple
        return sums, recipient, starts

    def _subtotals(self, sums: Int64s, order: Int32s, merged: cohorts.Merged, places: Int32s) -> Subtotals:
        """The rows of cohorts that are paid to somebody else than their importer, or for several."""
        count = int(merged.found[0])
        many = merged.importers[:count]
        shared = (many > 1) | (merged.importer[:count] != places[merged.recipient[:count]])
        cohort = np.repeat(np.arange(count), many)
        wanted = np.flatnonzero(shared[cohort])
        rows = sums[order[wanted]]
        importer = (rows[:, kernels.KEY] & _LOW).astype(np.int32)
        met, number = np.unique(importer, return_inverse=True)
        rank = np.empty(len(met), np.int64)
        rank[pc.sort_indices(self.register.shown(met, "")).to_numpy()] = np.arange(len(met))
        by = np.lexsort((rank[number], cohort[wanted]))
        rows, counts = rows[by], rows[by, kernels.COUNTS]
        return Subtotals(
            cohort=cohort[wanted][by],
            importer=importer[by],
            entries=counts & _LOW,
            principal_cents=np.ascontiguousarray(rows[:, kernels.PRINCIPAL]),
            interest_cents=np.ascontiguousarray(rows[:, kernels.INTEREST]),
            open=counts >> 32,
        )


def _plain_batch(found: Packed, places: Int32s, *, subtotals: bool) -> Cohorts:
    """The cohorts of recipients who have plain sums only."""
    none = np.zeros(0, np.int64)
    parts = Subtotals(none, none.astype(np.int32), none, none, none, none) if subtotals else None
    return _cohorts(places, found.cohorts(places), parts)


def _cohorts(places: Int32s, merged: cohorts.Merged, subtotals: Subtotals | None) -> Cohorts:
    """Cohorts as columns."""
    found = slice(int(merged.found[0]))
    entries, principal, interest, open_ = merged.sums[:, found]
    return Cohorts(
        recipients=places,
        number=merged.recipient[found],
        day=merged.day[found],
        importer=merged.importer[found],
        importers=merged.importers[found],
        entries=entries,
        principal_cents=principal,
        interest_cents=interest,
        open=open_,
        subtotals=subtotals,
    )


def words_of(register: Register, some: Cohorts, unknown: str) -> pa.DictionaryArray:
    """The recipient of each cohort as a word column."""
    return pa.DictionaryArray.from_arrays(pa.array(some.number, pa.int32()), register.shown(some.recipients, unknown))
