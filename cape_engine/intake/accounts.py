"""Bank accounts out of importers files: one row an importer, and where it stands, for whoever writes payments."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from cape_engine.bridge import Int32s, Int64s, readonly
from cape_engine.findings import Findings
from cape_engine.intake.free_texts import plain_numbers
from cape_engine.intake.parties import ImporterRows, codes_of, importer_rows
from cape_engine.schema import facts as f
from cape_engine.schema import payment_files as p
from cape_engine.schema.column import Column
from cape_kernels.segments import NO_ROW, first_and_other

_ACCOUNT: tuple[Column, ...] = (f.ROUTING_NUMBER, f.ACCOUNT_NUMBER, f.ACCOUNT_KIND, f.NAME)


def read_account_rows(paths: Sequence[Path | str]) -> tuple[pa.Table, Findings]:
    """Accounts of importers files, one row an importer (numbers compared without dashes, blanks and case).

    Args:
        paths: CSV, .xlsx or Parquet with the columns `schema.facts.IMPORTERS_FILE`.

    Returns:
        The columns `schema.payment_files.ACCOUNT_ROWS`, in the order of the keys, and everything found. Where two rows
        of an importer differ in its account, `differs_in` names the column and a finding both rows, never the values;
        `unknown_in` names a column with a word that nobody knows.

    Raises:
        InputError: one of the files cannot be read.
    """
    findings = Findings()
    rows = importer_rows(paths, findings)
    texts = {column: _texts(column, rows) for column in (f.IMPORTER_NUMBER, *_ACCOUNT)}
    plain = plain_numbers(texts[f.IMPORTER_NUMBER]).dictionary_encode()
    rank = np.empty(len(plain.dictionary), np.int64)
    by_key = pc.array_sort_indices(plain.dictionary)
    rank[by_key.to_numpy()] = np.arange(len(rank))
    group = rank[plain.indices.to_numpy()]
    order = readonly(np.argsort(group, kind="stable").astype(np.int64))
    starts = readonly(np.searchsorted(group[order], np.arange(len(rank) + 1)).astype(np.int64))
    begin = order[starts[:-1]]
    differs = np.full(len(rank), -1, np.int32)
    arrays: dict[Column, pa.Array] = {
        p.IMPORTER_KEY: plain.dictionary.take(by_key),
        f.IMPORTER_NUMBER: texts[f.IMPORTER_NUMBER].take(pa.array(begin)).dictionary_encode(),
    }
    compared = (f.ACH_ENROLLED, *_ACCOUNT)
    for place, column in enumerate(compared):
        codes = rows.codes(column) if column == f.ACH_ENROLLED else codes_of(texts[column])
        first, other = np.empty(len(rank), np.int64), np.empty(len(rank), np.int64)
        first_and_other(starts, order, readonly(codes), np.int64(-1), first, other)
        hit = np.flatnonzero(other != NO_ROW)
        if column != f.NAME:  # two names of one account are no two accounts; the name stays unknown
            differs[hit] = np.where(differs[hit] < 0, place, differs[hit])
        _name_both(findings, column, rows, texts[f.IMPORTER_NUMBER], (first[hit], other[hit]))
        arrays[column] = _taken(column, np.where(other == NO_ROW, first, NO_ROW), codes, texts)
    arrays[p.DIFFERS_IN] = _column_words(differs, compared)
    unknown = np.full(len(rank), -1, np.int32)
    for place, (_, strange) in enumerate(rows.unknown.items()):
        unknown[group[strange]] = place
    arrays[p.UNKNOWN_IN] = _column_words(unknown, tuple(rows.unknown))
    arrays[p.ACCOUNT_SOURCE] = pa.array(rows.names, pa.string()).take(pa.array(begin)).dictionary_encode()
    arrays[p.ACCOUNT_ROW] = pa.array(rows.rows[begin])
    return pa.table([arrays[column] for column in p.ACCOUNT_ROWS], schema=p.ACCOUNT_ROWS_SCHEMA), findings


def _column_words(place: Int32s, columns: tuple[Column, ...]) -> pa.Array:
    """Names of columns, null where the place is -1."""
    words = pa.array([str(column) for column in columns], pa.string())
    return pa.DictionaryArray.from_arrays(pa.array(place, mask=place < 0), words)


def _texts(column: Column, rows: ImporterRows) -> pa.Array:
    """The cells of a column; blanks inside the numbers of an account are how people group digits."""
    texts = rows.texts(column)
    return pc.replace_substring_regex(texts, r"\s", "") if column in {f.ROUTING_NUMBER, f.ACCOUNT_NUMBER} else texts


def _name_both(
    findings: Findings, column: Column, rows: ImporterRows, numbers: pa.Array, pair: tuple[Int64s, Int64s]
) -> None:
    """A finding for each importer whose rows differ; what they say is not shown."""
    for first, other in zip(*(places.tolist() for places in pair), strict=True):
        findings.add(
            "IMPORTER_CONFLICT" if column == f.NAME else "ACCOUNT_CONFLICT",
            source=rows.names[other],
            row=int(rows.rows[other]),
            column=str(column),
            value=numbers[other].as_py(),
            other_row=int(rows.rows[first]),
            other_source=rows.names[first],
        )


def _taken(column: Column, row: Int64s, codes: Int64s, texts: dict[Column, pa.Array]) -> pa.Array:
    """What the first row that knows says, null where nobody does or rows differ."""
    known = row != NO_ROW
    if column == f.ACH_ENROLLED:
        values = codes[np.maximum(row, 0)] == 1 if len(codes) else np.zeros(len(row), np.bool_)
        return pa.array(values, pa.bool_(), mask=~known)
    found = texts[column].take(pa.array(row, mask=~known))
    return found.dictionary_encode() if pa.types.is_dictionary(column.type) else found
