"""Rows of one entry: repeated, contradicting, split over files; facts, statuses and older headings."""

from __future__ import annotations

import datetime as dt
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from cape_engine.intake import csv_file

from .conftest import ES003, GOOD

EXTRA = ("Liquidation Status", "Liquidation Date", "Control Status", "Reconciliation Indicator", "Protest Status")


def hashes(result: Any) -> list[str]:
    """The content hashes of a store's partitions."""
    return [part["content_sha256"] for part in result.store.manifest["partitions"]]


def with_facts(*facts: tuple[str, ...]) -> list[tuple[str, ...]]:
    """The good rows with further cells."""
    return [(*row, *more) for row, more in zip(GOOD, facts, strict=True)]


def test_build_store__exact_duplicate(read: Callable[..., Any], export: Callable[..., Path]) -> None:
    """A repeated row is left out, with a finding that names both rows and files; the key is entry, line, ordinal."""
    first, second = export(name="a.csv"), export([GOOD[1], GOOD[2]], name="b.csv")
    result = read(first, second)
    assert hashes(result) == hashes(read(first))
    found = [row for row in result.found() if row["code"] == "ROW_DUPLICATE"]
    assert [(row["source"], row["row"], row["severity"]) for row in found] == [
        (str(second), 2, "warning"),
        (str(second), 3, "warning"),
    ]
    assert f"repeats row 3 of {first}" in found[0]["message"]
    assert "(entry ABC12345676, line 1, ordinal 2)" in found[0]["message"]


def test_build_store__equal_numbers_are_not_duplicates(read: Callable[..., Any], export: Callable[..., Path]) -> None:
    """The same number and amount on another ordinal or line is another row (fault 12 of the handbook's list)."""
    rows = [GOOD[2], (*GOOD[2][:6], "2", *GOOD[2][7:]), (GOOD[2][0], "2", *GOOD[2][2:])]
    result = read(export(rows))
    assert result.codes() == []
    assert len(result.table("tariffs")) == 3


@pytest.mark.parametrize(
    ("place", "cell", "column"),
    [
        (9, "301.00", "Line Tariff Duty Amount"),
        (7, "3923900081", "HTS Number - Full"),
        (8, "", "Line Tariff Goods Value Amount"),
    ],
)
def test_build_store__conflicting_rows(
    read: Callable[..., Any],
    export: Callable[..., Path],
    changed: Callable[..., Any],
    place: int,
    cell: str,
    column: str,
) -> None:
    """Two rows with one key and other contents refuse the entry; both rows, both files and the column are named."""
    first, second = export(name="a.csv"), export([changed(1, **{f"c{place}": cell})[1]], name="b.csv")
    result = read(first, second)
    finding = result.one("ROW_CONFLICT")
    assert (finding["source"], finding["row"], finding["column"]) == (str(second), 2, column)
    assert f"row 2 and row 3 of {first} are both line 1, ordinal 2 of entry ABC12345676" in finding["message"]
    assert result.refused() == ["ABC12345676"]
    assert [row["duty_cents"] for row in result.table("tariffs")] == [0]


def test_build_store__duplicate_fills_what_the_other_lacks(
    read: Callable[..., Any], export: Callable[..., Path]
) -> None:
    """Two exports of one entry with different columns complete each other."""
    header = (*ES003, "Line Tariff Quantity (1)", "Line Tariff UOM (1) Code", "Liquidation Status")
    rows = [
        (*row, amount, unit, "Liquidated")
        for row, amount, unit in zip(GOOD, ("", "7.5", "1"), ("", "KG", "NO"), strict=True)
    ]
    result = read(export(name="a.csv"), export(rows, header, name="b.csv"))
    assert set(result.codes()) == {"ROW_DUPLICATE"}
    assert [row.get("quantity_1_e2") for row in result.table("tariffs")] == [None, 750, 100]
    assert [row.get("uom_1") for row in result.table("tariffs")] == [None, "KG", "NO"]
    assert {row["liquidation_status"] for row in result.table("entries")} == {"Liquidated"}


