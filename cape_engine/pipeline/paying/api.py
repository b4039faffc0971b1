"""The public Python call `refund_files`: the options of `cape refund files`, by name."""

from __future__ import annotations

import datetime as dt
import threading
from collections.abc import Mapping
from typing import TypedDict, Unpack

from cape_engine.errors import UsageError
from cape_engine.outputs.progress import Progress
from cape_engine.pipeline.arguments import PathLike, Sources, day_of, path_of, paths_of
from cape_engine.pipeline.paying.request import FORMATS, NACHA, FilesRequest, FilesResult
from cape_engine.pipeline.paying.road import execute_files
from cape_engine.refund.payment_files.nacha import MOST_TRACES
from cape_engine.settings import Settings

BOTH = "both"


class FilesOptions(TypedDict, total=False):
    """The options of payment files, each optional.

    Attributes:
        format: nacha (the default), pain.001 or both; both hold the same payments, and only one of them is sent.
        effective: day on which the money is to arrive; the next day of the Federal Reserve if not given.
        prenotes: write entries that test the accounts (NACHA), and no money.
        first_trace: sequence of the first trace, for several calls on one day.
        first_file: NACHA files of that day that exist already.
        settings: settings by name.
        settings_file: settings as TOML.
        account_key: file with the key for `refund.account_numbers` = encrypted.
        rules_folder: another folder of rule files than the built-in one.
    """

    format: str
    effective: dt.date | str | None
    prenotes: bool
    first_trace: int
    first_file: int
    settings: Mapping[str, object] | None
    settings_file: PathLike | None
    account_key: PathLike | None
    rules_folder: PathLike | None


def refund_files(
    results: PathLike,
    *,
    importers: Sources,
    originator: PathLike,
    on: dt.date | str,
    out: PathLike,
    progress: Progress | None = None,
    stop: threading.Event | None = None,
    **options: Unpack[FilesOptions],
) -> FilesResult:
    """Write the payments of a run that are ready as files for a bank; the same inputs give the same bytes.

    Args:
        results: folder of a finished run.
        importers: importers files, which name the accounts.
        originator: TOML with the facts of who pays.
        on: creation day of the files.
        out: folder for the files; its earlier payment files are replaced.
        progress: told where the work is.
        stop: set it to stop cleanly; nothing is written then.
        options: see `FilesOptions`.

    Raises:
        CapeError: see `cape_engine.errors`; bad accounts and amounts are findings instead.
    """
    request = files_request(results, importers=importers, originator=originator, on=on, out=out, **options)
    return execute_files(request, progress=progress, stop=stop)


def files_request(
    results: PathLike,
    *,
    importers: Sources,
    originator: PathLike,
    on: dt.date | str,
    out: PathLike,
    **options: Unpack[FilesOptions],
) -> FilesRequest:
    """The request that the options describe.

    Raises:
        UsageError: an unknown setting or format, a day that is none, or an option that does not exist.
    """
    unknown = set(options) - set(FilesOptions.__annotations__)
    if unknown:
        raise UsageError(f"there is no option {min(unknown)!r}; known: {', '.join(FilesOptions.__annotations__)}")
    wanted = options.get("format", NACHA)
    if wanted not in {*FORMATS, BOTH}:
        raise UsageError(f"a payment file is {', '.join(FORMATS)} or {BOTH}, not {wanted!r}")
    prenotes = options.get("prenotes", False)
    if prenotes and wanted != NACHA:
        raise UsageError("prenotes are NACHA entries: leave --format at nacha")
    day = day_of(on)
    if day is None or not paths_of(importers):
        raise UsageError("give the creation day of the files and at least one importers file with accounts")
    first_trace, first_file = options.get("first_trace", 1), options.get("first_file", 0)
    if not 1 <= first_trace <= MOST_TRACES or first_file < 0:
        raise UsageError(f"the first trace is 1 to {MOST_TRACES:,}, and the files that exist are 0 or more")
    return FilesRequest(
        results=paths_of(results)[0],
        importers=paths_of(importers),
        originator=paths_of(originator)[0],
        on=day,
        effective=day_of(options.get("effective")),
        out=paths_of(out)[0],
        formats=FORMATS if wanted == BOTH else (wanted,),
        settings=Settings.build(options.get("settings"), path_of(options.get("settings_file"))),
        account_key=path_of(options.get("account_key")),
        rules=path_of(options.get("rules_folder")),
        prenotes=prenotes,
        first_trace=first_trace,
        first_file=first_file,
    )
