"""Bad cells: each is a finding with file, row, column, value and remedy; its entry is refused and the others stand."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

ENTRY, LINE, KIND, DAY, COUNTRY, ORDINAL, HTS, VALUE, DUTY = 0, 1, 2, 4, 5, 6, 7, 8, 9

REFUSING = [
    (DUTY, "-5", "CELL_NEGATIVE", "negative amount -5"),
    (DUTY, "($5.00)", "CELL_NEGATIVE", "negative amount"),
    (DUTY, "", "CELL_BLANK", "Line Tariff Duty Amount is blank"),
    (DUTY, "NaN", "CELL_NOT_A_NUMBER", "not a plain number"),
    (DUTY, "1E+05", "CELL_NOT_A_NUMBER", "not a plain number"),
    (DUTY, "1,23", "CELL_NOT_A_NUMBER", "not a plain number"),
    (DUTY, "12.345", "CELL_DECIMALS", "more decimals than cents"),
    (DUTY, "$100,000,000.00", "CELL_OUT_OF_BOUNDS", "outside 0 to 99999999.99"),
    (DUTY, "#REF!", "CELL_NOT_A_NUMBER", "#REF!"),
    (VALUE, "-1", "CELL_NEGATIVE", "negative amount -1"),
    (VALUE, "FREE", "CELL_NOT_A_NUMBER", "not a plain number"),
    (VALUE, "99999999999", "CELL_OUT_OF_BOUNDS", "outside 0 to 9999999999"),
    (HTS, "3923A00080", "HTS_UNREADABLE", "8 or 10 digits"),
    (HTS, "392390008", "HTS_UNREADABLE", "8 or 10 digits"),
    (HTS, "", "CELL_BLANK", "HTS Number - Full is blank"),
    (LINE, "0", "CELL_OUT_OF_BOUNDS", "outside 1 to 99999"),
    (LINE, "x", "CELL_NOT_A_NUMBER", "not a plain number"),
    (ORDINAL, "", "CELL_BLANK", "Tariff Ordinal Number is blank"),
    (ORDINAL, "1000", "CELL_OUT_OF_BOUNDS", "outside 1 to 999"),
    (DAY, "02/30/2025", "DATE_IMPOSSIBLE", "does not exist"),
    (DAY, "25/12/2025", "DATE_IMPOSSIBLE", "does not exist"),
    (DAY, "soon", "DATE_UNREADABLE", "not a date"),
    (DAY, "2025-03-01 14:30:00", "DATE_WITH_TIME", "another day"),
    (COUNTRY, "#N/A", "CELL_ERROR", "spreadsheet error"),
]


@pytest.mark.parametrize(("place", "cell", "code", "words"), REFUSING)
def test_build_store__bad_cell_refuses_its_entry(
    read: Callable[..., Any],
    export: Callable[..., Path],
    changed: Callable[..., Any],
    place: int,
    cell: str,
    code: str,
    words: str,
) -> None:
    """The finding names file, row, column, value and remedy; the entry keeps its facts and has no lines."""
    path = export(changed(2, **{f"c{place}": cell}))
    result = read(path)
    finding = result.one(code)
    assert (finding["source"], finding["row"], finding["entry_number"]) == (str(path), 4, "XYZ00000015")
    assert finding["value"] == cell
    assert finding["column"] in finding["message"]
    assert words in finding["message"]
    assert finding["severity"] == "error"
    assert finding["remedy"]
    assert result.refused() == ["XYZ00000015"]
    assert result.entry("XYZ00000015")["line_count"] == 0
    assert result.entry("XYZ00000015")["entry_type"] == "01"
    assert [row["duty_cents"] for row in result.table("tariffs")] == [200000, 30000]


@pytest.mark.parametrize(
    ("place", "cell", "code", "severity", "tariff"),
    [
        (VALUE, "", "VALUE_BLANK", "warning", {"duty_cents": 0}),
        (VALUE, "$10,000.50", "VALUE_ROUNDED", "info", {"value_dollars": 10001, "duty_cents": 0}),
        (VALUE, "10000.49", "VALUE_ROUNDED", "info", {"value_dollars": 10000, "duty_cents": 0}),
        (COUNTRY, "China", "WORD_UNKNOWN", "warning", {"value_dollars": 500, "duty_cents": 0}),
        (KIND, "1A", "WORD_UNKNOWN", "warning", {"value_dollars": 500, "duty_cents": 0}),
    ],
)
def test_build_store__odd_cell_keeps_its_entry(
    read: Callable[..., Any],
    export: Callable[..., Path],
    changed: Callable[..., Any],
    place: int,
    cell: str,
    code: str,
    severity: str,
    tariff: dict[str, int],
) -> None:
    """A blank value stays unknown (never zero), cents in a value are rounded half up, unknown words stay unknown."""
    result = read(export(changed(2, **{f"c{place}": cell})))
    assert result.one(code)["severity"] == severity
    assert result.refused() == []
    last = result.table("tariffs")[-1]
    assert {name: last[name] for name in ("value_dollars", "duty_cents") if name in last} == tariff


def test_build_store__quantity_rounded(read: Callable[..., Any], export: Callable[..., Path]) -> None:
    """Two decimals of a quantity are exact; a third is rounded half up and said."""
    header = (
        "entry_number",
        "line_number",
        "ordinal",
        "hts_number",
        "value_dollars",
        "duty_cents",
        "quantity_1",
        "uom_1",
    )
    rows = [
        ("ABC12345676", "1", "1", "3923900080", "100", "100", "12.34", "kg"),
        ("ABC12345676", "2", "1", "3923900080", "100", "100", "12.345", "KG"),
        ("ABC12345676", "3", "1", "3923900080", "100", "100", "", ""),
    ]
    result = read(export(rows, header))
    assert [row.get("quantity_1_e2") for row in result.table("tariffs")] == [1234, 1235, None]
    assert [row.get("uom_1") for row in result.table("tariffs")] == ["KG", "KG", None]
    assert result.codes() == ["QUANTITY_ROUNDED"]


@pytest.mark.parametrize("cell", ["ABC1234567", "ABC-1234567-67", "ABC12345.76", "", "12345"])
def test_build_store__unreadable_entry_number(
    read: Callable[..., Any], export: Callable[..., Path], changed: Callable[..., Any], cell: str
) -> None:
    """A row without a readable entry number is dropped with a finding; there is no entry to refuse."""
    result = read(export(changed(2, c0=cell)))
    finding = result.one("ENTRY_NUMBER_UNREADABLE")
    assert (finding["row"], finding["severity"], finding["value"]) == (4, "error", cell)
    assert [row["entry_number"] for row in result.table("entries")] == ["ABC12345676"]
    assert result.refused() == []


@pytest.mark.parametrize(
    ("policy", "code", "refused"),
    [("warn", "ENTRY_CHECK_DIGIT", []), ("off", "", []), ("reject", "ENTRY_CHECK_DIGIT_REFUSED", ["XYZ00000016"])],
)
def test_build_store__check_digit(
    read: Callable[..., Any],
    export: Callable[..., Path],
    changed: Callable[..., Any],
    policy: str,
    code: str,
    refused: list[str],
) -> None:
    """A wrong check digit is a warning by default (CBP may add to it); the setting makes it nothing or a refusal."""
    result = read(export(changed(2, c0="XYZ00000016")), changes={"claim.check_digit": policy})
    assert result.codes() == ([code] if code else [])
    assert result.refused() == refused
    if code:
        assert "should be 5" in result.one(code)["message"]


@pytest.mark.parametrize(
    ("count", "codes", "refused"),
    [
        (16, [], []),
        (17, ["LINE_TARIFFS_MANY"], []),
        (32, ["LINE_TARIFFS_MANY"], []),
        (33, ["LINE_TARIFFS_TOO_MANY"], ["XYZ00000015"]),
    ],
)
def test_build_store__numbers_on_a_line(
    read: Callable[..., Any], export: Callable[..., Path], count: int, codes: list[str], refused: list[str]
) -> None:
    """Up to 16 numbers are usual, up to 32 mentioned, 33 refuse the entry."""
    rows = [
        ("XYZ00000015", "1", "01", "12-345678900", "03/02/2025", "VN", str(place), "99030124", "0", "1.00")
        for place in range(1, count + 1)
    ]
    result = read(export(rows))
    assert result.codes() == codes
    assert result.refused() == refused
    assert len(result.table("tariffs")) == (0 if refused else count)


def test_build_store__more_than_the_setting(read: Callable[..., Any], export: Callable[..., Path]) -> None:
    """The limit is a setting."""
    result = read(export(), changes={"mass.max_tariffs_per_line": 1})
    finding = result.one("LINE_TARIFFS_TOO_MANY")
    assert finding["entry_number"] == "ABC12345676"
    assert "has 2 tariff numbers, more than 1" in finding["message"]
