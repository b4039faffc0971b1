"""Tables as they stand in the files of a store, and back: columns without a value left out, numbers narrow."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from cape_engine.bridge import NO_NUMBER, Each, single
from cape_engine.schema.column import Column
from cape_engine.schema.rows import HTS_NUMBER, LINE_FACTS, PRIVILEGED_DATE, STORE_QUANTITIES, TARIFF

_INT32_MAX = 2**31 - 1
_UINT16 = 1 << 16
SILENT = frozenset((*LINE_FACTS, *STORE_QUANTITIES)) - {PRIVILEGED_DATE, TARIFF}
"""Columns in which an unknown cell is common and is written as the word "" or the number -1."""


def packed(column: Column, values: pa.Array) -> tuple[pa.Field, pa.Array] | None:
    """A column as it is written; None if it has not a single value and is left out.

    int64 becomes int32 where every value fits, and small numbers are written as int32 too (both decode twice as fast,
    docs/performance.md); a column without nulls is marked as such; dictionaries keep the words in use. Where `SILENT`
    says so, an unknown cell is the word "" or the number -1 in a column without nulls, which decodes three times as
    fast.
    """
    if values.null_count == len(values):
        return None
    if pa.types.is_dictionary(values.type):
        values, nullable = _compact(values, silent=column in SILENT)
    else:
        values = _narrow(values)
        if column in SILENT and values.null_count:
            values = pc.fill_null(values, NO_NUMBER)
        nullable = values.null_count > 0
    return pa.field(str(column), values.type, nullable=nullable), values


def _narrow(values: pa.Array) -> pa.Array:
    """Whole numbers as int32 where all of them fit."""
    if pa.types.is_int64(values.type):
        bounds = pc.min_max(values).as_py()
        if bounds["min"] < -_INT32_MAX or bounds["max"] > _INT32_MAX:
            return values
    return values.cast(pa.int32()) if pa.types.is_integer(values.type) else values


def _compact(values: pa.DictionaryArray, *, silent: bool) -> tuple[pa.DictionaryArray, bool]:
    """A word column whose dictionary holds the words in use only, in byte order, and whether nulls stand in it.

    The word "" for unknown cells needs a column that has no such word of its own.
    """
    codes = pc.fill_null(values.indices.cast(pa.int32()), -1).to_numpy(zero_copy_only=False)
    seen = np.zeros(len(values.dictionary) + 1, np.bool_)  # the last one stands for -1
    seen[codes] = True
    used = np.flatnonzero(seen[:-1])
    words = values.dictionary.cast(pa.string()).take(pa.array(used))
    order = pc.sort_indices(words).to_numpy()
    words = words.take(pa.array(order))
    own_blank = bool(len(words)) and words[0].as_py() == ""
    blank = silent and values.null_count > 0 and not own_blank
    rank = np.full(len(values.dictionary) + 1, 0 if blank else -1, np.int32)
    rank[used[order]] = np.arange(len(used), dtype=np.int32) + int(blank)
    if blank:
        words = pa.concat_arrays([pa.array([""]), words])
    if len(used) == len(values.dictionary) and bool((order == np.arange(len(order))).all()):
        ranked = codes + np.int32(blank)  # as an import gives them: nothing to leave out, nothing to sort
    else:
        ranked = np.take(rank, codes, mode="wrap")
    mask = ranked < 0 if values.null_count and not blank else None
    indices = pa.array(ranked, pa.int32(), mask=mask)
    return pa.DictionaryArray.from_arrays(indices, words), mask is not None or (silent and own_blank)


def spoken(values: pa.Array, column: Column, *, nullable: bool) -> pa.Array:
    """A column just read with its unknown cells as nulls, whatever stood for them in the file."""
    if column not in SILENT or nullable:
        return values
    if not pa.types.is_dictionary(values.type):
        return pc.if_else(pc.equal(values, NO_NUMBER), pa.scalar(None, values.type), values)
    if len(values.dictionary) == 0 or values.dictionary[0].as_py() != "":
        return values
    codes = values.indices.to_numpy()
    indices = pa.array(codes - 1, pa.int32(), mask=codes == 0)
    return pa.DictionaryArray.from_arrays(indices, values.dictionary.slice(1))


def by_number(quantities: pa.Table, tariffs: pa.Table, each: Each = map) -> pa.Table:
    """Quantities in the order of their tariff numbers, and of their rows.

    Args:
        quantities: packed.
        tariffs: the packed table whose rows they name.
        each: applies a function to each column.
    """
    if quantities.num_rows == 0:
        return quantities
    numbers = single(tariffs, HTS_NUMBER)
    codes = numbers.indices.to_numpy()[single(quantities, TARIFF).to_numpy()]
    # A stable sort of 16 bits is a radix sort: eight times as fast.
    order = np.argsort(codes.astype(np.uint16) if len(numbers.dictionary) < _UINT16 else codes, kind="stable")
    places = pa.array(order)
    return pa.table(list(each(lambda values: values.take(places), quantities.columns)), schema=quantities.schema)


def unpacked(values: pa.Array | None, column: Column, count: int) -> pa.Array:
    """A column of the declared type from what a file holds of it, if anything."""
    if values is None:
        return nothing(column, count)
    return values if values.type == column.type else values.cast(column.type)


def nothing(column: Column, count: int) -> pa.Array:
    """A column in which nothing is known."""
    if pa.types.is_dictionary(column.type):
        return pa.DictionaryArray.from_arrays(pa.nulls(count, pa.int32()), pa.array([], pa.string()))
    return pa.nulls(count, column.type)


def dense(values: pa.Array, places: pa.Array, count: int) -> pa.Array:
    """A sparse column spread over all tariffs, null where it says nothing."""
    index = np.zeros(count, np.int32)
    known = np.zeros(count, np.bool_)
    at = places.to_numpy(zero_copy_only=False)
    index[at] = np.arange(len(at), dtype=np.int32)
    known[at] = True
    return values.take(pa.array(index, mask=~known))
