"""The running sums of a whole run: partial sums in as they come, cohorts by recipient and day out."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from cape_engine.bridge import Int32s, Int64s, readonly
from cape_engine.errors import InputError
from cape_engine.refund.register import Register
from cape_engine.refund.sums import TOO_MUCH, Sums
from cape_kernels import cohorts
from cape_kernels import consolidation as kernels

BATCH_ROWS = 1 << 20
"""About so many sums become cohorts at a time; the memory of the end does not grow with the run."""

_SHARDS = kernels.SHARDS  # each has a lock, so that threads seldom wait for each other
_CELLS = 1 << 10
_LOW = 0xFFFFFFFF


@dataclass(slots=True)
class _Shard:
    """The sums of every 64th recipient.

    Attributes:
        lock: held while the arrays change.
        head: see `kernels.Slabs`, as `cells` and `free`.
    """

    lock: threading.Lock = field(default_factory=threading.Lock)
    head: Int64s = field(default_factory=lambda: np.zeros((0, 2), np.int64))
    cells: Int64s = field(default_factory=lambda: np.empty((_CELLS, 4), np.int64))
    free: Int64s = field(default_factory=lambda: np.append(np.full(kernels.BUMP, -1, np.int64), 0))

    def slabs(self) -> kernels.Slabs:
        """The arrays, for kernels."""
        return kernels.Slabs(self.head, self.cells, self.free)

    def add(self, waiting: Int64s, recipients: int) -> None:
        """Add sums.

        Args:
            waiting: int64[n, 5], sums whose recipients belong to this shard.
            recipients: how many numbers there are, of all shards.
        """
        done, room = np.zeros(2, np.int64), np.empty(kernels.AHEAD, np.int64)
        with self.lock:
            if len(self.head) * _SHARDS < recipients:
                longer = np.zeros((recipients // _SHARDS * 5 // 4 + 1, 2), np.int64)
                longer[: len(self.head)] = self.head
                self.head = longer
            while True:
                kernels.add_sums(readonly(waiting), self.slabs(), room, done)
                if done[0] == len(waiting):
                    return
                # Only a small part of the run's sums stands twice meanwhile; memory that was never touched is none.
                used = len(self.cells)
                longer = np.empty((used + max(used, _largest(self.head)), 4), np.int64)
                longer[:used] = self.cells
                self.cells = longer


class _Waiting:
    """Sums of one thread that wait for their shards."""

    def __init__(self, shards: list[_Shard]) -> None:
        self._shards = shards
        self._sums = np.empty((_SHARDS, kernels.WAITING, 5), np.int64)
        self._filled = np.zeros(_SHARDS, np.int64)

    def add(self, sums: Sums) -> None:
        """Deal sums out; a shard for which many wait gets them."""
        done = np.zeros(2, np.int64)
        while True:
            kernels.deal(sums.recipient, sums.sums, self._sums, self._filled, done)
            if done[1] < 0:
                return
            self._flush(int(done[1]), len(sums.register))

    def flush(self, recipients: int) -> None:
        """Hand over whatever waits."""
        for shard in np.flatnonzero(self._filled).tolist():
            self._flush(shard, recipients)

    def _flush(self, shard: int, recipients: int) -> None:
        self._shards[shard].add(self._sums[shard, : self._filled[shard]], recipients)
        self._filled[shard] = 0


def _largest(head: Int64s) -> int:
    """Cells that the largest slab needs when it grows."""
    return 2 << int((head[:, kernels.HEAD_SLAB] & ((1 << kernels.CLASS_BITS) - 1)).max(initial=0))


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
    """

    def __init__(self, register: Register) -> None:
        self.register = register
        self._shards = [_Shard() for _ in range(_SHARDS)]
        self._lock = threading.Lock()
        self._own = threading.local()
        self._waiting: list[_Waiting] = []
        self._principal = self._interest = 0

    def add(self, sums: Sums) -> None:
        """Add the sums of one more partition.

        Raises:
            InputError: all refunds together pass 2^63 cents; below it no sum of a cohort overflows.
        """
        own = sums.of(self.register)
        principal, interest = own.totals()
        waiting: _Waiting | None = getattr(self._own, "waiting", None)
        with self._lock:
            self._principal += principal
            self._interest += interest
            if max(self._principal, self._interest) >= 1 << 63:
                raise InputError(TOO_MUCH.format("this run"))
            if waiting is None:
                waiting = self._own.waiting = _Waiting(self._shards)
                self._waiting.append(waiting)
        waiting.add(own)

    def work(self, unknown: str, *, apart: bool, subtotals: bool = False) -> list[Callable[[], Cohorts]]:
        """All cohorts by recipient as it is shown and by day, as batches that several threads may make.

        A recipient is whole in one batch. Nothing is added any more meanwhile.

        Args:
            unknown: how a recipient that is not known is shown.
            apart: importers are kept apart (`refund.consolidate_4811` = importer).
            subtotals: also what each importer has in shared refunds.
        """
        for waiting in self._waiting:
            waiting.flush(len(self.register))
        places, used = self._recipients(unknown)
        ranks = self._importer_ranks() if apart else None
        ends = np.cumsum(used)
        made: list[Callable[[], Cohorts]] = []
        begin = 0
        while begin < len(places):
            before = int(ends[begin - 1]) if begin else 0
            end = max(int(np.searchsorted(ends, before + BATCH_ROWS, "right")), begin + 1)
            made.append(partial(self._batch, places[begin:end], used[begin:end], ranks, subtotals=subtotals))
            begin = end
        return made

    def _recipients(self, unknown: str) -> tuple[Int32s, Int64s]:
        """Places of the recipients in the order of their spelling, and how many sums each has."""
        count = len(self.register)
        used = np.zeros(count, np.int64)
        for number, shard in enumerate(self._shards):
            mine = used[number::_SHARDS]
            found = shard.head[: len(mine), kernels.HEAD_USED]
            mine[: len(found)] = found
        places = np.flatnonzero(used).astype(np.int32)
        # A stable sort: who is not known comes first, also before somebody whose number reads the same.
        order = pc.sort_indices(self.register.shown(places, unknown)).to_numpy()
        places = places[order]
        return places, used[places]

    def _importer_ranks(self) -> Int32s:
        """The order of all numbers as they are compared."""
        count = len(self.register)
        ranks = np.empty(count, np.int32)
        keys = self.register.keys(np.arange(count, dtype=np.int32))
        ranks[pc.sort_indices(keys).to_numpy()] = np.arange(count, dtype=np.int32)
        return ranks

    def _batch(self, places: Int32s, used: Int64s, ranks: Int32s | None, *, subtotals: bool) -> Cohorts:
        """The cohorts of some recipients."""
        starts = np.cumsum(used) - used
        rows = int(used.sum())
        sums, recipient = np.empty((rows, 4), np.int64), np.empty(rows, np.int32)
        for number, shard in enumerate(self._shards):
            mine = np.flatnonzero(places % _SHARDS == number).astype(np.int32)
            who = readonly(places[mine] // _SHARDS)
            kernels.collect(shard.slabs(), who, readonly(starts[mine]), readonly(mine), sums, recipient)
        given = np.arange(rows, dtype=np.int32)
        if ranks is not None:
            given = np.argsort(ranks[sums[:, kernels.KEY] & 0xFFFFFFFF], kind="stable").astype(np.int32)
        days = sums[:, kernels.KEY] >> 32
        first, last = int(days.min()), int(days.max())
        by_day = np.zeros(last - first + 2, np.int64)
        spare, order = np.empty(rows, np.int32), np.empty(rows, np.int32)
        fixed, whose = readonly(sums), readonly(recipient)
        cohorts.order_sums(fixed, whose, readonly(given), first, by_day, starts, spare, order)
        merged = cohorts.Merged(
            recipient=np.empty(rows, np.int32),
            day=np.empty(rows, np.int32),
            importer=np.empty(rows, np.int32),
            importers=np.empty(rows, np.int64),
            sums=np.empty((4, rows), np.int64),
            found=np.zeros(1, np.int64),
        )
        cohorts.merge_sums(fixed, whose, readonly(order), ranks is not None, merged)
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
            subtotals=self._subtotals(fixed, order, merged, places) if subtotals and ranks is None else None,
        )

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


def words_of(register: Register, some: Cohorts, unknown: str) -> pa.DictionaryArray:
    """The recipient of each cohort as a word column."""
    return pa.DictionaryArray.from_arrays(pa.array(some.number, pa.int32()), register.shown(some.recipients, unknown))
