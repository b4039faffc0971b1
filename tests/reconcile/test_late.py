"""Reconciliation with a ledger that booked interest for late payment: its refunds are expected like others."""

from __future__ import annotations

import csv
import datetime as dt
from pathlib import Path

import cape_engine
from cape_engine.ledger import Ledger
from paying import lateness, world
from paying.machine import A, B, C
from paying.world import Cohort

COLUMNS = """
[es022]
Entry = "entry_number"
Refund = "refund_number"
Duty = "refund_principal"
Interest = "refund_interest"
Day = "refund_date"
[rev603]
Refund = "refund_number"
Status = "refund_status"
Amount = "refund_amount"
Day = "status_date"
Trace = "ach_trace_number"
To = "recipient"
[bank]
Day = "value_date"
Amount = "deposit_amount"
Trace = "ach_trace_number"
"""


def _money(cents: int) -> str:
    return f"{cents // 100}.{cents % 100:02d}"


def _file(path: Path, rows: list[list[object]]) -> Path:
    with path.open("w", newline="", encoding="utf-8") as stream:
        csv.writer(stream).writerows(rows)
    return path


def test_late__paid_as_booked(tmp_path: Path) -> None:
    """Refunds and the interest for their late payment, each with its number and deposit, all match; one is missing."""
    url, liquidated = tmp_path / "l", dt.date(2026, 5, 8)
    world.populate(url, [Cohort(A, 10_000_000, 703_594, day=liquidated), Cohort(B, 90_000, 77, day=liquidated),
                         Cohort(C, 1_000)])  # fmt: skip
    accounts = world.importers(tmp_path / "i.csv", {A: "771000001", B: "772000002", C: "773000003"})
    cape_engine.refund_enrol(accounts, ledger=url, on="2026-05-11")
    cape_engine.refund_release(ledger=url, on="2026-08-06")
    cape_engine.refund_send(ledger=url, on="2026-08-07", out=tmp_path / "out", settings=lateness.ON)
    with Ledger.open(url) as ledger:
        decided = ledger.decisions().to_pylist()
    shown = cape_engine.refund_show(ledger=url)
    payments = shown.payments.to_pylist()
    late = {row["refund"]: row["amount_cents"] for row in shown.late.to_pylist()}
    assert sorted(late.values()) == [5, 1_210, 143_759]
    gone = min(late, key=late.__getitem__)
    told = [row for row in payments if row["refund"] != gone]
    es022 = [["Entry", "Refund", "Duty", "Interest", "Day"]] + [
        [
            row["entry_number"],
            row["refund"],
            _money(row["principal_cents"]),
            _money(row["interest_cents"]),
            row["on_day"],
        ]
        for row in decided
    ]
    rev603 = [["Refund", "Status", "Amount", "Day", "Trace", "To"]] + [
        [row["refund"], "Treasury Issued", _money(row["amount_cents"]), "2026-08-10", row["trace"], row["recipient"]]
        for row in told
    ]
    bank = [["Day", "Amount", "Trace"]] + [["2026-08-11", _money(row["amount_cents"]), row["trace"]] for row in told]
    columns = tmp_path / "columns.toml"
    columns.write_text(COLUMNS, encoding="utf-8")
    result = cape_engine.reconcile(
        ledger=url, es022=_file(tmp_path / "es022.csv", es022), rev603=_file(tmp_path / "rev603.csv", rev603),
        bank=_file(tmp_path / "bank.csv", bank), columns=columns, as_of="2026-08-20",
    )  # fmt: skip
    causes = {row["cohort"]: (row["cause"], row["left_cents"]) for row in result.cohorts.to_pylist()}
    assert causes.pop(gone) == ("MISSING_IN_REPORT", -5)
    assert set(causes.values()) == {("MATCH", 0)}
    assert late.keys() - {gone} <= causes.keys()
    assert set(result.bank.column("cause").to_pylist()) == {"MATCH"}
    assert set(result.entries.column("cause").to_pylist()) == {"MATCH"}
