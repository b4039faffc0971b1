"""Lines by shape: the kernel against its slow twin, and room that grows."""

from __future__ import annotations

import dataclasses
import datetime as dt
import itertools
from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cape_engine.bridge import NO_NUMBER, LineShapes, Partition, readonly
from cape_engine.errors import StoreError
from cape_engine.schema import rows as s
from cape_engine.schema.facts import ENTRY_NUMBER
from cape_engine.store import shapes as stage
from cape_engine.store.shapes import derived, shapes_of
from cape_kernels import _jit
from cape_kernels import shapes as kernel
from reference.shapes import Line, Shape, Shaped, shaped

pytestmark = pytest.mark.kernel

COUNTRIES = st.sampled_from(["CN", "VN", "", None])
PROGRAMMES = st.sampled_from([None, "", "S", "S+"])
WORDS = st.tuples(COUNTRIES, PROGRAMMES, st.sampled_from([None, "X"]), st.sampled_from([None, "P"]))
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


@given(LINES)
def test_derived__narrow_values(lines: list[Line]) -> None:
    """Values of 32 bits, as files have them, give the same."""
    lines = [
        dataclasses.replace(line, numbers=tuple((word, value and value % 1000) for word, value in line.numbers))
        for line in lines
    ]
    above, below = tables(lines)
    place = below.schema.get_field_index(str(s.VALUE_DOLLARS))
    below = below.set_column(place, str(s.VALUE_DOLLARS), below.column(place).cast(pa.int32()))
    found = derived(above, below)
    assert told(found) == shaped(lines)
    assert not any(line.numbers for line in lines) or found.value.dtype == np.int32


@pytest.mark.parametrize("wide", [False, True])
def test_derived__every_line_of_its_own(monkeypatch: pytest.MonkeyPatch, *, wide: bool) -> None:
    """Room grows with the shapes, their numbers and the values beside, and none of them is mixed up."""
    monkeypatch.setattr(stage, "FIRST_SHAPES", 4)
    words = [f"{number:08d}" for number in range(40)]
    lines = [
        Line(
            (None, f"S{number % 3}", None, None),
            tuple(
                (words[(number * 7 + step * step) % 40], number * step * (2**33 if wide else 1)) for step in range(size)
            ),
        )
        for number in range(300)
        for size in (number % 13, 1, 2)
    ]
    found = derived(*tables(lines))
    assert told(found) == shaped(lines)
    assert len(found.size) > 300


def test_derived__same_hash(monkeypatch: pytest.MonkeyPatch) -> None:
    """Shapes whose hashes all agree stay apart, because what they say is compared."""
    if not _jit.PLAIN:
        pytest.skip("the compiled kernel has its hash inside")
    monkeypatch.setattr(kernel, "mixed", lambda *_words: np.uint64(5))
    none = (None,) * 4
    lines = [Line(none, ((first, 0), (second, 0), ("1", 0))) for first in "1234" for second in "1234"]
    either = (None, "X")
    lines += [Line(words, (("1", 0),)) for words in itertools.product(either, either, either, either)]
    lines += [Line(none, (("1", value), ("1", 0))) for value in (0, 5)]
    assert told(derived(*tables(lines))) == shaped(lines)


def test_derived__words_of_a_file() -> None:
    """The word "" and unknown words are the same shape, wherever "" stands in the dictionary."""
    lines, numbers = tables([Line((word, None, None, None), (("1", 0),)) for word in ("CN", "", None, "CN")])
    found = derived(lines, numbers)
    assert (found.key >> found.bits).tolist() == [0, 1, 1, 0]
    assert found.word_lists == (["CN"], [], [], [])
    assert found.words[0].tolist() == [0, -1]


def test_derived__filler() -> None:
    """The filler is what more of the numbers before the last have, 0 where neither is more common."""

    def filler(*values: int | None) -> int:
        return derived(*tables([Line((None,) * 4, (("1", value), ("2", None), ("3", 0))) for value in values])).filler

    assert filler(0, 0) == 0  # two of each
    assert filler(0, None) == NO_NUMBER
    assert filler(5, 6) == NO_NUMBER
    assert derived(*tables([])).filler == 0


