"""One run at a time writes to a folder."""

from __future__ import annotations

import os
from pathlib import Path

from cape_engine.errors import OutputError

try:
    import fcntl
except ImportError:  # not on every system
    fcntl = None  # type: ignore[assignment]


def claimed(run: Path) -> int:
    """A lock that the system gives back when the process ends, however it ends.

    Raises:
        OutputError: another process holds it.
    """
    handle = os.open(run / "lock", os.O_RDWR | os.O_CREAT, 0o666)
    if fcntl is not None:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            os.close(handle)
            raise OutputError(
                f"{run.parent}: another run writes its results there; wait for it or choose another --out"
            ) from error
    return handle
