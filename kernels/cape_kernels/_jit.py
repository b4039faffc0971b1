"""The one place that decides how kernels become machine code, and where that is kept.

Every kernel has one signature, allocates nothing and never raises: its machine code is a plain function of a row of
64-bit words (`_words`). It is compiled by Numba once (`_compile`), kept as an object file, and loaded at the first
call by LLVM alone, so that a process that finds its kernels in the cache never imports Numba (start of a process:
0.4 s less for the import, and another 0.6 s less for what Numba's own cache does to load forty kernels).

The cache folder is keyed by a hash of all kernel sources and of the compiler's version, so that an edited helper or
constant in another file never leaves a stale kernel behind. Without any writable folder the kernels are compiled anew
in each process, and the engine still runs.
"""

from __future__ import annotations

import array
import contextlib
import ctypes
import functools
import hashlib
import importlib.util
import os
import sys
import tempfile
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar, cast

import numpy as np

from cape_kernels import _built
from cape_kernels import _types as types
from cape_kernels._words import Put, writer

__all__ = ["CACHE_FOLDER", "KERNELS", "SOURCES_HASH", "Kernel", "helper", "instruction", "kernel", "routine", "types"]

F = TypeVar("F", bound=Callable[..., Any])

CACHE_VARIABLE = "CAPE_CACHE_DIR"


def _asked(variable: str) -> bool:
    """Whether an environment variable of Numba is on."""
    return os.environ.get(variable, "0") not in {"", "0"}


PLAIN = _asked("NUMBA_DISABLE_JIT")
"""Kernels stay Python functions."""
CHECKED = _asked("NUMBA_BOUNDSCHECK")
"""Kernels check every index."""


@functools.cache
def sources_hash(folder: Path = Path(__file__).parent) -> str:
    """SHA-256 over the names and contents of all sources in a folder, and the Python version (hex)."""
    return sources_digest(folder, sys.version)


def sources_digest(folder: Path, first: str) -> str:
    """SHA-256 (hex) over a text, then the names and contents of all sources in a folder, in the order of their parts.

    Every start hashes some four hundred files: with `Path` for each that takes 15 ms, with plain names 5.
    """
    digest = hashlib.sha256(first.encode())
    for name in sorted(_source_names(str(folder), ""), key=lambda name: name.split("/")):
        with open(f"{folder}/{name}", "rb", buffering=0) as file:  # noqa: PTH123 - see above
            digest.update(name.encode() + b"\0" + file.readall() + b"\0")
    return digest.hexdigest()


def _source_names(folder: str, above: str) -> list[str]:
    """Sources in a folder and in those below it, by their path from the topmost."""
    found: list[str] = []
    with os.scandir(folder) as items:
        for item in items:
            if item.name.endswith(".py"):
                found.append(above + item.name)
            elif item.is_dir(follow_symlinks=False):
                found += _source_names(item.path, f"{above}{item.name}/")
    return found


def _compiler_hash() -> str:
    """Another release of Numba or LLVM gives other code; read from their files, because importing them takes long."""
    digest = hashlib.sha256()
    for package in ("numba", "llvmlite"):
        found = importlib.util.find_spec(package)
        if found is not None and found.origin is not None:
            with contextlib.suppress(OSError):
                digest.update((Path(found.origin).parent / "_version.py").read_bytes())
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
# Code without bounds checks must not reach a run that asks for them: each kind has its own folder.
_KEY = f"{SOURCES_HASH[:16]}-{_compiler_hash()[:8]}{'-checked' if CHECKED else ''}"
CACHE_FOLDER: Path | None = next(
    (folder for base in _candidates() if _writable(folder := base / "kernels" / _KEY)), None
)

KERNELS: dict[str, Kernel] = {}
"""Every kernel of the modules imported so far, by `module.function`."""

_LOCK = threading.RLock()
_CHECKSUM_BYTES = 32
_Entry = ctypes.CFUNCTYPE(ctypes.c_int32, ctypes.c_void_p)  # calls it without the GIL


@functools.cache
def code_folder() -> Path | None:
    """Where code for this very processor is kept."""
    if CACHE_FOLDER is None:
        return None
    from cape_kernels import _machine

    folder = CACHE_FOLDER / _machine.processor()
    return folder if _writable(folder) else None


