"""Where compiled kernels are kept, and when they are compiled anew; each case in a process of its own."""

from __future__ import annotations

import hashlib
import json
import os
import platform
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest

import cape_kernels
from cape_kernels import _words
from cape_kernels._jit import Kernel, kernel, types

HELPER = """from cape_kernels._jit import helper

@helper
def amount(value):
    return value {change}
"""

KERNEL = """from cape_kernels._jit import kernel, types
from cape_kernels.probe_helper import amount

COLUMN = types.Array(types.int64, 1, "C", readonly=True)

@kernel(types.void(COLUMN, types.int64[::1]))
def write_amounts(values, out):
    for row in range(len(values)):
        out[row] = amount(values[row])
"""

RUN = """import json, sys
import numpy as np
from cape_kernels import _jit
from cape_kernels.probe import write_amounts
values = np.array([1, 2, 3], np.int64)
values.flags.writeable = False
out = np.zeros(3, np.int64)
write_amounts(values, out)
folder = str(_jit.CACHE_FOLDER) if _jit.CACHE_FOLDER else None
answer = {"out": out.tolist(), "folder": folder, "hash": _jit.SOURCES_HASH}
answer["compiled"] = getattr(write_amounts, "compiled", False)
answer["numba"] = "numba" in sys.modules
print(json.dumps(answer))
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
    """With unchanged sources the second process compiles nothing, and does without Numba altogether."""
    first = run(tree, CAPE_CACHE_DIR=str(tmp_path / "cache"))
    second = run(tree, CAPE_CACHE_DIR=str(tmp_path / "cache"))
    assert (first["compiled"], first["numba"]) == (True, True)
    assert (second["compiled"], second["numba"]) == (False, False)
    assert second["out"] == first["out"] == [11, 12, 13]
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
    (tmp_path / "held").mkdir()
    hold = 'from pathlib import Path\nfrom cape_kernels import _jit\n_jit.CACHE_FOLDER = Path(r"{}")\n'.format(
        tmp_path / "held"
    )
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


def test_kernel__damaged_code_is_compiled_anew(tree: Path, tmp_path: Path) -> None:
    """A file that is not whole, or not what was written, is never run: the kernel is compiled again."""
    run(tree, CAPE_CACHE_DIR=str(tmp_path / "cache"))
    (file,) = (tmp_path / "cache").rglob("*.o")
    whole = file.read_bytes()
    for damaged in (whole[:-40], whole[:200] + bytes([whole[200] ^ 1]) + whole[201:], b""):
        file.write_bytes(damaged)
        assert run(tree, CAPE_CACHE_DIR=str(tmp_path / "cache"))["compiled"]
        assert file.read_bytes()[:32] == hashlib.sha256(file.read_bytes()[32:]).digest()
    assert not run(tree, CAPE_CACHE_DIR=str(tmp_path / "cache"))["compiled"]


@pytest.mark.skipif(platform.machine() not in {"x86_64", "AMD64"}, reason="code is built for x86-64 only")
def test_built__first_run_without_compiler(tree: Path, tmp_path: Path) -> None:
    """Code that travels with the package serves a first run; other sources, or bounds checks, are compiled."""
    for module in (tree / "cape_kernels").glob("[a-z]*.py"):
        if module.stem not in {"ahead", "probe", "probe_helper"}:
            module.unlink()
    shutil.rmtree(tree / "cape_kernels" / "built", ignore_errors=True)
    made = "from cape_kernels import _built\nassert _built.write()\nassert not _built.write()\n"
    assert run(tree, made, CAPE_CACHE_DIR=str(tmp_path / "first"))["out"] == [11, 12, 13]
    fresh = run(tree, CAPE_CACHE_DIR=str(tmp_path / "second"))
    assert (fresh["out"], fresh["compiled"], fresh["numba"]) == ([11, 12, 13], False, False)
    assert run(tree, CAPE_CACHE_DIR=str(tmp_path / "third"), NUMBA_BOUNDSCHECK="1")["compiled"]
    elsewhere = "from cape_kernels import _machine\n_machine.able = lambda features: False\n"
    assert run(tree, elsewhere, CAPE_CACHE_DIR=str(tmp_path / "fourth"))["compiled"]
    (tree / "cape_kernels" / "probe_helper.py").write_text(HELPER.format(change="* 7"))
    other = run(tree, CAPE_CACHE_DIR=str(tmp_path / "fifth"))
    assert (other["out"], other["compiled"]) == ([7, 14, 21], True)


def test_kernel__without_compiler(tree: Path, tmp_path: Path) -> None:
    """With the compiler off a kernel is the function as it is written."""
    answer = run(tree, CAPE_CACHE_DIR=str(tmp_path / "cache"), NUMBA_DISABLE_JIT="1")
    assert answer["out"] == [11, 12, 13]
    assert not answer["compiled"]
    assert not list((tmp_path / "cache").rglob("*.o"))


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


READONLY = np.arange(3)
READONLY.flags.writeable = False


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((np.zeros(2), np.zeros(2, np.int64)), "array of int64, not 1 dimensions of float64"),
        ((np.zeros((2, 2), np.int64), np.zeros(2, np.int64)), "not 2 dimensions"),
        ((np.zeros(4, np.int64)[::2], np.zeros(2, np.int64)), "contiguous"),
        ((READONLY, READONLY), "writable"),
        (([1, 2], np.zeros(2, np.int64)), "not list"),
        ((READONLY,), "takes 2 arguments, not 1"),
    ],
)
def test_kernel__refuses_what_its_signature_does_not_say(arguments: tuple[Any, ...], said: str) -> None:
    """Machine code believes its arguments, so they are looked at before every call."""

    @kernel(types.void(types.Array(types.int64, 1, "C", readonly=True), types.int64[::1]))
    def copy(values: Any, out: Any) -> None:
        """Copy."""
        for row in range(len(values)):
            out[row] = values[row]

    if not isinstance(copy, Kernel):
        pytest.skip("the compiler is off")
    with pytest.raises(TypeError, match=said):
        copy(*arguments)


class Pair(NamedTuple):
    """Two arrays."""

    first: Any
    second: Any


ITEM = np.dtype([("kind", np.int8), ("cents", np.int64)], align=True)


def test_kernel__every_kind_of_argument() -> None:
    """Numbers of each width and sign, truth, matrices, structures and tuples arrive as they were given."""
    signature = types.void(
        types.int8,
        types.uint64,
        types.int32,
        types.boolean,
        types.Array(types.from_dtype(ITEM), 1, "C", readonly=True),
        types.NamedTuple([types.int16[:, ::1], types.Array(types.uint8, 1, "C", readonly=True)], Pair),
        types.Tuple((types.int64, types.int64[::1])),
    )

    @kernel(signature)
    def tell(small: Any, large: Any, middle: Any, truth: Any, items: Any, pair: Any, rest: Any) -> None:
        """Write down what came."""
        number, out = rest
        out[0] = small
        out[1] = np.int64(large >> np.uint64(60))
        out[2] = middle
        out[3] = 1 if truth else 0
        out[4] = items[1]["cents"] + items[1]["kind"]
        out[5] = pair.first[1, 2] + pair.second[0]
        out[6] = number
        out[7] = pair.first.shape[0] * 10 + pair.first.shape[1]

    items = np.array([(1, 5), (-2, -(10**12))], ITEM)
    pair = Pair(np.arange(6, dtype=np.int16).reshape(2, 3), np.array([250], np.uint8))
    out = np.zeros(8, np.int64)
    tell(-3, np.uint64(2**64 - 1), -(2**31), np.True_, items, pair, (np.int64(-7), out))
    assert out.tolist() == [-3, 15, -(2**31), 1, -(10**12) - 2, 255, -7, 23]


@pytest.mark.parametrize("value", [128, -129, 2**70])
def test_kernel__refuses_numbers_that_do_not_fit(value: int) -> None:
    """A number is never cut off."""

    @kernel(types.void(types.int8, types.int64[::1]))
    def tell(small: Any, out: Any) -> None:
        """Write it down."""
        out[0] = small

    if not isinstance(tell, Kernel):
        pytest.skip("the compiler is off")
    with pytest.raises(TypeError, match="is no int8"):
        tell(value, np.zeros(1, np.int64))


@pytest.mark.parametrize("shape", [(0,), (1,), (7,), (3, 5), (0, 4)])
@pytest.mark.parametrize("dtype", ["int8", "int64", "bool", [("a", "int64"), ("b", "int8")]])
def test_address__as_numpy_tells_it(shape: tuple[int, ...], dtype: Any) -> None:
    """Read behind the head of the object, the address of an array is what NumPy says; of a part of one, too."""
    whole = np.zeros((4, *shape), dtype)
    whole.flags.writeable = False
    for array in (whole, whole[2], np.zeros(shape, dtype)):
        assert _words._read_address(array) == array.__array_interface__["data"][0]
    assert _words._address is _words._read_address
