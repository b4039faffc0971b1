"""Arguments of the public Python calls as they may be written: paths, one or many, and days."""

from __future__ import annotations

import datetime as dt
import os
from collections.abc import Iterable
from pathlib import Path

from cape_engine.errors import UsageError

PathLike = str | os.PathLike[str]
Sources = PathLike | Iterable[PathLike]


def path_of(value: PathLike | None) -> Path | None:
    """A path, if one is given."""
    return None if value is None else Path(value)


def paths_of(value: Sources | None) -> tuple[Path, ...]:
    """One path or many as a tuple."""
    if value is None:
        return ()
    if isinstance(value, (str, os.PathLike)):
        return (Path(value),)
    return tuple(Path(item) for item in value)


def day_of(value: dt.date | str | None) -> dt.date | None:
    """A day given as a date or as ISO text."""
    if value is None:
        return None
    if isinstance(value, dt.datetime):
        return value.date()
    if isinstance(value, dt.date):
        return value
    try:
        return dt.date.fromisoformat(value)
    except ValueError as error:
        raise UsageError(f"{value!r} is not a day; write it as YYYY-MM-DD") from error
