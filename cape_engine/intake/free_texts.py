"""Columns of free text, as numbers and names of importers are: read as a whole, without a step of Python for each cell.

An importers file of a nation has a third of a million rows, nearly all cells of which are different: a dictionary that
remembers spellings, as other columns have one, costs more there than all else.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from cape_engine.bridge import Bools, Int64s
from cape_engine.intake import words as w
from cape_engine.intake.cells import SHEET_ERROR, Parsed, dictionary_of
from cape_engine.intake.texts import Cells, Repeated, Texts, repeated
from cape_kernels import parse as k

_BLANK = r"\s"


def read_free(cells: Cells) -> tuple[Parsed, pa.Array]:
    """The cells of a column of free text.

    Args:
        cells: as a reader hands them on.

    Returns:
        What each cell is (the values tell cells apart within this call only), and its word, null where nothing is said.
    """
    texts, index = _different(cells)
    words = pc.utf8_trim(texts, characters=w.AROUND)
    status = np.where(pc.equal(words, "").to_numpy(zero_copy_only=False), k.BLANK, k.OK).astype(np.uint8)
    signs = np.flatnonzero(pc.starts_with(words, w.SIGN).to_numpy(zero_copy_only=False))
    errors = [w.is_sheet_error(word) for word in words.take(pa.array(signs)).to_pylist()]
    status[signs[np.array(errors, np.bool_)]] = SHEET_ERROR
    said: Bools = status == k.OK
    values: Int64s = np.where(said, np.arange(len(said)), -1)
    words = pc.if_else(pa.array(said), words, pa.scalar(None, pa.string()))
    return Parsed(values[index], status, index, texts), words.take(pa.array(index))


def plain_numbers(numbers: pa.Array) -> pa.Array:
    """Importer numbers as they are compared: without dashes, blanks and case (clarification 15)."""
    plain = pc.replace_substring(numbers, "-", "")
    if pc.any(pc.match_substring_regex(plain, _BLANK)).as_py():  # as hardly a file has them
        plain = pc.replace_substring_regex(plain, _BLANK, "")
    return pc.utf8_upper(plain)


def _different(cells: Cells) -> tuple[pa.Array, np.ndarray[tuple[int], np.dtype[np.int32]]]:
    """(texts, which text each row holds)."""
    if isinstance(cells, Repeated):
        return cells.texts, cells.index
    if isinstance(cells, pa.Array) and pa.types.is_dictionary(cells.type):
        return dictionary_of(cells)
    whole = cells.cast(pa.string()) if isinstance(cells, pa.Array) else cells.arrow()
    found = repeated(cells if isinstance(cells, Texts) else Texts.of(whole))
    return found.texts, found.index
