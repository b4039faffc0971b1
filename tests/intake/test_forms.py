"""Every form of the same export gives the same store: CSV in its dialects, workbooks, Parquet in any types."""

from __future__ import annotations

import datetime as dt
import decimal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import openpyxl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import xlsxwriter

from .conftest import ES003, GOOD, csv_text

CANONICAL = (
    "entry_number",
    "line_number",
    "entry_type",
    "importer_number",
    "entry_date",
    "country_of_origin",
    "ordinal",
    "hts_number",
    "value_dollars",
    "duty_cents",
)


def hashes(result: Any) -> list[str]:
    """The content hashes of a store's partitions."""
    return [part["content_sha256"] for part in result.store.manifest["partitions"]]


@pytest.fixture
def plain(read: Callable[..., Any], export: Callable[..., Path]) -> list[str]:
    """The content hashes of the good rows as a plain CSV."""
    return hashes(read(export(name="plain.csv")))


def spelled() -> list[tuple[str, ...]]:
    """The good rows as other programs spell them."""
    return [
        ('="ABC12345676"', "001", "1", "12-345678900", "2025-03-01", "cn", "01", "9903.01.24", "0", "2000"),
        ("abc-1234567-6", "1", "01", "12-345678900", "3/1/2025", "CN", "2", "3923.90.00.80", "10,000", " $300.0 "),
        ('=""XYZ00000015""', "1", '="01"', "12-345678900", "03/02/2025", "VN ", "1", "3923900080", "$ 500.00", "free"),
    ]


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_build_store__dialects(
    read: Callable[..., Any], export: Callable[..., Path], plain: list[str], delimiter: str
) -> None:
    """Delimiter, title rows, spellings of numbers, dates and entry numbers do not change the store."""
    result = read(export(spelled(), title="sep=;\nES-003 report\n\n", delimiter=delimiter))
    assert result.codes() == []
    assert hashes(result) == plain


def test_build_store__unquoted_guards_and_crlf(read: Callable[..., Any], tmp_path: Path, plain: list[str]) -> None:
    """Guards without outer quotes, CRLF, blank rows and heading case do not change the store."""
    lines = [",".join(name.upper() for name in ES003), ""]
    lines += [
        ",".join(f'="{cell}"' if place in (0, 7) else cell.replace(",", "") for place, cell in enumerate(row))
        for row in GOOD
    ]
    path = tmp_path / "export.csv"
    path.write_bytes("\r\n".join(lines).encode())
    result = read(path)
    assert hashes(result) == plain
    assert [row["source_row"] for row in result.table("tariffs")] == [3, 4, 5]


def test_build_store__shuffled_and_split(
    read: Callable[..., Any], export: Callable[..., Path], plain: list[str]
) -> None:
    """Rows in any order, in one file or two, give the same content; rows remember where they stood."""
    result = read(export([GOOD[2], GOOD[1]], name="a.csv"), export(GOOD[:1], name="b.csv"))
    assert hashes(result) == plain
    assert [(row["source_idx"], row["source_row"]) for row in result.table("tariffs")] == [(1, 2), (0, 3), (0, 2)]


def test_build_store__canonical_names(read: Callable[..., Any], export: Callable[..., Path], plain: list[str]) -> None:
    """Our own names with cents give the same store as the report's with dollars."""
    cents = ["200000", "30000", "0"]
    result = read(export([(*row[:-1], amount) for row, amount in zip(GOOD, cents, strict=True)], CANONICAL))
    assert hashes(result) == plain
    assert result.store.sources[0].kind == "canonical csv"


def test_build_store__row_numbers(read: Callable[..., Any], tmp_path: Path) -> None:
    """Rows are counted as an editor counts them: titles, headings, blank rows and cells of several lines included."""
    header = csv_text([], (*ES003, "Filer Name"))
    first = csv_text([(*GOOD[0], "two\nlines")], ES003).split("\n", 1)[1]
    second = csv_text([(*GOOD[2], "x")], ES003).split("\n", 1)[1]
    path = tmp_path / "export.csv"
    path.write_text(f"Title\n\n{header}\n{first}\n,,,,,,,,,,\n{second}")
    result = read(path)
    assert [row["source_row"] for row in result.table("tariffs")] == [5, 9]
    assert result.codes() == []


