"""All rows of all files side by side, in entry, line and ordinal order; which rows repeat or contradict each other."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TypeVar

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from cape_engine.bridge import Bools, Int32s, Int64s, readonly
from cape_engine.findings import Findings
from cape_engine.intake.bulk import add_rows
from cape_engine.intake.cells import missing_of
from cape_engine.intake.chunk import ORDINALS, RowChunk
from cape_engine.intake.entries import key_texts
from cape_engine.schema.column import Column
from cape_engine.schema.rows import TARIFF_FACTS
from cape_kernels.segments import NO_ROW, first_and_other

_T = TypeVar("_T", bound=np.generic)

_PLACES = 1 << 27
"""Above the largest place within an entry (99,999 lines x 1,000)."""


@dataclass(slots=True)
class Rows:
    """The rows of all files.

    Attributes:
        names: names of the files.
        keys: entry number keys, ascending.
        entry: for each row, its entry (a place in `keys`).
        place: line number x ORDINALS + ordinal of each row.
        source, row: where each row stands.
        facts: stored columns, one number a row.
        order: the rows in entry, line and ordinal order; rows that compare equal in the order they were read.
        entry_starts: where each entry begins in `order` (one more than entries).
        refused: entries that are refused.
        labels: for each stored column and file, the file's own heading.
    """

    names: Sequence[str]
    keys: Int64s
    entry: Int32s
    place: Int32s
    source: npt.NDArray[np.int16]
    row: Int64s
    facts: dict[Column, npt.NDArray[np.signedinteger]]
    order: Int64s
    entry_starts: Int64s
    refused: Bools
    labels: dict[Column, dict[int, str]] = field(default_factory=dict)

    def names_of(self, rows: Int64s) -> pa.Array:
        """The names of the files that some rows stand in."""
        return pa.array(self.names, pa.string()).take(pa.array(self.source[rows]))

    def entry_texts(self, rows: Int64s) -> pa.Array:
        """The entry numbers of some rows."""
        return key_texts(self.keys[self.entry[rows]])

    def label(self, column: Column, rows: Int64s) -> pa.Array:
        """The heading of a column in the files that some rows stand in."""
        found = self.labels.get(column, {})
        words = pa.array([found.get(number, str(column)) for number in range(len(self.names))], pa.string())
        return words.take(pa.array(self.source[rows]))


def gather(chunks: list[RowChunk], names: Sequence[str], more_keys: Int64s) -> Rows:
    """The rows of `chunks` (emptied on the way), sorted.

    Args:
        chunks: in the order of the files.
        names: names of the files.
        more_keys: entries that are known to be refused and may have no row.
    """
    used = [_used(chunk) for chunk in chunks]
    keys = np.unique(np.concatenate([*used, more_keys])) if chunks else np.unique(more_keys)
    entry = _joined([np.searchsorted(keys, chunk.keys).astype(np.int32)[chunk.entry] for chunk in chunks], np.int32)
    place = _joined([chunk.place for chunk in chunks], np.int32)
    source = np.repeat(
        np.array([chunk.source for chunk in chunks], np.int16), [len(chunk.rows) for chunk in chunks]
    ).astype(np.int16)
    row = _joined([chunk.rows for chunk in chunks], np.int64)
    refused = np.zeros(len(keys), bool)
    refused[np.searchsorted(keys, more_keys)] = True
    bad = _joined([chunk.bad for chunk in chunks], np.bool_)
    refused[entry[bad]] = True
    facts: dict[Column, npt.NDArray[np.signedinteger]] = {}
    for column in sorted({column for chunk in chunks for column in chunk.facts}):
        facts[column] = np.concatenate([_fact(chunk, column) for chunk in chunks])
        for chunk in chunks:
            chunk.facts.pop(column, None)
    order = _order(entry, place)
    starts = np.searchsorted(entry[order], np.arange(len(keys) + 1)).astype(np.int64)
    return Rows(names, readonly(keys), entry, place, source, row, facts, readonly(order), readonly(starts), refused)


def _used(chunk: RowChunk) -> Int64s:
    """The keys of a chunk that some row has."""
    seen = np.zeros(len(chunk.keys), bool)
    seen[chunk.entry] = True
    return chunk.keys[seen]


def _fact(chunk: RowChunk, column: Column) -> npt.NDArray[np.signedinteger]:
    """A column of a chunk; unknown on every row where the file lacks it."""
    found = chunk.facts.get(column)
    if found is not None:
        return found
    if pa.types.is_boolean(column.type):
        return np.full(len(chunk.rows), missing_of(column), np.int8)
    small = pa.types.is_date(column.type) or pa.types.is_dictionary(column.type)
    return np.full(len(chunk.rows), missing_of(column), np.int32 if small else np.int64)


def _joined(parts: list[npt.NDArray[_T]], kind: type[_T]) -> npt.NDArray[_T]:
    """Arrays end to end."""
    if len(parts) == 1:
        return parts[0]
    return np.concatenate(parts) if parts else np.empty(0, kind)


def _order(entry: Int32s, place: Int32s) -> Int64s:
    """The stable order by entry and place; exports that are sorted already cost one pass."""
    sort_key = entry.astype(np.int64) * _PLACES + place
    if len(sort_key) == 0 or bool((sort_key[1:] >= sort_key[:-1]).all()):
        return np.arange(len(sort_key), dtype=np.int64)
    return np.argsort(sort_key, kind="stable")


def first_known(
    rows: Rows, starts: Int64s, values: npt.NDArray[np.signedinteger], missing: int
) -> tuple[Int64s, Int64s]:
    """For each group: the first row that knows a value, and the first that contradicts it (NO_ROW: none).

    Args:
        rows: the rows.
        starts: where each group begins in `rows.order`, and the end.
        values: one number a row.
        missing: the number of an unknown value.
    """
    first, other = np.empty(len(starts) - 1, np.int64), np.empty(len(starts) - 1, np.int64)
    numbers = readonly(values.astype(np.int64, copy=False))
    first_and_other(readonly(starts), rows.order, numbers, np.int64(missing), first, other)
    return first, other


def drop_duplicates(rows: Rows, findings: Findings) -> Bools:
    """Which places of `rows.order` count; repeated rows are left out, contradicting ones refuse their entry.

    Natural key: entry, line, ordinal. A fact that only one of two files gives does not contradict; it is filled in.
    """
    entry, place = rows.entry[rows.order], rows.place[rows.order]
    same = np.zeros(len(rows.order), bool)
    same[1:] = (entry[1:] == entry[:-1]) & (place[1:] == place[:-1]) & (place[1:] > 0)
    if not same.any():
        return ~same
    later = np.flatnonzero(same)
    begin = np.maximum.accumulate(np.where(same, -1, np.arange(len(same))))[later]
    row, first = rows.order[later], rows.order[begin]
    differs = np.zeros(len(later), bool)
    for column, values in rows.facts.items():
        missing = missing_of(column)
        one, two = values[first], values[row]
        contradicts = one != two
        if column.nullable and not column.required:
            contradicts &= (one != missing) & (two != missing)
        if column not in TARIFF_FACTS:  # facts of the line and the entry are compared across all their rows
            contradicts[:] = False
        new = contradicts & ~differs
        _report_conflicts(rows, findings, column, row[new], first[new])
        differs |= contradicts
        fill = (one == missing) & (two != missing)
        if fill.any():
            filled = values.copy()
            filled[first[fill][::-1]] = two[fill][::-1]  # the first of several fillers counts
            rows.facts[column] = filled
    alike = ~differs
    _report_duplicates(rows, findings, row[alike], first[alike])
    rows.refused[rows.entry[row[differs]]] = True
    return ~same


def _report_duplicates(rows: Rows, findings: Findings, row: Int64s, first: Int64s) -> None:
    """A finding for each repeated row, naming both."""
    add_rows(
        findings,
        "ROW_DUPLICATE",
        len(row),
        source=rows.names_of(row),
        row=rows.row[row],
        entry=rows.entry_texts(row),
        other_row=rows.row[first],
        other_source=rows.names_of(first),
        line=rows.place[row] // ORDINALS,
        ordinal=rows.place[row] % ORDINALS,
    )


def _report_conflicts(rows: Rows, findings: Findings, column: Column, row: Int64s, first: Int64s) -> None:
    """A finding for each pair of contradicting rows, naming both and the column."""
    if len(row) == 0:
        return
    add_rows(
        findings,
        "ROW_CONFLICT",
        len(row),
        source=rows.names_of(row),
        row=rows.row[row],
        column=rows.label(column, row),
        entry=rows.entry_texts(row),
        other_row=rows.row[first],
        other_source=rows.names_of(first),
        line=rows.place[row] // ORDINALS,
        ordinal=rows.place[row] % ORDINALS,
    )


__all__ = ["NO_ROW", "Rows", "drop_duplicates", "first_known", "gather"]
