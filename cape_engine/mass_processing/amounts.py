"""Values, amounts and quantities of numbers as the kernel wants them: as narrow as the store has them, not copied."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from cape_engine import bridge
from cape_engine.bridge import NO_NUMBER, Int32s, Int64s, Partition, readonly
from cape_engine.mass_processing.numbers import Book
from cape_engine.schema import rows as t
from cape_engine.schema.column import Column
from cape_kernels import tables as k

_INT32_MAX = 2**31 - 1
_NO_CODES: Int32s = readonly(np.zeros(0, np.int32))
_NO_AMOUNTS: Int64s = readonly(np.zeros(0, np.int64))


def tariffs_of(partition: Partition, numbers: Int32s) -> k.Tariffs:
    """`tables.Tariffs` of a partition.

    Args:
        partition: values and amounts of the numbers.
        numbers: place of each number in the vocabulary.
    """
    value, wide_value = _marked(partition.tariffs, t.VALUE_DOLLARS, NO_NUMBER)
    duty, wide_duty = _marked(partition.tariffs, t.DUTY_CENTS, 0)
    return k.Tariffs(numbers, value, duty, wide_value, wide_duty)


def quantities_of(partition: Partition, book: Book, numbers: Collection[str] | None) -> k.Quantities:
    """`tables.Quantities` of a partition.

    Args:
        partition: quantities and units of its numbers.
        book: gives numbers to units.
        numbers: tariff numbers of which a rate takes a quantity; None where it may be any.
    """
    if numbers is not None and not numbers:
        units = readonly(np.array([-2], np.int16))
        return k.Quantities(*[_NO_CODES] * 4, *[_NO_AMOUNTS] * 3, *[_NO_CODES] * 3, *[units] * 3)
    table = bridge.sparse_quantities(partition, numbers)
    amounts = [_either(table, column) for column in t.QUANTITIES_E2]
    words = [_unit_words(table, column) for column in t.UOMS]
    return k.Quantities(
        readonly(bridge.single(table, t.TARIFF).to_numpy()),
        *(narrow for narrow, _ in amounts),
        *(wide for _, wide in amounts),
        *(codes for codes, _ in words),
        *(book.unit_numbers(vocabulary) for _, vocabulary in words),
    )


def _filled(values: pa.Array, missing: int) -> npt.NDArray[Any]:
    """Whole numbers of either width, `missing` where null."""
    if values.null_count:
        values = pc.fill_null(values, missing)
    filled: npt.NDArray[Any] = values.to_numpy(zero_copy_only=False)
    return filled


def _marked(table: pa.Table, column: Column, missing: int) -> tuple[Int32s, Int64s]:
    """(int32 with `WIDE` where a number does not fit, int64 to read there; empty if all fit)."""
    values = bridge.stored(table, column)
    if values is None:
        return readonly(np.full(table.num_rows, missing, np.int32)), _NO_AMOUNTS
    filled = _filled(values, missing)
    if filled.dtype == np.int32:
        return readonly(filled), _NO_AMOUNTS
    narrow = filled.astype(np.int32)
    if filled.max(initial=0) <= _INT32_MAX:
        return readonly(narrow), _NO_AMOUNTS
    narrow[filled > _INT32_MAX] = k.WIDE
    return readonly(narrow), readonly(filled)


def _either(table: pa.Table, column: Column) -> tuple[Int32s, Int64s]:
    """(int32, int64) of a column of quantities: at most one of them holds it."""
    if str(column) not in table.column_names:
        return _NO_CODES, _NO_AMOUNTS
    filled = _filled(bridge.single(table, column), NO_NUMBER)
    if filled.dtype == np.int32:
        return readonly(filled), _NO_AMOUNTS
    return _NO_CODES, readonly(filled)


def _unit_words(table: pa.Table, column: Column) -> tuple[Int32s, list[str]]:
    """Codes and vocabulary of a column of units; none where nothing is known."""
    if str(column) not in table.column_names:
        return _NO_CODES, []
    return bridge.codes(table, column)
