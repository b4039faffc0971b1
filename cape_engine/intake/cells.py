"""Cells to numbers: each column through its own strict kernel, with a status for every cell that is not plain."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from cape_engine.bridge import NO_DAY, NO_NUMBER, Int64s
from cape_engine.intake import words as w
from cape_engine.intake.entries import keys_of_texts, string_buffers
from cape_engine.rules import Ruleset
from cape_engine.schema import facts as f
from cape_engine.schema import rows as s
from cape_engine.schema.column import Column
from cape_kernels import parse as k

UNKNOWN_WORD = 32
SHEET_ERROR = 33

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
    """

    values: npt.NDArray[np.signedinteger]
    status: npt.NDArray[np.uint8] | None
    index: npt.NDArray[np.int32] | None
    texts: pa.Array

    def rows(self, statuses: Collection[int]) -> Int64s:
        """The rows whose cell has one of `statuses`."""
        if self.status is None:
            return np.empty(0, np.int64)
        hit = np.isin(self.status, list(statuses))
        if not hit.any():
            return np.empty(0, np.int64)
        return np.flatnonzero(hit if self.index is None else hit[self.index])

    def text_at(self, rows: Int64s) -> pa.Array:
        """The cells of some rows as text."""
        places = rows if self.index is None else self.index[rows]
        return self.texts.take(pa.array(places)).cast(pa.string())


def missing_of(column: Column) -> int:
    """The number that stands for a missing value of a column."""
    return NO_DAY if pa.types.is_date(column.type) else NO_NUMBER


def parse(column: Column, cells: pa.Array, vocabularies: w.Vocabularies, ruleset: Ruleset | None) -> Parsed:
    """The cells of one column as numbers.

    Args:
        column: the column as the file gives it (DUTY and QUANTITIES as text).
        cells: text, text in a dictionary, whole numbers or days, as a reader hands them on.
        vocabularies: take the words.
        ruleset: knows the words of statuses; None knows those of the schema only.
    """
    if pa.types.is_integer(cells.type):
        return _whole_numbers(column, cells)
    if pa.types.is_date(cells.type):
        days = pc.fill_null(cells.cast(pa.int32()), NO_DAY).to_numpy(zero_copy_only=False)
        status = np.where(days == NO_DAY, k.BLANK, k.OK).astype(np.uint8)
        return Parsed(days, status, None, cells)
    if not pa.types.is_dictionary(cells.type):
        texts = pc.fill_null(cells, "") if cells.null_count else cells
        values, status = _values(column, texts, vocabularies, ruleset)
        return Parsed(values, status, None, texts)
    texts, index = _dictionary(cells)
    values, status = _values(column, texts, vocabularies, ruleset)
    return Parsed(values[index], status, index, texts)


def _dictionary(cells: pa.DictionaryArray) -> tuple[pa.Array, npt.NDArray[np.int32]]:
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


def _values(
    column: Column, texts: pa.Array, vocabularies: w.Vocabularies, ruleset: Ruleset | None
) -> tuple[npt.NDArray[np.signedinteger], npt.NDArray[np.uint8]]:
    """(numbers, statuses) of texts."""
    if column == f.ENTRY_NUMBER:
        return keys_of_texts(texts)
    if column == s.HTS_NUMBER:
        return _hts(texts, vocabularies)
    if pa.types.is_boolean(column.type):
        return _words_of([w.read_flag(text) for text in texts.to_pylist()])
    if pa.types.is_dictionary(column.type) or (pa.types.is_string(column.type) and column not in STORED):
        found = w.read_words(column, texts.to_pylist(), ruleset)
        values, status = _words_of(found)
        values = vocabularies.of(column).codes(found)
        return values, status
    return _numbers(column, texts)


def _words_of(found: list[object]) -> tuple[npt.NDArray[np.signedinteger], npt.NDArray[np.uint8]]:
    """Flags as int8, and the status of each word or flag."""
    status = np.zeros(len(found), np.uint8)
    values = np.full(len(found), -1, np.int8)
    for place, word in enumerate(found):
        if word is None or word == -1:
            status[place] = k.BLANK
        elif word is w.UNKNOWN:
            status[place] = UNKNOWN_WORD
        elif word is w.CELL_ERROR:
            status[place] = SHEET_ERROR
        elif isinstance(word, int):
            values[place] = word
    return values, status


def _hts(texts: pa.Array, vocabularies: w.Vocabularies) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.uint8]]:
    """Tariff numbers as codes of their digits."""
    offsets, data = string_buffers(texts)
    numbers, status = np.empty(len(texts), np.int64), np.empty(len(texts), np.uint8)
    k.parse_hts(offsets, data, numbers, status)
    distinct, inverse = np.unique(numbers, return_inverse=True)
    digits: list[object] = [
        None if number < 0 else f"{number:010d}" if number < k.HTS_SCALE else f"{number - k.HTS_SCALE:08d}"
        for number in distinct.tolist()
    ]
    codes = vocabularies.of(s.HTS_NUMBER).codes(digits)
    return codes[inverse], status


def _numbers(column: Column, texts: pa.Array) -> tuple[npt.NDArray[np.signedinteger], npt.NDArray[np.uint8]]:
    """Days, dollars, cents, quantities and whole numbers."""
    offsets, data = string_buffers(texts)
    status = np.empty(len(texts), np.uint8)
    if pa.types.is_date(column.type):
        days = np.empty(len(texts), np.int32)
        k.parse_days(offsets, data, days, status)
        return days, status
    numbers = np.empty(len(texts), np.int64)
    high = np.int64(bounds(column)[1])
    if column == s.DUTY:
        k.parse_cents(offsets, data, high, True, numbers, status)  # noqa: FBT003 - kernels take no names
    elif column == s.VALUE_DOLLARS:
        k.parse_dollars(offsets, data, high, numbers, status)
    elif column in s.QUANTITIES:
        k.parse_hundredths(offsets, data, high, numbers, status)
    else:
        k.parse_whole(offsets, data, np.int64(column.low or 0), high, numbers, status)
    return numbers, status


def bounds(column: Column) -> tuple[int, int]:
    """(smallest, largest) number of a column, in the unit it is stored in."""
    stored = STORED.get(str(column), column)
    return stored.low or 0, MAX_INT64 if stored.high is None else stored.high
