"""The page of a declaration: what failed, why, what to do and by when; one file that any browser shows."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from functools import cache
from typing import Any

import jinja2
import pyarrow as pa
import pyarrow.compute as pc

from cape_engine.money import cents_text
from cape_engine.report.summary import finding_kinds
from cape_engine.schema import claims as c
from cape_engine.schema import facts as f
from cape_engine.schema import results as r

MOST_FAILED, MOST_ACCEPTED = 500, 100
"""Entries that the lists of the page show; all of them stand in the tables beside it."""
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
    reasons = entries.column(str(r.REASON_CODES))
    failed = entries.filter(pc.greater(pc.list_value_length(reasons), 0))
    failed = failed.take(
        pc.sort_indices(failed, sort_keys=[(str(c.DO_BY), "ascending"), (str(f.ENTRY_NUMBER), "ascending")])
    )
    accepted = entries.filter(pc.equal(entries.column(str(c.CLAIMED_DISPOSITION)), c.CLAIMED_DISPOSITION.words[0]))
    return _template().render(
        file=facts,
        entries=entries.num_rows,
        principal_cents=pc.sum(accepted.column(str(c.ASKED_CENTS)), min_count=0).as_py(),
        failed=_rows(failed, _FAILED, MOST_FAILED),
        failed_count=failed.num_rows,
        accepted=_rows(accepted, _ACCEPTED, MOST_ACCEPTED),
        accepted_count=accepted.num_rows,
        routes=_routes(failed),
        kinds=finding_kinds(findings),
    )


@cache
def _template() -> jinja2.Template:
    """The page's template."""
    templates = jinja2.Environment(
        loader=jinja2.PackageLoader("cape_engine.report"), autoescape=True, undefined=jinja2.StrictUndefined
    )
    templates.filters["dollars"] = cents_text
    return templates.get_template("declaration.html")


def _rows(entries: pa.Table, columns: tuple[str, ...], most: int) -> list[dict[str, Any]]:
    """The first entries as records."""
    found: list[dict[str, Any]] = entries.select([str(column) for column in columns]).slice(0, most).to_pylist()
    return found


def _routes(failed: pa.Table) -> list[dict[str, Any]]:
    """What there is to do, the most urgent first: how many entries, and the first and last day."""
    reasons = failed.column(str(r.REASON_CODES)).combine_chunks()
    words = {
        "route": failed.column(str(c.ROUTE)).cast(pa.string()),
        "what": failed.column(str(c.WHAT_TO_DO)).cast(pa.string()),
        "reason": pc.list_element(reasons, 0).cast(pa.string()),
        "day": failed.column(str(c.DO_BY)),
    }
    grouped = pa.table(words).group_by(["route", "what", "reason"])
    rows = grouped.aggregate([("day", "min"), ("day", "max"), ([], "count_all")]).to_pylist()
    found = [
        {**row, "entries": row["count_all"], "first": row["day_min"], "last": row["day_max"]}
        for row in rows
        if row["route"] is not None
    ]
    return sorted(found, key=lambda one: (one["first"] or dt.date.max, -one["entries"], one["reason"]))
