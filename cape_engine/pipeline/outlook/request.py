"""What is asked of a what-if or a risk report, and what comes back."""

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

GROUPS = ("importer", "filer")


@dataclass(frozen=True, slots=True)
class OutlookRequest:
    """One what-if or risk report, with every choice made.

    Attributes:
        sources: one store, or files and folders of entry summaries.
        first: first acceptance day; of a risk report the day it is made for.
        last: last acceptance day; of a risk report the last day that is looked at.
        by: `importer` and `filer`: tables that are made for each of them too.
        out: folder for tables and chart; nothing is written without it.
        settings: in force.
        results: folder of a finished run over the same entries, whose principal and reasons are taken.
        facts: file with what the trial removal found and with the principal of every entry; made when it is missing.
        ledger: path or URL of a ledger: entries on a live claim are no longer to be filed (risk).
        headers, importers, deposits, mapping, column1, rules: files beside the sources, as for a run.
        threads: worker threads.
        partition_lines: lines per partition of the temporary store, when files are given.
        memory_limit_bytes: for reading files into a temporary store.
        command: written into the manifest.
    """

    sources: tuple[Path, ...]
    first: dt.date
    last: dt.date
    settings: Settings
    by: tuple[str, ...] = ()
    out: Path | None = None
    results: Path | None = None
    facts: Path | None = None
    ledger: str | None = None
    headers: tuple[Path, ...] = ()
    importers: tuple[Path, ...] = ()
    deposits: tuple[Path, ...] = ()
    mapping: Path | None = None
    column1: Path | None = None
    rules: Path | None = None
    threads: int = 1
    partition_lines: int = 1_000_000
    memory_limit_bytes: int | None = None
    command: str = "cape_engine.whatif"


@dataclass(frozen=True)
class OutlookResult(TablesResult):
    """The answer of a what-if or a risk report, as Arrow tables, with its manifest.

    Attributes:
        manifest: as it was written.
        tables: by name (`schema.outlook`): `days`, `changes` and, if asked for, `importers` and `filers` of a what-if;
            `days`, `entries` and likewise of a risk report; `findings` of both.
        folder: where they were written, if anywhere.
    """

    @property
    def days(self) -> pa.Table:
        """One row per acceptance day, or per window and last day."""
        return self.table("days")
