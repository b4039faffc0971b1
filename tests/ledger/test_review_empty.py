"""Manual review where nothing waits: the ledger plans other entries, or the last entry was decided and played."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pytest

import cape_engine
from cape_engine.ledger import Ledger, Submission
from cape_engine.schema import life
from ledger.officers import ACCEPTED, PLAIN, put_in_review

Numbers = Callable[..., list[str]]
Submit = Callable[..., Submission]
DAY = dt.date(2026, 10, 20)
LEE = "A. Lee"


def scheduled(url: str, entry: str, submit: Submit) -> None:
    """A ledger with one entry that nobody picked: it waits for its run day, as its plan says."""
    facts = pa.Table.from_pylist([{**PLAIN, "entry_number": entry, "picked": False}], schema=life.FACTS_SCHEMA)
    plan = {
        "declaration": 1,
        "entry_number": entry,
        "action": "liquidate",
        "planned_date": dt.date(2026, 11, 23),
        "limit_date": dt.date(2027, 2, 9),
        "reason": "SCHEDULED",
    }
    with Ledger.open(url) as ledger, ledger.transaction():
        ledger.record(submit([entry], on_day=ACCEPTED))
        ledger.record_facts(1, facts, on_day=ACCEPTED)
        ledger.record_plans(pa.Table.from_pylist([plan], schema=life.PLANS_SCHEMA), on_day=ACCEPTED)
        for state in ("STRIPPED", "SCHEDULED"):
            ledger.move(pa.array([entry]), state, on_day=ACCEPTED, who="mass_processing")


def released(url: str, entry: str, submit: Submit) -> None:
    """A ledger whose only entry in review was released, and the day after was played."""
    put_in_review(url, submit, {entry: {}})
    row = {"entry_number": entry, "decision": "release", "reason": "checked"}
    cape_engine.review_decide([row], ledger=url, officer=LEE, on=DAY)
    cape_engine.advance(ledger=url, to=DAY)


@pytest.mark.parametrize("begin", [scheduled, released])
def test_review__nothing_waits(
    begin: Callable[[str, str, Submit], None], url: str, tmp_path: Path, numbers: Numbers, submit: Submit
) -> None:
    """The list is empty, on paper too; nothing is assigned; an act about an entry is refused and changes nothing."""
    (entry,) = numbers(1)
    begin(url, entry, submit)
    with Ledger.open(url) as ledger:
        before = ledger.head()
        assert ledger.plans().num_rows
    listed = cape_engine.review_list(ledger=url, on=DAY, out=tmp_path / "queue.csv")
    assert (listed.queue.num_rows, listed.exit_code) == (0, 0)
    head, *rows = (tmp_path / "queue.csv").read_text(encoding="utf-8").splitlines()
    assert "decision" in head
    assert rows == []
    assert cape_engine.review_assign(ledger=url, officer=LEE, first=5, on=DAY).counts["assigned"] == 0
    row = {"entry_number": entry, "decision": "reject", "reason": "not ours"}
    done = cape_engine.review_decide([row], ledger=url, officer=LEE, on=DAY)
    assert done.findings.column("code").to_pylist() == ["REVIEW_NOT_WAITING"]
    with Ledger.open(url) as ledger:
        assert ledger.head() == before
