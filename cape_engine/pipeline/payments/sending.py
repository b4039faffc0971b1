"""Certified payments go to Treasury: traces, files inside the transaction, a database that refuses a second time."""

from __future__ import annotations

import datetime as dt

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from cape_engine import bridge
from cape_engine.bridge import NO_DAY
from cape_engine.dates import day_number
from cape_engine.ledger import Ledger
from cape_engine.ledger.blobs import digest_of
from cape_engine.ledger.payment_rows import SENDING
from cape_engine.pipeline.payments.book import SENT, STAGES, Book, Places, load
from cape_engine.pipeline.payments.enrolling import enrolled_now, fingerprints
from cape_engine.pipeline.payments.files import Batch, Target, write_files
from cape_engine.pipeline.payments.following import Followers
from cape_engine.pipeline.payments.lateness import with_late_interest
from cape_engine.pipeline.payments.releasing import sendable_from
from cape_engine.pipeline.payments.result import Call
from cape_engine.refund.payment_files import Accounts, read_accounts
from cape_engine.schema import life
from cape_engine.schema import payment_files as pf
from cape_engine.schema import payments as p
from cape_engine.schema import results as r


def send(ledger: Ledger, day: dt.date, target: Target, call: Call) -> None:
    """Send what is certified and announced.

    Args:
        ledger: inside a transaction.
        day: a working day.
        target: where the files go, and what they are made from.
        call: settings and calendars; counts and findings grow.
    """
    target.check()
    book = load(ledger)
    first = sendable_from(book, ledger.notices(), call.working)
    ready = np.flatnonzero((first != NO_DAY) & (first <= day_number(day)))
    later = np.flatnonzero((first != NO_DAY) & (first > day_number(day)))
    call.count("announced", book.cents[later])
    accounts = None
    if target.importers:
        accounts, findings = read_accounts(target.importers, settings=call.settings)
        call.findings.extend(findings)
    ready, tails = _payable(ledger, book, ready, day, accounts, call)
    effective = call.working.fed_after(day)
    if len(ready) and call.settings.switch("refund.late_interest"):
        ready, tails = _late(ledger, book, (ready, tails), (day, effective), call)
    if not len(ready):
        return
    # Oldest refunds first, and the parts of one refund together.
    order = np.lexsort((bridge.integers(book.parts, life.PAID_PART)[ready], book.home[ready], _days(book)[ready]))
    ready, tails = ready[order], tails.take(pa.array(order))
    number = ledger.sendings().num_rows + 1
    sent, files = ledger.sent_before(day)
    batch = Batch(number, day, effective, _rows(book, ready, tails, effective), sent, files)
    before = book.stages()
    traces, hashes = write_files(batch, target, accounts, call)
    rows = pa.table({str(life.PAYMENT): book.keys.take(pa.array(ready)), str(pf.TRACE): traces})
    cents = int(book.cents[ready].sum())
    ledger.record_sending(
        rows.sort_by(str(life.PAYMENT)), on_day=day, effective=effective, file_format=target.file_format, cents=cents
    )
    book.record(ledger, ready, SENT, day, trace=traces)
    call.count("sent", book.cents[ready])
    ledger.register_run(
        target.folder, kind=SENDING, result_hash=digest_of(rows), manifest_sha256=next(iter(hashes.values())),
        totals={"payments": len(ready), str(r.AMOUNT_CENTS): cents}, on_day=day, files=hashes,
    )  # fmt: skip
    after = book.stages()
    moved = np.flatnonzero(after != before)
    moved = moved[after[moved] == STAGES.index("SENT_TO_TREASURY")]
    if len(moved):
        Followers.of(ledger, book).follow(ledger, moved, after[moved], day)


