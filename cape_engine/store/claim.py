"""One process at a time writes to a store: what two add at once would be lost."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path
from typing import Final

from cape_engine import disk
from cape_engine.errors import OutputError

LOCK: Final = ".lock"
"""File in a store that is being written."""


class Claim:
    """Holds a folder until it is closed, or nobody needs it any more.

    Args:
        folder: of the store, which is there.

    Raises:
        OutputError: another process holds it.
        OSError: it cannot be written.
    """

    def __init__(self, folder: Path) -> None:
        self._handle: int | None = None
        self._path = folder / LOCK
        self._handle = disk.claimed(self._path)
        if self._handle is None:
            raise OutputError(f"{folder}: another import writes this store; run the same command when it is done")

    def close(self) -> None:
        """Give the folder back."""
        if self._handle is not None:
            with suppress(OSError):  # it is gone with the folder, or the system keeps files that are open
                self._path.unlink()
            os.close(self._handle)
            self._handle = None

    def __del__(self) -> None:
        self.close()
