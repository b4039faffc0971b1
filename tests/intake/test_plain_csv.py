"""Plain parts of a file read in one call: the cells of Python's reader, the numbers of the kernels of one column."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from unittest.mock import patch

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cape_engine.bridge import readonly
from cape_engine.intake import plain_csv
from cape_engine.intake.cells import read_texts
from cape_engine.intake.texts import Counted, Repeated, Texts
from cape_engine.schema import facts as f
from cape_engine.schema import rows as s
from cape_engine.schema.column import Column

AMOUNTS = st.sampled_from(["", "0", "1.00", "12.5", "3.455", "-2", "FREE", "99999999999999", "x", "007", "1,234.50"])
WORDS = st.one_of(st.sampled_from(["", "CN", "MX", "01/05/2026"]), st.text("ab\u00e9 -", max_size=20))
COLUMNS: tuple[Column, ...] = (
    f.ENTRY_NUMBER, s.DUTY, f.ENTRY_DATE, s.VALUE_DOLLARS, s.QUANTITIES[0], s.LINE_NUMBER, s.HTS_NUMBER
)  # fmt: skip
NUMBERS = frozenset({1, 3, 4, 5})
ROWS = st.lists(st.tuples(*(AMOUNTS if place in NUMBERS else WORDS for place in range(len(COLUMNS)))), max_size=60)


@pytest.fixture(params=[(1, 2), (3, 4), (2056, 1 << 14)], ids=str)
def small(request: pytest.FixtureRequest) -> Iterator[None]:
    """Few rows at a time, and room for few different cells: both run out, over and over."""
    tile, different = request.param
    with (
        patch.object(plain_csv, "_TILE_ROWS", tile),
        patch.object(plain_csv, "_DIFFERENT", different),
        patch.object(plain_csv, "_FREE", []),
    ):
        yield


@pytest.mark.usefixtures("small")
@given(ROWS, st.permutations(range(len(COLUMNS))), st.sets(st.integers(0, len(COLUMNS) - 1), min_size=1))
def test_plain_cells__as_column_by_column(rows: list[tuple[str, ...]], order: list[int], wanted: set[int]) -> None:
    """Any columns of a file, in any order, are what each of them is when it is read alone."""
    rows = [(f"E{number}", *row[1:]) for number, row in enumerate(rows)]
    out = io.StringIO(newline="")
    csv.writer(out, lineterminator="\n", quoting=csv.QUOTE_ALL).writerows(
        [[row[place] for place in order] for row in rows]
    )
    data = readonly(np.frombuffer(out.getvalue().encode(), np.uint8))
    positions = {COLUMNS[place]: order.index(place) for place in sorted(wanted)}
    for _again in range(2):  # the second part finds what the first left in the scratch
        part = plain_csv.plain_cells(data, ",", len(COLUMNS), positions)
        assert part is not None
        assert part.rows == len(rows)
        assert part.ascii is out.getvalue().isascii()
        assert list(part.columns) == list(positions)
        for column, found in part.columns.items():
            texts = pa.array([row[COLUMNS.index(column)] for row in rows], pa.string())
            alone = read_texts(column, Texts.of(texts))
            assert found.arrow().equals(texts)
            assert type(found) is type(alone)
            if isinstance(found, Counted) and isinstance(alone, Counted):
                assert np.array_equal(found.values, alone.values)
                assert np.array_equal(found.status, alone.status)
            if isinstance(found, Repeated) and isinstance(alone, Repeated):
                assert found.texts.equals(alone.texts)
                assert np.array_equal(found.index, alone.index)


@pytest.mark.usefixtures("small")
@pytest.mark.parametrize("bad", ["a,b\n", "a,b,c,d\n", 'a,"b\n",c\n', ",,\n", 'a,"b"x,c\n'])
@pytest.mark.parametrize("before", [0, 1, 7])
def test_plain_cells__one_record_that_is_not_plain(bad: str, before: int) -> None:
    """One such record, wherever it stands, leaves the whole part to the careful reader."""
    text = "e,1,c\n" * before
    positions: dict[Column, int] = {f.ENTRY_NUMBER: 0, s.DUTY: 1}
    for whole in (text + bad, text + bad + text):
        data = readonly(np.frombuffer(whole.encode(), np.uint8))
        assert plain_csv.plain_cells(data, ",", 3, positions) is None
