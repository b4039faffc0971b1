"""The workbook of a reconciliation: the same totals with sums that a spreadsheet recomputes, and the open items."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import xlsxwriter

from cape_engine.report.reconciliation_view import Level, levels, worst
from cape_engine.rules.rows import CauseCode
from cape_engine.schema import reconciliation as c
from cape_engine.schema import results as r

MOST = 2_000
"""Rows of a sheet of open items; all of them stand in the tables."""
_MONEY = "#,##0.00;[Red]-#,##0.00"
_SIGNED = (c.EXPECTED, c.DIFFERENCE, c.PAID, c.EXPLAINED, c.LEFT)
_SHEETS = {"entries": "Entries", "cohorts": "Refunds", "bank": "Deposits"}
_FINDINGS = (r.CODE, r.SEVERITY, r.FINDING_SOURCE, r.ROW, r.COLUMN, r.VALUE, r.FINDING_ENTRY, r.MESSAGE, r.REMEDY)


def write_book(
    path: Path, tables: Mapping[str, pa.Table], manifest: Mapping[str, Any], causes: Sequence[CauseCode]
) -> None:
    """Write the workbook; the same answer gives the same bytes (its day of creation is the day reconciled).

    Args:
        path: file to write.
        tables: by name: entries, cohorts, bank, summary, findings.
        manifest: with inputs and hashes.
        causes: words of the causes.
    """
    book = xlsxwriter.Workbook(str(path), {"strings_to_formulas": False, "strings_to_urls": False})
    as_of = dt.datetime.combine(dt.date.fromisoformat(manifest["as_of"]), dt.time())
    book.set_properties({"title": f"Reconciliation as of {manifest['as_of']}", "created": as_of})
    formats = {
        "bold": book.add_format({"bold": True}),
        "money": book.add_format({"num_format": _MONEY}),
        "total": book.add_format({"num_format": _MONEY, "bold": True, "top": 1}),
        "line": book.add_format({"bottom": 1}),
    }
    _sign_off(book, levels(tables["summary"], causes), manifest, formats)
    for name, title in _SHEETS.items():
        rows, count = worst(tables[name], MOST)
        _items(book.add_worksheet(title), tables[name], rows, count, formats)
    _plain(book.add_worksheet("Findings"), _FINDINGS, tables["findings"].slice(0, MOST).to_pylist(), formats)
    _inputs(book.add_worksheet("Inputs"), manifest, formats)
    book.close()


def _sign_off(book: Any, found: Sequence[Level], manifest: Mapping[str, Any], formats: Mapping[str, Any]) -> None:
    """The first sheet: totals by level and cause, and the block to be signed."""
    sheet = book.add_worksheet("Sign-off")
    sheet.set_column(0, 0, 26)
    sheet.set_column(1, 6, 20)
    sheet.set_column(7, 8, 50)
    sheet.write_string(0, 0, f"Reconciliation of CBP refunds as of {manifest['as_of']}", formats["bold"])
    sheet.write_string(1, 0, "At each level expected + difference = paid, and difference = explained + left (dollars).")
    row = 3
    for level in found:
        heads = ["cause", "items", *(str(column).removesuffix("_cents") for column in _SIGNED), "meaning", "next step"]
        sheet.write_string(row, 0, level.title, formats["bold"])
        for place, head in enumerate(heads):
            sheet.write_string(row + 1, place, head, formats["bold"])
        first = row + 2
        for line, one in enumerate(level.rows, first):
            sheet.write_string(line, 0, one[str(c.CAUSE)])
            sheet.write_number(line, 1, one[str(c.ITEMS)])
            for place, column in enumerate(_SIGNED, 2):
                sheet.write_number(line, place, one[str(column)] / 100, formats["money"])
            sheet.write_string(line, 7, one["meaning"])
            sheet.write_string(line, 8, one[str(c.NEXT_STEP)])
        row = first + len(level.rows)
        sheet.write_string(row, 0, "total", formats["bold"])
        for place, column in enumerate((c.ITEMS, *_SIGNED), 1):
            letter = "ABCDEFG"[place]
            value = level.total[str(column)]
            formula = f"=SUM({letter}{first + 1}:{letter}{row})"
            money = place > 1
            sheet.write_formula(
                row, place, formula, formats["total"] if money else formats["bold"], value / 100 if money else value
            )
        row += 3
    for label in ("prepared by, date", "reviewed by, date", "controller, date"):
        sheet.write_string(row, 0, label)
        sheet.merge_range(row, 1, row, 4, "", formats["line"])
        row += 2
    sheet.write_string(row, 0, "result hash")
    sheet.write_string(row, 1, manifest["result_hash"])


def _items(
    sheet: Any, table: pa.Table, rows: Sequence[Mapping[str, Any]], count: int, formats: Mapping[str, Any]
) -> None:
    """Items that are not settled."""
    text = f"{count:,} are not settled; the {len(rows):,} with most cents left are shown"
    sheet.write_string(0, 0, text, formats["bold"])
    heads = table.column_names
    sheet.set_column(0, len(heads) - 1, 18)
    sheet.freeze_panes(2, 0)
    for place, head in enumerate(heads):
        sheet.write_string(1, place, head.removesuffix("_cents"), formats["bold"])
    for line, one in enumerate(rows, 2):
        for place, head in enumerate(heads):
            _cell(sheet, line, place, one[head], formats["money"] if head.endswith("_cents") else None)


def _cell(sheet: Any, line: int, place: int, value: object, money: Any) -> None:
    """One cell; numbers as text stay text, cents become dollars."""
    if value is None:
        return
    if money is not None and isinstance(value, int):
        sheet.write_number(line, place, value / 100, money)
    elif isinstance(value, int):
        sheet.write_number(line, place, value)
    else:
        sheet.write_string(line, place, str(value))


def _plain(sheet: Any, columns: Sequence[str], rows: Sequence[Mapping[str, Any]], formats: Mapping[str, Any]) -> None:
    """A table as it is."""
    sheet.set_column(0, len(columns) - 1, 22)
    for place, column in enumerate(columns):
        sheet.write_string(0, place, str(column), formats["bold"])
        for line, one in enumerate(rows, 1):
            _cell(sheet, line, place, one[str(column)], None)


def _inputs(sheet: Any, manifest: Mapping[str, Any], formats: Mapping[str, Any]) -> None:
    """Files with their hashes, and where the expectation came from."""
    _plain(sheet, ("kind", "name", "sha256"), manifest["inputs"], formats)
    line = len(manifest["inputs"]) + 2
    for name, origin in manifest["expected_from"].items():
        for key, value in (origin or {}).items():
            sheet.write_string(line, 0, name)
            sheet.write_string(line, 1, key)
            sheet.write_string(line, 2, str(value))
            line += 1
