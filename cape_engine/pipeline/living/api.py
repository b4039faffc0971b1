"""The public Python calls of the life of entries: the options of `cape schedule` and `cape advance`, by name."""

from __future__ import annotations

import datetime as dt
import os
from collections.abc import Mapping
from typing import NoReturn, TypedDict, Unpack

import pyarrow as pa

from cape_engine.errors import UsageError
from cape_engine.pipeline.arguments import PathLike, Sources, day_of, path_of, paths_of
from cape_engine.pipeline.living.request import AdvanceRequest, AdvanceResult, ScheduleRequest, ScheduleResult


class ScheduleOptions(TypedDict, total=False):
    """The options of scheduling, each optional.

    Attributes:
        headers: header files, as for the run.
        importers: importers files, as for the run.
        deposits: deposits files, as for the run.
        mapping: header names of another export, as for the run.
        settings: settings by name, laid over those of the run.
        rules_folder: another folder of rule files than the built-in one.
    """

    headers: Sources
    importers: Sources
    deposits: Sources
    mapping: PathLike | None
    settings: Mapping[str, object] | None
    rules_folder: PathLike | None


def schedule(
    results: PathLike, sources: Sources, *, ledger: PathLike, **options: Unpack[ScheduleOptions]
) -> ScheduleResult:
    """Give every entry that a run accepted, and the ledger knows as ACCEPTED, its place in the schedule.

    The same call again changes nothing.

    Args:
        results: folder of a run.
        sources: the store or files that the run read.
        ledger: path (SQLite) or URL.
        options: see `ScheduleOptions`.

    Raises:
        CapeError: see `cape_engine.errors`; bad data is a finding instead.
    """
    from cape_engine.pipeline.living.scheduling import execute_schedule  # noqa: PLC0415 - the road loads the components

    _known(options, ScheduleOptions)
    return execute_schedule(
        ScheduleRequest(
            results=path_of(results) or _missing("results"),
            sources=paths_of(sources),
            ledger=os.fspath(ledger),
            changes=options.get("settings") or {},
            headers=paths_of(options.get("headers", ())),
            importers=paths_of(options.get("importers", ())),
            deposits=paths_of(options.get("deposits", ())),
            mapping=path_of(options.get("mapping")),
            rules=path_of(options.get("rules_folder")),
        )
    )


class AdvanceOptions(TypedDict, total=False):
    """The options of playing days, each optional.

    Attributes:
        start: first day, where none was played yet; the day of the earliest acceptance if not given.
        events: files of events, or a table with the columns `schema.life.EVENTS_FILE`.
        notices: folder for the bulletin notices of run days.
        settings: settings by name.
        settings_file: settings as TOML.
        rules_folder: another folder of rule files than the built-in one.
        who: who brought the events.
    """

    start: dt.date | str | None
    events: Sources | pa.Table
    notices: PathLike | None
    settings: Mapping[str, object] | None
    settings_file: PathLike | None
    rules_folder: PathLike | None
    who: str


def advance(*, ledger: PathLike, to: dt.date | str, **options: Unpack[AdvanceOptions]) -> AdvanceResult:
    """Play every day after the last one that was played, up to a day: each is one transaction of the ledger.

    Days that were played stay as they are, so that the same call again changes nothing.

    Args:
        ledger: path (SQLite) or URL.
        to: last day.
        options: see `AdvanceOptions`.

    Raises:
        CapeError: see `cape_engine.errors`; bad events are findings instead.
    """
    from cape_engine.pipeline.living.road import execute_advance  # noqa: PLC0415 - the road loads the components

    _known(options, AdvanceOptions)
    events = options.get("events", ())
    table = events if isinstance(events, pa.Table) else None
    return execute_advance(
        AdvanceRequest(
            ledger=os.fspath(ledger),
            to=day_of(to) or _missing("to"),
            start=day_of(options.get("start")),
            events=() if isinstance(events, pa.Table) else paths_of(events),
            event_table=table,
            notices=path_of(options.get("notices")),
            changes=options.get("settings"),
            settings_file=path_of(options.get("settings_file")),
            rules=path_of(options.get("rules_folder")),
            who=options.get("who", "cbp"),
        )
    )


def _known(options: Mapping[str, object], known: type) -> None:
    """Refuse an option that does not exist."""
    unknown = set(options) - set(known.__annotations__)
    if unknown:
        raise UsageError(f"there is no option {min(unknown)!r}; known: {', '.join(known.__annotations__)}")


def _missing(name: str) -> NoReturn:
    """Refuse a call without something that it needs."""
    raise UsageError(f"{name} is missing")
