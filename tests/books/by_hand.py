"""Positions of entries that a test made by hand."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa

from cape_engine import rules
from cape_engine.dates import day_number
from cape_engine.pipeline.books.positions import PLANNED, Positions, sliced
from cape_engine.refund.rates import KINDS, interest_table
from reference.books import Entry


def positions_of(entries: Sequence[Entry], *, standing: int = PLANNED) -> Positions:
    """Positions of entries, all of one standing."""
    count = len(entries)
    parts = [(row, cents, day_number(day)) for row, entry in enumerate(entries) for cents, day in entry.deposits]
    columns = [np.array([part[place] for part in parts], np.int64) for place in range(3)]
    importers = pa.array([entry.importer for entry in entries], pa.string()).dictionary_encode()
    return Positions(
        number=pa.array([f"ABC{row:08d}" for row in range(count)]),
        importer=importers,
        recipient=importers,
        payment=pa.array([f"P{row}" for row in range(count)]),
        standing=np.full(count, standing, np.int8),
        state=pa.array(["ready"] * count).dictionary_encode(),
        principal_cents=np.array([entry.principal for entry in entries], np.int64),
        interest_cents=np.array([entry.earned(entry.day) for entry in entries], np.int64),
        known=np.ones(count, np.bool_),
        day=np.array([day_number(entry.day) for entry in entries], np.int32),
        accepted=np.array([day_number(entry.accepted) for entry in entries], np.int32),
        again=np.array([entry.again for entry in entries], np.bool_),
        kind=np.array([KINDS.index(entry.kind) for entry in entries], np.int8),
        slices=sliced(columns[0], columns[1], columns[2].astype(np.int32), count),
        rebuilt=np.ones(count, np.bool_),
        table=interest_table(rules.load()),
        rounding="final",
    )
