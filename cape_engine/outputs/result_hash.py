"""One hash for the answer of a run, the same whatever the order, thread count, partitioning or input format.

Each row is mixed into two 64-bit words; the words of all rows are added. Addition does not care for order, so
partitions may be hashed apart and their sums added. It proves equality against accident, not against an adversary.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from cape_engine.bridge import readonly
from cape_engine.listed import Lists
from cape_engine.outputs.cells import EVERY_CELL, plain
from cape_engine.outputs.cells import known as known_cells
from cape_kernels import row_hash as kernels

Words = npt.NDArray[np.uint64]

_SEEDS = (0x9E3779B97F4A7C15, 0xD1B54A32D192ED03)
_MODULUS = 1 << 64
_SAMPLE = 4096  # texts by which a column is judged


def result_hash(tables: Mapping[str, pa.Table]) -> str:
    """SHA-256 (hex) over the row sums of each table, by name.

    Args:
        tables: the tables that make up the answer; each column counts, rows in any order.
    """
    return combined({name: [partial(table)] for name, table in tables.items()})


def partial(table: pa.Table, lists: Mapping[str, Lists] | None = None) -> list[int]:
    """What `combined` needs of a part of a table: both sums and the number of rows (JSON keeps it exactly).

    Args:
        table: all columns count.
        lists: columns of lists of the table where they are at hand as such.
    """
    return [*row_sums(table, lists), table.num_rows]


def combined(parts: Mapping[str, Iterable[Sequence[int]]]) -> str:
    """The hash of tables that were hashed in parts, equal to `result_hash` of the whole tables.

    Args:
        parts: for each table by name what `partial` gave for each of its parts, in any order; no part at all is an
            empty table.
    """
    digests: dict[str, list[int]] = {}
    for name, found in sorted(parts.items()):
        digests[name] = added(found)
    return hashlib.sha256(json.dumps(digests, sort_keys=True).encode()).hexdigest()


def added(parts: Iterable[Sequence[int]]) -> list[int]:
    """What `partial` gives for a table whose parts gave these."""
    sums = [0, 0, 0]
    for first, second, rows in parts:
        sums = [(sums[0] + first) % _MODULUS, (sums[1] + second) % _MODULUS, sums[2] + rows]
    return sums


def row_sums(table: pa.Table, lists: Mapping[str, Lists] | None = None) -> tuple[int, int]:
    """The two sums over all rows of `table`, modulo 2^64; `lists` as for `partial`."""
    listed = lists or {}
    state = np.empty((3, table.num_rows), np.uint64)
    for number, seed in enumerate(_SEEDS):
        state[number] = seed
    for name in table.column_names:
        if name in listed:
            kernels.mix_codes(listed[name].which, EVERY_CELL, _words_of_lists(listed[name]), _salt(name), state)
        else:
            _mix(table.column(name), _salt(name), state)
    first, second = (int(np.add.reduce(row, dtype=np.uint64)) for row in state[:2])
    return first, second


@lru_cache(maxsize=256)
def _salt(name: str) -> np.uint64:
    """The word of a column's name; one value in two columns is two cells."""
    salt: np.uint64 = _words_of(pa.array([name], pa.string()))[0]
    return salt


def _mix(column: pa.ChunkedArray, salt: np.uint64, state: Words) -> None:
    """Mix each cell of a column into the states of its row, equal for equal values whatever the encoding."""
    values = column.chunk(0) if column.num_chunks == 1 else column.combine_chunks()
    if isinstance(values, pa.ChunkedArray):
        values = pa.concat_arrays(values.chunks) if values.num_chunks else pa.array([], column.type)
    if len(values) == 0:
        return
    if values.null_count == len(values):
        kernels.mix_codes(_codes(len(values)), EVERY_CELL, _NULL_ONLY, salt, state)
        return
    known = known_cells(values)
    if pa.types.is_list(values.type):
        if values.values.null_count:
            _mix(pa.chunked_array([_joined(values)]), salt, state)
            return
        codes, words = _listed(values)
    elif pa.types.is_string(values.type) and (
        int(np.diff(_starts(values)).max()) <= kernels.PACKED_BYTES or _hardly_repeat(values)
    ):
        kernels.mix_numbers(_words_of(values).view(np.int64), known, salt, state)
        return
    elif pa.types.is_string(values.type) or pa.types.is_dictionary(values.type):
        coded = values if pa.types.is_dictionary(values.type) else values.dictionary_encode()
        known = known_cells(coded)
        # What a null points to is nobody's business; Arrow leaves any number there.
        codes, words = plain(coded.indices, pa.int32()), _words_of(coded.dictionary)
    else:
        values = values.cast(pa.int32()) if pa.types.is_date32(values.type) else values
        kernels.mix_numbers(plain(values, pa.int64()), known, salt, state)
        return
    kernels.mix_codes(codes, known, words, salt, state)


