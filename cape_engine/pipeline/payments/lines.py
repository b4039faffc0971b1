"""Files of debts and of banks: every cell as text, its line kept; what cannot be is a finding with row and column."""

from __future__ import annotations

import csv
import datetime as dt
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pacsv
import pyarrow.parquet as pq

from cape_engine.bridge import NO_DAY, Bools, Int32s, Int64s
from cape_engine.dates import day_number
from cape_engine.errors import InputError
from cape_engine.findings import Findings
from cape_engine.schema.column import Column

_CENTS = r"^-?[0-9]{1,18}$"
_TOTALS = r"(?i)^\s*(grand |sub|sub-)?(total|totals|sum|sums)\b"
Texts = dict[str, pa.Array]


class Lines:
    """Rows of one file, with those that are still good.

    Attributes:
        source: name of the file.
        cells: text of each column, trimmed; blank where there is none.
        good: rows that still count.
        line: row of each, as an editor counts it.
    """

    def __init__(
        self, source: str, cells: Texts, findings: Findings, line: npt.NDArray[np.int64] | None = None
    ) -> None:
        self.source = source
        self.cells = cells
        self.findings = findings
        self.count = len(next(iter(cells.values())))
        self.good = np.ones(self.count, np.bool_)
        self.line = np.arange(2, self.count + 2) if line is None else line

    def refuse(
        self, where: Bools, code: str, column: str, more: Callable[[int], dict[str, object]] | None = None
    ) -> None:
        """Leave rows out, each with a finding."""
        self.say(where, code, column, more)
        self.good &= ~where

    def say(self, where: Bools, code: str, column: str, more: Callable[[int], dict[str, object]] | None = None) -> None:
        """A finding for each of the rows that count."""
        for place in np.flatnonzero(where & self.good).tolist():
            fields = {} if more is None else more(place)
            fields.setdefault("value", self.cells[column][place].as_py())
            row, name = int(self.line[place]), str(column)
            self.findings.add(code, source=self.source, row=row, column=name, **fields)  # type: ignore[arg-type]

    def blank(self, column: str) -> Bools:
        """Rows without anything in a column."""
        found: Bools = pc.equal(self.cells[column], "").to_numpy(zero_copy_only=False)
        return found

    def totals(self, columns: Sequence[str]) -> None:
        """Leave out rows of totals, which spreadsheets put below."""
        found = np.zeros(self.count, np.bool_)
        for column in columns:
            found |= pc.match_substring_regex(self.cells[column], _TOTALS).to_numpy(zero_copy_only=False)
        self.refuse(found, "PAYMENT_FILE_TOTALS", columns[0])

    def cents(self, column: str) -> Int64s:
        """Whole cents above zero; others are left out, each with a finding."""
        cells = self.cells[column]
        whole = pc.match_substring_regex(cells, _CENTS).to_numpy(zero_copy_only=False)
        self.refuse(~whole, "PAYMENT_FILE_AMOUNT", column)
        values = pc.if_else(pa.array(whole), cells, "0").cast(pa.int64()).to_numpy()
        self.refuse(whole & (values <= 0), "PAYMENT_FILE_NOT_POSITIVE", column)
        found: Int64s = values
        return found

    def days(self, column: str) -> Int32s:
        """Days; what is none is left out with a finding."""
        encoded = self.cells[column].dictionary_encode()
        days = np.array([*map(_day, encoded.dictionary.to_pylist()), NO_DAY], np.int32)
        found: Int32s = days[encoded.indices.to_numpy()]
        self.refuse(found == NO_DAY, "PAYMENT_FILE_DATE", column)
        return found

    def words(self, column: Column, code: str) -> npt.NDArray[np.int64]:
        """Places among the words of a column; other words are left out, each with a finding."""
        place = pc.index_in(pc.utf8_lower(self.cells[str(column)]), value_set=pa.array(column.words))
        found: npt.NDArray[np.int64] = pc.fill_null(place, -1).to_numpy(zero_copy_only=False).astype(np.int64)
        self.refuse(found < 0, code, str(column), lambda _: {"known": ", ".join(column.words)})
        return found


