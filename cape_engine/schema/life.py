"""The tables of the life of entries day by day, as callers of the ledger see them."""

from __future__ import annotations

import pyarrow as pa

from cape_engine.schema.column import DAY, FLAG, TEXT, WORD, Column, arrow_schema
from cape_engine.schema.facts import (
    ENTRY_DATE,
    ENTRY_NUMBER,
    ENTRY_TYPE,
    FILER_CODE,
    IMPORTER_KIND,
    IMPORTER_NUMBER,
    SCHEDULED_LIQUIDATION_DATE,
)
from cape_engine.schema.ledger import COUNT, DECLARATION, LINK, ON_DAY, REASON, SINCE, STATE, WHO
from cape_engine.schema.results import (
    ACTION,
    AMOUNT_CENTS,
    BILL_CENTS,
    INTEREST_CENTS,
    INTEREST_FROM,
    NEW_VERSION,
    PART,
    PRINCIPAL_CENTS,
    RECIPIENT,
    RESULT_LIQUIDATION_DATE,
)

ACCEPTED_DATE = Column("accepted_date", DAY, "day on which the claim on the entry was accepted")
YEAR_END = Column(
    "year_end_date", DAY, "day on which the law liquidates the entry as filed", source="19 USC 1504(a)", nullable=True
)
BASIS_DATE = Column(
    "basis_date",
    DAY,
    "liquidation that starts the 90 days; null if none",
    source="19 USC 1501",
    nullable=True,
)
LIMIT_DATE = Column(
    "limit_date", DAY, "day on which the law liquidates the entry, where an event moved it", source="19 USC 1504",
    nullable=True,
)  # fmt: skip
HOLD = Column(
    "hold",
    WORD,
    "why the entry waits; null where it does not",
    source="handbook 6.3",
    nullable=True,
    words=("extended", "suspended", "under_review", "warehouse", "adcvd"),
)
DEPOSIT_DATES = Column("deposit_dates", pa.list_(pa.date32()), "days of the deposits that the principal comes from")
DEPOSIT_AMOUNTS = Column("deposit_amounts_cents", pa.list_(pa.int64()), "how much of the principal comes from each")
FLAG_WORDS = Column("flag_words", WORD, "flags of the entry, sorted, with ; between")
PICKED = Column("picked", FLAG, "picked for review", source="handbook 6.4")

FACTS: tuple[Column, ...] = (
    ENTRY_NUMBER,
    IMPORTER_NUMBER,
    RECIPIENT,
    FILER_CODE,
    ENTRY_TYPE,
    ENTRY_DATE,
    IMPORTER_KIND,
    ACCEPTED_DATE,
    YEAR_END,
    BASIS_DATE,
    SCHEDULED_LIQUIDATION_DATE,
    HOLD,
    DEPOSIT_DATES,
    DEPOSIT_AMOUNTS,
    PRINCIPAL_CENTS,
    BILL_CENTS,
    FLAG_WORDS,
    NEW_VERSION,
    PICKED,
)
"""What the life must know of each entry of a declaration, each entry once."""

PLANS: tuple[Column, ...] = (
    DECLARATION,
    ENTRY_NUMBER,
    RESULT_LIQUIDATION_DATE,
    ACTION,
    BASIS_DATE,
    LIMIT_DATE,
    REASON,
)
"""When entries are to be decided; a null in basis or limit leaves what was known."""

EVENT_KIND = Column("kind", WORD, "kind of the event", source="event_kinds.csv")
EFFECTIVE_DATE = Column("effective_date", DAY, "day from which the event holds")
EVENT_LIQUIDATION_DATE = Column(
    str(RESULT_LIQUIDATION_DATE), DAY, "liquidation day that the event gives", source="handbook 6.3", nullable=True
)
RECEIVED_DATE = Column("received_date", DAY, "day on which it is played: effective day, or the first day still to come")
NOTE = Column("note", TEXT, "words that came with the event; the new status of STATUS_CHANGED")
EVENT_SOURCE = Column("source", WORD, "file the event came from")
EVENT_ROW = Column("row", COUNT, "line of the file as an editor counts it; 0 where there is no file")

EVENTS_FILE: tuple[Column, ...] = (ENTRY_NUMBER, EVENT_KIND, EFFECTIVE_DATE, EVENT_LIQUIDATION_DATE, NOTE)
"""Columns of a file of events; liquidation date and note may be left out or blank."""

OCCURRENCES: tuple[Column, ...] = (*EVENTS_FILE, RECEIVED_DATE, WHO, EVENT_SOURCE, EVENT_ROW)
"""What happened outside, as it arrived."""

REFUND = Column("refund", TEXT, "key of the refund the entry is paid with; null where nothing is paid", nullable=True)
REASON_CODE = Column("reason_code", WORD, "36: IEEPA duty removed by CAPE", source="ESQ v26")
DECISIONS: tuple[Column, ...] = (
    DECLARATION,
    ENTRY_NUMBER,
    ON_DAY,
    ACTION,
    REASON_CODE,
    NEW_VERSION,
    PRINCIPAL_CENTS,
    INTEREST_CENTS,
    INTEREST_FROM,
    RECIPIENT,
    REFUND,
)
"""Decisions of run days; a later row of an entry replaces an earlier one (interest whose rate was not known yet)."""

PLAYED_DAY = Column("played_day", DAY, "day that was played")
RUN_DAY = Column("run_day", FLAG, "whether CAPE liquidated on it")
DAY_COUNTS = Column("counts", TEXT, "entries and cents by name, as JSON")
DAY_HASH = Column("day_hash", TEXT, "hash of what the day decided")
DAYS: tuple[Column, ...] = (PLAYED_DAY, LINK, RUN_DAY, DAY_COUNTS, DAY_HASH)
"""Days that were played, oldest first."""

COHORT_VERSION = Column("version", COUNT, "version of the cohort, from 1", low=1)
REFUNDED_ENTRIES = Column("entries", COUNT, "entries of the cohort")
COHORTS: tuple[Column, ...] = (
    REFUND,
    RECIPIENT,
    RESULT_LIQUIDATION_DATE,
    COHORT_VERSION,
    REFUNDED_ENTRIES,
    PRINCIPAL_CENTS,
    INTEREST_CENTS,
    AMOUNT_CENTS,
)
"""Refunds of the ledger: one per recipient, day and version."""
PAYMENT = Column("payment", TEXT, "key of the payment")
PAID_PARTS = Column("parts", COUNT, "payments the refund is split into")
PAID_PART = Column(str(PART), COUNT, "number of this part, from 1")
PAYMENTS: tuple[Column, ...] = (PAYMENT, REFUND, PAID_PART, PAID_PARTS, AMOUNT_CENTS)
"""Payments of the ledger."""

AS_OF: tuple[Column, ...] = (ENTRY_NUMBER, DECLARATION, STATE, SINCE)
"""Where every entry of every declaration stood on a day."""

FACTS_SCHEMA = pa.schema([column.field.with_nullable(column != ENTRY_NUMBER) for column in FACTS])
PLANS_SCHEMA = arrow_schema(PLANS)
OCCURRENCES_SCHEMA = arrow_schema(OCCURRENCES)
DECISIONS_SCHEMA = arrow_schema(DECISIONS)
DAYS_SCHEMA = arrow_schema(DAYS)
COHORTS_SCHEMA = pa.schema([column.field.with_nullable(nullable=True) for column in COHORTS])
PAYMENTS_SCHEMA = pa.schema([column.field.with_nullable(nullable=True) for column in PAYMENTS])
AS_OF_SCHEMA = arrow_schema(AS_OF)
