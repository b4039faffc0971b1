"""Sixty-four bytes compared at a time, the place of a bit, memory asked for early: what Numba has no word for.

The compiler makes of them what the machine has (one comparison with AVX-512, two to four on other machines).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from cape_kernels._jit import instruction

WIDTH = 64
_HIGH = 128


def _spelled_out(data: Any, place: int, byte: int) -> np.uint64:
    """The same for a run with the compiler off."""
    return np.uint64(sum(1 << step for step in range(WIDTH) if data[place + step] == byte))


def _compared(_context: Any, data: Any, place: Any, byte: Any) -> Any:  # noqa: ARG001 - as Numba asks for them
    """(signature, code) of `equal_bytes`."""
    from llvmlite import ir  # type: ignore[import-untyped]  # as Numba itself, it publishes no types
    from numba import types
    from numba.core import cgutils

    def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        vector = ir.VectorType(ir.IntType(8), WIDTH)
        array = context.make_array(signature.args[0])(context, builder, arguments[0])
        start = builder.bitcast(builder.gep(array.data, [arguments[1]]), vector.as_pointer())
        loaded = builder.load(start)
        loaded.align = 1
        lane = builder.insert_element(ir.Constant(vector, ir.Undefined), arguments[2], cgutils.int32_t(0))
        lanes = ir.Constant(ir.VectorType(ir.IntType(32), WIDTH), [0] * WIDTH)
        wanted = builder.shuffle_vector(lane, ir.Constant(vector, ir.Undefined), lanes)
        return builder.bitcast(builder.icmp_unsigned("==", loaded, wanted), ir.IntType(WIDTH))

    return types.uint64(data, types.int64, types.uint8), code


def _spelled_out_high(data: Any, place: int) -> np.uint64:
    """The same for a run with the compiler off."""
    return np.uint64(sum(1 << step for step in range(WIDTH) if data[place + step] >= _HIGH))


def _highest(_context: Any, data: Any, place: Any) -> Any:  # noqa: ARG001 - as Numba asks for them
    """(signature, code) of `high_bytes`."""
    from llvmlite import ir
    from numba import types

    def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        vector = ir.VectorType(ir.IntType(8), WIDTH)
        array = context.make_array(signature.args[0])(context, builder, arguments[0])
        loaded = builder.load(builder.bitcast(builder.gep(array.data, [arguments[1]]), vector.as_pointer()))
        loaded.align = 1
        nothing = ir.Constant(vector, [0] * WIDTH)
        return builder.bitcast(builder.icmp_signed("<", loaded, nothing), ir.IntType(WIDTH))

    return types.uint64(data, types.int64), code


def _spelled_out_bit(bits: Any) -> int:
    """The same for a run with the compiler off."""
    number = int(bits)
    return (number & -number).bit_length() - 1


def _lowest(_context: Any, bits: Any) -> Any:
    """(signature, code) of `lowest_bit`."""
    from llvmlite import ir
    from numba import types

    def code(_context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        return builder.cttz(arguments[0], ir.Constant(ir.IntType(1), 1))

    return types.int64(bits), code


def _spelled_out_soon(data: Any, place: int) -> None:
    """Nothing, for a run with the compiler off."""


def _asked_for(_context: Any, data: Any, place: Any) -> Any:  # noqa: ARG001 - as Numba asks for them
    """(signature, code) of `soon`."""
    from llvmlite import ir
    from numba import types
    from numba.core import cgutils

    def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        array = context.make_array(signature.args[0])(context, builder, arguments[0])
        address = builder.bitcast(builder.gep(array.data, [arguments[1]]), cgutils.voidptr_t)
        kinds = [cgutils.voidptr_t, *[ir.IntType(32)] * 3]
        fetch = cgutils.get_or_insert_function(
            builder.module, ir.FunctionType(ir.VoidType(), kinds), "llvm.prefetch.p0i8"
        )
        builder.call(fetch, [address, *(ir.Constant(ir.IntType(32), word) for word in (1, 3, 1))])
        return context.get_dummy_value()

    return types.none(data, types.int64), code


equal_bytes: Any = instruction(_compared, _spelled_out)
"""equal_bytes(data, place, byte): bit i says whether data[place + i] is `byte`; 64 bytes from `place` on are there."""

high_bytes: Any = instruction(_highest, _spelled_out_high)
"""high_bytes(data, place): bit i says whether data[place + i] is 128 or more; 64 bytes from `place` on are there."""

lowest_bit: Any = instruction(_lowest, _spelled_out_bit)
"""lowest_bit(bits): which bit (0 to 63) is the lowest that is set in a word that is not 0."""

soon: Any = instruction(_asked_for, _spelled_out_soon)
"""soon(data, place): data[place] is written soon, memory may bring it meanwhile; behind the end it does no harm."""
