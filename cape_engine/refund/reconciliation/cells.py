"""Cells of reports as numbers, column by column; what cannot be read is marked with the reason."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from cape_engine.bridge import NO_DAY, Bools, Int32s, Int64s
from cape_engine.intake.entries import keys_of_texts
from cape_engine.intake.texts import Cells, Counted, Repeated, Texts
from cape_engine.refund.reconciliation.rows import NONE, Vocabulary
from cape_engine.schema import facts as f
from cape_engine.schema import reconciliation as c
from cape_engine.schema.column import Column
from cape_kernels import parse as k

MOST_CENTS = 10**15
"""Largest amount of a row: sums of any number of rows stay within 64 bits."""
GOOD, NEGATIVE, CURRENCY, UNREADABLE = range(4)
"""What a cell is."""
_GUARD = r'^\s*="?(.*?)"?\s*$'
_DOLLARS = r"(?i)^\s*(?:usd|us\$)\s*|\s*usd\s*$"
_FOREIGN = r"(?i)[€£¥]|\b[a-z]{3}\b"
_TRAILING = r"^[\s$]*[\d,.]+\s*-$"
_TOTAL = r"(?i)^\s*(?:grand\s+|sub)?-?\s*(?:total|sum)s?\b"
_UPPER = frozenset({c.REFUND_NUMBER, c.ACH_TRACE_NUMBER, c.REPORT_RECIPIENT, c.CURRENCY, c.BANK_REFERENCE})
_SPREAD = frozenset({f.ENTRY_NUMBER, c.REFUND_NUMBER, c.ACH_TRACE_NUMBER, c.BANK_REFERENCE, *c.MONEY})


_BLANK = pa.StringArray.from_buffers(1, pa.py_buffer(bytes(8)), pa.py_buffer(b""))
"""One blank text, made without asking pandas (see `pipeline.reconciling.road`)."""


def as_read(column: Column) -> Column:
    """The column as the reader is asked for it.

    Cells that repeat little are asked for as numbers, so that the reader hands them out where they stand: looking for
    equal cells among a million different ones took half of the time of a reconciliation.
    """
    return Column(str(column), pa.int64(), column.meaning) if column in _SPREAD else column


@dataclass(frozen=True, slots=True)
class Read:
    """One column of a part of a file.

    Attributes:
        values: number of each row.
        status: what each row's cell is.
        blank: rows whose cell is blank.
        labelled: rows whose cell begins like the label of a totals row.
        cells: as the reader gave them.
    """

    values: Int64s | Int32s
    status: npt.NDArray[np.uint8]
    blank: Bools
    labelled: Bools
    cells: Cells

    def text_at(self, rows: Int64s) -> pa.Array:
        """The cells of some rows."""
        return texts_at(self.cells, rows)


def texts_at(cells: Cells, rows: Int64s) -> pa.Array:
    """The text of some cells, without blanks around."""
    taken = cells.take(pa.array(rows))
    texts = taken if isinstance(taken, pa.Array) else taken.arrow()
    if pa.types.is_dictionary(texts.type):
        texts = texts.dictionary_decode()
    return pc.utf8_trim_whitespace(pc.fill_null(texts.cast(pa.string()), ""))


@dataclass(frozen=True, slots=True)
class Worded:
    """A column of words that are not numbered yet.

    Attributes:
        plain: its different words as they are compared, a blank one too where a row may be blank.
        index: which of them each row holds.
        labelled: rows whose cell begins like the label of a totals row.
        cells: as the reader gave them.
    """

    plain: pa.Array
    index: Int32s
    labelled: Bools
    cells: Cells

    def read(self, words: Vocabulary) -> Read:
        """The column with its words numbered in the order in which they come: parts are to be numbered in order."""
        values = words.codes(self.plain)[self.index]
        return Read(values, np.zeros(len(values), np.uint8), values < 0, self.labelled, self.cells)


def prepare(column: Column, cells: Cells) -> Read | Worded:
    """One column of a part of a file as far as it is read without knowing the parts before, so in any thread.

    Args:
        column: which.
        cells: as the reader gives them.
    """
    if column in c.DAYS:
        return _days(cells)
    if column == f.ENTRY_NUMBER:
        return _entries(cells)
    return _money(cells) if column in c.MONEY else _words(column, cells)


def _spans(cells: Cells) -> Texts:
    """Cells where they stand."""
    if isinstance(cells, Counted):
        return cells.texts
    if isinstance(cells, Texts):
        return cells
    texts = cells if isinstance(cells, pa.Array) else cells.arrow()
    if pa.types.is_dictionary(texts.type):
        texts = texts.dictionary_decode()
    return Texts.of(texts.cast(pa.string()))


def _labels(cells: Cells, status: npt.NDArray[np.uint8]) -> Bools:
    """Rows that cannot be read because they are labelled as totals."""
    found = np.zeros(len(status), np.bool_)
    bad = np.flatnonzero(status == UNREADABLE)
    if len(bad):
        found[bad] = pc.match_substring_regex(texts_at(cells, bad), _TOTAL).to_numpy(zero_copy_only=False)
    return found


def _entries(cells: Cells) -> Read:
    """Keys of entry numbers; dashes, blanks, case and text guards do not matter."""
    texts = _spans(cells).arrow()
    keys, _status = keys_of_texts(texts)
    rest = np.flatnonzero(keys < 0)
    blank = np.zeros(len(keys), np.bool_)
    if len(rest):
        plain = pc.replace_substring_regex(texts.take(pa.array(rest)), _GUARD, r"\1")
        plain = pc.utf8_upper(pc.replace_substring_regex(plain, r"[\s\-]", ""))
        keys[rest] = keys_of_texts(plain)[0]
        blank[rest] = pc.equal(pc.binary_length(plain), 0).to_numpy(zero_copy_only=False)
    status = np.where(keys < 0, UNREADABLE, GOOD).astype(np.uint8)
    return Read(keys, status, blank, _labels(cells, status), cells)


def _money(cells: Cells) -> Read:
    """Cents (`NONE` where blank)."""
    texts = _spans(cells)
    values, faults = _cents(texts)
    bad = np.flatnonzero((faults != k.OK) & (faults != k.BLANK))
    status = np.zeros(len(values), np.uint8)
    if len(bad):
        words = texts_at(cells, bad)
        words = pc.replace_substring_regex(words, _DOLLARS, "")
        values[bad], faults[bad] = _cents(Texts.of(words))
        rest = (faults[bad] != k.OK) & (faults[bad] != k.BLANK)
        foreign = pc.match_substring_regex(words, _FOREIGN).to_numpy(zero_copy_only=False)
        below = pc.match_substring_regex(words, _TRAILING).to_numpy(zero_copy_only=False) | (faults[bad] == k.NEGATIVE)
        status[bad] = np.where(rest, np.where(below, NEGATIVE, np.where(foreign, CURRENCY, UNREADABLE)), GOOD)
    blank = faults == k.BLANK
    return Read(np.where(faults == k.OK, values, NONE), status, blank, _labels(cells, status), cells)


def _cents(texts: Texts) -> tuple[Int64s, npt.NDArray[np.uint8]]:
    """Cents and what each cell is."""
    values, faults = np.empty(len(texts), np.int64), np.empty(len(texts), np.uint8)
    k.parse_cents(texts.spans, texts.data, np.int64(MOST_CENTS), False, values, faults)  # noqa: FBT003 - kernels take no names
    return values, faults


def _days(cells: Cells) -> Read:
    """Days (`NO_DAY` where blank)."""
    if isinstance(cells, Counted):
        values, faults = cells.values.astype(np.int32, copy=False), cells.status
    else:
        texts = _spans(cells)
        values, faults = np.empty(len(texts), np.int32), np.empty(len(texts), np.uint8)
        k.parse_days(texts.spans, texts.data, values, faults)
    blank = faults == k.BLANK
    status = np.where((faults == k.OK) | blank, GOOD, UNREADABLE).astype(np.uint8)
    return Read(np.where(faults == k.OK, values, NO_DAY), status, blank, _labels(cells, status), cells)


def _words(column: Column, cells: Cells) -> Worded:
    """Words as they are compared; refund numbers, traces, references and recipients do not depend on case."""
    if isinstance(cells, Repeated):
        texts, index = cells.texts, cells.index
    else:
        array = cells if isinstance(cells, pa.Array) else _spans(cells).arrow()
        if not pa.types.is_dictionary(array.type):
            array = pc.fill_null(array.cast(pa.string()), "").dictionary_encode()
        texts = pa.concat_arrays([array.dictionary.cast(pa.string()), _BLANK])
        index = pc.fill_null(array.indices.cast(pa.int32()), len(texts) - 1).to_numpy()
    plain = pc.utf8_trim_whitespace(texts)
    if pc.any(pc.starts_with(plain, "=")).as_py():
        plain = pc.replace_substring_regex(plain, _GUARD, r"\1")
    if column in _UPPER:
        plain = pc.utf8_upper(plain)
    if column == c.REPORT_RECIPIENT:
        plain = pc.replace_substring_regex(plain, r"[\s\-]", "")
    totals = pc.match_substring_regex(plain, _TOTAL).to_numpy(zero_copy_only=False)
    return Worded(plain, index, totals[index] if totals.any() else np.zeros(len(index), np.bool_), cells)


def forms_of(one: Read) -> dict[str, str]:
    """The forms in which days of a part are written, with the first cell of each."""
    texts, index = one.cells, np.flatnonzero((one.status == GOOD) & ~one.blank)
    if not len(index):
        return {}
    spans = _spans(texts)
    begins = spans.spans[index] & ((1 << 32) - 1)
    data = np.append(spans.data, np.zeros(4, np.uint8))
    # The first four letters tell: a year, or a month before the first stroke.
    year = (
        (data[begins[:, None] + np.arange(4)] >= ord("0")) & (data[begins[:, None] + np.arange(4)] <= ord("9"))
    ).all(axis=1)
    found = {}
    for name, where in (("year first", year), ("month first", ~year)):
        if where.any():
            found[name] = texts_at(texts, index[np.flatnonzero(where)[:1]])[0].as_py()
    return found
