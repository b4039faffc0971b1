"""What is asked of the books of refunds, and what comes back."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from cape_engine.errors import UsageError

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, slots=True)
class BooksRequest:
    """One report, with every choice made.

    Attributes:
        command: accrual, statement or forecast.
        results: folder of a run, or None.
        ledger: path or URL of a ledger, or None.
        as_of: day of the report; None for that of the run, or the last one played.
        out: folder for tables and pages; nothing is written without it.
        deposits: deposits files of the run.
        settings: by name, over those of the run.
        settings_file: as TOML.
        rules: another folder of rule files.
    """

    command: str
    results: Path | None
    ledger: str | None
    as_of: dt.date | None
    out: Path | None
    deposits: tuple[Path, ...]
    settings: Mapping[str, object]
    settings_file: Path | None
    rules: Path | None


@dataclass(frozen=True)
class BooksResult:
    """Tables of an accrual, a statement or a forecast, with their manifest.

    Attributes:
        manifest: as it was written.
        tables: by name (`schema.books`), `findings` among them.
        folder: where they were written, if anywhere.
    """

    manifest: dict[str, Any]
    tables: Mapping[str, pa.Table] = field(default_factory=dict)
    folder: Path | None = None

    def table(self, name: str) -> pa.Table:
        """One table by name.

        Raises:
            UsageError: there is no such table.
        """
        if name not in self.tables:
            raise UsageError(f"there is no table {name!r}; known: {', '.join(self.tables)}")
        return self.tables[name]

    def to_pandas(self, name: str) -> pd.DataFrame:
        """One table as a pandas DataFrame."""
        frame: pd.DataFrame = self.table(name).to_pandas()
        return frame

    @property
    def exit_code(self) -> int:
        """1 when findings above `info` exist, else 0 (clarification 10)."""
        severities = self.manifest["findings_by_severity"]
        return int(bool(severities.get("warning") or severities.get("error")))
