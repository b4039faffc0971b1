"""The columns of the ledger's tables, and the words its statements use."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pyarrow as pa

from cape_engine.ledger.chain import CHAINED

WHOLE = frozenset(
    "declaration link attempt entries principal_cents interest_cents amount_cents number step to_state from_state run "
    "version part parts state live code plan occurrence decision run_day "
    "review before_cents enrolment recipients debt_order source_row event payments sending lead_days notice "
    "bearing_days balance_cents".split()
)
"""Columns that hold whole numbers; every other one but `CONTENT` holds text."""
CONTENT = "content"
"""Column that holds a table (`ledger.blobs`); it stands in the chain by its digest."""
PACKED: Mapping[str, str] = {
    "facts": "declaration, part", "decisions": "decision", "enrolments": "enrolment", "payment_events": "event",
}  # fmt: skip
"""Tables with such a column, by key."""
ENTRIES = ("declaration", "entry_number", "state", "live", "step", "importer_number", "principal_cents")
LINKS = ("link", "recorded_at", "engine", "hash")
STATES = ("code", "state", "live")
SENT = ("payment", "sending", "trace")
TEXT_STATES = frozenset({"states", "payment_events"})
"""Tables whose column `state` is a word."""

ALL: Mapping[str, tuple[str, ...]] = {
    "states": STATES,
    "links": LINKS,
    **{name: (*columns, CONTENT) if name in PACKED else columns for name, columns in CHAINED.items()},
    "claim_entries": ENTRIES,
    "sent_payments": SENT,
}
"""Every table with its columns, in the order in which an empty ledger can be filled."""
KEYS: Mapping[str, str] = {
    "states": "code",
    "links": "link",
    "declarations": "declaration",
    "statuses": "declaration, number",
    "steps": "step",
    "runs": "run",
    "plans": "plan",
    "occurrences": "occurrence",
    "reviews": "review",
    "days": "played_day",
    **PACKED,
    "refunds": "refund",
    "payments": "payment",
    "debts": "debt",
    "offsets": "debt, refund",
    "sendings": "sending",
    "sent_payments": "payment",
    "notices": "notice",
    "late_interest": "payment",
    "claim_entries": "declaration, entry_number",
}
"""The key of each table, which is also the order of its export."""


def schema(table: str) -> pa.Schema:
    """The Arrow schema of a table."""
    whole = WHOLE - {"state"} if table in TEXT_STATES else WHOLE
    special = {CONTENT: pa.binary(), **dict.fromkeys(whole, pa.int64())}
    return pa.schema([(name, special.get(name, pa.string())) for name in ALL[table]])


def from_rows(table: str, rows: Sequence[Sequence[int | str | bytes | None]]) -> pa.Table:
    """Rows of a table as columns."""
    shape = schema(table)
    columns = [pa.array(cells, field.type) for cells, field in zip(zip(*rows, strict=True), shape, strict=True)]
    return pa.table(columns, schema=shape) if rows else shape.empty_table()


def select(table: str, *, chained: bool = False) -> str:
    """The statement that reads a table in the order of its key: whole, or only what stands in the chain."""
    columns = CHAINED[table] if chained and table in CHAINED else ALL[table]
    return f"SELECT {', '.join(columns)} FROM {table} ORDER BY {KEYS[table]}"  # noqa: S608 - our own names
