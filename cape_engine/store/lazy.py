"""Tables of a partition whose columns are read from their files when they are first asked for."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable

import pyarrow as pa

from cape_engine.schema.column import Column
from cape_engine.schema.rows import STORE_QUANTITIES, TARIFF
from cape_engine.store.packing import dense, spoken, unpacked

_QUANTITY_COLUMNS = frozenset(str(column) for column in STORE_QUANTITIES[1:])

Cells = tuple[pa.Array, bool]
"""A column of a file, and whether nulls may stand in it."""
Reader = Callable[[Collection[str]], dict[str, Cells]]
QuantityReader = Callable[[Collection[str] | None], dict[str, Cells]]


class LazyTable:
    """A table of a partition whose columns are read from its file when they are first asked for.

    It answers to what the engine asks of an Arrow table by name; anything else is answered by the whole table.

    Args:
        columns: the columns it has, in order.
        count: its rows.
        read: reads some columns of the file by name, with whether nulls may stand in them; those that the file lacks
            are missing in the answer.
    """

    def __init__(self, columns: tuple[Column, ...], count: int, read: Reader) -> None:
        self._columns = {str(column): column for column in columns}
        self._read = read
        self._raw: dict[str, Cells | None] = {}
        self._ready: dict[str, pa.Array | None] = {}
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
            found = self._columns_of(wanted)
            self._raw.update({name: found.get(name) for name in wanted})

    def _columns_of(self, names: Collection[str]) -> dict[str, Cells]:
        """Some columns as the file has them; those that it lacks are missing in the answer."""
        return self._read(names)

    def physical(self, column: Column) -> pa.Array | None:
        """A column as the file has it (perhaps narrower than declared), None if it says nothing at all."""
        name = str(column)
        self.asked.add(name)
        if name not in self._ready:
            self.prefetch([name])
            cells = self._raw[name]
            self._ready[name] = None if cells is None else spoken(cells[0], column, nullable=cells[1])
        return self._ready[name]

    def raw(self, column: Column) -> pa.Array | None:
        """A word column straight from the file: the word "" stands for unknown too, if the column is in `SILENT`."""
        name = str(column)
        self.asked.add(name)
        self.prefetch([name])
        cells = self._raw[name]
        return None if cells is None else cells[0]

    def column(self, name: str) -> pa.ChunkedArray:
        """A column of the declared type."""
        declared = self._columns[str(name)]
        values = unpacked(self.physical(declared), declared, self.num_rows)
        return pa.chunked_array([values], declared.type)

    def whole(self) -> pa.Table:
        """All columns as an Arrow table."""
        if self._whole is None:
            self.prefetch(self._columns)
            self._whole = self.chosen(self._columns)
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
        quantities: reads the quantities file, all of it or what concerns some tariff numbers.
    """

    def __init__(
        self,
        columns: tuple[Column, ...],
        count: int,
        read: Reader,
        quantities: QuantityReader,
    ) -> None:
        super().__init__(columns, count, read)
        self._read_quantities = quantities

    def sparse_quantities(self, wanted: Collection[str] | None = None) -> pa.Table:
        """Quantities and units of the numbers that have any, with their rows; see `bridge.sparse_quantities`."""
        found = self._read_quantities(wanted)
        names = [str(column) for column in STORE_QUANTITIES if str(column) in found]
        if not names:
            return pa.table({str(TARIFF): pa.array([], pa.int32())})
        return pa.table({str(c): spoken(found[c][0], c, nullable=found[c][1]) for c in STORE_QUANTITIES if c in found})

    def raw_quantities(self, wanted: Collection[str] | None = None) -> pa.Table:
        """`sparse_quantities` straight from the file; see `raw`."""
        found = self._read_quantities(wanted)
        if not found:
            return pa.table({str(TARIFF): pa.array([], pa.int32())})
        return pa.table({str(column): found[column][0] for column in STORE_QUANTITIES if column in found})

    def _columns_of(self, names: Collection[str]) -> dict[str, Cells]:
        """Columns of both files, the quantities spread over all numbers."""
        own = [name for name in names if name not in _QUANTITY_COLUMNS]
        found = self._read(own) if own else {}
        if len(own) < len(names):
            sparse = self.sparse_quantities()
            places = sparse.column(str(TARIFF)).chunk(0) if sparse.num_rows else None
            for name in set(names) & set(sparse.column_names):
                found[name] = dense(sparse.column(name).chunk(0), places, self.num_rows), True
        return found
