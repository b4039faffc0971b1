"""The arguments of a kernel as one row of 64-bit words, in the order in which its machine code takes them."""

from __future__ import annotations

import ctypes
import operator
from collections.abc import Callable
from typing import Any

import numpy as np

from cape_kernels import _types

Put = Callable[[list[int], Any], None]
"""Appends the words of one argument, or raises TypeError where it is not of the type that the kernel was made for."""

_HEAD = object.__basicsize__
_BITS = 64
_WORD = (1 << _BITS) - 1


def _told_address(array: np.ndarray[Any, Any]) -> int:
    """Where the elements of an array are, as NumPy tells it: 2 microseconds."""
    address: int = array.__array_interface__["data"][0]
    return address


def _read_address(array: np.ndarray[Any, Any]) -> int:
    """The same, read behind the head of the object, where every NumPy so far keeps it: a fifth of the time."""
    return ctypes.c_void_p.from_address(id(array) + _HEAD).value or 0


def _address_reader() -> Callable[[np.ndarray[Any, Any]], int]:
    """The quicker way, if it is right on this interpreter."""
    probes = [np.zeros(3), np.zeros((2, 4), np.int8)[1:], np.frombuffer(b"abc", np.uint8)]
    right = all(_read_address(probe) == _told_address(probe) for probe in probes)
    return _read_address if right else _told_address


_address = _address_reader()


def writer(kind: Any) -> Put:
    """What appends the words of an argument of the type `kind` (`_types`)."""
    if isinstance(kind, _types.Array):
        return _array_writer(kind)
    if isinstance(kind, _types.Tuple):
        return _tuple_writer(kind)
    if not isinstance(kind, _types.Scalar):
        raise TypeError(f"{kind!r} is no type of a kernel's argument; take them from `cape_kernels._jit.types`")
    return _scalar_writer(kind)


def _array_writer(kind: _types.Array) -> Put:
    """Numba's layout of an array: owner, parent, elements, bytes of an element, address, shape, strides.

    Owner and parent are for counting references, which kernels do not.
    """
    dtype, ndim, written = kind.dtype.numpy, kind.ndim, not kind.readonly
    size = dtype.itemsize

    def put(words: list[int], array: Any) -> None:
        if not isinstance(array, np.ndarray) or array.dtype != dtype or array.ndim != ndim:
            raise TypeError(f"a kernel takes a {ndim}-dimensional array of {dtype}, not {_told(array)}")
        flags = array.flags
        if not flags.c_contiguous or not flags.aligned or (written and not flags.writeable):
            raise TypeError(f"a kernel takes a contiguous{', writable' if written else ''} array of {dtype}")
        address = _address(array)
        if ndim == 1:
            words += (0, 0, array.size, size, address, array.size, size)
        else:
            words += (0, 0, array.size, size, address, *array.shape, *array.strides)

    return put


def _tuple_writer(kind: _types.Tuple) -> Put:
    """The words of the members, one after the other."""
    members = [writer(member) for member in kind.members]
    wanted: Any = tuple if kind.cls is None else kind.cls

    def put(words: list[int], values: Any) -> None:
        if not isinstance(values, wanted) or len(values) != len(members):
            raise TypeError(f"a kernel takes a {wanted.__name__}, not {_told(values)}")
        for member, value in zip(members, values, strict=True):
            member(words, value)

    return put


def _scalar_writer(kind: _types.Scalar) -> Put:
    """One word; negative numbers as their complement."""
    if kind.name == "boolean":
        low, high = 0, 1
    else:
        limits = np.iinfo(kind.numpy)
        low, high = int(limits.min), int(limits.max)

    def put(words: list[int], value: Any) -> None:
        number = int(value) if isinstance(value, np.bool_) else operator.index(value)
        if not low <= number <= high:
            raise TypeError(f"{number} is no {kind.name}")
        words.append(number & _WORD)

    return put


def _told(value: Any) -> str:
    """What a value is, for a message."""
    if isinstance(value, np.ndarray):
        return f"{value.ndim} dimensions of {value.dtype}"
    return type(value).__name__
