"""Grouped rows to pieces, and pieces to the partitions of a store."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa

from cape_engine.bridge import Bools, Each, Int64s, Partition
from cape_engine.intake.cells import missing_of
from cape_engine.intake.chunk import ORDINALS
from cape_engine.intake.columns import arrow_column
from cape_engine.intake.entries import key_texts
from cape_engine.intake.gather import Rows
from cape_engine.intake.lines import Lines
from cape_engine.intake.stretch import Numbers
from cape_engine.intake.words import Vocabularies
from cape_engine.schema import facts as f
from cape_engine.schema import rows as s
from cape_engine.schema.column import Column
from cape_kernels.entry_number import ENTRY_LENGTH

_AFTER_FILER = 36 ** (ENTRY_LENGTH - 3)
_TARIFFS = tuple(column for column in s.STORE_TARIFFS if column not in s.STORE_QUANTITIES)


@dataclass(slots=True)
class Piece:
    """Some entries, whole, as plain arrays; refused ones keep their facts and have no lines.

    Attributes:
        keys, refused: one an entry.
        lines: lines before each entry, and all (one more than entries).
        tariffs: numbers before each line, and all (one more than lines).
        of_entries, of_lines, of_tariffs: columns of the store's tables, one number a row.
    """

    keys: Int64s
    refused: Bools
    lines: Int64s
    tariffs: Int64s
    of_entries: dict[Column, Numbers]
    of_lines: dict[Column, Numbers]
    of_tariffs: dict[Column, Numbers]

    def part(self, begin: int, end: int) -> Piece:
        """The entries from `begin` to `end`, as views."""
        first, last = int(self.lines[begin]), int(self.lines[end])
        low, high = int(self.tariffs[first]), int(self.tariffs[last])
        return Piece(
            self.keys[begin:end],
            self.refused[begin:end],
            self.lines[begin : end + 1] - first,
            self.tariffs[first : last + 1] - low,
            {column: values[begin:end] for column, values in self.of_entries.items()},
            {column: values[first:last] for column, values in self.of_lines.items()},
            {column: values[low:high] for column, values in self.of_tariffs.items()},
        )

    def own(self) -> Piece:
        """A copy, so that a short end does not keep the memory of the whole."""
        return Piece(
            self.keys.copy(),
            self.refused.copy(),
            self.lines,
            self.tariffs,
            *({column: values.copy() for column, values in facts.items()} for facts in self.facts),
        )

    @property
    def facts(self) -> tuple[dict[Column, Numbers], ...]:
        """The columns of entries, lines and tariffs."""
        return self.of_entries, self.of_lines, self.of_tariffs


def piece_of(
    rows: Rows, lines: Lines, entry_facts: Mapping[Column, Numbers], line_facts: Mapping[Column, Numbers]
) -> Piece:
    """The entries of grouped rows, without repeated rows and without the lines of refused entries.

    Args:
        rows: the rows.
        lines: their lines.
        entry_facts: facts by column, one number an entry.
        line_facts: facts by column, one number a line.
    """
    refused = rows.refused
    good = ~refused[lines.entry]
    counts = np.bincount(lines.entry[good], minlength=len(rows.keys))
    keep: Bools | None = lines.kept
    if not good.all():
        of_good = np.repeat(good, np.diff(lines.starts))
        keep = of_good if keep is None else keep & of_good
    chosen = slice(None) if good.all() else np.flatnonzero(good)
    kept = slice(None) if keep is None else np.flatnonzero(keep)
    place = rows.place[kept]
    of_lines: dict[Column, Numbers] = {column: values[chosen] for column, values in line_facts.items()}
    of_lines[s.LINE_NUMBER] = rows.place[lines.starts[:-1][chosen]] // np.int32(ORDINALS)
    of_tariffs: dict[Column, Numbers] = {
        column: rows.facts[column][kept] for column in s.TARIFF_FACTS if column in rows.facts
    }
    of_tariffs[s.ORDINAL] = (place % np.int32(ORDINALS)).astype(np.int16)
    of_tariffs[s.SOURCE_IDX] = rows.source[kept]
    of_tariffs[s.SOURCE_ROW] = rows.row[kept]
    has_rows = rows.entry_starts[:-1] < rows.entry_starts[1:]
    first = np.where(has_rows, rows.entry_starts[:-1], 0)
    of_entries = dict(entry_facts)
    empty = len(rows.place) == 0
    of_entries[s.SOURCE_IDX] = np.where(has_rows, 0 if empty else rows.source[first], 0)
    of_entries[s.SOURCE_ROW] = np.where(has_rows, -1 if empty else rows.numbers_of(first), -1)
    return Piece(rows.keys, refused, _before(counts), _before(lines.numbers[chosen]), of_entries, of_lines, of_tariffs)


def _before(counts: Int64s) -> Int64s:
    """Counts as offsets."""
    result = np.zeros(len(counts) + 1, np.int64)
    np.cumsum(counts, out=result[1:])
    return result


@dataclass(slots=True)
class Cutter:
    """Cuts pieces that follow each other into partitions of about so many lines, wherever the pieces end.

    Attributes:
        partition_lines: lines after which a partition is full.
    """

    partition_lines: int
    _held: list[Piece] = field(default_factory=list)
    _part: int = 0
    _lines: int = 0

    def add(self, piece: Piece) -> Iterator[list[Piece]]:
        """Take the next entries; give the partitions that are full now, as their pieces."""
        if len(piece.keys) == 0:
            return
        part = (self._lines + piece.lines[:-1]) // max(self.partition_lines, 1)
        self._lines += int(piece.lines[-1])
        edges = np.flatnonzero(np.diff(part, prepend=part[0] - 1, append=part[-1] + 1)).tolist()
        for begin, end in itertools.pairwise(edges):
            if self._held and int(part[begin]) != self._part:
                yield self._held
                self._held = []
            self._part = int(part[begin])
            whole = begin == 0 and end == len(piece.keys)
            self._held.append(piece if whole else piece.part(begin, end))
        if len(edges) > 2:  # noqa: PLR2004 - more than one part: the last one is a view of all of them
            self._held[-1] = self._held[-1].own()

    def rest(self) -> Iterator[list[Piece]]:
        """The last partition, if anything is left."""
        if self._held:
            yield self._held
            self._held = []


def partition_of(
    name: str, pieces: Sequence[Piece], sources: Sequence[str], vocabularies: Vocabularies, each: Each = map
) -> Partition:
    """A partition of pieces that follow each other; their columns are taken out of them on the way.

    Args:
        name: its name.
        pieces: entries in order.
        sources: names of the files.
        vocabularies: words of all columns.
        each: applies a function to each column; that of a pool of threads makes several at the same time.
    """
    words = {str(column): vocabularies.of(column).words for column in s.CANONICAL_ROWS}
    keys = np.concatenate([piece.keys for piece in pieces])
    entries = [len(piece.keys) for piece in pieces]
    lines = [int(piece.lines[-1]) for piece in pieces]
    tariffs = [int(piece.tariffs[-1]) for piece in pieces]
    of_entries, of_lines, of_tariffs = ([piece.facts[level] for piece in pieces] for level in range(3))
    codes, filers = _filers(keys, _joined(f.FILER_CODE, of_entries, entries), words[str(f.FILER_CODE)])
    ready: dict[Column, pa.Array] = {
        f.ENTRY_NUMBER: key_texts(keys),
        f.FILER_CODE: arrow_column(f.FILER_CODE, codes, len(keys), {str(f.FILER_CODE): filers}),
        s.INPUT_REFUSED: pa.array(np.concatenate([piece.refused for piece in pieces])),
        s.LINE_COUNT: _counts(s.LINE_COUNT, [piece.lines for piece in pieces]),
        s.TARIFF_COUNT: _counts(s.TARIFF_COUNT, [piece.tariffs for piece in pieces]),
    }
    quantities, places = _quantities(of_tariffs, tariffs)
    levels = (
        (_TARIFFS, of_tariffs, tariffs),
        (tuple(quantities), [quantities], [len(places)]),
        (s.STORE_LINES, of_lines, lines),
        (s.STORE_ENTRIES, of_entries, entries),
    )

    def made(cell: tuple[Column, list[dict[Column, Numbers]], list[int]]) -> pa.Array:
        """One column; whole numbers stay as narrow as they are: the store would make them so again."""
        column, parts, counts = cell
        if column in ready:
            return ready[column]
        return arrow_column(column, _joined(column, parts, counts), sum(counts), words)

    arrays = iter(each(made, [(column, parts, counts) for columns, parts, counts in levels for column in columns]))
    tables = [_table(columns, [next(arrays) for _column in columns]) for columns, _parts, _counts in levels]
    amounts = tables[1].add_column(0, str(s.TARIFF), pa.array(places.astype(np.int32)))
    return Partition(name, tables[3], tables[2], tables[0], tuple(sources), quantities=amounts)


def _table(columns: Sequence[Column], arrays: Sequence[pa.Array]) -> pa.Table:
    """Columns as a table, each as wide as it is."""
    fields = [column.field.with_type(values.type) for column, values in zip(columns, arrays, strict=True)]
    return pa.table(list(arrays), schema=pa.schema(fields))


def _quantities(parts: list[dict[Column, Numbers]], counts: list[int]) -> tuple[dict[Column, Numbers], Int64s]:
    """(quantities and units of the numbers that have any, taken out of the pieces; which numbers those are).

    Most numbers have none: columns of all numbers, unknown in most rows, would be made only to be thinned out again.
    """
    given = {column: _joined(column, parts, counts) for column in s.STORE_QUANTITIES if column != s.TARIFF}
    known = np.zeros(sum(counts), np.bool_)
    for values in given.values():
        if values is not None:
            known |= values >= 0
    places = np.flatnonzero(known)
    return {column: values.take(places) for column, values in given.items() if values is not None}, places


def _counts(column: Column, offsets: Sequence[Int64s]) -> pa.Array:
    """Offsets of several pieces as one column of counts."""
    counts = np.concatenate([np.diff(each) for each in offsets])
    return pa.array(counts.astype(column.type.to_pandas_dtype()), column.type)


def _joined(column: Column, parts: Sequence[dict[Column, Numbers]], counts: Sequence[int]) -> Numbers | None:
    """A column of several pieces end to end, taken out of them; unknown where a piece lacks it, None where all do."""
    found = [facts.pop(column, None) for facts in parts]
    if all(values is None for values in found):
        return None
    if len(found) == 1:
        return found[0]
    return np.concatenate(
        [
            np.full(count, missing_of(column), np.int32) if values is None else values
            for values, count in zip(found, counts, strict=True)
        ]
    )


def _filers(keys: Int64s, given: Numbers | None, words: Sequence[str]) -> tuple[Numbers, list[str]]:
    """(codes, words) of the filer codes: as given, else the first three characters of the entry number."""
    distinct, inverse = np.unique(keys // _AFTER_FILER, return_inverse=True)
    texts = [text[:3] for text in key_texts(distinct * _AFTER_FILER).to_pylist()]
    known = {word: code for code, word in enumerate(words)}
    every = list(words)
    for text in texts:
        if text not in known:
            known[text] = len(every)
            every.append(text)
    own = np.array([known[text] for text in texts], np.int32)[inverse]
    return (own if given is None else np.where(given >= 0, given, own).astype(np.int32)), every
