"""The columns of the ledger's tables, and the words its statements use."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pyarrow as pa

from cape_engine.ledger.chain import CHAINED, Row

WHOLE = frozenset(
    "declaration link attempt entries principal_cents interest_cents amount_cents number step to_state from_state run "
    "version part parts state live code".split()
)
"""Columns that hold whole numbers; every other one holds text."""
ENTRIES = ("declaration", "entry_number", "state", "live", "step", "importer_number", "principal_cents")
LINKS = ("link", "recorded_at", "engine", "hash")
STATES = ("code", "state", "live")

ALL: Mapping[str, tuple[str, ...]] = {
    "states": STATES,
    "links": LINKS,
    **CHAINED,
    "claim_entries": ENTRIES,
}
"""Every table with its columns, in the order in which an empty ledger can be filled."""
KEYS: Mapping[str, str] = {
    "states": "code",
    "links": "link",
    "declarations": "declaration",
    "statuses": "declaration, number",
    "steps": "step",
    "runs": "run",
    "decisions": "declaration, entry_number, link",
    "schedules": "declaration, entry_number, link",
    "refunds": "refund",
    "payments": "payment",
    "claim_entries": "declaration, entry_number",
}
"""The key of each table, which is also the order of its export."""


def schema(table: str) -> pa.Schema:
    """The Arrow schema of a table."""
    states = table == "states"
    return pa.schema(
        [
            (name, pa.int64() if name in WHOLE and not (states and name == "state") else pa.string())
            for name in ALL[table]
        ]
    )


def from_rows(table: str, rows: Sequence[Row]) -> pa.Table:
    """Rows of a table as columns."""
    shape = schema(table)
    columns = [pa.array(cells, field.type) for cells, field in zip(zip(*rows, strict=True), shape, strict=True)]
    return pa.table(columns, schema=shape) if rows else shape.empty_table()


def select(table: str) -> str:
    """The statement that reads a table whole, in the order of its key."""
    return f"SELECT {', '.join(ALL[table])} FROM {table} ORDER BY {KEYS[table]}"  # noqa: S608 - our own names
