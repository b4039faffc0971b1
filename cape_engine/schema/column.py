"""What a column is: a name that carries its type, unit, bounds, meaning and source."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Self

import pyarrow as pa


class Column(str):
    """A column declared once; being a `str`, it can be used wherever Arrow wants a name.

    Args:
        name: snake_case name; a number's unit is part of it (`_cents`, `_dollars`, `_e2`, `_days`).
        type_: Arrow type of the column in the engine's own tables.
        meaning: one sentence.
        source: where the meaning comes from (form 7501 box, CATAIR record, CFR, our inference).
        nullable: whether a null (unknown) may stand in it.
        low: smallest value allowed, for numbers.
        high: largest value allowed, for numbers.
        words: the accepted words, for columns that take a closed list.
        required: whether an input without this column cannot be read.
    """

    __slots__ = ("high", "low", "meaning", "nullable", "required", "source", "type", "words")

    type: pa.DataType
    meaning: str
    source: str
    nullable: bool
    low: int | None
    high: int | None
    words: tuple[str, ...]
    required: bool

    def __new__(
        cls,
        name: str,
        type_: pa.DataType,
        meaning: str,
        *,
        source: str = "",
        nullable: bool = False,
        low: int | None = None,
        high: int | None = None,
        words: Iterable[str] = (),
        required: bool = False,
    ) -> Self:
        """A name with everything declared about it."""
        self = super().__new__(cls, name)
        self.type = type_
        self.meaning = meaning
        self.source = source
        self.nullable = nullable
        self.low = low
        self.high = high
        self.words = tuple(words)
        self.required = required
        return self

    @property
    def field(self) -> pa.Field:
        """The Arrow field of this column."""
        return pa.field(str(self), self.type, nullable=self.nullable)


def arrow_schema(columns: Iterable[Column]) -> pa.Schema:
    """The Arrow schema of `columns`, in order."""
    return pa.schema([column.field for column in columns])


TEXT = pa.string()
WORD = pa.dictionary(pa.int32(), pa.string())
DAY = pa.date32()
CENTS = pa.int64()
FLAG = pa.bool_()
WORDS = pa.list_(pa.string())
