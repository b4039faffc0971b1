"""What a command gives back: tables by name, with their manifest."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from cape_engine.errors import UsageError

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, slots=True)
class TablesResult:
    """Tables of a command, with their manifest; `findings` is always among them.

    Attributes:
        manifest: as it was written.
        tables: by name.
        folder: where they were written, if anywhere.
    """

    manifest: dict[str, Any]
    tables: Mapping[str, pa.Table] = field(default_factory=dict)
    folder: Path | None = None

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
            raise UsageError(f"there is no table {name!r}; known: {', '.join(self.tables)}")
        return self.tables[name]

    def to_pandas(self, name: str) -> pd.DataFrame:
        """One table as a pandas DataFrame."""
        frame: pd.DataFrame = self.table(name).to_pandas()
        return frame

    @property
    def open_cases(self) -> int:
        """What beside findings wants somebody's attention: entries that failed, that stayed behind, and the like."""
        return 0

    @property
    def exit_code(self) -> int:
        """1 when there are open cases or findings above `info`, else 0 (clarification 10)."""
        severities = self.manifest["counts"]["findings_by_severity"]
        return int(bool(self.open_cases or severities.get("warning") or severities.get("error")))
