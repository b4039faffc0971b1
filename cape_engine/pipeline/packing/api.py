"""The public Python call of a packing: the options of `cape pack`, by name."""

from __future__ import annotations

import datetime as dt
import os
import threading
from collections.abc import Mapping
from typing import TypedDict, Unpack

from cape_engine.claim_portal.account import KINDS
from cape_engine.errors import UsageError
from cape_engine.outputs.progress import Progress
from cape_engine.pipeline.api import memory_bytes
from cape_engine.pipeline.arguments import PathLike, Sources, day_of, path_of, paths_of
from cape_engine.pipeline.packing.request import PackRequest, PackResult
from cape_engine.pipeline.packing.road import execute_pack
from cape_engine.settings import Settings


class PackOptions(TypedDict, total=False):
    """The options of a packing, each optional.

    Attributes:
        out: folder for declarations and lists; nothing is written without it.
        as_of: filing day, on which the dated rules are judged; today if not given.
        ledger: path (SQLite) or URL of the ledger: what it shows as live stays out, and what is packed is recorded.
        account: kind of account that will file: `importer`, `filer` or `broker`.
        hold: lists of entries to keep back, such as `routed.csv` of `answers`.
        headers: entry header files.
        mapping: TOML column mapping for other exports.
        column1: the user's own column 1 rates.
        settings: settings by name.
        settings_file: settings as TOML.
        threads: worker threads; the number of cores if not given.
        memory_limit: bytes, or text such as `2GiB`, for reading files into a temporary store.
        partition_lines: lines per partition of that store.
        rules_folder: another folder of rule files than the built-in one.
        received_at: when it happened, for the ledger; the beginning of the filing day (UTC) if not given.
    """

    out: PathLike | None
    as_of: dt.date | str | None
    ledger: PathLike | None
    account: str
    hold: Sources | None
    headers: Sources | None
    mapping: PathLike | None
    column1: PathLike | None
    settings: Mapping[str, object] | None
    settings_file: PathLike | None
    threads: int | None
    memory_limit: int | str | None
    partition_lines: int
    rules_folder: PathLike | None
    received_at: dt.datetime | None


def pack(
    sources: Sources,
    *,
    progress: Progress | None = None,
    stop: threading.Event | None = None,
    **options: Unpack[PackOptions],
) -> PackResult:
    """Put every eligible entry that no live claim holds into declarations, and say of the others why and what to do.

    Args:
        sources: one store, or files and folders of ES-003 or canonical rows.
        progress: told where the work is.
        stop: set it to stop cleanly before anything is written.
        options: see `PackOptions`.

    Raises:
        CapeError: see `cape_engine.errors`; bad data is a finding instead.
    """
    return execute_pack(pack_request(sources, **options), progress=progress, stop=stop)


def pack_request(sources: Sources, **options: Unpack[PackOptions]) -> PackRequest:
    """The request that the options describe, every default made explicit.

    Raises:
        UsageError: an unknown setting, a day that is none, or an option or kind of account that does not exist.
    """
    unknown = set(options) - set(PackOptions.__annotations__)
    if unknown:
        raise UsageError(f"there is no option {min(unknown)!r}; known: {', '.join(PackOptions.__annotations__)}")
    account = options.get("account", "broker")
    if account not in KINDS:
        raise UsageError(f"{account!r} is no kind of account that files; known: {', '.join(KINDS)}")
    filed = day_of(options.get("as_of")) or dt.datetime.now(tz=dt.UTC).date()
    ledger = options.get("ledger")
    return PackRequest(
        sources=paths_of(sources),
        out=path_of(options.get("out")),
        as_of=filed,
        received_at=options.get("received_at") or dt.datetime.combine(filed, dt.time(), dt.UTC),
        settings=Settings.build(options.get("settings"), path_of(options.get("settings_file"))),
        ledger=None if ledger is None else os.fspath(ledger),
        account=account,
        holds=paths_of(options.get("hold")),
        headers=paths_of(options.get("headers")),
        mapping=path_of(options.get("mapping")),
        column1=path_of(options.get("column1")),
        rules=path_of(options.get("rules_folder")),
        threads=options.get("threads") or os.cpu_count() or 1,
        partition_lines=options.get("partition_lines", 1_000_000),
        memory_limit_bytes=memory_bytes(options.get("memory_limit")),
    )
