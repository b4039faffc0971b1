"""What page and workbook of a reconciliation show: totals that tie, largest differences first, by level and cause."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from cape_engine.report.day_chart import day_chart
from cape_engine.rules.rows import CauseCode
from cape_engine.schema import reconciliation as c
from cape_engine.schema.results import RESULT_LIQUIDATION_DATE

TITLES = {"entries": "Entries", "cohorts": "Refunds", "bank": "Deposits"}
_SETTLED = frozenset({"MATCH", "ROUNDING", "SPLIT_PAYMENT"})


class Level(NamedTuple):
    """One level of the sign-off.

    Attributes:
        name: entries, cohorts or bank.
        title: for people.
        rows: one per cause, as `RECONCILED_SUMMARY`, with the meaning of the cause.
        total: their sums.
    """

    name: str
    title: str
    rows: list[dict[str, Any]]
    total: dict[str, int]


def levels(summary: pa.Table, causes: Sequence[CauseCode]) -> list[Level]:
    """The summary by level, each with its total line.

    Args:
        summary: `RECONCILED_SUMMARY`.
        causes: words of the causes.
    """
    words = {one.cause: one for one in causes}
    rows = summary.to_pylist()
    found = []
    for name, title in TITLES.items():
        mine = [{**row, "meaning": words[row[str(c.CAUSE)]].meaning} for row in rows if row[str(c.LEVEL)] == name]
        columns = (c.ITEMS, c.EXPECTED, c.PAID, c.DIFFERENCE, c.EXPLAINED, c.LEFT)
        if mine:
            found.append(Level(name, title, mine, {str(one): sum(row[str(one)] for row in mine) for one in columns}))
    return found


def worst(table: pa.Table, most: int) -> tuple[list[dict[str, Any]], int]:
    """(rows that are not settled, those with most cents left first, how many there are).

    Args:
        table: entries, cohorts or bank.
        most: rows shown.
    """
    if not table.num_rows:
        return [], 0
    causes = table.column(str(c.CAUSE)).combine_chunks()
    settled = pa.array([word in _SETTLED for word in causes.dictionary.to_pylist()], pa.bool_())
    open_ = np.flatnonzero(~settled.take(causes.indices).to_numpy(zero_copy_only=False))
    left, difference = (np.abs(table.column(str(column)).to_numpy()[open_]) for column in (c.LEFT, c.DIFFERENCE))
    order = open_[np.lexsort((open_, -difference, -left))]
    return table.take(pa.array(order[:most])).to_pylist(), len(order)


def chart(cohorts: pa.Table) -> str:
    """Refunds by liquidation day: paid as expected, difference explained, difference left; SVG."""
    day = RESULT_LIQUIDATION_DATE
    known = cohorts.filter(pc.is_valid(cohorts.column(str(day))))
    if not known.num_rows:
        return ""
    paid, expected = (known.column(str(column)) for column in (c.PAID, c.EXPECTED))
    figures = pa.table(
        {
            "day": known.column(str(day)),
            "paid": pc.min_element_wise(paid, expected),
            "explained": pc.abs(known.column(str(c.EXPLAINED))),
            "left": pc.abs(known.column(str(c.LEFT))),
        }
    )
    rows = figures.group_by("day").aggregate([("paid", "sum"), ("explained", "sum"), ("left", "sum")])
    rows = rows.sort_by("day").to_pydict()
    days: list[dt.date] = rows["day"]
    series: Mapping[str, Sequence[int]] = {
        "as expected": rows["paid_sum"],
        "explained": rows["explained_sum"],
        "left": rows["left_sum"],
    }
    return day_chart("Refunds by day of liquidation", days, series)
