"""Reconciliation with a ledger: what it decided is expected, claim numbers and several deposits are known."""

from __future__ import annotations

import csv
import datetime as dt
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

import cape_engine
from cape_engine import rules
from cape_engine.errors import LedgerError
from cape_engine.ledger import Ledger
from cape_engine.refund.reconciliation import fits
from living.made import accepted, accepted_numbers, made

COUNT = 150
LAST = dt.date(2026, 9, 30)
HEADINGS = {
    "Entry": "entry_number",
    "Refund": "refund_number",
    "Duty": "refund_principal",
    "Interest": "refund_interest",
    "Day": "refund_date",
}


def money(cents: int) -> str:
    """Cents as dollars."""
    return f"{cents // 100}.{cents % 100:02d}"


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A ledger in which the run days of five months were played."""
    folder = tmp_path_factory.mktemp("ledger")
    run, path = made(folder, COUNT), folder / "l"
    with Ledger.open(path) as ledger:
        accepted(ledger, accepted_numbers(pq.read_table(run.results / "entries.parquet")))
    cape_engine.schedule(run.results, run.store, ledger=path, **run.beside)
    cape_engine.advance(ledger=path, to=LAST)
    return path


def report(path: Path, rows: list[dict[str, Any]], interest: dict[str, int]) -> Path:
    """An ES-022 that pays what the ledger decided, some entries with other interest."""
    with path.open("w", encoding="utf-8", newline="") as stream:
        out = csv.writer(stream)
        out.writerow(HEADINGS)
        for row in rows:
            earned = interest.get(row["entry_number"], row["interest_cents"])
            out.writerow(
                [
                    row["entry_number"],
                    row["refund"],
                    money(row["principal_cents"]),
                    money(earned),
                    row["on_day"].isoformat(),
                ]
            )
    return path


def columns(path: Path) -> Path:
    """The headings."""
    path.write_text("\n".join(["[es022]", *(f'"{a}" = "{b}"' for a, b in HEADINGS.items()), ""]), encoding="utf-8")
    return path


def test_ledger__decisions_are_expected(place: Path, tmp_path: Path) -> None:
    """What the ledger decided and CBP paid matches, refund by refund; what waits is not due; the rest is missing."""
    with Ledger.open(place) as ledger:
        decided = [row for row in ledger.decisions().to_pylist() if row["refund"]]
        refunds = ledger.refunds().num_rows
    assert len(decided) > 20
    gone = decided.pop()
    result = cape_engine.reconcile(
        ledger=place,
        es022=report(tmp_path / "r.csv", decided, {}),
        columns=columns(tmp_path / "c.toml"),
        as_of=LAST,
    )
    causes = dict(
        zip(result.entries.column("entry_number").to_pylist(), result.entries.column("cause").to_pylist(), strict=True)
    )
    assert {causes[row["entry_number"]] for row in decided} == {"MATCH"}
    assert causes[gone["entry_number"]] == "MISSING_IN_REPORT"
    assert set(causes.values()) <= {"MATCH", "MISSING_IN_REPORT", "NOT_YET"}
    assert result.cohorts.num_rows == refunds
    assert result.cohorts.column("cause").to_pylist().count("MATCH") >= refunds - 1
    assert result.manifest["expected_from"]["ledger"]["link"] > 0


def test_ledger__conventions_over_several_deposits(place: Path, tmp_path: Path) -> None:
    """The ledger keeps every deposit, so that interest of the other kind is recognised for entries with several."""
    with Ledger.open(place) as ledger:
        decided = [row for row in ledger.decisions().to_pylist() if row["refund"]]
        facts = {row["entry_number"]: row for row in ledger.facts().to_pylist()}
    several = [
        row for row in decided if len(facts[row["entry_number"]]["deposit_dates"]) > 1 and row["interest_cents"] > 1_000
    ]
    assert several
    law = rules.load()
    wrong = {}
    for row in several:
        fact = facts[row["entry_number"]]
        kind = "noncorporate" if fact["importer_kind"] != "noncorporate" else "corporate"
        wrong[row["entry_number"]] = sum(
            cape_engine.refund.interest(cents, day, row["on_day"], kind, ruleset=law)
            for day, cents in zip(fact["deposit_dates"], fact["deposit_amounts_cents"], strict=True)
            if day <= row["on_day"]
        )
    result = cape_engine.reconcile(
        ledger=place,
        es022=report(tmp_path / "r.csv", decided, wrong),
        columns=columns(tmp_path / "c.toml"),
        as_of=LAST,
    )
    rows = {row["entry_number"]: row for row in result.entries.to_pylist()}
    assert {rows[entry]["cause"] for entry in wrong} == {"RATE_KIND"}
    assert {rows[entry]["detail"] for entry in wrong} == {"other_kind"}
    assert fits.EXACT in fits.names_of()


def test_ledger__missing_one_is_said(tmp_path: Path) -> None:
    """A ledger that is not there is an error, and none is made."""
    with pytest.raises(LedgerError):
        cape_engine.reconcile(
            ledger=tmp_path / "none",
            es022=report(tmp_path / "r.csv", [], {}),
            columns=columns(tmp_path / "c.toml"),
            as_of="2026-07-01",
        )
    assert not (tmp_path / "none").exists()
