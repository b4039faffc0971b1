"""The public Python call of the loop: the options of `cape answers`, by name."""

from __future__ import annotations

import datetime as dt
import os
from collections.abc import Mapping
from typing import TypedDict, Unpack

from cape_engine.errors import UsageError
from cape_engine.outputs.progress import Progress
from cape_engine.pipeline.answering.request import AnswersRequest, AnswersResult
from cape_engine.pipeline.answering.road import execute_answers
from cape_engine.pipeline.arguments import PathLike, Sources, day_of, path_of, paths_of
from cape_engine.settings import Settings


class AnswerOptions(TypedDict, total=False):
    """The options of a reading of answers, each optional.

    Attributes:
        out: folder for the lists; without it only the ledger changes.
        as_of: day of the answers; today if not given.
        declaration: file name of the declaration that a Validation Result File without one speaks of.
        settings: settings by name.
        settings_file: settings as TOML.
        rules_folder: another folder of rule files than the built-in one.
        received_at: when they arrived, for the ledger; the beginning of that day (UTC) if not given.
    """

    out: PathLike | None
    as_of: dt.date | str | None
    declaration: str | None
    settings: Mapping[str, object] | None
    settings_file: PathLike | None
    rules_folder: PathLike | None
    received_at: dt.datetime | None


def answers(
    files: Sources, *, ledger: PathLike, progress: Progress | None = None, **options: Unpack[AnswerOptions]
) -> AnswersResult:
    """Take CBP's Claim Details and Validation Result files into the ledger, and say what failed and what to do.

    Args:
        files: CBP's files.
        ledger: path (SQLite) or URL of the ledger that knows what was sent.
        progress: told where the work is.
        options: see `AnswerOptions`.

    Raises:
        CapeError: see `cape_engine.errors`; bad data is a finding instead.
    """
    return execute_answers(answers_request(files, ledger=ledger, **options), progress=progress)


def answers_request(files: Sources, *, ledger: PathLike, **options: Unpack[AnswerOptions]) -> AnswersRequest:
    """The request that the options describe, every default made explicit.

    Raises:
        UsageError: an unknown setting, a day that is none, or an option that does not exist.
    """
    unknown = set(options) - set(AnswerOptions.__annotations__)
    if unknown:
        raise UsageError(f"there is no option {min(unknown)!r}; known: {', '.join(AnswerOptions.__annotations__)}")
    day = day_of(options.get("as_of")) or dt.datetime.now(tz=dt.UTC).date()
    return AnswersRequest(
        files=paths_of(files),
        ledger=os.fspath(ledger),
        out=path_of(options.get("out")),
        as_of=day,
        received_at=options.get("received_at") or dt.datetime.combine(day, dt.time(), dt.UTC),
        settings=Settings.build(options.get("settings"), path_of(options.get("settings_file"))),
        declaration=options.get("declaration"),
        rules=path_of(options.get("rules_folder")),
    )
