"""What is asked when entries are scheduled and days are played, and what comes back."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa


@dataclass(frozen=True, slots=True)
class ScheduleRequest:
    """Scheduling of what a run decided, with every choice made.

    Attributes:
        results: folder of the run.
        sources: the store (or files) that the run read.
        ledger: path or URL of the ledger that knows the claims.
        changes: settings by name, laid over those of the run.
        headers, importers, deposits, mapping, rules: files beside the sources, as for the run.
    """

    results: Path
    sources: tuple[Path, ...]
    ledger: str
    changes: Mapping[str, object]
    headers: tuple[Path, ...] = ()
    importers: tuple[Path, ...] = ()
    deposits: tuple[Path, ...] = ()
    mapping: Path | None = None
    rules: Path | None = None


@dataclass(frozen=True, slots=True)
class AdvanceRequest:
    """Days to be played, with every choice made.

    Attributes:
        ledger: path or URL of the ledger.
        to: last day to be played.
        start: first day, where none was played yet; None: the day of the earliest acceptance.
        events: files of events.
        event_table: events from Python, columns `schema.life.EVENTS_FILE`.
        notices: folder for the bulletin notices; None: none are written.
        changes: settings by name.
        settings_file: settings as TOML.
        rules: folder of rule files.
        who: who brought the events.
    """

    ledger: str
    to: dt.date
    start: dt.date | None = None
    events: tuple[Path, ...] = ()
    event_table: pa.Table | None = None
    notices: Path | None = None
    changes: Mapping[str, object] | None = None
    settings_file: Path | None = None
    rules: Path | None = None
    who: str = "cbp"


class _Result:
    """What both results share."""

    counts: Mapping[str, int]
    findings: pa.Table

    @property
    def exit_code(self) -> int:
        """1 when findings above `info` exist, else 0 (clarification 10)."""
        return int(any(word != "info" for word in self.findings.column("severity").unique().to_pylist()))


@dataclass(frozen=True)
class ScheduleResult(_Result):
    """What scheduling did.

    Attributes:
        counts: entries by state they came to; `known` were scheduled before.
        findings: columns `RESULT_FINDINGS`.
    """

    counts: Mapping[str, int]
    findings: pa.Table


@dataclass(frozen=True)
class AdvanceResult(_Result):
    """What the days did.

    Attributes:
        counts: entries and cents by name, all days together.
        days: one row per day played by this call (`schema.life.DAYS`).
        findings: columns `RESULT_FINDINGS`.
        first: first day played by this call; None where all had been played before.
        last: last day that is played now.
    """

    counts: Mapping[str, int]
    days: pa.Table
    findings: pa.Table
    first: dt.date | None
    last: dt.date | None

    def manifest(self) -> dict[str, Any]:
        """What machines read of it."""
        return {"counts": dict(self.counts), "first": self.first, "last": self.last, "days": self.days.num_rows}
