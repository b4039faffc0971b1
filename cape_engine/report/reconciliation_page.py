"""The page of a reconciliation that a controller signs: totals that tie, every cause, inputs and open items."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import jinja2
import pyarrow as pa

from cape_engine.money import cents_text
from cape_engine.report.reconciliation_view import chart, levels, worst
from cape_engine.report.summary import finding_kinds
from cape_engine.rules.rows import CauseCode
from cape_engine.schema.reconciliation import REPORTS

MOST = 100
"""Rows that a list of the page shows; all of them stand in the tables beside it."""


def reconciliation_page(
    tables: Mapping[str, pa.Table], manifest: Mapping[str, Any], causes: Sequence[CauseCode]
) -> str:
    """The page as HTML, without outside parts.

    Args:
        tables: by name: entries, cohorts, bank, summary, findings.
        manifest: with inputs, counts and hashes.
        causes: words of the causes.
    """
    templates = jinja2.Environment(
        loader=jinja2.PackageLoader("cape_engine.report"), autoescape=True, undefined=jinja2.StrictUndefined
    )
    templates.filters["dollars"] = cents_text
    shown = {name: worst(tables[name], MOST) for name in ("entries", "cohorts", "bank")}
    return templates.get_template("reconciliation.html").render(
        manifest=manifest,
        counts=manifest["counts"],
        levels=levels(tables["summary"], causes),
        chart=chart(tables["cohorts"]),
        shown={name: rows for name, (rows, _count) in shown.items()},
        open={name: count for name, (_rows, count) in shown.items()},
        kinds=finding_kinds(tables["findings"]),
        titles={name: report.title for name, report in REPORTS.items()} | {"columns": "headings"},
    )
