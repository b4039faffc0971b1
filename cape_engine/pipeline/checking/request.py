"""What is asked of a check of declarations, and what comes back."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa

from cape_engine.claim_portal import Account
from cape_engine.pipeline.tables_result import TablesResult
from cape_engine.settings import Settings

if TYPE_CHECKING:
    pass


@dataclass(frozen=True, slots=True)
class CheckRequest:
    """One check, with every choice made: what `cape check` and `cape_engine.check` ask of the pipeline.

    Attributes:
        files: declarations in the order of filing.
        sources: one store, or files and folders of entry summaries.
        out: folder for the answers; nothing is written without it.
        as_of: filing day.
        accepted_on: acceptance day.
        received_at: when the files arrived, for the ledger; it has no clock of its own.
        settings: in force.
        account: who files.
        ledger: path or URL of the ledger; without one nothing is remembered.
        headers, importers, mapping, column1, rules: files beside the sources, as for a run.
        text_guards: write numbers in the Claim Details as CBP's download has them, `="ABC12345676"`.
        threads: worker threads.
        memory_limit_bytes: for reading files into a temporary store.
        command: written into the manifest.
    """

    files: tuple[Path, ...]
    sources: tuple[Path, ...]
    out: Path | None
    as_of: dt.date
    accepted_on: dt.date
    received_at: dt.datetime
    settings: Settings
    account: Account
    ledger: str | None = None
    headers: tuple[Path, ...] = ()
    importers: tuple[Path, ...] = ()
    mapping: Path | None = None
    column1: Path | None = None
    rules: Path | None = None
    text_guards: bool = False
    threads: int = 1
    memory_limit_bytes: int | None = None
    command: str = "cape_engine.check"


@dataclass(frozen=True)
class CheckResult(TablesResult):
    """The answers of a check as Arrow tables, with their manifest.

    Attributes:
        manifest: as it was written.
        tables: by name: `declarations`, `claimed_entries`, `findings`.
        folder: where they were written, if anywhere.
    """

    @property
    def declarations(self) -> pa.Table:
        """One row per declaration (`RESULT_DECLARATIONS`)."""
        return self.table("declarations")

    @property
    def claimed_entries(self) -> pa.Table:
        """One row per declaration and entry (`RESULT_CLAIMED_ENTRIES`)."""
        return self.table("claimed_entries")

    @property
    def open_cases(self) -> int:
        """Entries and files that failed."""
        counts = self.manifest["counts"]
        return int(counts["dispositions"].get("rejected", 0) + counts["refused_files"])