@pytest.mark.parametrize(
    ("place", "cell", "column", "words"),
    [
        (4, "03/05/2025", "Entry Date", "says 2025-03-05 and row 2"),
        (2, "03", "Entry Type Code", "says 03 and row 2"),
        (3, "98-765432100", "Importer Number", "says 98-765432100 and row 2"),
    ],
)
def test_build_store__contradicting_facts(
    read: Callable[..., Any],
    export: Callable[..., Path],
    changed: Callable[..., Any],
    place: int,
    cell: str,
    column: str,
    words: str,
) -> None:
    """Rows, also of two files, that contradict each other about the entry refuse it, both rows named."""
    one = read(export(changed(1, **{f"c{place}": cell})))
    finding = one.one("FACT_CONFLICT")
    assert (finding["row"], finding["column"], finding["entry_number"]) == (3, column, "ABC12345676")
    assert words in finding["message"]
    assert one.refused() == ["ABC12345676"]
    rows = changed(1, **{f"c{place}": cell})
    two = read(export(rows[:1], name="a.csv"), export(rows[1:], name="b.csv"))
    assert str(two.store.sources[0].name) in two.one("FACT_CONFLICT")["message"]
    assert two.refused() == ["ABC12345676"]


def test_build_store__importer_spellings(
    read: Callable[..., Any], export: Callable[..., Path], changed: Callable[..., Any]
) -> None:
    """An importer number with and without dashes is the same (clarification 15); it is shown as first given."""
    result = read(export(changed(1, c3="12345678900")))
    assert result.codes() == []
    assert result.entry("ABC12345676")["importer_number"] == "12-345678900"


def test_build_store__contradicting_line_fact(
    read: Callable[..., Any], export: Callable[..., Path], changed: Callable[..., Any]
) -> None:
    """Two origins on one line refuse the entry; a blank one does not."""
    result = read(export(changed(1, c5="VN")))
    assert "says VN and row 2" in result.one("LINE_FACT_CONFLICT")["message"]
    assert result.refused() == ["ABC12345676"]
    assert read(export(changed(1, c5=""))).codes() == []


def test_build_store__column1_rate_of_the_base_number(read: Callable[..., Any], export: Callable[..., Path]) -> None:
    """The printed column 1 rate is that of the chapter 1-97 number, not of the chapter 99 number before it."""
    rows = with_facts(("The duty provided + 20%",), ("3%",), ("3%",))
    result = read(export(rows, (*ES003, "Column 1 Current Primary Duty Rate")))
    assert result.codes() == []
    assert [row["column1_rate_text"] for row in result.table("lines")] == ["3%", "3%"]


def test_build_store__statuses(read: Callable[..., Any], export: Callable[..., Path]) -> None:
    """Status words of reports become those of the schema; case and blanks do not matter; a blank one stays blank."""
    rows = with_facts(
        ("UNLIQ", "", "cbp", "n", ""), ("un liquidated", "", "CBP", "N", ""), ("", "", "FILER", "1", "Denied in full")
    )
    result = read(export(rows, (*ES003, *EXTRA)))
    assert result.codes() == []
    first, second = result.table("entries")
    assert (first["liquidation_status"], first["control_status"], first["protest_status"]) == (
        "Unliquidated",
        "CBP",
        "",
    )
    assert first["reconciliation_flag"] is False
    assert second["liquidation_status"] == ""
    assert (second["protest_status"], second["reconciliation_flag"]) == ("Denied", True)
    assert "liquidation_date" not in first
    assert {"liquidation_status", "liquidation_date", "control_status"} <= result.store.facts_given


def test_build_store__unknown_status(read: Callable[..., Any], export: Callable[..., Path]) -> None:
    """An unknown status or flag is a warning that names the known words; the fact stays unknown."""
    rows = with_facts(*[("Somehow", "04/01/2026", "CBP", "maybe", "")] * 3)
    result = read(export(rows, (*ES003, *EXTRA)))
    assert result.codes() == ["WORD_UNKNOWN"] * 6
    assert {row["remedy"] for row in result.found()} == {
        "Use one of: Unliquidated, Liquidated, Reliquidated, Extended, Suspended, Under Review, Open, Closed.",
        "Use one of: Y, N.",
    }
    assert not {"liquidation_status", "reconciliation_flag"} & set(result.entry("ABC12345676"))
    assert result.entry("ABC12345676")["liquidation_date"] == dt.date(2026, 4, 1)


def older(value: str, duty: str) -> tuple[str, ...]:
    """The report's headings with older names for the amounts."""
    return (*ES003[:8], value, duty)


