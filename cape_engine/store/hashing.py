"""The hash of what a partition says, whatever files its rows came from."""

from __future__ import annotations

import hashlib

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from cape_engine.bridge import Partition, single
from cape_engine.schema.column import Column
from cape_engine.schema.rows import SOURCE_IDX, SOURCE_ROW, STORE_ENTRIES, STORE_LINES, STORE_TARIFFS

_PROVENANCE = frozenset({str(SOURCE_IDX), str(SOURCE_ROW)})


def content_hash(partition: Partition) -> str:
    """SHA-256 (hex) over every column of a partition except where its rows came from.

    The order of words in a dictionary, file names and row numbers do not count, so the same entries give the same
    hash from CSV and Parquet, in one file or in many, shuffled or not.
    """
    digest = hashlib.sha256()
    for table, columns in (
        (partition.entries, STORE_ENTRIES),
        (partition.lines, STORE_LINES),
        (partition.tariffs, STORE_TARIFFS),
    ):
        digest.update(f"{table.num_rows}\n".encode())
        for column in columns:
            if column not in _PROVENANCE:
                digest.update(f"{column}\n".encode())
                _update(digest, single(table, column), column)
    return digest.hexdigest()


def _update(digest: hashlib._Hash, values: pa.Array, column: Column) -> None:
    """Add one column: which cells are known, then their values, in a form that does not depend on Arrow's buffers."""
    if len(values) == 0:
        return
    known = values.is_valid().to_numpy(zero_copy_only=False)
    digest.update(np.packbits(known).tobytes())
    if not known.any():
        return
    if pa.types.is_dictionary(values.type):
        _update_words(digest, values)
    elif pa.types.is_string(values.type):
        texts = pc.fill_null(values, "")
        digest.update(pc.binary_length(texts).to_numpy(zero_copy_only=False).astype("<i8").tobytes())
        digest.update(pc.binary_join(pa.array([texts.to_pylist()]), "")[0].as_py().encode())
    elif pa.types.is_boolean(column.type):
        digest.update(np.packbits(pc.fill_null(values, fill_value=False).to_numpy(zero_copy_only=False)).tobytes())
    else:
        numbers = values.cast(pa.int32()) if pa.types.is_date(values.type) else values
        digest.update(pc.fill_null(numbers, 0).to_numpy(zero_copy_only=False).astype("<i8", copy=False).tobytes())


def _update_words(digest: hashlib._Hash, values: pa.DictionaryArray) -> None:
    """Add a word column as the sorted list of the words in use and one number a row into it."""
    codes = pc.fill_null(values.indices.cast(pa.int32()), -1).to_numpy(zero_copy_only=False)
    words = values.dictionary.to_pylist()
    used = np.flatnonzero(np.bincount(codes[codes >= 0], minlength=len(words)))
    ranked = sorted(used.tolist(), key=lambda code: words[code])
    rank = np.full(len(words) + 1, -1, "<i4")
    rank[ranked] = np.arange(len(ranked), dtype="<i4")
    for code in ranked:
        word = words[code].encode()
        digest.update(f"{len(word)}:".encode() + word)
    digest.update(rank[codes].tobytes())
