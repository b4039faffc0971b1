"""One process at a time writes to a store: what two add at once would be lost."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from cape_engine.disk import Claim

LOCK: Final = ".lock"
"""File in a store that is being written."""


def claim(folder: Path) -> Claim:
    """Hold a store, until it is closed.

    Args:
        folder: of the store, which is there.

    Raises:
        OutputError: another process holds it.
        OSError: it cannot be written.
    """
    return Claim(folder / LOCK, f"{folder}: another import writes this store; run the same command when it is done")
