"""Cells of reports as numbers: each different cell is read once, what cannot be read is marked with the reason."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from cape_engine.bridge import Bools, Int32s, Int64s
from cape_engine.intake.entries import keys_of_texts
from cape_engine.intake.texts import Cells, Repeated, Texts
from cape_engine.refund.reconciliation.rows import NONE, Vocabulary
from cape_engine.schema import facts as f
from cape_engine.schema import reconciliation as c
from cape_engine.schema.column import Column
from cape_kernels import parse as k

MOST_CENTS = 10**15
"""Largest amount of a row: sums of any number of rows stay within 64 bits."""
GOOD, NEGATIVE, CURRENCY, UNREADABLE, FREE_TEXT = range(5)
"""What an amount or a day is; free text is a cell that should be a key and looks like something else."""
_GUARD = r'^="?(.*?)"?$'
_DOLLARS = r"(?i)^\s*(?:usd|us\$)\s*|\s*usd\s*$"
_FOREIGN = r"(?i)[€£¥]|\b(?!usd)[a-z]{3}\b"
_TOTAL = r"(?i)^\s*(?:grand\s+|sub)?-?\s*(?:total|sum)s?\b"
_FOLDED = frozenset({c.REPORT_RECIPIENT})
_UPPER = frozenset({c.REFUND_NUMBER, c.ACH_TRACE_NUMBER, c.REPORT_RECIPIENT, c.CURRENCY, c.BANK_REFERENCE})


@dataclass(frozen=True, slots=True)
class Read:
    """One column of a part of a file.

    Attributes:
        values: number of each row.
        status: what each row's cell is.
        texts: the different cells.
        index: which of them each row holds.
        totals: whether a cell begins like the label of a totals row, by different cell.
        iso: of days, whether a cell is written year first, by different cell.
    """

    values: Int64s | Int32s
    status: npt.NDArray[np.uint8]
    texts: pa.Array
    index: Int32s
    totals: Bools

    def text_at(self, rows: Int64s) -> pa.Array:
        """The cells of some rows."""
        return self.texts.take(pa.array(self.index[rows]))

    @property
    def blank(self) -> Bools:
        """Rows whose cell is blank."""
        empty = pc.equal(pc.utf8_length(self.texts), 0).to_numpy(zero_copy_only=False)
        found: Bools = empty[self.index]
        return found

    @property
    def labelled(self) -> Bools:
        """Rows whose cell begins like the label of a totals row."""
        found: Bools = self.totals[self.index] if self.totals.any() else np.zeros(len(self.index), np.bool_)
        return found


def repeated(cells: Cells) -> tuple[pa.Array, Int32s]:
    """(the different cells without blanks around and text guards, which of them each row holds)."""
    if isinstance(cells, Repeated):
        texts, index = cells.texts, cells.index
    else:
        array = cells if isinstance(cells, pa.Array) else cells.arrow()
        if pa.types.is_dictionary(array.type):
            array = array.dictionary_decode()
        coded = pc.fill_null(array.cast(pa.string()), "").dictionary_encode()
        texts, index = coded.dictionary, coded.indices.to_numpy()
    texts = pc.utf8_trim_whitespace(texts)
    if pc.any(pc.starts_with(texts, "=")).as_py():
        texts = pc.utf8_trim_whitespace(pc.replace_substring_regex(texts, _GUARD, r"\1"))
    return texts, index


def read(column: Column, cells: Cells, words: Vocabulary) -> Read:
    """One column of a part of a file.

    Args:
        column: which.
        cells: as the reader gives them.
        words: vocabulary of the column, for words.
    """
    texts, index = repeated(cells)
    if column == f.ENTRY_NUMBER:
        plain = pc.utf8_upper(pc.replace_substring_regex(texts, r"[\s\-]", ""))
        values, faults = keys_of_texts(plain)
        status = np.where(values < 0, UNREADABLE, GOOD)
        status[faults == k.BLANK] = UNREADABLE
    elif column in c.MONEY:
        values, status = _money(texts)
    elif column in c.DAYS:
        values, status = _days(texts)
    else:
        values, status = _words(column, texts, words), np.zeros(len(texts), np.int64)
    totals = pc.match_substring_regex(texts, _TOTAL).to_numpy(zero_copy_only=False)
    return Read(values[index], status.astype(np.uint8)[index], texts, index, totals)


def _words(column: Column, texts: pa.Array, words: Vocabulary) -> Int32s:
    """Codes of words; references and numbers do not depend on case."""
    if column in _UPPER:
        texts = pc.utf8_upper(texts)
    if column in _FOLDED:
        texts = pc.replace_substring_regex(texts, r"[\s\-]", "")
    return words.codes(texts.to_pylist())


def _money(texts: pa.Array) -> tuple[Int64s, npt.NDArray[np.int64]]:
    """Cents (`NONE` where blank), and what each cell is."""
    if pc.any(pc.match_substring_regex(texts, r"(?i)us")).as_py():
        texts = pc.replace_substring_regex(texts, _DOLLARS, "")
    cells = Texts.of(texts)
    values, faults = np.empty(len(texts), np.int64), np.empty(len(texts), np.uint8)
    k.parse_cents(cells.spans, cells.data, np.int64(MOST_CENTS), False, values, faults)  # noqa: FBT003 - kernels take no names
    status = np.full(len(texts), UNREADABLE, np.int64)
    status[(faults == k.OK) | (faults == k.BLANK)] = GOOD
    status[faults == k.NEGATIVE] = NEGATIVE
    bad = np.flatnonzero(status == UNREADABLE)
    if len(bad):
        foreign = pc.match_substring_regex(texts.take(pa.array(bad)), _FOREIGN).to_numpy(zero_copy_only=False)
        status[bad[foreign]] = CURRENCY
        trailing = pc.match_substring_regex(texts.take(pa.array(bad)), r"^[\s$]*[\d,.]+\s*-$")
        status[bad[trailing.to_numpy(zero_copy_only=False)]] = NEGATIVE
    return np.where(faults == k.OK, values, NONE), status


def _days(texts: pa.Array) -> tuple[Int32s, npt.NDArray[np.int64]]:
    """Days (`NO_DAY` where blank), and what each cell is."""
    cells = Texts.of(texts)
    values, faults = np.empty(len(texts), np.int32), np.empty(len(texts), np.uint8)
    k.parse_days(cells.spans, cells.data, values, faults)
    good = (faults == k.OK) | (faults == k.BLANK)
    return values, np.where(good, GOOD, UNREADABLE)


def forms_of(texts: pa.Array) -> list[str]:
    """The forms in which days are written, with the first cell of each; more than one is worth a look."""
    dashes = pc.match_substring(texts, "-").to_numpy(zero_copy_only=False)
    blank = pc.equal(pc.utf8_length(texts), 0).to_numpy(zero_copy_only=False)
    return [texts[int(np.flatnonzero(mask)[0])].as_py() for mask in (dashes, ~dashes & ~blank) if mask.any()]
