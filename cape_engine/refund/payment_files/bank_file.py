"""A file for a bank: readable by its owner only, and hashed while it is written."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True, slots=True)
class WrittenFile:
    """A file as the manifest lists it.

    Attributes:
        name: of the file.
        sha256: of its bytes, hex.
        size: its bytes.
        payments: how many stand in it.
        total_cents: what they add up to.
        facts: what its format counts: batches, records, entry hash, first and last trace, message id.
    """

    name: str
    sha256: str
    size: int
    payments: int
    total_cents: int
    facts: Mapping[str, object] = field(default_factory=dict)


class BankFile:
    """A growing file; what is not closed was not finished.

    Args:
        path: must not be there yet.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.size = 0
        self._digest = hashlib.sha256()
        self._stream = os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb")

    def write(self, content: bytes | memoryview) -> None:
        """Append bytes."""
        self._stream.write(content)
        self._digest.update(content)
        self.size += len(content) if isinstance(content, bytes) else content.nbytes

    def give_up(self) -> None:
        """Let the file go as it is; nobody will list it."""
        self._stream.close()

    def close(self) -> str:
        """Make the file durable; its SHA-256."""
        with self._stream:
            self._stream.flush()
            os.fsync(self._stream.fileno())
        return self._digest.hexdigest()
