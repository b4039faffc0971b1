"""Grouped rows to the partitions of a store."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from cape_engine.bridge import Int64s, Partition
from cape_engine.intake.chunk import ORDINALS
from cape_engine.intake.entries import key_texts
from cape_engine.intake.entry_facts import Numbers, arrow_column
from cape_engine.intake.gather import Rows
from cape_engine.intake.lines import Lines
from cape_engine.intake.words import Vocabularies
from cape_engine.schema import facts as f
from cape_engine.schema import rows as s
from cape_engine.schema.column import Column, arrow_schema
from cape_kernels.entry_number import ENTRY_LENGTH

_AFTER_FILER = 36 ** (ENTRY_LENGTH - 3)


@dataclass(frozen=True, slots=True)
class Grouped:
    """Everything that is known about the entries.

    Attributes:
        rows: the rows.
        lines: their lines.
        entry_facts, line_facts: facts by column, one number an entry or a line.
        vocabularies: words of all columns.
    """

    rows: Rows
    lines: Lines
    entry_facts: Mapping[Column, Numbers]
    line_facts: Mapping[Column, Numbers]
    vocabularies: Vocabularies


def partitions(grouped: Grouped, partition_lines: int) -> Iterator[Partition]:
    """The entries in number order, cut where about `partition_lines` lines are full; entries stay whole.

    Entries that are refused keep their facts and have no lines.
    """
    rows, lines = grouped.rows, grouped.lines
    good = ~rows.refused[lines.entry]
    counts = np.bincount(lines.entry[good], minlength=len(rows.keys)).astype(np.int64)
    before = np.concatenate([[0], np.cumsum(counts)])[:-1]
    part = before // max(partition_lines, 1)
    edges = np.flatnonzero(np.diff(part, prepend=-1, append=-1)) if len(part) else np.empty(0, np.int64)
    good_lines = np.flatnonzero(good)
    line_edges = np.concatenate([[0], np.cumsum(counts)])
    for number, (begin, end) in enumerate(zip(edges[:-1].tolist(), edges[1:].tolist(), strict=True)):
        chosen = good_lines[line_edges[begin] : line_edges[end]]
        yield _partition(grouped, f"part-{number:05d}", (begin, end), counts[begin:end], chosen)


def _partition(grouped: Grouped, name: str, span: tuple[int, int], counts: Int64s, chosen: Int64s) -> Partition:
    """One partition: entries `span`, lines `chosen`."""
    rows, lines = grouped.rows, grouped.lines
    words = {str(column): grouped.vocabularies.of(column).words for column in s.CANONICAL_ROWS}
    order = _rows_of(lines, chosen, rows)
    of_lines: dict[Column, Numbers] = {column: values[chosen] for column, values in grouped.line_facts.items()}
    of_lines[s.LINE_NUMBER] = rows.place[lines.first_rows(rows, chosen)] // ORDINALS
    of_lines[s.TARIFF_COUNT] = lines.numbers[chosen]
    of_tariffs: dict[Column, Numbers] = {
        column: rows.facts[column][order] for column in s.TARIFF_FACTS if column in rows.facts
    }
    of_tariffs |= {
        s.ORDINAL: rows.place[order] % ORDINALS,
        s.SOURCE_IDX: rows.source[order],
        s.SOURCE_ROW: rows.row[order],
    }
    return Partition(
        name,
        _entries(grouped, span, counts, words),
        _table(s.STORE_LINES, of_lines, len(chosen), words),
        _table(s.STORE_TARIFFS, of_tariffs, len(order), words),
        tuple(rows.names),
    )


def _rows_of(lines: Lines, chosen: Int64s, rows: Rows) -> Int64s:
    """The rows of some lines that count, in order."""
    if len(chosen) == 0:
        return np.empty(0, np.int64)
    begin, end = lines.starts[chosen], lines.starts[chosen + 1]
    length = end - begin
    offset = np.concatenate([[0], np.cumsum(length)])
    places = np.arange(offset[-1]) - np.repeat(offset[:-1], length) + np.repeat(begin, length)
    found: Int64s = rows.order[places[lines.kept[places]]]
    return found


def _entries(grouped: Grouped, span: tuple[int, int], counts: Int64s, words: Mapping[str, list[str]]) -> pa.Table:
    """The entries table of one partition."""
    rows = grouped.rows
    begin, end = span
    keys = rows.keys[begin:end]
    has_rows = rows.entry_starts[begin:end] < rows.entry_starts[begin + 1 : end + 1]
    places = np.where(has_rows, rows.entry_starts[begin:end], 0)
    first = rows.order[places] if len(rows.order) else np.zeros(len(keys), np.int64)
    source = np.where(has_rows, rows.source[first], 0) if len(rows.order) else np.zeros(len(keys), np.int16)
    row = np.where(has_rows, rows.row[first], -1) if len(rows.order) else np.full(len(keys), -1)
    values: dict[Column, Numbers] = {column: found[begin:end] for column, found in grouped.entry_facts.items()}
    values |= {s.SOURCE_IDX: source, s.SOURCE_ROW: row, s.LINE_COUNT: counts}
    arrays = {str(f.ENTRY_NUMBER): key_texts(keys), str(s.INPUT_REFUSED): pa.array(rows.refused[begin:end])}
    codes, filers = _filers(keys, values.pop(f.FILER_CODE, None), words[str(f.FILER_CODE)])
    values[f.FILER_CODE] = codes
    return _table(s.STORE_ENTRIES, values, len(keys), {**words, str(f.FILER_CODE): filers}, arrays)


def _filers(keys: Int64s, given: Numbers | None, words: list[str]) -> tuple[Numbers, list[str]]:
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


def _table(
    columns: tuple[Column, ...],
    values: Mapping[Column, Numbers],
    count: int,
    words: Mapping[str, list[str]],
    arrays: Mapping[str, pa.Array] | None = None,
) -> pa.Table:
    """A table of the store's schema from numbers."""
    ready = arrays or {}
    return pa.table(
        [
            ready[str(column)] if str(column) in ready else arrow_column(column, values.get(column), count, words)
            for column in columns
        ],
        schema=arrow_schema(columns),
    )
