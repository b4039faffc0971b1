"""Quantities in two pieces: first those of tariff numbers that have a rate which takes one, then all others.

A run asks for the first and leaves the rest on the disk. What the built-in rules say when a store is written is a hint
and no more: a run under other rules finds the same quantities, and only reads more of them.
"""

from __future__ import annotations

from functools import cache, lru_cache

import numpy as np
import pyarrow as pa

from cape_engine import rules
from cape_engine.bridge import single
from cape_engine.rules import Ruleset
from cape_engine.schema.rows import HTS_NUMBER, TARIFF
from cape_engine.store.layout import GROUP_ROWS, numbers_metadata


@cache
def _ruleset() -> Ruleset:
    """The built-in rules."""
    return rules.load()


@lru_cache(maxsize=1 << 16)
def takes_quantity(number: str) -> bool:
    """Whether some rate of a tariff number takes a quantity, on any day and under any programme.

    Args:
        number: as filed, 8 to 10 digits.
    """
    law = _ruleset()
    rates = [rate for row in law.base(number) for rate in (row.general, row.column2)]
    rates += [row.rate for row in law.special_rates(number)]
    slots = (law.slots.get(rate.code) for rate in rates)
    return any(slot and (slot.p1_quantity or slot.p3_quantity or slot.factor_quantity) for slot in slots)


def in_pieces(quantities: pa.Table, tariffs: pa.Table) -> list[pa.Table]:
    """The two pieces, with the numbers of all row groups in their metadata.

    The first has the order of the tariffs, as a run walks them; the second that of `quantities`.

    Args:
        quantities: packed, ascending by tariff number.
        tariffs: the packed table whose rows they name.
    """
    if quantities.num_rows == 0:
        return [quantities]
    numbers = single(tariffs, HTS_NUMBER)
    words = numbers.dictionary.to_pylist()
    rows = single(quantities, TARIFF).to_numpy()
    codes = numbers.indices.to_numpy()[rows]
    measured = [word for word in words if takes_quantity(word)]
    takes = np.isin(np.array(words), measured)[codes]
    first, second = np.flatnonzero(takes), np.flatnonzero(~takes)
    first = first[np.argsort(rows[first], kind="stable")]
    starts = range(0, len(second), GROUP_ROWS)
    groups = -(-len(first) // GROUP_ROWS)
    spans = [(measured[0], measured[-1]) for _ in range(groups)]
    spans += [
        (words[codes[second[start]]], words[codes[second[min(start + GROUP_ROWS, len(second)) - 1]]])
        for start in starts
    ]
    metadata = numbers_metadata(spans, measured, groups)
    pieces = (quantities.take(pa.array(places)) for places in (first, second) if len(places))
    return [piece.combine_chunks().replace_schema_metadata(metadata) for piece in pieces]
