"""The HTML report of a run: one file without outside parts, readable in any browser."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from cape_engine.errors import OutputError
from cape_engine.money import cents_text
from cape_engine.report.summary import Week, finding_kinds, weeks
from cape_engine.schema import results as r

REPORT = "report.html"
_LARGEST = 25
_CHART_HEIGHT = 160


def write_report(path: Path, tables: Mapping[str, pa.Table], manifest: Mapping[str, Any]) -> Path:
    """Write the report of a run.

    Args:
        path: file to write.
        tables: the tables of the run by name.
        manifest: its manifest.

    Raises:
        OutputError: the file cannot be written.
    """
    import jinja2  # noqa: PLC0415 - a run without a report does not pay for the template engine

    templates = jinja2.Environment(
        loader=jinja2.PackageLoader("cape_engine.report"), autoescape=True, undefined=jinja2.StrictUndefined
    )
    templates.filters["dollars"] = cents_text
    by_week = weeks(tables["refunds"])
    page = templates.get_template("run.html").render(
        manifest=manifest,
        counts=manifest["counts"],
        totals=manifest["totals_cents"],
        weeks=by_week,
        bars=_bars(by_week),
        chart_height=_CHART_HEIGHT,
        largest=_largest(tables["refunds"]),
        kinds=finding_kinds(tables["findings"]),
    )
    try:
        path.write_text(page, encoding="utf-8")
    except OSError as error:
        raise OutputError(
            f"{path}: the report could not be written ({error.strerror}); free the disk and repeat"
        ) from error
    return path


def _bars(by_week: list[Week]) -> list[dict[str, Any]]:
    """Heights of the chart's bars in pixels, principal below interest."""
    top = max((week.amount_cents for week in by_week), default=0)
    if not top:
        return []
    return [
        {
            "week": week.monday.isoformat(),
            "principal": week.principal_cents * _CHART_HEIGHT // top,
            "interest": max(1, week.interest_cents * _CHART_HEIGHT // top) if week.interest_cents else 0,
            "title": f"{week.monday.isoformat()}: {cents_text(week.amount_cents)}",
        }
        for week in by_week
    ]


def _largest(refunds: pa.Table) -> list[dict[str, Any]]:
    """The largest refunds of the run."""
    order = pc.sort_indices(refunds, sort_keys=[(str(r.AMOUNT_CENTS), "descending")])  # stable: then by recipient
    largest: list[dict[str, Any]] = refunds.take(order.slice(0, _LARGEST)).to_pylist()
    return largest
