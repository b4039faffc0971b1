"""Rows of reports and bank files as arrays, with one vocabulary for refund numbers, claims, recipients and traces."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa

from cape_engine.bridge import NO_DAY, Int32s, Int64s
from cape_engine.refund.numbered import Numbered
from cape_engine.schema import reconciliation as c
from cape_engine.schema.column import Column
from cape_engine.schema.facts import ENTRY_NUMBER

NONE = -1
"""Stands for an amount, a word or an entry that is not given."""


class Vocabulary:
    """Words with a number each, in the order in which they come."""

    def __init__(self) -> None:
        self._numbered = Numbered()

    def codes(self, words: pa.Array) -> Int32s:
        """The number of each word; of a blank one, and of a null, `NONE`."""
        return self._numbered.of(words) - np.int32(1)

    def adopt(self, other: Vocabulary) -> Int32s:
        """Number the words of another vocabulary in their order; our number of each of its numbers, `NONE` last."""
        return np.append(self.codes(other.words), np.int32(NONE))

    @property
    def words(self) -> pa.Array:
        """All words, by number."""
        return self._numbered.texts()

    def column(self, codes: Int32s) -> pa.Array:
        """Numbers as text, null where none is given."""
        known = codes >= 0
        index = pa.array(np.where(known, codes, 0), pa.int32(), mask=~known)
        return self.words.take(index)


@dataclass(slots=True)
class Vocabularies:
    """The words that several reports share, and those of one column only."""

    _of: dict[Column, Vocabulary] = field(default_factory=dict)

    def of(self, column: Column) -> Vocabulary:
        """The vocabulary of a column."""
        if column not in self._of:
            self._of[column] = Vocabulary()
        return self._of[column]


@dataclass(slots=True)
class Rows:
    """The good rows of all files of one kind.

    Attributes:
        report: kind, as in `schema.reconciliation.REPORTS`.
        numbers: by column one number a row: entry keys, cents, days, or codes of words; columns that no file has are
            absent.
        source: int32, file of each row.
        row: int64, its line as an editor counts it.
        sources: names of the files.
        read: rows of all files, good and bad ones.
    """

    report: str
    numbers: dict[Column, Int64s | Int32s]
    source: Int32s
    row: Int64s
    sources: list[str]
    read: int = 0

    def __len__(self) -> int:
        return len(self.row)

    def __contains__(self, column: Column) -> bool:
        return column in self.numbers

    def get(self, column: Column) -> Int64s:
        """A column as int64; what is not given is `NONE`, of days `NO_DAY`."""
        if column in self.numbers:
            return self.numbers[column].astype(np.int64, copy=False)
        return np.full(len(self), missing(column), np.int64)

    def take(self, places: Int64s) -> Rows:
        """Some of the rows."""
        numbers = {column: values[places] for column, values in self.numbers.items()}
        return Rows(self.report, numbers, self.source[places], self.row[places], self.sources, self.read)


def missing(column: Column) -> int:
    """What stands where a column says nothing."""
    return NO_DAY if column in c.DAYS else NONE


def joined(report: str, parts: Sequence[Rows]) -> Rows:
    """Rows of several files together; their entries, amounts and words are what they were."""
    columns = [
        column
        for column in dict.fromkeys((ENTRY_NUMBER, *c.REPORTS[report].columns))
        if any(column in part for part in parts)
    ]
    sources: list[str] = []
    places = []
    for part in parts:
        places.append(part.source + np.int32(len(sources)))
        sources.extend(part.sources)
    nothing = np.empty(0, np.int64)
    return Rows(
        report,
        {column: np.concatenate([nothing, *(part.get(column) for part in parts)]) for column in columns},
        np.concatenate([np.empty(0, np.int32), *places]),
        np.concatenate([nothing, *(part.row for part in parts)]),
        sources,
        sum(part.read for part in parts),
    )
