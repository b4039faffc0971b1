"""The public Python call: the options of `cape run`, by name."""

from __future__ import annotations

import datetime as dt
import os
import re
import threading
from collections.abc import Mapping
from typing import TypedDict, Unpack

from cape_engine.errors import UsageError
from cape_engine.outputs.progress import Progress
from cape_engine.pipeline.arguments import PathLike, Sources, day_of, path_of, paths_of
from cape_engine.pipeline.request import Request, RunResult
from cape_engine.pipeline.road import execute
from cape_engine.settings import Settings

LEAST_MEMORY = 512 << 20
_SIZE = re.compile(r"([0-9]{1,18})\s*((?:[kmgt]i?)?b?)", re.IGNORECASE)
_UNITS = {
    f"{prefix}{binary}{byte}": (1024 if binary else 1000) ** power
    for power, prefix in enumerate(("", "K", "M", "G", "T"))
    for binary in (("",) if not prefix else ("", "I"))
    for byte in ("", "B")
}


class Options(TypedDict, total=False):
    """The options of a run, each optional.

    Attributes:
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
        layout: `files`, or `parts`: entries, changes and findings are folders with a file for each partition, of which
            a later run into the same folder replaces only those that changed.
        threads: worker threads; the number of cores if not given.
        memory_limit: bytes, or text such as `2GiB`, that the run is to stay within; fewer threads run if need be.
        full: run every partition anew, also those that an earlier run into the same folder finished.
        partition_lines: lines per partition of the temporary store, when files are given.
        rules_folder: another folder of rule files than the built-in one.
    """

    out: PathLike | None
    declaration: Sources | None
    as_of: dt.date | str | None
    accepted_on: dt.date | str | None
    headers: Sources | None
    importers: Sources | None
    deposits: Sources | None
    mapping: PathLike | None
    column1: PathLike | None
    settings: Mapping[str, object] | None
    settings_file: PathLike | None
    detail: str
    layout: str
    threads: int | None
    memory_limit: int | str | None
    full: bool
    partition_lines: int
    rules_folder: PathLike | None


def run(
    sources: Sources,
    *,
    progress: Progress | None = None,
    stop: threading.Event | None = None,
    **options: Unpack[Options],
) -> RunResult:
    """Run the whole road on entry summaries and return (and with `out` also write) the results.

    Args:
        sources: files or folders of ES-003 or canonical rows, or one store.
        progress: told where the run is.
        stop: set it to stop cleanly between partitions.
        options: see `Options`.

    Raises:
        CapeError: see `cape_engine.errors`; bad data is a finding instead.
    """
    return execute(requested(sources, **options), progress=progress, stop=stop)


def requested(sources: Sources, **options: Unpack[Options]) -> Request:
    """The request that the options describe, every default made explicit.

    Raises:
        UsageError: an unknown setting, a day that is none, or an option that does not exist.
    """
    unknown = set(options) - set(Options.__annotations__)
    if unknown:
        raise UsageError(f"there is no option {min(unknown)!r}; known: {', '.join(Options.__annotations__)}")
    filed = day_of(options.get("as_of")) or dt.datetime.now(tz=dt.UTC).date()
    return Request(
        sources=paths_of(sources),
        out=path_of(options.get("out")),
        as_of=filed,
        accepted_on=day_of(options.get("accepted_on")) or filed,
        settings=Settings.build(options.get("settings"), path_of(options.get("settings_file"))),
        declarations=paths_of(options.get("declaration")),
        headers=paths_of(options.get("headers")),
        importers=paths_of(options.get("importers")),
        deposits=paths_of(options.get("deposits")),
        mapping=path_of(options.get("mapping")),
        column1=path_of(options.get("column1")),
        rules=path_of(options.get("rules_folder")),
        detail=options.get("detail", "changes"),
        layout=options.get("layout", "files"),
        threads=options.get("threads") or os.cpu_count() or 1,
        partition_lines=options.get("partition_lines", 1_000_000),
        memory_limit_bytes=memory_bytes(options.get("memory_limit")),
        full=options.get("full", False),
    )


def memory_bytes(value: int | str | None) -> int | None:
    """A memory limit in bytes, from a number or from text such as `512MiB`, `2GiB` or `2GB`.

    Raises:
        UsageError: it is neither, or leaves no room to work.
    """
    if value is None:
        return None
    found = _SIZE.fullmatch(str(value).strip())
    if found is None:
        raise UsageError(f"{value!r} is no size; write it as 2GiB, 512MiB or a number of bytes")
    size: int = int(found[1]) * _UNITS[found[2].upper()]
    if size < LEAST_MEMORY:
        raise UsageError(f"{value!r} is too little to work in; give 512MiB or more")
    return size
