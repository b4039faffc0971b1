"""The same finding for many entries at once: words are made once for each distinct value, not for each entry."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from cape_engine.findings import Batch, Finding, Findings, finding

_SPAN = 1 << 16
"""Values that lie closer together are counted in a table instead of being sorted."""


def add_grouped(
    findings: Findings,
    code: str,
    numbers: pa.Array,
    values: npt.NDArray[np.integer[Any]],
    words: Callable[[int], Mapping[str, object]],
) -> None:
    """Add finding `code` for each entry; entries with the same value share message and remedy.

    Args:
        findings: table that grows.
        code: code of the catalogue; its words may not use {entry}.
        numbers: entry numbers, text, shape (n,).
        values: what the words depend on (a day, a place in a vocabulary), whole numbers, shape (n,).
        words: fields of the message (`column`, `value` and own ones) for one distinct value.
    """
    if len(values) == 0:
        return
    distinct, group = _grouped(values)
    made = tuple(_made(code, tuple(words(value).items())) for value in distinct.tolist())
    findings.add_batch(Batch(made, group, numbers.cast(pa.string())))


@lru_cache(maxsize=1 << 16)  # partition after partition says the same of the same days
def _made(code: str, fields: tuple[tuple[str, Any], ...]) -> Finding:
    """A finding without its entry."""
    return finding(code, **dict(fields))


def add_where(
    findings: Findings,
    code: str,
    numbers: pa.Array,
    where: npt.NDArray[np.bool_],
    values: npt.NDArray[np.integer[Any]],
    words: Callable[[int], Mapping[str, object]],
) -> None:
    """As `add_grouped`, for the entries that `where` marks among all.

    Args:
        findings: table that grows.
        code: code of the catalogue.
        numbers: entry numbers of all entries, text, shape (n,).
        where: the entries concerned, shape (n,).
        values: what the words depend on, of all entries, shape (n,).
        words: fields of the message for one distinct value.
    """
    if where.any():
        places = np.flatnonzero(where)
        add_grouped(findings, code, numbers.take(pa.array(places)), values.take(places), words)


def _grouped(values: npt.NDArray[np.integer[Any]]) -> tuple[npt.NDArray[Any], npt.NDArray[np.int32]]:
    """The distinct values, ascending, and the place of each value among them."""
    low = int(values.min())
    if int(values.max()) - low >= _SPAN:
        distinct, group = np.unique(values, return_inverse=True)
        return distinct, group.reshape(-1).astype(np.int32)
    places = (values - low).astype(np.intp)
    occurs = np.zeros(int(places.max()) + 1, np.bool_)
    occurs[places] = True
    rank = np.cumsum(occurs, dtype=np.int32) - np.int32(1)
    return np.flatnonzero(occurs) + low, rank[places]
