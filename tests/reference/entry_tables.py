"""Entry tables made from plain facts, one mapping per entry; what a mapping does not name is unknown."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pyarrow as pa

from cape_engine.schema import facts as f
from cape_engine.schema import rows


def entry_table(entries: Sequence[Mapping[str, object]]) -> pa.Table:
    """The store's entries table for these facts; numbers are made up where none are given."""
    columns = []
    known = set(rows.STORE_ENTRIES_SCHEMA.names)
    for entry in entries:
        assert set(entry) <= known, sorted(set(entry) - known)
    for field in rows.STORE_ENTRIES_SCHEMA:
        values = [entry.get(field.name) for entry in entries]
        if field.name == f.ENTRY_NUMBER:
            values = [value or f"ABC{place:08d}" for place, value in enumerate(values)]
        if field.name == rows.INPUT_REFUSED:
            values = [bool(value) for value in values]
        if field.name in {rows.SOURCE_IDX, rows.LINE_COUNT}:
            values = [value or 0 for value in values]
        plain = pa.string() if pa.types.is_dictionary(field.type) else field.type
        array = pa.array(values, plain)
        columns.append(array.dictionary_encode() if pa.types.is_dictionary(field.type) else array)
    return pa.table(columns, schema=rows.STORE_ENTRIES_SCHEMA)
