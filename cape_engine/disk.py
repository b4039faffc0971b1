"""What reads and writes past the memory that the system keeps of files have in common (`open` with O_DIRECT)."""

from __future__ import annotations

import os

BLOCK_BYTES = 4096
"""Places, lengths and memory of such reads and writes are multiples of this, which every disk takes."""

STRAIGHT: int = getattr(os, "O_DIRECT", 0)
"""The flag that asks for them; 0 on systems that know none. A file system may yet refuse them."""


def whole_blocks(size: int) -> int:
    """The bytes of as many blocks as some bytes take."""
    return -(-size // BLOCK_BYTES) * BLOCK_BYTES
