"""The release of refunds: offsets first, then who has an account is certified within the limit of the day."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from cape_engine import bridge
from cape_engine.bridge import NO_DAY, Bools
from cape_engine.dates import day_number
from cape_engine.ledger import Ledger
from cape_engine.pipeline.payments.book import CERTIFIED, HELD, READY, Book, Places, load
from cape_engine.pipeline.payments.debts import record_debts, serve_debts
from cape_engine.pipeline.payments.enrolling import enrolled_now
from cape_engine.pipeline.payments.following import Followers
from cape_engine.pipeline.payments.result import Call
from cape_engine.pipeline.payments.working import Working
from cape_engine.refund.cohorts import UNKNOWN
from cape_engine.schema import ledger as led
from cape_engine.schema import payments as p
from cape_engine.schema import results as r

LARGE_CENTS, LARGEST_CENTS = 50_000_000_00, 500_000_000_00
"""From $50 million a payment needs notice, above $500 million a longer one (handbook 7.4)."""
LEADS = (0, 2, 5)
"""Business days of notice by class of size."""


def release(ledger: Ledger, day: dt.date, debts: Path | None, call: Call) -> pa.Table:
    """Release everything that is consolidated or held; the notices that this makes necessary.

    Args:
        ledger: inside a transaction.
        day: a working day.
        debts: file of debts.
        call: settings and calendars; counts and findings grow.

    Returns:
        Columns `schema.payments.NOTICES`.
    """
    if debts is not None:
        record_debts(ledger, debts, day, call)
    book = load(ledger)
    waiting = _waiting(book, day)
    before = book.stages()
    offset = serve_debts(ledger, book, waiting, day, call)
    entries = Followers.of(ledger, book) if len(waiting) else None
    if entries is not None and len(offset):
        whole = np.zeros(len(offset), np.int8)  # all of them come to OFFSET, the first of `STAGES`
        entries.follow(ledger, offset, whole, day, "a debt of the recipient")
        before[offset] = 0
    named, enrolled = _enrolled(ledger, book, day)
    certified = _certified(book, waiting[enrolled[waiting]], day, call)
    held = waiting[~enrolled[waiting]]
    of_home = np.zeros(book.refunds.num_rows, np.int8)
    of_home[certified], of_home[held] = CERTIFIED, HELD
    kind = of_home[book.home]
    paying = np.flatnonzero(book.live & (kind == CERTIFIED))
    holding = np.flatnonzero((book.state == READY) & (kind == HELD))
    book.record(ledger, paying, CERTIFIED, day)
    book.record(ledger, holding, HELD, day)
    call.count("certified", book.cents[paying])
    call.count("held", book.cents[holding])
    _say_held(book, held, named, call)
    after = book.stages()
    moved = waiting[after[waiting] != before[waiting]]
    if entries is not None and len(moved):
        entries.follow(ledger, moved, after[moved], day)
    return _notices(ledger, book, certified, day, call)


def _waiting(book: Book, day: dt.date) -> Places:
    """Refunds that were not certified yet, the oldest first: those of earlier days of liquidation."""
    open_ = book.live & (book.state < CERTIFIED) & (book.day <= day_number(day))
    found = np.unique(book.home[open_])
    days = bridge.days(book.refunds, r.RESULT_LIQUIDATION_DATE)
    found = found[days[found] <= day_number(day)]
    return found[np.lexsort((found, days[found]))]


def _enrolled(ledger: Ledger, book: Book, day: dt.date) -> tuple[Bools, Bools]:
    """Refunds whose recipient is known; of those, the ones whose recipient is enrolled."""
    recipients = book.recipients()
    named = pc.not_equal(recipients, UNKNOWN).to_numpy(zero_copy_only=False)
    enrolled, _, _ = enrolled_now(ledger, recipients, day)
    return named, enrolled & named


def _certified(book: Book, refunds: Places, day: dt.date, call: Call) -> Places:
    """The refunds that are certified today: in order, up to the limit of the day; zero cohorts make no payment.

    A refund above the whole limit goes alone, on a day on which nothing else is certified: it would wait for ever.
    """
    amounts = (bridge.integers(book.refunds, r.AMOUNT_CENTS) - book.offset)[refunds]
    refunds, amounts = refunds[amounts > 0], amounts[amounts > 0]
    limit = call.settings.maybe_number("refund.daily_limit_cents")
    if limit is None or not len(refunds):
        return refunds
    done = int(book.cents[book.certified == day_number(day)].sum())
    fits = int(np.searchsorted(np.cumsum(amounts), limit - done, side="right"))
    if not fits and not done and amounts[0] > limit:
        fits = 1
        recipient = book.recipients()[int(refunds[0])].as_py()
        call.findings.add("RELEASE_ABOVE_LIMIT", column=str(r.AMOUNT_CENTS), value=int(amounts[0]), limit=limit,
                          recipient=recipient)  # fmt: skip
    rest = amounts[fits:]
    call.count("waiting", rest)
    if len(rest):
        following = call.working.fed_after(day)
        call.findings.add("RELEASE_WAITS", value=int(rest.sum()), count=len(rest), day=following, limit=limit)
    return refunds[:fits]


def _say_held(book: Book, held: Places, named: Bools, call: Call) -> None:
    """Findings about what is held: how much, and refunds without recipient."""
    amounts = bridge.integers(book.refunds, r.AMOUNT_CENTS) - book.offset
    for code, which in (("RELEASE_HELD", held[named[held]]), ("RELEASE_NOBODY", held[~named[held]])):
        count = len(np.unique(book.recipients().take(pa.array(which)).to_pylist())) if len(which) else 0
        if count:
            call.findings.add(code, column=str(r.RECIPIENT), value=int(amounts[which].sum()), count=count,
                              refunds=len(which))  # fmt: skip


def size_class(book: Book) -> npt.NDArray[np.int64]:
    """The class of size of each refund's largest payment: a place in `LEADS`."""
    largest = np.zeros(book.refunds.num_rows, np.int64)
    live = book.live
    np.maximum.at(largest, book.home[live], book.cents[live])
    return (largest >= LARGE_CENTS).astype(np.int64) + (largest > LARGEST_CENTS)


