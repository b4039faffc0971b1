"""What the tests of manual review share: a ledger with entries in review, made without a run."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping
from typing import Any

import pyarrow as pa

from cape_engine.ledger import Ledger, Submission
from cape_engine.schema import life

Submit = Callable[..., Submission]
ACCEPTED = dt.date(2026, 10, 6)
"""A Tuesday; 45 days later is Friday 2026-11-20, so that the run is on Monday 11-23."""
PLAIN: dict[str, Any] = {
    "importer_number": "12-345678900",
    "recipient": "12-345678900",
    "filer_code": "ABC",
    "entry_type": "01",
    "entry_date": dt.date(2026, 2, 10),
    "importer_kind": "corporate",
    "accepted_date": ACCEPTED,
    "year_end_date": dt.date(2027, 2, 10),
    "deposit_dates": [dt.date(2025, 6, 2), dt.date(2025, 8, 4)],
    "deposit_amounts_cents": [30_000, 70_000],
    "principal_cents": 100_000,
    "bill_cents": 0,
    "flag_words": "MODE_GAP",
    "new_version": "00101",
    "picked": True,
}
"""An unliquidated entry of two deposits that a gap between the modes picked."""
LIQUIDATED: dict[str, Any] = {"basis_date": dt.date(2026, 9, 4), "flag_words": "BILL_FLAG;CHAPTER_98"}
"""What differs for an entry liquidated on a Friday: day 90 is Thursday 2026-12-03."""


def put_in_review(url: str, submit: Submit, facts: Mapping[str, Mapping[str, Any]]) -> None:
    """A ledger whose entries were accepted and picked on one day; `facts` says what differs from `PLAIN`."""
    rows = [{**PLAIN, **own, "entry_number": entry} for entry, own in facts.items()]
    entries = list(facts)
    with Ledger.open(url) as ledger, ledger.transaction():
        ledger.record(submit(entries, on_day=ACCEPTED))
        ledger.record_facts(1, pa.Table.from_pylist(rows, schema=life.FACTS_SCHEMA), on_day=ACCEPTED)
        ledger.move(pa.array(entries), "STRIPPED", on_day=ACCEPTED, who="mass_processing")
        ledger.move(pa.array(entries), "IN_REVIEW", on_day=ACCEPTED, who="officer", reason="IN_REVIEW")
