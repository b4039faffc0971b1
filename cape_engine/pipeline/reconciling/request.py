"""What is asked of a reconciliation, and what comes back."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa

from cape_engine.pipeline.tables_result import TablesResult
from cape_engine.settings import Settings

if TYPE_CHECKING:
    pass


@dataclass(frozen=True, slots=True)
class ReconcileRequest:
    """One reconciliation, with every choice made.

    Attributes:
        as_of: day of the reconciliation: what is liquidated later is not due yet.
        settings: in force.
        results: folder of a finished run.
        ledger: path or URL of a ledger; with both, the ledger says what is expected, and the run knows mode B.
        reports: files by kind of report (`schema.reconciliation.REPORTS`).
        columns: TOML with the headings of the reports.
        out: folder for tables, page and workbook; without it nothing is written.
        rules: folder of rule files.
        command: written into the manifest.
    """

    as_of: dt.date
    settings: Settings
    results: Path | None = None
    ledger: str | None = None
    reports: Mapping[str, tuple[Path, ...]] = field(default_factory=dict)
    columns: Path | None = None
    out: Path | None = None
    rules: Path | None = None
    command: str = "cape_engine.reconcile"


@dataclass(frozen=True)
class ReconcileResult(TablesResult):
    """The answer of a reconciliation, as Arrow tables, with its manifest.

    Attributes:
        manifest: as it was written.
        tables: by name: `entries`, `cohorts`, `bank`, `summary`, `findings`.
        folder: where they were written, if anywhere.
    """

    @property
    def entries(self) -> pa.Table:
        """One row per entry (`schema.reconciliation.RECONCILED_ENTRIES`)."""
        return self.table("entries")

    @property
    def cohorts(self) -> pa.Table:
        """One row per refund (`RECONCILED_COHORTS`)."""
        return self.table("cohorts")

    @property
    def bank(self) -> pa.Table:
        """One row per deposit (`RECONCILED_BANK`)."""
        return self.table("bank")

    @property
    def summary(self) -> pa.Table:
        """One row per level and cause (`RECONCILED_SUMMARY`)."""
        return self.table("summary")

    @property
    def open_cases(self) -> int:
        """Differences that are open."""
        return int(self.manifest["counts"]["open"])
