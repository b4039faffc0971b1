"""All payments of a ledger as arrays: where each stands, where each refund stands, and the events that change it."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from cape_engine import bridge
from cape_engine.bridge import NO_DAY, Bools, Int32s
from cape_engine.dates import day_number
from cape_engine.ledger import Ledger
from cape_engine.schema import facts as f
from cape_engine.schema import ledger as led
from cape_engine.schema import life
from cape_engine.schema import payment_files as pf
from cape_engine.schema import payments as p
from cape_engine.schema import results as r
from cape_engine.schema.column import Column

Places = npt.NDArray[np.int64]
READY, HELD, CERTIFIED, SENT, ISSUED, SETTLED, RETURNED, REISSUED, REPLACED = range(len(p.PAYMENT_STATES))
_OUT = np.isin(np.arange(len(p.PAYMENT_STATES)), (ISSUED, SETTLED))
_LIVE = ~np.isin(np.arange(len(p.PAYMENT_STATES)), (REISSUED, REPLACED))
CONSOLIDATED, HELD_NO_ACH, OFFSET = "CONSOLIDATED", "HELD_NO_ACH", "OFFSET"
STAGES: tuple[str, ...] = (
    OFFSET, "RETURNED", "SETTLED", "ISSUED", "REISSUED", "SENT_TO_TREASURY", "CERTIFIED", HELD_NO_ACH, CONSOLIDATED,
)  # fmt: skip
"""States of a refund, by code; those of its entries."""


@dataclass(slots=True)
class Book:
    """Payments and refunds of a ledger.

    Attributes:
        refunds: columns `schema.life.COHORTS`, in the order of keys.
        parts: columns `schema.payments.PARTS_KEPT`.
        home: int64[payments], place of the refund of each.
        cents: int64[payments].
        state: int8[payments], code of the state.
        day: int32[payments], day of the last event; `NO_DAY` where nothing happened yet.
        event: int64[payments], row of the last event; -1 where nothing happened yet.
        certified: int32[payments], day of certification.
        issued: int32[payments], day of issue.
        events: columns `ledger.payment_rows.EVENTS_SCHEMA`, oldest first.
        offset: int64[refunds], cents taken for debts.
    """

    refunds: pa.Table
    parts: pa.Table
    home: Places
    cents: npt.NDArray[np.int64]
    state: npt.NDArray[np.int8]
    day: Int32s
    event: Places
    certified: Int32s
    issued: Int32s
    events: pa.Table
    offset: npt.NDArray[np.int64]
    _keys: pa.Array = field(init=False)

    def __post_init__(self) -> None:
        self._keys = bridge.single(self.parts, life.PAYMENT)

    @property
    def keys(self) -> pa.Array:
        """Key of each payment."""
        return self._keys

    @property
    def live(self) -> Bools:
        """Payments that count: no other took their place."""
        found: Bools = _LIVE[self.state]
        return found

    def of_keys(self, keys: pa.Array) -> Places:
        """Places of payments by key; -1 for unknown ones."""
        return places_of(keys, self._keys)

    def recipients(self) -> pa.Array:
        """The recipient of each refund as text."""
        return bridge.single(self.refunds, r.RECIPIENT).cast(pa.string())

    def traces(self) -> tuple[pa.Array, Places]:
        """Every trace that was ever sent, and the payment it belongs to."""
        sent = self.events.filter(pc.equal(self.events.column("state"), SENT))
        return bridge.single(sent, pf.TRACE), self.of_keys(bridge.single(sent, life.PAYMENT))

    def told(self, places: Places, column: Column) -> pa.Array:
        """A text of the last event of payments when the book was read; null where nothing was said."""
        texts = bridge.single(self.events, column).cast(pa.string())
        at = self.event[places]
        none = pa.nulls(len(at), pa.string())
        found = texts.take(pa.array(np.maximum(at, 0), mask=at < 0)) if len(texts) else none
        return pc.if_else(pc.equal(found, ""), None, found)

    def record(
        self, ledger: Ledger, places: Places, state: int, day: dt.date, *, source: str = "", **cells: pa.Array
    ) -> None:
        """Payments come to a state: into the ledger and here.

        Args:
            ledger: inside a transaction.
            places: which payments, each once.
            state: code of the state.
            day: the day.
            source: file that said so.
            cells: `trace`, `payment_reason`, `replaced_by`, `row`: for each payment, where there is something to say.
        """
        if not len(places):
            return
        none = pa.nulls(len(places), pa.string())
        rows = pa.array(np.zeros(len(places), np.int64))
        made = {
            str(life.PAYMENT): self._keys.take(pa.array(places)),
            str(r.AMOUNT_CENTS): pa.array(self.cents[places]),
            str(pf.TRACE): cells.get("trace", none),
            str(p.PAYMENT_REASON): cells.get("reason", none).cast(p.PAYMENT_REASON.type),
            str(p.REPLACED_BY): cells.get("by", none),
            str(life.EVENT_ROW): cells.get("row", rows),
        }
        ledger.record_payment_events(p.PAYMENT_STATES[state], pa.table(made), source=source, on_day=day)
        self._come(places, state, day_number(day))

    def _come(self, places: Places, state: int, day: int) -> None:
        """Payments stand in a state from a day on."""
        self.state[places] = state
        self.day[places] = day
        if state == CERTIFIED:
            self.certified[places] = day
        elif state == ISSUED:
            self.issued[places] = day

    def add(self, ledger: Ledger, parts: pa.Table, day: dt.date) -> Places:
        """Payments that take the place of others: into the ledger and here; their places.

        Args:
            ledger: inside a transaction.
            parts: columns `schema.payments.PARTS_KEPT`.
            day: the day.
        """
        ledger.record_parts(parts, on_day=day)
        return self._grow(parts)

    def add_refunds(self, ledger: Ledger, refunds: pa.Table, payments: pa.Table, day: dt.date) -> Places:
        """Refunds with their payments: into the ledger and here; the places of the payments.

        Args:
            ledger: inside a transaction.
            refunds: columns `schema.life.COHORTS`.
            payments: columns `schema.life.PAYMENTS`.
            day: the day.
        """
        ledger.record_refunds(refunds, payments, on_day=day)
        recipient = self.refunds.schema.get_field_index(str(r.RECIPIENT))
        texts = self.refunds.set_column(recipient, str(r.RECIPIENT), self.recipients())
        more = refunds.set_column(recipient, str(r.RECIPIENT), bridge.single(refunds, r.RECIPIENT).cast(pa.string()))
        self.refunds = pa.concat_tables([texts, more.cast(texts.schema)]).combine_chunks()
        self.offset = np.concatenate([self.offset, np.zeros(refunds.num_rows, np.int64)])
        none = pa.nulls(payments.num_rows, pa.string())
        return self._grow(payments.append_column(p.REPLACES.field, none))

    def _grow(self, parts: pa.Table) -> Places:
        """Payments to which nothing has happened yet; their places."""
        new = parts.num_rows
        before = self.parts.num_rows
        self.parts = pa.concat_tables([self.parts, parts.cast(self.parts.schema)]).combine_chunks()
        self._keys = bridge.single(self.parts, life.PAYMENT)
        own = places_of(bridge.single(parts, life.REFUND), bridge.single(self.refunds, life.REFUND))
        none = np.full(new, NO_DAY, np.int32)
        self.home = np.concatenate([self.home, own])
        self.cents = np.concatenate([self.cents, bridge.integers(parts, r.AMOUNT_CENTS, 0)])
        self.state = np.concatenate([self.state, np.zeros(new, np.int8)])
        self.event = np.concatenate([self.event, np.full(new, -1, np.int64)])
        self.day, self.certified, self.issued = (
            np.concatenate([one, none]) for one in (self.day, self.certified, self.issued)
        )
        return np.arange(before, before + new)

    def stages(self) -> npt.NDArray[np.int8]:
        """Where each refund stands, a place in `STAGES`: what its entries follow (docs/payments.md).

        A part that came back makes it RETURNED; it is ISSUED and SETTLED when every part is; between, a reissued part
        keeps it REISSUED until every part is out.
        """
        count = self.refunds.num_rows
        live = np.flatnonzero(self.live)
        home, state = self.home[live], self.state[live]

        def some(mask: Bools) -> npt.NDArray[np.int64]:
            return np.bincount(home[mask], minlength=count)

        parts = np.bincount(home, minlength=count)
        again = self._reissues()[live]
        out, settled = some(_OUT[state]), some(state == SETTLED)
        tests = (
            (parts == 0) & (self.offset > 0),
            some(state == RETURNED) > 0,
            (parts > 0) & (settled == parts),
            (parts > 0) & (out == parts),
            some(again) > 0,
            (parts > 0) & (some(state >= SENT) == parts),
            (parts > 0) & (some(state >= CERTIFIED) == parts),
            self.offset > 0,
            (parts > 0) & (some(state == HELD) == parts),
        )
        codes = (0, 1, 2, 3, 4, 5, 6, 0, 7)
        return np.select(tests, codes, STAGES.index(CONSOLIDATED)).astype(np.int8)

    def _reissues(self) -> Bools:
        """Payments that were made for one that came back (others replace parts that an offset cut anew)."""
        replaced = places_of(bridge.single(self.parts, p.REPLACES), self._keys)
        found: Bools = (replaced >= 0) & (self.state[replaced] == REISSUED)
        return found

    def last_days(self) -> Int32s:
        """Day of the last event of each refund; `NO_DAY` where nothing happened yet."""
        found = np.full(self.refunds.num_rows, NO_DAY, np.int32)
        np.maximum.at(found, self.home, self.day)
        return found


def places_of(wanted: pa.Array, known: pa.Array) -> Places:
    """Places of texts in others; -1 where they are not, or are null."""
    found = pc.index_in(wanted, value_set=known, skip_nulls=True)
    places: Places = pc.fill_null(found, -1).to_numpy(zero_copy_only=False).astype(np.int64)
    return places


def decided(ledger: Ledger, book: Book) -> tuple[pa.Table, Places]:
    """The last decision of each entry that is in a refund of a book, and the place of that refund."""
    decisions = ledger.decisions()
    refund = places_of(bridge.single(decisions, life.REFUND), bridge.single(book.refunds, life.REFUND))
    last = np.full(len(refund), -1, np.int64)
    codes = bridge.single(decisions, f.ENTRY_NUMBER).dictionary_encode().indices.to_numpy()
    last[codes] = np.arange(len(codes))  # of several decisions of an entry the last one stays
    kept = np.sort(last[last >= 0])
    kept = kept[refund[kept] >= 0]
    return decisions.take(pa.array(kept)), refund[kept]


def load(ledger: Ledger, until: dt.date | None = None, *, keys_only: bool = False) -> Book:
    """Read all refunds, payments and events; inside a transaction, or as of one moment.

    Args:
        ledger: where they stand.
        until: only what happened up to this day; None for all.
        keys_only: of refunds only the keys: a third faster, for who need not know recipients, days and amounts.
    """
    parts, events = ledger.parts(), ledger.payment_events(until).combine_chunks()
    refund_keys = pa.table({str(life.REFUND): pc.unique(parts.column(str(life.REFUND)))})
    refunds = refund_keys if keys_only else ledger.refunds()
    offsets = ledger.offsets()
    if until is not None:
        refunds = refunds.filter(pc.less_equal(refunds.column(str(r.RESULT_LIQUIDATION_DATE)), pa.scalar(until)))
        late = ledger.late_interest()
        later = late.filter(pc.greater(late.column(str(led.ON_DAY)), pa.scalar(until))).column(str(life.REFUND))
        refunds = refunds.filter(pc.invert(pc.is_in(refunds.column(str(life.REFUND)), value_set=pc.unique(later))))
        offsets = offsets.filter(pc.less_equal(offsets.column(str(led.ON_DAY)), pa.scalar(until)))
        parts = _there(parts, events, refunds)
    keys = bridge.single(refunds, life.REFUND)
    home = places_of(bridge.single(parts, life.REFUND), keys)
    count = parts.num_rows
    state, day = np.zeros(count, np.int8), np.full(count, NO_DAY, np.int32)
    certified, issued, last = day.copy(), day.copy(), np.full(count, -1, np.int64)
    place = places_of(bridge.single(events, life.PAYMENT), bridge.single(parts, life.PAYMENT))
    codes, days = events.column("state").to_numpy(), bridge.days(events, led.ON_DAY)
    state[place], day[place], last[place] = codes, days, np.arange(len(place))  # of several the last one stays
    for array, code in ((certified, CERTIFIED), (issued, ISSUED)):
        array[place[codes == code]] = days[codes == code]
    taken = np.zeros(refunds.num_rows, np.int64)
    of = places_of(bridge.single(offsets, life.REFUND), keys)
    np.add.at(taken, of, bridge.integers(offsets, r.AMOUNT_CENTS, 0))
    cents = bridge.integers(parts, r.AMOUNT_CENTS, 0).copy()
    return Book(refunds, parts, home, cents, state, day, last, certified, issued, events, taken)


def _there(parts: pa.Table, events: pa.Table, refunds: pa.Table) -> pa.Table:
    """Payments that were there on a day: the first ones of refunds, and others once they took a place."""
    left = events.filter(pc.greater_equal(events.column("state"), REISSUED))
    replaces = parts.column(str(p.REPLACES))
    first = pc.or_(
        pc.is_null(replaces), pc.is_in(replaces, value_set=bridge.single(left, life.PAYMENT), skip_nulls=True)
    )
    known = pc.is_in(parts.column(str(life.REFUND)), value_set=bridge.single(refunds, life.REFUND))
    return parts.filter(pc.and_(known, first))
