"""Cells to numbers: each column through its own strict kernel, with a status for every cell that is not plain."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection
from dataclasses import dataclass
from itertools import repeat

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from cape_engine.bridge import NO_DAY, NO_NUMBER, Int64s
from cape_engine.dates import day_number
from cape_engine.intake import words as w
from cape_engine.intake.entries import keys_of_texts
from cape_engine.intake.texts import Cells, Codes, Counted, Repeated, Texts, repeated
from cape_engine.rules import Ruleset
from cape_engine.schema import facts as f
from cape_engine.schema import rows as s
from cape_engine.schema.column import Column
from cape_kernels import parse as k

UNKNOWN_WORD = 32
SHEET_ERROR = 33
_NOT_SAID: dict[object, int] = {None: k.BLANK, -1: k.BLANK, w.UNKNOWN: UNKNOWN_WORD, w.CELL_ERROR: SHEET_ERROR}
"""The status of a cell that holds no word and no flag."""
_STATUS_BITS = 8
_FIRST_DAY, _LAST_DAY = day_number(dt.date(k.FIRST_YEAR, 1, 1)), day_number(dt.date(k.LAST_YEAR, 12, 31))
"""Days that a date given as such may be, as one given as text may."""

STORED: dict[str, Column] = {
    str(s.DUTY): s.DUTY_CENTS,
    **{str(text): number for text, number in zip(s.QUANTITIES, s.QUANTITIES_E2, strict=True)},
}
"""Columns that come in as text and are stored under another name."""

MAX_INT64 = 2**63 - 1


@dataclass(frozen=True, slots=True)
class Parsed:
    """The cells of a column as numbers.

    Attributes:
        values: one number a row (codes, days, cents ...); negative or NO_DAY where nothing is known.
        status: one status a text (or a row, where cells are not in a dictionary); None: all are plain.
        index: which text each row holds; None: one text a row.
        texts: the cells as they were.
        each: one number a text, where every text is that of a row.
    """

    values: npt.NDArray[np.signedinteger]
    status: npt.NDArray[np.uint8] | None
    index: npt.NDArray[np.int32] | None
    texts: Cells
    each: npt.NDArray[np.signedinteger] | None = None

    def rows(self, statuses: Collection[int]) -> Int64s:
        """The rows whose cell has one of `statuses`."""
        if self.status is None:
            return np.empty(0, np.int64)
        hit = np.zeros(len(self.status), bool)
        for status in statuses:  # a few comparisons of bytes are faster than a search in a sorted list
            hit |= self.status == status
        if not hit.any():
            return np.empty(0, np.int64)
        return np.flatnonzero(hit if self.index is None else hit[self.index])

    def text_at(self, rows: Int64s) -> pa.Array:
        """The cells of some rows as text."""
        places = rows if self.index is None else self.index[rows].astype(np.int64)
        if isinstance(self.texts, Texts):
            return self.texts.at(places)
        return self.texts.take(pa.array(places)).cast(pa.string())


def missing_of(column: Column) -> int:
    """The number that stands for a missing value of a column."""
    return NO_DAY if pa.types.is_date(column.type) else NO_NUMBER


def parse(column: Column, cells: Cells, vocabularies: w.Vocabularies, ruleset: Ruleset | None) -> Parsed:
    """The cells of one column as numbers.

    Args:
        column: the column as the file gives it (DUTY and QUANTITIES as text).
        cells: as a reader hands them on.
        vocabularies: take the words.
        ruleset: knows the words of statuses; None knows those of the schema only.
    """
    if isinstance(cells, Counted):
        return Parsed(cells.values, cells.status, None, cells.texts)
    if isinstance(cells, Repeated):
        each, status = _each(column, cells.texts, vocabularies, ruleset)
        return Parsed(each.take(cells.index), status, cells.index, cells.texts, each if cells.whole else None)
    if isinstance(cells, Texts):
        return parse(column, read_texts(column, cells), vocabularies, ruleset)
    if pa.types.is_integer(cells.type):
        return _whole_numbers(column, cells)
    if pa.types.is_date(cells.type):
        days = pc.fill_null(cells.cast(pa.int32()), NO_DAY).to_numpy(zero_copy_only=False)
        outside = (days < _FIRST_DAY) | (days > _LAST_DAY)
        status = np.where(days == NO_DAY, k.BLANK, np.where(outside, k.OUT_OF_BOUNDS, k.OK)).astype(np.uint8)
        return Parsed(np.where(outside, NO_DAY, days).astype(np.int32), status, None, cells)
    if not pa.types.is_dictionary(cells.type):
        return parse(column, Texts.of(cells), vocabularies, ruleset)
    texts, index = dictionary_of(cells)
    each, status = _each(column, texts, vocabularies, ruleset)
    return Parsed(each.take(index), status, index, texts)


def read_texts(column: Column, cells: Texts) -> Counted | Repeated:
    """Text where it stands: amounts each for itself, everything else once for each different text."""
    if not is_number(column):
        return repeated(cells)
    values, status = np.empty(len(cells), np.int64), np.empty(len(cells), np.uint8)
    read_numbers(column, cells, values, status)
    return Counted(cells, values, status)


def is_number(column: Column) -> bool:
    """Whether cells of the column are amounts or counts, which repeat little."""
    return column in STORED or bool(pa.types.is_integer(column.type))


def dictionary_of(cells: pa.DictionaryArray) -> tuple[pa.Array, npt.NDArray[np.int32]]:
    """(texts, which text each row holds); a null row holds the empty text."""
    texts = cells.dictionary.cast(pa.string())
    texts = pc.fill_null(texts, "")
    indices = cells.indices.cast(pa.int32())
    if indices.null_count:
        indices = pc.fill_null(indices, len(texts))
        texts = pa.concat_arrays([texts, pa.array([""], pa.string())])
    return texts, indices.to_numpy(zero_copy_only=False)


def _whole_numbers(column: Column, cells: pa.Array) -> Parsed:
    """Whole numbers that a Parquet file gives as such."""
    known = cells.is_valid().to_numpy(zero_copy_only=False)
    values = pc.fill_null(cells, NO_NUMBER).to_numpy(zero_copy_only=False).astype(np.int64)
    low, high = column.low or 0, MAX_INT64 if column.high is None else column.high
    status = np.full(len(values), k.OK, np.uint8)
    status[(values < low) | (values > high)] = k.OUT_OF_BOUNDS
    status[values < 0] = k.NEGATIVE
    status[~known] = k.BLANK
    return Parsed(np.where(status == k.OK, values, NO_NUMBER), status, None, cells)


def _each(
    column: Column, texts: pa.Array, vocabularies: w.Vocabularies, ruleset: Ruleset | None
) -> tuple[npt.NDArray[np.signedinteger], npt.NDArray[np.uint8]]:
    """(numbers, statuses) of texts."""
    if column == f.ENTRY_NUMBER:
        return keys_of_texts(texts)
    if column == s.HTS_NUMBER:
        return _hts(texts, vocabularies)
    if pa.types.is_boolean(column.type):
        return _flags([w.read_flag(text) for text in texts.to_pylist()])
    if pa.types.is_date(column.type) or is_number(column):
        values: Codes = np.empty(len(texts), np.int32 if pa.types.is_date(column.type) else np.int64)
        status = np.empty(len(texts), np.uint8)
        read_numbers(column, Texts.of(texts), values, status)
        return values, status
    return _words(column, texts, vocabularies, ruleset)


def _words(
    column: Column, texts: pa.Array, vocabularies: w.Vocabularies, ruleset: Ruleset | None
) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.uint8]]:
    """(codes, statuses) of words; a spelling that was seen before is not looked at again."""
    seen = vocabularies.seen(column)
    spelled = texts.to_pylist()
    new = [text for text in spelled if text not in seen]
    if new:
        found, known = w.read_words(column, new, ruleset), vocabularies.of(column)
        before = len(known.words)
        codes, statuses = known.codes(found), _statuses(found)
        if len(new) == len(spelled) and 2 * (len(known.words) - before) > len(new):
            return codes, statuses  # as in an importers file, where no text comes again: nothing to remember
        seen.update(zip(new, (codes.astype(np.int64) << _STATUS_BITS | statuses).tolist(), strict=True))
    each = np.fromiter(map(seen.__getitem__, spelled), np.int64, len(spelled))
    return (each >> _STATUS_BITS).astype(np.int32), (each & (1 << _STATUS_BITS) - 1).astype(np.uint8)


def _flags(found: list[object]) -> tuple[npt.NDArray[np.int8], npt.NDArray[np.uint8]]:
    """(1, 0, or -1 where nothing is said; the status) of each flag."""
    return np.array([flag if isinstance(flag, int) else -1 for flag in found], np.int8), _statuses(found)


def _statuses(found: list[object]) -> npt.NDArray[np.uint8]:
    """The status of each word or flag."""
    return np.fromiter(map(_NOT_SAID.get, found, repeat(k.OK)), np.uint8, len(found))


def _hts(texts: pa.Array, vocabularies: w.Vocabularies) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.uint8]]:
    """Tariff numbers as codes of their digits."""
    cells = Texts.of(texts)
    numbers, status = np.empty(len(cells), np.int64), np.empty(len(cells), np.uint8)
    k.parse_hts(cells.spans, cells.data, numbers, status)
    distinct, inverse = np.unique(numbers, return_inverse=True)
    digits: list[object] = [
        None if number < 0 else f"{number:010d}" if number < k.HTS_SCALE else f"{number - k.HTS_SCALE:08d}"
        for number in distinct.tolist()
    ]
    codes = vocabularies.of(s.HTS_NUMBER).codes(digits)
    return codes[inverse], status


def read_numbers(column: Column, texts: Texts, values: Codes, status: npt.NDArray[np.uint8]) -> None:
    """Write days (int32), or dollars, cents, quantities and whole numbers (int64), and what each cell is."""
    if pa.types.is_date(column.type):
        k.parse_days(texts.spans, texts.data, values, status)
    else:
        k.parse_number(texts.spans, texts.data, *form_of(column), values, status)


def form_of(column: Column) -> tuple[int, int, int]:
    """(form of its numbers in `cape_kernels.parse`, lowest, highest) of a column of amounts or counts."""
    form = k.HUNDREDTHS if column in s.QUANTITIES else k.WHOLE
    form = {s.DUTY: k.CENTS, s.VALUE_DOLLARS: k.DOLLARS}.get(column, form)
    return form, column.low or 0, bounds(column)[1]


def bounds(column: Column) -> tuple[int, int]:
    """(smallest, largest) number of a column, in the unit it is stored in."""
    stored = STORED.get(str(column), column)
    return stored.low or 0, MAX_INT64 if stored.high is None else stored.high
