"""The tables of the ledger as its callers and its Parquet export see them."""

from __future__ import annotations

import pyarrow as pa

from cape_engine.schema.column import CENTS, DAY, TEXT, WORD, Column, arrow_schema
from cape_engine.schema.facts import ENTRY_NUMBER, FILER_CODE, IMPORTER_NUMBER
from cape_engine.schema.results import PRINCIPAL_CENTS

COUNT = pa.int64()

DECLARATION = Column("declaration", COUNT, "number the ledger gave to an uploaded file, from 1", low=1)
CLAIM_NUMBER = Column("claim_number", TEXT, "12 digits", source="claim_details_columns.csv", nullable=True)
STATE = Column("state", WORD, "state of the claim on the entry", source="entry_states.csv")
SINCE = Column("since", DAY, "day of the last step")
REASON = Column("reason", TEXT, "why the step was taken; CBP's message where an entry failed")
SUBMITTED_PRINCIPAL = Column(
    str(PRINCIPAL_CENTS), CENTS, "duty the claim asks back, when it is known", source="handbook 5.10", nullable=True
)
FROM_STATE = Column("from_state", WORD, "state before the step", source="entry_states.csv")
TO_STATE = Column("to_state", WORD, "state after the step", source="entry_states.csv")
ON_DAY = Column("on_day", DAY, "day on which the step happened in the world")
WHO = Column("who", TEXT, "who took the step")
STEP = Column("step", COUNT, "number of the step, from 1, in the order of the ledger", low=1)
LINK = Column("link", COUNT, "number of the transaction, from 1: the link of the hash chain", low=1)
RECORDED_AT = Column("recorded_at", TEXT, "when the transaction was written, as its caller said")
FILE_NAME = Column("file_name", TEXT, "name of the uploaded file")
FILE_SHA256 = Column("file_sha256", TEXT, "hash of its bytes")
ACCOUNT = Column("account", TEXT, "kind of account it was filed under", words=("importer", "filer", "broker"))
SUBMITTER = Column("submitter", TEXT, "filer code or importer number it was filed as")
FILED_ON = Column("filed_on", DAY, "filing day")
DECLARATION_STATUS = Column("declaration_status", TEXT, "word of the portal", source="handbook 4.5")
DECLARED_ENTRIES = Column("declared_entries", COUNT, "entries on the declaration")

SUBMITTED: tuple[Column, ...] = (ENTRY_NUMBER, STATE, REASON, IMPORTER_NUMBER, SUBMITTED_PRINCIPAL)
"""Entries of a submission; every column but the first two may be left out."""
LIVE: tuple[Column, ...] = (ENTRY_NUMBER, DECLARATION, CLAIM_NUMBER, STATE, FILER_CODE, IMPORTER_NUMBER, SINCE)
"""Claims that hold entries."""
REFUSED: tuple[Column, ...] = (ENTRY_NUMBER, DECLARATION, STATE, REASON)
"""Steps that were refused; declaration and state are null where no claim was found."""
HISTORY: tuple[Column, ...] = (
    STEP,
    LINK,
    RECORDED_AT,
    ENTRY_NUMBER,
    DECLARATION,
    CLAIM_NUMBER,
    FROM_STATE,
    TO_STATE,
    ON_DAY,
    WHO,
    REASON,
)
"""Every step of an entry, oldest first."""
DECLARED: tuple[Column, ...] = (
    DECLARATION,
    FILE_NAME,
    FILE_SHA256,
    ACCOUNT,
    SUBMITTER,
    FILED_ON,
    DECLARATION_STATUS,
    CLAIM_NUMBER,
    DECLARED_ENTRIES,
)
"""Declarations with their present status."""


def nullable(columns: tuple[Column, ...]) -> pa.Schema:
    """The schema of rows whose last facts may be unknown."""
    return pa.schema([column.field.with_nullable(column != ENTRY_NUMBER) for column in columns])


LIVE_SCHEMA = nullable(LIVE)
REFUSED_SCHEMA = nullable(REFUSED)
HISTORY_SCHEMA = nullable(HISTORY)
DECLARED_SCHEMA = arrow_schema(DECLARED)
