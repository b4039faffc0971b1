"""Folders that are no sources of an import: stores, imports that were not finished, and results of runs."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from pathlib import Path

from cape_engine.errors import UsageError
from cape_engine.store import is_store
from cape_engine.store.store import MANIFEST
from cape_engine.store.writer import is_partition

_PARTITION = re.compile(r"part-\d+")


def refuse_strangers(sources: Iterable[Path | str]) -> None:
    """Say of a folder that its tables are no sources, instead of naming the columns that each of its files lacks.

    Raises:
        UsageError: it is a store, looks like one, or holds the results of a run.
    """
    for path in map(Path, sources):
        if not path.is_dir():
            continue
        if is_store(path):
            raise UsageError(
                f"{path} is a store: `cape run` and `cape explain` take it, alone; there is nothing to import"
            )
        about = _manifest_command(path)
        if about == "run":
            raise UsageError(
                f"{path} holds the results of `cape run`, not sources: name the exports or the store that it read"
            )
        if not about and any(map(_is_partition, path.iterdir())):
            raise UsageError(f"{path} looks like a store whose import was not finished: repeat `cape import`")


def _manifest_command(folder: Path) -> str:
    """The last word of the command that wrote the manifest of a folder; nothing where none can be read."""
    try:
        found = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return ""
    named = str(found.get("command", "")) if isinstance(found, dict) else ""
    return re.split(r"[. ]", named)[-1]


def _is_partition(item: Path) -> bool:
    """Whether a folder is named like a partition of a store and holds the files of one."""
    return _PARTITION.fullmatch(item.name) is not None and is_partition(item) and any(item.iterdir())
