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
_Records = npt.NDArray[np.bytes_]


@dataclass(frozen=True, slots=True)
class _Stretch:
    """Where the picked rows of one partition stand.

    Attributes:
        partition: opened, its columns not read yet.
        entries, lines, tariffs: rows of its tables, ascending.
        first_tariff: tariffs of the stretches before.
    """

    partition: Partition
    entries: Int64s
    lines: Int64s
    tariffs: Int64s


def pick_entries(store: Store, numbers: Collection[str], *, ahead: Ahead | None = None, threads: int = 1) -> Partition:
    """The entries of a store that have one of some numbers, with their lines and tariffs, in entry number order.

    Only partitions between whose first and last entry a number lies are opened, and of these only the columns that are
    asked for are read: thousands of entries among millions take the time of a few columns.

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
    at_once = _Threads(threads)
    found = at_once.map(lambda record: _stretch(store.opened(record["name"]), wanted, ahead or {}), records)
    stretches = [stretch for stretch in found if len(stretch.entries)]
    tables = [
        LazyTable(columns, sum(len(rows) for rows in places), _reader(columns, members, places, at_once))
        for columns, members, places in (
            (STORE_ENTRIES, [s.partition.entries for s in stretches], [s.entries for s in stretches]),
            (STORE_LINES, [s.partition.lines for s in stretches], [s.lines for s in stretches]),
        )
    ]
    places = [s.tariffs for s in stretches]
    tariffs = LazyTariffs(
        STORE_TARIFFS,
        sum(len(rows) for rows in places),
        _reader(STORE_TARIFFS, [s.partition.tariffs for s in stretches], places, at_once),
        _quantity_reader(stretches, at_once),
    )
    for name, table in (("entries", tables[0]), ("lines", tables[1]), ("tariffs", tariffs)):
        table.prefetch((ahead or {}).get(name, ()))
    return Partition(NAME, tables[0], tables[1], tariffs, tuple(source.name for source in store.sources))


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


def _stretch(partition: Partition, wanted: _Records, ahead: Ahead) -> _Stretch:
    """Where the wanted entries of one partition stand, with their lines and tariffs."""
    entries = _places(single(partition.entries, ENTRY_NUMBER), wanted)
    if len(entries) == 0:
        none = np.zeros(0, np.int64)
        return _Stretch(partition, none, none, none)
    partition.entries.prefetch([LINE_COUNT, *ahead.get("entries", ())])
    partition.lines.prefetch([TARIFF_COUNT])
    lines = _below(offsets(partition.entries, LINE_COUNT), entries)
    tariffs = _below(offsets(partition.lines, TARIFF_COUNT), lines)
    return _Stretch(partition, entries, lines, tariffs)


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
    columns: Sequence[Column], members: Sequence[LazyTable], places: Sequence[Int64s], at_once: _Threads
) -> Callable[[Collection[str]], dict[str, Cells]]:
    """Reads columns of all partitions and takes the picked rows of each."""
    declared = {str(column): column for column in columns}

    def one(number: int, names: Collection[str]) -> dict[str, pa.Array | None]:
        table = members[number]
        table.prefetch(names)
        rows = pa.array(places[number])
        return {name: None if (cells := stored(table, declared[name])) is None else cells.take(rows) for name in names}

    def read(names: Collection[str]) -> dict[str, Cells]:
        chosen = [name for name in names if name in declared]
        parts = at_once.map(lambda number: one(number, chosen), range(len(members)))
        return _together(chosen, parts, [len(rows) for rows in places], declared)

    return read


def _together(
    names: Sequence[str],
    parts: Sequence[Mapping[str, pa.Array | None]],
    counts: Sequence[int],
    declared: Mapping[str, Column],
) -> dict[str, Cells]:
    """Columns end to end; one of which no partition says anything is left out."""
    found: dict[str, Cells] = {}
    for name in names:
        arrays = [part[name] for part in parts]
        known = [array for array in arrays if array is not None]
        if not known:
            continue
        column = declared[name]
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
    stretches: Sequence[_Stretch], at_once: _Threads
) -> Callable[[Collection[str] | None], dict[str, Cells]]:
    """Reads the quantities of the picked tariffs that concern some tariff numbers, `TARIFF` counted anew."""

    def one(number: int, wanted: Collection[str] | None) -> pa.Table:
        rows = stretches[number].tariffs
        before = sum(len(stretch.tariffs) for stretch in stretches[:number])
        sparse: pa.Table = stretches[number].partition.tariffs.sparse_quantities(wanted)
        own = filled(single(sparse, TARIFF), np.int64, 0)
        place = np.searchsorted(rows, own)
        picked: Bools = place < len(rows)
        picked[picked] = rows[place[picked]] == own[picked]
        chosen = np.flatnonzero(picked)
        table = sparse.take(pa.array(chosen))
        return table.set_column(0, str(TARIFF), pa.array((place[chosen] + before).astype(np.int32)))

    def read(wanted: Collection[str] | None) -> dict[str, Cells]:
        tables = at_once.map(lambda number: one(number, wanted), range(len(stretches)))
        names = [str(column) for column in STORE_QUANTITIES]
        parts = [{name: single_of(table, name) for name in names} for table in tables]
        return _together(names, parts, [table.num_rows for table in tables], {str(c): c for c in STORE_QUANTITIES})

    def single_of(table: pa.Table, name: str) -> pa.Array | None:
        return single(table, next(c for c in STORE_QUANTITIES if c == name)) if name in table.column_names else None

    return read
