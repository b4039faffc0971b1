"""What every reader hands on: columns of cells, and the line of the file that each row stands on."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Protocol

import pyarrow as pa

from cape_engine.bridge import Int64s
from cape_engine.intake.headings import Layout
from cape_engine.intake.texts import Cells
from cape_engine.schema import facts as f
from cape_engine.schema import rows as s
from cape_engine.schema.column import Column

_AMOUNTS = frozenset({s.VALUE_DOLLARS, s.DUTY, *s.QUANTITIES})


@dataclass(frozen=True, slots=True)
class Block:
    """Some rows of a file.

    Attributes:
        columns: for each of our columns that the file has, its cells: text where it stands, or an Arrow array of text,
            text in a dictionary, whole numbers or days, in which null is a blank cell.
        rows: the line of the file as an editor or spreadsheet counts it, ascending.
    """

    columns: Mapping[Column, Cells]
    rows: Int64s


class Table(Protocol):
    """A file that is open for reading."""

    source: str
    layout: Layout
    refused_entries: list[str]

    def blocks(self) -> Iterator[Callable[[], Block]]:
        """The rows of the file in parts; each part is read when it is called, in whatever thread."""


def is_word_like(column: Column) -> bool:
    """Whether cells of the column repeat a lot, so that it is read as a dictionary and each word is looked at once."""
    if column in (f.ENTRY_NUMBER, s.HTS_NUMBER):
        return True
    kind = column.type
    return bool(pa.types.is_dictionary(kind) or pa.types.is_date(kind) or pa.types.is_boolean(kind))


def is_amount(column: Column) -> bool:
    """Whether the column holds decimal amounts as text."""
    return column in _AMOUNTS
