"""Reconciliation as a command: reports and bank files against a run or the ledger, with a report that is signed."""

from cape_engine.pipeline.reconciling.api import ReconcileOptions, reconcile, reconcile_request
from cape_engine.pipeline.reconciling.request import ReconcileRequest, ReconcileResult
from cape_engine.pipeline.reconciling.road import execute_reconcile

__all__ = [
    "ReconcileOptions",
    "ReconcileRequest",
    "ReconcileResult",
    "execute_reconcile",
    "reconcile",
    "reconcile_request",
]
