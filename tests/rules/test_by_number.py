"""Rows of a large rule file by number are what reading every row as CSV gives."""

from __future__ import annotations

import csv
import io

from hypothesis import given
from hypothesis import strategies as st

from cape_engine.errors import RuleFileError
from cape_engine.rules import read
from cape_engine.rules.by_number import ByNumber

TABLE = read.Table(
    "t.csv", tuple((name, read.text) for name in ("number", "rate", "note")), lambda *row: row, ("rate",)
)
CELLS = st.text(alphabet='ab,"\n 1§', max_size=5)
NUMBERS = st.sampled_from(("01012100", "01012900", "99030125"))


def as_csv(rows: list[tuple[str, ...]], *, quoted: bool, ending: str) -> str:
    """Rows below the header of the table."""
    out = io.StringIO(newline="")
    writer = csv.writer(out, lineterminator=ending, quoting=csv.QUOTE_ALL if quoted else csv.QUOTE_MINIMAL)
    csv.writer(out, lineterminator=ending).writerow(TABLE.names)
    writer.writerows(rows)
    return out.getvalue()


@given(
    st.lists(st.tuples(NUMBERS, CELLS, CELLS), min_size=1, max_size=40),
    st.lists(st.tuples(NUMBERS, st.just("0.05"), st.just("plain")), max_size=300),
    st.booleans(),
    st.sampled_from(("\n", "\r\n")),
)
def test_by_number__as_csv_of_every_row(
    odd: list[tuple[str, ...]], plain: list[tuple[str, ...]], quoted: bool, ending: str
) -> None:
    """With many rows or few that need quotes, in one line or several, each number has its rows with their lines."""
    content = as_csv([*plain, *odd], quoted=quoted, ending=ending)
    every = read.cells(TABLE, content)
    found = ByNumber(*read.uncut(TABLE, content))
    assert list(found) == list(dict.fromkeys(row[0] for _, row in every))
    for number in ("01012100", "01012900", "99030125", "00000000"):
        wanted = [(line, row) for line, row in every if row[0] == number]
        assert [(line, list(row)) for line, row in found.get(number)] == wanted
        assert (number in found.repeated) == (len(wanted) > 1)


@given(st.text(alphabet='ab,"\n\r', max_size=30), st.integers(0, 40))
def test_uncut__refuses_what_cells_refuses(mess: str, plain: int) -> None:
    """Where reading every row as CSV names a fault, the same fault is named, in the same words."""
    content = "number,rate,note\n" + "01012100,1,2\n" * plain + mess
    try:
        wanted = [list(row) for _, row in read.cells(TABLE, content)]
    except RuleFileError as fault:
        wanted = [[str(fault)]]
    try:
        got = [list(read.cut(row)) for row in read.uncut(TABLE, content)[1]]
    except RuleFileError as fault:
        got = [[str(fault)]]
    assert got == wanted
