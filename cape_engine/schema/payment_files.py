"""Payment files: instructions to a bank, the accounts they go to, and what is held back."""

from __future__ import annotations

import pyarrow as pa

from cape_engine.schema.column import CENTS, TEXT, WORD, Column, arrow_schema
from cape_engine.schema.facts import (
    ACCOUNT_KIND,
    ACCOUNT_NUMBER,
    ACH_ENROLLED,
    IMPORTER_NUMBER,
    NAME,
    ROUTING_NUMBER,
)
from cape_engine.schema.results import (
    AMOUNT_CENTS,
    PART,
    PARTS,
    PAYMENT_KEY,
    RECIPIENT,
    RESULT_LIQUIDATION_DATE,
    STATUS,
)

IMPORTER_KEY = Column(
    "importer_key", TEXT, "importer number without dashes, blanks and case", source="clarification 15"
)
DIFFERS_IN = Column(
    "differs_in", WORD, "column in which two rows of the importer differ; null when none does", nullable=True
)
UNKNOWN_IN = Column(
    "unknown_in", WORD, "column in which a row of the importer holds a word that nobody knows", nullable=True
)
ACCOUNT_SOURCE = Column("account_source", WORD, "importers file that names the account")
ACCOUNT_ROW = Column("account_row", pa.int64(), "its row, as an editor counts it")
ACCOUNT_ROWS: tuple[Column, ...] = (
    IMPORTER_KEY,
    IMPORTER_NUMBER,
    ACH_ENROLLED,
    ROUTING_NUMBER,
    ACCOUNT_NUMBER,
    ACCOUNT_KIND,
    NAME,
    DIFFERS_IN,
    UNKNOWN_IN,
    ACCOUNT_SOURCE,
    ACCOUNT_ROW,
)
"""Accounts as importers files give them, one row an importer, in the order of the keys; never written."""

MOST_PART_CENTS = 9_999_999_999  # ten digits of a NACHA entry (handbook 7.5), the Treasury cap as well

COHORT = Column("cohort", TEXT, "key of the refund that the payment is a part of: that of its part 1")
COHORT_VERSION = Column("cohort_version", pa.int32(), "version of the refund; a changed cohort is a new version", low=1)
REFERENCE = Column("reference", TEXT, "what the recipient's bank shows; the same for all parts", source="handbook 7.4")
PART_CENTS = Column(str(AMOUNT_CENTS), CENTS, "money of the part", source="handbook 7.5", low=1, high=MOST_PART_CENTS)

INSTRUCTIONS: tuple[Column, ...] = (
    PAYMENT_KEY,
    COHORT,
    COHORT_VERSION,
    Column(str(RECIPIENT), WORD, "importer or 4811 party that is paid"),
    Column(str(RESULT_LIQUIDATION_DATE), RESULT_LIQUIDATION_DATE.type, "day of the (re)liquidation"),
    PART,
    PARTS,
    PART_CENTS,
    REFERENCE,
)
"""Payments that go into files, without the accounts that they go to."""

TRACE = Column("trace", TEXT, "trace number in the NACHA file: bank of the originator and sequence", nullable=True)
NACHA_FILE = Column("nacha_file", WORD, "NACHA file that the payment stands in", nullable=True)
END_TO_END_ID = Column("end_to_end_id", TEXT, "identification in the pain.001 file: cohort and part", nullable=True)
PAIN_FILE = Column("pain_file", WORD, "pain.001 file that the payment stands in", nullable=True)
SHOWN_ROUTING = Column("routing_shown", TEXT, "routing number, masked or encrypted", nullable=True)
SHOWN_ACCOUNT = Column(
    "account_shown", TEXT, "account number, masked or encrypted (refund.account_numbers)", nullable=True
)
WRITTEN: tuple[Column, ...] = (
    *INSTRUCTIONS,
    TRACE,
    NACHA_FILE,
    END_TO_END_ID,
    PAIN_FILE,
    SHOWN_ROUTING,
    SHOWN_ACCOUNT,
)
"""Rows of instructions.parquet: where each payment stands in the bank files."""

HELD_REASON = Column("held_reason", WORD, "status of the run, or code of the finding that holds the payment")
HELD: tuple[Column, ...] = (
    PAYMENT_KEY,
    RECIPIENT,
    RESULT_LIQUIDATION_DATE,
    PART,
    PARTS,
    Column(str(PART_CENTS), CENTS, "money held back"),
    STATUS,
    HELD_REASON,
)
"""Rows of held.csv: payments of the run that stand in no file, and why."""

ACCOUNT_ROWS_SCHEMA = pa.schema(
    [column.field.with_nullable(column not in {IMPORTER_KEY, ACCOUNT_SOURCE, ACCOUNT_ROW}) for column in ACCOUNT_ROWS]
)
INSTRUCTIONS_SCHEMA = arrow_schema(INSTRUCTIONS)
WRITTEN_SCHEMA = arrow_schema(WRITTEN)
HELD_SCHEMA = pa.schema([column.field.with_nullable(column != PAYMENT_KEY) for column in HELD])
