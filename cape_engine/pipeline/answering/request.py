"""What is asked of the loop, and what comes back."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa

from cape_engine.pipeline.tables_result import TablesResult
from cape_engine.settings import Settings

if TYPE_CHECKING:
    pass


@dataclass(frozen=True, slots=True)
class AnswersRequest:
    """One reading of CBP's answers, with every choice made.

    Attributes:
        files: Claim Details and Validation Result files.
        ledger: path or URL of the ledger that knows what was sent.
        out: folder for the lists; without it only the ledger changes.
        as_of: day of the answers.
        received_at: when they arrived, for the ledger; it has no clock of its own.
        settings: in force.
        declaration: file name of the declaration that a Validation Result File without one speaks of.
        rules: folder of rule files.
        command: written into the manifest.
    """

    files: tuple[Path, ...]
    ledger: str
    out: Path | None
    as_of: dt.date
    received_at: dt.datetime
    settings: Settings
    declaration: str | None = None
    rules: Path | None = None
    command: str = "cape_engine.answers"


@dataclass(frozen=True)
class AnswersResult(TablesResult):
    """What the answers changed, with the manifest.

    Attributes:
        manifest: as it was written.
        tables: by name: `answers`, `routed`, `differences`, `findings`.
        folder: where they were written, if anywhere.
    """

    @property
    def answers(self) -> pa.Table:
        """One row per answer (`schema.packing.ANSWERS`)."""
        return self.table("answers")

    @property
    def routed(self) -> pa.Table:
        """Entries that CBP failed, with the way on (`ROUTED`)."""
        return self.table("routed")

    @property
    def differences(self) -> pa.Table:
        """Where our answer and CBP's differ, by rule (`DIFFERENCES`)."""
        return self.table("differences")

    @property
    def open_cases(self) -> int:
        """Entries that CBP failed."""
        return int(self.manifest["counts"]["failed"])
