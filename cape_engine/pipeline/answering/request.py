"""What is asked of the loop, and what comes back."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from cape_engine.errors import UsageError
from cape_engine.settings import Settings

if TYPE_CHECKING:
    import pandas as pd

ANSWER_TABLES = ("answers", "routed", "differences", "findings")


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
class AnswersResult:
    """What the answers changed, with the manifest.

    Attributes:
        manifest: as it was written.
        tables: by name: `answers`, `routed`, `differences`, `findings`.
        folder: where they were written, if anywhere.
    """

    manifest: dict[str, Any]
    tables: Mapping[str, pa.Table] = field(default_factory=dict)
    folder: Path | None = None

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
    def findings(self) -> pa.Table:
        """Findings (`RESULT_FINDINGS`)."""
        return self.table("findings")

    def table(self, name: str) -> pa.Table:
        """One table by name.

        Raises:
            UsageError: there is no such table.
        """
        if name not in self.tables:
            raise UsageError(f"there is no table {name!r}; known: {', '.join(ANSWER_TABLES)}")
        return self.tables[name]

    def to_pandas(self, name: str) -> pd.DataFrame:
        """One table as a pandas DataFrame."""
        frame: pd.DataFrame = self.table(name).to_pandas()
        return frame

    @property
    def exit_code(self) -> int:
        """1 when CBP failed an entry or findings above `info` exist, else 0."""
        counts = self.manifest["counts"]
        severities = counts["findings_by_severity"]
        return int(bool(counts["failed"] or severities.get("warning") or severities.get("error")))
