"""What is asked of the books of refunds, and what comes back."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from cape_engine.pipeline.tables_result import TablesResult

if TYPE_CHECKING:
    pass


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
class BooksResult(TablesResult):
    """Tables of an accrual, a statement or a forecast, with their manifest.

    Attributes:
        manifest: as it was written.
        tables: by name (`schema.books`), `findings` among them.
        folder: where they were written, if anywhere.
    """
