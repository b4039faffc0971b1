"""The kernels of plain sums against dictionaries: dealt out, packed again and again, and at the limits of a record."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cape_engine.bridge import readonly
from cape_engine.refund import plain as module
from cape_engine.refund.plain import PlainSums, packed
from cape_kernels import buckets as kernels
from cape_kernels import consolidation, packing
from reference.refund import plain_sums

pytestmark = pytest.mark.kernel

Row = tuple[int, int, int, int, int, bool, bool]
PEOPLE = 4 * packing.BUCKETS
PLACES = st.integers(0, 3).map(lambda number: number * packing.BUCKETS + number // 2)
ROWS = st.lists(
    st.tuples(
        PLACES,
        st.one_of(st.none(), PLACES),
        st.sampled_from([-5, 0, 20_600, 20_601, 20_650, packing.DAYS - 1, packing.DAYS]),
        st.integers(0, 10**12),
        st.integers(0, 10**11),
        st.booleans(),
        st.sampled_from([True, True, False]),
    ).map(lambda row: (row[0], row[0] if row[1] is None else row[1], *row[2:])),
    max_size=120,
)


def refunds(rows: Sequence[Row]) -> consolidation.Refunds:
    """Rows of (recipient, importer, day, principal, interest, known, paid) as arrays."""
    columns = list(zip(*rows, strict=True)) or [()] * 7
    types = (np.int32, np.int32, np.int32, np.int64, np.int64, np.int8, np.int8)
    arrays = [readonly(np.array(column, kind)) for column, kind in zip(columns, types, strict=True)]
    return consolidation.Refunds._make(arrays)


class Dealt:
    """What one thread has dealt out, with few blocks and little scratch to begin with."""

    def __init__(self, allowed: int = 1) -> None:
        self.plain = PlainSums(1)
        # So few places that stretches of days change hands all the time.
        owners, days = self.plain.blocks.owners[:2], self.plain.blocks.at_hand[: 2 << packing.STRETCH_BITS]
        self.plain.blocks = self.plain.blocks._replace(owners=owners, at_hand=days)
        self.wide: list[list[int]] = []
        self.waiting = kernels.Waiting(
            sums=np.empty((consolidation.SHARDS, 3, 5), np.int64),
            filled=np.zeros(consolidation.SHARDS, np.int64),
            done=np.zeros(4, np.int64),
            ahead=np.empty((3, kernels.AHEAD), np.int64),
            allowed=np.full(1, allowed),
        )

    def add(self, rows: Sequence[Row], *, summed: bool) -> None:
        """Deal entries out, or sums of one entry each."""
        self.plain.prepare(PEOPLE)
        self.waiting.done[0] = 0
        given_, paid = refunds(rows), [row for row in rows if row[6]]
        sums = np.array([[d << 32 | i, 1, p, e * k] for _, i, d, p, e, k, _ in paid], np.int64)
        for row, (*_, known, _) in enumerate(paid):
            sums[row, consolidation.COUNTS] = 1 if known else 1 << 32 | 1
        who = readonly(np.array([row[0] for row in paid], np.int32))
        if summed:
            self.until_done(partial(kernels.deal_sums, who, readonly(sums.reshape(-1, 4))))
        else:
            self.until_done(partial(kernels.deal_refunds, given_))

    def settle(self) -> None:
        """Write what is at hand as records; nothing is left there."""
        self.plain.prepare(PEOPLE)
        self.until_done(kernels.put_back)
        assert not self.plain.blocks.at_hand.any()
        assert (self.plain.blocks.owners[:, packing.OWNER] == -1).all()

    def until_done(self, deal: Callable[..., None]) -> None:
        """Deal until all is dealt, with room made meanwhile."""
        while True:
            deal(self.plain.blocks, self.plain.room, self.waiting)
            if self.waiting.done[1] < 0:
                return
            if self.waiting.done[2] == kernels.PLAIN:
                self.plain.make_room()
            else:
                self.flush(int(self.waiting.done[1]))

    def flush(self, shard: int) -> None:
        """Take what waits for a shard."""
        self.wide += self.waiting.sums[shard, : self.waiting.filled[shard]].tolist()
        self.waiting.filled[shard] = 0


def found_in(parts: Sequence[Dealt]) -> dict[tuple[int, int], list[int]]:
    """All plain sums, which stand by recipient and by day."""
    whole = packed([part.plain for part in parts], PEOPLE, lambda call, numbers: list(map(call, numbers)))
    places = np.flatnonzero(whole.used).astype(np.int32)
    sums, number = whole.sums(places)
    keys = list(zip(places[number].tolist(), (sums[:, consolidation.KEY] >> 32).tolist(), strict=True))
    assert keys == sorted(set(keys))
    assert np.array_equal(sums[:, consolidation.KEY] & 0xFFFFFFFF, places[number])
    merged = whole.cohorts(places)
    assert int(merged.found[0]) == len(keys)
    assert merged.recipient.tolist() == number.tolist()
    assert merged.importer.tolist() == places[number].tolist()
    assert list(zip(merged.importer.tolist(), merged.day.tolist(), strict=True)) == keys
    assert merged.importers.tolist() == [1] * len(keys)
    assert merged.sums[:3].T.tolist() == sums[:, 1:].tolist()
    assert not merged.sums[3].any()
    return dict(zip(keys, sums[:, 1:].tolist(), strict=True))


@pytest.mark.parametrize("summed", [True, False])
@given(st.lists(st.lists(ROWS, max_size=3), min_size=1, max_size=3))
def test_deal__equals_dictionary(summed: bool, threads: list[list[list[Row]]]) -> None:
    """However entries come and however often buckets are packed, every recipient and day has its own sum."""
    before = module.PACKED_FROM, module.FEWEST, module.FIRST_BLOCKS
    module.PACKED_FROM, module.FEWEST, module.FIRST_BLOCKS = 6, 4, 1
    try:
        parts = [Dealt() for _ in threads]
        for part, several in zip(parts, threads, strict=True):
            for rows in several:
                part.add(rows, summed=summed)
            part.settle()
            for shard in range(consolidation.SHARDS):
                part.flush(shard)
        simple, other = plain_sums([row for several in threads for rows in several for row in rows], packing.DAYS)
        assert found_in(parts) == simple
        wide = [(who, key, counts, cents, earned) for part in parts for key, counts, cents, earned, who in part.wide]
        assert sorted(wide) == sorted(other)
    finally:
        module.PACKED_FROM, module.FEWEST, module.FIRST_BLOCKS = before


def test_deal__many_days() -> None:
    """More records of a recipient than are sorted are added up in a table of days, which is empty again behind."""
    rows = [
        (packing.BUCKETS * (k % 2), packing.BUCKETS * (k % 2), k * 7 % 91, k, 2 * k, True, True) for k in range(999)
    ]
    part = Dealt()
    part.add(rows, summed=False)
    part.settle()
    assert found_in([part]) == plain_sums(rows, packing.DAYS)[0]
    assert found_in([part]) == plain_sums(rows, packing.DAYS)[0]


@pytest.mark.parametrize(
    ("place", "counts", "simple"),
    [
        (5, packing.MOST_ENTRIES, True),
        (5, packing.MOST_ENTRIES + 1, False),
        (5, 0, False),
        ((1 << packing.NUMBER_BITS) * packing.BUCKETS - 1, 1, True),
        ((1 << packing.NUMBER_BITS) * packing.BUCKETS, 1, False),
    ],
)
def test_deal_sums__limits(place: int, counts: int, simple: bool) -> None:
    """What does not fit the bits of a record is no plain sum; what just fits is kept whole."""
    part = Dealt()
    who = readonly(np.array([place], np.int32))
    sums = readonly(np.array([[100 << 32 | place, counts, 2**62, 2**61]], np.int64))
    arrays = part.plain.blocks, part.plain.room, part.waiting
    kernels.deal_sums(who, sums, *arrays)
    assert part.waiting.done[1] == -1
    kernels.put_back(*arrays)
    assert (part.waiting.done[1], part.waiting.done[2]) == (0, kernels.PLAIN) if simple else part.waiting.done[1] == -1
    part.plain.make_room()
    kernels.put_back(part.plain.blocks, part.plain.room, part.waiting)
    assert int(part.plain.filled.sum()) == simple
    if simple:
        what, cents, earned = part.plain.blocks.words[:3].tolist()
        assert (what & packing.MOST_ENTRIES, cents, earned) == (counts, 2**62, 2**61)
        assert what >> packing.ENTRY_BITS & (packing.DAYS - 1) == 100
        assert what >> (packing.ENTRY_BITS + packing.DAY_BITS) == place // packing.BUCKETS


def test_deal_sums__not_allowed() -> None:
    """Where a run has too many entries for plain sums, all of them wait for shards."""
    part = Dealt(allowed=0)
    part.add([(1, 1, 100, 5, 6, True, True)] * 2, summed=True)
    assert not part.plain.filled.any()
    assert int(part.waiting.filled.sum()) == 2


@given(st.lists(st.tuples(st.integers(0, 2**63 - 1), st.integers(0, 2**63 - 1), st.booleans(), st.booleans())))
def test_totals_of_refunds__equals_sums_of_any_size(rows: list[tuple[int, int, bool, bool]]) -> None:
    """The halves make up the totals of what is paid and of what interest is known, also beyond 64 bits."""
    halves: npt.NDArray[np.int64] = np.full(5, -1)
    kernels.totals_of_refunds(refunds([(1, 1, 1, *row) for row in rows]), halves)
    low, high, low_interest, high_interest, entries = halves.tolist()
    assert (high << 32) + low == sum(principal for principal, _, _, paid in rows if paid)
    assert (high_interest << 32) + low_interest == sum(interest for _, interest, known, paid in rows if known and paid)
    assert entries == sum(paid for *_, paid in rows)
