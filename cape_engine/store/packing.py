"""Tables as they stand in the files of a store, and back: columns without a value left out, numbers narrow."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from cape_engine.bridge import single
from cape_engine.schema.column import Column
from cape_engine.schema.rows import STORE_QUANTITIES, TARIFF

_INT32_MAX = 2**31 - 1
_QUANTITY_COLUMNS = frozenset(str(column) for column in STORE_QUANTITIES[1:])


def packed(table: pa.Table, columns: Iterable[Column]) -> pa.Table:
    """The columns of `table` that say something, as they are written.

    A column without a single value is left out; int64 becomes int32 where every value fits (decoding half the bytes is
    twice as fast, docs/performance.md); a column without nulls is marked as such; dictionaries keep the words in use.
    """
    fields, arrays = [], []
    for column in columns:
        if str(column) not in table.column_names:
            continue
        values = single(table, column)
        if values.null_count == len(values):
            continue
        values = _compact(values) if pa.types.is_dictionary(values.type) else _narrow(values)
        fields.append(pa.field(str(column), values.type, nullable=values.null_count > 0))
        arrays.append(values)
    return pa.table(arrays, schema=pa.schema(fields))


def _narrow(values: pa.Array) -> pa.Array:
    """Whole numbers as int32 where all of them fit."""
    if pa.types.is_int64(values.type):
        bounds = pc.min_max(values).as_py()
        if bounds["min"] >= -_INT32_MAX and bounds["max"] <= _INT32_MAX:
            return values.cast(pa.int32())
    return values


def _compact(values: pa.DictionaryArray) -> pa.DictionaryArray:
    """A word column whose dictionary holds the words in use only, in byte order."""
    codes = pc.fill_null(values.indices.cast(pa.int32()), -1).to_numpy(zero_copy_only=False)
    used = np.flatnonzero(np.bincount(codes[codes >= 0], minlength=len(values.dictionary)))
    words = values.dictionary.cast(pa.string()).take(pa.array(used))
    order = pc.sort_indices(words).to_numpy()
    rank = np.full(len(values.dictionary) + 1, -1, np.int32)
    rank[used[order]] = np.arange(len(used), dtype=np.int32)
    ranked = rank[codes]
    mask = ranked < 0 if values.null_count else None
    indices = pa.array(ranked, pa.int32(), mask=mask)
    return pa.DictionaryArray.from_arrays(indices, words.take(pa.array(order)))


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


class LazyTable:
    """A table of a partition whose columns are read from its file when they are first asked for.

    It answers to what the engine asks of an Arrow table by name; anything else is answered by the whole table.

    Args:
        columns: the columns it has, in order.
        count: its rows.
        read: reads some columns of the file by name; those that the file lacks are missing in the answer.
    """

    def __init__(
        self, columns: tuple[Column, ...], count: int, read: Callable[[Collection[str]], dict[str, pa.Array]]
    ) -> None:
        self._columns = {str(column): column for column in columns}
        self._read = read
        self._raw: dict[str, pa.Array | None] = {}
        self._whole: pa.Table | None = None
        self.num_rows = count
        self.asked: set[str] = set()

    def __len__(self) -> int:
        return self.num_rows

    @property
    def column_names(self) -> list[str]:
        """Names of the columns."""
        return list(self._columns)

    def prefetch(self, names: Iterable[str]) -> None:
        """Read several columns at once."""
        wanted = [name for name in names if name in self._columns and name not in self._raw]
        if wanted:
            found = self._read(wanted)
            self._raw.update({name: found.get(name) for name in wanted})

    def physical(self, column: Column) -> pa.Array | None:
        """A column as the file has it (perhaps narrower than declared), None if it says nothing at all."""
        name = str(column)
        self.asked.add(name)
        self.prefetch([name])
        return self._raw[name]

    def column(self, name: str) -> pa.ChunkedArray:
        """A column of the declared type."""
        declared = self._columns[str(name)]
        values = unpacked(self.physical(declared), declared, self.num_rows)
        return pa.chunked_array([values], declared.type)

    def whole(self) -> pa.Table:
        """All columns as an Arrow table."""
        if self._whole is None:
            self.prefetch(self._columns)
            arrays = [unpacked(self._raw[name], declared, self.num_rows) for name, declared in self._columns.items()]
            fields = [declared.field for declared in self._columns.values()]
            self._whole = pa.table(arrays, schema=pa.schema(fields))
        return self._whole

    def chosen(self, names: Iterable[str]) -> pa.Table:
        """Some columns as an Arrow table."""
        chosen = list(names)
        return pa.table(
            [self.column(name) for name in chosen], schema=pa.schema([self._columns[name].field for name in chosen])
        )

    def __getattr__(self, name: str) -> object:
        if name.startswith("_"):
            raise AttributeError(name)
        self.asked.update(self._columns)
        return getattr(self.whole(), name)


class LazyTariffs(LazyTable):
    """The tariffs of a partition, whose quantities stand in a file of their own.

    Args:
        columns, count, read: as for `LazyTable`.
        quantities: reads columns of the quantities file by name.
    """

    def __init__(
        self,
        columns: tuple[Column, ...],
        count: int,
        read: Callable[[Collection[str]], dict[str, pa.Array]],
        quantities: Callable[[Collection[str] | None], dict[str, pa.Array]],
    ) -> None:
        super().__init__(columns, count, self._read_either)
        self._read_tariffs = read
        self._read_quantities = quantities

    def sparse_quantities(self) -> pa.Table:
        """Quantities and units of the numbers that have any, with their rows."""
        found = self._read_quantities(None)
        names = [str(column) for column in STORE_QUANTITIES if str(column) in found]
        if not names:
            return pa.table({str(TARIFF): pa.array([], pa.int32())})
        return pa.table({name: found[name] for name in names})

    def _read_either(self, names: Collection[str]) -> dict[str, pa.Array]:
        """Columns of both files, the quantities spread over all numbers."""
        own = [name for name in names if name not in _QUANTITY_COLUMNS]
        spread = [name for name in names if name in _QUANTITY_COLUMNS]
        found = self._read_tariffs(own) if own else {}
        if spread:
            sparse = self._read_quantities([str(TARIFF), *spread])
            places = sparse.pop(str(TARIFF), None)
            found.update({name: dense(values, places, self.num_rows) for name, values in sparse.items()})
        return found


def arrays_of(table: pa.Table) -> dict[str, pa.Array]:
    """The columns of a table just read, each as one array."""
    return {name: _one(table.column(name)) for name in table.column_names}


def _one(values: pa.ChunkedArray) -> pa.Array:
    """One array of a column that a file gave in pieces."""
    if values.num_chunks == 1:
        return values.chunk(0)
    if pa.types.is_dictionary(values.type):
        values = values.unify_dictionaries()
    return pa.concat_arrays(values.chunks) if values.num_chunks else pa.array([], values.type)
