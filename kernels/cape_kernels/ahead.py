"""Compile all kernels into an empty cache on all cores, before the first run that needs them.

Numba compiles one kernel at a time, most of it in Python: threads would not help, so every further core has a process
of its own that is handed one module after the other. The results meet in the cache folder, which Numba writes by
renaming whole files: a killed or second process leaves nothing half-written, and what a process did not finish is
compiled where it is first imported.
"""

from __future__ import annotations

import contextlib
import importlib
import os
import subprocess
import sys
import threading
from collections import deque
from pathlib import Path

import llvmlite.binding  # type: ignore[import-untyped]  # llvmlite carries no types
import numba

from cape_kernels import _jit

# Longest first, or one of them is still compiling when all others are done; the rest goes by the size of its source.
LONGEST = ("process", "recompute", "removal", "row_hash", "parse", "payment_keys")
MOST_PROCESSES = 4
_OTHER_PROCESS = """import gc, importlib, sys
gc.set_threshold(200_000)
for name in sys.stdin:
    importlib.import_module(name.strip())
    print(flush=True)
"""


def module_names() -> list[str]:
    """Full names of all kernel modules, those that take longest to compile first."""
    files = {file.stem: file.stat().st_size for file in Path(__file__).parent.glob("*.py") if file.stem[0] != "_"}
    del files[Path(__file__).stem]
    first = [name for name in LONGEST if name in files]
    rest = sorted(files.keys() - set(first), key=lambda name: (-files[name], name))
    return [f"cape_kernels.{name}" for name in first + rest]


def compile_all(names: list[str] | None = None) -> bool:
    """Bring every kernel into the cache, unless a process before did; whether this one had to.

    Args:
        names: Modules to compile (all kernel modules).
    """
    folder = _jit.CACHE_FOLDER
    if folder is None or numba.config.DISABLE_JIT:  # type: ignore[attr-defined]  # numba.config is filled at run time
        return False
    # Numba compiles anew for another release and another processor.
    done = folder / f"complete-{numba.__version__}-{llvmlite.binding.get_host_cpu_name()}"
    if done.exists():
        return False
    names = module_names() if names is None else names
    _share(deque(names))
    for name in names:  # what another process compiled comes from the cache, what it could not is compiled here
        importlib.import_module(name)
    with contextlib.suppress(OSError):  # a full disk: the next process asks again
        done.touch()
    return True


def _share(waiting: deque[str]) -> None:
    """Import the waiting modules here and in other processes, whoever is free taking the next."""
    others = [_start() for _ in range(min(_cores(), MOST_PROCESSES) - 1)]
    feeders = [threading.Thread(target=_feed, args=(other, waiting), daemon=True) for other in others]
    try:
        for feeder in feeders:
            feeder.start()
        while waiting:
            with contextlib.suppress(IndexError):  # a feeder was quicker
                importlib.import_module(waiting.popleft())
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
    """Start one process that imports each module named on its standard input; it ends when the input does."""
    return subprocess.Popen(  # noqa: S603 - this very interpreter and our own text
        [sys.executable, "-P", "-c", _OTHER_PROCESS],
        env=os.environ | {"PYTHONPATH": os.pathsep.join(path for path in sys.path if path)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )


def _feed(other: subprocess.Popen[str], waiting: deque[str]) -> None:
    """Hand the other process one module after the other, until none waits or the process is gone."""
    if other.stdin is None or other.stdout is None:
        return
    with contextlib.suppress(OSError, ValueError, IndexError):  # it is gone, or was stopped; none is left
        while True:
            other.stdin.write(waiting.popleft() + "\n")
            other.stdin.flush()
            if not other.stdout.readline():
                return
