"""Writes plain rows as the ES-003 files brokers have (CSV, Excel, Parquet), and runs `cape` on them in this process."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import xlsxwriter

from cape_engine.cli import invoke

HEADINGS = {
    "entry_number": "Entry Summary Number",
    "line": "Entry Summary Line Number",
    "ordinal": "Tariff Ordinal Number",
    "hts_number": "HTS Number - Full",
    "value_dollars": "Line Tariff Goods Value Amount",
    "duty": "Line Tariff Duty Amount",
    "entry_type": "Entry Type Code",
    "importer_number": "Importer Number",
    "entry_date": "Entry Date",
    "country_of_origin": "Country of Origin Code",
    "spi_code": "Line SPI Code",
    "quantity_1": "Line Tariff Quantity (1)",
    "uom_1": "Line Tariff UOM (1) Code",
    "quantity_2": "Line Tariff Quantity (2)",
    "uom_2": "Line Tariff UOM (2) Code",
    "liquidation_status": "Liquidation Status",
    "liquidation_date": "Liquidation Date",
    "control_status": "Control Status",
}
"""Our short words in these tests and the headings of the report."""
Row = Mapping[str, object]


def heads(rows: Sequence[Row]) -> list[str]:
    """Every heading that some row fills; words that are no short ones stay as they are."""
    return list(dict.fromkeys(HEADINGS.get(word, word) for row in rows for word in row))


def texts(rows: Sequence[Row]) -> list[list[str]]:
    """The cells under those headings as text, a blank where a row says nothing."""
    named, shown = [{HEADINGS.get(word, word): value for word, value in row.items()} for row in rows], heads(rows)
    return [[str(row.get(head, "")) for head in shown] for row in named]


def write(rows: Sequence[Row], path: Path) -> Path:
    """The rows as one export; the kind of file is the ending of its name."""
    table = [heads(rows), *texts(rows)]
    if path.suffix == ".csv":
        with path.open("w", encoding="utf-8", newline="") as stream:
            csv.writer(stream).writerows(table)
    elif path.suffix == ".xlsx":
        with xlsxwriter.Workbook(str(path)) as book:
            sheet = book.add_worksheet("Main Report")
            for place, cells in enumerate(table):
                sheet.write_row(place, 0, cells)
    else:
        columns = zip(*table[1:], strict=True)
        pq.write_table(pa.table(dict(zip(table[0], map(list, columns), strict=True))), path)
    return path


def write_facts(rows: Iterable[Row], path: Path) -> Path:
    """Header, importer or deposit rows as CSV with our own column names."""
    listed = list(rows)
    with path.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.DictWriter(stream, list(dict.fromkeys(word for row in listed for word in row)), restval="")
        writer.writeheader()
        writer.writerows(listed)
    return path


def tables(folder: Path) -> dict[str, list[dict[str, Any]]]:
    """The five tables of a results folder as plain records."""
    names = ("entries", "changes", "refunds", "payments", "findings")
    return {name: pq.read_table(folder / f"{name}.parquet").to_pylist() for name in names}


@dataclass(frozen=True)
class Said:
    """What a command gave back.

    Attributes:
        code: exit code.
        out: standard output.
        err: standard error.
    """

    code: int
    out: str
    err: str

    @property
    def lines(self) -> list[dict[str, Any]]:
        """Standard output as JSON lines."""
        return [json.loads(line) for line in self.out.splitlines()]

    @property
    def result(self) -> dict[str, Any]:
        """The closing JSON line of a run."""
        return next(line for line in self.lines if line["event"] == "result")


def cape(capsys: pytest.CaptureFixture[str], *arguments: object) -> Said:
    """Run `cape` in this process; no traceback may ever be printed."""
    capsys.readouterr()
    code = invoke([str(argument) for argument in arguments])
    said = capsys.readouterr()
    assert "Traceback" not in said.out + said.err
    assert "internal fault" not in said.err, said.err
    return Said(code, said.out, said.err)
