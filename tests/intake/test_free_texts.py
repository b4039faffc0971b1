"""Free texts read as a whole are what they are read one by one."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cape_engine.intake import cells as c
from cape_engine.intake import words as w
from cape_engine.intake.free_texts import plain_numbers, read_free
from cape_engine.intake.texts import Cells, Texts, repeated
from cape_engine.schema import facts as f
from cape_kernels import parse as k

ODD = ["", " ", "#N/A", "#n/a ", "'#REF!", "# 12", "#", "\u00a0x\u00a0", '="10-1"', "a b", "\u00e9\u00df", "10-0001"]
texts = st.lists(st.sampled_from(ODD) | st.text(alphabet=" \t\"'=#-a\u00e9\u00a01", max_size=6), max_size=12)


def as_they_come(kind: str, cells: list[str]) -> Cells:
    """Cells as readers of files hand them on."""
    plain = pa.array(cells, pa.string())
    if kind == "dictionary":
        return plain.dictionary_encode()
    if kind == "text":
        return plain
    return Texts.of(plain) if kind == "places" else repeated(Texts.of(plain))


@pytest.mark.kernel
@pytest.mark.parametrize("kind", ["text", "dictionary", "places", "repeated"])
@given(cells=texts)
def test_read_free__what_each_cell_by_itself_is(kind: str, cells: list[str]) -> None:
    """The twin reads one cell after the other."""
    parsed, found = read_free(as_they_come(kind, cells))
    expected = w.read_words(f.NAME, cells, None)
    assert found.to_pylist() == [word if isinstance(word, str) else None for word in expected]
    assert (parsed.values >= 0).tolist() == [isinstance(word, str) for word in expected]
    blank, errors = parsed.rows({k.BLANK}), parsed.rows({c.SHEET_ERROR})
    assert blank.tolist() == [row for row, word in enumerate(expected) if word is None]
    assert errors.tolist() == [row for row, word in enumerate(expected) if word is w.CELL_ERROR]
    assert parsed.text_at(errors).to_pylist() == [cells[row] for row in errors]


def test_read_free__unknown_cells_are_blank() -> None:
    """A null is a blank cell, in whatever form it comes."""
    for cells in (pa.array(["a", None]), pa.array(["a", None]).dictionary_encode(), pa.array([7, None])):
        parsed, found = read_free(cells)
        assert found.to_pylist()[1] is None
        assert parsed.rows({k.BLANK}).tolist() == [1]
        assert np.flatnonzero(parsed.values >= 0).tolist() == [0]


def test_free_columns__numbers_and_names() -> None:
    """Closed lists and flags are read word by word."""
    free = {column for column in f.IMPORTERS_FILE if w.is_free(column)}
    assert free == {f.IMPORTER_NUMBER, f.ROUTING_NUMBER, f.ACCOUNT_NUMBER, f.NAME}


def test_plain_numbers__dashes_blanks_and_case_do_not_matter() -> None:
    """Numbers are compared as clarification 15 says."""
    assert plain_numbers(pa.array(["10-0001", "1 0\t0001", "ab-1", None])).to_pylist() == [
        "100001",
        "100001",
        "AB1",
        None,
    ]
