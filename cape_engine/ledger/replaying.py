"""The ledger as it stood on a past day: every step up to it, taken again."""

from __future__ import annotations

import datetime as dt

import numpy as np
import pyarrow as pa

from cape_engine.ledger import chain
from cape_engine.ledger.database import Database
from cape_engine.ledger.states import Life, state_words
from cape_engine.schema import life as columns


def as_of(database: Database, life: Life, day: dt.date) -> pa.Table:
    """Where every claim stood at the end of a day."""
    rows = database.rows(
        "SELECT declaration, to_state, on_day, entries, entry_numbers FROM steps WHERE on_day <= ? ORDER BY step",
        (day.isoformat(),),
    )
    if not rows:
        return columns.AS_OF_SCHEMA.empty_table()
    homes, states, days, counts, numbers = zip(*rows, strict=True)
    entry = chain.entry_bytes(chain.unpacked("".join(numbers)))
    home = np.repeat(np.array(homes, np.int64), counts)
    order = np.lexsort((np.arange(len(entry)), home, entry))
    entry, home = entry[order], home[order]
    last = np.append((entry[1:] != entry[:-1]) | (home[1:] != home[:-1]), values=True)
    step = np.repeat(np.arange(len(rows)), counts)[order][last]
    made = [
        pa.array(entry[last].astype(str)),
        pa.array(home[last]),
        state_words(life, pa.array(np.array(states, np.int64)[step])),
        pa.array(days, pa.string()).cast(pa.date32()).take(pa.array(step)),
    ]
    return pa.table(made, schema=columns.AS_OF_SCHEMA)
