"""The bridge from Arrow tables to the plain read-only arrays that kernels walk, and back."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from cape_engine.schema.column import Column
from cape_engine.schema.rows import STORE_QUANTITIES, TARIFF

_T = TypeVar("_T", bound=np.generic)

Int64s = npt.NDArray[np.int64]
Int32s = npt.NDArray[np.int32]
Int8s = npt.NDArray[np.int8]
Bools = npt.NDArray[np.bool_]

Each = Callable[[Callable[[Any], Any], Iterable[Any]], Iterable[Any]]
"""Applies a function to each of several things and gives the results in their order: `map`, or that of a pool."""

NO_DAY = -(2**31)
"""Day number of a missing date (days are counted from 1970-01-01, as Arrow's date32 does)."""
NO_NUMBER = -1
"""Stands for a missing value, quantity or amount; none of them is ever negative (see the bounds in the schema)."""


@dataclass(frozen=True, slots=True)
class LineShapes:
    """The lines of a partition by shape: all that a line says beside its last number, its value and its duties.

    A million lines have a few thousand shapes, so what the law says of one is worked out once for many lines.

    Attributes:
        vocabulary: the tariff numbers, in byte order.
        bits: how many low bits of a key count the vocabulary.
        key: int32 or int64 (m,) shape of each line << bits | place of its last number; 0 for the number of a line
        without any.
        value: int32 or int64 (m,) dollars beside the last number, `NO_NUMBER` missing.
        size: int32 (k,) numbers on a line of the shape, the last one too.
        start: int32 (k,) where its other numbers begin in `before`.
        before: int32 places in the vocabulary, in the order of the line.
        words: int32 (k,) codes of country of origin, programme, set indicator and FTZ status, -1 where unknown.
        word_lists: what those codes count.
        valued: bool (k,) whether a number before the last has a value of its own that stands in `beside_value`.
        filler: value of all other numbers before the last: 0 or `NO_NUMBER`.
        beside_tariff: int32 ascending places of tariffs before the last of their line whose value is not the filler.
        beside_value: int64 their dollars, `NO_NUMBER` missing.
        dated_line: int32 ascending places of lines with a privileged status date.
        dated_day: int32 those dates.
    """

    vocabulary: list[str]
    bits: int
    key: Int32s | Int64s
    value: Int32s | Int64s
    size: Int32s
    start: Int32s
    before: Int32s
    words: tuple[Int32s, Int32s, Int32s, Int32s]
    word_lists: tuple[list[str], list[str], list[str], list[str]]
    valued: Bools
    filler: int
    beside_tariff: Int32s
    beside_value: Int64s
    dated_line: Int32s
    dated_day: Int32s


@dataclass(frozen=True, slots=True)
class Partition:
    """Entries whole, with their lines and numbers, held by counts; the unit of every run.

    Attributes:
        name: stable name inside its store.
        entries: one row per entry (`schema.rows.STORE_ENTRIES`), sorted by entry number.
        lines: the lines of those entries, in order (`STORE_LINES`).
        tariffs: the numbers of those lines, in order (`STORE_TARIFFS`).
        sources: the files that `source_idx` counts.
        kept_shapes: reads the shapes of these very lines as a store keeps them; None where nobody wrote them down.
        quantities: quantities and units of the numbers that have any (`sparse_quantities`) where `tariffs` has no such
            columns, as in a partition that was just imported; None where it has them.
    """

    name: str
    entries: pa.Table
    lines: pa.Table
    tariffs: pa.Table
    sources: tuple[str, ...]
    kept_shapes: Callable[[], LineShapes | None] | None = None
    quantities: pa.Table | None = None


def readonly(array: npt.NDArray[_T]) -> npt.NDArray[_T]:
    """`array`, contiguous and no longer writeable, as the kernels' signatures ask."""
    flags = array.flags
    if flags.c_contiguous and not flags.writeable:
        return array
    fixed = np.ascontiguousarray(array)
    if fixed.flags.writeable:
        fixed = fixed.view()
        fixed.flags.writeable = False
    return fixed


def single(table: pa.Table, column: Column) -> pa.Array:
    """The column as one Arrow array, dictionaries made one."""
    values = table.column(str(column))
    if values.num_chunks == 1:
        return values.chunk(0)
    if pa.types.is_dictionary(values.type):
        values = values.unify_dictionaries()
    return pa.concat_arrays(values.chunks) if values.num_chunks else pa.array([], column.type)


def stored(table: pa.Table, column: Column) -> pa.Array | None:
    """A column as it is at hand, perhaps narrower than declared; None where not one value of it is known."""
    if isinstance(table, pa.Table):
        values = single(table, column)
        return None if values.null_count == len(values) else values
    return table.physical(column)


def is_given(table: pa.Table, column: Column) -> bool:
    """Whether anything is known in a column, found without a pass over its cells where the store says so."""
    if isinstance(table, pa.Table):
        return stored(table, column) is not None
    return table.raw(column) is not None


def integers(table: pa.Table, column: Column, missing: int = NO_NUMBER) -> Int64s:
    """A whole-number column as int64, `missing` where it is null."""
    values = stored(table, column)
    if values is None:
        return readonly(np.full(table.num_rows, missing, np.int64))
    return filled(values, np.int64, missing)


def either(where: Bools, one: npt.ArrayLike, other: npt.ArrayLike) -> Int32s:
    """`np.where` for days and codes (int32), without a choice by the mask.

    Which entries are meant comes in no order that the processor could guess: NumPy's own took 5 ns an entry, this 1.
    """
    bits = where.astype(np.int32)
    np.negative(bits, out=bits)
    bits &= np.bitwise_xor(one, other, dtype=np.int32)
    bits ^= np.asarray(other, np.int32)
    return bits


def filled(values: pa.Array, kind: type[_T], missing: int) -> npt.NDArray[_T]:
    """Whole numbers or dates of either width, `missing` where null.

    Straight from the buffers: Arrow's own `cast` and `fill_null` took eight times as long on columns of this length.
    """
    if len(values) == 0:
        return readonly(np.zeros(0, kind))
    known, cells = values.buffers()
    width = np.dtype(f"i{values.type.bit_width // 8}")
    numbers = np.frombuffer(cells, width, len(values), values.offset * width.itemsize)
    if values.null_count:
        # No choice by a mask: nulls come in no order that the processor could guess (7 ns a cell became 2).
        given = np.asarray(missing, kind)
        filled = _unpacked(known, values).astype(kind)
        np.negative(filled, out=filled)  # all bits where a cell is known, none where it is null
        filled &= numbers.astype(kind, copy=False) ^ given
        filled ^= given
        return readonly(filled)
    return readonly(numbers.astype(kind, copy=False))


def days(table: pa.Table, column: Column) -> Int32s:
    """A date column as days since 1970-01-01 (int32), `NO_DAY` where it is null."""
    values = stored(table, column)
    if values is None:
        return readonly(np.full(table.num_rows, NO_DAY, np.int32))
    return filled(values, np.int32, NO_DAY)


def days_at(table: pa.Table, column: Column, places: npt.NDArray[np.integer]) -> Int32s:
    """`days` of some rows only."""
    values = stored(table, column)
    if values is None or len(places) == 0:
        return np.full(len(places), NO_DAY, np.int32)
    known, cells = values.buffers()
    found: Int32s = np.frombuffer(cells, np.int32, len(values), values.offset * 4)[places]
    if values.null_count:
        bits = np.asarray(places) + values.offset
        found[np.frombuffer(known, np.uint8)[bits >> 3] >> (bits & 7).astype(np.uint8) & 1 == 0] = NO_DAY
    return found


def flags(table: pa.Table, column: Column) -> Int8s:
    """A yes/no column as int8: 1, 0, or -1 where nothing is known."""
    values = stored(table, column)
    if values is None:
        return readonly(np.full(table.num_rows, -1, np.int8))
    known, bits = values.buffers()
    result = _unpacked(bits, values).view(np.int8)
    if values.null_count:
        result |= _unpacked(known, values).view(np.int8) - np.int8(1)  # all bits where nothing is known
    return readonly(result)


def said(table: pa.Table, column: Column, *, yes: bool = True) -> Bools | None:
    """Rows whose yes/no fact is known and has this value; None where nothing is known of any row."""
    values = stored(table, column)
    if values is None:
        return None
    known, bits = values.buffers()
    result = _unpacked(bits, values)
    if not yes:
        np.logical_not(result, out=result)
    if values.null_count:
        result &= _unpacked(known, values)
    return result


def _unpacked(bits: pa.Buffer, values: pa.Array) -> Bools:
    """Arrow's bits as one byte a row."""
    end = values.offset + len(values)
    every = np.unpackbits(np.frombuffer(bits, np.uint8), count=end, bitorder="little")
    return every[values.offset :].view(np.bool_)


def codes(table: pa.Table, column: Column) -> tuple[Int32s, list[str]]:
    """A word column as int32 codes into its vocabulary; -1 where nothing is known."""
    values = stored(table, column)
    if values is None:
        return readonly(np.full(table.num_rows, -1, np.int32)), []
    if not pa.types.is_dictionary(values.type):
        values = values.dictionary_encode()
    return filled(values.indices, np.int32, -1), values.dictionary.to_pylist()


def raw_codes(table: pa.Table, column: Column) -> tuple[Int32s, list[str]]:
    """A word column as codes without a pass over its cells: unknown is -1, or the code of the word "", if that stands.

    Only for columns of lines and numbers that take no empty word (`packing.SILENT` of the store), by look-up per word.
    """
    if isinstance(table, pa.Table):
        return codes(table, column)
    values = table.raw(column)
    if values is None or values.null_count:
        return codes(table, column)
    return readonly(values.indices.to_numpy()), values.dictionary.to_pylist()


def sparse_quantities(partition: Partition, numbers: Collection[str] | None = None) -> pa.Table:
    """Quantities and units of the numbers that have any (`schema.rows.STORE_QUANTITIES`), in no particular order.

    Columns in which nothing is known are left out.

    Args:
        partition: whose tariffs.
        numbers: the tariff numbers whose quantities matter; those of others may be left out. None for all.
    """
    tariffs = partition.tariffs
    if partition.quantities is not None:
        return partition.quantities
    if not isinstance(tariffs, pa.Table):
        found: pa.Table = tariffs.sparse_quantities(numbers)
        return found
    given = {column: stored(tariffs, column) for column in STORE_QUANTITIES[1:]}
    known = np.zeros(tariffs.num_rows, np.bool_)
    for values in given.values():
        if values is not None:
            known |= values.is_valid().to_numpy(zero_copy_only=False)
    places = pa.array(np.flatnonzero(known).astype(np.int32))
    columns = {str(column): values.take(places) for column, values in given.items() if values is not None}
    return pa.table({str(TARIFF): places, **columns})


def raw_quantities(partition: Partition, numbers: Collection[str] | None = None) -> pa.Table:
    """`sparse_quantities` without a pass over its cells: unknown is null, -1, or the word ""."""
    tariffs = partition.tariffs
    if isinstance(tariffs, pa.Table):
        return sparse_quantities(partition, numbers)
    found: pa.Table = tariffs.raw_quantities(numbers)
    return found


def offsets(table: pa.Table, column: Column) -> Int64s:
    """Counts as offsets: row i owns the rows [offsets[i], offsets[i + 1]) of the table below (n + 1 values)."""
    counts = integers(table, column, 0)
    result = np.zeros(len(counts) + 1, np.int64)
    np.cumsum(counts, out=result[1:])
    return readonly(result)


def words(codes_: Int32s, vocabulary: list[str]) -> pa.DictionaryArray:
    """Codes and their vocabulary as a word column; a negative code becomes null."""
    mask = codes_ < 0
    indices = pa.array(np.where(mask, 0, codes_).astype(np.int32), pa.int32(), mask=mask)
    return pa.DictionaryArray.from_arrays(indices, pa.array(vocabulary, pa.string()))


def distinct(masks: npt.NDArray[np.unsignedinteger]) -> tuple[list[int], npt.NDArray[np.int64]]:
    """The distinct values of masks, of which most are 0, and the place of each mask among them; 0 comes first."""
    places = np.flatnonzero(masks)
    which = np.zeros(len(masks), np.int64)
    coded = pa.array(masks[places]).dictionary_encode()
    which[places] = coded.indices.to_numpy(zero_copy_only=False) + 1
    return [0, *coded.dictionary.to_pylist()], which


def first_of_each(keys: Int64s) -> tuple[Int32s, Int32s]:
    """(the first row of each distinct key, in the order in which they come; which of them each row has)."""
    coded = pa.array(keys).dictionary_encode()
    which = coded.indices.to_numpy()
    first = np.empty(len(coded.dictionary), np.int32)
    first[which[::-1]] = np.arange(len(keys) - 1, -1, -1, dtype=np.int32)  # of several rows the first is written last
    return first, which


def word_lists(which: npt.NDArray[np.int64], lists: Sequence[Sequence[str]]) -> pa.ListArray:
    """A column of lists of words, from the distinct lists and the place of each row's list among them."""
    return word_lists_of(list_members(which, [len(one) for one in lists]), lists)


def list_members(which: npt.NDArray[np.int64], lengths: Sequence[int]) -> tuple[Int32s, npt.NDArray[np.integer]]:
    """(offsets of a column of lists, place of each member among those of the distinct lists end to end).

    Args:
        which: the distinct list of each row.
        lengths: members of each distinct list.
    """
    sizes = np.array(lengths, np.int32)
    starts = np.cumsum(sizes, dtype=np.int32) - sizes
    counts = sizes[which]
    ends = np.zeros(len(which) + 1, np.int32)
    np.cumsum(counts, out=ends[1:])
    rows = np.flatnonzero(counts)
    members = starts[which[rows]]
    if sizes.max(initial=0) > 1:
        times = counts[rows]
        members = np.repeat(members - ends[rows], times) + np.arange(ends[-1], dtype=np.int32)
    return ends, members


def word_lists_of(members: tuple[Int32s, npt.NDArray[np.integer]], lists: Sequence[Sequence[str]]) -> pa.ListArray:
    """`word_lists` by the members that `list_members` found, which lists of equal lengths share."""
    ends, places = members
    vocabulary: dict[str, int] = {}
    flat = np.array([vocabulary.setdefault(word, len(vocabulary)) for one in lists for word in one], np.int32)
    listed = pa.DictionaryArray.from_arrays(pa.array(flat[places]), pa.array(list(vocabulary), pa.string()), safe=False)
    return pa.ListArray.from_arrays(pa.array(ends), listed)


def known_only(values: npt.NDArray[np.integer], known: Bools, type_: pa.DataType) -> pa.Array:
    """Numbers or days (of the width of `type_`) as a column that is null where `known` is false, without a copy."""
    bits = pa.py_buffer(np.packbits(known, bitorder="little"))
    return pa.Array.from_buffers(type_, len(values), [bits, pa.py_buffer(np.ascontiguousarray(values))])


def maybe_integers(values: Int64s, known: Bools) -> pa.Array:
    """An int64 column that is null where `known` is false."""
    return pa.array(values, pa.int64(), mask=~known)


def dates(day_numbers: Int32s) -> pa.Array:
    """Day numbers as a date column; `NO_DAY` becomes null."""
    return pa.array(day_numbers, pa.int32(), mask=day_numbers == NO_DAY).cast(pa.date32())
