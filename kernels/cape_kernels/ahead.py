"""Compile kernels into an empty cache on all cores, before the first run that needs them.

Numba compiles one kernel at a time, most of it in Python: threads would not help, so every further core has a process
of its own that is handed one kernel after the other. The results meet in the cache folder, where whole files are
renamed into place: a killed or second process leaves nothing half-written, and what a process did not finish is
compiled where it is first called.
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import os
import subprocess
import sys
import threading
from collections import deque
from pathlib import Path

from cape_kernels import _jit

# Longest first, or one of them is still compiling when all others are done; the rest in the order of their modules.
LONGEST = (
    "process.process_lines",
    "parts.read_part",
    "payment_keys.payment_keys",
    "row_hash.text_words",
    "row_hash.many_text_words",
    "parse.parse_number",
    "distinct.distinct_cells",
    "consolidation.add_sums",
    "buckets.deal_sums",
    "parse.parse_days",
)
# What an ordinary run never calls is compiled when it is called, not while somebody waits for a first result.
SELDOM = (
    "buckets.deal_refunds",
    "buckets.totals_of_refunds",
    "consolidation.sum_refunds",
    "delimited.scan_records",
    "interest.apply_factors",
    "interest.apply_two_growths",
    "order.sort_rows",
    "outlook.count_refunds",
    "outlook.sum_outlook",
    "parse.parse_cents",
    "parse.parse_dollars",
    "parse.parse_hundredths",
    "parse.parse_whole",
    "shapes.count_fillers",
    "shapes.count_wide_fillers",
    "shapes.shapes_of_wide_lines",
    "splitting.split_records",
)
MOST_PROCESSES = 4
_COLLECT_AFTER = 200_000
_OTHER_PROCESS = """import gc, sys
from cape_kernels import ahead
gc.set_threshold(200_000)
for name in sys.stdin:
    ahead.bring(name.strip())
    print(flush=True)
"""
_PREFIX = "cape_kernels."


def module_names() -> list[str]:
    """Full names of all kernel modules."""
    files = sorted(file.stem for file in Path(__file__).parent.glob("*.py"))
    return [_PREFIX + name for name in files if name[0] != "_" and name != Path(__file__).stem]


def kernel_names() -> list[str]:
    """Full names of all kernels, those that take longest to compile first."""
    for module in module_names():
        importlib.import_module(module)
    first = [name for short in LONGEST if (name := _PREFIX + short) in _jit.KERNELS]
    return first + sorted(name for name in _jit.KERNELS.keys() - set(first) if name.startswith(_PREFIX))


def compile_all(names: list[str] | None = None, *, seldom: bool = False) -> bool:
    """Bring kernels into the cache, unless a process before did; whether this one had to.

    Args:
        names: Kernels to compile (all).
        seldom: Also those that only few runs call.
    """
    folder = None if _jit.PLAIN else _jit.code_folder()
    if folder is None:
        return False
    done = folder / ("complete-all" if seldom else "complete")
    if done.exists():
        return False
    if names is None:
        left_out = set() if seldom else {_PREFIX + name for name in SELDOM}
        names = [name for name in kernel_names() if name not in left_out]
    missing = [name for name in names if not is_there(name)]
    if missing:
        before = gc.get_threshold()
        gc.set_threshold(_COLLECT_AFTER)  # the compiler makes millions of objects and drops few
        _share(deque(missing))
        for name in missing:  # what another process was given and did not finish
            if not is_there(name):
                bring(name)
        gc.set_threshold(*before)
    with contextlib.suppress(OSError):  # a full disk: the next process asks again
        done.touch()
    return bool(missing)


def is_there(name: str) -> bool:
    """Whether the cache has the code of a kernel."""
    return _kernel(name).kept_code() is not None


def bring(name: str) -> None:
    """Compile a kernel into the cache."""
    _kernel(name).compile()


def _kernel(name: str) -> _jit.Kernel:
    """The kernel of that name, from its module."""
    importlib.import_module(name.rpartition(".")[0])
    return _jit.KERNELS[name]


def _share(waiting: deque[str]) -> None:
    """Compile the waiting kernels here and in other processes, whoever is free taking the next."""
    others = [_start() for _ in range(min(_cores(), MOST_PROCESSES, len(waiting)) - 1)]
    feeders = [threading.Thread(target=_feed, args=(other, waiting), daemon=True) for other in others]
    try:
        for feeder in feeders:
            feeder.start()
        while waiting:
            with contextlib.suppress(IndexError):  # a feeder was quicker
                bring(waiting.popleft())
        for feeder in feeders:
            feeder.join()
    finally:
        for other in others:
            other.kill()
            other.communicate()


def _cores() -> int:
    """Cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _start() -> subprocess.Popen[str]:
    """Start one process that compiles each kernel named on its standard input; it ends when the input does."""
    return subprocess.Popen(  # noqa: S603 - this very interpreter and our own text
        [sys.executable, "-P", "-c", _OTHER_PROCESS],
        env=os.environ | {"PYTHONPATH": os.pathsep.join(path for path in sys.path if path)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )


def _feed(other: subprocess.Popen[str], waiting: deque[str]) -> None:
    """Hand the other process one kernel after the other, until none waits or the process is gone."""
    if other.stdin is None or other.stdout is None:
        return
    with contextlib.suppress(OSError, ValueError, IndexError):  # it is gone, or was stopped; none is left
        while True:
            other.stdin.write(waiting.popleft() + "\n")
            other.stdin.flush()
            if not other.stdout.readline():
                return
