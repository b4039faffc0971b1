"""What a process loads before it works: nothing heavy for help, and kernels compiled by all cores at the first run."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

HEAVY = ("numba", "llvmlite", "numpy", "pyarrow", "pandas", "cape_kernels")

HELP = """import json, sys
from cape_engine import cli
code = cli.invoke({arguments})
print(json.dumps([code, sorted(name for name in {heavy} if name in sys.modules)]))
"""

TWO_CHEAP_KERNELS = """import json, sys
from cape_kernels import _built, _jit, ahead
_built.folder = lambda: None
started = []
start = ahead._start
ahead._start = lambda: started.append(1) or start()
ahead._cores = lambda: 2
{prelude}
names = ["cape_kernels.vocabulary.mark_used", "cape_kernels.vocabulary.recode"]
worked = ahead.compile_all(names)
kept = [ahead.is_there(name) for name in names]
print(json.dumps({{"worked": worked, "started": len(started), "kept": kept, "numba": "numba" in sys.modules}}))
"""


def answer(code: str, **environment: str) -> Any:
    """What `code` prints last, as JSON, in a process of its own."""
    done = subprocess.run(
        [sys.executable, "-c", code],
        env=os.environ | {"PYTHONPATH": os.pathsep.join(path for path in sys.path if path)} | environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


@pytest.mark.parametrize(
    "arguments", [["--help"], *([word, "--help"] for word in ("run", "import", "check", "pack", "ledger", "warm"))]
)
def test_help__loads_nothing_heavy(arguments: list[str]) -> None:
    """Help needs neither Arrow nor a compiler nor NumPy."""
    assert answer(HELP.format(arguments=arguments, heavy=HEAVY)) == [0, []]


SPARED = """import json, os, sys
from cape_engine.cli import spared
spared.spare()
import numpy, pyarrow as pa, pyarrow.compute as pc, pyarrow.parquet
words = pc.utf8_upper(pa.array(["a", None])).to_pylist()
print(json.dumps([sorted(spared.REFUSED & set(sys.modules)), os.environ["OPENBLAS_NUM_THREADS"], words]))
"""


@pytest.mark.parametrize("threads", ["1", "3"])
def test_spare__arrow_works_without_its_optional_parts(threads: str) -> None:
    """Nothing refused is loaded, Arrow's functions are there, and a number of threads that the user set stays."""
    given = {} if threads == "1" else {"OPENBLAS_NUM_THREADS": threads}
    assert answer(SPARED, **given) == [[], threads, ["A", None]]


def test_run__loads_no_other_road() -> None:
    """What a run imports (half of a small job's time) holds neither the check's road nor the ledger's."""
    others = [
        "cape_engine.pipeline.checking",
        "cape_engine.pipeline.packing",
        "cape_engine.ledger",
        "jinja2",
        "sqlite3",
    ]
    code = (
        f"import json, sys, cape_engine\ncape_engine.run\nprint(json.dumps([n for n in {others} if n in sys.modules]))"
    )
    assert answer(code) == []


def test_compile_all__second_process_starts_no_other(tmp_path: Path) -> None:
    """The first process shares the work with another one, the second finds it done and loads no compiler."""
    code = TWO_CHEAP_KERNELS.format(prelude="")
    first = answer(code, CAPE_CACHE_DIR=str(tmp_path), NUMBA_DISABLE_JIT="0")
    second = answer(code, CAPE_CACHE_DIR=str(tmp_path), NUMBA_DISABLE_JIT="0")
    assert first == {"worked": True, "started": 1, "kept": [True, True], "numba": True}
    assert second == {"worked": False, "started": 0, "kept": [True, True], "numba": False}


def test_compile_all__other_process_dies(tmp_path: Path) -> None:
    """Kernels that went to a process that died are compiled here."""
    died = 'ahead._OTHER_PROCESS = "import sys; sys.stdin.readline()"'
    code = TWO_CHEAP_KERNELS.format(prelude=died)
    assert answer(code, CAPE_CACHE_DIR=str(tmp_path), NUMBA_DISABLE_JIT="0")["kept"] == [True, True]


def test_compile_all__without_compiler() -> None:
    """With the compiler off there is nothing to do, and no process is started."""
    code = "import json\nfrom cape_kernels import ahead\nprint(json.dumps(ahead.compile_all()))"
    assert answer(code, NUMBA_DISABLE_JIT="1") is False


def test_module_names__every_kernel_module() -> None:
    """Each file of kernels is looked at for kernels to compile ahead."""
    from cape_kernels import ahead

    files = {file.stem for file in Path(ahead.__file__).parent.glob("*.py") if not file.stem.startswith("_")}
    assert {name.removeprefix("cape_kernels.") for name in ahead.module_names()} == files - {"ahead"}


def test_kernel_names__the_longest_first() -> None:
    """Every kernel is compiled ahead, and what the lists name exists."""
    code = """import json
from cape_kernels import ahead
print(json.dumps([ahead.kernel_names(), ahead.LONGEST, ahead.SELDOM]))
"""
    names, longest, seldom = answer(code, NUMBA_DISABLE_JIT="0")
    short = [name.removeprefix("cape_kernels.") for name in names]
    assert short[: len(longest)] == longest
    assert len(set(short)) == len(short)
    assert set(seldom) <= set(short)


def test_pipeline__loads_no_compiler() -> None:
    """All modules of kernels and of the road together import neither Numba nor LLVM."""
    code = """import json, sys
from cape_kernels import ahead
names = ahead.kernel_names()
import cape_engine.pipeline.road
print(json.dumps(sorted(name for name in ("numba", "llvmlite") if name in sys.modules)))
"""
    assert answer(code, NUMBA_DISABLE_JIT="0") == []
