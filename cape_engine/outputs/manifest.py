"""The manifest of a run: what went in, which law and settings were in force, what came out, and how long it took."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from cape_engine.schema import results as r

_MONEY = (
    r.FILED_DUTY_CENTS,
    r.REMOVED_IEEPA_CENTS,
    r.RESTORED_COLUMN1_CENTS,
    r.RECALCULATED_DUTY_CENTS,
    r.PRINCIPAL_CENTS,
    r.BILL_CENTS,
    r.INTEREST_CENTS,
)

try:
    import resource
except ImportError:  # not on every system
    resource = None  # type: ignore[assignment]


def peak_memory_bytes() -> int | None:
    """Largest resident size of this process so far, where the system tells."""
    if resource is None:
        return None
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return int(peak if sys.platform == "darwin" else peak * 1024)


def partial(tables: Mapping[str, pa.Table]) -> dict[str, Any]:
    """What the manifest counts of some tables, as groups of whole numbers that add up over partitions.

    Args:
        tables: any of entries, changes, findings, refunds and payments, by name.
    """
    found: dict[str, Any] = {"rows": {name: table.num_rows for name, table in tables.items()}, "totals_cents": {}}
    if "entries" in tables:
        entries = tables["entries"]
        found["dispositions"] = _tally(entries, r.DISPOSITION)
        found["actions"] = _tally(entries, r.ACTION)
        found["reasons"] = _tally_lists(entries, r.REASON_CODES)
        found["flags"] = _tally_lists(entries, r.FLAGS)
        found["totals_cents"] |= {str(column): _sum(entries, column) for column in _MONEY}
    if "findings" in tables:
        found["findings_by_severity"] = _tally(tables["findings"], r.SEVERITY)
        found["findings_by_code"] = _tally(tables["findings"], r.CODE)
    for name in ("refunds", "payments"):
        if name in tables:
            found["totals_cents"][f"{name}_amount_cents"] = _sum(tables[name], r.AMOUNT_CENTS)
    return found


def _sum(table: pa.Table, column: str) -> int:
    """The exact sum of an int64 column, in Python integers where int64 could wrap."""
    total = 0
    for chunk in table.column(column).chunks:
        total += int(pc.sum(chunk.cast(pa.decimal128(38, 0)), min_count=0).as_py())
    return total


def _tally(table: pa.Table, column: str) -> dict[str, int]:
    """How often each word stands in a column, by word."""
    tally = pc.value_counts(table.column(column).cast(pa.string())).to_pylist()
    return dict(sorted((str(item["values"]), item["counts"]) for item in tally))


def _tally_lists(table: pa.Table, column: str) -> dict[str, int]:
    """How often each word stands in the lists of a column, by word."""
    flat = pc.list_flatten(table.column(column))
    return dict(sorted((str(item["values"]), item["counts"]) for item in pc.value_counts(flat).to_pylist()))
