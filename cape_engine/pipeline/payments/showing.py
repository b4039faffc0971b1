"""Where the money of refunds is, payment by payment and importer by importer, now or on a past evening."""

from __future__ import annotations

import datetime as dt

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from cape_engine import bridge
from cape_engine.bridge import NO_DAY, Bools
from cape_engine.intake.free_texts import plain_numbers
from cape_engine.ledger import Ledger
from cape_engine.pipeline.payments import book as b
from cape_engine.pipeline.payments.book import Book, decided, load
from cape_engine.pipeline.payments.result import PaymentsShown
from cape_engine.schema import facts as f
from cape_engine.schema import ledger as led
from cape_engine.schema import life
from cape_engine.schema import payment_files as pf
from cape_engine.schema import payments as p
from cape_engine.schema import results as r


def shown(ledger: Ledger, recipient: str | None, day: dt.date | None) -> PaymentsShown:
    """Refunds, payments, shares and balance; see `refund_show`."""
    book = load(ledger, day)
    wanted = np.ones(book.refunds.num_rows, np.bool_)
    if recipient is not None:
        key = plain_numbers(pa.array([recipient]))[0]
        wanted = pc.equal(plain_numbers(book.recipients()), key).to_numpy(zero_copy_only=False)
    cents = money(book)
    names = {"paid": p.PAID_CENTS, "held": p.HELD_CENTS, "offset": p.OFFSET_CENTS, "returned": p.RETURNED_CENTS,
             "on_the_way": p.ON_THE_WAY_CENTS}  # fmt: skip
    states = bridge.words(book.stages().astype(np.int32), list(b.STAGES))
    columns = {p.REFUND_STATE: states} | {column: pa.array(cents[name]) for name, column in names.items()}
    listed = [columns[name] if name in columns else bridge.single(book.refunds, name) for name in p.SHOWN_REFUNDS]
    refunds = _picked(listed, p.SHOWN_REFUNDS_SCHEMA, wanted)
    told = {
        name: int(refunds.column(str(column)).to_numpy().sum(dtype=np.int64))
        for name, column in {"principal": r.PRINCIPAL_CENTS, "interest": r.INTEREST_CENTS, **names}.items()
    }
    late = _late(ledger, book, wanted, day)
    if late.num_rows:
        told["late_interest"] = int(late.column(str(r.AMOUNT_CENTS)).to_numpy().sum(dtype=np.int64))
    return PaymentsShown(refunds, _payments(book, wanted), _shares(ledger, book, wanted), told, late)


def _late(ledger: Ledger, book: Book, wanted: Bools, day: dt.date | None) -> pa.Table:
    """Interest for late payment of the refunds to be shown."""
    late = ledger.late_interest()
    if day is not None:
        late = late.filter(pc.less_equal(late.column(str(led.ON_DAY)), pa.scalar(day)))
    own = bridge.single(book.refunds, life.REFUND).filter(pa.array(wanted))
    return late.filter(pc.is_in(late.column(str(life.REFUND)), value_set=own))


def money(book: Book) -> dict[str, npt.NDArray[np.int64]]:
    """Cents of each refund by where they are: paid, held, offset, returned, on the way."""
    count = book.refunds.num_rows

    def of(which: Bools) -> npt.NDArray[np.int64]:
        found = np.zeros(count, np.int64)
        np.add.at(found, book.home[which], book.cents[which])
        return found

    state = book.state
    found = {"paid": of(state == b.SETTLED), "held": of(state == b.HELD), "returned": of(state == b.RETURNED)}
    there = np.isin(state, (b.READY, b.CERTIFIED, b.SENT, b.ISSUED))
    return {**found, "offset": book.offset, "on_the_way": of(there)}


def _picked(columns: list[pa.Array], schema: pa.Schema, wanted: Bools) -> pa.Table:
    """Rows of a table to be shown."""
    return pa.table(columns, names=schema.names).cast(schema).filter(pa.array(wanted))


