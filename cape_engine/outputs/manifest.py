"""The manifest of a run: what went in, which law and settings were in force, what came out, and how long it took."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from cape_engine.listed import Lists
from cape_engine.outputs.cells import known, plain
from cape_engine.schema import results as r
from cape_kernels import counts as kernels

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


def partial(tables: Mapping[str, pa.Table], lists: Mapping[str, Lists] | None = None) -> dict[str, Any]:
    """What the manifest counts of some tables, as groups of whole numbers that add up over partitions.

    Args:
        tables: any of entries, changes, findings, refunds and payments, by name.
        lists: the columns of lists of `entries` where they are at hand as such.
    """
    found: dict[str, Any] = {"rows": {name: table.num_rows for name, table in tables.items()}, "totals_cents": {}}
    if "entries" in tables:
        entries = tables["entries"]
        found["dispositions"] = tally(entries, r.DISPOSITION)
        found["actions"] = tally(entries, r.ACTION)
        for name, column in (("reasons", r.REASON_CODES), ("flags", r.FLAGS)):
            found[name] = tally_lists(entries, column) if lists is None else lists[column].tally()
        found["totals_cents"] |= {str(column): _sum(entries, column) for column in MONEY}
    if "findings" in tables:
        found["findings_by_severity"] = tally(tables["findings"], r.SEVERITY)
        found["findings_by_code"] = tally(tables["findings"], r.CODE)
    for name in ("refunds", "payments"):
        if name in tables:
            found["totals_cents"][f"{name}_amount_cents"] = _sum(tables[name], r.AMOUNT_CENTS)
    return found


def _sum(table: pa.Table, column: str) -> int:
    """The exact sum of an int64 column, whatever its size."""
    total, halves = 0, np.empty(2, np.int64)
    for chunk in table.column(column).chunks:
        if chunk.null_count < len(chunk):
            kernels.sum_exactly(plain(chunk, pa.int64()), known(chunk), halves)
            total += (int(halves[0]) << 32) + int(halves[1])
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
