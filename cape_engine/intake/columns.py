"""Numbers and codes to Arrow columns of the schema."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pyarrow as pa

from cape_engine.bridge import NO_DAY, readonly
from cape_engine.intake.stretch import Numbers
from cape_engine.schema.column import Column
from cape_kernels.vocabulary import mark_used, recode


def arrow_column(column: Column, values: Numbers | None, count: int, words: Mapping[str, Sequence[str]]) -> pa.Array:
    """Numbers as an Arrow column of the schema's type, whole numbers as wide as given; None is unknown everywhere.

    Args:
        column: which column.
        values: one number a row, or None.
        count: rows.
        words: vocabularies by column name.
    """
    if values is None:
        return pa.nulls(count, column.type)
    if _is_word(column):
        return _words(values, words[str(column)])
    if pa.types.is_date(column.type):
        missing = values == NO_DAY
        days = pa.array(values.astype(np.int32, copy=False), mask=missing if missing.any() else None)
        return days.cast(column.type)
    missing = values < 0
    mask = missing if missing.any() else None
    if pa.types.is_boolean(column.type):
        return pa.array(values == 1, pa.bool_(), mask=mask)
    return pa.array(values, mask=mask)


def _is_word(column: Column) -> bool:
    """Whether a column holds words of a vocabulary."""
    return bool(pa.types.is_dictionary(column.type))


def _words(codes: Numbers, words: Sequence[str]) -> pa.DictionaryArray:
    """Codes as a word column with only the words in use, sorted, so that equal contents are equal bytes."""
    codes = readonly(codes.astype(np.int32, copy=False))
    used = np.zeros(len(words) + 1, np.uint8)
    mark_used(codes, used)
    ranked = sorted(np.flatnonzero(used[:-1]).tolist(), key=lambda code: words[code])
    ranks, recoded = np.zeros(len(words), np.int32), np.empty(len(codes), np.int32)
    ranks[ranked] = np.arange(len(ranked), dtype=np.int32)
    recode(codes, readonly(ranks), recoded)
    indices = pa.array(recoded, mask=codes < 0 if used[-1] else None)
    return pa.DictionaryArray.from_arrays(indices, pa.array([words[code] for code in ranked], pa.string()))
