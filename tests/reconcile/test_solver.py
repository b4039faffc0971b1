"""Sums of a few amounts: every answer of a search through all sets, and their number."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cape_engine.refund.reconciliation.solver import MOST, sums_of


def every(amounts: list[int], target: int) -> list[tuple[int, ...]]:
    """All sets of two to four places whose amounts come to the target."""
    places = range(len(amounts))
    sets = (one for size in (2, 3, 4) for one in itertools.combinations(places, size))
    return [one for one in sets if sum(amounts[place] for place in one) == target]


@given(st.lists(st.integers(1, 40), max_size=9), st.integers(1, 120))
def test_sums_of__equals_all_sets(amounts: list[int], target: int) -> None:
    """Small amounts, many ties: the count is that of all sets, and the set shown is the first in order of places."""
    wanted = every(amounts, target)
    found = sums_of(np.array(amounts, np.int64), target)
    assert found.number == len(wanted)
    assert found.places == min(wanted, default=())


def test_sums_of__sixty_large_amounts() -> None:
    """The only sum of four among sixty amounts is found; sixty-one are refused."""
    rng = np.random.default_rng(3)
    amounts = rng.integers(1, 10**13, MOST)
    chosen = (4, 17, 30, 58)
    found = sums_of(amounts, int(amounts[list(chosen)].sum()))
    assert found == (1, chosen)
    with pytest.raises(ValueError, match="at most 60"):
        sums_of(rng.integers(1, 9, MOST + 1), 5)
