"""Steps of entries whose states the caller holds already: a year of days must not read a million claims each day."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from cape_engine.errors import UsageError
from cape_engine.ledger import chain, reading
from cape_engine.ledger.database import Database, Goal
from cape_engine.ledger.writing import Group, Places, Writer
from cape_engine.schema import ledger as columns
from cape_engine.schema.facts import ENTRY_NUMBER


@dataclass(frozen=True, slots=True)
class Stepped:
    """Entries that take steps together, one value per entry.

    Attributes:
        numbers: entry numbers, sorted, each once.
        declaration: int64, the declaration of each.
        state: int64, code of the state it leaves.
        road: int64, place of its road.
        reason: int64, place of its reason.
        roads: roads as names of states, the one left not named.
        reasons: reasons; each is written on the last step of a road.
    """

    numbers: pa.Array
    declaration: npt.NDArray[np.int64]
    state: npt.NDArray[np.int64]
    road: npt.NDArray[np.int64]
    reason: npt.NDArray[np.int64]
    roads: tuple[tuple[str, ...], ...]
    reasons: tuple[str, ...]


def standing(database: Database) -> pa.Table:
    """Where every live claim stands."""
    rows = database.packed(("entry_number", "state"), "+live = 1")
    if not rows:
        return pa.table({"entry_number": pa.array([], pa.string()), "declaration": pa.array([], pa.int64()),
                         "state": pa.array([], pa.int64())})  # fmt: skip
    numbers, states, homes = reading.unpacked_claims(rows)
    table = pa.table({str(ENTRY_NUMBER): numbers, str(columns.DECLARATION): homes, str(columns.STATE): states})
    fixed = chain.entry_bytes(numbers)
    return table if (fixed[1:] > fixed[:-1]).all() else table.take(pa.array(np.argsort(fixed)))


def step_known(writer: Writer, steps: Stepped, on_day: dt.date) -> None:
    """Write the steps, and where the entries stand afterwards; `state_transitions.csv` says who takes each."""
    if not len(steps.numbers):
        return
    writer.note_time(on_day)
    keys = np.stack([steps.declaration, steps.state, steps.road, steps.reason])
    order = np.lexsort((np.arange(keys.shape[1]), *keys[::-1]))
    keys = keys[:, order]
    edges = np.flatnonzero(np.any(keys[:, 1:] != keys[:, :-1], axis=0)) + 1
    groups: list[Group] = []
    last: list[tuple[int, Places, str]] = []
    for low, high in pairwise([0, *edges.tolist(), len(order)]):
        declaration, before, road, reason = (int(value) for value in keys[:, low])
        here = order[low:high]
        for state in steps.roads[road]:
            taker = writer.life.takers.get((writer.life.names[before], state))
            if taker is None:
                raise UsageError(writer.life.refusal(writer.life.names[before], state))
            after = writer.life.code(state)
            told = steps.reasons[reason] if state == steps.roads[road][-1] else ""
            groups.append(Group(declaration, before, after, told, here, taker))
            before = after
        last.append((len(groups) - 1, here, steps.roads[road][-1]))
    numbers = writer.steps(steps.numbers, groups, on_day, "")
    was_live = writer.life.live_codes()
    for index, here, state in last:
        live = int(state in writer.life.live)
        goal = Goal(writer.life.code(state), numbers[index], None if was_live[steps.state[here[0]]] == live else live)
        writer.database.update_claims(groups[index].declaration, steps.numbers.take(pa.array(here)), goal)
