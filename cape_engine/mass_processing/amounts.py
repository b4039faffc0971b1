"""Amounts and quantities of numbers as the kernel wants them: as narrow as the store has them, not copied."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from cape_engine import bridge
from cape_engine.bridge import NO_NUMBER, Int32s, Int64s, Partition, readonly
from cape_engine.mass_processing.lines import narrowed
from cape_engine.mass_processing.numbers import Book
from cape_engine.schema import rows as t
from cape_engine.schema.column import Column
from cape_kernels import tables as k

_INT32_BITS = 32
_NO_CODES: Int32s = readonly(np.zeros(0, np.int32))
_NO_AMOUNTS: Int64s = readonly(np.zeros(0, np.int64))


def tariffs_of(partition: Partition) -> k.Tariffs:
    """`tables.Tariffs` of a partition."""
    return k.Tariffs(*narrowed(_whole(partition.tariffs, t.DUTY_CENTS, 0)))


def quantities_of(partition: Partition, book: Book, vocabulary: list[str], wanted: Int32s | None) -> k.Quantities:
    """`tables.Quantities` of a partition.

    Args:
        partition: quantities and units of its numbers.
        book: gives numbers to units.
        vocabulary: words of its tariff numbers.
        wanted: places of the numbers of which a rate takes a quantity; None where it may be any.
    """
    if wanted is not None and not len(wanted):
        no_unit = readonly(np.array([-2], np.int16))
        empty: list[Any] = [_NO_CODES] * 4 + [_NO_AMOUNTS] * 3 + [_NO_CODES] * 3 + [no_unit] * 3
        return k.Quantities(*empty)
    table = bridge.raw_quantities(partition, None if wanted is None else [vocabulary[place] for place in wanted])
    tariff = bridge.single(table, t.TARIFF).to_numpy()
    if (tariff[1:] < tariff[:-1]).any():  # a store has those of other numbers in another order
        order = np.argsort(tariff, kind="stable")
        table, tariff = table.take(pa.array(order)), tariff[order]
    amounts = [_either(table, column) for column in t.QUANTITIES_E2]
    units = [_unit_words(table, column) for column in t.UOMS]
    members: list[Any] = [readonly(tariff)]
    members += [narrow for narrow, _ in amounts]
    members += [wide for _, wide in amounts]
    members += [unit_codes for unit_codes, _ in units]
    members += [book.unit_numbers(words) for _, words in units]
    return k.Quantities._make(members)


def _filled(values: pa.Array, missing: int) -> npt.NDArray[Any]:
    """Whole numbers of either width, `missing` where null."""
    return bridge.filled(values, np.int32 if values.type.bit_width <= _INT32_BITS else np.int64, missing)


def _whole(table: pa.Table, column: Column, missing: int) -> npt.NDArray[Any]:
    """A column of whole numbers as wide as it is at hand."""
    values = bridge.stored(table, column)
    return np.full(table.num_rows, missing, np.int32) if values is None else _filled(values, missing)


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