def sheet(path: Path, *, real: bool, sheets: tuple[str, ...] = ("Parameters", "Main Report")) -> Path:
    """The good rows as a workbook with title rows; `real` numbers and dates instead of text."""
    with xlsxwriter.Workbook(path) as book:
        day = book.add_format({"num_format": "mm/dd/yyyy"})
        for name in sheets:
            page = book.add_worksheet(name)
            page.write(1, 0, "Entry Summary Line Tariff Details")
            if name == sheets[0] and len(sheets) > 1:
                continue
            page.write_row(3, 0, ES003)
            for number, row in enumerate(GOOD):
                for place, cell in enumerate(row):
                    if real and place == 4:
                        month, date, year = (int(part) for part in cell.split("/"))
                        page.write_datetime(5 + number, place, dt.date(year, month, date), day)
                    elif real and place in (1, 2, 6, 7) and not cell.startswith("0101"):
                        page.write_number(5 + number, place, int(cell))
                    elif real and place in (8, 9) and cell != "FREE":
                        page.write_number(5 + number, place, float(cell.replace("$", "").replace(",", "")))
                    else:
                        page.write_string(5 + number, place, cell)
    return path


@pytest.mark.parametrize("real", [True, False])
@pytest.mark.parametrize(
    "sheets", [("Parameters", "Main Report"), ("Parameters", "ES-003"), ("x", "Report"), ("Export",)]
)
def test_build_store__workbook(
    read: Callable[..., Any],
    tmp_path: Path,
    plain: list[str],
    real: bool,
    sheets: tuple[str, ...],
) -> None:
    """The right sheet, title rows, text or real numbers and dates give the same store; rows as the sheet shows them."""
    result = read(sheet(tmp_path / "export.xlsx", real=real, sheets=sheets))
    assert result.codes() == []
    assert hashes(result) == plain
    assert [row["source_row"] for row in result.table("tariffs")] == [6, 7, 8]


def test_build_store__workbook_float_noise(read: Callable[..., Any], tmp_path: Path) -> None:
    """A sheet carries 15 digits: 0.1 + 0.2 is 0.30, 1.005 x 1000 is 1005, and large amounts keep their cents."""
    book = openpyxl.Workbook()
    page = book.active
    page.append(ES003)
    page.append([*GOOD[0][:8], 1.005 * 1000, 0.1 + 0.2])
    page.append([*GOOD[1][:8], 500, 4.35 * 100])
    page.append([*GOOD[2][:8], 85500264, 85500264.29000001])
    book.save(tmp_path / "export.xlsx")
    result = read(tmp_path / "export.xlsx")
    assert [(row["value_dollars"], row["duty_cents"]) for row in result.table("tariffs")] == [
        (1005, 30),
        (500, 43500),
        (85500264, 8_550_026_429),
    ]
    assert result.codes() == []


def test_build_store__workbook_formula_error(read: Callable[..., Any], tmp_path: Path) -> None:
    """A failed formula is a finding, in a number as in a word, never a blank."""
    with xlsxwriter.Workbook(tmp_path / "export.xlsx") as book:
        page = book.add_worksheet()
        page.write_row(0, 0, ES003)
        for number, row in enumerate(GOOD):
            page.write_row(number + 1, 0, row)
        page.write_formula(2, 9, "=1/0", None, "#DIV/0!")
        page.write_formula(3, 5, "=NA()", None, "#N/A")
    result = read(tmp_path / "export.xlsx")
    assert result.one("CELL_NOT_A_NUMBER")["value"] == "#DIV/0!"
    assert (result.one("CELL_ERROR")["row"], result.one("CELL_ERROR")["value"]) == (4, "#N/A")
    assert result.refused() == ["ABC12345676", "XYZ00000015"]


