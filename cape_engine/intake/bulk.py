"""Findings by the thousand: one table for all rows of one kind, its messages joined by Arrow and not row by row."""

from __future__ import annotations

import string
from collections.abc import Mapping
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from cape_engine.findings import Findings, catalogue
from cape_engine.schema import results as r

Part: TypeAlias = str | int | npt.NDArray[np.integer[Any]] | pa.Array | None
"""One value for all rows, or one value a row."""


def add_rows(
    findings: Findings,
    code: str,
    count: int,
    *,
    source: Part = None,
    row: Part = None,
    column: Part = None,
    value: Part = None,
    entry: Part = None,
    **more: Part,
) -> None:
    """Add `count` findings of one kind; every argument is one value for all or an array of `count`.

    Raises:
        KeyError: the code is not in the catalogue (a fault of the program, not of the data).
    """
    kind = catalogue()[code]
    if count == 0:
        return
    parts: dict[str, Part] = {"source": source, "row": row, "column": column, "value": value, "entry": entry, **more}
    texts = {name: _texts(part) for name, part in parts.items()}
    columns = {
        r.CODE: _repeat(code, count),
        r.SEVERITY: _repeat(kind.severity, count),
        r.FINDING_SOURCE: _words(texts["source"], count),
        r.ROW: _numbers(row, count),
        r.COLUMN: _words(texts["column"], count),
        r.VALUE: _column(texts["value"], count),
        r.FINDING_ENTRY: _column(texts["entry"], count),
        r.MESSAGE: _message(kind.message, texts, count),
        r.REMEDY: _message(kind.remedy, texts, count),
    }
    arrays = [columns[name] for name in r.RESULT_FINDINGS]
    findings.append_table(pa.table(arrays, names=[str(name) for name in r.RESULT_FINDINGS]))


def _texts(part: Part) -> str | pa.Array | None:
    """A part as one text, or as an Arrow array of texts."""
    if part is None or isinstance(part, str):
        return part
    if isinstance(part, (int, np.integer)):
        return str(part)
    if isinstance(part, np.ndarray):
        return pa.array(part).cast(pa.string())
    return part if pa.types.is_string(part.type) else part.cast(pa.string())


def _repeat(word: str, count: int) -> pa.DictionaryArray:
    """The same word on every row."""
    return pa.DictionaryArray.from_arrays(pa.array(np.zeros(count, np.int32)), pa.array([word], pa.string()))


def _column(texts: str | pa.Array | None, count: int) -> pa.Array:
    """A text column."""
    if texts is None:
        return pa.nulls(count, pa.string())
    return pa.repeat(pa.scalar(texts), count) if isinstance(texts, str) else texts


def _words(texts: str | pa.Array | None, count: int) -> pa.Array:
    """A word column."""
    if isinstance(texts, str):
        return _repeat(texts, count)
    return _column(texts, count).dictionary_encode()


def _numbers(part: Part, count: int) -> pa.Array:
    """A column of row numbers."""
    if part is None:
        return pa.nulls(count, pa.int64())
    if isinstance(part, int):
        return pa.repeat(pa.scalar(part, pa.int64()), count)
    return pa.array(part, pa.int64())


def _message(template: str, texts: Mapping[str, str | pa.Array | None], count: int) -> pa.Array:
    """The words of the catalogue with every row's own values; a value that is not given stays empty."""
    pieces: list[pa.Array | str] = []
    for literal, name, _spec, _conversion in string.Formatter().parse(template):
        pieces.append(literal)
        if name is not None:
            text = texts.get(name)
            pieces.append("" if text is None else text)
    if all(isinstance(piece, str) for piece in pieces):
        return pa.repeat(pa.scalar("".join(str(piece) for piece in pieces)), count)
    scalars = [pa.scalar(piece) if isinstance(piece, str) else piece for piece in pieces]
    return pc.binary_join_element_wise(*scalars, "", null_handling="replace", null_replacement="")
