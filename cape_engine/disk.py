"""A full disk, a folder claimed for one process, and what reads and writes past the system's memory of files share."""

from __future__ import annotations

import errno
import os
from contextlib import suppress
from pathlib import Path

from cape_engine.errors import OutputError

try:
    import fcntl
except ImportError:  # not on every system
    fcntl = None  # type: ignore[assignment]

BLOCK_BYTES = 4096
"""Places, lengths and memory of reads and writes past that memory are multiples of this, which every disk takes."""

STRAIGHT: int = getattr(os, "O_DIRECT", 0)
"""The flag that asks for them; 0 on systems that know none. A file system may yet refuse them."""

NO_ROOM = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
"""What the system says when the disk, a quota or a file is full; anything else is not helped by making room."""

_NO_LOCKS = frozenset({errno.ENOLCK, errno.EOPNOTSUPP, errno.ENOSYS})


def claimed(path: Path) -> int | None:
    """A file, open and locked, which whoever holds it may take away; the lock ends with the process, however that ends.

    Returns:
        What is to be closed; None where another holds it. Where the system knows no locks, everybody gets one.
    """
    while True:
        handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
        try:
            if fcntl is not None:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            if error.errno in _NO_LOCKS:
                return handle
            os.close(handle)
            if isinstance(error, BlockingIOError):
                return None
            raise
        with suppress(FileNotFoundError):
            if os.path.samestat(os.fstat(handle), path.stat()):
                return handle
        os.close(handle)  # whoever held it took the file away meanwhile


class Claim:
    """Holds a folder for this process until it is closed, or nobody needs it any more.

    Args:
        path: a file in the folder, which stands there meanwhile; one that a killed process left holds nothing.
        refusal: what to say when another process has it.

    Raises:
        OutputError: another process has it.
        OSError: the folder cannot be written.
    """

    def __init__(self, path: Path, refusal: str) -> None:
        self._handle: int | None = None
        self._path = path
        self._handle = claimed(path)
        if self._handle is None:
            raise OutputError(refusal)

    def close(self) -> None:
        """Give the folder back."""
        if self._handle is not None:
            with suppress(OSError):  # it is gone with the folder, or the system keeps files that are open
                self._path.unlink()
            os.close(self._handle)
            self._handle = None

    def __del__(self) -> None:
        self.close()


def whole_blocks(size: int) -> int:
    """The bytes of as many blocks as some bytes take."""
    return -(-size // BLOCK_BYTES) * BLOCK_BYTES
