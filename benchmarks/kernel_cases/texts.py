"""Cases of the kernels that read texts."""

from __future__ import annotations

import numpy as np

from benchmarks.kernel_cases.data import Case, Data, of_module
from cape_engine import rules
from cape_engine.bridge import readonly
from cape_engine.findings import Findings
from cape_engine.intake.entries import keys_of_texts, string_buffers
from cape_engine.intake.headings import row_headings
from cape_engine.intake.opening import open_table
from cape_engine.intake.plain_csv import plain_cells
from cape_engine.intake.texts import Repeats
from cape_engine.intake.texts import Texts as Cells
from cape_engine.schema import facts as f
from cape_engine.schema import rows as s
from cape_kernels import delimited, distinct, entry_number, parse, segments, splitting

_HIGH = np.int64(99_999_999_999)


def _parsing(data: Data, name: str) -> Case:
    """A kernel of `parse` on the column it is for."""
    texts = data.texts
    column, kind, between = {
        "parse_cents": ("duty_amount", np.int64, (_HIGH, True)),
        "parse_dollars": ("goods_value", np.int64, (_HIGH,)),
        "parse_hundredths": (s.QUANTITIES[0], np.int64, (_HIGH,)),
        "parse_whole": (s.LINE_NUMBER, np.int64, (np.int64(1), _HIGH)),
        "parse_number": ("duty_amount", np.int64, (np.int64(parse.CENTS), np.int64(0), _HIGH)),
        "parse_days": (f.ENTRY_DATE, np.int32, ()),
        "parse_hts": (s.HTS_NUMBER, np.int64, ()),
    }[name]
    cells = Cells.of(texts.columns[str(column)])
    out = np.empty(len(cells), kind), np.empty(len(cells), np.uint8)
    return len(cells), getattr(parse, name), (cells.spans, cells.data, *between, *out)


def _repeating(data: Data, name: str) -> Case:
    """A kernel of `distinct` on the importer numbers."""
    texts = data.texts
    cells = Cells.of(texts.columns[str(f.IMPORTER_NUMBER)])
    rows = len(cells)
    if name == "copy_cells":
        out = np.empty(rows + 1, np.int32), np.empty(int(cells.lengths().sum()), np.uint8)
        return rows, distinct.copy_cells, (cells.spans, cells.data, readonly(np.arange(rows)), *out)
    memory, index = Repeats(), np.empty(rows, np.int32)

    def find() -> None:
        memory.clear()
        memory.add(cells, index)

    return rows, find, ()


def _splitting(data: Data, name: str) -> Case:
    """The cells of the whole export, all columns wanted; or the end of a line that is as long as the export."""
    texts = data.texts
    rows, cells = len(texts.columns[str(f.ENTRY_NUMBER)]) + 1, len(texts.columns)
    state = np.zeros(splitting.STATE_LENGTH, np.int64)
    if name == "line_end":
        return rows, splitting.line_end, (readonly(texts.data[texts.data != ord("\n")]), np.int64(0), state)
    spans, tail = np.empty((cells, rows), np.int64), np.empty(splitting.TAIL, np.uint8)
    slots = readonly(np.arange(cells))

    def split() -> None:
        state[:] = 0
        splitting.split_records(texts.data, np.uint8(ord(",")), slots, spans, tail, state)

    return rows, split, ()


def _whole_part(data: Data, name: str) -> Case:
    """The whole export as one part, with the columns that an import takes."""
    del name
    _kind, table = open_table(data.lots.csv.files.rows[0], row_headings(rules.load()), Findings())
    layout = table.layout
    rows = len(data.texts.columns[str(f.ENTRY_NUMBER)]) + 1
    return rows, plain_cells, (data.texts.data, ",", len(layout.header), layout.positions)


def _entry_numbers(data: Data, name: str) -> Case:
    """A kernel of `entry_number`."""
    texts = data.texts
    cells = texts.columns[str(f.ENTRY_NUMBER)]
    keys, status = keys_of_texts(cells)
    arguments = {
        "entry_keys": (*string_buffers(cells), keys, status),
        "entry_texts": (readonly(keys), np.empty(len(keys) * entry_number.ENTRY_LENGTH, np.uint8)),
        "check_digits": (readonly(keys), np.empty(len(keys), np.uint8)),
    }[name]
    return len(cells), getattr(entry_number, name), arguments


def _scanning(data: Data, name: str) -> Case:
    """The records of the whole export."""
    texts = data.texts
    rows = len(texts.columns[str(f.ENTRY_NUMBER)]) + 1
    state = np.zeros(delimited.STATE_LENGTH, np.int64)
    outs = [np.empty(rows + 1, kind) for kind in (np.int64, np.int64, np.int32, np.uint8)]
    cells = np.int32(len(texts.columns))

    def scan() -> None:
        state[:] = 0
        state[delimited.LINE] = 1
        getattr(delimited, name)(texts.data, len(texts.data), np.uint8(ord(",")), cells, *outs, state)

    return rows, scan, ()


def _grouping(data: Data, name: str) -> Case:
    """The entry date of each entry from all its rows."""
    texts = data.texts
    keys, _status = keys_of_texts(texts.columns[str(f.ENTRY_NUMBER)])
    order = np.argsort(keys, kind="stable")
    starts = np.append(np.flatnonzero(np.diff(keys[order], prepend=-1)), len(keys))
    outs = np.empty(len(starts) - 1, np.int64), np.empty(len(starts) - 1, np.int64)
    return len(keys), getattr(segments, name), (readonly(starts), readonly(order), readonly(keys), np.int64(-1), *outs)


CASES = {
    **of_module(
        "parse", _parsing, "parse_cents parse_dollars parse_hundredths parse_whole parse_number parse_days parse_hts"
    ),
    **of_module("parts", _whole_part, "read_part"),
    **of_module("entry_number", _entry_numbers, "entry_keys entry_texts check_digits"),
    **of_module("distinct", _repeating, "copy_cells distinct_cells"),
    **of_module("splitting", _splitting, "line_end split_records"),
    **of_module("delimited", _scanning, "scan_records"),
    **of_module("segments", _grouping, "first_and_other"),
}
