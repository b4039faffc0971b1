"""Some entries of a store as one partition: where they stand, and their rows of each column when it is asked for."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from cape_engine.bridge import Bools, Int64s, Partition, filled, offsets, single, stored
from cape_engine.schema.column import Column
from cape_engine.schema.facts import ENTRY_NUMBER
from cape_engine.schema.rows import (
    LINE_COUNT,
    STORE_ENTRIES,
    STORE_LINES,
    STORE_QUANTITIES,
    STORE_TARIFFS,
    TARIFF,
    TARIFF_COUNT,
)
from cape_engine.store.lazy import Cells, LazyTable, LazyTariffs
from cape_engine.store.packing import nothing
from cape_engine.store.store import Store

NAME = "picked"
"""Name of a partition of picked entries."""
ENTRY_BYTES = 11
Ahead = Mapping[str, Collection[str]]
"""Columns by table."""

_T = TypeVar("_T")
_U = TypeVar("_U")
_COLUMNS: Mapping[str, tuple[Column, ...]] = {
    "entries": STORE_ENTRIES,
    "lines": STORE_LINES,
    "tariffs": STORE_TARIFFS,
}
_NAMES = {table: frozenset(map(str, columns)) for table, columns in _COLUMNS.items()}
_DECLARED = {str(column): column for columns in (*_COLUMNS.values(), STORE_QUANTITIES) for column in columns}

_Records = npt.NDArray[np.bytes_]


@dataclass(frozen=True, slots=True)
class _Stretch:
    """What one partition gives: where its picked rows stand, and what was taken of them at once.

    Attributes:
        name: of the partition.
        rows: ascending rows of its tables, by table.
        taken: columns of those rows, by table and column; None where the file says nothing.
    """

    name: str
    rows: Mapping[str, Int64s]
    taken: Mapping[str, Mapping[str, pa.Array | None]]


def pick_entries(store: Store, numbers: Collection[str], *, ahead: Ahead | None = None, threads: int = 1) -> Partition:
    """The entries of a store that have one of some numbers, with their lines and tariffs, in entry number order.

    Only partitions between whose first and last entry a number lies are opened, and of these only the columns that are
    asked for are read: thousands of entries among millions take the time of a few columns. No column is kept whole.

    Args:
        store: any.
        numbers: entry numbers as the store has them; numbers that it lacks are left out.
        ahead: columns by table (entries, lines, tariffs) that will surely be asked for, read at once.
        threads: files read at the same time.

    Raises:
        StoreError: a file cannot be read, now or later.
    """
    wanted = np.unique(np.array([n.encode() for n in numbers if len(n) == ENTRY_BYTES and n.isascii()], "S11"))
    records = [record for record in store.manifest["partitions"] if _concerned(record, wanted)]
    outer = _Threads(threads)
    inner = _Threads(threads if len(records) < threads else 1)
    found = outer.map(lambda record: _stretch(store, record["name"], wanted, ahead or {}, inner), records)
    stretches = [stretch for stretch in found if len(stretch.rows["entries"])]
    readers = {name: _reader(store, name, stretches, outer) for name in _COLUMNS}
    counts = {name: sum(len(stretch.rows[name]) for stretch in stretches) for name in _COLUMNS}
    entries, lines = (LazyTable(_COLUMNS[name], counts[name], readers[name]) for name in ("entries", "lines"))
    tariffs = LazyTariffs(
        STORE_TARIFFS, counts["tariffs"], readers["tariffs"], _quantity_reader(store, stretches, outer)
    )
    for name, table in (("entries", entries), ("lines", lines), ("tariffs", tariffs)):
        table.prefetch((ahead or {}).get(name, ()))
    return Partition(NAME, entries, lines, tariffs, tuple(source.name for source in store.sources))


class _Threads:
    """Applies a function to many things with a number of threads, keeping their order."""

    def __init__(self, threads: int) -> None:
        self._threads = threads

    def map(self, function: Callable[[_T], _U], items: Sequence[_T]) -> list[_U]:
        """The results in the order of the items."""
        if self._threads <= 1 or len(items) <= 1:
            return [function(item) for item in items]
        with ThreadPoolExecutor(self._threads, thread_name_prefix="cape-pick") as pool:
            return list(pool.map(function, items))


def _concerned(record: Mapping[str, str | None], wanted: _Records) -> bool:
    """Whether a wanted number lies between the first and the last entry of a partition."""
    first, last = record["first_entry"], record["last_entry"]
    if first is None or last is None:
        return False
    place = int(np.searchsorted(wanted, np.bytes_(first.encode())))
    return place < len(wanted) and bytes(wanted[place]) <= last.encode()


def _stretch(store: Store, name: str, wanted: _Records, ahead: Ahead, at_once: _Threads) -> _Stretch:
    """Where the wanted entries of one partition stand, with their lines and tariffs, and the columns known ahead."""
    opened = store.opened(name)
    tables = {"entries": opened.entries, "lines": opened.lines, "tariffs": opened.tariffs}
    places = {"entries": _places(single(opened.entries, ENTRY_NUMBER), wanted)}
    if len(places["entries"]) == 0:
        return _Stretch(name, places, {})
    jobs = [(table, names[part::2]) for table in _COLUMNS for part in (0, 1) if (names := _ahead(table, ahead)[part:])]
    at_once.map(lambda job: tables[job[0]].prefetch(job[1]), jobs)
    places["lines"] = _below(offsets(opened.entries, LINE_COUNT), places["entries"])
    places["tariffs"] = _below(offsets(opened.lines, TARIFF_COUNT), places["lines"])
    taken = {
        table: _taken(tables[table], [*ahead.get(table, ()), *({str(ENTRY_NUMBER)} & set(_NAMES[table]))], rows)
        for table, rows in places.items()
    }
    return _Stretch(name, places, taken)


def _ahead(table: str, ahead: Ahead) -> list[str]:
    """Columns of a table that are read at once: those known ahead, and the counts."""
    counts = {"entries": [str(LINE_COUNT)], "lines": [str(TARIFF_COUNT)]}.get(table, [])
    return list(dict.fromkeys([*counts, *ahead.get(table, ())]))


def _taken(table: LazyTable, names: Collection[str], rows: Int64s) -> dict[str, pa.Array | None]:
    """Some rows of columns; None for a column of which nothing is known."""
    table.prefetch(names)
    places = pa.array(rows)
    found: dict[str, pa.Array | None] = {}
    for name in names:
        cells = stored(table, _DECLARED[name])
        found[name] = None if cells is None else cells.take(places)
    return found


def _places(numbers: pa.Array, wanted: _Records) -> Int64s:
    """The rows of an ascending column of entry numbers that are wanted."""
    records = _records(numbers)
    if records is None:
        texts = pa.array([bytes(one).decode() for one in wanted], pa.string())
        return np.flatnonzero(pc.is_in(numbers, value_set=texts).to_numpy(zero_copy_only=False)).astype(np.int64)
    inside = wanted[np.searchsorted(wanted, records[0]) : np.searchsorted(wanted, records[-1], "right")]
    place = np.searchsorted(records, inside)
    found: Int64s = place[records[place] == inside].astype(np.int64)
    return found


def _records(numbers: pa.Array) -> _Records | None:
    """Texts of eleven bytes each as records without a copy; None where one of them is longer or shorter."""
    if len(numbers) == 0 or numbers.null_count or numbers.type != pa.string():
        return None
    _known, ends, data = numbers.buffers()
    at = np.frombuffer(ends, np.int32, len(numbers) + 1, numbers.offset * 4)
    if at[-1] - at[0] != len(numbers) * ENTRY_BYTES or not (np.diff(at) == ENTRY_BYTES).all():
        return None
    found: _Records = np.frombuffer(data, f"S{ENTRY_BYTES}", len(numbers), int(at[0]))
    return found


def _below(begins: Int64s, rows: Int64s) -> Int64s:
    """The rows of the table below that some rows own, given where the rows below begin for each row, and the end."""
    begin, length = begins[rows], begins[rows + 1] - begins[rows]
    before = np.concatenate([[0], np.cumsum(length)]).astype(np.int64)
    found: Int64s = np.arange(before[-1]) + np.repeat(begin - before[:-1], length)
    return found


def _reader(
    store: Store, table: str, stretches: Sequence[_Stretch], at_once: _Threads
) -> Callable[[Collection[str]], dict[str, Cells]]:
    """Reads columns of all partitions and takes the picked rows of each; nothing of a file stays open."""

    def one(stretch: _Stretch, names: Collection[str]) -> Mapping[str, pa.Array | None]:
        more = [name for name in names if name not in stretch.taken[table]]
        if not more:
            return stretch.taken[table]
        opened: LazyTable = getattr(store.opened(stretch.name), table)
        return {**stretch.taken[table], **_taken(opened, more, stretch.rows[table])}

    def read(names: Collection[str]) -> dict[str, Cells]:
        chosen = [name for name in names if name in _NAMES[table]]
        parts = at_once.map(lambda stretch: one(stretch, chosen), stretches)
        return _together(chosen, parts, [len(stretch.rows[table]) for stretch in stretches])

    return read


def _together(
    names: Sequence[str], parts: Sequence[Mapping[str, pa.Array | None]], counts: Sequence[int]
) -> dict[str, Cells]:
    """Columns end to end; one of which no partition says anything is left out."""
    found: dict[str, Cells] = {}
    for name in names:
        arrays = [part[name] for part in parts]
        known = [array for array in arrays if array is not None]
        if not known:
            continue
        column = _DECLARED[name]
        kind = known[0].type if all(array.type == known[0].type for array in known) else column.type
        filled_in = [
            nothing(column, count).cast(kind) if array is None else array if array.type == kind else array.cast(kind)
            for array, count in zip(arrays, counts, strict=True)
        ]
        whole = pa.chunked_array(filled_in)
        if pa.types.is_dictionary(kind):
            whole = whole.unify_dictionaries()
        found[name] = (pa.concat_arrays(whole.chunks), True)
    return found


def _quantity_reader(
    store: Store, stretches: Sequence[_Stretch], at_once: _Threads
) -> Callable[[Collection[str] | None], dict[str, Cells]]:
    """Reads the quantities of the picked tariffs that concern some tariff numbers, `TARIFF` counted anew."""
    before = np.cumsum([0, *(len(stretch.rows["tariffs"]) for stretch in stretches)])

    def one(number: int, wanted: Collection[str] | None) -> pa.Table:
        stretch = stretches[number]
        rows = stretch.rows["tariffs"]
        sparse: pa.Table = store.opened(stretch.name).tariffs.sparse_quantities(wanted)
        own = filled(single(sparse, TARIFF), np.int64, 0)
        place = np.searchsorted(rows, own)
        picked: Bools = place < len(rows)
        picked[picked] = rows[place[picked]] == own[picked]
        chosen = np.flatnonzero(picked)
        table = sparse.take(pa.array(chosen))
        return table.set_column(0, str(TARIFF), pa.array((place[chosen] + before[number]).astype(np.int32)))

    def read(wanted: Collection[str] | None) -> dict[str, Cells]:
        tables = at_once.map(lambda number: one(number, wanted), range(len(stretches)))
        names = [str(column) for column in STORE_QUANTITIES]
        parts = [
            {name: single(table, _DECLARED[name]) if name in table.column_names else None for name in names}
            for table in tables
        ]
        return _together(names, parts, [table.num_rows for table in tables])

    return read
