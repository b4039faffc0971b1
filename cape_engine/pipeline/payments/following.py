"""Entries follow their refund: every step of theirs, by roads that `state_transitions.csv` allows."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from cape_engine import bridge
from cape_engine.ledger import Ledger, Stepped
from cape_engine.ledger.chain import entry_bytes
from cape_engine.ledger.states import Life, default_life
from cape_engine.pipeline.payments.book import STAGES, Book, Places, places_of
from cape_engine.schema import facts as f
from cape_engine.schema import ledger as led
from cape_engine.schema import life


@dataclass(slots=True)
class Followers:
    """Entries of refunds.

    Attributes:
        numbers: entry numbers, sorted.
        declaration: int64, declaration of each.
        code: int64, the ledger's code of the state of each.
        home: int64, place of the refund of each.
    """

    numbers: pa.Array
    declaration: npt.NDArray[np.int64]
    code: npt.NDArray[np.int64]
    home: Places

    @classmethod
    def of(cls, ledger: Ledger, book: Book) -> Followers:
        """The entries that are in refunds and whose claims are live."""
        decisions = ledger.decisions().select([str(f.ENTRY_NUMBER), str(life.REFUND)])
        entry = bridge.single(decisions, f.ENTRY_NUMBER)
        refund = places_of(bridge.single(decisions, life.REFUND), bridge.single(book.refunds, life.REFUND))
        fixed = entry_bytes(entry)
        order = np.lexsort((np.arange(len(fixed)), fixed))
        last = np.append(fixed[order][1:] != fixed[order][:-1], values=True) if len(order) else np.zeros(0, np.bool_)
        order = order[last]
        order = order[refund[order] >= 0]
        entry, refund = entry.take(pa.array(order)), refund[order]
        standing = ledger.standing()
        place = pc.index_in(entry, value_set=bridge.single(standing, f.ENTRY_NUMBER))
        there = pc.is_valid(place).to_numpy(zero_copy_only=False)
        at = place.filter(pa.array(there))
        declaration, code = (
            standing.column(str(column)).take(at).to_numpy().astype(np.int64) for column in (led.DECLARATION, led.STATE)
        )
        return cls(entry.filter(pa.array(there)), declaration, code, refund[there])

    def follow(
        self, ledger: Ledger, refunds: Places, goal: npt.NDArray[np.int8], day: dt.date, reason: str = ""
    ) -> None:
        """Take the entries of refunds to where the refunds stand.

        Args:
            ledger: inside a transaction.
            refunds: places of refunds whose state changed, each once.
            goal: where each stands now, a place in `STAGES`.
            day: day of the steps.
            reason: why.
        """
        life_ = default_life()
        count = int(max(refunds.max(initial=-1), self.home.max(initial=-1))) + 1
        wanted = np.full(count, -1, np.int64)
        wanted[refunds] = goal
        own = np.flatnonzero(wanted[self.home] >= 0)
        pairs = self.code[own] * len(STAGES) + wanted[self.home[own]]
        distinct, which = np.unique(pairs, return_inverse=True)
        roads = [
            _road(life_, life_.names[int(pair) // len(STAGES)], STAGES[int(pair) % len(STAGES)]) for pair in distinct
        ]
        _take(ledger, life_, self, (own, which, roads), (day, reason))


def _road(life_: Life, before: str, after: str) -> tuple[str, ...]:
    """The steps from where an entry stands to where its refund stands; nothing where it stands there, or elsewhere."""
    if before not in STAGES:
        return ()
    return life_.road(before, after)


def _take(
    ledger: Ledger,
    life_: Life,
    entries: Followers,
    chosen: tuple[Places, Places, list[tuple[str, ...]]],
    why: tuple[dt.date, str],
) -> None:
    """Write the steps, and note where the entries stand."""
    own, which, roads = chosen
    moving = np.array([bool(road) for road in roads], np.bool_)[which] if roads else np.zeros(0, np.bool_)
    here, ways = own[moving], which[moving]
    if not len(here):
        return
    told = Stepped(
        entries.numbers.take(pa.array(here)), entries.declaration[here], entries.code[here], ways.astype(np.int64),
        np.zeros(len(here), np.int64), tuple(roads), (why[1],),
    )  # fmt: skip
    ledger.step_known(told, on_day=why[0])
    entries.code[here] = np.array([life_.code(road[-1]) if road else 0 for road in roads], np.int64)[ways]
