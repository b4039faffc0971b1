"""Rows of any stretches made one, in entry, line and ordinal order; which rows repeat or contradict each other."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from cape_engine.bridge import Bools, Int32s, Int64s, readonly
from cape_engine.findings import Findings
from cape_engine.intake.bulk import add_rows
from cape_engine.intake.cells import missing_of
from cape_engine.intake.chunk import ORDINALS
from cape_engine.intake.entries import key_texts
from cape_engine.intake.stretch import Numbers, Stretch, joined
from cape_engine.schema.column import Column
from cape_engine.schema.rows import TARIFF_FACTS
from cape_kernels.segments import NO_ROW, first_and_other


@dataclass(slots=True)
class Rows:
    """Rows in entry, line and ordinal order; rows that compare equal in the order they were read.

    Attributes:
        names: names of the files.
        keys: entry number keys, ascending.
        entry: for each row, its entry (a place in `keys`).
        place: line number x ORDINALS + ordinal of each row.
        source, row: where each row stands.
        facts: stored columns, one number a row.
        entry_starts: where each entry begins (one more than entries).
        refused: entries that are refused.
        labels: for each stored column and file, the file's own heading.
    """

    names: Sequence[str]
    keys: Int64s
    entry: Int32s
    place: Int32s
    source: npt.NDArray[np.int16]
    row: Numbers
    facts: dict[Column, Numbers]
    entry_starts: Int64s
    refused: Bools
    labels: dict[Column, dict[int, str]] = field(default_factory=dict)

    def names_of(self, rows: Int64s) -> pa.Array:
        """The names of the files that some rows stand in."""
        return pa.array(self.names, pa.string()).take(pa.array(self.source[rows]))

    def numbers_of(self, rows: Int64s) -> Int64s:
        """The lines of their files that some rows stand on."""
        return self.row[rows].astype(np.int64)

    def entry_texts(self, rows: Int64s) -> pa.Array:
        """The entry numbers of some rows."""
        return key_texts(self.keys[self.entry[rows]])

    def label(self, column: Column, rows: Int64s) -> pa.Array:
        """The heading of a column in the files that some rows stand in."""
        found = self.labels.get(column, {})
        words = pa.array([found.get(number, str(column)) for number in range(len(self.names))], pa.string())
        return words.take(pa.array(self.source[rows]))


def gather(stretches: list[Stretch], names: Sequence[str], more_keys: Int64s) -> Rows:
    """The rows of `stretches` (emptied on the way) as one.

    Args:
        stretches: in the order in which they were read.
        names: names of the files.
        more_keys: entries that are known to be refused and may have no row; distinct, ascending.
    """
    whole = joined(stretches)
    keys, counts = whole.keys, np.diff(whole.starts)
    if len(more_keys):
        keys = np.union1d(whole.keys, more_keys)
        counts = np.zeros(len(keys), np.int64)
        counts[np.searchsorted(keys, whole.keys)] = np.diff(whole.starts)
    starts = np.zeros(len(keys) + 1, np.int64)
    np.cumsum(counts, out=starts[1:])
    entry = np.repeat(np.arange(len(keys), dtype=np.int32), counts)
    refused = np.zeros(len(keys), bool)
    refused[np.searchsorted(keys, more_keys)] = True
    if whole.bad is not None:
        refused[entry[whole.bad]] = True
    return Rows(
        names, readonly(keys), entry, whole.place, whole.source, whole.row, whole.facts, readonly(starts), refused
    )


def first_known(starts: Int64s, values: Numbers, missing: int) -> tuple[Int64s, Int64s]:
    """For each group: the first row that knows a value, and the first that contradicts it (NO_ROW: none).

    Args:
        starts: where each group begins, and the end.
        values: one number a row.
        missing: the number of an unknown value.
    """
    count = len(starts) - 1
    begin, other = starts[:-1], np.full(count, NO_ROW, np.int64)
    if len(values) == 0:
        return other.copy(), other
    filled = begin < starts[1:]
    at = np.where(filled, begin, 0)
    first = np.where(filled & (values[at] != missing), at, NO_ROW)
    # Most exports repeat a fact on every row of its entry: only the groups in which it changes are walked.
    changes = values[1:] != values[:-1]
    changes[starts[1:-1][(starts[1:-1] > 0) & (starts[1:-1] < len(values))] - 1] = False
    if changes.any():
        groups = np.unique(np.searchsorted(starts, np.flatnonzero(changes), side="right") - 1)
        _walk(starts, values, missing, groups, first, other)
    return first, other


def _walk(starts: Int64s, values: Numbers, missing: int, groups: Int64s, first: Int64s, other: Int64s) -> None:
    """Write first and contradicting row of some groups."""
    sizes = starts[groups + 1] - starts[groups]
    own = np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)
    rows = np.arange(own[-1]) + np.repeat(starts[groups] - own[:-1], sizes)
    one, two = np.empty(len(groups), np.int64), np.empty(len(groups), np.int64)
    numbers = readonly(values[rows].astype(np.int64))
    first_and_other(readonly(own), readonly(np.arange(own[-1])), numbers, np.int64(missing), one, two)
    first[groups] = np.where(one == NO_ROW, NO_ROW, rows[one])
    other[groups] = np.where(two == NO_ROW, NO_ROW, rows[two])


def drop_duplicates(rows: Rows, findings: Findings) -> Bools | None:
    """Which rows count, None: all; repeated rows are left out, contradicting ones refuse their entry.

    Natural key: entry, line, ordinal. A fact that only one of two files gives does not contradict; it is filled in.
    """
    entry, place = rows.entry, rows.place
    same = np.zeros(len(place), bool)
    np.equal(place[1:], place[:-1], out=same[1:])
    same[1:] &= entry[1:] == entry[:-1]
    same[1:] &= place[1:] > 0
    row = np.flatnonzero(same)
    if len(row) == 0:
        return None
    opens = np.flatnonzero(np.concatenate([[True], np.diff(row) > 1]))
    first = np.repeat(row[opens] - 1, np.diff(np.append(opens, len(row))))
    differs = np.zeros(len(row), bool)
    for column, values in rows.facts.items():
        missing = missing_of(column)
        one, two = values[first], values[row]
        against = first
        if column.nullable and not column.required:
            against = np.where(one == missing, _first_given(row, opens, two != missing), first)
            contradicts = (values[against] != two) & (values[against] != missing) & (two != missing)
        else:
            contradicts = one != two
        if column not in TARIFF_FACTS:  # facts of the line and the entry are compared across all their rows
            contradicts[:] = False
        new = contradicts & ~differs
        _report(rows, findings, "ROW_CONFLICT", row[new], against[new], column)
        differs |= contradicts
        fill = (one == missing) & (two != missing)
        if fill.any():
            filled = values.copy()
            filled[first[fill][::-1]] = two[fill][::-1]  # the first of several fillers counts
            rows.facts[column] = filled
    alike = ~differs
    _report(rows, findings, "ROW_DUPLICATE", row[alike], first[alike], None)
    rows.refused[entry[row[differs]]] = True
    return ~same


def _first_given(row: Int64s, opens: Int64s, given: Bools) -> Int64s:
    """For each repeated row the first of its kind that gives a fact; itself where none does.

    Args:
        row: the repeated rows, kind after kind.
        opens: where each kind begins among them.
        given: which of them give the fact.
    """
    place = np.where(given, np.arange(len(row)), len(row))
    found = np.repeat(np.minimum.reduceat(place, opens), np.diff(np.append(opens, len(row))))
    known: Int64s = np.where(found < len(row), row[np.minimum(found, len(row) - 1)], row)
    return known


def _report(rows: Rows, findings: Findings, code: str, row: Int64s, first: Int64s, column: Column | None) -> None:
    """A finding for each pair of repeated or contradicting rows, naming both and, where one is meant, the column."""
    if len(row) == 0:
        return
    add_rows(
        findings,
        code,
        len(row),
        source=rows.names_of(row),
        row=rows.numbers_of(row),
        column=None if column is None else rows.label(column, row),
        entry=rows.entry_texts(row),
        other_row=rows.numbers_of(first),
        other_source=rows.names_of(first),
        line=rows.place[row] // ORDINALS,
        ordinal=rows.place[row] % ORDINALS,
    )


__all__ = ["NO_ROW", "Rows", "drop_duplicates", "first_known", "gather"]