class Kernel:
    """A kernel: called from Python with the arrays of its signature, and from other kernels.

    Attributes:
        py_func: the function as it was written.
        signature: types of its arguments.
        name: `module.function`.
        sources: folder of the sources that its code depends on besides the kernels' own.
        compiled: whether this process had to compile it.
    """

    def __init__(self, function: Callable[..., Any], signature: tuple[Any, ...]) -> None:
        functools.update_wrapper(self, function)
        self.py_func = function
        self.signature = signature
        self.name = f"{function.__module__}.{function.__qualname__}".replace(".<locals>", "")
        folder = Path(function.__code__.co_filename).parent
        self.sources = None if folder == Path(__file__).parent else folder
        self.compiled = False
        self._writers: list[Put] = [writer(kind) for kind in signature]
        self._entry: Any = None
        self._dispatcher: Any = None

    def __call__(self, *arguments: Any) -> None:
        """Run the machine code.

        Raises:
            TypeError: an argument is not what the signature says.
            IndexError: with NUMBA_BOUNDSCHECK, an index was out of bounds.
        """
        if len(arguments) != len(self._writers):
            raise TypeError(f"{self.name} takes {len(self._writers)} arguments, not {len(arguments)}")
        words: list[int] = []
        for put, argument in zip(self._writers, arguments, strict=True):
            put(words, argument)
        row = array.array("Q", words)
        entry = self._entry or self._load()
        if entry(row.buffer_info()[0]):
            raise IndexError(f"an index is out of bounds in {self.name}")

    @property
    def symbol(self) -> str:
        """The name of its entry in object files."""
        return "cape_entry_" + self.name.replace(".", "_")

    def _load(self) -> Any:
        """The entry of the machine code, from the cache or from the compiler."""
        from cape_kernels import _machine

        with _LOCK:
            if self._entry is None:
                code = self.kept_code() or self.compile()
                self._entry = _Entry(_machine.load(code, self.symbol))
            return self._entry

    def _file(self) -> Path | None:
        """Where its code is kept."""
        folder = code_folder()
        own = "" if self.sources is None else f"-{sources_hash(self.sources)[:16]}"
        return None if folder is None else folder / f"{self.name}{own}.o"

    def kept_code(self) -> bytes | None:
        """Its code from the cache or from the package, None where there is none or the file is damaged."""
        file = self._file()
        code = None if file is None else _checked(file)
        if code is None and self.sources is None and not CHECKED:
            folder = _built.folder()
            code = None if folder is None else _checked(folder / f"{self.name}.o")
        return code

    def compile(self) -> bytes:
        """Its code from the compiler, kept in the cache if there is one."""
        from cape_kernels import _compile

        self.compiled = True
        code = _compile.object_code(self)
        file = self._file()
        if file is not None:
            with contextlib.suppress(OSError):  # a full disk: the next process compiles anew
                _write_whole(file, hashlib.sha256(code).digest() + code)
        return code

    @property
    def _numba_type_(self) -> Any:
        """What it is inside another kernel: Numba asks for this name."""
        from cape_kernels import _compile

        return _compile.type_of(self, "routine")


def _checked(file: Path) -> bytes | None:
    """The code in a file, None where there is no such file or it is damaged."""
    try:
        data = file.read_bytes()
    except OSError:
        return None
    code = data[_CHECKSUM_BYTES:]
    return code if hashlib.sha256(code).digest() == data[:_CHECKSUM_BYTES] else None


def _write_whole(file: Path, data: bytes) -> None:
    """Write a file so that no other process ever sees half of it."""
    handle, name = tempfile.mkstemp(dir=file.parent, prefix=file.name)
    with os.fdopen(handle, "wb") as stream:
        stream.write(data)
    Path(name).replace(file)


class Inner:
    """A function that kernels call; a call from Python, as in a test, compiles one that Python can call.

    Attributes:
        py_func: the function as it was written.
        kind: the options of the compiler, by name.
    """

    def __init__(self, function: Callable[..., Any], kind: str) -> None:
        functools.update_wrapper(self, function)
        self.py_func = function
        self.kind = kind
        self._dispatcher: Any = None

    def __call__(self, *arguments: Any) -> Any:
        """Answer as the compiled function does inside a kernel."""
        from cape_kernels import _compile

        return _compile.for_python(self.py_func)(*arguments)

    @property
    def _numba_type_(self) -> Any:
        """What it is inside a kernel: Numba asks for this name."""
        from cape_kernels import _compile

        return _compile.type_of(self, self.kind)


class _Instruction:
    """An operation that Numba has no word for, as an intrinsic of it."""

    def __init__(self, code: Callable[..., Any]) -> None:
        functools.update_wrapper(self, code)
        self.code = code

    @property
    def _numba_type_(self) -> Any:
        """What it is inside a kernel: Numba asks for this name."""
        from cape_kernels import _compile

        return _compile.intrinsic_type(self.code)


def kernel(signature: tuple[Any, ...]) -> Callable[[F], F]:
    """Compile for exactly one signature, without the GIL, when it is first called; from the cache if it is there."""

    def decorate(function: F) -> F:
        if PLAIN:
            return function
        made = Kernel(function, signature)
        KERNELS[made.name] = made
        return cast(F, made)

    return decorate


def helper(function: F) -> F:
    """Compile a function that kernels call; it lives inside them and has no code of its own."""
    return function if PLAIN else cast(F, Inner(function, "helper"))


def routine(function: F) -> F:
    """Compile a function that kernels call for their rare rows: it stays a function, compiled once for all callers."""
    return function if PLAIN else cast(F, Inner(function, "routine"))


def instruction(code: Callable[..., Any], spelled_out: F) -> F:
    """An operation for kernels in LLVM's words (`code`, an intrinsic of Numba), and the same for Python."""
    return spelled_out if PLAIN else cast(F, _Instruction(code))


def wrapping_helper(function: F) -> F:
    """A helper that counts modulo 2^64 on purpose; with the compiler off, NumPy does not warn of its wrapping.

    Everywhere else that warning is wanted: it is how a run with NUMBA_DISABLE_JIT=1 finds an overflow.
    """
    if not PLAIN:
        return helper(function)

    @functools.wraps(function)
    def quiet(*arguments: Any) -> Any:
        with np.errstate(over="ignore"):
            return function(*arguments)

    result: Any = quiet
    return cast(F, result)
