"""The first row of a group that knows a fact, and the first that contradicts it."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from cape_kernels.segments import NO_ROW, first_and_other

GROUPS = st.lists(st.lists(st.sampled_from([-1, -1, 0, 1, 2, 7]), max_size=6), max_size=8)


@given(GROUPS, st.randoms(use_true_random=False))
def test_first_and_other__as_a_person_would(groups: list[list[int]], random: object) -> None:
    """In any order of the rows, each group names the rows that a person reading it from the top would name."""
    rows = [(group, value) for group, values in enumerate(groups) for value in values]
    places = list(range(len(rows)))
    random.shuffle(places)  # type: ignore[attr-defined]  # hypothesis gives a random.Random
    values = np.zeros(len(rows), np.int64)
    for place, (_group, value) in zip(places, rows, strict=True):
        values[place] = value
    offsets = np.cumsum([0, *(len(group) for group in groups)]).astype(np.int64)
    first, other = np.zeros(len(groups), np.int64), np.zeros(len(groups), np.int64)
    first_and_other(offsets, np.array(places, np.int64), values, np.int64(-1), first, other)
    for number, group in enumerate(groups):
        own = places[offsets[number] : offsets[number + 1]]
        known = [(place, value) for place, value in zip(own, group, strict=True) if value != -1]
        assert first[number] == (known[0][0] if known else NO_ROW)
        assert other[number] == next((place for place, value in known if value != known[0][1]), NO_ROW)
