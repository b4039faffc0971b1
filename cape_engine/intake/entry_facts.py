"""Facts of an entry or a line from all its rows; contradictions refuse the entry, both rows named."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from cape_engine.bridge import Int64s, dates
from cape_engine.findings import Findings
from cape_engine.intake.bulk import add_rows
from cape_engine.intake.cells import missing_of
from cape_engine.intake.chunk import ORDINALS
from cape_engine.intake.gather import NO_ROW, Rows, first_known
from cape_engine.intake.words import Vocabularies
from cape_engine.schema import facts as f
from cape_engine.schema import rows as s
from cape_engine.schema.column import Column

Numbers = npt.NDArray[np.signedinteger]

PLAIN_NUMBERS = (f.IMPORTER_NUMBER, f.NOTIFY_PARTY)
"""Numbers compared without dashes and case (clarification 15)."""

_LAST_CHAPTER_OF_GOODS = 97


def plain_number(text: str) -> str:
    """An importer number as it is compared: without dashes, blanks and case (clarification 15)."""
    return text.replace("-", "").replace(" ", "").upper()


def entry_facts(
    rows: Rows, vocabularies: Vocabularies, findings: Findings, *, code: str = "FACT_CONFLICT"
) -> dict[Column, Numbers]:
    """Each fact of each entry: what its first row that knows says; contradictions become findings."""
    found: dict[Column, Numbers] = {}
    for column in f.ENTRY_FACTS:
        values = rows.facts.get(column)
        if values is None:
            continue
        first, other = first_known(rows, rows.entry_starts, _compared(column, values, vocabularies), missing_of(column))
        _refuse(rows, code, column, (first, other), vocabularies, findings)
        found[column] = _taken(column, values, first)
    return found


def line_facts(
    rows: Rows, line_starts: Int64s, vocabularies: Vocabularies, findings: Findings
) -> dict[Column, Numbers]:
    """Each fact of each line.

    The printed column 1 rate differs from number to number; that of the first chapter 1-97 number is the line's.
    """
    found: dict[Column, Numbers] = {}
    for column in s.LINE_FACTS:
        values = rows.facts.get(column)
        if values is None:
            continue
        if column == s.COLUMN1_RATE_TEXT:
            masked = np.where(is_goods(rows, vocabularies), values, -1)
            first, _other = first_known(rows, line_starts, masked, -1)
        else:
            first, other = first_known(rows, line_starts, values, missing_of(column))
            _refuse(rows, "LINE_FACT_CONFLICT", column, (first, other), vocabularies, findings)
        found[column] = _taken(column, values, first)
    return found


def is_goods(rows: Rows, vocabularies: Vocabularies) -> npt.NDArray[np.bool_]:
    """Which rows hold a chapter 1-97 number."""
    words = vocabularies.of(s.HTS_NUMBER).words
    goods = np.array([int(word[:2]) <= _LAST_CHAPTER_OF_GOODS for word in words] + [False])
    return np.asarray(goods[rows.facts[s.HTS_NUMBER]], bool)


def _compared(column: Column, values: Numbers, vocabularies: Vocabularies) -> Numbers:
    """The values as they are compared: spellings of one importer number are one."""
    if column not in PLAIN_NUMBERS:
        return values
    words = vocabularies.of(column).words
    canon: dict[str, int] = {}
    codes = [canon.setdefault(plain_number(word), code) for code, word in enumerate(words)]
    return np.array([*codes, -1], np.int64)[values]


def _taken(column: Column, values: Numbers, first: Int64s) -> Numbers:
    """The values of some rows; unknown where there is no row."""
    taken = values[np.maximum(first, 0)] if len(values) else np.zeros(len(first), np.int64)
    return np.where(first == NO_ROW, missing_of(column), taken).astype(values.dtype)


def texts_of(column: Column, values: Numbers, vocabularies: Vocabularies) -> pa.Array:
    """Values as a person reads them."""
    if pa.types.is_dictionary(column.type) or pa.types.is_string(column.type):
        words = vocabularies.of(column).words
        return pa.array([*words, None], pa.string()).take(pa.array(np.where(values < 0, len(words), values)))
    if pa.types.is_date(column.type):
        return dates(values.astype(np.int32)).cast(pa.string())
    if pa.types.is_boolean(column.type):
        return pa.array(["N", "Y", "unknown"]).take(pa.array(np.where(values < 0, 2, values).astype(np.int64)))
    return pa.array(values.astype(np.int64)).cast(pa.string())


def _refuse(
    rows: Rows,
    code: str,
    column: Column,
    pair: tuple[Int64s, Int64s],
    vocabularies: Vocabularies,
    findings: Findings,
) -> None:
    """Refuse the entries of groups in which a row contradicts the first one that knows."""
    hit = pair[1] != NO_ROW
    if not hit.any():
        return
    first, other = pair[0][hit], pair[1][hit]
    values = rows.facts[column]
    add_rows(
        findings,
        code,
        len(other),
        source=rows.names_of(other),
        row=rows.row[other],
        column=rows.label(column, other),
        value=texts_of(column, values[other], vocabularies),
        entry=rows.entry_texts(other),
        other_row=rows.row[first],
        other_source=rows.names_of(first),
        other_value=texts_of(column, values[first], vocabularies),
        line=rows.place[other] // ORDINALS,
    )
    rows.refused[rows.entry[other]] = True


def arrow_column(column: Column, values: Numbers | None, count: int, words: Mapping[str, Sequence[str]]) -> pa.Array:
    """Numbers as the Arrow column of the schema; None is unknown everywhere.

    Args:
        column: which column.
        values: one number a row, or None.
        count: rows.
        words: vocabularies by column name.
    """
    if values is None:
        return (
            pa.nulls(count, column.type)
            if not pa.types.is_dictionary(column.type)
            else _words(np.full(count, -1, np.int32), ())
        )
    if pa.types.is_dictionary(column.type):
        return _words(values, words[str(column)])
    if pa.types.is_date(column.type):
        return dates(values.astype(np.int32))
    missing = values < 0
    if pa.types.is_boolean(column.type):
        return pa.array(values == 1, pa.bool_(), mask=missing)
    return pa.array(np.where(missing, 0, values), column.type, mask=missing)


def _words(codes: Numbers, words: Sequence[str]) -> pa.DictionaryArray:
    """Codes as a word column with only the words in use, sorted, so that equal contents are equal bytes."""
    known = codes >= 0
    used = np.flatnonzero(np.bincount(codes[known], minlength=len(words)))
    ranked = sorted(used.tolist(), key=lambda code: words[code])
    rank = np.zeros(len(words) + 1, np.int32)
    rank[ranked] = np.arange(len(ranked), dtype=np.int32)
    indices = pa.array(rank[codes], pa.int32(), mask=~known)
    return pa.DictionaryArray.from_arrays(indices, pa.array([words[code] for code in ranked], pa.string()))
