"""What is asked of a packing, and what comes back."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa

from cape_engine.pipeline.tables_result import TablesResult
from cape_engine.settings import Settings

if TYPE_CHECKING:
    pass

FOLDER = "declarations"
"""Folder of the declarations inside that of the results: what lies in it can be uploaded, and nothing else does."""


@dataclass(frozen=True, slots=True)
class PackRequest:
    """One packing, with every choice made: what `cape pack` and `cape_engine.pack` ask of the pipeline.

    Attributes:
        sources: one store, or files and folders of entry summaries.
        out: folder for the declarations and lists; nothing is written, and nothing recorded, without it.
        as_of: filing day.
        received_at: when it happened, for the ledger; it has no clock of its own.
        settings: in force.
        ledger: path or URL of the ledger; without one every eligible entry is packed.
        account: kind of account that will file: `importer`, `filer` or `broker`.
        holds: lists of entries to keep back.
        headers, mapping, column1, rules: files beside the sources, as for a run.
        threads: worker threads.
        partition_lines: lines per partition of the temporary store, when files are given.
        memory_limit_bytes: for reading files into a temporary store.
        command: written into the manifest.
    """

    sources: tuple[Path, ...]
    out: Path | None
    as_of: dt.date
    received_at: dt.datetime
    settings: Settings
    ledger: str | None = None
    account: str = "broker"
    holds: tuple[Path, ...] = ()
    headers: tuple[Path, ...] = ()
    mapping: Path | None = None
    column1: Path | None = None
    rules: Path | None = None
    threads: int = 1
    partition_lines: int = 1_000_000
    memory_limit_bytes: int | None = None
    command: str = "cape_engine.pack"


@dataclass(frozen=True)
class PackResult(TablesResult):
    """The declarations and lists of a packing, with their manifest.

    Attributes:
        manifest: as it was written.
        tables: by name: `declarations`, `packed_entries`, `left_out`, `corrections`, `findings`.
        contents: bytes of each declaration by file name; only where nothing was written to a folder.
        folder: where they were written, if anywhere.
        seconds: wall time by stage; not in the manifest, so that the same packing writes the same manifest and the
            ledger counts it once.
    """

    contents: Mapping[str, bytes] = field(default_factory=dict)
    seconds: Mapping[str, float] = field(default_factory=dict)

    @property
    def declarations(self) -> pa.Table:
        """One row per declaration written (`schema.packing.PACKED_FILES`)."""
        return self.table("declarations")

    @property
    def packed_entries(self) -> pa.Table:
        """One row per entry on a declaration (`PACKED_ENTRIES`)."""
        return self.table("packed_entries")

    @property
    def left_out(self) -> pa.Table:
        """One row per entry that stays behind, with why and what to do (`LEFT_OUT`)."""
        return self.table("left_out")

    @property
    def corrections(self) -> pa.Table:
        """Corrections to file first (`CORRECTIONS`)."""
        return self.table("corrections")

    @property
    def open_cases(self) -> int:
        """Entries that were left out."""
        return int(self.manifest["counts"]["left_out"])
