"""The bridge: Arrow columns as the plain read-only arrays that kernels ask for."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cape_engine import bridge
from cape_engine.schema import facts as f
from cape_engine.schema import rows as s
from cape_engine.schema.column import Column


def test_integers__null_is_marked() -> None:
    """A missing amount becomes -1, never 0, and the array cannot be written."""
    table = pa.table({str(s.VALUE_DOLLARS): pa.chunked_array([[1], [None, 3]], pa.int64())})
    values = bridge.integers(table, s.VALUE_DOLLARS)
    assert values.tolist() == [1, bridge.NO_NUMBER, 3]
    with pytest.raises(ValueError, match="read-only"):
        values[0] = 2


def test_codes__chunks_share_a_vocabulary() -> None:
    """Chunks with vocabularies of their own come out under one; unknown is -1."""
    chunks = [pa.array(["01", None]).dictionary_encode(), pa.array(["11", "01"]).dictionary_encode()]
    codes, vocabulary = bridge.codes(pa.table({str(f.ENTRY_TYPE): pa.chunked_array(chunks)}), f.ENTRY_TYPE)
    assert [None if code < 0 else vocabulary[code] for code in codes] == ["01", None, "11", "01"]


def test_days_and_dates__round_trip() -> None:
    """Days come back as the dates they were; a missing one stays missing."""
    column = pa.array([20_000, None], pa.int32()).cast(pa.date32())
    days = bridge.days(pa.table({str(f.ENTRY_DATE): column}), f.ENTRY_DATE)
    assert days.tolist() == [20_000, bridge.NO_DAY]
    assert bridge.dates(days).equals(column)


def test_offsets__counts_become_ranges() -> None:
    """Counts 2, 0, 3 own the rows [0, 2), [2, 2) and [2, 5)."""
    table = pa.table({str(s.LINE_COUNT): pa.array([2, 0, 3], pa.int32())})
    assert bridge.offsets(table, s.LINE_COUNT).tolist() == [0, 2, 2, 5]


def test_flags__three_states() -> None:
    """Yes, no and unknown stay apart."""
    table = pa.table({str(f.DRAWBACK_FLAG): pa.array([True, False, None])})
    assert bridge.flags(table, f.DRAWBACK_FLAG).tolist() == [1, 0, -1]


def test_words__negative_code_is_null() -> None:
    """A code below zero is an unknown word."""
    assert bridge.words(np.array([1, -1], np.int32), ["a", "b"]).to_pylist() == ["b", None]


def test_said__known_values_only() -> None:
    """Yes and no are told apart from unknown, in a slice too; of a column without a known value nothing is said."""
    column = Column("fact", pa.bool_(), "a fact", nullable=True)
    values = [True, None, False, True, None, False, False, True, None, True, False]
    table = pa.table([pa.array(values, pa.bool_()), pa.nulls(len(values), pa.bool_())], names=["fact", "other"])
    for start in (0, 3):
        part = table.slice(start)
        for yes in (True, False):
            found = bridge.said(part, column, yes=yes)
            assert found is not None
            assert found.tolist() == [value is yes for value in values[start:]]
    assert bridge.said(table, Column("other", pa.bool_(), "another", nullable=True)) is None


@given(st.lists(st.integers(0, 7)))
def test_word_lists__as_lists(masks: list[int]) -> None:
    """Masks become lists of their words, the empty one too."""
    distinct, which = bridge.distinct(np.array(masks, np.uint64))
    assert distinct[0] == 0
    assert [distinct[place] for place in which.tolist()] == masks
    words = {mask: [word for bit, word in enumerate(("one", "two", "four")) if mask >> bit & 1] for mask in range(8)}
    lists = bridge.word_lists(which, [words[mask] for mask in distinct])
    lists.validate(full=True)
    assert lists.to_pylist() == [words[mask] for mask in masks]


@given(st.lists(st.tuples(st.integers(-(2**31), 2**31 - 1), st.booleans())))
def test_known_only__as_masked(cells: list[tuple[int, bool]]) -> None:
    """Numbers and days are null where they are not known."""
    values = np.array([value for value, _ in cells], np.int32)
    known = np.array([known for _, known in cells], np.bool_)
    days = bridge.known_only(values, known, pa.date32())
    days.validate(full=True)
    assert days.cast(pa.int32()).to_pylist() == [value if known else None for value, known in cells]


@given(st.lists(st.tuples(st.booleans(), st.integers(-(2**31), 2**31 - 1), st.integers(-(2**31), 2**31 - 1))))
def test_either__as_where(cells: list[tuple[bool, int, int]]) -> None:
    """One value where it is meant and the other elsewhere, for columns and for single numbers."""
    where = np.array([cell[0] for cell in cells], np.bool_)
    one, other = (np.array([cell[place] for cell in cells], np.int32) for place in (1, 2))
    assert bridge.either(where, one, other).tolist() == [cell[1] if cell[0] else cell[2] for cell in cells]
    assert bridge.either(where, one, bridge.NO_DAY).tolist() == [cell[1] if cell[0] else -(2**31) for cell in cells]


@given(st.lists(st.one_of(st.none(), st.booleans())), st.integers(0, 3))
def test_flags__unknown_is_below_no(values: list[bool | None], skipped: int) -> None:
    """Yes is 1, no is 0, and what is not known is -1."""
    table = pa.table([pa.array(values, pa.bool_())], names=["fact"]).slice(skipped)
    found = bridge.flags(table, Column("fact", pa.bool_(), "a fact", nullable=True)).tolist()
    assert found == [-1 if value is None else int(value) for value in values[skipped:]]
