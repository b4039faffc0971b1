"""Plain records split at once: the same cells as Python's csv reader, and nothing that is not plain."""

from __future__ import annotations

import csv
import io

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cape_kernels import splitting as k

pytestmark = pytest.mark.kernel

WIDTH = 3
PLAIN = st.text("ab1 ;'=\u00e9.", max_size=40)
WILD = st.text('a ,;"\n\r1', max_size=6)


def split(text: str, delimiter: str = ",", room: int = 1000, begin: int = 0) -> tuple[list[list[str]], bool, int]:
    """(cells of each record, whether all are plain, where the next begins) of a first call.

    Where all are plain and read, the kernel knows whether all of them are ASCII.
    """
    data = np.frombuffer(text.encode(), np.uint8)
    slots = np.arange(WIDTH)
    slots.flags.writeable = False
    spans = np.zeros((WIDTH, room), np.int64)
    state = np.zeros(k.STATE_LENGTH, np.int64)
    state[k.PLACE] = begin
    k.split_records(data, np.uint8(ord(delimiter)), slots, spans, np.zeros(k.TAIL, np.uint8), state)
    records = [
        [
            data[(span := int(spans[cell, row])) & 0xFFFFFFFF :][: span >> k.LENGTH_SHIFT].tobytes().decode()
            for cell in range(WIDTH)
        ]
        for row in range(state[k.RECORDS])
    ]
    if state[k.PLAIN] and state[k.PLACE] == len(data):
        assert bool(state[k.HIGH]) is not text.encode()[begin:].isascii()
    return records, bool(state[k.PLAIN]), int(state[k.PLACE])


@given(
    st.lists(st.lists(PLAIN, min_size=WIDTH, max_size=WIDTH), min_size=1, max_size=12),
    st.sampled_from([",", "\t", "|"]),
    st.sampled_from(["\n", "\r\n", "\r"]),
    st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]),
    st.booleans(),
)
def test_split_records__plain(
    rows: list[list[str]], delimiter: str, newline: str, quoting: int, last_line_end: bool
) -> None:
    """Records without quotes or line ends in their cells are all split, with or without an end of the last line."""
    rows = [[f"x{row[0]}", *row[1:]] for row in rows]
    out = io.StringIO(newline="")
    csv.writer(out, delimiter=delimiter, lineterminator=newline, quoting=quoting).writerows(rows)  # type: ignore[arg-type]  # one of csv's constants
    text = out.getvalue()
    found, plain, _place = split(text if last_line_end else text.removesuffix(newline), delimiter)
    assert plain
    assert found == rows


@given(st.lists(st.lists(WILD, min_size=1, max_size=4), max_size=8), st.data())
def test_split_records__whatever_comes(rows: list[list[str]], data: st.DataObject) -> None:
    """Where the kernel says that all is plain, Python's reader finds the same records; before a stop, too."""
    joined = data.draw(st.sampled_from(["raw", "written"]))
    if joined == "raw":
        text = "\n".join(",".join(row) for row in rows)
    else:
        out = io.StringIO(newline="")
        csv.writer(out, lineterminator="\r\n").writerows(rows)
        text = out.getvalue()
    found, plain, _place = split(text)
    wanted = list(csv.reader(io.StringIO(text, newline="")))
    assert found == wanted[: len(found)]
    if plain:
        assert found == wanted


@pytest.mark.parametrize(
    "text",
    ["a,b\n", "a,b,c,d\n", "\n", ",,\n", ' ," ",\n', 'a,"b\nc",d\n', 'a,"b""c",d\n', 'a,"b"x,d\n', 'a,b"c"\n,d\n',
     'a,b,"c\n', "a,b,c\n\n", 'a,b,"c""', 'a,x"b",c\n'],
)  # fmt: skip
def test_split_records__not_plain(text: str) -> None:
    """A wrong number of cells, blanks alone, quotes or line ends in a cell, text behind a quote: the kernel stops."""
    assert not split(text)[1]
    found, plain, _place = split("1,2,3\n" * 30 + text + "4,5,6\n" * 30)
    assert not plain
    assert found == [*[["1", "2", "3"]] * 30, ["a", "b", "c"]][: len(found)]


@pytest.mark.parametrize("place", range(0, 140, 7))
def test_split_records__not_ascii(place: int) -> None:
    """One letter beyond ASCII is seen wherever it stands, also by a call that has room for fewer records."""
    text = "a,b,c\n" * 12 + f"{'x' * place}\u00e9,b,c\n" + "a,b,c\n" * 20
    assert split(text)[1]
    data = np.frombuffer(text.encode(), np.uint8)
    slots, state = np.array([-1, -1, -1]), np.zeros(k.STATE_LENGTH, np.int64)
    slots.flags.writeable = False
    while state[k.PLACE] < len(data):
        k.split_records(data, np.uint8(44), slots, np.zeros((1, 2), np.int64), np.zeros(k.TAIL, np.uint8), state)
        assert state[k.PLAIN]
    assert state[k.HIGH]


def test_split_records__some_at_a_time() -> None:
    """With room for two records, two are read, and the next call goes on behind them."""
    text = '"1","2","3"\r\n4,5,6\r\n"7",,"9"\r\n'
    first, plain, place = split(text, room=2)
    assert (first, plain) == ([["1", "2", "3"], ["4", "5", "6"]], True)
    assert split(text, room=2, begin=place)[:2] == ([["7", "", "9"]], True)


@pytest.mark.parametrize(("text", "wanted"), [("ab\ncd", 3), ("ab\r\ncd", 4), ("ab\rcd", 3), ("abcd", 4), ("\n", 1)])
def test_line_end(text: str, wanted: int) -> None:
    """The place behind the first line end, or the end."""
    found = np.zeros(1, np.int64)
    k.line_end(np.frombuffer(text.encode(), np.uint8), np.int64(0), found)
    assert found[0] == wanted
