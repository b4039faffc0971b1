"""What is asked of payment files, every default made explicit, and what comes back."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa

from cape_engine.settings import Settings

NACHA, PAIN = "nacha", "pain.001"
FORMATS = (NACHA, PAIN)
COMMAND = "cape_engine.refund.files"


@dataclass(frozen=True)
class FilesRequest:
    """Payments of one run for a bank.

    Attributes:
        results: folder of the run.
        importers: files with the accounts.
        originator: TOML with the facts of who pays.
        on: creation day of the files.
        effective: day on which the money is to arrive; None is the next day of the Federal Reserve.
        out: folder for the files.
        formats: of `FORMATS`, at least one.
        settings: in force.
        account_key: file with the key, for `refund.account_numbers` = encrypted.
        rules: another folder of rule files, or None.
        prenotes: write entries that test the accounts, and no money.
        first_trace: sequence of the first trace, for several calls on one day.
        first_file: NACHA files of that day that exist already.
        command: as the manifest names it.
    """

    results: Path
    importers: tuple[Path, ...]
    originator: Path
    on: dt.date
    effective: dt.date | None
    out: Path
    formats: tuple[str, ...]
    settings: Settings
    account_key: Path | None = None
    rules: Path | None = None
    prenotes: bool = False
    first_trace: int = 1
    first_file: int = 0
    command: str = COMMAND


@dataclass(frozen=True)
class FilesResult:
    """What was written.

    Attributes:
        manifest: as it was written.
        held: payments that stand in no file, and why: columns `schema.payment_files.HELD`.
        findings: columns `schema.results.RESULT_FINDINGS`.
        folder: where.
    """

    manifest: dict[str, Any]
    held: pa.Table
    findings: pa.Table
    folder: Path

    @property
    def exit_code(self) -> int:
        """1 when findings above `info` exist, else 0 (clarification 10)."""
        return int(bool({"warning", "error"} & set(self.findings.column("severity").to_pylist())))
