"""The consolidation kernels against dictionaries, at the end of 64 bits, and with slabs that grow and move."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cape_engine.refund.plain import PlainSums
from cape_kernels import buckets, cohorts
from cape_kernels import consolidation as kernels

pytestmark = pytest.mark.kernel

Row = tuple[int, int, int, int, int, bool, bool]
ROWS = st.lists(
    st.tuples(
        st.integers(0, 3),
        st.integers(0, 3),
        st.integers(20_600, 20_604),
        st.integers(1, 10**12),
        st.integers(0, 10**11),
        st.booleans(),
        st.booleans(),
    ),
    max_size=40,
)
Sums = dict[tuple[int, int, int], list[int]]


def fixed(array: npt.NDArray[np.generic]) -> npt.NDArray[np.generic]:
    """The array, read-only."""
    array.flags.writeable = False
    return array


def refunds(rows: Sequence[Row]) -> kernels.Refunds:
    """Rows of (recipient, importer, day, principal, interest, known, paid) as arrays."""
    columns = list(zip(*rows, strict=True)) or [()] * 7
    types = (np.int32, np.int32, np.int32, np.int64, np.int64, np.int8, np.int8)
    arrays = [fixed(np.array(column, kind)) for column, kind in zip(columns, types, strict=True)]
    return kernels.Refunds._make(arrays)


def summed(rows: Sequence[Row]) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.int64], list[int], int]:
    """Recipients, sums, row of each entry, and whether a sum overflowed."""
    count = len(rows)
    slots = np.full(1 << (2 * count + 1).bit_length(), -1, np.int32)
    row, recipient, sums = np.empty(count, np.int32), np.empty(count, np.int32), np.empty((count, 4), np.int64)
    found = np.zeros(2, np.int64)
    kernels.sum_refunds(refunds(rows), slots, row, recipient, sums, found)
    return recipient[: found[0]], sums[: found[0]], row.tolist(), int(found[1])


def as_dictionary(recipient: npt.NDArray[np.int32], sums: npt.NDArray[np.int64]) -> Sums:
    """Sums by (recipient, importer, day): entries, principal, interest, entries of unknown interest."""
    found: Sums = {}
    for who, (key, counts, principal, interest) in zip(recipient.tolist(), sums.tolist(), strict=True):
        place = (who, key & 0xFFFFFFFF, key >> 32)
        assert place not in found
        found[place] = [counts & 0xFFFFFFFF, principal, interest, counts >> 32]
    return found


def expected_of(rows: Sequence[Row]) -> Sums:
    """The same by a plain loop."""
    expected: Sums = {}
    for recipient, importer, day, principal, interest, known, paid in rows:
        if paid:
            own = expected.setdefault((recipient, importer, day), [0, 0, 0, 0])
            for place, more in enumerate((1, principal, interest * known, not known)):
                own[place] += more
    return expected


@given(ROWS)
def test_sum_refunds__equals_dictionary(rows: list[Row]) -> None:
    """Each paid entry adds to its own sum only; an unknown interest is counted, not added; others go nowhere."""
    recipient, sums, row, overflow = summed(rows)
    assert as_dictionary(recipient, sums) == expected_of(rows)
    assert overflow == 0
    for (who, importer, day, *_, paid), place in zip(rows, row, strict=True):
        if paid:
            assert (recipient[place], sums[place, kernels.KEY]) == (who, day << 32 | importer)
        else:
            assert place == -1


@given(st.lists(st.tuples(st.integers(0, 2**63 - 1), st.integers(0, 2**63 - 1)), max_size=40))
def test_totals__equals_sums_of_any_size(cents: list[tuple[int, int]]) -> None:
    """The halves make up the totals, also where 64 bits would not hold them."""
    sums = np.zeros((len(cents), 4), np.int64)
    sums[:, kernels.PRINCIPAL :] = np.array(cents, np.int64).reshape(-1, 2)
    halves = np.full(4, -1, np.int64)
    kernels.totals(fixed(sums), halves)
    low, high, low_interest, high_interest = halves.tolist()
    assert (high << 32) + low == sum(principal for principal, _ in cents)
    assert (high_interest << 32) + low_interest == sum(interest for _, interest in cents)


@pytest.mark.parametrize("column", [3, 4])
def test_sum_refunds__overflow_is_said(column: int) -> None:
    """A sum beyond 2^63 - 1 is left as it was and reported; one that just fits is not."""
    rows = [[1, 1, 20_600, 1, 1, True, True], [1, 1, 20_600, 1, 1, True, True]]
    rows[0][column] = 2**63 - 1
    for count, expected in ((1, 0), (2, 1)):
        _, sums, _, overflow = summed([tuple(row) for row in rows[:count]])  # type: ignore[misc]  # seven values each
        assert overflow == expected
        assert sums[0, column - 1] == 2**63 - 1


class Shards:
    """All shards, with cells that are used up at every turn."""

    def __init__(self) -> None:
        self.slabs = [
            kernels.Slabs(np.zeros((4, 2), np.int64), np.empty((4, 4), np.int64), np.full(kernels.BUMP + 1, -1))
            for _ in range(kernels.SHARDS)
        ]
        for slabs in self.slabs:
            slabs.free[kernels.BUMP] = 0

    def add(self, shard: int, waiting: npt.NDArray[np.int64]) -> None:
        """Add to a shard, with a few cells more whenever it asks."""
        done, room = np.zeros(2, np.int64), np.empty(kernels.AHEAD, np.int64)
        while True:
            slabs = self.slabs[shard]
            kernels.add_sums(fixed(waiting), slabs, room, done)
            if done[0] == len(waiting):
                return
            cells = np.concatenate([slabs.cells, np.full((3, 4), 7)])
            self.slabs[shard] = slabs._replace(cells=cells)

    def collected(self, places: Sequence[int]) -> Sums:
        """What the slabs of all recipients hold."""
        found: Sums = {}
        for place in places:
            slabs = self.slabs[place % kernels.SHARDS]
            head = place // kernels.SHARDS
            used = int(slabs.head[head, kernels.HEAD_USED])
            sums, recipient = np.empty((used, 4), np.int64), np.empty(used, np.int32)
            if used:
                who = fixed(np.array([head], np.int32))
                zero = np.zeros(1, np.int64), np.zeros(1, np.int32)
                kernels.collect(slabs, who, fixed(zero[0]), fixed(zero[1]), sums, recipient)
                assert not recipient.any()
            found |= as_dictionary(np.full(used, place, np.int32), sums)
        return found


@given(
    st.lists(st.lists(st.tuples(st.integers(0, 130), st.integers(0, 2), st.integers(0, 30)), max_size=60), max_size=4)
)
def test_add_sums__equals_dictionary(parts: list[list[tuple[int, int, int]]]) -> None:
    """However sums of partitions come, and however often slabs fill up and move, every cell has its own sum."""
    shards, expected = Shards(), dict[tuple[int, int, int], list[int]]()
    plain = PlainSums(1)
    waiting = buckets.Waiting(
        sums=np.empty((kernels.SHARDS, 4, 5), np.int64),
        filled=np.zeros(kernels.SHARDS, np.int64),
        done=np.zeros(4, np.int64),
        ahead=np.empty((3, buckets.AHEAD), np.int64),
        allowed=np.zeros(1, np.int64),
    )
    for number, part in enumerate(parts):
        rows = [(who, importer, 20_600 + day, number + 1, 10 * day, day % 3 > 0, True) for who, importer, day in part]
        for place, values in expected_of(rows).items():
            own = expected.setdefault(place, [0, 0, 0, 0])
            for column in range(4):
                own[column] += values[column]
        recipient, sums, _, _ = summed(rows)
        done = waiting.done
        done[:] = 0
        while done[1] >= 0:
            buckets.deal_sums(fixed(recipient.copy()), fixed(sums.copy()), plain.blocks, plain.room, waiting)
            if done[1] >= 0:
                shards.add(int(done[1]), waiting.sums[done[1]].copy())
                waiting.filled[done[1]] = 0
    for shard in range(kernels.SHARDS):
        shards.add(shard, waiting.sums[shard, : waiting.filled[shard]].copy())
    assert shards.collected(range(131)) == expected


@pytest.mark.parametrize("apart", [True, False])
@given(ROWS)
def test_merge_sums__equals_sorting(apart: bool, rows: list[Row]) -> None:
    """Sums in any order become cohorts by recipient and day, importers counted, or kept apart in their order."""
    rows = [(*row[:6], True) for row in rows]
    recipient, sums, _, _ = summed(rows)
    count = len(sums)
    if not count:
        return
    by_importer = np.argsort(sums[:, kernels.KEY] & 0xFFFFFFFF, kind="stable").astype(np.int32)
    starts = np.searchsorted(np.sort(recipient), np.arange(4))
    order, spare = np.empty(count, np.int32), np.empty(count, np.int32)
    fixed_sums, whose = fixed(sums.copy()), fixed(recipient.copy())
    cohorts.order_sums(fixed_sums, whose, fixed(by_importer), 20_600, np.zeros(6, np.int64), starts, spare, order)
    merged = cohorts.Merged(
        recipient=np.empty(count, np.int32),
        day=np.empty(count, np.int32),
        importer=np.empty(count, np.int32),
        importers=np.empty(count, np.int64),
        sums=np.empty((4, count), np.int64),
        found=np.zeros(1, np.int64),
    )
    cohorts.merge_sums(fixed_sums, whose, fixed(order), apart, merged)
    found = merged.found[0]
    expected: dict[tuple[int, ...], list[int]] = {}
    for (who, importer, day), values in sorted(expected_of(rows).items()):
        own = expected.setdefault((who, day, importer) if apart else (who, day), [0, 0, 0, 0, 0])
        for place, more in enumerate((1, *values)):
            own[place] += more
    keys = [merged.recipient, merged.day, merged.importer] if apart else [merged.recipient, merged.day]
    assert list(zip(*(key[:found].tolist() for key in keys), strict=True)) == sorted(expected)
    values = [merged.importers[:found].tolist(), *merged.sums[:, :found].tolist()]
    assert [list(one) for one in zip(*values, strict=True)] == [expected[key] for key in sorted(expected)]
