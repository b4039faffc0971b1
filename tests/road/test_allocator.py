"""What a run asks of the C library's allocator, and where it does not."""

from __future__ import annotations

import ctypes
import os
import platform
import subprocess
import sys
from pathlib import Path

import pytest

from cape_engine.pipeline.allocator import keep_freed_memory

_HEAPS = """
import ctypes, resource, threading
import numpy as np

{asked}

def partitions():
    for _ in range(20):
        columns = [np.ones(24 << 20, np.uint8) for _ in range(5)]
        del columns

threads = [threading.Thread(target=partitions) for _ in range(2)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt)
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="other C libraries have no such call")
def test_heaps_of_threads_stay() -> None:
    """What threads free is used again, also where it filled heaps of theirs: few pages are asked for a second time."""
    thresholds = "ctypes.CDLL(None).mallopt(-3, 32 << 20); ctypes.CDLL(None).mallopt(-1, 256 << 20)"
    faults = []
    for asked in (thresholds, "import cape_engine.pipeline.allocator"):
        code, environment = _HEAPS.format(asked=asked), {**os.environ, "NUMPY_MADVISE_HUGEPAGE": "0"}
        said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment)
        faults.append(int(said.stdout))
    assert faults[1] < faults[0] / 4


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="other C libraries have no such call")
def test_the_gnu_library_keeps_freed_memory() -> None:
    """Everything asked of it is taken."""
    assert keep_freed_memory({}) is True


@pytest.mark.parametrize(
    "name", ["MALLOC_MMAP_THRESHOLD_", "MALLOC_TRIM_THRESHOLD_", "MALLOC_TOP_PAD_", "GLIBC_TUNABLES"]
)
def test_whoever_sets_a_variable_decides(name: str) -> None:
    """The environment counts first."""
    assert keep_freed_memory({name: "1"}) is False


@pytest.mark.parametrize("error", [OSError, TypeError])
def test_a_library_that_cannot_be_asked_is_left_alone(error: type[Exception], monkeypatch: pytest.MonkeyPatch) -> None:
    """As on Windows, or where there is no library to ask."""

    def refuse(name: object) -> object:
        raise error(name)

    monkeypatch.setattr(ctypes, "CDLL", refuse)
    assert keep_freed_memory({}) is False


def test_a_library_without_the_call_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """As musl and macOS."""
    monkeypatch.setattr(ctypes, "CDLL", lambda _name: object())
    assert keep_freed_memory({}) is False


@pytest.mark.parametrize(
    "start", [["-m", "cape_engine", "run"], ["-c", "import sys, cape_engine; cape_engine.run(sys.argv[1])"]]
)
def test_arrow_comes_behind_what_is_asked_of_its_allocator(start: list[str], tmp_path: Path) -> None:
    """Arrow's allocator looks at its variables once, as it is loaded: nothing may import Arrow first."""
    nothing = tmp_path / "export.csv"
    nothing.write_text("a,b\n1,2\n")
    said = subprocess.run(
        [sys.executable, "-X", "importtime", *start, str(nothing)], capture_output=True, text=True, check=False
    ).stderr
    names = [line.rpartition("|")[2].strip() for line in said.splitlines() if line.startswith("import time:")]
    assert names.index("cape_engine.pipeline.allocator") < names.index("pyarrow.lib")
