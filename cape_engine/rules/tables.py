"""Which rule files exist, and which of them are parsed whole at loading."""

from __future__ import annotations

from cape_engine.rules.practice_tables import (
    CLAIM_DETAILS,
    CLOSURES,
    ELIGIBILITY,
    ENTRY_STATES,
    ENTRY_TYPES,
    ES003,
    EVENT_KINDS,
    FEE_CLASSES,
    FEE_LIMITS,
    HOLD_CODES,
    HOLIDAYS,
    INTEREST,
    POLICIES,
    REVIEW,
    ROUTES,
    STATUS_WORDS,
    TRANSITIONS,
)
from cape_engine.rules.read import Table
from cape_engine.rules.tariff_tables import (
    BASE,
    BLOCKS,
    BORDERLINE,
    CODES,
    COLLECTION,
    COLUMN2,
    COMPUTATION,
    DISPLACED,
    IEEPA,
    OTHER,
    PROGRAMS,
    RATE_DATES,
    RATE_UNITS,
    SLOTS,
    SPECIAL,
    SPI,
    UNITS,
    USES,
    WHOLE_UNITS,
)

__all__ = [
    "ALL",
    "BASE",
    "BLOCKS",
    "BORDERLINE",
    "CLAIM_DETAILS",
    "CLOSURES",
    "CODES",
    "COLLECTION",
    "COLUMN2",
    "COMPUTATION",
    "DISPLACED",
    "EAGER",
    "ELIGIBILITY",
    "ENTRY_STATES",
    "ENTRY_TYPES",
    "ES003",
    "EVENT_KINDS",
    "FEE_CLASSES",
    "FEE_LIMITS",
    "HOLD_CODES",
    "HOLIDAYS",
    "IEEPA",
    "INTEREST",
    "LAZY",
    "OTHER",
    "POLICIES",
    "PROGRAMS",
    "RATE_DATES",
    "RATE_UNITS",
    "REVIEW",
    "ROUTES",
    "SLOTS",
    "SPECIAL",
    "SPI",
    "STATUS_WORDS",
    "TRANSITIONS",
    "UNITS",
    "USES",
    "WHOLE_UNITS",
]

EAGER: tuple[Table, ...] = (
    IEEPA, OTHER, SPI, COMPUTATION, SLOTS, UNITS, INTEREST, FEE_LIMITS, FEE_CLASSES, ENTRY_TYPES, ELIGIBILITY, HOLIDAYS,
    CLOSURES, POLICIES, STATUS_WORDS, DISPLACED, COLUMN2, HOLD_CODES, BLOCKS, BORDERLINE, COLLECTION, RATE_DATES,
    WHOLE_UNITS, RATE_UNITS, ES003, CLAIM_DETAILS, ENTRY_STATES, TRANSITIONS, EVENT_KINDS, ROUTES, REVIEW,
)  # fmt: skip
"""Small tables, parsed whole when the ruleset is loaded."""
LAZY: tuple[Table, ...] = (BASE, SPECIAL)
"""Large tables: shape and keys are tested at loading, the values of a number when it is first asked for."""
ALL: tuple[Table, ...] = (*EAGER, *LAZY)
