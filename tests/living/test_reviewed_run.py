"""Review over a run: who is picked and why, decisions of every kind, and what is paid in the end."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import pyarrow.parquet as pq
import pytest

import cape_engine
from cape_engine.ledger import Ledger
from living.made import AS_OF, Made, accepted, accepted_numbers
from reference.liquidation import sampled

PICKING = {
    "MODE_GAP": "mode_gap",
    "REPLACEMENT_LAYOUT_UNKNOWN": "replacement_layout",
    "BUNDLED_DUTY": "bundled_duty",
    "DISPLACED_232": "displaced_232",
    "BILL_FLAG": "bill",
    "VALUE_NOT_PLACED": "value_placement",
    "VALUE_DOUBLE": "value_placement",
}
"""Handbook 6.4 and clarification 26, in the order of the handbook."""
SAMPLE = 200
"""What the run of the fixture `run` was made with."""
DAY = AS_OF + dt.timedelta(days=10)


@pytest.fixture
def waiting(run: Made, tmp_path: Path) -> Path:
    """A ledger that scheduled everything a run accepted."""
    entries = pq.read_table(run.results / "entries.parquet")
    with Ledger.open(tmp_path / "claims.ledger") as ledger:
        accepted(ledger, accepted_numbers(entries))
    cape_engine.schedule(run.results, run.store, ledger=tmp_path / "claims.ledger", **run.beside)
    return tmp_path / "claims.ledger"


def test_review__everybody_the_run_picked(run: Made, waiting: Path) -> None:
    """The list holds exactly the entries that the run marked IN_REVIEW and that no hold keeps, each with its rules."""
    rows = pq.read_table(run.results / "entries.parquet").to_pylist()
    flags = {row["entry_number"]: row["flags"] for row in rows if row["disposition"] == "accepted"}
    listed = cape_engine.review_list(ledger=waiting, on=DAY, settings={"schedule.review_sample": SAMPLE})
    queue = {row["entry_number"]: row for row in listed.queue.to_pylist()}
    assert set(queue) == {entry for entry, words in flags.items() if "IN_REVIEW" in words and "HELD" not in words}
    assert len(queue) >= 10
    for entry, row in queue.items():
        told = dict.fromkeys(rule for flag, rule in PICKING.items() if flag in flags[entry])
        told |= {"sample": None} if sampled(entry, SAMPLE, 0) else {}
        assert row["picked_by"] == ";".join(told)
    assert {"sample", "bill"} <= {row["picked_by"] for row in queue.values()}


def test_review__decided_and_paid(waiting: Path) -> None:
    """Released, changed and rejected entries end as decided; cohorts and payments add up to the cent (invariant 11)."""
    queue = cape_engine.review_list(ledger=waiting, on=DAY).queue.to_pylist()
    acts = ("release", "change", "reject")
    rows = [
        {
            "entry_number": row["entry_number"],
            "decision": acts[place % 3],
            "principal_cents": row["principal_cents"] // 2 if place % 3 == 1 else None,
            "reason": "looked at",
        }
        for place, row in enumerate(queue)
    ]
    done = cape_engine.review_decide(rows, ledger=waiting, officer="A. Lee", on=DAY)
    assert sum(done.counts.values()) == len(rows)
    assert done.counts["refused"] == 0
    cape_engine.advance(ledger=waiting, to=AS_OF + dt.timedelta(days=120))
    with Ledger.open(waiting) as ledger:
        assert ledger.verify().ok, ledger.verify().problems
        state = {row["entry_number"]: row["state"] for row in ledger.claims().to_pylist()}
        decided = {row["entry_number"]: row for row in ledger.decisions().to_pylist()}
        refunds, payments = ledger.refunds().to_pylist(), ledger.payments().to_pylist()
    assert not {"IN_REVIEW", "SCHEDULED"} & set(state.values())
    ends = set()
    for row in rows:
        entry = row["entry_number"]
        ends.add((row["decision"], state[entry]))
        if row["decision"] == "reject":
            assert state[entry] == "ENTRY_FAILED"
            assert entry not in decided
        elif row["decision"] == "change" and entry in decided:
            assert decided[entry]["principal_cents"] == row["principal_cents"]
    assert {("release", "CONSOLIDATED"), ("change", "CONSOLIDATED"), ("reject", "ENTRY_FAILED")} <= ends
    paid = [row for row in decided.values() if row["refund"] is not None]
    whole = sum(row["principal_cents"] + row["interest_cents"] for row in paid)
    assert whole == sum(row["amount_cents"] for row in refunds) == sum(row["amount_cents"] for row in payments)
