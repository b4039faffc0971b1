"""One run at a time writes to a folder."""

from __future__ import annotations

from pathlib import Path

from cape_engine import disk
from cape_engine.errors import OutputError


def claimed(run: Path) -> int:
    """A lock that the system gives back when the process ends, however it ends.

    Raises:
        OutputError: another process holds it.
    """
    handle = disk.claimed(run / "lock")
    if handle is None:
        raise OutputError(f"{run.parent}: another run writes its results there; wait for it or choose another --out")
    return handle
