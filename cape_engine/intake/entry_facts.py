"""Facts of an entry or a line from all its rows; contradictions refuse the entry, both rows named."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from cape_engine.bridge import Bools, Int64s, dates
from cape_engine.findings import Findings
from cape_engine.intake.bulk import add_rows
from cape_engine.intake.cells import missing_of
from cape_engine.intake.chunk import ORDINALS
from cape_engine.intake.gather import NO_ROW, Rows, first_known
from cape_engine.intake.stretch import Numbers
from cape_engine.intake.words import Vocabularies
from cape_engine.schema import facts as f
from cape_engine.schema import rows as s
from cape_engine.schema.column import Column

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
        first, other = first_known(rows.entry_starts, _compared(column, values, vocabularies), missing_of(column))
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
            masked = np.where(is_goods(rows, vocabularies), values, np.int8(-1))
            first, _other = first_known(line_starts, masked, -1)
        else:
            first, other = first_known(line_starts, values, missing_of(column))
            _refuse(rows, "LINE_FACT_CONFLICT", column, (first, other), vocabularies, findings)
        found[column] = _taken(column, values, first)
    return found


def is_goods(rows: Rows, vocabularies: Vocabularies) -> npt.NDArray[np.bool_]:
    """Which rows hold a chapter 1-97 number."""
    codes = rows.facts.get(s.HTS_NUMBER)
    goods = _goods(tuple(vocabularies.of(s.HTS_NUMBER).words))
    return np.zeros(len(rows.place), bool) if codes is None else np.asarray(goods[codes], bool)


@lru_cache(maxsize=1)
def _goods(words: tuple[str, ...]) -> Bools:
    """Which tariff numbers are of chapters 1-97; False behind the last, for rows without one."""
    return np.array([int(word[:2]) <= _LAST_CHAPTER_OF_GOODS for word in words] + [False])


def _compared(column: Column, values: Numbers, vocabularies: Vocabularies) -> Numbers:
    """The values as they are compared: spellings of one importer number are one."""
    if column not in PLAIN_NUMBERS:
        return values
    codes = _plain_codes(tuple(vocabularies.of(column).words))
    return values if codes is None else codes[values]


@lru_cache(maxsize=len(PLAIN_NUMBERS))
def _plain_codes(words: tuple[str, ...]) -> Int64s | None:
    """The code of the first spelling of each number, and -1 behind; None where every number has one spelling."""
    canon: dict[str, int] = {}
    codes = [canon.setdefault(plain_number(word), code) for code, word in enumerate(words)]
    return None if len(canon) == len(words) else np.array([*codes, -1], np.int64)


def _taken(column: Column, values: Numbers, first: Int64s) -> Numbers:
    """The values of some rows; unknown where there is no row."""
    if len(values) == 0:
        return np.full(len(first), missing_of(column), values.dtype)
    return np.where(first == NO_ROW, values.dtype.type(missing_of(column)), values[np.maximum(first, 0)])


def texts_of(column: Column, values: Numbers, vocabularies: Vocabularies) -> pa.Array:
    """Values as a person reads them."""
    if pa.types.is_dictionary(column.type) or pa.types.is_string(column.type):
        words = vocabularies.of(column).words
        return pa.array([*words, None], pa.string()).take(
            pa.array(np.where(values < 0, len(words), values.astype(np.int64)))
        )
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
        row=rows.numbers_of(other),
        column=rows.label(column, other),
        value=texts_of(column, values[other], vocabularies),
        entry=rows.entry_texts(other),
        other_row=rows.numbers_of(first),
        other_source=rows.names_of(first),
        other_value=texts_of(column, values[first], vocabularies),
        line=rows.place[other] // ORDINALS,
    )
    rows.refused[rows.entry[other]] = True
