"""Masks, lists and sums by kernels are those of plain Python, and so are the columns made of them."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from cape_engine import bridge, listed
from cape_engine.bridge import NO_DAY, readonly
from cape_engine.outputs.manifest import _sum, tally_lists
from cape_engine.outputs.result_hash import partial
from cape_engine.schema.column import Column
from cape_kernels import by_day, counts
from reference import counts as slow

MASKS = st.lists(st.sampled_from([0, 0, 0, 1, 2, 3, 1 << 31, 1 << 63, (1 << 64) - 1]) | st.integers(0, (1 << 64) - 1))
MONEY = st.lists(st.one_of(st.none(), st.integers(-(2**63), 2**63 - 1)), max_size=60)
DAYS = st.lists(st.one_of(st.none(), st.integers(-40, 40)), min_size=1, max_size=60)
WORDS: tuple[list[str], ...] = ([], ["A"], ["B", "A"], ["A", "B", "a longer word than sixteen letters"], ["A", "A"])


@given(MASKS)
def test_number_masks__as_they_come(masks: list[int]) -> None:
    """Distinct masks are numbered from 0 on, 0 before all others."""
    distinct, which = listed.distinct(np.array(masks, np.uint64))
    assert (distinct, which.tolist()) == slow.numbered(masks)


@given(MASKS)
def test_first_of_each__as_the_bridge_finds(masks: list[int]) -> None:
    """First rows and numbers of keys are those that Arrow's dictionaries give."""
    keys = np.array([mask or 5 for mask in masks], np.uint64)
    wanted = bridge.first_of_each(keys.view(np.int64))
    assert [one.tolist() for one in listed.first_of_each(keys)] == [one.tolist() for one in wanted]


@given(st.lists(st.integers(0, 4), max_size=40), st.lists(st.integers(0, 3), min_size=5, max_size=5))
def test_list_members__end_to_end(which: list[int], lengths: list[int]) -> None:
    """The lists of all rows stand behind one another, empty ones too."""
    starts = readonly(np.cumsum([0, *lengths], dtype=np.int32))
    rows, ends = readonly(np.array(which, np.int32)), np.empty(len(which) + 1, np.int32)
    counts.list_ends(rows, starts, ends)
    members = np.empty(ends[-1], np.int32)
    counts.list_members(rows, starts, readonly(ends), members)
    assert (ends.tolist(), members.tolist()) == slow.end_to_end(which, lengths)


@given(st.lists(st.integers(0, 4), max_size=40))
def test_lists__are_the_column(which: list[int]) -> None:
    """A column of lists at hand as such is written, counted and hashed as Arrow's column of the same lists."""
    name = Column("words", pa.list_(pa.string()), "lists of words", nullable=False)
    lists = listed.Lists.of(np.array(which, np.int32), WORDS)
    column = lists.array()
    column.validate(full=True)
    assert column.to_pylist() == lists.to_pylist() == [WORDS[place] for place in which]
    table = pa.table({"words": column})
    assert lists.tally() == tally_lists(table, name)
    assert partial(table, {name: lists}) == partial(pa.table({"words": column.cast(pa.list_(pa.string()))}))
    other = lists.saying([[word.lower() for word in one] for one in WORDS])
    assert other.array().to_pylist() == [[word.lower() for word in WORDS[place]] for place in which]


@given(MONEY, st.integers(0, 3))
def test_sum_exactly__whatever_the_size(values: list[int | None], skipped: int) -> None:
    """Sums beyond 64 bits are exact, and what stands in the buffer of a null does not count."""
    column = pa.chunked_array([pa.array(values, pa.int64()).slice(skipped)])
    assert _sum(pa.table({"cents": column}), "cents") == slow.sum_of_known(values[skipped:])
    masked = bridge.known_only(np.full(3, 2**63 - 1), np.array([True, False, True]), pa.int64())
    assert _sum(pa.table({"cents": masked}), "cents") == 2 * (2**63 - 1)


@given(DAYS)
def test_look_up__as_the_table_says(days: list[int | None]) -> None:
    """Each day finds its answer between the first and the last one, the unknown day its own."""
    given_days = readonly(np.array([NO_DAY if day is None else day for day in days], np.int32))
    span = np.empty(2, np.int32)
    by_day.span(given_days, NO_DAY, span)
    known = [day for day in days if day is not None]
    assert not known or span.tolist() == [min(known), max(known)]
    first, last = span.tolist()
    table = [7, *(3 * day for day in range(first, last + 1))]
    answers = np.empty(len(days), np.int32)
    by_day.look_up(given_days, NO_DAY, first, readonly(np.array(table, np.int32)), answers)
    assert answers.tolist() == slow.answers(days, {None: 7} | {day: 3 * day for day in known})


@given(st.lists(st.one_of(st.none(), st.integers(-(2**31) + 1, 2**31 - 1)), max_size=40), st.integers(0, 3))
def test_filled__missing_where_null(values: list[int | None], skipped: int) -> None:
    """Columns of either width are filled where they are null, in both widths."""
    for stored_as in (pa.int32(), pa.int64()):
        column = pa.array(values, stored_as).slice(skipped)
        wanted = [-1 if value is None else value for value in values[skipped:]]
        assert bridge.filled(column, np.int64, -1).tolist() == wanted
    dated = bridge.filled(pa.array(values, pa.int32()), np.int32, NO_DAY)
    assert dated.tolist() == [NO_DAY if value is None else value for value in values]
