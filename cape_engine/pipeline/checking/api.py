"""The public Python call of a check: the options of `cape check`, by name."""

from __future__ import annotations

import datetime as dt
import os
from collections.abc import Mapping
from typing import TypedDict, Unpack

from cape_engine.claim_portal import account_of
from cape_engine.errors import UsageError
from cape_engine.outputs.progress import Progress
from cape_engine.pipeline.api import memory_bytes
from cape_engine.pipeline.arguments import PathLike, Sources, day_of, path_of, paths_of
from cape_engine.pipeline.checking.request import CheckRequest, CheckResult
from cape_engine.pipeline.checking.road import execute_check
from cape_engine.settings import Settings


class CheckOptions(TypedDict, total=False):
    """The options of a check, each optional but one of `store` and `source`.

    Attributes:
        store: a store that holds the entries.
        source: files or folders of entry summaries, instead of a store.
        out: folder for the answers; nothing is written without it.
        ledger: path (SQLite) or URL of the ledger that remembers every declaration.
        as_filer: filer code of the account.
        as_importer: importer of record number of the account.
        account: kind of account: `importer`, `filer` or `broker`.
        filer_type: Filer Type of a filer account; only `importer` may file.
        as_of: filing day, on which the dated rules are judged; today if not given.
        accepted_on: acceptance day; the filing day if not given.
        received_at: when the files arrived, for the ledger; the beginning of the filing day if not given.
        headers: entry header files.
        importers: importers files.
        mapping: TOML column mapping for other exports.
        column1: the user's own column 1 rates.
        settings: settings by name.
        settings_file: settings as TOML.
        text_guards: write numbers in the Claim Details as Excel text, `="ABC12345676"`.
        threads: worker threads; the number of cores if not given.
        memory_limit: bytes, or text such as `2GiB`, for reading files.
        rules_folder: another folder of rule files than the built-in one.
        command: written into the manifest.
    """

    store: PathLike | None
    source: Sources | None
    out: PathLike | None
    ledger: PathLike | None
    as_filer: str | None
    as_importer: str | None
    account: str | None
    filer_type: str | None
    as_of: dt.date | str | None
    accepted_on: dt.date | str | None
    received_at: dt.datetime | None
    headers: Sources | None
    importers: Sources | None
    mapping: PathLike | None
    column1: PathLike | None
    settings: Mapping[str, object] | None
    settings_file: PathLike | None
    text_guards: bool
    threads: int | None
    memory_limit: int | str | None
    rules_folder: PathLike | None
    command: str


def check(files: Sources, *, progress: Progress | None = None, **options: Unpack[CheckOptions]) -> CheckResult:
    """Check declarations as the claim portal does, and return (with `out` also write) the answer for every entry.

    Args:
        files: declarations, in the order of filing.
        progress: told where the check is.
        options: see `CheckOptions`.

    Raises:
        CapeError: see `cape_engine.errors`; a bad file or entry is an answer instead.
    """
    return execute_check(check_request(files, **options), progress=progress)


def check_request(files: Sources, **options: Unpack[CheckOptions]) -> CheckRequest:
    """The request that the options describe, every default made explicit.

    Raises:
        UsageError: an unknown setting, a day that is none, an account that does not fit, or an unknown option.
    """
    unknown = set(options) - set(CheckOptions.__annotations__)
    if unknown:
        raise UsageError(f"there is no option {min(unknown)!r}; known: {', '.join(CheckOptions.__annotations__)}")
    store, source = options.get("store"), options.get("source")
    if (store is None) == (source is None):
        raise UsageError("give either a store (--store) or exports (--source) that hold the entries")
    filed = day_of(options.get("as_of")) or dt.datetime.now(tz=dt.UTC).date()
    ledger = options.get("ledger")
    return CheckRequest(
        files=paths_of(files),
        sources=paths_of(source if store is None else store),
        out=path_of(options.get("out")),
        as_of=filed,
        accepted_on=day_of(options.get("accepted_on")) or filed,
        received_at=options.get("received_at") or dt.datetime.combine(filed, dt.time(), dt.UTC),
        settings=Settings.build(options.get("settings"), path_of(options.get("settings_file"))),
        account=account_of(
            options.get("account"),
            filer_code=options.get("as_filer"),
            importer_number=options.get("as_importer"),
            filer_type=options.get("filer_type"),
        ),
        ledger=None if ledger is None else str(ledger),
        headers=paths_of(options.get("headers")),
        importers=paths_of(options.get("importers")),
        mapping=path_of(options.get("mapping")),
        column1=path_of(options.get("column1")),
        rules=path_of(options.get("rules_folder")),
        text_guards=options.get("text_guards", False),
        threads=options.get("threads") or os.cpu_count() or 1,
        memory_limit_bytes=memory_bytes(options.get("memory_limit")),
        command=options.get("command", "cape_engine.check"),
    )
