"""The record scanner against Python's own csv reader, and its answer to stray quotes."""

from __future__ import annotations

import csv
import io

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cape_kernels import delimited as k

CELLS = st.lists(st.text("ab ,;\"\n'=", max_size=5), min_size=3, max_size=3)


def scan(text: str, expected: int, delimiter: str = ",") -> list[tuple[str, int, int, int]]:
    """(text, line, cells, status) of each record."""
    data = np.frombuffer(text.encode(), np.uint8)
    most = len(data) + 1
    starts, lines = np.zeros(most, np.int64), np.zeros(most, np.int64)
    cells, status = np.zeros(most, np.int32), np.zeros(most, np.uint8)
    state = np.zeros(k.STATE_LENGTH, np.int64)
    state[k.LINE] = 1
    k.scan_records(data, len(data), np.uint8(ord(delimiter)), np.int32(expected), starts, lines, cells, status, state)
    count = int(state[k.RECORDS])
    ends = [*starts[1:count].tolist(), int(state[k.PLACE])]
    return [
        (text.encode()[starts[i] : ends[i]].decode(), int(lines[i]), int(cells[i]), int(status[i]))
        for i in range(count)
    ]


@given(st.lists(CELLS, max_size=12), st.sampled_from([",", ";", "\t"]), st.sampled_from(["\n", "\r\n"]))
def test_scan_records__as_python_reads_them(rows: list[list[str]], delimiter: str, newline: str) -> None:
    """Records begin where Python's reader begins them, on the same lines and with the same cells."""
    out = io.StringIO(newline="")
    csv.writer(out, delimiter=delimiter, lineterminator=newline).writerows(rows)
    text = out.getvalue()
    found = scan(text, 3, delimiter)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    begin = 1
    for (record, line, cells, status), row in zip(found, reader, strict=True):
        assert next(csv.reader(io.StringIO(record, newline=""), delimiter=delimiter)) == row
        assert cells == len(row)
        assert line == begin
        begin = reader.line_num + 1
        said = any(cell.strip(' \n"') for cell in row)
        assert status == (k.RECORD_OK if said else k.RECORD_EMPTY)
    assert "".join(record for record, *_rest in found) == text


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("a,b\n\n,\n  , \nc,d", [(1, 2, k.RECORD_OK), (2, 1, k.RECORD_EMPTY), (3, 2, k.RECORD_EMPTY),
                                 (4, 2, k.RECORD_EMPTY), (5, 2, k.RECORD_OK)]),
        ("a\nb,c,d\ne,f\n", [(1, 1, k.RECORD_BAD), (2, 3, k.RECORD_BAD), (3, 2, k.RECORD_OK)]),
        ('a,"b\nc,d\ne,f\n', [(1, -2, k.RECORD_BAD), (2, 2, k.RECORD_OK), (3, 2, k.RECORD_OK)]),
        ('"a,b\nc,d\n"e,f\ng,h\n', [(1, 2, k.RECORD_OK), (4, 2, k.RECORD_OK)]),
        ('"a,b\nc","d",e\nf,g\n', [(1, 3, k.RECORD_BAD), (2, 3, k.RECORD_BAD), (3, 2, k.RECORD_OK)]),
        ("a,b\r\nc,d\r\re,f\r", [(1, 2, k.RECORD_OK), (2, 2, k.RECORD_OK), (3, 1, k.RECORD_EMPTY),
                                 (4, 2, k.RECORD_OK)]),
    ],
)  # fmt: skip
def test_scan_records__broken_and_blank(text: str, wanted: list[tuple[int, int, int]]) -> None:
    """Blank rows are counted and left out; a stray quote costs its own line and not the rest of the file."""
    assert [found[1:] for found in scan(text, 2)] == wanted


def test_scan_records__never_closed_quotes() -> None:
    """A file in which every line opens a quote is read line by line, each one bad."""
    found = scan('"a,b\n' * 301, 2)
    assert [line for _text, line, *_rest in found][-1] == 301
    assert all(status == k.RECORD_BAD for *_rest, status in found[200:])
