"""Lines with facts of their own and the rows of a number are found where reading row after row finds them."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from cape_engine.bridge import readonly
from cape_kernels import places
from reference import places as reference


@given(st.lists(st.integers(0, 4) | st.sampled_from([4090, 9000]), max_size=4), st.data())
def test_odd_lines__equals_slow_twin(counts: list[int], data: st.DataObject) -> None:
    """Every line with a mark of either column or with a text is found with its entry, and no other."""
    size = sum(counts)
    few = st.lists(st.integers(-1, 2), min_size=1, max_size=25)
    columns_ = [data.draw(st.none() | few) for _ in range(2)]
    sets, statuses = (codes and [codes[line * line % len(codes)] for line in range(size)] for codes in columns_)
    texts = sorted(data.draw(st.sets(st.integers(0, size - 1), max_size=3))) if size else []
    wanted = [data.draw(st.lists(st.booleans(), min_size=4, max_size=4)) for _ in range(2)]
    columns: list[places.Marked] = []
    said: list[list[bool]] = []
    for codes, hits, mark in zip((sets, statuses), wanted, (places.COMPONENT, places.PRIVILEGED), strict=True):
        marks = np.array([0, *(mark * hit for hit in hits)], np.int8)
        own = [place for place, hit in enumerate(hits) if hit] or [0]
        span = own[-1] - own[0]
        columns.append(places.Marked(readonly(np.array(codes or [], np.int32)), readonly(marks), own[0], span))
        said.append([False if codes is None else codes[line] >= 0 and hits[codes[line]] for line in range(size)])
    out = places.Odd(*(np.full(size, 99, kind) for kind in (np.int32, np.int32, np.int8, np.int32)))
    found = np.zeros(1, np.int64)
    lines, ends = readonly(np.array(counts, np.int32)), readonly(np.array([*texts, size], np.int64))
    words = np.full(places.BLOCK // 8, 7, np.int64)
    places.odd_lines(lines, columns[0], columns[1], ends, words, words.view(np.int8), out, found)
    rows = [tuple(int(value) for value in row) for row in zip(*(array[: found[0]] for array in out), strict=True)]
    assert rows == reference.odd_lines(counts, said[0], said[1], texts)
