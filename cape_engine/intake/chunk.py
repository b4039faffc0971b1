"""A part of a file as plain arrays: keys, places and facts of its rows, and findings for cells that are not plain."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from cape_engine.bridge import Bools, Int32s, Int64s
from cape_engine.findings import Findings
from cape_engine.intake import cells as c
from cape_engine.intake.block import Block
from cape_engine.intake.bulk import add_rows
from cape_engine.intake.entries import key_texts
from cape_engine.intake.headings import Layout
from cape_engine.intake.texts import Cells
from cape_engine.intake.words import Vocabularies, known_words
from cape_engine.money import scaled_text
from cape_engine.rules import Ruleset
from cape_engine.schema import facts as f
from cape_engine.schema import rows as s
from cape_engine.schema.column import Column
from cape_kernels import entry_number as ek
from cape_kernels import parse as k

ORDINALS = s.MAX_ORDINAL + 1
"""A place within an entry is line number x ORDINALS + ordinal."""

_PLAIN_CODES = {
    k.NOT_A_NUMBER: "CELL_NOT_A_NUMBER",
    k.NEGATIVE: "CELL_NEGATIVE",
    k.TOO_MANY_DECIMALS: "CELL_DECIMALS",
    k.OUT_OF_BOUNDS: "CELL_OUT_OF_BOUNDS",
    c.SHEET_ERROR: "CELL_ERROR",
}
_DAY_CODES = {
    k.NOT_A_NUMBER: "DATE_UNREADABLE",
    k.IMPOSSIBLE_DAY: "DATE_IMPOSSIBLE",
    k.HAS_TIME: "DATE_WITH_TIME",
    k.OUT_OF_BOUNDS: "DATE_UNREADABLE",
}
_HTS_CODES = {k.NOT_A_NUMBER: "HTS_UNREADABLE", k.BAD_LENGTH: "HTS_UNREADABLE"}
_ROUNDED = {s.VALUE_DOLLARS: "VALUE_ROUNDED", **dict.fromkeys(s.QUANTITIES, "QUANTITY_ROUNDED")}


@dataclass(slots=True)
class RowChunk:
    """Rows of one file.

    Attributes:
        source: which file.
        rows: line of the file of each row.
        entry: for each row, a place in `keys`.
        keys: entry number keys.
        place: line number x ORDINALS + ordinal of each row (headers and the like: 0).
        bad: rows with a cell that cannot be read; their entry is refused.
        facts: stored columns, one number a row.
        findings: what was found in the cells.
    """

    source: int
    rows: Int64s
    entry: Int32s
    keys: Int64s
    place: Int32s
    bad: Bools
    facts: dict[Column, npt.NDArray[np.signedinteger]]
    findings: Findings = field(default_factory=Findings)


@dataclass(frozen=True, slots=True)
class Reading:
    """What is the same for all parts of a file.

    Attributes:
        source: which file, counted from 0.
        name: its name.
        layout: its columns.
        required: columns in which a blank cell refuses the entry.
        vocabularies: words of all files.
        ruleset: knows the words of statuses.
        only: key of the one entry wanted, or None.
    """

    source: int
    name: str
    layout: Layout
    required: Collection[Column]
    vocabularies: Vocabularies
    ruleset: Ruleset | None
    only: int | None = None


def row_chunk(block: Block, reading: Reading) -> RowChunk:
    """A block as arrays; rows without a readable entry number are dropped, with a finding."""
    findings = Findings()
    number = c.parse(f.ENTRY_NUMBER, block.columns[f.ENTRY_NUMBER], reading.vocabularies, reading.ruleset)
    keep = number.values >= 0
    if not keep.all():
        _report_entries(findings, block, reading, number, np.flatnonzero(~keep))
    if reading.only is not None:
        keep = keep & (number.values == reading.only)
    columns, rows = block.columns, block.rows
    keys = number.values.astype(np.int64, copy=False)
    if not keep.all():
        chosen = pa.array(np.flatnonzero(keep))
        columns = {column: cells.take(chosen) for column, cells in columns.items()}
        rows, keys = rows[keep], keys[keep]
    distinct, entry = _factorised(keys, number, keep)
    chunk = RowChunk(
        reading.source,
        rows,
        entry,
        distinct,
        np.zeros(len(rows), np.int32),
        np.zeros(len(rows), bool),
        {},
        findings,
    )
    for column, cells in columns.items():
        if column != f.ENTRY_NUMBER:
            parsed = c.parse(column, cells, reading.vocabularies, reading.ruleset)
            _report(chunk, column, parsed, reading)
            chunk.facts[c.STORED.get(str(column), column)] = parsed.values
    _set_place(chunk)
    return chunk


def _factorised(keys: Int64s, number: c.Parsed, keep: Bools) -> tuple[Int64s, Int32s]:
    """(distinct keys, place of each row's key among them), through the dictionary where there is one."""
    if number.index is None or len(keys) == 0:
        distinct, inverse = np.unique(keys, return_inverse=True)
        return distinct, inverse.astype(np.int32)
    index, first = number.index, number.each
    if first is None or not keep.all():
        index = number.index[keep]
        first = np.full(len(number.texts), -1, np.int64)
        first[index] = keys
    used = np.flatnonzero(first >= 0)
    distinct, inverse = np.unique(first[used], return_inverse=True)  # two spellings of one number become one
    place = np.zeros(len(first), np.int32)
    place[used] = inverse
    return distinct, place[index]


def _set_place(chunk: RowChunk) -> None:
    """Line and ordinal as one number; 0 where one of them is not known (the row is bad then)."""
    line, ordinal = chunk.facts.pop(s.LINE_NUMBER, None), chunk.facts.pop(s.ORDINAL, None)
    if line is not None and ordinal is not None:
        known = (line >= 0) & (ordinal >= 0)
        chunk.place = np.where(known, line * ORDINALS + ordinal, 0).astype(np.int32)


def _report_entries(findings: Findings, block: Block, reading: Reading, number: c.Parsed, bad: Int64s) -> None:
    """Rows without a readable entry number; a row that says nothing else either is a blank one."""
    blank = number.rows({ek.ENTRY_BLANK})
    if len(blank):
        said = np.zeros(len(block.rows), bool)
        for column in set(reading.required) & set(block.columns) - {f.ENTRY_NUMBER}:
            said[blank] |= _says_something(block.columns[column].take(pa.array(blank)))
        bad = bad[~np.isin(bad, blank[~said[blank]])]
    add_rows(
        findings,
        "ENTRY_NUMBER_UNREADABLE",
        len(bad),
        source=reading.name,
        row=block.rows[bad],
        column=reading.layout.heading(f.ENTRY_NUMBER),
        value=number.text_at(bad),
    )


def _says_something(cells: Cells) -> Bools:
    """Which cells are not blank."""
    if not isinstance(cells, pa.Array):
        cells = cells.arrow()
    if pa.types.is_dictionary(cells.type):
        cells = cells.dictionary_decode()
    if not pa.types.is_string(cells.type):
        return np.asarray(cells.is_valid().to_numpy(zero_copy_only=False), bool)
    lengths = pc.binary_length(pc.utf8_trim_whitespace(pc.fill_null(cells, "")))
    return np.asarray(lengths.to_numpy(zero_copy_only=False) > 0, bool)


def _codes(column: Column) -> Mapping[int, str]:
    """Findings by status for a column."""
    if column == s.HTS_NUMBER:
        return _HTS_CODES
    return _DAY_CODES if pa.types.is_date(column.type) else _PLAIN_CODES


def _report(chunk: RowChunk, column: Column, parsed: c.Parsed, reading: Reading) -> None:
    """Findings for the cells of one column that are not plain; marks the rows that refuse their entry."""
    if parsed.status is None or not parsed.status.any():
        return
    codes = dict(_codes(column))
    if column in reading.required and column != s.VALUE_DOLLARS:
        codes[k.BLANK] = "CELL_BLANK"
    for status, code in codes.items():
        bad = parsed.rows({status})
        chunk.bad[bad] = True
        _add(chunk, code, column, parsed, bad, reading)
    _add(chunk, "WORD_UNKNOWN", column, parsed, parsed.rows({c.UNKNOWN_WORD}), reading)
    if column in _ROUNDED:
        _add(chunk, _ROUNDED[column], column, parsed, parsed.rows({k.ROUNDED}), reading)
    if column == s.VALUE_DOLLARS:
        _add(chunk, "VALUE_BLANK", column, parsed, parsed.rows({k.BLANK}), reading)


def _add(chunk: RowChunk, code: str, column: Column, parsed: c.Parsed, rows: Int64s, reading: Reading) -> None:
    """One finding for each of `rows`."""
    if len(rows) == 0:
        return
    low, high = c.bounds(column)
    decimals = 2 if column in s.QUANTITIES or column == s.DUTY else 0
    add_rows(
        chunk.findings,
        code,
        len(rows),
        source=reading.name,
        row=chunk.rows[rows],
        column=reading.layout.heading(column),
        value=parsed.text_at(rows),
        entry=key_texts(chunk.keys[chunk.entry[rows]]),
        low=scaled_text(low, decimals),
        high=scaled_text(high, decimals),
        known=known_words(column, reading.ruleset),
    )
