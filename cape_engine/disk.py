"""What the system says of a full disk; what reads and writes past its memory of files share (`open` with O_DIRECT)."""

from __future__ import annotations

import errno
import os

BLOCK_BYTES = 4096
"""Places, lengths and memory of such reads and writes are multiples of this, which every disk takes."""

STRAIGHT: int = getattr(os, "O_DIRECT", 0)
"""The flag that asks for them; 0 on systems that know none. A file system may yet refuse them."""

NO_ROOM = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
"""What the system says when the disk, a quota or a file is full; anything else is not helped by making room."""


def whole_blocks(size: int) -> int:
    """The bytes of as many blocks as some bytes take."""
    return -(-size // BLOCK_BYTES) * BLOCK_BYTES
