"""Every public kernel has a case in the benchmarks, and every case a kernel; nothing is measured here."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

pytestmark = pytest.mark.skipif(
    not (ROOT / "benchmarks" / "kernel_cases").is_dir(), reason="the benchmarks live in the source tree, not here"
)


def test_cases__one_for_every_public_kernel() -> None:
    """A kernel that nobody measures, and a case whose kernel is gone, are told by name."""
    if str(ROOT) not in sys.path:
        sys.path.append(str(ROOT))  # last, after an installed wheel
    cases = importlib.import_module("benchmarks.kernel_cases")
    kernels = set(cases.public_kernels())
    assert len(kernels) > 60, "sources of kernels were not found"
    assert kernels - cases.CASES.keys() == set(), "without a case in benchmarks/kernel_cases"
    assert cases.CASES.keys() - kernels == set(), "a case of a kernel that is no more"
