"""What a ledger knew at the end of a past day: facts, plans, decisions and refunds, and when each state was reached."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from cape_engine.ledger import chain, life_rows, payment_rows, replaying
from cape_engine.ledger.blobs import unpacked_table
from cape_engine.ledger.database import Database
from cape_engine.ledger.states import Life, state_words
from cape_engine.schema import life as columns
from cape_engine.schema.column import arrow_schema
from cape_engine.schema.facts import ENTRY_NUMBER
from cape_engine.schema.ledger import DECLARATION, ON_DAY, STATE
from cape_engine.schema.results import RESULT_LIQUIDATION_DATE

REACHED = (ENTRY_NUMBER, DECLARATION, STATE, ON_DAY)
REACHED_SCHEMA = arrow_schema(REACHED)


@dataclass(frozen=True, slots=True)
class Known:
    """A ledger at the end of a day.

    Attributes:
        standing: columns `schema.life.AS_OF`: every claim.
        facts: columns `declaration` and `schema.life.FACTS`; of an entry under a declaration only the latest.
        plans: columns `schema.life.PLANS`, oldest first.
        decisions: columns `schema.life.DECISIONS`, oldest first.
        refunds: columns `schema.life.COHORTS`; those of entries, so none of interest for late payment.
    """

    standing: pa.Table
    facts: pa.Table
    plans: pa.Table
    decisions: pa.Table
    refunds: pa.Table


def known(database: Database, life: Life, day: dt.date) -> Known:
    """What was written up to a day: the day of a link is the one its caller gave, never a clock's."""
    decided = life_rows.decisions(database, None)
    paid = life_rows.refunds(database, None)
    late = payment_rows.late_interest(database).column(columns.REFUND)
    paid = paid.filter(pc.invert(pc.is_in(paid.column(columns.REFUND), value_set=pc.unique(late))))
    return Known(
        replaying.as_of(database, life, day),
        _facts(database, day),
        life_rows.plans(database, day),
        decided.filter(_not_after(decided, str(ON_DAY), day)),
        paid.filter(_not_after(paid, str(RESULT_LIQUIDATION_DATE), day)),
    )


def _not_after(rows: pa.Table, column: str, day: dt.date) -> pa.Array:
    """Which rows have a day up to a day."""
    days = rows.column(column).cast(pa.int32()).to_numpy()
    return pa.array(days <= (day - dt.date(1970, 1, 1)).days)


def _facts(database: Database, day: dt.date) -> pa.Table:
    """The latest facts of each entry under each declaration, written up to a day."""
    rows = database.rows(
        f"SELECT declaration, content FROM facts{life_rows.UNTIL} ORDER BY declaration, part",  # noqa: S608 - our own words
        (day.isoformat(),),
    )
    schema = pa.schema([DECLARATION.field, *columns.FACTS_SCHEMA])
    tables = [schema.empty_table()]
    for declaration, content in rows:
        found = unpacked_table(content, columns.FACTS_SCHEMA)
        home = pa.array(np.full(found.num_rows, declaration, np.int64))
        tables.append(pa.table([home, *found.columns], schema=schema))
    whole = pa.concat_tables(tables).unify_dictionaries().combine_chunks()
    entry = chain.entry_bytes(whole.column(ENTRY_NUMBER).combine_chunks())
    home = whole.column(DECLARATION).to_numpy()
    order = np.lexsort((np.arange(len(entry)), home, entry))
    entry, home = entry[order], home[order]
    last = np.append((entry[1:] != entry[:-1]) | (home[1:] != home[:-1]), values=True) if len(order) else order > 0
    return whole.take(pa.array(order[last]))


def reached(database: Database, life: Life, day: dt.date, states: Collection[str]) -> pa.Table:
    """Every step into some states up to a day, in the order of steps: columns `REACHED`."""
    codes = sorted(life.codes[state] for state in states)
    marks = ", ".join("?" for _ in codes)
    rows = database.rows(
        "SELECT declaration, to_state, on_day, entries, entry_numbers FROM steps "  # noqa: S608 - our own words
        f"WHERE on_day <= ? AND to_state IN ({marks}) ORDER BY step",
        (day.isoformat(), *codes),
    )
    if not rows:
        return REACHED_SCHEMA.empty_table()
    homes, to_states, days, counts, numbers = zip(*rows, strict=True)
    step = np.repeat(np.arange(len(rows)), counts)
    made = [
        chain.unpacked("".join(numbers)),
        pa.array(np.array(homes, np.int64)[step]),
        state_words(life, pa.array(np.array(to_states, np.int64)[step])),
        pa.array(days, pa.string()).cast(pa.date32()).take(pa.array(step)),
    ]
    return pa.table(made, schema=REACHED_SCHEMA)
