"""How long the commands take from the shell, the start of Python included."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest


@pytest.mark.parametrize(
    "arguments",
    [["--help"], ["run", "--help"], ["rules", "check"]],
    ids=" ".join,
)
def bench_cape(benchmark: Any, arguments: list[str]) -> None:
    """One command in a process of its own; `cape --help` is held to 0.2 s."""
    command = [sys.executable, "-m", "cape_engine", *arguments]
    benchmark.pedantic(subprocess.run, (command,), {"check": True, "capture_output": True}, rounds=5, warmup_rounds=1)
