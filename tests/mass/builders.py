"""Builds partitions from entries as plain dictionaries, and runs mass processing on them."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

import pyarrow as pa

from cape_engine import rules
from cape_engine.bridge import Partition
from cape_engine.mass_processing import Column1Table, MassResult, process
from cape_engine.rules import Ruleset
from cape_engine.schema import facts as f
from cape_engine.schema import rows as t
from cape_engine.settings import Settings

AS_OF = dt.date(2026, 7, 1)
ENTRY = "ABC12345676"


@cache
def ruleset() -> Ruleset:
    """The project's own rules, loaded once."""
    return rules.load()


def tariff(
    number: str, duty: int = 0, value: int | None = 0, quantities: Sequence[tuple[int | None, str | None]] = ()
) -> dict[str, Any]:
    """One number on a line: duty in cents, value in dollars, quantities in hundredths with their units."""
    row: dict[str, Any] = {t.HTS_NUMBER: number, t.DUTY_CENTS: duty, t.VALUE_DOLLARS: value}
    for slot, (amount, unit) in enumerate(quantities):
        row[t.QUANTITIES_E2[slot]] = amount
        row[t.UOMS[slot]] = unit
    return row


def line(*tariffs: Mapping[str, Any], **facts: Any) -> dict[str, Any]:
    """One line with its numbers in order, and its facts by column name."""
    return {"tariffs": list(tariffs), **facts}


def entry(*lines: Mapping[str, Any], **facts: Any) -> dict[str, Any]:
    """One entry with its lines; type 01 of 2025-09-15 unless facts say otherwise."""
    default: dict[str, Any] = {f.ENTRY_TYPE: "01", f.ENTRY_DATE: dt.date(2025, 9, 15), f.ENTRY_NUMBER: ENTRY}
    return {"lines": list(lines), **default, **facts}


def partition(*entries: Mapping[str, Any]) -> Partition:
    """A partition of those entries, in order."""
    entry_rows: list[dict[str, Any]] = []
    line_rows: list[dict[str, Any]] = []
    tariff_rows: list[dict[str, Any]] = []
    for one in entries:
        lines = one["lines"]
        facts = {str(key): value for key, value in one.items() if key != "lines"}
        entry_rows.append({**facts, t.SOURCE_IDX: 0, t.INPUT_REFUSED: False, t.LINE_COUNT: len(lines)})
        for place, each in enumerate(lines, start=1):
            more = {str(key): value for key, value in each.items() if key != "tariffs"}
            line_rows.append({t.LINE_NUMBER: place, **more, t.TARIFF_COUNT: len(each["tariffs"])})
            tariff_rows.extend(
                {t.ORDINAL: ordinal, t.SOURCE_IDX: 0, **number}
                for ordinal, number in enumerate(each["tariffs"], start=1)
            )
    return Partition(
        "made",
        _table(entry_rows, t.STORE_ENTRIES_SCHEMA),
        _table(line_rows, t.STORE_LINES_SCHEMA),
        _table(tariff_rows, t.STORE_TARIFFS_SCHEMA),
        ("made.csv",),
    )


def _table(rows: Sequence[Mapping[Any, Any]], schema: pa.Schema) -> pa.Table:
    """Rows as a table of the store; facts that are not given are null."""
    plain = [{str(key): value for key, value in row.items()} for row in rows]
    return pa.table(
        {field.name: pa.array([row.get(field.name) for row in plain], field.type) for field in schema}, schema
    )


def run(
    *entries: Mapping[str, Any],
    settings: Mapping[str, object] | None = None,
    column1: Column1Table | None = None,
    law: Ruleset | None = None,
) -> MassResult:
    """Mass processing of those entries with the project's rules."""
    return process(
        partition(*entries),
        ruleset=law or ruleset(),
        settings=Settings.build(settings or {}),
        as_of=AS_OF,
        column1=column1,
    )