def _payments(book: Book, wanted: Bools) -> pa.Table:
    """Payments with their state, trace and reason."""
    home = pa.array(book.home)
    sent, payment = book.traces()
    traced = np.full(len(book.state), -1, np.int64)
    traced[payment] = np.arange(len(payment))
    at = pa.array(np.maximum(traced, 0), mask=traced < 0)
    every = np.arange(len(book.state))
    columns = {
        r.RECIPIENT: book.recipients().take(home),
        p.PAYMENT_STATE: bridge.words(book.state.astype(np.int32), list(p.PAYMENT_STATES)),
        p.STATE_SINCE: bridge.known_only(book.day, book.day != NO_DAY, pa.date32()),
        pf.TRACE: sent.take(at) if len(sent) else pa.nulls(len(traced), pa.string()),
        p.PAYMENT_REASON: book.told(every, p.PAYMENT_REASON),
        p.REPLACED_BY: book.told(every, p.REPLACED_BY),
    }
    listed = [columns[name] if name in columns else bridge.single(book.parts, name) for name in p.SHOWN_PAYMENTS]
    found = _picked(listed, p.SHOWN_PAYMENTS_SCHEMA, wanted[book.home] if len(book.home) else np.zeros(0, np.bool_))
    return found.sort_by(
        [(str(life.REFUND), "ascending"), (str(r.PART), "ascending"), (str(life.PAYMENT), "ascending")]
    )


def _shares(ledger: Ledger, book: Book, wanted: Bools) -> pa.Table:
    """What each importer has in each refund: the last decision of each entry counts."""
    decisions, refund = decided(ledger, book)
    kept = np.flatnonzero(wanted[refund])
    if not len(kept):
        return p.SHOWN_SHARES_SCHEMA.empty_table()
    numbers = bridge.single(decisions, f.ENTRY_NUMBER).take(pa.array(kept))
    importers = importers_of(ledger, numbers)
    own = pa.table(
        {
            "home": pa.array(refund[kept]),
            str(f.IMPORTER_NUMBER): importers,
            str(r.PRINCIPAL_CENTS): pa.array(bridge.integers(decisions, r.PRINCIPAL_CENTS, 0)[kept]),
            str(r.INTEREST_CENTS): pa.array(bridge.integers(decisions, r.INTEREST_CENTS, 0)[kept]),
        }
    )
    sums = [(str(r.PRINCIPAL_CENTS), "sum"), (str(r.INTEREST_CENTS), "sum"), (str(r.PRINCIPAL_CENTS), "count")]
    grouped = own.group_by(["home", str(f.IMPORTER_NUMBER)]).aggregate(sums)
    grouped = grouped.sort_by([("home", "ascending"), (str(f.IMPORTER_NUMBER), "ascending")])
    home = grouped.column("home")
    columns = [
        bridge.single(book.refunds, life.REFUND).take(home),
        book.recipients().take(home),
        grouped.column(str(f.IMPORTER_NUMBER)),
        grouped.column(f"{r.PRINCIPAL_CENTS}_count"),
        grouped.column(f"{r.PRINCIPAL_CENTS}_sum"),
        grouped.column(f"{r.INTEREST_CENTS}_sum"),
    ]
    return pa.table(columns, names=p.SHOWN_SHARES_SCHEMA.names).cast(p.SHOWN_SHARES_SCHEMA)


def importers_of(ledger: Ledger, numbers: pa.Array) -> pa.Array:
    """The importer of each entry: of the facts it was scheduled with, else of its claim."""
    facts = ledger.facts(numbers)
    at = pc.index_in(numbers, value_set=bridge.single(facts, f.ENTRY_NUMBER))
    told = bridge.single(facts, f.IMPORTER_NUMBER).cast(pa.string()).take(at)
    if not told.null_count:
        return told
    live = ledger.live(numbers)
    at = pc.index_in(numbers, value_set=bridge.single(live, f.ENTRY_NUMBER))
    return pc.coalesce(told, bridge.single(live, f.IMPORTER_NUMBER).cast(pa.string()).take(at))
