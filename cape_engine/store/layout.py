"""The files of a partition and the columns they may have."""

from __future__ import annotations

import json
from bisect import bisect_left
from collections.abc import Collection, Mapping

from cape_engine.schema.column import Column
from cape_engine.schema.rows import STORE_ENTRIES, STORE_LINES, STORE_QUANTITIES, STORE_TARIFFS

TABLES: tuple[tuple[str, tuple[Column, ...]], ...] = (
    ("entries", STORE_ENTRIES),
    ("lines", STORE_LINES),
    ("tariffs", tuple(column for column in STORE_TARIFFS if column not in STORE_QUANTITIES)),
    ("quantities", STORE_QUANTITIES),
)
"""Names of the files and their columns; quantities stand apart because few rates ask for them."""

GROUP_ROWS = 1 << 17
"""Quantities in a row group; they stand in the order of their tariff numbers."""
_NUMBERS_KEY = b"cape.tariff_numbers"


def numbers_metadata(numbers: list[tuple[str, str]]) -> dict[bytes, bytes]:
    """Schema metadata of a quantities file: the first and last tariff number of each row group."""
    return {_NUMBERS_KEY: json.dumps(numbers).encode()}


def groups_of(metadata: Mapping[bytes, bytes] | None, groups: int, wanted: Collection[str] | None) -> list[int]:
    """The row groups in which a wanted tariff number may stand; all of them where nothing says which."""
    if wanted is None or not metadata or _NUMBERS_KEY not in metadata:
        return list(range(groups))
    ordered = sorted(wanted)
    spans = json.loads(metadata[_NUMBERS_KEY])
    return [
        group
        for group, (first, last) in enumerate(spans)
        if (place := bisect_left(ordered, first)) < len(ordered) and ordered[place] <= last
    ]
