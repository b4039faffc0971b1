"""Tables as an Excel workbook: dollars with two decimals, dates as dates; the same tables give the same bytes."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from pathlib import Path

import pyarrow as pa

MOST_ROWS = 1_048_575
"""Rows of a sheet below its heading."""
_CREATED = dt.datetime(2026, 1, 1)  # noqa: DTZ001 - a workbook has no zone, and a file no clock
_WIDTHS = {"cents": 16, "date": 12}


def write_workbook(path: Path, sheets: Mapping[str, pa.Table]) -> None:
    """Write tables as sheets.

    Columns whose names end in `_cents` are shown as dollars: a double holds cents exactly up to 90 trillion dollars.

    Args:
        path: of the file.
        sheets: by name, at most `MOST_ROWS` rows each.

    Raises:
        OSError: the file cannot be written.
    """
    import xlsxwriter  # noqa: PLC0415 - nobody who writes no workbook pays for it

    book = xlsxwriter.Workbook(path, {"constant_memory": True, "strings_to_formulas": False, "strings_to_urls": False})
    book.set_properties({"created": _CREATED})
    bold = book.add_format({"bold": True, "text_wrap": True, "valign": "top"})
    dollars, day = book.add_format({"num_format": "#,##0.00"}), book.add_format({"num_format": "yyyy-mm-dd"})
    for name, table in sheets.items():
        sheet = book.add_worksheet(name)
        sheet.freeze_panes(1, 0)
        columns = []
        for place, field in enumerate(table.schema):
            money = str(field.name).endswith("_cents")
            sheet.set_column(place, place, _WIDTHS["cents" if money else "date"] if money or _is_day(field) else 18)
            sheet.write_string(0, place, field.name.removesuffix("_cents").replace("_", " "), bold)
            columns.append((table.column(field.name).to_pylist(), money))
        for row, cells in enumerate(zip(*(values for values, _ in columns), strict=True), 1):
            for place, value in enumerate(cells):
                if value is None:
                    continue
                if columns[place][1]:
                    sheet.write_number(row, place, value / 100, dollars)
                elif isinstance(value, dt.date):
                    sheet.write_datetime(row, place, dt.datetime.combine(value, dt.time()), day)
                elif isinstance(value, int | float):
                    sheet.write_number(row, place, value)
                else:
                    sheet.write_string(row, place, str(value))
    book.close()


def _is_day(field: pa.Field) -> bool:
    """Whether a column holds days."""
    return bool(pa.types.is_date(field.type))
