"""Where results are to go, looked at before the work that they would come from."""

from __future__ import annotations

import os
from pathlib import Path

from cape_engine.errors import UsageError


def refuse_unwritable(folder: Path | None) -> None:
    """Refuse a folder into which nothing could be written, before hours of work; nothing is made or changed.

    Args:
        folder: where results are to be written; None for nowhere.

    Raises:
        UsageError: it is a file or below one, or its permissions or those above it forbid writing.
    """
    if folder is None:
        return
    there = next(place for place in (folder, *folder.absolute().parents) if os.path.lexists(place))
    if not there.is_dir():
        raise UsageError(f"{there} is a file, and --out takes a folder: choose another one")
    if not os.access(there, os.W_OK | os.X_OK):
        raise UsageError(f"{there} may not be written: allow it, or choose another folder with --out")
