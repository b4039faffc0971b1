"""The page of a declaration: what failed, why, what to do and by when; one file that any browser shows."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Mapping
from functools import cache
from typing import Any

import jinja2
import pyarrow as pa

from cape_engine.money import cents_text
from cape_engine.report.summary import finding_kinds
from cape_engine.schema import claims as c
from cape_engine.schema import facts as f
from cape_engine.schema import results as r

MOST_ROWS = 2_000
"""Entries that a list of the page shows; all of them stand in the tables beside it."""
_FAILED = (
    f.ENTRY_NUMBER,
    c.FILE_ROW,
    f.IMPORTER_NUMBER,
    r.REASON_CODES,
    r.MESSAGES,
    c.LIVE_CLAIM,
    c.ROUTE,
    c.WHAT_TO_DO,
    c.DO_BY,
    c.PSC_UNTIL,
    c.WINDOW_UNTIL,
    c.PROTEST_UNTIL,
    c.COURT_UNTIL,
)
_ACCEPTED = (f.ENTRY_NUMBER, c.FILE_ROW, f.IMPORTER_NUMBER, c.ASKED_CENTS, r.ACTION, r.RESULT_LIQUIDATION_DATE)


def claim_page(facts: Mapping[str, Any], findings: pa.Table, entries: pa.Table) -> str:
    """The page of one declaration.

    Args:
        facts: of the file: name, filed_on, account, submitter, upload, status, claim_number, reasons, recorded.
        findings: of the file and its rows (`RESULT_FINDINGS`).
        entries: its entries (`RESULT_CLAIMED_ENTRIES`).
    """
    rows = _rows(entries, _FAILED, _where(entries, c.CLAIMED_DISPOSITION.words[0], same=False))
    rows.sort(key=lambda row: (row[c.DO_BY] or dt.date.max, row[f.ENTRY_NUMBER]))
    accepted = _rows(entries, _ACCEPTED, _where(entries, c.CLAIMED_DISPOSITION.words[0], same=True))
    return _template().render(
        file=facts,
        entries=entries.num_rows,
        principal_cents=sum(row[c.ASKED_CENTS] for row in accepted),
        failed=[row for row in rows if row[r.REASON_CODES]],
        accepted=accepted,
        routes=_routes(rows),
        kinds=finding_kinds(findings),
        most=MOST_ROWS,
    )


@cache
def _template() -> jinja2.Template:
    """The page's template."""
    templates = jinja2.Environment(
        loader=jinja2.PackageLoader("cape_engine.report"), autoescape=True, undefined=jinja2.StrictUndefined
    )
    templates.filters["dollars"] = cents_text
    return templates.get_template("claim.html")


def _where(entries: pa.Table, word: str, *, same: bool) -> pa.Array:
    """The places of entries with, or without, a disposition."""
    words = entries.column(str(c.CLAIMED_DISPOSITION)).to_pylist()
    return pa.array([place for place, found in enumerate(words) if (found == word) is same], pa.int64())


def _rows(entries: pa.Table, columns: tuple[str, ...], places: pa.Array) -> list[dict[str, Any]]:
    """Some entries as records."""
    found: list[dict[str, Any]] = entries.select([str(column) for column in columns]).take(places).to_pylist()
    return found


def _routes(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """What there is to do, the most urgent first: how many entries, and the first and last day."""
    count = Counter((row[c.ROUTE], row[r.REASON_CODES][0], row[c.WHAT_TO_DO]) for row in rows if row[c.ROUTE])
    found = []
    for (route, reason, what), entries in count.items():
        days = [
            row[c.DO_BY]
            for row in rows
            if row[c.DO_BY] and (row[c.ROUTE], row[r.REASON_CODES][0], row[c.WHAT_TO_DO]) == (route, reason, what)
        ]
        first, last = min(days, default=None), max(days, default=None)
        found.append(
            {"route": route, "reason": reason, "what": what, "entries": entries, "first": first, "last": last}
        )
    return sorted(found, key=lambda one: (one["first"] or dt.date.max, -one["entries"], one["reason"]))
