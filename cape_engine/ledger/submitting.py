"""The entries of declarations as columns: tested, in order, put end to end, and the steps they take."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from cape_engine.bridge import Bools, Int64s
from cape_engine.errors import UsageError
from cape_engine.ledger import chain, reading
from cape_engine.ledger.states import BEGIN, Life
from cape_engine.ledger.writing import Group
from cape_engine.schema import ledger as columns
from cape_engine.schema.facts import ENTRY_NUMBER, IMPORTER_NUMBER
from cape_engine.schema.results import PRINCIPAL_CENTS

_ENTRY = r"^[0-9A-Z]{11}$"
_PLAIN = np.isin(np.arange(256), list(b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"))
_SHAPE = pa.schema(
    [(str(column), pa.int64() if column == PRINCIPAL_CENTS else pa.string()) for column in columns.SUBMITTED]
)


def checked_numbers(numbers: pa.Array | pa.ChunkedArray) -> pa.Array:
    """Entry numbers as the ledger keeps them; what stands twice is found by `in_order`.

    Raises:
        UsageError: one is not 11 characters A-Z and 0-9.
    """
    found = reading.text(numbers)
    same = pc.all(pc.equal(pc.binary_length(found), chain.ENTRY_BYTES), min_count=0).as_py() and not found.null_count
    if same and _PLAIN[chain.entry_bytes(found).view(np.uint8)].all():
        return found
    good = pc.fill_null(pc.match_substring_regex(found, _ENTRY), fill_value=False)
    odd = found.filter(pc.invert(good))[0].as_py()
    raise UsageError(f"{odd!r} is not an entry number of 11 characters A-Z and 0-9; leave it out")


def in_order(numbers: pa.Array, homes: Int64s | None = None) -> tuple[pa.Array, Int64s | None]:
    """Entry numbers sorted, and where each stood; None where they stood in order.

    Args:
        numbers: checked entry numbers.
        homes: the declaration of each, ascending; the numbers are sorted inside it.

    Raises:
        UsageError: one stands twice (in its declaration).
    """
    fixed = chain.entry_bytes(numbers)
    if _ascending(fixed, homes).all():
        return numbers, None
    keys = {"number": numbers} if homes is None else {"home": homes, "number": numbers}
    order = pc.sort_indices(pa.table(keys), [(key, "ascending") for key in keys]).to_numpy().astype(np.int64)
    numbers, fixed = numbers.take(pa.array(order)), fixed[order]
    twice = np.flatnonzero(~_ascending(fixed, homes))  # `homes` ascend already: the order leaves them as they are
    if len(twice):
        raise UsageError(f"entry {fixed[twice[0]].decode()} stands twice; give each entry once")
    return numbers, order


def _ascending(fixed: npt.NDArray[np.bytes_], homes: Int64s | None) -> Bools:
    """Whether each number stands behind the one before it, or in another declaration."""
    found: Bools = fixed[1:] > fixed[:-1]
    return found if homes is None else found | (homes[1:] != homes[:-1])


def one(table: pa.Table, name: str) -> pa.Array:
    """A column as one array."""
    column = table.column(name)
    return column.chunk(0) if column.num_chunks == 1 else column.combine_chunks()


@dataclass(frozen=True, slots=True)
class Entries:
    """The entries of several declarations end to end, sorted by number inside each.

    Attributes:
        table: columns `schema.ledger.SUBMITTED`, texts spelt out, reasons never null.
        bounds: first entry of each declaration, and the end of the last.
        words: the distinct states.
        state: place of each entry's state in `words`.
    """

    table: pa.Table
    bounds: Int64s
    words: list[str]
    state: npt.NDArray[np.int32]

    @classmethod
    def of(cls, given: Sequence[pa.Table], life: Life) -> Entries:
        """The entries as they were submitted, each table the entries of one declaration.

        Raises:
            UsageError: a column is missing or unknown, an entry number is none or stands twice, a state is unknown or
                no road leads there.
        """
        bounds = np.concatenate([[0], np.cumsum([table.num_rows for table in given])]).astype(np.int64)
        table = _together(given)
        whole = {str(name): one(table, str(name)) for name in _SHAPE.names}
        whole[ENTRY_NUMBER] = checked_numbers(whole[ENTRY_NUMBER])
        whole[columns.REASON] = pc.fill_null(whole[columns.REASON], "")
        for column in (columns.REASON, IMPORTER_NUMBER):
            whole[column] = pc.replace_substring_regex(whole[column], r"[\x00-\x1f]+", " ")
        table = pa.table(whole)
        homes = np.repeat(np.arange(len(given)), np.diff(bounds))
        _, order = in_order(whole[ENTRY_NUMBER], homes)
        if order is not None:
            table = table.take(pa.array(order)).combine_chunks()
        found = cls(table, bounds, [], np.zeros(0, np.int32)).restated(one(table, columns.STATE))
        for state in found.words:
            life.code(state)
            if not life.road(BEGIN, state):
                raise UsageError(f"no road leads from {BEGIN} to {state}; a submission brings entries onto a claim")
        return found

    def restated(self, states: pa.Array, reasons: pa.Array | None = None) -> Entries:
        """The same entries in other states, for other reasons if they are given."""
        table, place = self.table, self.table.column_names.index
        table = table.set_column(place(columns.STATE), columns.STATE, states)
        if reasons is not None:
            table = table.set_column(place(columns.REASON), columns.REASON, reasons)
        told = states.dictionary_encode()
        return replace(self, table=table, words=told.dictionary.to_pylist(), state=told.indices.to_numpy())

    def column(self, name: str) -> pa.Array:
        """One column."""
        return one(self.table, name)

    @property
    def homes(self) -> Int64s:
        """Which of the declarations each entry is of."""
        return np.repeat(np.arange(len(self.bounds) - 1), np.diff(self.bounds))

    def is_in(self, states: Sequence[str]) -> Bools:
        """Which entries stand in one of some states."""
        found: Bools = np.array([word in states for word in self.words], np.bool_)[self.state]
        return found

    def sums(self) -> list[int]:
        """The principal of each declaration in cents, as far as it is known."""
        cents = pc.fill_null(self.column(PRINCIPAL_CENTS), 0).to_numpy()
        so_far = np.concatenate([[0], np.cumsum(cents)])[self.bounds]
        found: list[int] = np.diff(so_far).tolist()
        return found

    def digests(self) -> list[str]:
        """The digest of each declaration's entries."""
        numbers, importers = self.column(ENTRY_NUMBER), self.column(IMPORTER_NUMBER)
        return chain.entries_digests(numbers, importers, self.column(PRINCIPAL_CENTS), self.bounds)

    def groups(self, life: Life, declarations: Sequence[int]) -> Iterator[list[Group]]:
        """The steps of each declaration's entries: those that walk the same way take each step together.

        Args:
            life: the roads from `FILED` to each state.
            declarations: number of each declaration.

        Yields:
            The groups of one declaration in the order of the steps; entries of one state with different reasons take
            the last step apart, in the order in which the reasons stand.
        """
        told = self.column(columns.REASON).dictionary_encode()
        reasons, texts = told.indices.to_numpy(), told.dictionary.to_pylist()
        kinds = self.state.astype(np.int64) * max(len(texts), 1) + reasons
        roads = [(BEGIN, *life.road(BEGIN, word)) for word in self.words]
        for number, (low, high) in zip(declarations, pairwise(self.bounds.tolist()), strict=True):
            here = kinds[low:high]
            if low == high:
                yield []
            elif (here == here[0]).all():
                road, reason = roads[here[0] // len(texts)], texts[here[0] % len(texts)]
                places = np.arange(low, high)
                yield [
                    Group(number, life.code(a), life.code(b), reason if step == len(road) - 1 else "", places)
                    for step, (a, b) in enumerate(pairwise(road), 1)
                ]
            else:
                yield _groups(life, number, roads, self.state[low:high], (reasons[low:high], texts), low)


def _together(given: Sequence[pa.Table]) -> pa.Table:
    """Submitted tables end to end, every column there; those of the same columns and types are cast together."""
    if given and all(table.schema == given[0].schema for table in given):
        return _shaped(pa.concat_tables(given))
    return pa.concat_tables([_SHAPE.empty_table(), *(_shaped(table) for table in given)])


def _shaped(given: pa.Table) -> pa.Table:
    """Submitted entries with every column, texts spelt out.

    Raises:
        UsageError: a column is missing or unknown.
    """
    names = given.column_names
    for needed in (ENTRY_NUMBER, columns.STATE):
        if needed not in names and given.num_rows:
            raise UsageError(f"the entries of a submission need the column {needed}")
    unknown = sorted(set(names) - set(_SHAPE.names))
    if unknown:
        raise UsageError(f"unknown column {unknown[0]} of a submission; known are {', '.join(columns.SUBMITTED)}")
    none = pa.nulls(given.num_rows, pa.string())
    whole = [
        (given.column(field.name) if field.name in names else pa.chunked_array([none])).cast(field.type)
        for field in _SHAPE
    ]
    return pa.table(whole, schema=_SHAPE)


def _groups(
    life: Life,
    declaration: int,
    roads: Sequence[tuple[str, ...]],
    place: npt.NDArray[np.int32],
    told: tuple[npt.NDArray[np.int32], list[str]],
    first: int,
) -> list[Group]:
    """The steps of one declaration whose entries stand in several states, or for several reasons.

    Args:
        life: codes of the states.
        declaration: its number.
        roads: from `FILED` to each state.
        place: the state of each entry, a place in `roads`.
        told: the reason of each entry, a place in the texts; the texts.
        first: place of its first entry among all.
    """
    seen, stands, which = np.unique(told[0], return_index=True, return_inverse=True)
    reason_of, texts = np.argsort(np.argsort(stands))[which], [told[1][at] for at in seen[np.argsort(stands)]]
    groups = []
    ways = {roads[at][:end] for at in np.unique(place).tolist() for end in range(2, len(roads[at]) + 1)}
    for way in sorted(ways, key=lambda way: (len(way), way)):
        through = np.array([road[: len(way)] == way for road in roads])[place]
        ends = np.array([road == way for road in roads])[place]
        before, after = life.code(way[-2]), life.code(way[-1])
        kinds = np.where(ends, reason_of, -1)
        for kind in np.unique(kinds[through]).tolist():
            places = np.flatnonzero(through & (kinds == kind))
            groups.append(Group(declaration, before, after, "" if kind < 0 else texts[kind], places + first))
    return groups
