"""The tables a run writes: names and meanings promised to other systems (design, section 4)."""

from __future__ import annotations

import pyarrow as pa

from cape_engine.schema.column import CENTS, DAY, TEXT, WORD, WORDS, Column, arrow_schema
from cape_engine.schema.facts import ENTRY_DATE, ENTRY_NUMBER, ENTRY_TYPE, FILER_CODE, IMPORTER_NUMBER, LIQUIDATION_DATE
from cape_engine.schema.rows import HTS_NUMBER, LINE_NUMBER, ORDINAL, SOURCE_ROW

DISPOSITION = Column("disposition", WORD, "what became of the entry", words=("accepted", "rejected", "not_claimed"))
REASON_CODES = Column(
    "reason_codes", WORDS, "rule_id of every failed rule, upper case, in rule order", source="clarification 1"
)
MESSAGES = Column("messages", WORDS, "CBP's words for each reason, else ours", source="clarification 1")
FLAGS = Column("flags", WORDS, "what a person should know about the entry, sorted")
FILED_DUTY_CENTS = Column("filed_duty_cents", CENTS, "sum of the duty filed on the numbers (class 001)")
REMOVED_IEEPA_CENTS = Column("removed_ieepa_cents", CENTS, "duty that stood on the removed numbers")
RESTORED_COLUMN1_CENTS = Column(
    "restored_column1_cents", CENTS, "what was added to the base numbers", source="clarification 13"
)
RECALCULATED_DUTY_CENTS = Column("recalculated_duty_cents", CENTS, "duty of the new version, mode A", nullable=True)
RECOMPUTED_DUTY_CENTS = Column("recomputed_duty_cents", CENTS, "duty of the new version, mode B", nullable=True)
PRINCIPAL_CENTS = Column("principal_cents", CENTS, "duty to give back", source="handbook 5.10", low=0)
BILL_CENTS = Column("bill_cents", CENTS, "duty still owed; never billed automatically", source="handbook 5.10", low=0)
INTEREST_CENTS = Column(
    "interest_cents", CENTS, "interest on the principal; null when a quarter has no rate", nullable=True, low=0
)
INTEREST_FROM = Column("interest_from", DAY, "deposit day, itself not counted", nullable=True)
INTEREST_TO = Column("interest_to", DAY, "(re)liquidation day, itself counted", nullable=True)
ACTION = Column("action", WORD, "what the schedule does", words=("liquidate", "reliquidate", "wait", "none"))
RESULT_LIQUIDATION_DATE = Column(
    str(LIQUIDATION_DATE), DAY, "planned day of the CAPE (re)liquidation", source="19 CFR 159.9", nullable=True
)
RECIPIENT = Column("recipient", WORD, "importer or 4811 party that is paid", source="CSMS 68340863", nullable=True)
PAYMENT_ID = Column("payment_id", TEXT, "part 1 of the payment of the entry's cohort", nullable=True)
NEW_VERSION = Column(
    "new_version", WORD, "version after removal: minor part plus one", source="CSMS 68340863", nullable=True
)

RESULT_ENTRIES: tuple[Column, ...] = (
    ENTRY_NUMBER,
    IMPORTER_NUMBER,
    FILER_CODE,
    ENTRY_TYPE,
    ENTRY_DATE,
    DISPOSITION,
    REASON_CODES,
    MESSAGES,
    FLAGS,
    FILED_DUTY_CENTS,
    REMOVED_IEEPA_CENTS,
    RESTORED_COLUMN1_CENTS,
    RECALCULATED_DUTY_CENTS,
    RECOMPUTED_DUTY_CENTS,
    PRINCIPAL_CENTS,
    BILL_CENTS,
    INTEREST_CENTS,
    INTEREST_FROM,
    INTEREST_TO,
    ACTION,
    RESULT_LIQUIDATION_DATE,
    RECIPIENT,
    PAYMENT_ID,
    NEW_VERSION,
)

CHANGE = Column("change", WORD, "what happened to the number", words=("removed", "restored", "moved_value", "kept"))
RULE = Column("rule", TEXT, "the rule that did it")
SOURCE = Column("source", TEXT, "file the row came from")
GAP_CENTS = Column("gap_cents", CENTS, "mode A minus mode B on the line; null when B cannot be computed", nullable=True)
RESULT_CHANGES: tuple[Column, ...] = (
    ENTRY_NUMBER,
    LINE_NUMBER,
    ORDINAL,
    HTS_NUMBER,
    CHANGE,
    FILED_DUTY_CENTS,
    Column(str(RECALCULATED_DUTY_CENTS), CENTS, "duty of the number on the new version"),
    GAP_CENTS,
    RULE,
    SOURCE,
    SOURCE_ROW,
)

IMPORTERS = Column("importers", pa.int64(), "importers of record in the cohort")
ENTRIES = Column("entries", pa.int64(), "entries with principal above zero in the cohort")
AMOUNT_CENTS = Column("amount_cents", CENTS, "principal and interest")
PARTS = Column("parts", pa.int32(), "payments the amount is split into")
STATUS = Column(
    "status",
    WORD,
    "state of the payment",
    words=("ready", "held_no_ach", "held_no_recipient", "held_no_interest_rate", "offset"),
)
PART = Column("part", pa.int32(), "number of this part, from 1")
PAYMENT_KEY = Column(str(PAYMENT_ID), TEXT, "key of the payment: recipient, day, cohort version, part")

RESULT_REFUNDS: tuple[Column, ...] = (
    RECIPIENT,
    RESULT_LIQUIDATION_DATE,
    IMPORTERS,
    ENTRIES,
    PRINCIPAL_CENTS,
    INTEREST_CENTS,
    AMOUNT_CENTS,
    PARTS,
    STATUS,
)
RESULT_PAYMENTS: tuple[Column, ...] = (
    PAYMENT_KEY,
    RECIPIENT,
    RESULT_LIQUIDATION_DATE,
    PART,
    PARTS,
    AMOUNT_CENTS,
    STATUS,
)

CODE = Column("code", WORD, "what was found; see the list of findings")
SEVERITY = Column("severity", WORD, "info, warning or error", words=("info", "warning", "error"))
FINDING_SOURCE = Column("source", WORD, "file or part of the run", nullable=True)
ROW = Column("row", pa.int64(), "line of the file as an editor counts it", nullable=True)
COLUMN = Column("column", WORD, "column of the file, in the file's own words", nullable=True)
VALUE = Column("value", TEXT, "the value found", nullable=True)
FINDING_ENTRY = Column(str(ENTRY_NUMBER), TEXT, "entry concerned", nullable=True)
MESSAGE = Column("message", TEXT, "what is wrong")
REMEDY = Column("remedy", TEXT, "what to do")
RESULT_FINDINGS: tuple[Column, ...] = (
    CODE,
    SEVERITY,
    FINDING_SOURCE,
    ROW,
    COLUMN,
    VALUE,
    FINDING_ENTRY,
    MESSAGE,
    REMEDY,
)

RESULT_ENTRIES_SCHEMA = arrow_schema(RESULT_ENTRIES)
RESULT_CHANGES_SCHEMA = arrow_schema(RESULT_CHANGES)
RESULT_REFUNDS_SCHEMA = arrow_schema(RESULT_REFUNDS)
RESULT_PAYMENTS_SCHEMA = arrow_schema(RESULT_PAYMENTS)
RESULT_FINDINGS_SCHEMA = arrow_schema(RESULT_FINDINGS)
