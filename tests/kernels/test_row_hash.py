"""The words and states behind the result hash: the same as plain Python integers and hashlib give."""

from __future__ import annotations

import hashlib

import numpy as np
import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from cape_engine.outputs.result_hash import _words_of, combined, partial, result_hash, row_sums
from cape_kernels import row_hash as kernels

MASK = 2**64 - 1
SEEDS = (0x9E3779B97F4A7C15, 0xD1B54A32D192ED03)
TEXTS = st.lists(st.text(max_size=300), max_size=8)
ROWS = st.lists(
    st.tuples(
        st.one_of(st.none(), st.integers(-(2**63), 2**63 - 1)),
        st.one_of(st.none(), st.text(max_size=40)),
        st.one_of(st.none(), st.sampled_from(["none", "wait", "a word of more than sixteen bytes"])),
        st.lists(st.sampled_from(["A", "B", "", "SCHEDULED_LIQUIDATION"]), max_size=4),
        st.one_of(st.none(), st.integers(-(2**31), 2**31 - 1)),
    ),
    max_size=40,
)


def mixed(word: int) -> int:
    """The finalizer of splitmix64 in whole numbers."""
    word = ((word ^ (word >> 30)) * 0xBF58476D1CE4E5B9) & MASK
    word = ((word ^ (word >> 27)) * 0x94D049BB133111EB) & MASK
    return word ^ (word >> 31)


def word_of(text: str) -> int:
    """The word of a text: its bytes where they fit, else a hash."""
    data = text.encode()
    if len(data) > 16:
        return int.from_bytes(hashlib.blake2b(data, digest_size=8).digest(), "little")
    low, high = (int.from_bytes(data.ljust(16, b"\0")[at : at + 8], "little") for at in (0, 8))
    return (mixed((low + len(data)) & MASK) + high * 0x2545F4914F6CDD1D) & MASK


def cell(value: object) -> int:
    """The word of a cell."""
    if value is None:
        return int(kernels.NULL_WORD)
    if isinstance(value, list):
        return word_of("|".join(value))
    return word_of(value) if isinstance(value, str) else int(str(value)) & MASK


def table_of(rows: list[tuple[object, ...]]) -> pa.Table:
    """Rows as the five kinds of column that results have."""
    kinds = (pa.int64(), pa.string(), pa.dictionary(pa.int32(), pa.string()), pa.list_(pa.string()), pa.date32())
    columns = []
    for place, kind in enumerate(kinds):
        values = [row[place] for row in rows]
        days = pa.types.is_date32(kind)
        columns.append(pa.array(values, pa.int32()).cast(kind) if days else pa.array(values, kind))
    return pa.table(columns, names=["cents", "text", "word", "words", "day"])


@given(TEXTS)
def test_text_words__as_hashlib(texts: list[str]) -> None:
    """Short texts are packed and longer ones hashed by BLAKE2b, of one block and of several."""
    column = pa.array([*texts, "x"], pa.string())
    starts = np.frombuffer(column.buffers()[1], np.uint32)[: len(column) + 1]
    data = np.frombuffer(column.buffers()[2], np.uint8)
    for array in (starts, data):
        array.flags.writeable = False
    words = np.empty(len(column), np.uint64)
    kernels.text_words(kernels.Texts(starts, data), np.empty(24, np.uint64), words)
    assert words.tolist() == [word_of(text) for text in [*texts, "x"]]


@settings(max_examples=20)
@given(st.lists(st.text(max_size=150), min_size=kernels.LANES, max_size=3 * kernels.LANES + 1))
def test_many_text_words__as_hashlib(texts: list[str]) -> None:
    """Texts side by side have the words that they have one after the other, lanes full or not."""
    many = [*texts, "x" * 128, "x" * 129, "0123456789ABCDEF0123"]
    assert _words_of(pa.array(many)).tolist() == [word_of(text) for text in many]


@given(ROWS, st.integers(0, 5))
def test_row_sums__as_whole_numbers(rows: list[tuple[object, ...]], skipped: int) -> None:
    """Both sums are those of plain Python integers, for a slice of a table too."""
    table = table_of(rows).slice(skipped)
    salts = [word_of(name) for name in table.column_names]
    expected = []
    for seed in SEEDS:
        total = 0
        for row in rows[skipped:]:
            state = seed
            for value, salt in zip(row, salts, strict=True):
                state = mixed(state ^ ((cell(value) + salt) & MASK))
            total += state
        expected.append(total & MASK)
    assert row_sums(table) == tuple(expected)


@given(ROWS, st.integers(0, 40))
def test_combined__parts_are_the_whole(rows: list[tuple[object, ...]], cut: int) -> None:
    """Hashed in two parts, in either order, a table has the hash of the whole."""
    table = table_of(rows)
    parts = [partial(table.slice(0, cut)), partial(table.slice(cut))]
    assert combined({"t": parts}) == combined({"t": parts[::-1]}) == result_hash({"t": table})
    assert combined({"t": []}) == result_hash({"t": table.slice(0, 0)})


@given(ROWS)
def test_row_sums__lists_of_words(rows: list[tuple[object, ...]]) -> None:
    """Lists whose texts are words into a dictionary have the sums of lists of texts."""
    texts = pa.array([row[3] for row in rows], pa.list_(pa.string()))
    words = pa.ListArray.from_arrays(texts.offsets, texts.values.dictionary_encode())
    assert row_sums(pa.table({"words": words})) == row_sums(pa.table({"words": texts}))


def test_row_sums__lists_that_look_alike() -> None:
    """Lists whose texts run together to the same bytes are told apart; those that join to the same text are one."""
    alike = pa.table({"words": pa.array([["AB", "C"], ["A", "BC"], ["ABC"], ["AB", "C"], ["AB|C"]])})
    sums = [row_sums(alike.slice(row, 1)) for row in range(5)]
    assert len(set(sums[:3])) == 3
    assert sums[0] == sums[3] == sums[4]
    whole = tuple(sum(one[seed] for one in sums) % 2**64 for seed in (0, 1))
    assert row_sums(alike) == whole
