"""Reconciliation: what CBP paid against what we expected, every difference with its one cause (handbook 7.6)."""

from cape_engine.refund.reconciliation.engine import Reconciled, reconcile
from cape_engine.refund.reconciliation.expected import Expected, of_ledger, of_results, renumbered, with_run
from cape_engine.refund.reconciliation.mapping import Mapped, mappings
from cape_engine.refund.reconciliation.reading import read_reports
from cape_engine.refund.reconciliation.rows import Rows, Vocabularies

__all__ = [
    "Expected",
    "Mapped",
    "Reconciled",
    "Rows",
    "Vocabularies",
    "mappings",
    "of_ledger",
    "of_results",
    "read_reports",
    "reconcile",
    "renumbered",
    "with_run",
]
