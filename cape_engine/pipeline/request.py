"""What is asked of a run, and what comes back."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa

from cape_engine.errors import UsageError
from cape_engine.settings import Settings

if TYPE_CHECKING:
    import pandas as pd

DETAILS = ("none", "changes", "full")


@dataclass(frozen=True, slots=True)
class Request:
    """One run, with every choice made: what `cape run` and `cape_engine.run` ask of the pipeline."""

    sources: tuple[Path, ...]
    out: Path | None
    as_of: dt.date
    accepted_on: dt.date
    settings: Settings
    declarations: tuple[Path, ...] = ()
    headers: tuple[Path, ...] = ()
    importers: tuple[Path, ...] = ()
    deposits: tuple[Path, ...] = ()
    mapping: Path | None = None
    column1: Path | None = None
    rules: Path | None = None
    detail: str = "changes"
    threads: int = 1
    partition_lines: int = 1_000_000
    only_entry: str | None = None
    command: str = "cape_engine.run"


@dataclass(frozen=True, slots=True)
class RunResult:
    """The answer of a run, as Arrow tables, with its manifest."""

    entries: pa.Table
    changes: pa.Table
    refunds: pa.Table
    payments: pa.Table
    findings: pa.Table
    manifest: dict[str, object]

    def tables(self) -> dict[str, pa.Table]:
        """All tables by name."""
        return {name: getattr(self, name) for name in ("entries", "changes", "refunds", "payments", "findings")}

    def to_pandas(self, name: str) -> pd.DataFrame:
        """One table (`entries`, `changes`, `refunds`, `payments`, `findings`) as a pandas DataFrame."""
        tables = self.tables()
        if name not in tables:
            raise UsageError(f"there is no table {name!r}; known: {', '.join(tables)}")
        frame: pd.DataFrame = tables[name].to_pandas()
        return frame

    @property
    def exit_code(self) -> int:
        """1 when entries were rejected or findings above `info` exist, else 0 (clarification 10)."""
        found = self.manifest["counts"]
        assert isinstance(found, dict)  # noqa: S101 - written by this module
        severities = found["findings_by_severity"]
        return int(bool(found["dispositions"].get("rejected") or severities.get("warning") or severities.get("error")))
