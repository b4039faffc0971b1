"""A case for every public kernel, by `module.kernel`; `tests/workshop` says so, `test_kernels.py` measures them."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import cape_kernels
from benchmarks.kernel_cases import partitions, refunds, texts
from benchmarks.kernel_cases.data import Made

CASES: dict[str, Made] = {**texts.CASES, **partitions.CASES, **refunds.CASES}
"""What makes the case of each kernel."""


def public_kernels() -> Iterator[str]:
    """`module.function` of every compiled entry point, read from the sources."""
    for file in sorted(Path(next(iter(cape_kernels.__path__))).glob("*.py")):
        for node in ast.parse(file.read_text(encoding="utf-8")).body:
            if isinstance(node, ast.FunctionDef) and not node.name.startswith("_"):
                marks = (mark.func for mark in node.decorator_list if isinstance(mark, ast.Call))
                if any(isinstance(mark, ast.Name) and mark.id == "kernel" for mark in marks):
                    yield f"{file.stem}.{node.name}"
