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
    """The two pieces, each in the order of `quantities`, with the numbers of all row groups in their metadata.

    Args:
        quantities: packed, ascending by tariff number.
        tariffs: the packed table whose rows they name.
    """
    if quantities.num_rows == 0:
        return [quantities]
    numbers = single(tariffs, HTS_NUMBER)
    words = numbers.dictionary.to_pylist()
    codes = numbers.indices.to_numpy()[single(quantities, TARIFF).to_numpy()]
    measured = [word for word in words if takes_quantity(word)]
    takes = np.isin(np.array(words), measured)[codes]
    pieces, spans = [], []
    for chosen in (takes, ~takes):
        own = codes[chosen]
        starts = range(0, len(own), GROUP_ROWS)
        spans += [(words[own[start]], words[own[min(start + GROUP_ROWS, len(own)) - 1]]) for start in starts]
        if len(own):
            pieces.append(quantities.filter(pa.array(chosen)).combine_chunks())
    metadata = numbers_metadata(spans, measured, -(-int(takes.sum()) // GROUP_ROWS))
    return [piece.replace_schema_metadata(metadata) for piece in pieces]
