"""Positions of a ledger on a past day: only what was known that evening."""

from __future__ import annotations

import datetime as dt

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from cape_engine import bridge
from cape_engine.bridge import NO_DAY, Bools, Int8s, Int32s, Int64s, readonly
from cape_engine.findings import Findings
from cape_engine.ledger import Ledger
from cape_engine.ledger.chain import entry_bytes
from cape_engine.pipeline.books.positions import DECIDED, NOTHING, PAID, PLANNED, WAITING, Positions, chosen, sliced
from cape_engine.refund.deposits import Slices
from cape_engine.refund.many import interest_of_slices
from cape_engine.refund.rates import KINDS, RateTable, table_in_force
from cape_engine.rules import Ruleset
from cape_engine.schema import facts as f
from cape_engine.schema import ledger as led
from cape_engine.schema import life
from cape_engine.schema import results as r
from cape_engine.settings import Settings

STANDING_OF = {
    "SCHEDULED": PLANNED,
    "STRIPPED_WAITING": WAITING,
    "IN_REVIEW": WAITING,
    "LIQUIDATED": DECIDED,
    "RELIQUIDATED": DECIDED,
    "CONSOLIDATED": DECIDED,
    "HELD_NO_ACH": DECIDED,
    "OFFSET": DECIDED,
    "CERTIFIED": DECIDED,
    "SENT_TO_TREASURY": DECIDED,
    "RETURNED": DECIDED,
    "REISSUED": DECIDED,
    "ISSUED": PAID,
    "SETTLED": PAID,
    "WINDOW_MISSED": NOTHING,
    "ZERO_REFUND": NOTHING,
}
"""Standing of each state in which the facts of an entry are known."""


def of_ledger(ledger: Ledger, as_of: dt.date, ruleset: Ruleset, settings: Settings, findings: Findings) -> Positions:
    """Positions at the end of a day.

    Args:
        ledger: opened.
        as_of: day; steps, facts, plans and decisions of later days are left out.
        ruleset: the interest rates.
        settings: `refund.interest_rounding`, `refund.default_importer_kind`.
        findings: entries whose interest the facts do not give are added.
    """
    known = ledger.known(as_of)
    standing = _joined(known.standing, known.facts)
    facts = known.facts.take(pa.array(standing.fact)).combine_chunks()
    count = facts.num_rows
    principal = bridge.integers(facts, r.PRINCIPAL_CENTS, 0)
    planned = _last(known.plans, standing, bridge.days(known.plans, r.RESULT_LIQUIDATION_DATE), NO_DAY)
    decided = _last(known.decisions, standing, bridge.days(known.decisions, led.ON_DAY), NO_DAY)
    cents = _last(known.decisions, standing, bridge.integers(known.decisions, r.INTEREST_CENTS, -1), -1)
    row = _last(known.decisions, standing, np.arange(known.decisions.num_rows, dtype=np.int64), -1)
    standings = np.array([STANDING_OF[word] for word in standing.words], np.int8)[standing.state]
    day = np.where(decided != NO_DAY, decided, np.where(standings == PLANNED, planned, NO_DAY)).astype(np.int32)
    standings = np.where((day == NO_DAY) & (standings <= PAID), WAITING, standings).astype(np.int8)
    day = np.where(standings <= PAID, day, NO_DAY).astype(np.int32)
    entry, amount, deposited = _deposits(facts)
    parts = sliced(entry, amount, deposited, count)
    table, rounding = table_in_force(ruleset, settings), settings.text("refund.interest_rounding")
    kind = _kinds(facts, settings)
    interest, sure = _priced(parts, kind, day, table, rounding)
    final = cents >= 0
    rebuilt = ~final | (interest == cents)
    other = np.flatnonzero((standings <= PAID) & ~rebuilt)
    if len(other):
        first = facts.column(str(f.ENTRY_NUMBER))[int(other[0])].as_py()
        findings.add("BOOKS_NOT_REBUILT", entry=first, value=len(other))
    dated = standings <= PAID
    positions = Positions(
        number=bridge.single(facts, f.ENTRY_NUMBER).cast(pa.string()),
        importer=_words(facts, f.IMPORTER_NUMBER),
        recipient=_words(facts, r.RECIPIENT),
        payment=_keys(known.decisions, row),
        standing=standings,
        state=pa.DictionaryArray.from_arrays(pa.array(standing.state), pa.array(standing.words, pa.string())),
        principal_cents=principal,
        interest_cents=np.where(dated & (final | sure), np.where(final, cents, interest), 0),
        known=dated & (final | sure),
        day=day,
        accepted=bridge.days(facts, life.ACCEPTED_DATE),
        again=_again(known.plans, standing),
        kind=kind,
        slices=parts,
        rebuilt=rebuilt,
        table=table,
        rounding=rounding,
    )
    return positions.only(np.flatnonzero(principal > 0))