def columns(names: tuple[str, ...] = CANONICAL) -> dict[str, list[Any]]:
    """The good rows as columns of Python values."""
    days = [dt.date(2025, 3, 1), dt.date(2025, 3, 1), dt.date(2025, 3, 2)]
    found: list[list[Any]] = [[row[place] for row in GOOD] for place in range(len(names))]
    found[1], found[4], found[6] = [1, 1, 1], days, [1, 2, 1]
    found[8], found[9] = [0, 10_000, 500], [200_000, 30_000, 0]
    return dict(zip(names, found, strict=True))


PARQUET: list[dict[str, pa.DataType]] = [
    {},
    {name: pa.large_string() for name in ("entry_number", "hts_number", "entry_type")},
    {name: pa.dictionary(pa.int8(), pa.string()) for name in ("entry_number", "hts_number", "country_of_origin")},
    {"line_number": pa.int16(), "ordinal": pa.uint8(), "value_dollars": pa.float64(), "duty_cents": pa.int32()},
    {"value_dollars": pa.decimal128(25, 4), "duty_cents": pa.decimal128(19, 0), "line_number": pa.float32()},
    {"entry_date": pa.timestamp("us")},
    {"entry_date": pa.date64()},
]


@pytest.mark.parametrize("types", PARQUET)
def test_build_store__parquet_types(
    read: Callable[..., Any], tmp_path: Path, plain: list[str], types: dict[str, pa.DataType]
) -> None:
    """Any sensible Parquet type gives the same store."""
    arrays = {name: pa.array(values).cast(types.get(name, pa.array(values).type)) for name, values in columns().items()}
    pq.write_table(pa.table(arrays), tmp_path / "export.parquet", row_group_size=2)
    result = read(tmp_path / "export.parquet")
    assert result.codes() == []
    assert hashes(result) == plain
    assert [row["source_row"] for row in result.table("tariffs")] == [1, 2, 3]


def test_build_store__parquet_report_names(read: Callable[..., Any], tmp_path: Path, plain: list[str]) -> None:
    """Parquet with the report's names and text or decimal dollars gives the same store."""
    values = columns(ES003)
    values["Line Tariff Duty Amount"] = [
        decimal.Decimal("2000.0000"),
        decimal.Decimal("300.0000"),
        decimal.Decimal("0.0000"),
    ]
    pq.write_table(pa.table(values), tmp_path / "export.parquet")
    result = read(tmp_path / "export.parquet")
    assert result.codes() == []
    assert hashes(result) == plain


def test_build_store__parquet_bad_values(read: Callable[..., Any], tmp_path: Path) -> None:
    """Typed columns are as strict as text: nulls, negatives, NaN and values beyond the bounds are findings."""
    values = columns()
    values["duty_cents"] = [None, -1, 10**15]
    values["value_dollars"] = [float("nan"), 0.1 + 0.2, 500.0]
    pq.write_table(pa.table(values), tmp_path / "export.parquet")
    result = read(tmp_path / "export.parquet")
    assert result.codes() == [
        "CELL_BLANK",
        "CELL_NEGATIVE",
        "CELL_NOT_A_NUMBER",
        "CELL_OUT_OF_BOUNDS",
        "VALUE_ROUNDED",
    ]
    assert result.refused() == ["ABC12345676", "XYZ00000015"]


def test_build_store__parquet_nested(read: Callable[..., Any], export: Callable[..., Path], tmp_path: Path) -> None:
    """A column of lists holds no cells: the file is named and the other one is read."""
    values = columns()
    values["duty_cents"] = [[1], [2], [3]]
    pq.write_table(pa.table(values), tmp_path / "export.parquet")
    result = read(export(), tmp_path / "export.parquet")
    assert "column duty_cents is of type list" in result.one("FILE_COLUMN_TYPE")["message"]
