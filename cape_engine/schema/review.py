"""The tables of manual review: what waits for an officer, what officers decide, what the ledger keeps of it."""

from __future__ import annotations

import pyarrow as pa

from cape_engine.schema.column import CENTS, DAY, TEXT, WORD, Column, arrow_schema
from cape_engine.schema.facts import ENTRY_NUMBER, FILER_CODE, IMPORTER_NUMBER
from cape_engine.schema.ledger import COUNT, DECLARATION, ON_DAY, REASON, SINCE
from cape_engine.schema.life import BASIS_DATE, EVENT_ROW, EVENT_SOURCE
from cape_engine.schema.results import PRINCIPAL_CENTS

ASSIGN, RELEASE, CHANGE, REJECT = "assign", "release", "change", "reject"
DECISIONS = (RELEASE, CHANGE, REJECT)

PICKED_BY = Column(
    "picked_by",
    TEXT,
    "rules that picked the entry, with ; between, else the reason of its step",
    source="review_rules.csv",
)
OFFICER = Column("officer", TEXT, "officer who looks at the entry", nullable=True)
LAST_RUN_DATE = Column(
    "last_run_date",
    DAY,
    "last run day of its window: within day 90, or before the law liquidates; null where nothing limits it",
    source="19 USC 1501, 1504(a)",
    nullable=True,
)
DECIDE_BY_DATE = Column(
    "decide_by_date",
    DAY,
    "last day on which a release still leaves a run day",
    source="clarification 31",
    nullable=True,
)
DAYS_LEFT = Column("days_left", COUNT, "days from the day asked for to that day; negative when too late", nullable=True)
RELEASED_TO = Column(
    "released_to_date", DAY, "run day if it were released on the day asked for", source="handbook 6.4", nullable=True
)
DECIDED = Column("decided", WORD, "decision that the next played day carries out", nullable=True, words=DECISIONS)

QUEUE: tuple[Column, ...] = (
    ENTRY_NUMBER,
    DECLARATION,
    IMPORTER_NUMBER,
    FILER_CODE,
    PRINCIPAL_CENTS,
    PICKED_BY,
    SINCE,
    OFFICER,
    BASIS_DATE,
    LAST_RUN_DATE,
    DECIDE_BY_DATE,
    DAYS_LEFT,
    RELEASED_TO,
    DECIDED,
)
"""Entries in review, the most urgent first."""

DECISION = Column("decision", WORD, "what the officer decides", source="handbook 6.4", words=DECISIONS)
NEW_PRINCIPAL = Column(
    str(PRINCIPAL_CENTS),
    CENTS,
    "new principal of a change; null otherwise",
    source="handbook 5.10",
    nullable=True,
    low=0,
)
DECISIONS_FILE: tuple[Column, ...] = (ENTRY_NUMBER, DECISION, NEW_PRINCIPAL, REASON, OFFICER)
"""Columns of a file of decisions; all but the first two may be left out or blank where they are not needed."""

ACT = Column("act", WORD, "assignment or decision", words=(ASSIGN, *DECISIONS))
BEFORE_CENTS = Column("before_cents", CENTS, "principal before a change; null otherwise", nullable=True)
REVIEWS: tuple[Column, ...] = (
    DECLARATION,
    ENTRY_NUMBER,
    ACT,
    ON_DAY,
    OFFICER,
    REASON,
    BEFORE_CENTS,
    NEW_PRINCIPAL,
    EVENT_SOURCE,
    EVENT_ROW,
)
"""Assignments and decisions, oldest first; the last one of an entry counts."""

QUEUE_SCHEMA = pa.schema([column.field.with_nullable(column != ENTRY_NUMBER) for column in QUEUE])
REVIEWS_SCHEMA = arrow_schema(REVIEWS)
