"""Tables around consolidation: entry refunds that go in, and what each importer has in a shared refund."""

from __future__ import annotations

from cape_engine.schema.column import Column, arrow_schema
from cape_engine.schema.facts import ENTRY_NUMBER, IMPORTER_NUMBER
from cape_engine.schema.life import COHORT_VERSION
from cape_engine.schema.results import (
    ENTRIES,
    INTEREST_CENTS,
    PRINCIPAL_CENTS,
    RECIPIENT,
    RESULT_LIQUIDATION_DATE,
    RESULT_PAYMENTS,
    RESULT_REFUNDS,
)

ENTRY_REFUNDS: tuple[Column, ...] = (
    ENTRY_NUMBER,
    IMPORTER_NUMBER,
    RECIPIENT,
    RESULT_LIQUIDATION_DATE,
    PRINCIPAL_CENTS,
    INTEREST_CENTS,
)
"""Refunds of entries before consolidation, one row each."""
SUBTOTALS: tuple[Column, ...] = (
    RECIPIENT,
    RESULT_LIQUIDATION_DATE,
    IMPORTER_NUMBER,
    ENTRIES,
    PRINCIPAL_CENTS,
    INTEREST_CENTS,
)
"""What each importer has in a refund that is paid to a 4811 party, or for several importers (handbook 7.3)."""
VERSIONED_REFUNDS: tuple[Column, ...] = (*RESULT_REFUNDS, COHORT_VERSION)
VERSIONED_PAYMENTS: tuple[Column, ...] = (*RESULT_PAYMENTS, COHORT_VERSION)
VERSIONED_SUBTOTALS: tuple[Column, ...] = (*SUBTOTALS, COHORT_VERSION)
"""As above, with the version of the cohort: entries that come later are refunded under the next one (handbook 7.4)."""

ENTRY_REFUNDS_SCHEMA = arrow_schema(ENTRY_REFUNDS)
SUBTOTALS_SCHEMA = arrow_schema(SUBTOTALS)
VERSIONED_REFUNDS_SCHEMA = arrow_schema(VERSIONED_REFUNDS)
VERSIONED_PAYMENTS_SCHEMA = arrow_schema(VERSIONED_PAYMENTS)
VERSIONED_SUBTOTALS_SCHEMA = arrow_schema(VERSIONED_SUBTOTALS)