def _day(word: str) -> int:
    """The day of a text, `NO_DAY` where it is none."""
    try:
        return day_number(dt.date.fromisoformat(word))
    except ValueError:
        return NO_DAY


def read_lines(path: Path, columns: Sequence[Column], needed: Sequence[Column], findings: Findings) -> Lines:
    """A CSV or Parquet file with known columns in any order, every cell as text.

    Args:
        path: the file.
        columns: that it may have.
        needed: that it must have.
        findings: grows by unknown columns.

    Raises:
        InputError: the file cannot be read, or lacks a column.
    """
    try:
        table, line = (pq.read_table(path), None) if path.suffix == ".parquet" else _csv(path, findings)
    except (OSError, pa.ArrowException, UnicodeDecodeError, csv.Error) as error:
        words = str(error).splitlines()[0]
        raise InputError(f"{path}: the file cannot be read ({words}). Save it as CSV in UTF-8, or Parquet.") from error
    names = [name.strip().strip('"').lower().replace(" ", "_") for name in table.column_names]
    twice = sorted({name for name in names if names.count(name) > 1})
    missing = [str(column) for column in needed if str(column) not in names]
    if twice or missing:
        what = f"column {twice[0]} stands twice" if twice else f"column {missing[0]} is missing"
        raise InputError(f"{path}: {what}; the columns are {', '.join(columns)}, and found were {', '.join(names)}")
    odd = [name for name in names if name not in set(columns)]
    if odd:
        findings.add("COLUMN_UNKNOWN", source=path.name, value=", ".join(odd))
    cells: Texts = {}
    for column in columns:
        if str(column) not in names:
            cells[str(column)] = pa.array([""] * table.num_rows, pa.string())
            continue
        values = table.column(names.index(str(column))).combine_chunks()
        if pa.types.is_timestamp(values.type):
            values = values.cast(pa.date32())
        cells[str(column)] = pc.utf8_trim_whitespace(pc.fill_null(values.cast(pa.string()), ""))
    return Lines(path.name, cells, findings, line)


def _csv(path: Path, findings: Findings) -> tuple[pa.Table, npt.NDArray[np.int64] | None]:
    """A CSV file, every cell as text; line of each row, None where they follow one another from 2 on."""
    with path.open("rb") as stream:
        head = stream.readline().decode("utf-8-sig").strip()
    names = [name.strip().strip('"') for name in head.split(",")]
    options = pacsv.ConvertOptions(column_types=dict.fromkeys(names, pa.string()), strings_can_be_null=False)
    parse = pacsv.ParseOptions(ignore_empty_lines=False)
    try:
        return pacsv.read_csv(path, convert_options=options, parse_options=parse), None
    except pa.ArrowInvalid:
        return _uneven(path, findings)


def _uneven(path: Path, findings: Findings) -> tuple[pa.Table, npt.NDArray[np.int64]]:
    """A CSV file with blank, short or long rows: short ones are filled up, long ones left out with a finding."""
    with path.open(encoding="utf-8-sig", newline="") as stream:
        reader = csv.reader(stream, strict=True)
        names = [name.strip() for name in next(reader, [])]
        rows, lines = [], []
        for row in reader:
            if not any(cell.strip() for cell in row):
                continue
            if len(row) > len(names):
                where = reader.line_num
                findings.add("PAYMENT_FILE_SHIFTED", source=path.name, row=where, value=len(row), columns=len(names))
                continue
            rows.append([*row, *[""] * (len(names) - len(row))])
            lines.append(reader.line_num)
    columns = [pa.array(column, pa.string()) for column in zip(*rows, strict=True)] or [
        pa.array([], pa.string())
    ] * len(names)
    return pa.table(columns, names=names), np.array(lines, np.int64)
