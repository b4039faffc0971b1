"""Export: a store as plain rows, which come back as the same store."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pyarrow.csv as pacsv
import pyarrow.parquet as pq
import pytest

from cape_engine import intake
from cape_engine.errors import OutputError, UsageError
from cape_engine.intake import export as export_module
from cape_engine.rules import Ruleset

from .conftest import ES003, GOOD, Read

HEADER = (
    *ES003,
    "Line Tariff Quantity (1)",
    "Line Tariff UOM (1) Code",
    "Liquidation Status",
    "Reconciliation Indicator",
    "Liquidation Date",
)
ROWS = [
    (*row, quantity, "KG", status, "N", "04/01/2026")
    for row, quantity, status in zip(GOOD, ("", "7.25", "0.1"), ("", "", "Liquidated"), strict=True)
]


def contents(result: Any) -> list[str]:
    """The content hashes of the partitions."""
    return [part["content_sha256"] for part in result.store.manifest["partitions"]]


@pytest.mark.parametrize("layout", ["canonical", "es003"])
@pytest.mark.parametrize("form", ["parquet", "csv"])
@pytest.mark.parametrize("batch", [1, 1 << 18])
def test_export_store__comes_back(
    read: Callable[..., Read],
    export: Callable[..., Path],
    tmp_path: Path,
    ruleset: Ruleset,
    monkeypatch: pytest.MonkeyPatch,
    form: str,
    layout: str,
    batch: int,
) -> None:
    """Rows exported and imported again are the same store, in either form and layout."""
    monkeypatch.setattr(export_module, "_BATCH_ROWS", batch)
    first = read(export(ROWS, HEADER), partition_lines=1)
    counts = intake.export_store(first.store, tmp_path / "out", form=form, layout=layout, ruleset=ruleset)
    assert counts == {f"rows.{form}": 3, f"entries.{form}": 2}
    second = read(tmp_path / "out" / f"rows.{form}", partition_lines=1)
    assert second.codes() == []
    assert contents(second) == contents(first)
    assert {item.name for item in (tmp_path / "out").iterdir()} == set(counts)


def test_export_store__cells(
    read: Callable[..., Read], export: Callable[..., Path], tmp_path: Path, ruleset: Ruleset
) -> None:
    """Cells are what another program expects: text, whole cents, exact decimals, dates and yes or no."""
    intake.export_store(read(export(ROWS, HEADER)).store, tmp_path, ruleset=ruleset)
    rows = pq.read_table(tmp_path / "rows.parquet").to_pylist()
    assert rows[1] == {
        "entry_number": "ABC12345676",
        "importer_number": "12-345678900",
        "filer_code": "ABC",
        "entry_type": "01",
        "entry_date": dt.date(2025, 3, 1),
        "liquidation_status": "",
        "liquidation_date": dt.date(2026, 4, 1),
        "reconciliation_flag": False,
        "line_number": 1,
        "country_of_origin": "CN",
        "ordinal": 2,
        "hts_number": "3923900080",
        "value_dollars": 10_000,
        "duty_cents": 30_000,
        "quantity_1": Decimal("7.25"),
        "uom_1": "KG",
    }
    found = duckdb.connect().execute(f"select sum(duty_cents)::bigint from '{tmp_path / 'rows.parquet'}'").fetchall()
    assert found == [(230_000,)]


def test_export_store__es003_amounts(
    read: Callable[..., Read], export: Callable[..., Path], tmp_path: Path, ruleset: Ruleset
) -> None:
    """In the layout of the report duty is in dollars, under the report's headings."""
    intake.export_store(read(export(ROWS, HEADER)).store, tmp_path, form="csv", layout="es003", ruleset=ruleset)
    table = pacsv.read_csv(tmp_path / "rows.csv")
    assert table.column("Line Tariff Duty Amount").to_pylist() == [2000.0, 300.0, 0.0]
    assert set(table.column_names) <= {*HEADER}


def test_export_store__refused_entries(
    read: Callable[..., Read],
    export: Callable[..., Path],
    changed: Callable[..., Any],
    tmp_path: Path,
    ruleset: Ruleset,
) -> None:
    """A refused entry has no rows; it stands among the entries, marked."""
    intake.export_store(read(export(changed(2, c9="nonsense"))).store, tmp_path, ruleset=ruleset)
    entries = pq.read_table(tmp_path / "entries.parquet").to_pylist()
    assert [(row["entry_number"], row["input_refused"]) for row in entries] == [
        ("ABC12345676", False),
        ("XYZ00000015", True),
    ]
    assert set(pq.read_table(tmp_path / "rows.parquet").column("entry_number").to_pylist()) == {"ABC12345676"}


def test_export_store__cannot(
    read: Callable[..., Read], export: Callable[..., Path], tmp_path: Path, ruleset: Ruleset
) -> None:
    """An unknown form is a usage error; a folder that cannot be made an output error; nothing half-written stays."""
    store = read(export()).store
    with pytest.raises(UsageError, match="parquet or csv"):
        intake.export_store(store, tmp_path, form="xml", ruleset=ruleset)
    (tmp_path / "file").write_text("x", encoding="utf-8")
    with pytest.raises(OutputError, match="cannot be written"):
        intake.export_store(store, tmp_path / "file", ruleset=ruleset)
