"""The order of rows: by runs where a file gives them, by sorting where it does not, always as a stable sort says."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cape_engine.intake.stretch import order_of

RUNS = st.lists(st.tuples(st.integers(0, 40), st.lists(st.integers(0, 900), min_size=1, max_size=30)), max_size=30)


def by_lexsort(entry: list[int], place: list[int]) -> list[int]:
    """The order as NumPy finds it, rows that compare equal as they came."""
    return [int(row) for row in np.lexsort((np.array(place, np.int64), np.array(entry, np.int64)))]


def found(entry: list[int], place: list[int]) -> list[int]:
    """The order as the intake finds it; rows that are in order already need none."""
    order = order_of(np.array(entry, np.int32), np.array(place, np.int32))
    return list(range(len(entry))) if order is None else [int(row) for row in order]


@given(RUNS, st.booleans())
def test_order_of__whatever_comes(runs: list[tuple[int, list[int]]], ordered: bool) -> None:
    """Runs in any order, of entries that come once or again, with places in order within a run or not."""
    entry = [number for number, places in runs for _place in places]
    place = [value for _number, places in runs for value in (sorted(places) if ordered else places)]
    assert found(entry, place) == by_lexsort(entry, place)


@pytest.mark.parametrize(
    ("runs", "moved"),
    [
        pytest.param([(2, [1, 2, 2, 3, 4]), (1, [5, 6, 7, 8, 9])], True, id="entries in another order"),
        pytest.param([(2, [1, 2, 3, 4, 5]), (1, [1, 2, 3, 4, 5]), (2, [5, 6, 7, 8, 9])], True, id="an entry goes on"),
        pytest.param([(2, [1, 2, 3, 4, 5]), (1, [1, 2, 3, 4, 5]), (2, [4, 6, 7, 8, 9])], True, id="one in the other"),
        pytest.param([(1, [1, 2, 3]), (2, [1, 1, 2])], False, id="in order"),
        pytest.param([(1, [1, 2, 3]), (2, [2, 1, 2])], True, id="out of order within an entry"),
        pytest.param([(1, [7])], False, id="one row"),
        pytest.param([], False, id="none"),
    ],
)
def test_order_of__runs(runs: list[tuple[int, list[int]]], moved: bool) -> None:
    """What exports look like, and that rows in order are left where they are."""
    entry = [number for number, places in runs for _place in places]
    place = [value for _number, places in runs for value in places]
    assert found(entry, place) == by_lexsort(entry, place)
    assert (order_of(np.array(entry, np.int32), np.array(place, np.int32)) is not None) is moved
