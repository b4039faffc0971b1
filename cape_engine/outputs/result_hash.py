"""One hash for the answer of a run, the same whatever the order, thread count, partitioning or input format.

Each row is mixed into two 64-bit words; the words of all rows are added. Addition does not care for order, so
partitions may be hashed apart and their sums added. It proves equality against accident, not against an adversary.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

Words = npt.NDArray[np.uint64]

_SEEDS = (np.uint64(0x9E3779B97F4A7C15), np.uint64(0xD1B54A32D192ED03))
_NULL = np.uint64(0xA0761D6478BD642F)
_PACKED_BYTES = 16


def result_hash(tables: Mapping[str, pa.Table]) -> str:
    """SHA-256 (hex) over the row sums of each table, by name.

    Args:
        tables: the tables that make up the answer; each column counts, rows in any order.
    """
    digests = {name: [*row_sums(table), table.num_rows] for name, table in sorted(tables.items())}
    return hashlib.sha256(json.dumps(digests, sort_keys=True).encode()).hexdigest()


def row_sums(table: pa.Table) -> tuple[int, int]:
    """The two sums over all rows of `table`, modulo 2^64."""
    columns = [(name, _column_words(table.column(name))) for name in table.column_names]
    sums = []
    for seed in _SEEDS:
        state: Words = np.full(table.num_rows, seed, np.uint64)
        for name, words in columns:
            salt = _text_words([name])[0]
            state = _mixed(state ^ (words + salt))
        sums.append(int(np.add.reduce(state, dtype=np.uint64)))
    return sums[0], sums[1]


def _mixed(words: Words) -> Words:
    """The finalizer of splitmix64: every input bit reaches every output bit."""
    words = (words ^ (words >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    words = (words ^ (words >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return words ^ (words >> np.uint64(31))


def _packed(low: Words, high: Words, widths: Words | np.uint64) -> Words:
    """Words of texts of at most sixteen bytes, from their two halves and their length."""
    # A multiplier keeps the two halves apart, so that swapping them gives another word.
    return _mixed(low + widths) + high * np.uint64(0x2545F4914F6CDD1D)


def _text_words(texts: list[str]) -> Words:
    """One word for each text, the same as `_packed_words` gives for short ones."""
    if not texts:
        return np.zeros(0, np.uint64)
    data = [text.encode() for text in texts]
    widths = np.array([len(cell) for cell in data], np.uint64)
    padded = b"".join(cell[:_PACKED_BYTES].ljust(_PACKED_BYTES, b"\0") for cell in data)
    halves = np.frombuffer(padded, np.uint64).reshape(-1, 2)
    words = _packed(halves[:, 0], halves[:, 1], widths)
    for place in np.flatnonzero(widths > _PACKED_BYTES).tolist():
        words[place] = int.from_bytes(hashlib.blake2b(data[place], digest_size=8).digest(), "little")
    return words


def _column_words(column: pa.ChunkedArray) -> Words:
    """One 64-bit word for each cell, equal for equal values whatever the encoding."""
    values = column.combine_chunks()
    if isinstance(values, pa.ChunkedArray):
        values = pa.concat_arrays(values.chunks) if values.num_chunks else pa.array([], column.type)
    if pa.types.is_list(values.type):
        values = pc.binary_join(values, "|")
    if pa.types.is_dictionary(values.type):
        return _coded_words(values)
    if pa.types.is_string(values.type):
        packed = _packed_words(values)
        return packed if packed is not None else _coded_words(values.dictionary_encode())
    if pa.types.is_date32(values.type):
        values = values.cast(pa.int32())
    mask = values.is_null().to_numpy(zero_copy_only=False)
    plain = pc.fill_null(values, 0).to_numpy(zero_copy_only=False).astype(np.int64)
    return np.where(mask, _NULL, plain.view(np.uint64))


def _coded_words(values: pa.DictionaryArray) -> Words:
    """Words of a dictionary column: each distinct text is hashed once."""
    table = np.append(_text_words(values.dictionary.to_pylist()), _NULL)
    indices = pc.fill_null(values.indices.cast(pa.int64()), len(table) - 1)
    words: Words = table[indices.to_numpy(zero_copy_only=False)]
    return words


def _packed_words(values: pa.Array) -> Words | None:
    """Words of short texts of one length (entry numbers), straight from their bytes; None if they are not such."""
    if values.null_count or not len(values):
        return None
    lengths = pc.min_max(pc.binary_length(values)).as_py()
    width = lengths["min"]
    if width != lengths["max"] or not 0 < width <= _PACKED_BYTES:
        return None
    offsets, data = values.buffers()[1:]
    starts = np.frombuffer(offsets, np.int32)[values.offset : values.offset + len(values) + 1]
    cells = np.frombuffer(data, np.uint8)[starts[0] : starts[-1]].reshape(len(values), width)
    padded = np.zeros((len(values), _PACKED_BYTES), np.uint8)
    padded[:, :width] = cells
    halves = padded.view(np.uint64)
    return _packed(halves[:, 0], halves[:, 1], np.uint64(width))
