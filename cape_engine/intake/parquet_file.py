"""Parquet with our names or those of the report, in any sensible types."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from decimal import ROUND_HALF_UP, Decimal, localcontext
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from cape_engine.bridge import readonly
from cape_engine.findings import Findings
from cape_engine.intake.block import Block, is_word_like
from cape_engine.intake.files import Unreadable
from cape_engine.intake.headings import Headings, find_header
from cape_engine.schema.column import Column

_BATCH_ROWS = 1 << 19
_SHEET_DIGITS = 15  # what a spreadsheet keeps of a number; further digits are noise of binary fractions
_PRINTED_DIGITS = 17  # of a binary fraction, at most
_DECIMAL = r"^-?\d+\.\d+$"
_EXPONENT = r"^-?\d+(\.\d+)?e[+-]?\d+$"


class ParquetFile:
    """A Parquet file, open for reading; row numbers count its rows from 1.

    Args:
        path: the file.
        headings: the names it may use.
        findings: takes what is unusual about the file (nothing yet: Parquet has no broken rows).

    Raises:
        Unreadable: damaged, a needed column is missing, or a column is of a type that holds no cells.
    """

    def __init__(self, path: Path, headings: Headings, findings: Findings) -> None:
        del findings
        self.source = str(path)
        self.refused_entries: list[str] = []
        try:
            self._file = pq.ParquetFile(path, memory_map=True)
            names = self._file.schema_arrow.names
        except (OSError, ValueError, pa.ArrowException) as error:  # names that are no text among them
            raise Unreadable("FILE_TRUNCATED", self.source, value=str(error).splitlines()[0]) from error
        _row, self.layout = find_header(self.source, [names], headings)
        self._names = {column: names[place] for column, place in self.layout.positions.items()}

    def blocks(self) -> Iterator[Callable[[], Block]]:
        """The rows in parts of half a million."""
        begin = 1
        try:
            for batch in self._file.iter_batches(_BATCH_ROWS, columns=list(self._names.values()), use_threads=False):
                rows = np.arange(begin, begin + batch.num_rows, dtype=np.int64)
                begin += batch.num_rows
                yield self._reader(batch, rows)
        except (OSError, pa.ArrowException) as error:
            raise Unreadable("FILE_TRUNCATED", self.source, value=str(error).splitlines()[0]) from error

    def _reader(self, batch: pa.RecordBatch, rows: np.ndarray[tuple[int], np.dtype[np.int64]]) -> Callable[[], Block]:
        """A call that turns a batch into cells."""

        def read() -> Block:
            columns = {}
            for column, name in self._names.items():
                try:
                    columns[column] = cells_of(batch.column(name), column, self.source, name)
                    columns[column].validate(full=True)  # text that is none is found here, and not where it is used
                except (ValueError, pa.ArrowException) as error:
                    why = f"column {name} cannot be read: {str(error).splitlines()[0]}"
                    raise Unreadable("FILE_COLUMN_TYPE", self.source, value=why) from error
            return Block(columns, readonly(rows))

        return read


def cells_of(values: pa.Array, column: Column, source: str, name: str) -> pa.Array:
    """A typed column as cells: whole numbers and days stay what they are where the column is such, the rest is text.

    Raises:
        Unreadable: a type that holds no cells (lists, structures, bytes).
    """
    kind = values.type
    if pa.types.is_dictionary(kind):
        if pa.types.is_string(kind.value_type) or pa.types.is_large_string(kind.value_type):
            return values.cast(pa.dictionary(pa.int32(), pa.string()))
        values, kind = values.dictionary_decode(), kind.value_type
    if pa.types.is_integer(kind) and pa.types.is_integer(column.type) and kind != pa.uint64():
        return values.cast(pa.int64())
    if pa.types.is_date(kind) and pa.types.is_date(column.type):
        return values.cast(pa.date32())
    texts = _texts_of(values, source, name)
    return texts.dictionary_encode() if is_word_like(column) else texts


def _texts_of(values: pa.Array, source: str, name: str) -> pa.Array:
    """A column of any plain type as text."""
    kind = values.type
    if pa.types.is_floating(kind):
        return fifteen_digits(_without_zeros(values.cast(pa.float64()).cast(pa.string())), exponents=True)
    if pa.types.is_decimal(kind):
        return _without_zeros(values.cast(pa.string()))
    text = pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind)
    if (
        text
        or pa.types.is_integer(kind)
        or pa.types.is_boolean(kind)
        or pa.types.is_temporal(kind)
        or pa.types.is_null(kind)
    ):
        return values.cast(pa.string())
    raise Unreadable("FILE_COLUMN_TYPE", source, value=f"column {name} is of type {kind}")


def _without_zeros(texts: pa.Array) -> pa.Array:
    """Numbers as text without zeros at the end of their decimals, which a type adds and nobody wrote."""
    if not pc.any(pc.match_substring(texts, ".")).as_py():
        return texts
    return pc.replace_substring_regex(texts, r"\.0+$|(\.\d*?[1-9])0+$", r"\1")


def fifteen_digits(texts: pa.Array, *, exponents: bool = False) -> pa.Array:
    """Numbers that came from binary fractions, with the 15 significant digits that a spreadsheet keeps.

    0.1 + 0.2 is stored as 0.30000000000000004 and means 0.3; only such long ones are touched, and exponents where
    Arrow itself wrote them.
    """
    long = pc.greater(pc.binary_length(texts), _SHEET_DIGITS + 1)
    if pc.any(long).as_py():
        long = pc.and_(long, pc.match_substring_regex(texts, _DECIMAL))
    if exponents and pc.any(pc.match_substring(texts, "e")).as_py():
        long = pc.or_(long, pc.match_substring_regex(texts, _EXPONENT))
    long = pc.fill_null(long, fill_value=False)
    if not pc.any(long).as_py():
        return texts
    return pc.replace_with_mask(
        texts, long, pa.array([_rounded(text) for text in texts.filter(long).to_pylist()], pa.string())
    )


def _rounded(text: str) -> str:
    """One number in plain digits, at most fifteen of them significant; one that no binary fraction prints stays."""
    if len(text.partition("e")[0].lstrip("-0.").replace(".", "")) > _PRINTED_DIGITS:
        return text  # somebody wrote it, and what it says too much is to be seen
    with localcontext() as context:
        context.prec = _SHEET_DIGITS
        context.rounding = ROUND_HALF_UP
        number = +Decimal(text)
    plain = f"{number:f}"
    return plain.rstrip("0").rstrip(".") if "." in plain else plain
