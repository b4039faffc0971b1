"""The importers file (who is paid, and how) and the deposits file (when duty was paid)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from cape_engine.bridge import Bools, Int64s, dates, readonly
from cape_engine.findings import Findings
from cape_engine.intake import cells as c
from cape_engine.intake import files
from cape_engine.intake.block import Block, Table
from cape_engine.intake.bulk import add_rows
from cape_engine.intake.entries import key_texts
from cape_engine.intake.free_texts import plain_numbers, read_free
from cape_engine.intake.headings import Headings, deposit_headings, importer_headings
from cape_engine.intake.masking import hidden, hidden_texts
from cape_engine.intake.opening import open_table
from cape_engine.intake.stretch import Numbers
from cape_engine.intake.words import Vocabularies, is_free, known_words
from cape_engine.schema import facts as f
from cape_engine.schema.column import Column, arrow_schema
from cape_kernels import parse as k
from cape_kernels.segments import NO_ROW, first_and_other

_SECRET = frozenset({f.ACCOUNT_NUMBER, f.ROUTING_NUMBER, f.NAME})
"""Columns whose values no finding shows."""
_WORDS = (f.ACH_ENROLLED, f.ACCOUNT_KIND)
"""Columns in which an unknown word is not the same as none, where money is sent."""


def _blocks(
    path: Path, headings: Headings, findings: Findings, shown: Callable[[str], str] = str
) -> tuple[Table, list[Block]]:
    """A small file, whole.

    Args:
        path: of the file.
        headings: that it may have.
        findings: grow.
        shown: what may be shown of words of the file.

    Raises:
        InputError: it cannot be read.
    """
    try:
        _kind, table = open_table(path, headings, findings)
        blocks = [read() for read in table.blocks()]
    except files.Unreadable as trouble:
        for name in ("value", "found"):
            if isinstance(words := trouble.fields.get(name), str):
                trouble.fields[name] = shown(words)
        raise files.nothing_readable([trouble]) from trouble
    if table.layout.unknown:
        findings.add("COLUMN_UNKNOWN", source=table.source, value=shown(", ".join(table.layout.unknown)))
    return table, blocks


def read_importers(paths: Sequence[Path | str]) -> tuple[pa.Table, Findings]:
    """Importers files as one table, one row an importer (numbers compared without dashes and case).

    Args:
        paths: CSV, .xlsx or Parquet, keyed by `importer_number`.

    Returns:
        The columns of `schema.facts.IMPORTERS_FILE` (null: nothing is said), and everything found. A fact on which two
        rows of an importer differ stays unknown.

    Raises:
        InputError: one of the files cannot be read.
    """
    findings = Findings()
    rows = importer_rows(paths, findings)
    return _importers(rows, findings), findings


@dataclass(frozen=True, slots=True, repr=False)
class ImporterRows:
    """Rows of importers files as they stand there; account numbers are among them, so nothing is shown of it.

    Attributes:
        columns: of each column of flags and words the number of each row's cell; -1 where nothing is said.
        names: the file of each row.
        rows: int64[n], the row as an editor counts it.
        words: what the numbers stand for, by column; flags stand for themselves.
        free: the cells of each column of free text, null where nothing is said.
        unknown: for some columns, which rows hold a word that nobody knows.
    """

    columns: dict[Column, Numbers]
    names: list[str]
    rows: Int64s
    words: dict[Column, pa.Array]
    free: dict[Column, pa.Array]
    unknown: dict[Column, Bools]

    def __len__(self) -> int:
        return len(self.rows)

    def texts(self, column: Column) -> pa.Array:
        """The cells of a column as text, null where nothing is said."""
        if column in self.free:
            return self.free[column]
        codes = self.columns[column]
        return self.words[column].take(pa.array(codes.astype(np.int64), mask=codes < 0))

    def codes(self, column: Column) -> Int64s:
        """A number for each different cell of a column, -1 where nothing is said."""
        return codes_of(self.free[column]) if column in self.free else self.columns[column].astype(np.int64)

    def said(self, column: Column) -> Bools:
        """Which cells of a column say anything."""
        if column in self.free:
            said: Bools = self.free[column].is_valid().to_numpy(zero_copy_only=False)
            return said
        return self.columns[column] >= 0


def codes_of(texts: pa.Array) -> Int64s:
    """A number for each different text, -1 where there is none."""
    found: Int64s = pc.fill_null(texts.dictionary_encode().indices, -1).to_numpy().astype(np.int64)
    return found


def importer_rows(paths: Sequence[Path | str], findings: Findings) -> ImporterRows:
    """Every row of importers files that names an importer; what cannot be read becomes a finding.

    Raises:
        InputError: one of the files cannot be read.
    """
    vocabularies = Vocabularies()
    parts: dict[Column, list[Any]] = {column: [] for column in f.IMPORTERS_FILE}
    unknown: dict[Column, list[Bools]] = {column: [] for column in _WORDS}
    names: list[str] = []
    rows: list[Int64s] = []
    for path in files.expand(paths, findings):
        table, blocks = _blocks(path, importer_headings(), findings, hidden)
        for block in blocks:
            keep, strange = _importer_cells(block, table, vocabularies, findings, parts)
            for column, found in unknown.items():
                found.append(strange.get(column, np.zeros(len(keep), np.bool_))[keep])
            rows.append(block.rows[keep])
            names.extend([table.source] * int(keep.sum()))
    columns: dict[Column, Numbers] = {}
    words: dict[Column, pa.Array] = {}
    free: dict[Column, pa.Array] = {}
    for column, found in parts.items():
        if is_free(column):
            free[column] = pa.chunked_array(found, pa.string()).combine_chunks()
        else:
            columns[column] = np.concatenate(found) if found else np.empty(0, np.int64)
            words[column] = pa.array(vocabularies.of(column).words, pa.string())
    return ImporterRows(
        columns,
        names,
        np.concatenate(rows) if rows else np.empty(0, np.int64),
        words,
        free,
        {column: np.concatenate(found) if found else np.empty(0, np.bool_) for column, found in unknown.items()},
    )


def _importer_cells(
    block: Block, table: Table, vocabularies: Vocabularies, findings: Findings, parts: dict[Column, list[Any]]
) -> tuple[Bools, dict[Column, Bools]]:
    """Read the cells of a block into `parts`; which rows name an importer, and which hold unknown words.

    Of free texts the words themselves are kept, of other columns their numbers.
    """
    parsed: dict[Column, c.Parsed] = {}
    free: dict[Column, pa.Array] = {}
    for column, given in block.columns.items():
        if is_free(column):
            parsed[column], free[column] = read_free(given)
        else:
            parsed[column] = c.parse(column, given, vocabularies, None)
    number = parsed[f.IMPORTER_NUMBER]
    keep = number.values >= 0
    said = np.zeros(len(keep), bool)
    for column, found in parsed.items():
        if column != f.IMPORTER_NUMBER:
            said |= found.values >= 0
        for code, status in (("WORD_UNKNOWN", c.UNKNOWN_WORD), ("IMPORTER_CELL_REFUSED", c.SHEET_ERROR)):
            bad = found.rows({status})
            if code == "IMPORTER_CELL_REFUSED":
                keep[bad] = False
            add_rows(
                findings,
                code,
                len(bad),
                source=table.source,
                row=block.rows[bad],
                column=table.layout.heading(column),
                value=None if column in _SECRET else hidden_texts(found.text_at(bad)),
                known=known_words(column, None),
            )
    strange = {column: np.zeros(len(keep), np.bool_) for column in _WORDS if column in parsed}
    for column, rows in strange.items():
        rows[parsed[column].rows({c.UNKNOWN_WORD})] = True
    nameless = np.flatnonzero((number.values < 0) & said)
    heading = table.layout.heading(f.IMPORTER_NUMBER)
    add_rows(
        findings, "IMPORTER_UNREADABLE", len(nameless), source=table.source, row=block.rows[nameless], column=heading
    )
    kept = int(keep.sum())
    for column, cells in parts.items():
        if is_free(column):
            cells.append(free[column].filter(pa.array(keep)) if column in free else pa.nulls(kept, pa.string()))
        else:
            cells.append(parsed[column].values[keep] if column in parsed else np.full(kept, -1))
    return keep, strange


def _importers(rows: ImporterRows, findings: Findings) -> pa.Table:
    """One row for each importer, in the order of their plain numbers."""
    plain = plain_numbers(rows.free[f.IMPORTER_NUMBER])
    by_number = pc.array_sort_indices(plain)  # stable: rows of one importer stay in the order of the file
    order = readonly(by_number.to_numpy().astype(np.int64))
    plain = plain.take(by_number)
    other = pc.not_equal(plain[1:], plain[:-1]).to_numpy(zero_copy_only=False)
    starts = readonly(np.append(np.flatnonzero(np.r_[len(plain) > 0, other]), len(plain)))
    single = len(starts) - 1 == len(plain)
    arrays: list[pa.Array] = []
    for column in f.IMPORTERS_FILE:
        if single:  # nobody comes again, so that no cell is compared with another
            first = np.where(rows.said(column)[order], order, NO_ROW)
        else:
            first = _agreed(rows, column, (starts, order), findings)
        arrays.append(_importer_column(column, first, rows, different=single and column == f.IMPORTER_NUMBER))
    return pa.table(arrays, schema=arrow_schema(f.IMPORTERS_FILE))


def _agreed(rows: ImporterRows, column: Column, groups: tuple[Int64s, Int64s], findings: Findings) -> Int64s:
    """The first row of each importer that says anything in a column; none, and a finding, where its rows differ."""
    starts, order = groups
    first, other = np.empty(len(starts) - 1, np.int64), np.empty(len(starts) - 1, np.int64)
    first_and_other(starts, order, readonly(rows.codes(column)), np.int64(-1), first, other)
    if column == f.IMPORTER_NUMBER:  # spellings of one number
        return first
    hit = np.flatnonzero(other != NO_ROW)
    for place in hit.tolist():
        findings.add(
            "IMPORTER_CONFLICT",
            source=rows.names[other[place]],
            row=int(rows.rows[other[place]]),
            column=str(column),
            value=rows.free[f.IMPORTER_NUMBER][int(other[place])].as_py(),
            other_row=int(rows.rows[first[place]]),
            other_source=rows.names[first[place]],
        )
    first[hit] = NO_ROW
    return first


def _importer_column(column: Column, row: Int64s, rows: ImporterRows, *, different: bool) -> pa.Array:
    """One column of the importers table: the cells of some rows, null at `NO_ROW`, or known to be all different."""
    missing = row == NO_ROW
    place = pa.array(row, mask=missing)
    if column in rows.free:
        texts = rows.free[column].take(place)
        if different:
            return pa.DictionaryArray.from_arrays(pa.array(np.arange(len(row), dtype=np.int32)), texts)
        return texts.dictionary_encode() if pa.types.is_dictionary(column.type) else texts
    values = rows.columns[column][np.maximum(row, 0)] if len(rows) else rows.columns[column]
    if pa.types.is_boolean(column.type):
        return pa.array(values == 1, pa.bool_(), mask=missing)
    texts = rows.words[column].take(pa.array(values.astype(np.int64), mask=missing))
    return texts.dictionary_encode() if pa.types.is_dictionary(column.type) else texts


def read_deposits(paths: Sequence[Path | str]) -> tuple[pa.Table, Findings]:
    """Deposits files as one table, one row a deposit, in entry number and date order.

    Args:
        paths: CSV, .xlsx or Parquet with `entry_number`, `deposit_date`, `amount_cents`.

    Returns:
        The columns of `schema.facts.DEPOSITS_FILE`, and everything found; a row that cannot be read is left out.

    Raises:
        InputError: one of the files cannot be read.
    """
    findings = Findings()
    vocabularies = Vocabularies()
    parts: list[tuple[Int64s, Numbers, Numbers]] = []
    for path in files.expand(paths, findings):
        table, blocks = _blocks(path, deposit_headings(), findings)
        for block in blocks:
            parsed = [c.parse(column, block.columns[column], vocabularies, None) for column in f.DEPOSITS_FILE]
            keep = np.ones(len(block.rows), bool)
            keys = parsed[0].values.astype(np.int64)
            for column, found in zip(f.DEPOSITS_FILE, parsed, strict=True):
                bad = found.rows(set(range(1, 256)) - {k.ROUNDED})
                keep[bad] = False
                entries = pa.array(key_texts(np.maximum(keys[bad], 0)))
                add_rows(
                    findings,
                    "DEPOSIT_UNREADABLE",
                    len(bad),
                    source=table.source,
                    row=block.rows[bad],
                    column=table.layout.heading(column),
                    value=found.text_at(bad),
                    entry=pa.array(
                        [text if key >= 0 else None for text, key in zip(entries.to_pylist(), keys[bad], strict=True)],
                        pa.string(),
                    ),
                )
            parts.append((keys[keep], parsed[1].values[keep], parsed[2].values[keep]))
    keys, days, cents = (
        np.concatenate([part[place] for part in parts]) if parts else np.empty(0, np.int64) for place in range(3)
    )
    order = np.lexsort((cents, days, keys))
    arrays = [key_texts(readonly(keys[order])), dates(days[order].astype(np.int32)), pa.array(cents[order], pa.int64())]
    return pa.table(arrays, schema=arrow_schema(f.DEPOSITS_FILE)), findings
