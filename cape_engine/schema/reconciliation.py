"""What CBP's reports and bank files are asked for, and the tables that `cape reconcile` writes (handbook 7.6)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import pyarrow as pa

from cape_engine.schema.column import CENTS, DAY, TEXT, WORD, Column, arrow_schema
from cape_engine.schema.facts import ENTRY_NUMBER
from cape_engine.schema.ledger import CLAIM_NUMBER
from cape_engine.schema.results import RECIPIENT, RESULT_LIQUIDATION_DATE

COUNT = pa.int64()

CAUSES = (
    "MATCH",
    "ROUNDING",
    "RATE_KIND",
    "INTEREST_METHOD",
    "INTEREST_DATES",
    "MODE_GAP",
    "COLUMN1_NOT_RESTORED",
    "NETTED",
    "FUNDS_DIVERTED",
    "HELD_NO_ACH",
    "RETURNED",
    "SPLIT_PAYMENT",
    "OTHER_COHORT",
    "PRIOR_REFUND",
    "DUPLICATE_CLAIM",
    "OTHER_RECIPIENT",
    "NOT_YET",
    "MISSING_IN_REPORT",
    "UNKNOWN_IN_REPORT",
    "UNEXPLAINED",
)
"""The cause codes of handbook 7.6, each entry, cohort and bank line ends in one of them."""

_UNPUBLISHED = "handbook 7.6: columns unpublished, to be mapped"
REFUND_NUMBER = Column("refund_number", TEXT, "CBP's number of a refund", source="ES-022", nullable=True)
REFUND_PRINCIPAL = Column("refund_principal", TEXT, "duty given back, dollars", source=_UNPUBLISHED)
REFUND_INTEREST = Column("refund_interest", TEXT, "interest paid, dollars", source=_UNPUBLISHED)
REFUND_AMOUNT = Column("refund_amount", TEXT, "principal and interest together, dollars", source=_UNPUBLISHED)
PRIOR_REFUND = Column("prior_refund", TEXT, "already given back before, dollars", source=_UNPUBLISHED)
NETTED_AMOUNT = Column("netted_amount", TEXT, "kept for other differences of the entry, dollars", source=_UNPUBLISHED)
REFUND_DATE = Column("refund_date", DAY, "(re)liquidation day that the refund belongs to", source=_UNPUBLISHED)
REFUND_STATUS = Column(
    "refund_status",
    TEXT,
    "Sent to Treasury, Treasury Issued, Funds Diverted or Check/ACH Returned",
    source="CSMS 68536553",
)
STATUS_DATE = Column("status_date", DAY, "day of the status", source=_UNPUBLISHED)
ACH_TRACE_NUMBER = Column("ach_trace_number", TEXT, "trace of the payment", source=_UNPUBLISHED, nullable=True)
REPORT_RECIPIENT = Column(str(RECIPIENT), TEXT, "who was paid: importer or 4811 party", source=_UNPUBLISHED)
CURRENCY = Column("currency", TEXT, "currency of the row; only USD is reconciled", source=_UNPUBLISHED)
CLAIM_STATUS_SAID = Column("entry_claim_status", TEXT, "Entry Summary Updated or Failed", source="handbook 4.5")
CLAIM_MESSAGE_SAID = Column("error_message", TEXT, "why CBP failed the entry", source="handbook 4.5")
VALUE_DATE = Column("value_date", DAY, "day of the deposit", source="the recipient's bank")
DEPOSIT_AMOUNT = Column("deposit_amount", TEXT, "amount of the deposit, dollars", source="the recipient's bank")
BANK_REFERENCE = Column(
    "bank_reference", TEXT, "what the bank says of the deposit", source="the recipient's bank", nullable=True
)
IGNORED = Column("ignore", TEXT, "a heading that is known and not used")

MONEY = (REFUND_PRINCIPAL, REFUND_INTEREST, REFUND_AMOUNT, PRIOR_REFUND, NETTED_AMOUNT, DEPOSIT_AMOUNT)
"""Columns that hold dollars as text."""
DAYS = (REFUND_DATE, STATUS_DATE, VALUE_DATE)


class Report(NamedTuple):
    """A kind of file that can be reconciled.

    Attributes:
        title: as CBP calls it.
        columns: what a heading may be mapped to.
        needed: groups of columns; of each group at least one must be mapped.
        key: the column that says what a row is about.
    """

    title: str
    columns: tuple[Column, ...]
    needed: tuple[tuple[Column, ...], ...]
    key: Column


_OF_ENTRY = (
    ENTRY_NUMBER,
    CLAIM_NUMBER,
    REFUND_NUMBER,
    REFUND_PRINCIPAL,
    REFUND_INTEREST,
    REFUND_AMOUNT,
    PRIOR_REFUND,
    NETTED_AMOUNT,
    REFUND_DATE,
    REPORT_RECIPIENT,
    CURRENCY,
)
_OF_REFUND = (
    REFUND_NUMBER,
    REFUND_AMOUNT,
    REFUND_STATUS,
    STATUS_DATE,
    REFUND_DATE,
    REPORT_RECIPIENT,
    ACH_TRACE_NUMBER,
    CURRENCY,
)
_ENTRY_NEEDS = ((ENTRY_NUMBER,), (REFUND_PRINCIPAL, REFUND_AMOUNT), (REFUND_INTEREST, REFUND_AMOUNT))
REPORTS: Mapping[str, Report] = {
    "es022": Report("ES-022", _OF_ENTRY, _ENTRY_NEEDS, ENTRY_NUMBER),
    "rev603": Report("REV-603", _OF_REFUND, ((REFUND_NUMBER,), (REFUND_AMOUNT,), (REFUND_STATUS,)), REFUND_NUMBER),
    "rev613": Report(
        "REV-613",
        (REFUND_NUMBER, ENTRY_NUMBER, REFUND_AMOUNT, REFUND_DATE, REPORT_RECIPIENT, CURRENCY),
        ((REFUND_NUMBER,),),
        REFUND_NUMBER,
    ),
    "rev615": Report("REV-615", (*_OF_ENTRY, REFUND_STATUS, STATUS_DATE, ACH_TRACE_NUMBER), _ENTRY_NEEDS, ENTRY_NUMBER),
    "es701": Report("ES-701", _OF_ENTRY, _ENTRY_NEEDS, ENTRY_NUMBER),
    "claim_details": Report(
        "Claim Details",
        (ENTRY_NUMBER, CLAIM_NUMBER, CLAIM_STATUS_SAID, CLAIM_MESSAGE_SAID),
        ((ENTRY_NUMBER,), (CLAIM_NUMBER,), (CLAIM_STATUS_SAID,)),
        ENTRY_NUMBER,
    ),
    "bank": Report(
        "bank file",
        (VALUE_DATE, DEPOSIT_AMOUNT, ACH_TRACE_NUMBER, BANK_REFERENCE, REPORT_RECIPIENT, CURRENCY),
        ((DEPOSIT_AMOUNT,), (VALUE_DATE,)),
        DEPOSIT_AMOUNT,
    ),
}
"""Every kind of file, by the name that options and settings use."""

CAUSE = Column("cause", WORD, "the one cause of the difference", source="handbook 7.6", words=CAUSES)
DETAIL = Column("detail", WORD, "what exactly it equals, or what is ambiguous", nullable=True)
EXPECTED_PRINCIPAL = Column("expected_principal_cents", CENTS, "duty to give back, as we computed it")
EXPECTED_INTEREST = Column("expected_interest_cents", CENTS, "interest, as we computed it; 0 where a rate is missing")
EXPECTED = Column("expected_cents", CENTS, "what we expect: principal and interest")
REPORTED_PRINCIPAL = Column("reported_principal_cents", CENTS, "duty given back, as CBP reports it", nullable=True)
REPORTED_INTEREST = Column("reported_interest_cents", CENTS, "interest, as CBP reports it", nullable=True)
REPORTED = Column("reported_cents", CENTS, "principal and interest, as CBP reports them", nullable=True)
PAID = Column(
    "paid_cents", CENTS, "what of it was paid by the reports and the bank: nothing of what is held, kept or came back"
)
DIFFERENCE = Column("difference_cents", CENTS, "paid less expected")
EXPLAINED = Column("explained_cents", CENTS, "what of the difference the cause explains")
LEFT = Column("left_cents", CENTS, "what of the difference is left: difference less explained")
REPORT_NAME = Column("report", WORD, "report that the amounts come from", nullable=True)
REPORT_ROW = Column("report_row", COUNT, "its row, as an editor or spreadsheet counts it", nullable=True)
COHORT_KEY = Column(
    "cohort", TEXT, "key of our refund: payment key of its first part, or the ledger's key", nullable=True
)
PARTS_SEEN = Column("parts_seen", COUNT, "payments of it that reports or bank show")
LINES_SEEN = Column("bank_lines", COUNT, "deposits that belong to it")
COHORT_ENTRIES = Column("cohort_entries", COUNT, "entries of ours in it")
REFUND_NUMBERS = Column("refund_numbers", TEXT, "CBP's numbers of it, at most five", nullable=True)
HOW = Column(
    "how",
    WORD,
    "how the deposit was tied to refunds",
    words=("trace", "reference", "amount", "sum", "ambiguous", "none"),
)
COHORTS_OF_LINE = Column("cohorts", TEXT, "our refunds that it pays, keys with + between", nullable=True)
BANK_AMOUNT = Column("bank_amount_cents", CENTS, "amount of the deposit")
BANK_FILE = Column("bank_file", WORD, "file of the bank")
BANK_ROW = Column("bank_row", COUNT, "its row, as an editor or spreadsheet counts it")
LEVEL = Column("reconciled", WORD, "what is counted", words=("entries", "cohorts", "bank"))
ITEMS = Column("items", COUNT, "how many")
WHO_ACTS = Column("who_acts", WORD, "who acts next", source="cause_codes.csv")
NEXT_STEP = Column("next_step", TEXT, "what to do", source="cause_codes.csv")

_MONEY_TAIL = (PAID, DIFFERENCE, EXPLAINED, LEFT, CAUSE, DETAIL)
RECONCILED_RECIPIENT = Column(str(RECIPIENT), WORD, "importer or 4811 party that we expect to be paid", nullable=True)
RECONCILED_ENTRIES: tuple[Column, ...] = (
    ENTRY_NUMBER,
    CLAIM_NUMBER,
    REFUND_NUMBER,
    RECONCILED_RECIPIENT,
    RESULT_LIQUIDATION_DATE,
    COHORT_KEY,
    EXPECTED_PRINCIPAL,
    EXPECTED_INTEREST,
    EXPECTED,
    REPORTED_PRINCIPAL,
    REPORTED_INTEREST,
    REPORTED,
    *_MONEY_TAIL,
    REPORT_NAME,
    REPORT_ROW,
)
"""One row per entry that we expect or that a report names, sorted by entry number."""
RECONCILED_COHORTS: tuple[Column, ...] = (
    COHORT_KEY,
    RECONCILED_RECIPIENT,
    RESULT_LIQUIDATION_DATE,
    REFUND_NUMBERS,
    COHORT_ENTRIES,
    EXPECTED,
    REPORTED,
    *_MONEY_TAIL,
    PARTS_SEEN,
    LINES_SEEN,
)
"""One row per refund of ours, then one per refund number that belongs to none of them."""
RECONCILED_BANK: tuple[Column, ...] = (
    BANK_FILE,
    BANK_ROW,
    VALUE_DATE,
    ACH_TRACE_NUMBER,
    BANK_REFERENCE,
    BANK_AMOUNT,
    Column(str(EXPECTED), CENTS, "what of our refunds the deposit should be"),
    DIFFERENCE,
    EXPLAINED,
    LEFT,
    CAUSE,
    DETAIL,
    HOW,
    COHORTS_OF_LINE,
)
"""One row per deposit, in the order of the files."""
RECONCILED_SUMMARY: tuple[Column, ...] = (
    LEVEL,
    CAUSE,
    ITEMS,
    EXPECTED,
    PAID,
    DIFFERENCE,
    EXPLAINED,
    LEFT,
    WHO_ACTS,
    NEXT_STEP,
)
"""One row per level and cause; of each level the sums tie: expected + difference = paid."""

RECONCILED_ENTRIES_SCHEMA = arrow_schema(RECONCILED_ENTRIES)
RECONCILED_COHORTS_SCHEMA = arrow_schema(RECONCILED_COHORTS)
RECONCILED_BANK_SCHEMA = pa.schema([c.field.with_nullable(c != BANK_AMOUNT) for c in RECONCILED_BANK])
RECONCILED_SUMMARY_SCHEMA = arrow_schema(RECONCILED_SUMMARY)
