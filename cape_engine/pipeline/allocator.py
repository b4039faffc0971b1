"""How allocators treat freed memory in a run; imported before Arrow is.

A run frees the columns of one partition and at once asks for as much for the next. Arrow's allocator (mimalloc) gives
freed pages back to the system after 10 ms, and the C library, which NumPy asks, gives every array of 128 KiB or more
back at once; the system hands them out again one fault at a time, cleared, with all threads of the process waiting in
turn. 3,000 to 14,000 faults a partition became 340, a tenth of the time of a run, when Arrow kept its memory; the C
library keeping it as well gave nothing to 4 % more. What threads ask of the C library stands in heaps of 64 MiB, each
of which goes back once nothing of it is in use, whatever else is kept, unless more than that is to be left free: a run
with changes asked for four of them a partition, a twentieth of its processor time. A run keeps such memory to its end;
it needs it anyway while the largest partition is under way. Whoever sets the variables decides otherwise.
"""

from __future__ import annotations

import ctypes
import os
from collections.abc import Mapping
from contextlib import suppress

_VARIABLE = "MIMALLOC_PURGE_DELAY"
_NEVER = "-1"

# <malloc.h> of the GNU C library. Arrays up to its largest threshold are taken from memory that is kept.
_M_TRIM_THRESHOLD, _M_TOP_PAD, _M_MMAP_THRESHOLD = -1, -2, -3
_OWN_VARIABLES = ("MALLOC_MMAP_THRESHOLD_", "MALLOC_TRIM_THRESHOLD_", "MALLOC_TOP_PAD_", "GLIBC_TUNABLES")
_LARGEST_THRESHOLD = 32 << 20
_HEAP_BYTES = 2 * _LARGEST_THRESHOLD  # of a thread
_KEPT_BYTES = 256 << 20
_LEFT_BYTES = 2 * _HEAP_BYTES  # free at the end of the heap before, at most, and in the one that would go


def keep_freed_memory(environment: Mapping[str, str]) -> bool:
    """Have the C library keep what is freed; whether it does.

    Args:
        environment: of the process; where it speaks of the allocator, nothing is changed.
    """
    if any(name in environment for name in _OWN_VARIABLES):
        return False
    with suppress(AttributeError, OSError, TypeError):  # other C libraries have no such call
        change = ctypes.CDLL(None).mallopt
        asked = ((_M_MMAP_THRESHOLD, _LARGEST_THRESHOLD), (_M_TRIM_THRESHOLD, _KEPT_BYTES), (_M_TOP_PAD, _LEFT_BYTES))
        return all(change(what, size) for what, size in asked)
    return False


os.environ.setdefault(_VARIABLE, _NEVER)
keep_freed_memory(os.environ)
