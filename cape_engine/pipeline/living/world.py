"""Every entry that is alive in a ledger, read once and kept as arrays while days are played."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from cape_engine import bridge
from cape_engine.bridge import NO_DAY, Int32s
from cape_engine.ledger import Ledger
from cape_engine.ledger.chain import entry_bytes
from cape_engine.liquidation.life import HOLDS, LIQUIDATED, RELIQUIDATED, STATES, WAITING, Alive
from cape_engine.rules import Ruleset
from cape_engine.schema import facts as f
from cape_engine.schema import ledger as led
from cape_engine.schema import life
from cape_engine.schema import results as r
from cape_engine.schema.column import Column

DECIDED = -1
"""In the place of a state: the entry has left the part of the road that is played here."""


@dataclass(slots=True)
class World:
    """What is alive.

    Attributes:
        alive: as the days change it.
        code: int64, the ledger's code of each entry's state.
        declaration: int64.
        facts: columns `schema.life.FACTS` and the declaration, row by row the entries of `alive`.
        known: every entry that was scheduled and whose claim is live, decided ones too.
        codes: the ledger's code of each state.
    """

    alive: Alive
    code: npt.NDArray[np.int64]
    declaration: npt.NDArray[np.int64]
    facts: pa.Table
    known: pa.Array
    codes: dict[str, int]

    def undecided(self) -> npt.NDArray[np.int64]:
        """Places of entries that were decided and not consolidated."""
        decided = [STATES.index(LIQUIDATED), STATES.index(RELIQUIDATED)]
        return np.flatnonzero(np.isin(self.alive.state, decided))

    def places(self, numbers: pa.Array) -> npt.NDArray[np.int64]:
        """Where entries of 11 characters stand; -1 for those that are not alive."""
        wanted, known = entry_bytes(numbers), self.alive.number
        if not len(known) or not len(wanted):
            return np.full(len(wanted), -1, np.int64)
        place = np.minimum(np.searchsorted(known, wanted), len(known) - 1)
        return np.where(known[place] == wanted, place, -1).astype(np.int64)


def load(ledger: Ledger, ruleset: Ruleset) -> World:
    """Read everything that is alive; inside a transaction, or as of one moment."""
    codes = {row.state: row.code for row in ruleset.entry_states}
    facts, standing = ledger.facts(), ledger.standing()
    known = bridge.single(facts, f.ENTRY_NUMBER)
    place = pc.index_in(known, value_set=bridge.single(standing, f.ENTRY_NUMBER))
    code = standing.column(str(led.STATE)).take(place).to_numpy()
    state = np.full(max(codes.values()) + 1, DECIDED, np.int8)
    for index, word in enumerate(STATES):
        state[codes[word]] = index
    living = np.flatnonzero(state[code] != DECIDED)
    facts, code = facts.take(pa.array(living)).combine_chunks(), code[living]
    alive = _alive(facts, state[code])
    world = World(alive, code, facts.column(str(led.DECLARATION)).to_numpy(), facts, known, codes)
    _plan(world, ledger.plans())
    _decided(world, ledger)
    return world


def _alive(facts: pa.Table, state: npt.NDArray[np.int8]) -> Alive:
    """Arrays of the facts."""
    holds, words = bridge.codes(facts, life.HOLD)
    hold = np.array([HOLDS.index(word) for word in words] + [-1], np.int8)[holds]
    picked = bridge.flags(facts, life.PICKED) == 1

    def day(column: Column) -> Int32s:
        return bridge.days(facts, column).copy()

    return Alive(
        number=np.array(bridge.single(facts, f.ENTRY_NUMBER).to_numpy(zero_copy_only=False), "S11"),
        state=state,
        day=np.full(len(state), NO_DAY, np.int32),
        accepted=day(life.ACCEPTED_DATE),
        entered=day(f.ENTRY_DATE),
        basis=day(life.BASIS_DATE),
        limit=day(life.YEAR_END),
        booked=day(f.SCHEDULED_LIQUIDATION_DATE),
        hold=hold,
        picked=picked & (state == STATES.index(WAITING)),
    )


def _plan(world: World, plans: pa.Table) -> None:
    """The last plan of each entry, and what plans changed of basis and limit."""
    place = world.places(bridge.single(plans, f.ENTRY_NUMBER))
    own = place >= 0
    own[own] = world.declaration[place[own]] == plans.column(str(led.DECLARATION)).to_numpy()[own]
    place, alive = place[own], world.alive
    alive.day[place] = bridge.days(plans, r.RESULT_LIQUIDATION_DATE)[own]  # of several the last one stays
    basis, limit = bridge.days(plans, life.BASIS_DATE)[own], bridge.days(plans, life.LIMIT_DATE)[own]
    alive.basis[place[basis != NO_DAY]] = basis[basis != NO_DAY]
    moved = limit != NO_DAY
    alive.limit[place[moved]], alive.booked[place[moved]] = limit[moved], NO_DAY


def _decided(world: World, ledger: Ledger) -> None:
    """The day of those that were decided and wait for a rate of interest."""
    places = world.undecided()
    if len(places):
        live = ledger.live(bridge.single(world.facts, f.ENTRY_NUMBER).take(pa.array(places)))
        world.alive.day[places] = bridge.days(live, led.SINCE)
