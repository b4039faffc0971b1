"""The whole loop: pack, CBP answers with failures, re-pack, until nothing is left; every entry ends explained."""

from __future__ import annotations

import csv
import datetime as dt
import os
import random
from pathlib import Path

import pyarrow.compute as pc
import pytest

import cape_engine
from cape_engine import intake, rules
from cape_engine.ledger import Ledger
from cape_engine.settings import Settings
from packing.world import AS_OF, Portal, uploaded, world

pytestmark = pytest.mark.heavy

ENTRIES = int(os.environ.get("CAPE_TEST_ROUND_TRIP", "100000"))
FAILING = 0.18
LEARNED = {
    "PROTEST ON ENTRY": ("protest_status", "Open"),
    "ENTRY ON DRAWBACK": ("drawback_flag", "Y"),
    "STATEMENT PROCESSING NOT COMPLETE": ("statement_complete", "N"),
    "ENTRY SUMMARY IS CANCELLED/REJECTED": ("summary_status", "Cancelled"),
}
"""Messages that name a fact which the filer's own data lacked, and how a header file says it."""
RETRIED = "UNABLE TO CALCULATE DUTY"
MOST_ROUNDS = 8


def test_round_trip__until_nothing_is_left(tmp_path: Path) -> None:
    """Every entry ends stripped on one live claim, or in the list of what stays behind, with reason and remedy."""
    made = world(tmp_path / "world", ENTRIES, mix="all_rules")
    store = tmp_path / "store"
    intake.build_store(
        made.rows, store, headers=(made.headers,), mapping=None, ruleset=rules.load(), settings=Settings.build()
    )
    ledger, draw = tmp_path / "claims.db", random.Random(4)
    portal, learned = Portal(), tmp_path / "learned.csv"
    facts: dict[str, tuple[str, str]] = {}
    seen: set[str] = set()
    rounds = 0
    for rounds in range(MOST_ROUNDS):
        day = AS_OF + dt.timedelta(days=rounds)
        headers = () if not facts else (learned,)
        result = cape_engine.pack(store, headers=headers, ledger=ledger, out=tmp_path / "out", as_of=day)
        sent = result.packed_entries.column("entry_number").to_pylist()
        if not sent:
            break
        fresh = [number for number in sent if number not in seen]
        portal.failures = {number: draw.choice([*LEARNED, RETRIED]) for number in fresh if draw.random() < FAILING}
        seen.update(sent)
        failed = portal.answer(uploaded(tmp_path / "out", result), tmp_path / "details.csv")
        told = cape_engine.answers(tmp_path / "details.csv", ledger=ledger, out=tmp_path / "answers", as_of=day)
        assert told.manifest["counts"]["failed"] == failed
        assert told.routed.num_rows == failed
        for number, message in portal.failures.items():
            if message in LEARNED:
                facts[number] = LEARNED[message]
        columns = sorted({column for column, _ in facts.values()})
        with learned.open("w", newline="") as stream:
            writer = csv.writer(stream)
            writer.writerow(["entry_number", *columns])
            writer.writerows(
                [number, *(value if column == name else "" for column in columns)]
                for number, (name, value) in sorted(facts.items())
            )
    assert 1 < rounds < MOST_ROUNDS - 1
    last = result
    assert last.packed_entries.num_rows == 0
    assert last.left_out.num_rows == last.manifest["counts"]["entries"]
    assert all(last.left_out.column("reason_codes").to_pylist())
    assert pc.all(pc.is_valid(last.left_out.column("what_to_do"))).as_py()
    held = last.left_out.filter(pc.is_valid(last.left_out.column("declaration")))
    with Ledger.open(ledger) as book:
        report, shown = book.verify(), book.show()
        assert report.ok, report.problems
        live = book.live()
    assert shown.states["STRIPPED"] == live.num_rows == held.num_rows
    assert set(held.column("state").unique().to_pylist()) == {"STRIPPED"}
    assert sorted(held.column("entry_number").to_pylist()) == live.column("entry_number").to_pylist()
    explained = set(last.left_out.column("entry_number").to_pylist())
    assert seen <= explained