def test_derived__unknown_number() -> None:
    """A number that is unknown counts as the word "", which takes its place in the vocabulary."""
    lines, numbers = tables([Line((None,) * 4, (("2", 1), ("1", 2)))])
    place = numbers.schema.get_field_index(str(s.HTS_NUMBER))
    unknown = pa.array([None, "1"]).dictionary_encode()
    found = derived(lines, numbers.set_column(place, str(s.HTS_NUMBER), unknown))
    assert found.vocabulary == ["", "1"]
    assert found.before.tolist() == [0]
    assert found.key.tolist() == [1]


def test_derived__columns_left_out() -> None:
    """Columns that a file leaves out are unknown."""
    lines, numbers = tables([Line((None,) * 4, (("1", None), ("2", None))), Line((None,) * 4, ())])
    found = derived(lines.select([str(s.TARIFF_COUNT)]), numbers.select([str(s.HTS_NUMBER)]))
    assert told(found) == shaped([Line((None,) * 4, (("1", None), ("2", None))), Line((None,) * 4, ())])


def test_derived__nothing() -> None:
    """A partition without lines has no shapes."""
    found = derived(*tables([]))
    assert len(found.key) == len(found.value) == len(found.size) == found.bits == 0


@pytest.mark.parametrize("counts", [[1, 1], [1, 3], [2, -1, 1], [3, -1, 1]])
def test_derived__counts_do_not_fit(counts: list[int]) -> None:
    """Lines that count other numbers than there are, are refused."""
    _lines, numbers = tables([Line((None,) * 4, (("1", 0), ("2", 0), ("3", 0)))])
    with pytest.raises(StoreError, match="do not fit"):
        derived(pa.table({str(s.TARIFF_COUNT): pa.array(counts, pa.int16())}), numbers)


def test_derived__some_rows_of_a_table() -> None:
    """Slices of columns, whose buffers begin elsewhere, are read from where they begin."""
    told_lines = [Line(("CN", None, "X", None), (("1", None), ("2", at)), at if at % 3 else None) for at in range(20)]
    lines, numbers = tables(told_lines)
    assert told(derived(lines.slice(5, 11), numbers.slice(10, 22))).shape == [0] * 11
    found = derived(lines.slice(5, 11), numbers.slice(10, 22))
    assert found.value.tolist() == list(range(5, 16))
    assert list(zip(found.dated_line.tolist(), found.dated_day.tolist(), strict=True)) == [
        (at - 5, at) for at in range(5, 16) if at % 3
    ]


def test_shapes_of__kept_first() -> None:
    """What the store keeps is taken; where it keeps nothing, the tables are asked."""
    lines, numbers = tables([Line(("CN", None, None, None), (("1", 0),))])
    other = derived(*tables([]))
    entries = pa.table({str(ENTRY_NUMBER): pa.array(["ABC12345676"])})
    assert shapes_of(Partition("p", entries, lines, numbers, (), lambda: other)) is other
    for nothing in (None, lambda: None):
        assert told(shapes_of(Partition("p", entries, lines, numbers, (), nothing))).shape == [0]


@given(st.lists(st.integers(0, 2**31 - 1), max_size=40), st.integers(0, 31))
def test_key_bounds__greatest(keys: list[int], bits: int) -> None:
    """The bounds are those of the keys and of their places."""
    mask = (1 << bits) - 1
    most = np.zeros(3, np.int64)
    kernel.key_bounds(readonly(np.array(keys, np.int32)), mask, most)
    assert most.tolist() == [0, max(keys, default=0), max((key & mask for key in keys), default=0)]


def test_key_bounds__negative() -> None:
    """A key below 0 is seen."""
    most = np.zeros(3, np.int64)
    kernel.key_bounds(readonly(np.array([3, -7], np.int32)), 1, most)
    assert most[0] == -7
