"""Findings as columns: words into dictionaries, and the order that depends on their content only."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from operator import attrgetter
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from cape_engine.schema import results as r
from cape_engine.schema.column import WORD, Column

Int32s = npt.NDArray[np.int32]

_WORDS: tuple[tuple[Column, str], ...] = (
    (r.CODE, "code"),
    (r.SEVERITY, "severity"),
    (r.FINDING_SOURCE, "source"),
    (r.COLUMN, "column"),
    (r.VALUE, "value"),
    (r.MESSAGE, "message"),
    (r.REMEDY, "remedy"),
)
"""Columns that repeat from finding to finding, and the attribute of a finding that they hold."""

_TEXTS = attrgetter(*(name for _, name in _WORDS))
_REPEAT = frozenset(str(column) for column, _ in _WORDS)
WORDS_SCHEMA = pa.schema(
    [field.with_type(WORD) if field.name in _REPEAT else field for field in r.RESULT_FINDINGS_SCHEMA]
)
"""The findings with every text but the entry number as a word: a message is kept once, not once for each entry."""

_ORDER = (r.CODE, r.FINDING_SOURCE, r.ROW, r.COLUMN, r.VALUE, r.MESSAGE)
"""What decides among the findings of one entry, most important first."""
_CONTENT = attrgetter("code", "source", "row", "column", "value", "message")
"""The same of a finding."""
_WIDEST = 16
_MOST = 1 << 62


class Made(Protocol):
    """A finding whose words are made."""

    @property
    def row(self) -> int | None:
        """Line of the file."""


def words_table(made: Sequence[Made], group: Int32s, entries: pa.Array) -> pa.Table:
    """Findings as a table of `WORDS_SCHEMA`.

    Args:
        made: findings, each with the words of one or of many rows.
        group: for each row of the table its place in `made`.
        entries: for each row the entry number, or null.
    """
    known_rows = np.array([one.row is not None for one in made], np.bool_)
    rows = np.array([one.row or 0 for one in made], np.int64)
    columns: dict[str, pa.Array] = {
        str(r.FINDING_ENTRY): entries,
        str(r.ROW): pa.array(rows[group], pa.int64(), mask=~known_rows[group])
        if known_rows.any()
        else pa.nulls(len(group), pa.int64()),
    }
    texts: Iterable[Sequence[str | None]] = zip(*map(_TEXTS, made), strict=True) if made else [()] * len(_WORDS)
    for (column, _), said in zip(_WORDS, texts, strict=True):
        columns[str(column)] = _words(said, group)
    return pa.table([columns[name] for name in WORDS_SCHEMA.names], schema=WORDS_SCHEMA)


def ordered_words(made: Sequence[Made], group: Int32s, entries: pa.Array) -> pa.Table:
    """What `ordered` makes of a `words_table`, found by group and not by row: thousands of rows share some hundred.

    Args:
        made: as for `words_table`.
        group: likewise.
        entries: likewise.
    """
    if len(group) == 0:
        return words_table((), group, entries)
    keys = _entry_keys(entries)
    if not _ascending(keys):
        order = np.lexsort((_content_ranks(made)[group], *reversed(keys)))
        group, entries = group[order], entries.take(pa.array(order))
    used, places = _as_they_come(group, len(made))
    return words_table([made[place] for place in used.tolist()], places[group], entries)


def _ascending(keys: Sequence[npt.NDArray[Any]]) -> bool:
    """Whether each row comes after the one before it by its keys, the most important first."""
    after = np.zeros(len(keys[0]) - 1, np.bool_)
    for key in reversed(keys):
        after = (key[1:] > key[:-1]) | ((key[1:] == key[:-1]) & after)
    return bool(after.all())


def _content_ranks(made: Sequence[Made]) -> npt.NDArray[np.int64]:
    """Place of each finding among the different ones by what decides the order; what is null comes last."""
    keys = [tuple((text is None, text) for text in _CONTENT(one)) for one in made]
    place = {key: at for at, key in enumerate(sorted(set(keys)))}
    return np.array([place[key] for key in keys], np.int64)


def _as_they_come(codes: npt.NDArray[np.integer[Any]], count: int) -> tuple[npt.NDArray[np.int64], Int32s]:
    """(codes below `count` that occur, in the order in which they come; place of each code among them, else -1)."""
    first = np.full(count, len(codes))
    first[codes[::-1]] = np.arange(len(codes) - 1, -1, -1)  # of several rows with one code the first is written last
    used = np.argsort(first, kind="stable")[: int((first < len(codes)).sum())]
    place = np.full(count, -1, np.int32)
    place[used] = np.arange(len(used), dtype=np.int32)
    return used, place


def _words(texts: Sequence[str | None], group: Int32s) -> pa.DictionaryArray:
    """A text for each group as a word column."""
    number: dict[str | None, int] = dict.fromkeys(texts, -1)
    vocabulary = [text for text in number if text is not None]
    number.update(zip(vocabulary, range(len(vocabulary)), strict=True))
    codes = np.array(list(map(number.__getitem__, texts)), np.int32)
    indices = codes[group]
    mask = indices < 0 if None in number else None
    return pa.DictionaryArray.from_arrays(pa.array(indices, pa.int32(), mask=mask), pa.array(vocabulary, pa.string()))


def as_words(table: pa.Table) -> pa.Table:
    """A table of findings in either form as `WORDS_SCHEMA`."""
    columns = []
    for name, column in zip(table.column_names, table.columns, strict=True):
        spelt_out = name in _REPEAT and not pa.types.is_dictionary(column.type)
        columns.append(column.dictionary_encode() if spelt_out else column)
    return pa.table(columns, names=table.column_names).select(WORDS_SCHEMA.names).cast(WORDS_SCHEMA)


def ordered(table: pa.Table) -> pa.Table:
    """Findings (`WORDS_SCHEMA`) by entry, code, source, row, column, value and message; what is null comes last.

    Words are numbered as they come, so that equal findings make equal tables whatever was found first.
    """
    if table.num_rows == 0:
        return table
    keys: list[npt.NDArray[Any]] = []
    size = 1
    for column in _ORDER:
        rank, ranks = _ranks(table.column(str(column)).combine_chunks())
        if keys and size * ranks < _MOST:
            keys[-1] = keys[-1] * ranks + rank
            size *= ranks
        else:
            keys.append(rank.astype(np.int64))
            size = ranks
    order = np.lexsort((*reversed(keys), *reversed(_entry_keys(table.column(str(r.FINDING_ENTRY)).combine_chunks()))))
    sorted_ = table.take(pa.array(order))
    arrays = (_numbered(c) if pa.types.is_dictionary(c.type) else c for c in sorted_.columns)
    return pa.table(list(arrays), schema=WORDS_SCHEMA)


def _numbered(column: pa.ChunkedArray) -> pa.DictionaryArray:
    """A word column whose dictionary holds the words in use, in the order in which they come."""
    words = column.combine_chunks()
    count = len(words.dictionary)
    codes = pc.fill_null(words.indices, count).to_numpy(zero_copy_only=False)
    used, number = _as_they_come(codes, count + 1)
    nulls = bool(number[count] >= 0)
    if nulls:  # the code behind all words is none of them
        used = used[used != count]
        number[used] = np.arange(len(used), dtype=np.int32)
        number[count] = -1
    indices = number[codes]
    mask = indices < 0 if nulls else None
    return pa.DictionaryArray.from_arrays(
        pa.array(indices, pa.int32(), mask=mask), words.dictionary.take(pa.array(used))
    )


def _ranks(values: pa.Array) -> tuple[npt.NDArray[np.int64], int]:
    """Place of each value among the sorted distinct ones, null after all of them, and the number of places."""
    words = values if pa.types.is_dictionary(values.type) else values.dictionary_encode()
    count = len(words.dictionary)
    rank = np.empty(count + 1, np.int64)
    rank[pc.array_sort_indices(words.dictionary).to_numpy()] = np.arange(count)
    rank[count] = count
    codes = pc.fill_null(words.indices, count).to_numpy(zero_copy_only=False)
    return rank[codes], count + 1


def _entry_keys(entries: pa.Array) -> list[npt.NDArray[Any]]:
    """Keys that sort as the entry numbers do, most important first; null after all numbers."""
    known = entries.is_valid().to_numpy(zero_copy_only=False)
    count = int(known.sum())
    starts = np.frombuffer(entries.buffers()[1], np.int32, count=entries.offset + len(entries) + 1)[entries.offset :]
    size = int(starts[-1] - starts[0])
    width = size // count if count else 0
    lengths = np.diff(starts)
    if not 0 < width <= _WIDEST or not np.array_equal(lengths, np.where(known, width, 0)):
        return [_ranks(entries)[0]]
    cells = np.zeros((count, _WIDEST), np.uint8)
    data = np.frombuffer(entries.buffers()[2], np.uint8)[starts[0] : starts[-1]]
    cells[:, :width] = data.reshape(count, width)
    halves = cells.view(">u8").astype(np.uint64)
    keys = []
    for half in range(2 if width > 8 else 1):  # noqa: PLR2004 - bytes of a half
        key = np.full(len(entries), np.iinfo(np.uint64).max, np.uint64)
        key[known] = halves[:, half]
        keys.append(key)
    return keys
