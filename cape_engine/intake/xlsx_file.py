"""Workbooks: the right sheet, headings below title rows, real dates, formula errors, rows as the sheet counts them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from cape_engine.bridge import Bools, readonly
from cape_engine.findings import Findings
from cape_engine.intake.block import Block, is_amount
from cape_engine.intake.files import Unreadable
from cape_engine.intake.headings import SCANNED_ROWS, Headings, find_header
from cape_engine.intake.parquet_file import fifteen_digits
from cape_engine.intake.sheet_range import too_large
from cape_engine.intake.texts import Cells, Texts
from cape_engine.schema.column import Column

if TYPE_CHECKING:
    import fastexcel

_BLOCK_ROWS = 1 << 16
_SHEETS = ("main report", "es-003", "report")

_ERRORS = {
    "Div0": "#DIV/0!",
    "NA": "#N/A",
    "Name": "#NAME?",
    "Null": "#NULL!",
    "Num": "#NUM!",
    "Ref": "#REF!",
    "Value": "#VALUE!",
    "GettingData": "#GETTING_DATA",
}
"""The reader's names of formula errors, and what the sheet shows."""


class XlsxFile:
    """A workbook, open for reading.

    Args:
        path: the file.
        headings: the names it may use.
        findings: takes what is unusual about the file (nothing yet: a sheet has no broken rows).

    Raises:
        Unreadable: damaged, no headings, or a needed column is missing.
    """

    def __init__(self, path: Path, headings: Headings, findings: Findings) -> None:
        import fastexcel  # noqa: PLC0415 - a run without a workbook does not load its reader (40 ms)

        del findings
        self.source = str(path)
        self.refused_entries: list[str] = []
        try:
            book = fastexcel.read_excel(path)
            name = sheet_name(book.sheet_names)
            if far := too_large(path, name):
                raise Unreadable("FILE_SHEET_TOO_LARGE", self.source, value=far)
            sheet = book.load_sheet(name, header_row=None, skip_rows=0, dtypes="string")
            batch, errors = sheet.to_arrow_with_errors()
        except (fastexcel.FastExcelError, OSError, ValueError, IndexError) as error:
            raise Unreadable("FILE_TRUNCATED", self.source, value=str(error).splitlines()[0]) from error
        if batch.num_rows == 0:
            raise Unreadable("FILE_EMPTY", self.source)
        self._columns = [column.cast(pa.string()) for column in batch.columns]
        self._mark_errors(errors)
        head = [pc.fill_null(column.slice(0, SCANNED_ROWS), "").to_pylist() for column in self._columns]
        row, self.layout = find_header(self.source, list(zip(*head, strict=True)), headings)
        self._first = row + 1

    def _mark_errors(self, errors: fastexcel.CellErrors | None) -> None:
        """Put the sheet's own sign where a formula failed, so that the cell does not look blank."""
        found: dict[int, dict[int, str]] = {}
        for error in errors.errors if errors else ():
            row, place = error.position
            sign = next((sign for name, sign in _ERRORS.items() if f"Error({name})" in error.detail), "#ERROR")
            found.setdefault(place, {})[row] = sign
        for place, signs in found.items():
            rows = sorted(signs)
            mask = np.zeros(len(self._columns[place]), bool)
            mask[rows] = True
            words = pa.array([signs[row] for row in rows], pa.string())
            self._columns[place] = pc.replace_with_mask(self._columns[place], mask, words)

    def blocks(self) -> Iterator[Callable[[], Block]]:
        """The rows of the sheet in parts, so that the threads share them (a sheet has at most 1,048,576)."""
        for begin in range(self._first, len(self._columns[0]), _BLOCK_ROWS):
            yield partial(self._read, begin)

    def _read(self, begin: int) -> Block:
        """The cells of some rows below the headings, blank rows left out."""
        body = [column.slice(begin, _BLOCK_ROWS) for column in self._columns]
        rows = np.flatnonzero(~_blank_rows(body))
        columns: dict[Column, Cells] = {}
        for column, place in self.layout.positions.items():
            cells = body[place] if len(rows) == len(body[place]) else body[place].take(pa.array(rows))
            columns[column] = Texts.of(fifteen_digits(cells) if is_amount(column) else cells)
        return Block(columns, readonly(rows.astype(np.int64) + begin + 1))


def _blank_rows(columns: list[pa.Array]) -> Bools:
    """Rows in which no cell says anything; a row that says something is not looked at again."""
    blank = np.ones(len(columns[0]), bool)
    for column in columns:
        places = np.flatnonzero(blank)
        if len(places) == 0:
            break
        cells = column if len(places) == len(column) else column.take(pa.array(places))
        lengths = pc.binary_length(pc.utf8_trim_whitespace(pc.fill_null(cells, "")))
        blank[places] = lengths.to_numpy(zero_copy_only=False) == 0
    return blank


def sheet_name(names: list[str]) -> str:
    """The sheet of the report: `Main Report`, `ES-003`, `Report`, else the first."""
    plain = {name.strip().casefold(): name for name in reversed(names)}
    return next((plain[name] for name in _SHEETS if name in plain), names[0])
