"""The manifest of a run: what went in, which law and settings were in force, what came out, and how long it took."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from cape_engine.schema import results as r

GROUPS = (
    "rows",
    "dispositions",
    "actions",
    "reasons",
    "flags",
    "findings_by_severity",
    "findings_by_code",
    "totals_cents",
)
"""Groups of what `partial` counts."""
MONEY = (
    r.FILED_DUTY_CENTS,
    r.REMOVED_IEEPA_CENTS,
    r.RESTORED_COLUMN1_CENTS,
    r.RECALCULATED_DUTY_CENTS,
    r.PRINCIPAL_CENTS,
    r.BILL_CENTS,
    r.INTEREST_CENTS,
)

_WRAPS = 1 << 63

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
        found["dispositions"] = tally(entries, r.DISPOSITION)
        found["actions"] = tally(entries, r.ACTION)
        found["reasons"] = tally_lists(entries, r.REASON_CODES)
        found["flags"] = tally_lists(entries, r.FLAGS)
        found["totals_cents"] |= {str(column): _sum(entries, column) for column in MONEY}
    if "findings" in tables:
        found["findings_by_severity"] = tally(tables["findings"], r.SEVERITY)
        found["findings_by_code"] = tally(tables["findings"], r.CODE)
    for name in ("refunds", "payments"):
        if name in tables:
            found["totals_cents"][f"{name}_amount_cents"] = _sum(tables[name], r.AMOUNT_CENTS)
    return found


def _sum(table: pa.Table, column: str) -> int:
    """The exact sum of an int64 column, in Python integers where int64 could wrap."""
    total = 0
    for chunk in table.column(column).chunks:
        bounds = pc.min_max(chunk).as_py()
        furthest = max(abs(bounds["min"] or 0), abs(bounds["max"] or 0))
        fits = furthest * len(chunk) < _WRAPS
        found = pc.sum(chunk if fits else chunk.cast(pa.decimal128(38, 0)), min_count=0)
        total += int(found.as_py())
    return total


def tally(table: pa.Table, column: str) -> dict[str, int]:
    """How often each word stands in a column, by word."""
    return _counted(table.column(column).chunks)


def tally_lists(table: pa.Table, column: str) -> dict[str, int]:
    """How often each word stands in the lists of a column, by word."""
    return _counted(pc.list_flatten(chunk) for chunk in table.column(column).chunks)


def _counted(chunks: Iterable[pa.Array]) -> dict[str, int]:
    """How often each word occurs, by word."""
    total: Counter[str] = Counter()
    for chunk in chunks:
        words = chunk if pa.types.is_dictionary(chunk.type) else chunk.dictionary_encode()
        codes = words.indices.drop_null().to_numpy(zero_copy_only=False)
        times = np.bincount(codes, minlength=len(words.dictionary))
        total.update(dict(zip(words.dictionary.to_pylist(), times.tolist(), strict=True)))
    return {word: count for word, count in sorted(total.items()) if count}
