"""The public Python calls `whatif` and `risk`: the options of the commands, by name."""

from __future__ import annotations

import datetime as dt
import os
import threading
from collections.abc import Iterable, Mapping
from typing import TypedDict, Unpack

from cape_engine.errors import UsageError
from cape_engine.outputs.progress import Progress
from cape_engine.pipeline.api import memory_bytes
from cape_engine.pipeline.arguments import PathLike, Sources, day_of, path_of, paths_of
from cape_engine.pipeline.outlook.request import GROUPS, OutlookRequest, OutlookResult
from cape_engine.pipeline.outlook.risk_road import execute_risk
from cape_engine.pipeline.outlook.whatif_road import execute_whatif
from cape_engine.settings import Settings

RISK_DAYS = 90
"""Days that a risk report looks ahead unless told otherwise."""


class OutlookOptions(TypedDict, total=False):
    """The options of a what-if or a risk report, each optional.

    Attributes:
        out: folder for tables and chart; nothing is written without it.
        by: `importer`, `filer` or both: tables for each of them too.
        results: folder of a finished run over the same entries, whose principal and reasons are taken.
        facts: file that keeps what does not depend on the day; made when it is missing, used when it fits.
        ledger: path or URL of a ledger: entries on a live claim are not to be filed again (risk only).
        headers: entry header files.
        importers: importers files.
        deposits: deposits files.
        mapping: TOML column mapping for other exports.
        column1: the user's own column 1 rates.
        settings: settings by name.
        settings_file: settings as TOML.
        threads: worker threads; the number of cores if not given.
        memory_limit: bytes, or text such as `2GiB`, for reading files into a temporary store.
        partition_lines: lines per partition of that store.
        rules_folder: another folder of rule files than the built-in one.
    """

    out: PathLike | None
    by: str | Iterable[str] | None
    results: PathLike | None
    facts: PathLike | None
    ledger: PathLike | None
    headers: Sources | None
    importers: Sources | None
    deposits: Sources | None
    mapping: PathLike | None
    column1: PathLike | None
    settings: Mapping[str, object] | None
    settings_file: PathLike | None
    threads: int | None
    memory_limit: int | str | None
    partition_lines: int
    rules_folder: PathLike | None


def whatif(
    sources: Sources,
    *,
    accept_from: dt.date | str,
    accept_to: dt.date | str,
    progress: Progress | None = None,
    stop: threading.Event | None = None,
    **options: Unpack[OutlookOptions],
) -> OutlookResult:
    """What the same entries come to if they are filed on each of many days; each day equals a run as of that day.

    Args:
        sources: one store, or files and folders of ES-003 or canonical rows.
        accept_from: first filing and acceptance day.
        accept_to: last one.
        progress: told where the work is.
        stop: set it to stop cleanly; nothing is written then.
        options: see `OutlookOptions`.

    Raises:
        CapeError: see `cape_engine.errors`; bad data is a finding instead.
    """
    if options.get("ledger") is not None:
        raise UsageError("a what-if asks about entries as if none were filed yet; leave the ledger away")
    request = outlook_request(sources, accept_from, accept_to, "cape_engine.whatif", **options)
    return execute_whatif(request, progress=progress, stop=stop)


def risk(
    sources: Sources,
    *,
    as_of: dt.date | str | None = None,
    days: int = RISK_DAYS,
    progress: Progress | None = None,
    stop: threading.Event | None = None,
    **options: Unpack[OutlookOptions],
) -> OutlookResult:
    """Which entries and dollars leave which window on which day, and which entries to file first.

    Args:
        sources: one store, or files and folders of ES-003 or canonical rows.
        as_of: day of the report; today if not given.
        days: how many days it looks ahead, at least 0.
        progress: told where the work is.
        stop: set it to stop cleanly; nothing is written then.
        options: see `OutlookOptions`.

    Raises:
        CapeError: see `cape_engine.errors`; bad data is a finding instead.
    """
    if days < 0:
        raise UsageError(f"a risk report looks ahead, not {-days} days back")
    first = day_of(as_of) or dt.datetime.now(tz=dt.UTC).date()
    request = outlook_request(sources, first, first + dt.timedelta(days=days), "cape_engine.risk", **options)
    return execute_risk(request, progress=progress, stop=stop)


def outlook_request(
    sources: Sources, first: dt.date | str, last: dt.date | str, command: str, **options: Unpack[OutlookOptions]
) -> OutlookRequest:
    """The request that the options describe, every default made explicit.

    Raises:
        UsageError: an unknown setting, a day that is none, or an option or kind of group that does not exist.
    """
    unknown = set(options) - set(OutlookOptions.__annotations__)
    if unknown:
        raise UsageError(f"there is no option {min(unknown)!r}; known: {', '.join(OutlookOptions.__annotations__)}")
    given = options.get("by") or ()
    by = tuple(dict.fromkeys([given] if isinstance(given, str) else given))
    strange = [name for name in by if name not in GROUPS]
    if strange:
        raise UsageError(f"{strange[0]!r} is nothing to group by; known: {', '.join(GROUPS)}")
    begin, end = day_of(first), day_of(last)
    if begin is None or end is None:
        raise UsageError("give the first and the last acceptance day")
    ledger = options.get("ledger")
    return OutlookRequest(
        sources=paths_of(sources),
        first=begin,
        last=end,
        settings=Settings.build(options.get("settings"), path_of(options.get("settings_file"))),
        by=by,
        out=path_of(options.get("out")),
        results=path_of(options.get("results")),
        facts=path_of(options.get("facts")),
        ledger=None if ledger is None else os.fspath(ledger),
        headers=paths_of(options.get("headers")),
        importers=paths_of(options.get("importers")),
        deposits=paths_of(options.get("deposits")),
        mapping=path_of(options.get("mapping")),
        column1=path_of(options.get("column1")),
        rules=path_of(options.get("rules_folder")),
        threads=options.get("threads") or os.cpu_count() or 1,
        partition_lines=options.get("partition_lines", 1_000_000),
        memory_limit_bytes=memory_bytes(options.get("memory_limit")),
        command=command,
    )
