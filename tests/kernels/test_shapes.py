"""Lines by shape: the kernel against its slow twin, and room that grows."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cape_engine.bridge import LineShapes
from cape_engine.schema import rows as s
from cape_engine.store.shapes import derived
from reference.shapes import Line, Shape, Shaped, shaped

pytestmark = pytest.mark.kernel

COUNTRIES = st.sampled_from(["CN", "VN", "", None])
WORDS = st.tuples(
    COUNTRIES, st.sampled_from([None, "", "S", "S+"]), st.sampled_from([None, "X"]), st.none() | st.just("P")
)
DOLLARS = st.sampled_from([None, 0, 0, 7, 2**31 - 1, 2**31, s.MAX_VALUE_DOLLARS])
NUMBERS = st.lists(st.tuples(st.sampled_from(["0101", "3923900080", "99030124"]), DOLLARS), max_size=4).map(tuple)
LINES = st.lists(st.builds(Line, WORDS, NUMBERS, st.none() | st.integers(-5, 20_000)), max_size=25)


def tables(lines: Sequence[Line]) -> tuple[pa.Table, pa.Table]:
    """The tables of some lines, as intake makes them."""
    numbers = [number for line in lines for number in line.numbers]
    columns = (s.COUNTRY_OF_ORIGIN, s.SPI_CODE, s.SET_INDICATOR, s.FTZ_STATUS)
    words = {
        str(column): pa.array([line.words[at] for line in lines], pa.string()).dictionary_encode()
        for at, column in enumerate(columns)
    }
    day = [None if line.day is None else dt.date(1970, 1, 1) + dt.timedelta(line.day) for line in lines]
    counts = pa.array([len(line.numbers) for line in lines], pa.int16())
    return (
        pa.table({**words, str(s.PRIVILEGED_DATE): pa.array(day, pa.date32()), str(s.TARIFF_COUNT): counts}),
        pa.table(
            {
                str(s.HTS_NUMBER): pa.array([word for word, _ in numbers], pa.string()).dictionary_encode(),
                str(s.VALUE_DOLLARS): pa.array([value for _, value in numbers], pa.int64()),
            }
        ),
    )


def told(found: LineShapes) -> Shaped:
    """What the arrays say, in the words of the twin."""
    shapes = []
    for shape, size in enumerate(found.size.tolist()):
        words = tuple(
            None if codes[shape] < 0 else listed[codes[shape]]
            for codes, listed in zip(found.words, found.word_lists, strict=True)
        )
        start = found.start[shape]
        before = tuple(found.vocabulary[place] for place in found.before[start : start + max(size - 1, 0)])
        shapes.append(Shape(words, size, before, bool(found.valued[shape])))
    which = (found.key >> found.bits).tolist()
    places = (found.key & ((1 << found.bits) - 1)).tolist()
    return Shaped(
        shapes,
        which,
        [found.vocabulary[place] if found.size[shape] else None for shape, place in zip(which, places, strict=True)],
        found.value.tolist(),
        found.filler,
        list(zip(found.beside_tariff.tolist(), found.beside_value.tolist(), strict=True)),
        list(zip(found.dated_line.tolist(), found.dated_day.tolist(), strict=True)),
    )


@given(LINES)
def test_derived__equals_slow_twin(lines: list[Line]) -> None:
    """Shapes, keys, values and what stands beside are those of the twin; the vocabulary is in byte order."""
    found = derived(*tables(lines))
    assert told(found) == shaped(lines)
    assert found.vocabulary == sorted(found.vocabulary, key=str.encode)
    assert found.key.dtype == np.int64
