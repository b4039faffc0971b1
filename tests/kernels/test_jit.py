"""Where compiled kernels are kept, and when they are compiled anew; each case in a process of its own."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import cape_kernels

HELPER = """from cape_kernels._jit import helper

@helper
def amount(value):
    return value {change}
"""

KERNEL = """import numba
from cape_kernels._jit import kernel
from cape_kernels.probe_helper import amount

COLUMN = numba.types.Array(numba.types.int64, 1, "C", readonly=True)

@kernel(numba.types.void(COLUMN, numba.types.int64[::1]))
def write_amounts(values, out):
    for row in range(len(values)):
        out[row] = amount(values[row])
"""

RUN = """import json
import numpy as np
from cape_kernels import _jit
from cape_kernels.probe import write_amounts
values = np.array([1, 2, 3], np.int64)
values.flags.writeable = False
out = np.zeros(3, np.int64)
write_amounts(values, out)
stats = getattr(write_amounts, "stats", None)
hits = sum(stats.cache_hits.values()) if stats else 0
folder = str(_jit.CACHE_FOLDER) if _jit.CACHE_FOLDER else None
print(json.dumps({"out": out.tolist(), "hits": hits, "folder": folder, "hash": _jit.SOURCES_HASH}))
"""

NO_TEMPORARY_FOLDER = "import tempfile\ntempfile._candidate_tempdir_list = lambda: []\n"


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A copy of the kernels with one tiny kernel more, and its helper in a file of its own."""
    root = tmp_path / "tree"
    shutil.copytree(
        next(iter(cape_kernels.__path__)), root / "cape_kernels", ignore=shutil.ignore_patterns("__pycache__")
    )
    (root / "cape_kernels" / "probe_helper.py").write_text(HELPER.format(change="+ 10"))
    (root / "cape_kernels" / "probe.py").write_text(KERNEL)
    return root


def run(tree: Path, prelude: str = "", **environment: str) -> dict[str, Any]:
    """What the kernel of `tree` answers in a new process, where it is cached, and whether it came from there."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if name not in {"CAPE_CACHE_DIR", "NUMBA_CACHE_DIR", "XDG_CACHE_HOME", "NUMBA_BOUNDSCHECK", "NUMBA_DISABLE_JIT"}
    }
    done = subprocess.run(
        [sys.executable, "-B", "-c", prelude + RUN],
        env=kept | {"PYTHONPATH": str(tree)} | environment,
        cwd=tree,
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer


def test_kernel__second_process_uses_the_cache(tree: Path, tmp_path: Path) -> None:
    """With unchanged sources the second process compiles nothing."""
    first = run(tree, CAPE_CACHE_DIR=str(tmp_path / "cache"))
    second = run(tree, CAPE_CACHE_DIR=str(tmp_path / "cache"))
    assert (first["hits"], second["hits"]) == (0, 1)
    assert first["folder"] == second["folder"]
    assert Path(first["folder"]).is_relative_to(tmp_path / "cache")


def test_kernel__edited_helper_changes_the_answer(tree: Path, tmp_path: Path) -> None:
    """Editing a helper in another file changes what a cached kernel answers (numba alone would answer as before)."""
    before = run(tree, CAPE_CACHE_DIR=str(tmp_path / "cache"))
    (tree / "cape_kernels" / "probe_helper.py").write_text(HELPER.format(change="* 7"))
    after = run(tree, CAPE_CACHE_DIR=str(tmp_path / "cache"))
    assert before["out"] == [11, 12, 13]
    assert after["out"] == [7, 14, 21]
    assert before["hash"] != after["hash"]


def test_kernel__edited_helper_is_stale_without_the_key(tree: Path, tmp_path: Path) -> None:
    """With the key held still the old answer comes back: the test above fails when the key is taken away."""
    hold = 'from cape_kernels import _jit\n_jit.numba.config.CACHE_DIR = r"{}"\n'.format(tmp_path / "held")
    run(tree, hold, CAPE_CACHE_DIR=str(tmp_path / "cache"))
    (tree / "cape_kernels" / "probe_helper.py").write_text(HELPER.format(change="* 7"))
    assert run(tree, hold, CAPE_CACHE_DIR=str(tmp_path / "cache"))["out"] == [11, 12, 13]


def test_kernel__bounds_checked_code_has_its_own_folder(tree: Path, tmp_path: Path) -> None:
    """A run that asks for bounds checks never gets cached code without them."""
    reading_past_the_end = KERNEL.replace("values[row]", "values[row + 1]")
    (tree / "cape_kernels" / "probe.py").write_text(reading_past_the_end)
    run(tree, CAPE_CACHE_DIR=str(tmp_path / "cache"))
    with pytest.raises(AssertionError, match="index is out of bounds"):
        run(tree, CAPE_CACHE_DIR=str(tmp_path / "cache"), NUMBA_BOUNDSCHECK="1")


def test_kernel__no_writable_folder(tree: Path, tmp_path: Path) -> None:
    """A chosen cache folder that cannot be made leaves the kernels uncached, and they still run."""
    file = tmp_path / "file"
    file.touch()
    answer = run(tree, CAPE_CACHE_DIR=str(file / "below"))
    assert answer["out"] == [11, 12, 13]
    assert answer["folder"] is None


def test_kernel__no_home_and_no_temporary_folder(tree: Path, tmp_path: Path) -> None:
    """With neither a home nor a temporary folder the kernels still run."""
    file = tmp_path / "file"
    file.touch()
    answer = run(tree, NO_TEMPORARY_FOLDER, HOME=str(file), XDG_CACHE_HOME=str(file / "below"))
    assert answer["out"] == [11, 12, 13]
    assert answer["folder"] is None


def test_kernel__falls_back_to_the_temporary_folder(tree: Path, tmp_path: Path) -> None:
    """With an unusable home the cache goes below the temporary folder."""
    file = tmp_path / "file"
    file.touch()
    (tmp_path / "tmp").mkdir()
    answer = run(tree, HOME=str(file), XDG_CACHE_HOME=str(file / "below"), TMPDIR=str(tmp_path / "tmp"))
    assert answer["out"] == [11, 12, 13]
    assert Path(answer["folder"]).is_relative_to(tmp_path / "tmp")
