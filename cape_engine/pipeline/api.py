"""The public Python call: the options of `cape run`, by name."""

from __future__ import annotations

import datetime as dt
import os
import threading
from collections.abc import Iterable, Mapping
from pathlib import Path

from cape_engine.errors import UsageError
from cape_engine.outputs.progress import Progress
from cape_engine.pipeline.request import Request, RunResult
from cape_engine.pipeline.road import execute
from cape_engine.settings import Settings

PathLike = str | os.PathLike[str]
Sources = PathLike | Iterable[PathLike]


def _paths(value: Sources | None) -> tuple[Path, ...]:
    """One path or many as a tuple."""
    if value is None:
        return ()
    if isinstance(value, (str, os.PathLike)):
        return (Path(value),)
    return tuple(Path(item) for item in value)


def run(  # noqa: PLR0913 - the options of `cape run`, all by name
    sources: Sources,
    *,
    out: PathLike | None = None,
    declaration: Sources | None = None,
    as_of: dt.date | str | None = None,
    accepted_on: dt.date | str | None = None,
    headers: Sources | None = None,
    importers: Sources | None = None,
    deposits: Sources | None = None,
    mapping: PathLike | None = None,
    column1: PathLike | None = None,
    settings: Mapping[str, object] | None = None,
    settings_file: PathLike | None = None,
    detail: str = "changes",
    threads: int | None = None,
    partition_lines: int = 1_000_000,
    rules_folder: PathLike | None = None,
    progress: Progress | None = None,
    stop: threading.Event | None = None,
) -> RunResult:
    """Run the whole road on entry summaries and return (and with `out` also write) the results.

    Args:
        sources: files or folders of ES-003 or canonical rows, or one store.
        out: folder for the results; nothing is written without it.
        declaration: CAPE declarations; only the entries they list are claimed. Without them every entry is.
        as_of: filing day, on which the dated rules are judged; today if not given.
        accepted_on: acceptance day, for schedule and interest; the filing day if not given.
        headers: entry header files.
        importers: importers files.
        deposits: deposits files.
        mapping: TOML column mapping for other exports.
        column1: the user's own column 1 rates.
        settings: settings by name.
        settings_file: settings as TOML.
        detail: `none`, `changes` or `full`: how much of the changes table is kept.
        threads: worker threads; the number of cores if not given.
        partition_lines: lines per partition of the temporary store, when files are given.
        rules_folder: another folder of rule files than the built-in one.
        progress: told where the run is.
        stop: set it to stop cleanly between partitions.

    Raises:
        CapeError: see `cape_engine.errors`; bad data is a finding instead.
    """
    filed = _day(as_of) or dt.datetime.now(tz=dt.UTC).date()
    request = Request(
        sources=_paths(sources),
        out=None if out is None else Path(out),
        as_of=filed,
        accepted_on=_day(accepted_on) or filed,
        settings=Settings.build(settings, None if settings_file is None else Path(settings_file)),
        declarations=_paths(declaration),
        headers=_paths(headers),
        importers=_paths(importers),
        deposits=_paths(deposits),
        mapping=None if mapping is None else Path(mapping),
        column1=None if column1 is None else Path(column1),
        rules=None if rules_folder is None else Path(rules_folder),
        detail=detail,
        threads=threads or os.cpu_count() or 1,
        partition_lines=partition_lines,
    )
    return execute(request, progress=progress, stop=stop)


def _day(value: dt.date | str | None) -> dt.date | None:
    """A day given as a date or as ISO text."""
    if value is None or (isinstance(value, dt.date) and not isinstance(value, dt.datetime)):
        return value
    try:
        return dt.date.fromisoformat(str(value))
    except ValueError as error:
        raise UsageError(f"{value!r} is not a day; write it as YYYY-MM-DD") from error