def test_build_store__repeated_line_value(
    read: Callable[..., Any], export: Callable[..., Path], changed: Callable[..., Any]
) -> None:
    """A line value that stands on every row counts once, on the chapter 1-97 number."""
    result = read(export(changed(0, c8="$10,000.00"), older("Line Goods Value Amount", "Line Tariff Amount")))
    assert [row["value_dollars"] for row in result.table("tariffs")] == [0, 10_000, 500]
    assert result.one("LINE_VALUE_REPEATED")["column"] == "Line Goods Value Amount"
    assert result.codes() == ["LINE_VALUE_REPEATED"]


def test_build_store__line_value_not_repeated(read: Callable[..., Any], export: Callable[..., Path]) -> None:
    """Under the older heading, a value on one number of the line is the number's own: nothing is changed."""
    result = read(export(GOOD, older("Line Goods Value Amount", "Line Duty Amount")))
    assert [row["value_dollars"] for row in result.table("tariffs")] == [0, 10_000, 500]
    assert result.codes() == []


def test_build_store__repeated_line_duty(
    read: Callable[..., Any], export: Callable[..., Path], changed: Callable[..., Any]
) -> None:
    """A line duty that stands on every row cannot be split: the entry is refused."""
    result = read(export(changed(0, c9="$300.00"), older("Line Tariff Goods Value Amount", "Line Duty Amount")))
    assert result.one("LINE_DUTY_REPEATED")["entry_number"] == "ABC12345676"
    assert result.refused() == ["ABC12345676"]


def test_build_store__repeated_value_on_two_base_numbers(
    read: Callable[..., Any], export: Callable[..., Path], changed: Callable[..., Any]
) -> None:
    """A repeated value that two chapter 1-97 numbers could hold refuses the entry."""
    rows = changed(0, c8="$10,000.00", c7="3923900079")
    result = read(export(rows, older("Line Goods Value Amount", "Line Tariff Amount")))
    assert result.refused() == ["ABC12345676"]
    assert "LINE_VALUE_SPLIT_UNKNOWN" in result.codes()


def test_build_store__partitions(read: Callable[..., Any], export: Callable[..., Path]) -> None:
    """Entries are whole, sorted, and cut where the lines are full; the contents do not depend on the cut."""
    numbers = [f"ABC{place:07d}0" for place in range(40)]
    rows = [
        (number, str(line), "01", "12-345678900", "03/01/2025", "CN", "1", "3923900080", str(line), "1.00")
        for place, number in enumerate(numbers)
        for line in range(1, place % 5 + 1)
    ]
    random.Random(7).shuffle(rows)
    whole = read(export(rows, name="a.csv"), changes={"claim.check_digit": "off"})
    parts = read(export(rows, name="b.csv"), changes={"claim.check_digit": "off"}, partition_lines=9)
    assert len(whole.store.partitions) == 1
    assert len(parts.store.partitions) > 5
    for name in ("entries", "lines", "tariffs"):
        assert parts.table(name) == whole.table(name)
    assert [row["entry_number"] for row in parts.table("entries")] == [
        n for place, n in enumerate(numbers) if place % 5
    ]
    for part in parts.store.manifest["partitions"]:
        assert part["lines"] <= 9 + 4


@pytest.mark.parametrize(("bytes_", "records"), [(100, 1000), (1 << 20, 3), (1, 1)])
def test_build_store__parts_of_a_file(
    read: Callable[..., Any],
    export: Callable[..., Path],
    monkeypatch: pytest.MonkeyPatch,
    bytes_: int,
    records: int,
) -> None:
    """However a text file is cut into parts, contents and row numbers are the same."""
    path = export([row for line in range(1, 20) for row in [(GOOD[2][0], str(line), *GOOD[2][2:])]], title="x\n\n")
    whole = read(path)
    monkeypatch.setattr(csv_file, "_BLOCK_BYTES", bytes_)
    monkeypatch.setattr(csv_file, "_BLOCK_RECORDS", records)
    parts = read(path)
    assert parts.codes() == whole.codes() == []
    assert parts.table("tariffs") == whole.table("tariffs")
    assert [row["source_row"] for row in parts.table("tariffs")] == list(range(4, 23))


def test_build_store__only_entry(read: Callable[..., Any], export: Callable[..., Path]) -> None:
    """One entry alone, in any spelling."""
    result = read(export(), only_entry="xyz-0000001-5")
    assert [row["entry_number"] for row in result.table("entries")] == ["XYZ00000015"]
    assert len(result.table("tariffs")) == 1