def sendable_from(book: Book, notices: pa.Table, working: Working) -> npt.NDArray[np.int32]:
    """First day on which each certified payment may be sent; `NO_DAY` for others.

    A refund is one schedule with others of its class that were certified on the same day; one that holds a large
    payment was announced then, and waits. Reissued payments, certified on another day, are announced by the same rule.
    """
    found = np.where(book.state == CERTIFIED, book.certified, np.int32(NO_DAY)).astype(np.int32)
    lead = np.array(LEADS)[size_class(book)][book.home]
    told = {(row[led.ON_DAY], row[p.LEAD_DAYS]): row[p.SEND_FROM] for row in notices.to_pylist()}
    large = np.flatnonzero((found != NO_DAY) & (lead > 0))
    for number, days in sorted(set(zip(found[large].tolist(), lead[large].tolist(), strict=True))):
        day = dt.date(1970, 1, 1) + dt.timedelta(days=number)
        first = told.get((day, days)) or working.after(day, days)
        found[large[(book.certified[large] == number) & (lead[large] == days)]] = day_number(first)
    return found


def _notices(ledger: Ledger, book: Book, certified: Places, day: dt.date, call: Call) -> pa.Table:
    """Notices for the schedules of today that hold large payments."""
    return announce(ledger, book, np.flatnonzero(np.isin(book.home, certified) & book.live), day, call)


def announce(ledger: Ledger, book: Book, payments: Places, day: dt.date, call: Call) -> pa.Table:
    """Record the notices that payments certified today make necessary.

    Args:
        ledger: inside a transaction.
        book: the payments.
        payments: places of those certified by this call.
        day: today.
        call: calendars; counts grow.
    """
    sizes = size_class(book)[book.home[payments]]
    rows = []
    for size in (1, 2):
        own = payments[sizes == size]
        if len(own):
            first = call.working.after(day, LEADS[size])
            rows.append((day, first, LEADS[size], len(own), int(book.cents[own].sum())))
    if not rows:
        return p.NOTICES_SCHEMA.empty_table()
    columns = [pa.array(column) for column in zip(*rows, strict=True)]
    made = pa.table(columns, names=p.NOTICES_SCHEMA.names).cast(p.NOTICES_SCHEMA)
    ledger.record_notices(made, on_day=day)
    call.counts["notices"] = len(rows)
    return made
