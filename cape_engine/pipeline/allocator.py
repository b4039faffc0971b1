"""How Arrow's allocator treats freed memory in a run; imported before Arrow is.

A run frees the columns of one partition and at once asks for as much for the next. Arrow's allocator (mimalloc) gives
freed pages back to the system after 10 ms, and the system hands them out again one fault at a time, cleared, with all
threads of the process waiting in turn: 3,000 to 14,000 faults a partition became 340, a tenth of the time of a run.
A run keeps such memory to its end; it needs it anyway while the largest partition is under way. Whoever sets the
variable, or imports Arrow earlier, decides otherwise.
"""

from __future__ import annotations

import os

_VARIABLE = "MIMALLOC_PURGE_DELAY"
_NEVER = "-1"

os.environ.setdefault(_VARIABLE, _NEVER)
