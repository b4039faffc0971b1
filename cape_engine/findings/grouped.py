"""The same finding for many entries at once: words are made once for each distinct value, not for each entry."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from cape_engine.findings import Findings
from cape_engine.schema import results as r


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
    distinct, group = np.unique(values, return_inverse=True)
    made = Findings()
    for value in distinct.tolist():
        fields: dict[str, Any] = dict(words(value))
        made.add(code, **fields)
    shared = pa.table(
        {
            str(r.CODE): [row.code for row in made.rows],
            str(r.SEVERITY): [row.severity for row in made.rows],
            str(r.FINDING_SOURCE): pa.array([row.source for row in made.rows], pa.string()),
            str(r.ROW): pa.array([row.row for row in made.rows], pa.int64()),
            str(r.COLUMN): pa.array([row.column for row in made.rows], pa.string()),
            str(r.VALUE): pa.array([row.value for row in made.rows], pa.string()),
            str(r.FINDING_ENTRY): pa.array([None] * len(made.rows), pa.string()),
            str(r.MESSAGE): [row.message for row in made.rows],
            str(r.REMEDY): [row.remedy for row in made.rows],
        }
    ).take(pa.array(group.reshape(-1)))
    place = shared.schema.get_field_index(str(r.FINDING_ENTRY))
    findings.append_table(shared.set_column(place, str(r.FINDING_ENTRY), numbers.cast(pa.string())))
