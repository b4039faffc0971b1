"""Tables of `cape pack` and `cape answers`: declarations written, entries left out, corrections, answers of CBP."""

from __future__ import annotations

import pyarrow as pa

from cape_engine.schema.claims import DO_BY, PSC_UNTIL, ROUTE, WHAT_TO_DO, WINDOW_UNTIL
from cape_engine.schema.column import FLAG, TEXT, WORD, Column, arrow_schema
from cape_engine.schema.facts import ENTRY_DATE, ENTRY_NUMBER, FILER_CODE, IMPORTER_NUMBER, SCHEDULED_LIQUIDATION_DATE
from cape_engine.schema.ledger import CLAIM_NUMBER, DECLARATION, DECLARED_ENTRIES, FILE_NAME, FILE_SHA256, STATE
from cape_engine.schema.results import MESSAGE, MESSAGES, PRINCIPAL_CENTS, REASON_CODES

URGENT_ENTRIES = Column("urgent_entries", pa.int64(), "entries inside the 80 days of a (re)liquidation")
POSITION = Column("position", pa.int32(), "place in the file, from 1")

PACKED_FILES: tuple[Column, ...] = (
    FILE_NAME,
    FILE_SHA256,
    FILER_CODE,
    IMPORTER_NUMBER,
    DECLARED_ENTRIES,
    URGENT_ENTRIES,
    WINDOW_UNTIL,
    PRINCIPAL_CENTS,
)
"""Declarations written; `window_until` is that of their most urgent entry."""
PACKED_ENTRIES: tuple[Column, ...] = (ENTRY_NUMBER, FILE_NAME, POSITION, WINDOW_UNTIL, PRINCIPAL_CENTS)
"""Entries in the order in which they stand in the files."""
LEFT_OUT: tuple[Column, ...] = (
    ENTRY_NUMBER,
    FILER_CODE,
    IMPORTER_NUMBER,
    REASON_CODES,
    MESSAGES,
    ROUTE,
    WHAT_TO_DO,
    DO_BY,
    PRINCIPAL_CENTS,
    DECLARATION,
    CLAIM_NUMBER,
    STATE,
)
"""Entries that are not packed; the last three tell of the live claim that holds an entry."""

EDIT = Column("edit", WORD, "what is wrong, in the words of a rule", source="handbook 4.4, 5.9")
BLOCKS = Column("blocks", FLAG, "whether the rule is in force on the filing day, so that CBP fails the entry")
PSC_POSSIBLE = Column("psc_possible", FLAG, "whether a correction may still be filed")
CORRECTIONS: tuple[Column, ...] = (
    ENTRY_NUMBER,
    FILER_CODE,
    IMPORTER_NUMBER,
    EDIT,
    BLOCKS,
    PSC_POSSIBLE,
    PSC_UNTIL,
    ENTRY_DATE,
    SCHEDULED_LIQUIDATION_DATE,
    PRINCIPAL_CENTS,
    WHAT_TO_DO,
)
"""Corrections to file before a declaration, the most pressing first."""


def _open(columns: tuple[Column, ...]) -> pa.Schema:
    """Columns in which anything but the entry number may be unknown."""
    return pa.schema([column.field.with_nullable(column != ENTRY_NUMBER) for column in columns])


PACKED_FILES_SCHEMA = pa.schema([column.field.with_nullable(column == WINDOW_UNTIL) for column in PACKED_FILES])
PACKED_ENTRIES_SCHEMA = arrow_schema(PACKED_ENTRIES)
LEFT_OUT_SCHEMA = _open(LEFT_OUT)
CORRECTIONS_SCHEMA = _open(CORRECTIONS)

CBP_STATUS = Column("cbp_status", WORD, "status in CBP's words", source="claim_details_columns.csv")
MEANT_RULES = Column("meant_rules", TEXT, "rules that CBP's message can mean, in capitals, by semicolons")
STATE_BEFORE = Column("state_before", WORD, "state of the claim before the answer", source="entry_states.csv")
EXPECTED = Column("expected", TEXT, "what we had expected: accepted, or the reason we had found")
AGREES = Column("agrees", FLAG, "whether CBP's answer is the expected one")
HOLD = Column("hold", FLAG, "whether `cape pack --hold` keeps the entry back until its fault is corrected")
ANSWERS: tuple[Column, ...] = (
    ENTRY_NUMBER,
    CLAIM_NUMBER,
    DECLARATION,
    CBP_STATUS,
    MESSAGE,
    MEANT_RULES,
    STATE_BEFORE,
    STATE,
    EXPECTED,
    AGREES,
)
"""Each answer of CBP, and what it changed."""
ROUTED: tuple[Column, ...] = (ENTRY_NUMBER, FILER_CODE, CLAIM_NUMBER, MESSAGE, MEANT_RULES, ROUTE, WHAT_TO_DO, HOLD)
"""Entries that CBP failed, each with the way on."""
OUR_RULE = Column("our_rule", TEXT, "the reason we had found; accepted where none")
CBP_RULE = Column("cbp_rule", TEXT, "the rule CBP's message means; accepted where none")
DIFFERING_ENTRIES = Column("differing_entries", pa.int64(), "entries with this pair")
EXAMPLE = Column("example", TEXT, "the first of them")
DIFFERENCES: tuple[Column, ...] = (OUR_RULE, CBP_RULE, DIFFERING_ENTRIES, EXAMPLE)
"""Where our answer and CBP's differ, by rule."""

ANSWERS_SCHEMA = _open(ANSWERS)
ROUTED_SCHEMA = _open(ROUTED)
DIFFERENCES_SCHEMA = arrow_schema(DIFFERENCES)
