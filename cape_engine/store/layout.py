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
_NUMBERS_KEY = b"cape.quantity_groups"


def numbers_metadata(
    spans: list[tuple[str, str]], measured: Collection[str] = (), measured_groups: int = 0
) -> dict[bytes, bytes]:
    """Schema metadata of a quantities file.

    Args:
        spans: the first and last tariff number of each row group.
        measured: numbers whose quantities all stand in the first row groups.
        measured_groups: how many those are.
    """
    record = {"spans": spans, "measured": sorted(measured), "measured_groups": measured_groups}
    return {_NUMBERS_KEY: json.dumps(record).encode()}


def groups_of(metadata: Mapping[bytes, bytes] | None, groups: int, wanted: Collection[str] | None) -> list[int]:
    """The row groups in which a wanted tariff number may stand; all of them where nothing says which."""
    if wanted is None or not metadata or _NUMBERS_KEY not in metadata:
        return list(range(groups))
    record = json.loads(metadata[_NUMBERS_KEY])
    ordered = sorted(wanted), sorted(set(wanted).difference(record["measured"]))
    return [
        group
        for group, (first, last) in enumerate(record["spans"])
        if _between(ordered[group >= record["measured_groups"]], first, last)
    ]


def measured_groups_of(metadata: Mapping[bytes, bytes] | None, groups: int) -> int:
    """How many row groups at the start hold what a rate of the rules may ask for; all where nothing says so."""
    if not metadata or _NUMBERS_KEY not in metadata:
        return groups
    return int(json.loads(metadata[_NUMBERS_KEY])["measured_groups"])


def _between(ordered: list[str], first: str, last: str) -> bool:
    """Whether one of some ordered words lies between two, or is one of them."""
    place = bisect_left(ordered, first)
    return place < len(ordered) and ordered[place] <= last