def _hardly_repeat(texts: pa.Array) -> bool:
    """Whether to look each text up takes longer than to hash it, as of the keys of payments."""
    some = texts.slice(0, _SAMPLE)
    return len(texts) > _SAMPLE and 2 * len(some.unique()) > _SAMPLE


def _codes(count: int) -> npt.NDArray[np.int32]:
    """The code 0 on every row."""
    return readonly(np.zeros(count, np.int32))


_NULL_ONLY: Words = readonly(np.array([kernels.NULL_WORD], np.uint64))


def _starts(texts: pa.Array) -> npt.NDArray[np.uint32]:
    """Where each text of a column begins, and where the last one ends."""
    size = texts.offset + len(texts) + 1
    return readonly(np.frombuffer(texts.buffers()[1], np.uint32, count=size)[texts.offset :])


def _texts(texts: pa.Array) -> kernels.Texts:
    """A text column as the kernels take it."""
    data = texts.buffers()[2]
    return kernels.Texts(_starts(texts), EVERY_CELL if data is None else readonly(np.frombuffer(data, np.uint8)))


def _words_of(texts: pa.Array) -> Words:
    """One word for each text: short texts packed, longer ones hashed (BLAKE2b)."""
    if len(texts) == 0:
        return np.zeros(0, np.uint64)
    words = np.empty(len(texts), np.uint64)
    longest = int(np.diff(_starts(texts)).max())
    if longest <= kernels.PACKED_BYTES or len(texts) < kernels.LANES:
        kernels.text_words(_texts(texts), np.empty(24, np.uint64), words)
    else:
        kernels.many_text_words(_texts(texts), _room(), words)
    return readonly(words)


def _room() -> kernels.Room:
    """Scratch for texts that are hashed side by side."""
    return kernels.Room(
        np.empty(32 * kernels.LANES, np.uint64),
        np.empty((16, kernels.LANES), np.uint64),
        np.empty(24, np.uint64),
        np.empty(kernels.LANES, np.int64),
    )


def _listed(lists: pa.ListArray) -> tuple[npt.NDArray[np.int32], Words]:
    """Codes and words of a column of lists of texts: each distinct list is joined and hashed once."""
    members = lists.values
    coded = members if pa.types.is_dictionary(members.type) else members.dictionary_encode()
    size = lists.offset + len(lists) + 1
    rows = readonly(np.frombuffer(lists.buffers()[1], np.uint32, count=size)[lists.offset :])
    slots = np.full(1 << max(4, len(lists).bit_length()), -1, np.int32)
    groups, firsts = np.empty(len(lists), np.int32), np.empty(len(lists), np.int32)
    kernels.group_lists(rows, plain(coded.indices, pa.int32()), slots, groups, firsts)
    return readonly(groups), _words_of(_joined(lists.take(pa.array(firsts[firsts >= 0]))))


def _words_of_lists(lists: Lists) -> Words:
    """The word of each distinct list, as `_joined` would spell it."""
    return _words_of_texts(tuple("|".join(one) for one in lists.lists))


@lru_cache(maxsize=256)  # partition after partition fails the same rules
def _words_of_texts(texts: tuple[str, ...]) -> Words:
    """The word of each text."""
    return _words_of(pa.array(texts, pa.string()))


def _joined(lists: pa.ListArray) -> pa.Array:
    """Each list as one text."""
    return pc.binary_join(lists.cast(pa.list_(pa.string())), "|")
