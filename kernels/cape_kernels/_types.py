"""Words for what a kernel takes, spelled as Numba spells them, so that a module of kernels loads no compiler.

A process whose kernels are compiled already never needs Numba, whose import alone takes 0.4 s. `_compile` translates.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np


@dataclass(frozen=True, slots=True)
class Array:
    """A C-contiguous array.

    Attributes:
        dtype: what each element is.
        ndim: dimensions.
        layout: always `C`.
        readonly: the kernel only reads it; an array that may be written is as good.
    """

    dtype: Scalar | Record
    ndim: int
    layout: str
    readonly: bool = False


@dataclass(frozen=True, slots=True)
class Scalar:
    """One number. `int64[::1]` is a vector of them that the kernel writes, `int64[:, ::1]` a matrix."""

    name: str

    def __getitem__(self, axes: slice | tuple[slice, ...]) -> Array:
        """The array type with as many dimensions as there are slices."""
        return Array(self, len(axes) if isinstance(axes, tuple) else 1, "C")

    @property
    def numpy(self) -> np.dtype[Any]:
        """How NumPy calls it."""
        return np.dtype("bool" if self.name == "boolean" else self.name)


@dataclass(frozen=True, slots=True)
class Record:
    """A structure, as an element of an array."""

    numpy: np.dtype[Any]


@dataclass(frozen=True, slots=True)
class Tuple:
    """Values that travel together.

    Attributes:
        members: their types.
        cls: the class of a NamedTuple, None for a plain tuple.
    """

    members: tuple[Any, ...]
    cls: type | None = None


int8, int16, int32, int64 = (Scalar(name) for name in ("int8", "int16", "int32", "int64"))
uint8, uint16, uint32, uint64 = (Scalar(name) for name in ("uint8", "uint16", "uint32", "uint64"))
boolean = Scalar("boolean")


def NamedTuple(members: Sequence[Any], cls: type) -> Tuple:  # noqa: N802 - Numba's word
    """A NamedTuple of members of any types."""
    return Tuple(tuple(members), cls)


def NamedUniTuple(member: Any, count: int, cls: type) -> Tuple:  # noqa: N802 - Numba's word
    """A NamedTuple whose members are all of one type."""
    return Tuple((member,) * count, cls)


def void(*arguments: Any) -> tuple[Any, ...]:
    """The signature of a kernel, which never returns anything."""
    return arguments


def from_dtype(dtype: np.dtype[Any]) -> Record:
    """The structure that a NumPy type with fields describes."""
    return Record(dtype)
