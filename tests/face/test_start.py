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

TWO_CHEAP_MODULES = """import json
from cape_kernels import _jit, ahead
started = []
start = ahead._start
ahead._start = lambda: started.append(1) or start()
ahead._cores = lambda: 2
{prelude}
worked = ahead.compile_all(["cape_kernels.vocabulary", "cape_kernels.segments"])
from cape_kernels.segments import first_and_other
from cape_kernels.vocabulary import mark_used
hits = [sum(kernel.stats.cache_hits.values()) for kernel in (first_and_other, mark_used)]
print(json.dumps({{"worked": worked, "started": len(started), "hits": hits}}))
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


@pytest.mark.parametrize("arguments", [["--help"], ["run", "--help"], ["import", "--help"], ["warm", "--help"]])
def test_help__loads_nothing_heavy(arguments: list[str]) -> None:
    """Help needs neither Arrow nor a compiler nor NumPy."""
    assert answer(HELP.format(arguments=arguments, heavy=HEAVY)) == [0, []]


def test_compile_all__second_process_starts_no_other(tmp_path: Path) -> None:
    """The first process shares the work with another one, the second finds it done."""
    code = TWO_CHEAP_MODULES.format(prelude="")
    first = answer(code, CAPE_CACHE_DIR=str(tmp_path), NUMBA_DISABLE_JIT="0")
    second = answer(code, CAPE_CACHE_DIR=str(tmp_path), NUMBA_DISABLE_JIT="0")
    assert (first["worked"], first["started"]) == (True, 1)
    assert second == {"worked": False, "started": 0, "hits": [1, 1]}


def test_compile_all__other_process_dies(tmp_path: Path) -> None:
    """Modules that went to a process that died are compiled here."""
    died = 'ahead._OTHER_PROCESS = "import sys; sys.stdin.readline()"'
    code = TWO_CHEAP_MODULES.format(prelude=died)
    first = answer(code, CAPE_CACHE_DIR=str(tmp_path), NUMBA_DISABLE_JIT="0")
    assert first["worked"]
    assert answer(code, CAPE_CACHE_DIR=str(tmp_path), NUMBA_DISABLE_JIT="0")["hits"] == [1, 1]


def test_compile_all__without_compiler() -> None:
    """With the compiler off there is nothing to do, and no process is started."""
    code = "import json\nfrom cape_kernels import ahead\nprint(json.dumps(ahead.compile_all()))"
    assert answer(code, NUMBA_DISABLE_JIT="1") is False


def test_module_names__every_kernel_module() -> None:
    """Each file of kernels is compiled ahead, the longest first."""
    from cape_kernels import ahead

    names = ahead.module_names()
    files = {file.stem for file in Path(ahead.__file__).parent.glob("*.py")} - {"__init__", "_jit", "ahead"}
    assert {name.removeprefix("cape_kernels.") for name in names} == files
    assert len(names) == len(files)
    longest = [f"cape_kernels.{name}" for name in ahead.LONGEST if name in files]
    assert names[: len(longest)] == longest
