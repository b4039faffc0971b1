"""Workbooks: the right sheet, headings below title rows, real dates, formula errors, rows as the sheet counts them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from cape_engine.bridge import readonly
from cape_engine.findings import Findings
from cape_engine.intake.block import Block, is_amount, is_word_like
from cape_engine.intake.files import Unreadable
from cape_engine.intake.headings import SCANNED_ROWS, Headings, find_header
from cape_engine.intake.parquet_file import fifteen_digits

if TYPE_CHECKING:
    import fastexcel

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
            sheet = book.load_sheet(_sheet(book.sheet_names), header_row=None, skip_rows=0, dtypes="string")
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
        """All rows of the sheet in one part (a sheet has at most 1,048,576), blank ones left out."""
        yield self._read

    def _read(self) -> Block:
        """The cells below the headings."""
        body = [column.slice(self._first) for column in self._columns]
        blank = np.ones(len(body[0]), bool)
        for column in body:
            lengths = pc.binary_length(pc.utf8_trim_whitespace(pc.fill_null(column, "")))
            blank &= lengths.to_numpy(zero_copy_only=False) == 0
        rows = np.flatnonzero(~blank)
        columns = {}
        for column, place in self.layout.positions.items():
            cells = body[place].take(pa.array(rows))
            if is_amount(column):
                cells = fifteen_digits(cells)
            columns[column] = cells.dictionary_encode() if is_word_like(column) else cells
        return Block(columns, readonly(rows.astype(np.int64) + self._first + 1))


def _sheet(names: list[str]) -> str:
    """The sheet of the report: `Main Report`, `ES-003`, `Report`, else the first."""
    plain = {name.strip().casefold(): name for name in reversed(names)}
    return next((plain[name] for name in _SHEETS if name in plain), names[0])
