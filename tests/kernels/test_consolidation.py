"""The consolidation kernel against a dictionary, and at the end of 64 bits."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cape_kernels import consolidation as kernels

pytestmark = pytest.mark.kernel

ROWS = st.lists(
    st.tuples(st.integers(-1, 5), st.integers(1, 10**12), st.integers(0, 10**11), st.booleans()), max_size=40
)


@given(ROWS)
def test_add_to_cohorts__equals_dictionary(rows: list[tuple[int, int, int, bool]]) -> None:
    """Each entry adds to its own cell only; an unknown interest is counted, not added; a negative cell is nobody's."""
    sums, overflow = np.zeros((6, 4), np.int64), np.zeros(1, np.int8)
    columns = list(zip(*rows, strict=True)) or [(), (), (), ()]
    cell, principal, interest = (np.array(column, np.int64) for column in columns[:3])
    kernels.add_to_cohorts(cell, principal, interest, np.array(columns[3], np.int8), sums, overflow)
    expected = {place: [0, 0, 0, 0] for place in range(6)}
    for place, cents, earned, known in rows:
        if place >= 0:
            own = expected[place]
            expected[place] = [own[0] + 1, own[1] + cents, own[2] + earned * known, own[3] + (not known)]
    assert sums.tolist() == list(expected.values())
    assert overflow[0] == 0


@pytest.mark.parametrize("column", [kernels.PRINCIPAL, kernels.INTEREST])
def test_add_to_cohorts__overflow_is_said(column: int) -> None:
    """A sum beyond 2^63 - 1 is left as it was and reported; one that just fits is not."""
    amounts = np.ones((2, 2), np.int64)
    amounts[:, column - 1] = [2**63 - 1, 1]
    for rows, expected in ((1, 0), (2, 1)):
        sums, overflow = np.zeros((1, 4), np.int64), np.zeros(1, np.int8)
        principal, interest = np.ascontiguousarray(amounts[:rows, 0]), np.ascontiguousarray(amounts[:rows, 1])
        kernels.add_to_cohorts(np.zeros(rows, np.int64), principal, interest, np.ones(rows, np.int8), sums, overflow)
        assert overflow[0] == expected
        assert sums[0, column] == 2**63 - 1
