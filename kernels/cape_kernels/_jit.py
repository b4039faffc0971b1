"""The one place that knows how kernels are compiled and where the compiled code is kept.

Numba's own cache compares the time stamp of the file a kernel stands in, so an edited helper or constant in another
file leaves a stale kernel behind. The cache folder is therefore keyed by a hash of all kernel sources. It is chosen
before Numba is imported, because Numba fails at import when its folder cannot be written; without any writable
folder the kernels are compiled anew in each process, and the engine still runs.
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import os
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar, cast

F = TypeVar("F", bound=Callable[..., Any])

CACHE_VARIABLE = "CAPE_CACHE_DIR"


def sources_hash() -> str:
    """SHA-256 over the names and contents of all kernel sources, and the Python version (hex)."""
    digest = hashlib.sha256(sys.version.encode())
    folder = Path(__file__).parent
    for file in sorted(folder.rglob("*.py")):
        digest.update(file.relative_to(folder).as_posix().encode() + b"\0" + file.read_bytes() + b"\0")
    return digest.hexdigest()


def _writable(folder: Path) -> bool:
    """Whether `folder` exists or can be made, and a file can be written in it."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            return True
    except OSError:
        return False


def _candidates() -> list[Path]:
    """Folders to try, the user's own choice first."""
    chosen = os.environ.get(CACHE_VARIABLE)
    if chosen:
        return [Path(chosen)]
    home = os.environ.get("XDG_CACHE_HOME")
    places = [Path(home) / "cape_engine"] if home else []
    with contextlib.suppress(RuntimeError):  # no home at all, as in some containers
        places.append(Path.home() / ".cache" / "cape_engine")
    owner = os.getuid() if hasattr(os, "getuid") else 0
    with contextlib.suppress(OSError):  # no temporary folder either
        places.append(Path(tempfile.gettempdir()) / f"cape_engine-{owner}")
    return places


SOURCES_HASH = sources_hash()
# Numba's cache would hand code without bounds checks to a run that asks for them: each kind has its own folder.
_KIND = "-checked" if os.environ.get("NUMBA_BOUNDSCHECK", "0") not in {"", "0"} else ""
CACHE_FOLDER: Path | None = next(
    (folder for base in _candidates() if _writable(folder := base / "kernels" / f"{SOURCES_HASH[:16]}{_KIND}")), None
)
if CACHE_FOLDER is not None:
    os.environ["NUMBA_CACHE_DIR"] = str(CACHE_FOLDER)

import numba  # noqa: E402 - the folder above has to be chosen first
import numpy  # noqa: E402, ICN001 - as above
from numba.core.registry import CPUDispatcher  # noqa: E402 - as above

if CACHE_FOLDER is not None:
    numba.config.CACHE_DIR = str(CACHE_FOLDER)  # type: ignore[attr-defined]  # numba.config is filled at run time

# Without its reference counting Numba passes our tuples of arrays several times faster: both kernels of mass processing
# together went from 1.5 to 11 million tariff rows a second, and inlining every helper gave 18 (one core,
# docs/performance.md). It also makes the rule that a kernel allocates nothing a rule of the compiler.
_OPTIONS: dict[str, Any] = {"nogil": True, "error_model": "numpy", "_nrt": False}


# Nothing calls kernels through C function pointers, and helpers are called by kernels only. What Numba builds and
# translates for such callers by default was a fifth to two fifths of compiling (`row_hash`: 5.4 to 3.4 processor
# seconds).
_KERNEL: dict[str, Any] = _OPTIONS | {"no_cfunc_wrapper": True}
_ROUTINE: dict[str, Any] = _KERNEL | {"no_cpython_wrapper": True}
_HELPER: dict[str, Any] = _ROUTINE | {"forceinline": True}


def kernel(signature: Any) -> Callable[[F], F]:
    """Compile for exactly one signature, without the GIL, from the cache if the sources are unchanged."""
    decorate: Callable[[F], F] = numba.njit(signature, cache=CACHE_FOLDER is not None, **_KERNEL)
    return decorate


class _Helper(CPUDispatcher):  # type: ignore[misc]  # numba carries no types
    """A helper inside kernels has no door for Python; a call from Python, as in a test, compiles one with a door."""

    def __call__(self, *arguments: Any) -> Any:
        """Answer as the compiled helper does inside a kernel."""
        try:
            own = self.__dict__["_own"]
        except KeyError:
            own = self.__dict__["_own"] = numba.njit(**_OPTIONS)(self.py_func)
        return own(*arguments)


def helper(function: F) -> F:
    """Compile a function that kernels call; it lives inside them and has no cache of its own."""
    return _inside(function, _HELPER)


def routine(function: F) -> F:
    """Compile a function that kernels call for their rare rows: it stays a function, compiled once for all callers."""
    return _inside(function, _ROUTINE)


def _inside(function: F, options: dict[str, Any]) -> F:
    """Compile a function for callers that are compiled."""
    if numba.config.DISABLE_JIT:  # type: ignore[attr-defined]  # numba.config is filled at run time
        return function
    compiled: Any = _Helper(function, targetoptions=options | {"nopython": True, "boundscheck": None})
    return cast(F, compiled)


def wrapping_helper(function: F) -> F:
    """A helper that counts modulo 2^64 on purpose; with the compiler off, NumPy does not warn of its wrapping.

    Everywhere else that warning is wanted: it is how a run with NUMBA_DISABLE_JIT=1 finds an overflow.
    """
    if not numba.config.DISABLE_JIT:  # type: ignore[attr-defined]  # as above
        return helper(function)

    @functools.wraps(function)
    def quiet(*arguments: Any) -> Any:
        with numpy.errstate(over="ignore"):
            return function(*arguments)

    result: Any = quiet
    return cast(F, result)
