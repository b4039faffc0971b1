"""The hash chain: one link for each transaction, SHA-256 over the hash before and the bytes of all rows it wrote."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from itertools import pairwise

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

START = "0" * 64
"""Stands before the first link."""
ENTRY_BYTES = 11

CHAINED: Mapping[str, tuple[str, ...]] = {
    "declarations": (
        "declaration", "link", "file_name", "file_sha256", "account", "submitter", "attempt", "filed_on",
        "received_at", "entries", "principal_cents", "digest",
    ),
    "statuses": ("declaration", "number", "link", "status", "claim_number", "on_day", "who", "reason"),
    "steps": (
        "step", "link", "declaration", "from_state", "to_state", "on_day", "who", "reason", "entries", "entry_numbers",
    ),
    "runs": ("run", "link", "kind", "folder", "result_hash", "manifest_sha256", "on_day", "totals", "files"),
    "facts": ("declaration", "part", "link", "entries", "digest"),
    "plans": (
        "plan", "link", "declaration", "liquidation_date", "action", "basis_date", "limit_date", "reason", "entries",
        "entry_numbers",
    ),
    "occurrences": (
        "occurrence", "link", "kind", "effective_date", "liquidation_date", "received_date", "who", "note", "source",
        "source_rows", "entries", "entry_numbers",
    ),
    "reviews": (
        "review", "link", "declaration", "act", "on_day", "officer", "reason", "before_cents", "principal_cents",
        "source", "source_rows", "entries", "entry_numbers",
    ),
    "decisions": ("decision", "link", "on_day", "entries", "principal_cents", "interest_cents", "digest"),
    "refunds": (
        "refund", "link", "recipient", "liquidation_date", "version", "entries", "principal_cents", "interest_cents",
        "amount_cents",
    ),
    "payments": ("payment", "link", "refund", "part", "parts", "amount_cents", "trace", "replaces"),
    "days": ("played_day", "link", "run_day", "counts", "result_hash"),
    "enrolments": ("enrolment", "link", "on_day", "source", "recipients", "digest"),
    "debts": (
        "debt", "link", "recipient", "creditor", "debt_order", "amount_cents", "on_day", "source", "source_row",
    ),
    "offsets": ("debt", "refund", "link", "on_day", "amount_cents"),
    "payment_events": ("event", "link", "on_day", "state", "source", "payments", "amount_cents", "digest"),
    "sendings": ("sending", "link", "on_day", "effective_day", "file_format", "payments", "amount_cents"),
    "notices": ("notice", "link", "on_day", "send_from", "lead_days", "payments", "amount_cents"),
    "late_interest": (
        "payment", "link", "refund", "on_day", "paid_on", "bearing_days", "balance_cents", "amount_cents",
    ),
}  # fmt: skip
"""Tables whose rows go into the link as they are, in this order; the entries of a declaration, and
tables inside cells, go in by digest."""

Cell = int | str | None
Row = Sequence[Cell]


def row_bytes(row: Row) -> bytes:
    """A row as the chain sees it: one line of JSON."""
    return json.dumps(list(row), ensure_ascii=True, separators=(",", ":")).encode() + b"\n"


def link_hash(before: str, link: int, recorded_at: str, engine: str, rows: Mapping[str, Sequence[Row]]) -> str:
    """The hash of a link.

    Args:
        before: hash of the link before it, `START` for the first.
        link: its number.
        recorded_at: time written on it.
        engine: version that wrote it.
        rows: rows by table (`CHAINED`), each table's in any order.
    """
    digest = hashlib.sha256(before.encode())
    digest.update(row_bytes((link, recorded_at, engine)))
    for table in CHAINED:
        found = rows.get(table, ())
        if found:
            digest.update(row_bytes((table, len(found))))
            for line in sorted(row_bytes(row) for row in found):
                digest.update(line)
    return digest.hexdigest()


def entry_bytes(numbers: pa.Array) -> npt.NDArray[np.bytes_]:
    """Entry numbers of 11 characters as fixed bytes, straight from their buffer."""
    if len(numbers) == 0:
        return np.empty(0, f"S{ENTRY_BYTES}")
    offsets = np.frombuffer(numbers.buffers()[1], np.int32)
    start = int(offsets[numbers.offset])
    data = np.frombuffer(numbers.buffers()[2], np.uint8)[start : start + ENTRY_BYTES * len(numbers)]
    return data.view(f"S{ENTRY_BYTES}")


def packed(numbers: pa.Array) -> str:
    """Entry numbers of 11 characters one after the other."""
    return entry_bytes(numbers).tobytes().decode("ascii")


def unpacked(text: str) -> pa.Array:
    """Entry numbers that stand one after the other, as a column; the text itself becomes its buffer."""
    data = text.encode()
    count = len(data) // ENTRY_BYTES
    offsets = np.arange(0, ENTRY_BYTES * (count + 1), ENTRY_BYTES, dtype=np.int64)
    found = pa.Array.from_buffers(pa.large_string(), count, [None, pa.py_buffer(offsets), pa.py_buffer(data)])
    return found.cast(pa.string())


NULL = "\x1e"
"""Stands for what is not known."""


def entries_digests(
    numbers: pa.Array, importers: pa.Array, principals: pa.Array, bounds: npt.NDArray[np.int64]
) -> list[str]:
    """The digest of each declaration's entries as they were declared, in the order of their numbers.

    Each entry is the number, the importer and the principal in cents with unit separators (0x1f) between and a line
    feed behind; databases put the same text together when they are verified.

    Args:
        numbers: entry numbers, one declaration after the other.
        importers: importer of each; null where unknown.
        principals: cents of each; null where unknown.
        bounds: first entry of each declaration, and the end of the last, shape (declarations + 1,).
    """
    if len(numbers) == 0:
        return [hashlib.sha256().hexdigest()] * (len(bounds) - 1)
    cents = pc.fill_null(principals.cast(pa.string()), NULL)
    lines = pc.binary_join_element_wise(numbers, pc.fill_null(importers, NULL), cents, "\x1f")
    lines = pc.binary_join_element_wise(lines, "", "\n").cast(pa.large_string())
    places = np.frombuffer(lines.buffers()[1], np.int64)[lines.offset :][bounds].tolist()
    text = memoryview(lines.buffers()[2])
    return [hashlib.sha256(text[low:high]).hexdigest() for low, high in pairwise(places)]
