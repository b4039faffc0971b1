"""What a what-if must equal: one whole run for each acceptance day."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pyarrow.compute as pc

import cape_engine
from cape_engine.schema import outlook as s
from cape_engine.schema import results as r
from cape_engine.schema.facts import ENTRY_NUMBER


def days_between(first: dt.date, last: dt.date) -> list[dt.date]:
    """All days from one to another, both included."""
    return [first + dt.timedelta(days=ahead) for ahead in range((last - first).days + 1)]


def by_runs(source: Any, days: list[dt.date], **options: Any) -> list[dict[str, Any]]:
    """Rows like those of the days table, each from a run of its own."""
    return [of_run(cape_engine.run(source, as_of=day, detail="none", threads=1, **options), day) for day in days]


def of_run(result: cape_engine.RunResult, day: dt.date) -> dict[str, Any]:
    """The row of one day."""
    counts: Any = result.manifest["counts"]
    totals: Any = result.manifest["totals_cents"]
    dates = pc.min_max(result.payments.column(r.RESULT_LIQUIDATION_DATE)).as_py()
    entries = result.entries.to_pylist()
    waiting = [row for row in entries if row[r.ACTION] == "wait"]
    paid = [row for row in entries if row[r.PAYMENT_ID] is not None]
    return {
        s.ACCEPTANCE_DATE: day,
        s.ELIGIBLE: counts["dispositions"].get("accepted", 0),
        r.PRINCIPAL_CENTS: totals[r.PRINCIPAL_CENTS],
        s.REFUND_ENTRIES: len(paid),
        s.REFUND_PRINCIPAL_CENTS: sum(row[r.PRINCIPAL_CENTS] for row in paid),
        r.INTEREST_CENTS: totals[r.INTEREST_CENTS],
        s.UNKNOWN_INTEREST: sum(row[r.INTEREST_CENTS] is None for row in paid),
        s.REFUNDS: result.refunds.num_rows,
        s.FIRST_PAYMENT: dates["min"],
        s.LAST_PAYMENT: dates["max"],
        s.HELD_ENTRIES: sum("HELD" in row[r.FLAGS] and "IN_REVIEW" not in row[r.FLAGS] for row in waiting),
        s.REVIEW_ENTRIES: sum("IN_REVIEW" in row[r.FLAGS] for row in waiting),
        s.MISSED_ENTRIES: counts["flags"].get("WINDOW_MISSED", 0),
        s.UNDATED_ENTRIES: sum(not {"HELD", "IN_REVIEW"} & set(row[r.FLAGS]) for row in waiting),
    }


def reasons_of(source: Any, day: dt.date, **options: Any) -> dict[str, tuple[list[str], int]]:
    """Reasons and principal of every entry of a run; no reason for accepted ones."""
    entries = cape_engine.run(source, as_of=day, detail="none", threads=1, **options).entries.to_pylist()
    return {row[ENTRY_NUMBER]: (row[r.REASON_CODES], row[r.PRINCIPAL_CENTS]) for row in entries}
