"""Answers that depend on one day alone: found once for each day between the first and the last, then looked up."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pyarrow as pa

from cape_engine import bridge
from cape_engine.bridge import NO_DAY, Int32s, readonly
from cape_engine.dates import anniversary
from cape_engine.schema import facts as f
from cape_engine.schema.column import Column
from cape_kernels import by_day as kernels

_SPAN = 1 << 14
"""Longest table made whatever the number of entries (45 years); beyond it a table is as long as the entries."""


def by_day(days: Int32s, answer: Callable[[Int32s], Int32s]) -> Int32s:
    """The same as `answer(days)`, for an answer that depends on each day alone.

    Entries of a partition share some hundred days: a table and one look-up took a tenth of the time of the same
    arithmetic over all entries (19 CFR 159 gives many steps, each of them a pass over the column).

    Args:
        days: int32[n], `NO_DAY` where unknown.
        answer: int32 of each day, `NO_DAY` included.
    """
    if len(days) == 0:
        return answer(days)
    fixed, span = readonly(days), np.empty(2, np.int32)
    kernels.span(fixed, NO_DAY, span)
    first, last = span.tolist()
    if last - first >= max(_SPAN, len(days)):
        return answer(days)
    table = answer(np.concatenate([[NO_DAY], np.arange(first, last + 1)]).astype(np.int32))
    answers = np.empty(len(days), np.int32)
    kernels.look_up(fixed, NO_DAY, first, readonly(table), answers)
    return answers


def given(entries: pa.Table, column: Column) -> Int32s | None:
    """A date column, or None where no entry has that date."""
    return None if bridge.stored(entries, column) is None else bridge.days(entries, column)


def year_ends(entries: pa.Table) -> Int32s:
    """Anniversary of entry or last withdrawal, on which the law liquidates (19 USC 1504(a)); `NO_DAY` if unknown."""
    day = bridge.days(entries, f.ENTRY_DATE)
    withdrawn = given(entries, f.LAST_WITHDRAWAL_DATE)
    if withdrawn is not None:
        day = bridge.either(withdrawn != NO_DAY, withdrawn, day)
    return by_day(day, anniversary)
