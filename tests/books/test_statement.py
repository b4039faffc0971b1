"""Statements: every entry once, totals that tie to the refunds to the cent, pages and workbooks by importer."""

from __future__ import annotations

import datetime as dt
import json
import shutil
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

import cape_engine
from cape_engine import cli
from cape_engine.dates import day_number
from cape_engine.ledger import Ledger
from cape_engine.pipeline.books.stating import rates_in_words
from cape_engine.refund.rates import interest_table
from cape_engine.rules import load
from living.made import Made, accepted, accepted_numbers

_D01 = (dt.date(2025, 3, 14), dt.date(2026, 5, 8))


def test_statement__ties_to_refunds(run: Made, tmp_path: Path) -> None:
    """Entries by recipient and day are the refunds of the run; importers add up to all of them."""
    result = cape_engine.statement(results=run.results, deposits=run.beside["deposits"], out=tmp_path)
    assert result.exit_code == 0
    sums: dict[tuple[str, object], list[int]] = {}
    for row in result.table("entries").to_pylist():
        if row["payment_id"] is not None:
            total = sums.setdefault((row["recipient"], row["liquidation_date"]), [0, 0, 0])
            for place, cents in enumerate((1, row["principal_cents"], row["interest_cents"] or 0)):
                total[place] += cents
    refunds = pq.read_table(run.results / "refunds.parquet").to_pylist()
    assert sums == {
        (row["recipient"], row["liquidation_date"]): [
            row["entries"], row["principal_cents"], row["interest_cents"] or 0
        ]
        for row in refunds
    }  # fmt: skip
    importers = result.table("importers")
    assert pc.sum(importers.column("amount_cents")).as_py() == sum(row["amount_cents"] for row in refunds)
    accepted_ = pq.read_table(run.results / "entries.parquet").filter(pc.field("disposition") == "accepted")
    owed = accepted_.filter(pc.field("principal_cents") > 0)
    assert result.table("entries").num_rows == owed.num_rows
    assert pc.sum(importers.column("principal_cents")).as_py() == pc.sum(owed.column("principal_cents")).as_py()


def test_statement__a_cent_that_does_not_tie(run: Made, tmp_path: Path) -> None:
    """A refund that is a cent more than its entries is an error with recipient, day and both sums."""
    copy = tmp_path / "results"
    shutil.copytree(run.results, copy)
    refunds = pq.read_table(copy / "refunds.parquet")
    cents = refunds.column("amount_cents").to_pylist()
    cents[3] += 1
    place = refunds.column_names.index("amount_cents")
    pq.write_table(refunds.set_column(place, "amount_cents", pa.array(cents)), copy / "refunds.parquet")
    result = cape_engine.statement(results=copy, deposits=run.beside["deposits"])
    (found,) = result.table("findings").to_pylist()
    assert (found["code"], found["severity"]) == ("STATEMENT_NOT_TIED", "error")
    assert refunds.column("recipient")[3].as_py() in found["message"]
    assert result.exit_code == 1


def test_statement__pages(run: Made, tmp_path: Path) -> None:
    """One page and one workbook an importer; only those that are named, in any spelling."""
    whole = cape_engine.statement(results=run.results, deposits=run.beside["deposits"])
    largest = max(whole.table("importers").to_pylist(), key=lambda row: row["position_entries"])
    number = largest["importer_number"]
    result = cape_engine.statement(
        results=run.results,
        deposits=run.beside["deposits"],
        importers=[number.replace("-", "").lower(), "00-000000000"],
        out=tmp_path,
    )
    assert [row["importer_number"] for row in result.table("importers").to_pylist()] == [number]
    assert result.table("entries").num_rows == largest["position_entries"]
    assert [row["code"] for row in result.table("findings").to_pylist()] == ["STATEMENT_NOBODY"]
    page = (tmp_path / f"statement-{number}.html").read_text()
    for row in result.table("entries").to_pylist():
        assert row["entry_number"] in page
    assert f"{largest['amount_cents'] // 100:,}" in page
    assert (tmp_path / f"statement-{number}.xlsx").exists()
    assert len(list(tmp_path.glob("*.html"))) == 1


def test_statement__of_a_ledger(run: Made, tmp_path: Path) -> None:
    """A ledger's entries tie to its refunds, and settled entries are as the run planned them."""
    place = tmp_path / "l"
    with Ledger.open(place) as ledger:
        accepted(ledger, accepted_numbers(pq.read_table(run.results / "entries.parquet")))
    cape_engine.schedule(run.results, run.store, ledger=place, **run.beside)
    cape_engine.advance(ledger=place, to="2026-12-31")
    mine = cape_engine.statement(ledger=place)
    theirs = cape_engine.statement(results=run.results, deposits=run.beside["deposits"])
    assert mine.exit_code == 0
    names = ("entry_number", "liquidation_date", "principal_cents", "interest_cents", "interest_from", "interest_rates")

    def dated(result: cape_engine.BooksResult) -> list[tuple[object, ...]]:
        rows = result.table("entries").to_pylist()
        return sorted(tuple(row[name] for name in names) for row in rows if row["payment_id"] is not None)

    assert dated(mine) == dated(theirs)
    assert len(dated(mine)) > 100


def test_rates_in_words__golden() -> None:
    """D01: 100,000 dollars from 2025-03-14 to 2026-05-08 earn 6 % until March 2026 and 5 % from April."""
    table = interest_table(load())
    days = [day_number(day) for day in _D01]
    assert rates_in_words(table, 0, *days) == "382 days at 6 %, 38 at 5 %"
    assert rates_in_words(table, 1, *days) == "382 days at 7 %, 38 at 6 %"


def test_statement__command(run: Made, capsys: pytest.CaptureFixture[str]) -> None:
    """JSON lines, one an importer, and the summary."""
    words = ["refund", "statement", "--results", str(run.results), "--deposits", str(run.beside["deposits"])]
    assert cli.invoke([*words, "--json"]) == 0
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert lines[0]["event"] == "statement_of"
    assert lines[-1]["counts"]["untied_refunds"] == 0
    assert lines[-1]["counts"]["importers"] == len(lines) - 1
