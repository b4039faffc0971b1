"""Words for what a kernel takes, spelled as Numba spells them, so that a module of kernels loads no compiler.

A process whose kernels are compiled already never needs Numba, whose import alone takes 0.4 s. `_compile` translates.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np


class _Kind:
    """Equal to one of the same class with the same members; a dataclass would be compiled at every start (5 ms)."""

    __slots__: tuple[str, ...] = ()

    def _members(self) -> tuple[Any, ...]:
        return tuple([getattr(self, name) for name in self.__slots__])

    def __eq__(self, other: object) -> bool:
        """Whether both are the same kind."""
        return isinstance(other, _Kind) and type(other) is type(self) and self._members() == other._members()

    def __hash__(self) -> int:
        """One for equal kinds."""
        return hash(self._members())

    def __repr__(self) -> str:
        """As it is made."""
        return f"{type(self).__name__}{self._members()!r}"


class Array(_Kind):
    """A C-contiguous array.

    Attributes:
        dtype: what each element is.
        ndim: dimensions.
        layout: always `C`.
        readonly: the kernel only reads it; an array that may be written is as good.
    """

    __slots__ = ("dtype", "layout", "ndim", "readonly")

    def __init__(self, dtype: Scalar | Record, ndim: int, layout: str, readonly: bool = False) -> None:  # noqa: FBT002 - Numba's order
        self.dtype, self.ndim, self.layout, self.readonly = dtype, ndim, layout, readonly


class Scalar(_Kind):
    """One number. `int64[::1]` is a vector of them that the kernel writes, `int64[:, ::1]` a matrix."""

    __slots__ = ("name",)

    def __init__(self, name: str) -> None:
        self.name = name

    def __getitem__(self, axes: slice | tuple[slice, ...]) -> Array:
        """The array type with as many dimensions as there are slices."""
        return Array(self, len(axes) if isinstance(axes, tuple) else 1, "C")

    @property
    def numpy(self) -> np.dtype[Any]:
        """How NumPy calls it."""
        return np.dtype("bool" if self.name == "boolean" else self.name)


class Record(_Kind):
    """A structure, as an element of an array."""

    __slots__ = ("numpy",)

    def __init__(self, numpy: np.dtype[Any]) -> None:
        self.numpy = numpy


class Tuple(_Kind):
    """Values that travel together.

    Attributes:
        members: their types.
        cls: the class of a NamedTuple, None for a plain tuple.
    """

    __slots__ = ("cls", "members")

    def __init__(self, members: tuple[Any, ...], cls: type | None = None) -> None:
        self.members, self.cls = members, cls


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
