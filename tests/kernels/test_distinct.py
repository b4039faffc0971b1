"""Cells that repeat: the different ones in their order, however many and however long, over several calls."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cape_engine.bridge import readonly
from cape_engine.intake.texts import Repeats, Texts, repeated
from cape_kernels import distinct as kernel

pytestmark = pytest.mark.kernel

CELLS = st.lists(st.text("ab\u00e9", max_size=30), max_size=60)


@given(CELLS)
def test_repeated__as_a_dictionary(cells: list[str]) -> None:
    """Each row points to its own text, and no text stands there twice."""
    found = repeated(Texts.of(pa.array(cells, pa.string())))
    assert found.arrow().to_pylist() == cells
    assert found.texts.to_pylist() == list(dict.fromkeys(cells))


@given(CELLS, st.integers(1, 20))
def test_repeats__part_by_part(cells: list[str], step: int) -> None:
    """A column given a few rows at a time is the same as at once; after `clear` nothing is left of it."""
    repeats = Repeats()
    whole = Texts.of(pa.array(cells, pa.string()))
    for _again in range(2):
        repeats.clear()
        index = np.empty(len(cells), np.int32)
        for begin in range(0, len(cells), step):
            part = Texts(whole.data, readonly(whole.spans[begin : begin + step]))
            repeats.add(part, index[begin : begin + step])
        texts = repeats.texts(whole.data)
        assert texts.take(pa.array(index)).to_pylist() == cells
        assert texts.to_pylist() == list(dict.fromkeys(cells))


def test_repeated__many() -> None:
    """The table grows with the number of different cells."""
    cells = [f"{number * 7919 % 5000:05d}" for number in range(9000)]
    found = repeated(Texts.of(pa.array(cells)))
    assert found.texts.to_pylist() == list(dict.fromkeys(cells))
    assert found.arrow().to_pylist() == cells


def test_distinct_cells__alike_in_front() -> None:
    """Long cells that begin alike have words of their own: a look-up does not pass all the others."""
    cells = [f"Importer Number {number:06d}, Incorporated" for number in range(1000)]
    texts = Texts.of(pa.array(cells))
    table, keys = np.empty(4096, np.int32), np.zeros((len(cells), 2), np.uint64)
    index, firsts = np.empty(len(cells), np.int32), np.empty(len(cells), np.int64)
    kernel.distinct_cells(texts.spans, texts.data, table, keys, index, firsts, np.zeros(kernel.STATE_LENGTH, np.int64))
    assert index.tolist() == list(range(len(cells)))
    assert len(np.unique(keys, axis=0)) == len(cells)


def test_repeated__after_take() -> None:
    """Some rows of a column keep their texts."""
    found = repeated(Texts.of(pa.array(["a", "b", "a", "c"]))).take(pa.array([3, 0]))
    assert found.arrow().to_pylist() == ["c", "a"]
    assert not found.whole
