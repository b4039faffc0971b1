"""The files of a partition and the columns they may have."""

from __future__ import annotations

from cape_engine.schema.column import Column
from cape_engine.schema.rows import STORE_ENTRIES, STORE_LINES, STORE_QUANTITIES, STORE_TARIFFS

TABLES: tuple[tuple[str, tuple[Column, ...]], ...] = (
    ("entries", STORE_ENTRIES),
    ("lines", STORE_LINES),
    ("tariffs", tuple(column for column in STORE_TARIFFS if column not in STORE_QUANTITIES)),
    ("quantities", STORE_QUANTITIES),
)
"""Names of the files and their columns; quantities stand apart because few rates ask for them."""
