"""The order of rows by counting digits, against Python's own sort."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cape_kernels.order import COUNTERS, sort_rows

pytestmark = pytest.mark.kernel

KEYS = st.lists(st.one_of(st.integers(0, 3), st.integers(0, 1 << 24), st.integers(0, (1 << 63) - 1)), max_size=60)


@given(KEYS)
def test_sort_rows__as_a_stable_sort(keys: list[int]) -> None:
    """Rows come in the order of their keys, equal ones as they were, for keys of any width."""
    count = len(keys)
    work, order = np.array(keys, np.int64), np.empty(count, np.int32)
    spare = np.empty(count, np.int64), np.empty(count, np.int32)
    sort_rows(work, order, *spare, np.empty(COUNTERS, np.int64))
    assert order.tolist() == sorted(range(count), key=lambda row: keys[row])
    assert work.tolist() == sorted(keys)
