"""Tables of `cape whatif` and `cape risk`: what each acceptance day leads to, and what leaves which window when."""

from __future__ import annotations

import pyarrow as pa

from cape_engine.schema.claims import COURT_UNTIL, PROTEST_UNTIL, WINDOW_UNTIL
from cape_engine.schema.column import CENTS, DAY, WORD, Column, arrow_schema
from cape_engine.schema.facts import ENTRY_NUMBER, FILER_CODE, IMPORTER_NUMBER
from cape_engine.schema.results import INTEREST_CENTS, PRINCIPAL_CENTS

_COUNT = pa.int64()

ACCEPTANCE_DATE = Column("acceptance_date", DAY, "filing and acceptance day", source="clarification 3")
ELIGIBLE = Column("eligible_entries", _COUNT, "entries that pass every check on that day")
REFUND_ENTRIES = Column("refund_entries", _COUNT, "entries of them that are paid: with a date and principal above zero")
REFUND_PRINCIPAL_CENTS = Column("refund_principal_cents", CENTS, "principal of the entries that are paid")
UNKNOWN_INTEREST = Column("unknown_interest_entries", _COUNT, "paid entries whose interest a missing rate leaves open")
REFUNDS = Column("refunds", _COUNT, "refunds: one per recipient and liquidation day", source="handbook 7.3")
FIRST_PAYMENT = Column(
    "first_payment_date", DAY, "liquidation day of the first refund", source="19 CFR 159.9", nullable=True
)
LAST_PAYMENT = Column(
    "last_payment_date", DAY, "liquidation day of the last refund", source="19 CFR 159.9", nullable=True
)
HELD_ENTRIES = Column("held_entries", _COUNT, "eligible entries that wait for an event", source="handbook 6.3")
REVIEW_ENTRIES = Column("review_entries", _COUNT, "eligible entries that an officer looks at", source="handbook 6.4")
MISSED_ENTRIES = Column("missed_entries", _COUNT, "eligible entries that day 90 leaves behind", source="handbook 6.2")
UNDATED_ENTRIES = Column("undated_entries", _COUNT, "eligible entries whose day lies beyond the calendar")

WHATIF_DAYS: tuple[Column, ...] = (
    ACCEPTANCE_DATE,
    ELIGIBLE,
    PRINCIPAL_CENTS,
    REFUND_ENTRIES,
    REFUND_PRINCIPAL_CENTS,
    INTEREST_CENTS,
    UNKNOWN_INTEREST,
    REFUNDS,
    FIRST_PAYMENT,
    LAST_PAYMENT,
    HELD_ENTRIES,
    REVIEW_ENTRIES,
    MISSED_ENTRIES,
    UNDATED_ENTRIES,
)
"""One row per acceptance day; principal is that of the eligible entries."""

CHANGE_KIND = Column(
    "change_kind",
    WORD,
    "what happens to the entries from the day before to this one",
    words=("enters", "leaves", "scheduled", "unscheduled"),
)
CHANGE_REASON = Column(
    "change_reason",
    WORD,
    "first rule that stops (enters) or begins (leaves) to fail, in capitals; else the state that begins or ends",
)
CHANGED_ENTRIES = Column("changed_entries", _COUNT, "entries concerned")
WHATIF_CHANGES: tuple[Column, ...] = (ACCEPTANCE_DATE, CHANGE_KIND, CHANGE_REASON, CHANGED_ENTRIES, PRINCIPAL_CENTS)
"""What changes from the day before, by reason; the first acceptance day has none."""

_GROUP_COLUMNS: tuple[Column, ...] = (
    ACCEPTANCE_DATE,
    ELIGIBLE,
    PRINCIPAL_CENTS,
    REFUND_ENTRIES,
    REFUND_PRINCIPAL_CENTS,
    INTEREST_CENTS,
    UNKNOWN_INTEREST,
)
WHATIF_IMPORTERS: tuple[Column, ...] = (IMPORTER_NUMBER, *_GROUP_COLUMNS)
"""One row per importer and acceptance day on which the importer has an eligible entry."""
WHATIF_FILERS: tuple[Column, ...] = (FILER_CODE, *_GROUP_COLUMNS)
"""One row per filer code and acceptance day likewise."""

RISK_WINDOWS = ("claim", "reliquidation", "protest", "court")
WINDOW = Column("risk_window", WORD, "80, 90 or 180 days, or two years", source="handbook 6.1, 6.6", words=RISK_WINDOWS)
LAST_DATE = Column("last_date", DAY, "last day inside the window")
LEAVING_ENTRIES = Column("leaving_entries", _COUNT, "entries with duty to give back that leave behind that day")
FILEABLE_ENTRIES = Column("fileable_entries", _COUNT, "entries of them that CAPE takes on the day of the report")
FILEABLE_PRINCIPAL_CENTS = Column("fileable_principal_cents", CENTS, "their principal")
_RISK = (LEAVING_ENTRIES, PRINCIPAL_CENTS, FILEABLE_ENTRIES, FILEABLE_PRINCIPAL_CENTS)

RISK_DAYS: tuple[Column, ...] = (WINDOW, LAST_DATE, *_RISK)
"""One row per window and day on which entries leave it."""
FIRST_LAST_DATE = Column("first_last_date", DAY, "the first of their last days")
RISK_IMPORTERS: tuple[Column, ...] = (WINDOW, IMPORTER_NUMBER, FIRST_LAST_DATE, *_RISK)
"""One row per window and importer with entries that leave it."""
RISK_FILERS: tuple[Column, ...] = (WINDOW, FILER_CODE, FIRST_LAST_DATE, *_RISK)
"""One row per window and filer code likewise."""

DAYS_LEFT = Column("days_left", pa.int32(), "days from the report to the last day of the claim window")
WINDOW_BASIS = Column(
    "window_basis", WORD, "what the claim window is counted from", words=("liquidation", "anniversary")
)
RELIQUIDATION_UNTIL = Column(
    "reliquidation_until", DAY, "last run day up to day 90", source="19 USC 1501", nullable=True
)
RISK_ENTRIES: tuple[Column, ...] = (
    ENTRY_NUMBER,
    IMPORTER_NUMBER,
    FILER_CODE,
    WINDOW_UNTIL,
    DAYS_LEFT,
    WINDOW_BASIS,
    PRINCIPAL_CENTS,
    RELIQUIDATION_UNTIL,
    PROTEST_UNTIL,
    COURT_UNTIL,
)
"""Entries to file first: by last day, then dollars, then number."""

WHATIF_DAYS_SCHEMA = arrow_schema(WHATIF_DAYS)
WHATIF_CHANGES_SCHEMA = arrow_schema(WHATIF_CHANGES)
WHATIF_IMPORTERS_SCHEMA = arrow_schema(WHATIF_IMPORTERS)
WHATIF_FILERS_SCHEMA = arrow_schema(WHATIF_FILERS)
RISK_DAYS_SCHEMA = arrow_schema(RISK_DAYS)
RISK_IMPORTERS_SCHEMA = arrow_schema(RISK_IMPORTERS)
RISK_FILERS_SCHEMA = arrow_schema(RISK_FILERS)
RISK_ENTRIES_SCHEMA = arrow_schema(RISK_ENTRIES)