def _late(
    ledger: Ledger, book: Book, going: tuple[Places, pa.Array], days: tuple[dt.date, dt.date], call: Call
) -> tuple[Places, pa.Array]:
    """Payments with those of the interest for their late payment; last characters of each account."""
    ready, tails = going
    kept, more, base = with_late_interest(ledger, book, ready, *days, call)
    of = np.full(len(book.state), -1, np.int64)
    of[ready] = np.arange(len(ready))
    return np.concatenate([kept, more]), tails.take(pa.array(of[np.concatenate([kept, base])]))


def _days(book: Book) -> bridge.Int32s:
    """Liquidation day of the refund of each payment."""
    found: bridge.Int32s = bridge.days(book.refunds, r.RESULT_LIQUIDATION_DATE)[book.home]
    return found


def _payable(
    ledger: Ledger, book: Book, ready: Places, day: dt.date, accounts: Accounts | None, call: Call
) -> tuple[Places, pa.Array]:
    """Payments whose recipient is enrolled, with the account that was enrolled; last characters of each account."""
    recipients = book.recipients().take(pa.array(book.home[ready]))
    enrolled, found, at = enrolled_now(ledger, recipients, day)
    tails = found.column(str(p.ACCOUNT_TAIL)).combine_chunks().take(pa.array(np.where(at < 0, 0, at), mask=at < 0))
    good = enrolled.copy()
    _say(recipients, ~enrolled, "SEND_NOT_ENROLLED", call)
    if accounts is not None:
        place = accounts.places(recipients).astype(np.int64)
        usable = np.append(accounts.usable(), [False])[place]
        _say(recipients, good & ~usable, "SEND_NO_ACCOUNT", call)
        good &= usable
        own = np.unique(place[good])
        _, digests = fingerprints(accounts, own.tolist())
        enrolled_as = bridge.single(found, p.ACCOUNT_DIGEST).take(pa.array(np.where(at < 0, 0, at), mask=at < 0))
        given = digests.take(
            pa.array(np.searchsorted(own, np.where(good, place, own[0] if len(own) else 0)), mask=~good)
        )
        same = pc.fill_null(pc.equal(enrolled_as, given), False).to_numpy(zero_copy_only=False)  # noqa: FBT003 - a value
        _say(recipients, good & ~same, "SEND_OTHER_ACCOUNT", call)
        good &= same
    call.count("not_sent", book.cents[ready], ~good)
    return ready[good], tails.filter(pa.array(good))


def _say(recipients: pa.Array, which: bridge.Bools, code: str, call: Call) -> None:
    """A finding for each recipient whose payments stay."""
    for row in recipients.filter(pa.array(which)).value_counts().to_pylist():
        call.findings.add(code, column=str(r.RECIPIENT), value=row["values"], count=row["counts"])


def _rows(book: Book, ready: Places, tails: pa.Array, effective: dt.date) -> pa.Table:
    """The payments of a sending, traces still to come."""
    at, home = pa.array(ready), pa.array(book.home[ready])
    none = pa.nulls(len(ready), pa.string())
    day = pa.array([effective], pa.date32()).take(pa.array(np.zeros(len(ready), np.int64)))
    made = {
        pf.TRACE: none,
        r.RECIPIENT: book.recipients().take(home).dictionary_encode(),
        r.RESULT_LIQUIDATION_DATE: bridge.single(book.refunds, r.RESULT_LIQUIDATION_DATE).take(home),
        p.EFFECTIVE_DAY: day,
        p.ACCOUNT_TAIL: tails,
    }
    columns = [made[name] if name in made else bridge.single(book.parts, name).take(at) for name in p.REQUEST]
    whole = pa.table(columns, names=p.REQUEST_SCHEMA.names).cast(p.REQUEST_SCHEMA)
    extra = {
        life.REFUND: bridge.single(book.parts, life.REFUND).take(at),
        life.COHORT_VERSION: bridge.single(book.refunds, life.COHORT_VERSION).take(home),
    }
    for name, values in extra.items():
        whole = whole.append_column(str(name), values)
    return whole
