"""Object files as code of this process, by LLVM alone: no part of Numba is loaded."""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Iterable
from typing import Any

import llvmlite.binding as llvm  # type: ignore[import-untyped]  # llvmlite carries no types

_KEPT: list[Any] = []
"""Objects whose memory the code lives in."""


def processor() -> str:
    """Name of this processor with what it can do: code for another one may not run here."""
    able = hashlib.sha256(llvm.get_host_cpu_features().flatten().encode()).hexdigest()[:8]
    return f"{llvm.get_host_cpu_name()}-{able}"


def able(features: Iterable[str]) -> bool:
    """Whether this processor has all of some features, by LLVM's names."""
    found = llvm.get_host_cpu_features()
    return all(found.get(feature, False) for feature in features)


@functools.cache
def _engine() -> Any:
    """The one owner of all code."""
    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    target = llvm.Target.from_default_triple().create_target_machine()
    empty = llvm.parse_assembly("")
    _KEPT.append(target)
    return llvm.create_mcjit_compiler(empty, target)


def load(code: bytes, symbol: str) -> int:
    """The address of the function `symbol` of an object file."""
    engine = _engine()
    file = llvm.object_file.ObjectFileRef.from_data(code)
    engine.add_object_file(file)
    _KEPT.append(file)
    engine.finalize_object()
    address: int = engine.get_function_address(symbol)
    return address