class _Joined:
    """Claims with facts: the row of their facts, and their state.

    Attributes:
        fact: int64[n], row of the facts.
        state: int32[n], place in `words`.
        words: the states.
        key: entry and declaration of each, sorted, for look-ups.
    """

    def __init__(self, fact: Int64s, state: Int32s, words: list[str], key: tuple[pa.Array, Int64s]) -> None:
        self.fact, self.state, self.words = fact, state, words
        self.entry, self.home = entry_bytes(key[0]), key[1]

    def places(self, entry: pa.Array, home: Int64s) -> Int64s:
        """Where claims stand; -1 where they are not among these. An entry may have been claimed several times."""
        wanted = entry_bytes(entry)
        whole = np.concatenate([self.entry, wanted])
        _, code = np.unique(whole, return_inverse=True)
        mine = code[: len(self.entry)].astype(np.int64) << 32 | self.home
        theirs = code[len(self.entry) :].astype(np.int64) << 32 | home
        order = np.argsort(mine)
        at = np.minimum(np.searchsorted(mine[order], theirs), max(len(mine) - 1, 0))
        if not len(mine):
            return np.full(len(theirs), -1, np.int64)
        return np.where(mine[order][at] == theirs, order[at], -1).astype(np.int64)


def _joined(standing: pa.Table, facts: pa.Table) -> _Joined:
    """Claims in a state that counts, with their facts; of an entry the last claim, by entry number."""
    code, words = bridge.codes(standing, led.STATE)
    counts = np.array([word in STANDING_OF for word in words] + [False])[code]
    rows = np.flatnonzero(counts)
    entry = bridge.single(standing, f.ENTRY_NUMBER).take(pa.array(rows))
    home = standing.column(str(led.DECLARATION)).to_numpy()[rows]
    listed = _Joined(
        np.arange(facts.num_rows), np.zeros(facts.num_rows, np.int32), [],
        (bridge.single(facts, f.ENTRY_NUMBER).cast(pa.string()), facts.column(str(led.DECLARATION)).to_numpy()),
    )  # fmt: skip
    fact = listed.places(entry.cast(pa.string()), home)
    kept = fact >= 0
    # A claim that ended and one that followed it: only the last one may still be paid.
    number = entry_bytes(entry.cast(pa.string()))
    last = np.append(number[1:] != number[:-1], values=True) if len(number) else kept
    kept &= last
    places = pa.array(np.flatnonzero(kept))
    used = [word if word in STANDING_OF else "ZERO_REFUND" for word in words]
    return _Joined(fact[kept], code[rows][kept], used, (entry.cast(pa.string()).take(places), home[kept]))


def _last(rows: pa.Table, standing: _Joined, values: Int64s | Int32s, missing: int) -> Int64s:
    """The value of the last row of each claim."""
    found = np.full(len(standing.fact), missing, np.int64)
    home = rows.column(str(led.DECLARATION)).to_numpy()
    place = standing.places(bridge.single(rows, f.ENTRY_NUMBER).cast(pa.string()), home)
    own = place >= 0
    found[place[own]] = values[own]  # of several the last one stays
    return found


def _again(plans: pa.Table, standing: _Joined) -> Bools:
    """Which entries are to be decided a second time, by the last plan that says so."""
    code, words = bridge.codes(plans, r.ACTION)
    second = np.array([word == "reliquidate" for word in words] + [False])[code].astype(np.int64)
    found: Bools = _last(plans, standing, second, 0) == 1
    return found


def _deposits(facts: pa.Table) -> tuple[Int64s, Int64s, Int32s]:
    """Entry, amount and day of each deposit whose day is known."""
    dates, amounts = bridge.single(facts, life.DEPOSIT_DATES), bridge.single(facts, life.DEPOSIT_AMOUNTS)
    lengths = pc.fill_null(pc.list_value_length(dates), 0).to_numpy(zero_copy_only=False)
    entry = np.repeat(np.arange(len(lengths), dtype=np.int64), lengths)
    day, cents = bridge.filled(dates.flatten(), np.int32, NO_DAY), bridge.filled(amounts.flatten(), np.int64, 0)
    known = (day != NO_DAY) & (cents > 0)
    return entry[known], cents[known], day[known]


def _kinds(facts: pa.Table, settings: Settings) -> Int8s:
    """Kind of importer, the default where the facts do not say."""
    code, words = bridge.codes(facts, f.IMPORTER_KIND)
    default = KINDS.index(settings.text("refund.default_importer_kind"))
    places = [KINDS.index(word) if word in KINDS else default for word in words]
    return np.array([*places, default], np.int8)[code]


def _priced(parts: Slices, kind: Int8s, day: Int32s, table: RateTable, rounding: str) -> tuple[Int64s, Bools]:
    """Interest of each entry up to its day, and whether every rate is known."""
    count = len(kind)
    cents, known = np.zeros(count, np.int64), np.ones(count, np.bool_)
    rows = np.flatnonzero(day != NO_DAY)
    some = chosen(parts, rows, count)
    if len(some.entry):
        amounts, sure = interest_of_slices(some, readonly(kind[rows]), readonly(day[rows]), table, rounding)
        np.add.at(cents, rows[some.entry], amounts)
        known[rows[some.entry[~sure]]] = False
    return cents, known


def _words(facts: pa.Table, column: str) -> pa.DictionaryArray:
    """A word column in one piece."""
    values = bridge.single(facts, column)  # type: ignore[arg-type]
    return values if pa.types.is_dictionary(values.type) else values.dictionary_encode()


def _keys(decisions: pa.Table, row: Int64s) -> pa.Array:
    """Key of the refund of each entry; null where it is not decided."""
    keys = bridge.single(decisions, life.REFUND).cast(pa.string())
    return keys.take(pa.array(row, mask=row < 0))
