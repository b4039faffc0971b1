"""Every public kernel on arrays of generated entries; a kernel without a case in `kernel_cases` fails."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from benchmarks.kernel_cases import CASES, public_kernels
from benchmarks.kernel_cases.data import Data
from cape_kernels._jit import PLAIN, Kernel


@pytest.fixture(scope="session")
def data(lots: Any) -> Data:
    """What cases are made from."""
    return Data(lots)


def kernels_of(call: Callable[[], object], monkeypatch: pytest.MonkeyPatch) -> set[str]:
    """Kernels that are called while something runs, by `module.kernel`."""
    called: set[str] = set()
    run = Kernel.__call__

    def noted(kernel: Kernel, *arguments: Any) -> None:
        called.add(kernel.name.removeprefix("cape_kernels."))
        run(kernel, *arguments)

    with monkeypatch.context() as patch:
        patch.setattr(Kernel, "__call__", noted)
        call()
    return called


@pytest.mark.parametrize("kernel", sorted(public_kernels()))
def test_kernel(data: Data, measure: Callable[..., Any], monkeypatch: pytest.MonkeyPatch, kernel: str) -> None:
    """Rows a second of one kernel, one core, arrays in memory; a case that never calls its kernel would say nothing."""
    rows, call, arguments = CASES[kernel](data, kernel.rpartition(".")[2])
    assert PLAIN or kernel in kernels_of(lambda: call(*arguments), monkeypatch)
    measure(rows, call, *arguments)
