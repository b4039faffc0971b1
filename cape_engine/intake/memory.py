"""How much memory an import may take, and how it is shared between reading, grouping and writing."""

from __future__ import annotations

import contextlib
import ctypes
import os
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa

from cape_engine.errors import UsageError

MIB = 1 << 20
LEAST_LIMIT = 512 * MIB
"""Interpreter, Arrow and compiled kernels take 250 MiB before the first row is read."""

_IN_FLIGHT = 70 * MIB
"""Text, cells and numbers of one part of a file while a thread reads it (measured; 8 MiB of text)."""
_MAPPED = 72 * MIB
"""Pages of a text file around the parts that are being read."""
_SORTING = 64 * MIB
"""Rows that a thread sorts for the disk (measured; `spill` sorts half a million at a time)."""
_SHARE_OF_MACHINE = 0.6
_BYTES_A_LINE = 400
"""Memory of a line with its numbers while its partition is made and written and the next one collected (measured)."""
_BYTES_A_ROW = 150
"""Memory of a row in a bucket while it is grouped (measured: 90 to 140 with 20 columns)."""
_MOST_ROWS = 1 << 19  # taking a column in another order costs a third of what it costs with four times as many rows
_LEAST_ROWS = 1 << 16


@dataclass(frozen=True, slots=True)
class Budget:
    """Shares of a memory limit.

    Attributes:
        held_bytes: rows that are held in memory while files are read.
        process_bytes: what the whole process holds when rows go to disk before that.
        kept_bytes: rows that may stay there while partitions are made.
        bucket_rows: rows of a bucket.
        threads: buckets that are grouped at the same time.
    """

    held_bytes: int
    process_bytes: int
    kept_bytes: int
    bucket_rows: int
    threads: int


def budget_of(limit: int | None, threads: int, partition_lines: int) -> Budget:
    """How an import shares its memory.

    Args:
        limit: bytes that the process may hold at most; None: a share of what the machine has free. Partitions are
            made whole in memory: below 1 GiB a limit is held only with fewer lines than a million each.
        threads: threads that work at the same time.
        partition_lines: lines of a partition.

    Raises:
        UsageError: less than the engine itself needs.
    """
    if limit is not None and limit < LEAST_LIMIT:
        raise UsageError(f"the memory limit is at least {LEAST_LIMIT // MIB} MiB: the engine itself needs half of that")
    base = resident()
    whole = base + int(_free() * _SHARE_OF_MACHINE) if limit is None else limit
    room = max(whole - base, 64 * MIB)
    sorting = threads * _SORTING
    held = max(room - (threads + 1) * _IN_FLIGHT - _MAPPED - sorting, 32 * MIB)
    left = max(room - partition_lines * _BYTES_A_LINE, 0)
    if left < threads * _LEAST_ROWS * _BYTES_A_ROW:
        threads = 1
    rows = min(max(left // _BYTES_A_ROW // threads, _LEAST_ROWS), _MOST_ROWS)
    return Budget(held, whole - sorting - _IN_FLIGHT // 2, max(left - threads * rows * _BYTES_A_ROW, 0), rows, threads)


def give_back() -> None:
    """Return freed memory to the system: allocators keep it for the next request, which here may be of another size."""
    pa.default_memory_pool().release_unused()
    with contextlib.suppress(OSError, AttributeError):  # other C libraries have no such call
        ctypes.CDLL(None).malloc_trim(0)


def resident() -> int:
    """Bytes that this process holds now."""
    try:
        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    except (OSError, ValueError, IndexError):
        return 256 * MIB
    return pages * os.sysconf("SC_PAGE_SIZE")


def _free() -> int:
    """Bytes that the machine could still give."""
    try:
        for line in Path("/proc/meminfo").read_text(encoding="ascii").splitlines():
            if line.startswith("MemAvailable:"):
                return int(line.split()[1]) * 1024
    except (OSError, ValueError, IndexError):
        pass
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 2
