"""The tables and files that a check of declarations writes (clarification 17; handbook 4.5)."""

from __future__ import annotations

import pyarrow as pa

from cape_engine.schema.column import CENTS, DAY, TEXT, WORD, WORDS, Column, arrow_schema
from cape_engine.schema.facts import ENTRY_DATE, ENTRY_NUMBER, ENTRY_TYPE, FILER_CODE, IMPORTER_NUMBER
from cape_engine.schema.ledger import ACCOUNT, CLAIM_NUMBER, FILE_NAME, FILE_SHA256, FILED_ON, SUBMITTER
from cape_engine.schema.results import (
    ACTION,
    CODE,
    DISPOSITION,
    MESSAGE,
    MESSAGES,
    PRINCIPAL_CENTS,
    REASON_CODES,
    REMEDY,
    RESULT_LIQUIDATION_DATE,
)

COUNT = pa.int64()

UPLOADS = ("Failed initial validation", "Rejected by batch validation", "passed")
FAILED_INITIAL, REJECTED_BATCH, PASSED = UPLOADS
CLAIMS = ("Accepted", "Accepted with Error(s)", "Rejected")
ACCEPTED, ACCEPTED_WITH_ERRORS, REJECTED = CLAIMS
ENTRIES = ("Entry Summary Updated", "Failed")
UPDATED, FAILED = ENTRIES

SIZE_BYTES = Column("size_bytes", COUNT, "length of the uploaded file")
UPLOAD_STATUS = Column("upload_status", WORD, "status of the upload job", source="handbook 4.5", words=UPLOADS)
CLAIM_STATUS = Column(
    "claim_status", WORD, "status of the claim; null without one", source="handbook 4.5", nullable=True, words=CLAIMS
)
LISTED = Column("entries", COUNT, "entry numbers read from the file; 0 for a file that fails initial validation")
ACCEPTED_ENTRIES = Column("accepted_entries", COUNT, "entries of the claim that passed every check")
FAILED_ENTRIES = Column("failed_entries", COUNT, "entries of the claim that failed")
ASKED_CENTS = Column(str(PRINCIPAL_CENTS), CENTS, "duty to give back", source="handbook 5.10", low=0)
RECORDED = Column(
    "recorded",
    WORD,
    "whether the ledger has it: now, since an earlier upload, as packed and not answered yet, or not at all",
    words=("recorded", "already_recorded", "packed", "not_recorded"),
)
FILE_REASONS = Column(str(REASON_CODES), WORDS, "rule_id of every failed file check, upper case, in rule order")
FILE_MESSAGES = Column(str(MESSAGES), WORDS, "words for each")

RESULT_DECLARATIONS: tuple[Column, ...] = (
    FILE_NAME,
    FILE_SHA256,
    SIZE_BYTES,
    Column(str(ACCOUNT), TEXT, "kind of account it was filed under", source="handbook 4.1"),
    SUBMITTER,
    FILED_ON,
    UPLOAD_STATUS,
    CLAIM_STATUS,
    CLAIM_NUMBER,
    LISTED,
    ACCEPTED_ENTRIES,
    FAILED_ENTRIES,
    ASKED_CENTS,
    FILE_REASONS,
    FILE_MESSAGES,
    RECORDED,
)

FILE_ROW = Column("row", COUNT, "line of the declaration as an editor counts it", nullable=True)
ENTRY_STATUS = Column(
    "entry_status", WORD, "status of the entry on the claim; null without a claim", nullable=True, words=ENTRIES
)
LIVE_CLAIM = Column("live_claim", TEXT, "claim that holds the entry already", nullable=True)
ROUTE = Column("route", WORD, "where a failed entry goes", source="failure_routes.csv", nullable=True)
WHAT_TO_DO = Column("what_to_do", TEXT, "what to do about a failed entry", source="failure_routes.csv", nullable=True)
DO_BY = Column("do_by", DAY, "last day for it", nullable=True)
PSC_UNTIL = Column("psc_until", DAY, "last day of a post summary correction", source="handbook 4.4", nullable=True)
WINDOW_UNTIL = Column("window_until", DAY, "last day on which CAPE takes the entry (80 days)", nullable=True)
PROTEST_UNTIL = Column("protest_until", DAY, "last day of a protest", source="19 USC 1514", nullable=True)
COURT_UNTIL = Column(
    "court_until", DAY, "two years after the deposit: earliest limit of a suit", source="handbook 6.6", nullable=True
)
CLAIMED_DISPOSITION = Column(
    str(DISPOSITION), WORD, "what became of the entry", words=("accepted", "rejected", "not_claimed")
)

RESULT_CLAIMED_ENTRIES: tuple[Column, ...] = (
    FILE_NAME,
    FILE_ROW,
    ENTRY_NUMBER,
    CLAIM_NUMBER,
    IMPORTER_NUMBER,
    FILER_CODE,
    ENTRY_TYPE,
    ENTRY_DATE,
    CLAIMED_DISPOSITION,
    ENTRY_STATUS,
    REASON_CODES,
    MESSAGES,
    LIVE_CLAIM,
    ASKED_CENTS,
    Column(str(ACTION), WORD, "what the schedule does with an accepted entry", words=ACTION.words),
    RESULT_LIQUIDATION_DATE,
    ROUTE,
    WHAT_TO_DO,
    DO_BY,
    PSC_UNTIL,
    WINDOW_UNTIL,
    PROTEST_UNTIL,
    COURT_UNTIL,
)

LEVEL = Column("level", WORD, "what the row speaks of", words=("file", "row", "entry"))
VALIDATION: tuple[Column, ...] = (LEVEL, FILE_ROW, ENTRY_NUMBER, CODE, MESSAGE, REMEDY, DO_BY)
"""Our form of the Validation Result File, whose columns CBP has not published (handbook 4.5)."""

RESULT_DECLARATIONS_SCHEMA = arrow_schema(RESULT_DECLARATIONS)
RESULT_CLAIMED_ENTRIES_SCHEMA = arrow_schema(RESULT_CLAIMED_ENTRIES)
