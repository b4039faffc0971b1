"""What is asked of a run, and what comes back."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.parquet as pq

from cape_engine.errors import InputError, UsageError
from cape_engine.outputs.result_groups import table_path
from cape_engine.settings import Settings

if TYPE_CHECKING:
    import pandas as pd

DETAILS = ("none", "changes", "full")
LAYOUTS = ("files", "parts")
TABLES = ("entries", "changes", "refunds", "payments", "findings")


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
    layout: str = "files"
    threads: int = 1
    partition_lines: int = 1_000_000
    memory_limit_bytes: int | None = None
    full: bool = False
    only_entry: str | None = None
    command: str = "cape_engine.run"


@dataclass(frozen=True)
class RunResult:
    """The answer of a run, as Arrow tables, with its manifest.

    Tables of a run that wrote to a folder are read from there when they are asked for, so that a run over a whole
    nation's entries holds none of them.

    Attributes:
        manifest: as it was written.
        held: tables that the run kept in memory, by name.
        folder: where the others are.
    """

    manifest: dict[str, object]
    held: Mapping[str, pa.Table] = field(default_factory=dict)
    folder: Path | None = None

    @property
    def entries(self) -> pa.Table:
        """One row per entry (`RESULT_ENTRIES`)."""
        return self.table("entries")

    @property
    def changes(self) -> pa.Table:
        """Numbers that changed (`RESULT_CHANGES`)."""
        return self.table("changes")

    @property
    def refunds(self) -> pa.Table:
        """Refunds by recipient and day (`RESULT_REFUNDS`)."""
        return self.table("refunds")

    @property
    def payments(self) -> pa.Table:
        """Payments (`RESULT_PAYMENTS`)."""
        return self.table("payments")

    @property
    def findings(self) -> pa.Table:
        """Findings (`RESULT_FINDINGS`)."""
        return self.table("findings")

    def table(self, name: str) -> pa.Table:
        """One table by name.

        Raises:
            UsageError: there is no such table.
            InputError: the file that the run wrote is no longer readable.
        """
        if name not in TABLES:
            raise UsageError(f"there is no table {name!r}; known: {', '.join(TABLES)}")
        if name in self.held:
            return self.held[name]
        if self.folder is None:
            raise UsageError(f"the run kept no table {name!r}")
        path = table_path(self.folder, name)
        try:
            return pq.read_table(path)
        except (OSError, pa.ArrowException) as error:
            raise InputError(f"{path} cannot be read ({error}); run the same command again") from error

    def tables(self) -> dict[str, pa.Table]:
        """All tables by name."""
        return {name: self.table(name) for name in TABLES}

    def to_pandas(self, name: str) -> pd.DataFrame:
        """One table (`entries`, `changes`, `refunds`, `payments`, `findings`) as a pandas DataFrame."""
        frame: pd.DataFrame = self.table(name).to_pandas()
        return frame

    @property
    def exit_code(self) -> int:
        """1 when entries were rejected or findings above `info` exist, else 0 (clarification 10)."""
        found = self.manifest["counts"]
        assert isinstance(found, dict)  # noqa: S101 - written by this module
        severities = found["findings_by_severity"]
        return int(bool(found["dispositions"].get("rejected") or severities.get("warning") or severities.get("error")))
