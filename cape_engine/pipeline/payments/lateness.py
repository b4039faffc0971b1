"""Interest for late payment (19 USC 1505(d)) of what is about to be sent: booked once, in a refund of its own."""

from __future__ import annotations

import datetime as dt

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from cape_engine import bridge
from cape_engine.bridge import Int32s, Int64s, readonly
from cape_engine.dates import day_number
from cape_engine.ledger import Ledger
from cape_engine.pipeline.payments.book import CERTIFIED, Book, Places, decided, places_of
from cape_engine.pipeline.payments.releasing import LEADS, announce, size_class
from cape_engine.pipeline.payments.result import Call
from cape_engine.pipeline.payments.undelivered import holes
from cape_engine.refund.late import PERIOD_DAYS, Undeliverable, bearing, full_periods, late_interest_of_many
from cape_engine.refund.offsets import cut, new_key
from cape_engine.refund.rates import CORPORATE, KINDS
from cape_engine.schema import facts as f
from cape_engine.schema import life
from cape_engine.schema import payments as p
from cape_engine.schema import results as r

REASON = "late_interest"
"""Why a payment of interest for late payment was certified."""


def with_late_interest(
    ledger: Ledger, book: Book, ready: Places, day: dt.date, effective: dt.date, call: Call
) -> tuple[Places, Places, Places]:
    """Book the interest of payments that go out more than 30 days after the (re)liquidation.

    A payment that is reissued bears it up to its new day, less what was booked for those it replaces. Payments of
    interest for late payment bear none themselves: what is compounded stands in the interest of the payment itself.

    Args:
        ledger: inside a transaction.
        book: the payments; grows by what is booked.
        ready: payments that go out.
        day: day of the sending.
        effective: day of payment.
        call: settings and rules; counts and findings grow.

    Returns:
        Payments that go out, those left out whose days have no rate; new payments that go out with them; for each of
        these one of the payments that were late.
    """
    none = np.zeros(0, np.int64)
    told = ledger.late_interest()
    own = places_of(bridge.single(book.refunds, life.REFUND), bridge.single(told, life.REFUND)) >= 0
    liquidated = bridge.days(book.refunds, r.RESULT_LIQUIDATION_DATE)
    overdue = day_number(effective) - liquidated[book.home[ready]] > PERIOD_DAYS
    late = ready[overdue & ~own[book.home[ready]]]
    if not len(late):
        return ready, none, none
    start = liquidated[book.home[late]]
    undelivered = holes(ledger, book, late, start, day_number(effective))
    total = _interest(ledger, book, late, start, day_number(effective), undelivered, call)
    unknown = late[total < 0]
    if len(unknown):
        cents = int(book.cents[unknown].sum())
        call.findings.add("LATE_RATE_MISSING", value=len(unknown), cents=cents, day=effective)
        ready = ready[~np.isin(ready, unknown)]
    before = np.zeros(len(book.state), np.int64)
    np.add.at(before, book.of_keys(bridge.single(told, life.PAYMENT)), bridge.integers(told, r.AMOUNT_CENTS, 0))
    extra = total - _on_the_road(book, late, before)
    booked = np.flatnonzero(extra > 0)
    if not len(booked):
        return ready, none, none
    days = _bearing_days(start, day_number(effective), undelivered)
    made, base = _record(ledger, book, (late[booked], extra[booked], days[booked]), day, effective, call)
    announce(ledger, book, made, day, call)
    now = np.array(LEADS)[size_class(book)][book.home[made]] == 0
    return ready, made[now], base[now]


def _on_the_road(book: Book, late: Places, before: Int64s) -> Int64s:
    """What was booked for the payments whose place each took, all the way back."""
    found = np.zeros(len(late), np.int64)
    replaced = places_of(bridge.single(book.parts, p.REPLACES), book.keys)
    at = replaced[late]
    while (at >= 0).any():
        found += np.where(at >= 0, before[at], 0)
        at = np.where(at >= 0, replaced[at], -1)
    return found


def _interest(
    ledger: Ledger, book: Book, late: Places, start: Int32s, paid: int, undelivered: Undeliverable, call: Call
) -> Int64s:
    """Interest of each payment from the (re)liquidation on; -1 where a day has no rate.

    A payment of several importers is divided by kind, as principal and interest of its refund are; the cent that does
    not divide is the non-corporate part's.
    """
    share = _corporate(ledger, book, late, call)
    parts = (share, book.cents[late] - share)
    total, missing = np.zeros(len(late), np.int64), np.zeros(len(late), np.bool_)
    for kind, cents in enumerate(parts):
        rows = np.flatnonzero(cents)
        place = np.full(len(late), -1, np.int64)
        place[rows] = np.arange(len(rows))
        mine = place[undelivered.row] >= 0
        times = Undeliverable(place[undelivered.row][mine], undelivered.first[mine], undelivered.last[mine])
        kinds, days = np.full(len(rows), kind, np.int8), np.full(len(rows), paid, np.int32)
        found = late_interest_of_many(
            readonly(cents[rows]), readonly(start[rows]), readonly(days), readonly(kinds), undeliverable=times,
            ruleset=call.ruleset,
        )  # fmt: skip
        total[rows] += found
        missing[rows] |= found < 0
    return np.where(missing, -1, total)


def _corporate(ledger: Ledger, book: Book, late: Places, call: Call) -> Int64s:
    """Cents of each payment that belong to corporations (26 USC 6621(a)(1))."""
    decisions, home = decided(ledger, book)
    wanted = np.zeros(book.refunds.num_rows, np.bool_)
    wanted[book.home[late]] = True
    rows = np.flatnonzero(wanted[home])
    decisions, home = decisions.take(pa.array(rows)), home[rows]
    corporate = _kinds(ledger, bridge.single(decisions, f.ENTRY_NUMBER), call) == CORPORATE
    cents = bridge.integers(decisions, r.PRINCIPAL_CENTS, 0) + np.maximum(
        bridge.integers(decisions, r.INTEREST_CENTS), 0
    )
    of = np.zeros((2, book.refunds.num_rows), np.int64)
    np.add.at(of[0], home[corporate], cents[corporate])
    np.add.at(of[1], home, cents)
    part, whole = of[:, book.home[late]]
    default = call.settings.text("refund.default_importer_kind") == KINDS[CORPORATE]
    found = np.where((part == whole) & ((whole > 0) | default), book.cents[late], 0)
    for place in np.flatnonzero((part > 0) & (part < whole)).tolist():
        # Cents times cents pass 64 bits: whole numbers of Python.
        found[place] = int(book.cents[late[place]]) * int(part[place]) // int(whole[place])
    return found


def _kinds(ledger: Ledger, numbers: pa.Array, call: Call) -> npt.NDArray[np.int8]:
    """Kind of importer of entries, a place in `KINDS`; the default where the facts do not say."""
    facts = ledger.facts(numbers)
    code, words = bridge.codes(facts, f.IMPORTER_KIND)
    places = np.array([KINDS.index(word) if word in KINDS else -1 for word in words] + [-1], np.int8)
    at = places_of(numbers, bridge.single(facts, f.ENTRY_NUMBER).cast(pa.string()))
    found = np.append(places[code], np.int8(-1))[at]
    assumed = int((found < 0).sum())
    default = call.settings.text("refund.default_importer_kind")
    if assumed:
        call.findings.add("LATE_KIND_ASSUMED", column=str(f.IMPORTER_KIND), value=default, count=assumed)
    return np.where(found < 0, KINDS.index(default), found).astype(np.int8)


def _bearing_days(start: Int32s, paid: int, undelivered: Undeliverable) -> Int64s:
    """Days that bear interest."""
    whole = np.array([PERIOD_DAYS * full_periods(int(one), paid) for one in start.tolist()], np.int64)
    times: dict[int, list[tuple[int, int]]] = {}
    for row, first, last in zip(*(array.tolist() for array in undelivered), strict=True):
        times.setdefault(row, []).append((first, last))
    for row, found in times.items():
        begin = int(start[row])
        whole[row] = sum(last - before for before, last in bearing(begin, begin + int(whole[row]), found))
    return whole


def _record(
    ledger: Ledger,
    book: Book,
    late: tuple[Places, Int64s, Int64s],
    day: dt.date,
    effective: dt.date,
    call: Call,
) -> tuple[Places, Places]:
    """The refunds that pay the interest, with their payments, certified; places of these, and of a late one of each."""
    payments, cents, days = late
    homes, first, which = np.unique(book.home[payments], return_index=True, return_inverse=True)
    sums = np.zeros(len(homes), np.int64)
    np.add.at(sums, which, cents)
    versions = _versions(book, homes)
    old = bridge.single(book.refunds, life.REFUND).take(pa.array(homes)).to_pylist()
    keys = [new_key(key, f"late|{version}") for key, version in zip(old, versions, strict=True)]
    recipients = book.recipients().take(pa.array(homes))
    nothing = pa.array(np.zeros(len(homes), np.int64))
    columns = [
        pa.array(keys, pa.string()), recipients,
        bridge.single(book.refunds, r.RESULT_LIQUIDATION_DATE).take(pa.array(homes)),
        pa.array(versions, pa.int64()), nothing, nothing, pa.array(sums), pa.array(sums),
    ]  # fmt: skip
    refunds = pa.table(columns, names=life.COHORTS_SCHEMA.names).cast(life.COHORTS_SCHEMA)
    cap = call.settings.number("refund.payment_cap_cents")
    rows = []
    for key, total in zip(keys, sums.tolist(), strict=True):
        parts = cut(total, cap)
        for part, amount in enumerate(parts, 1):
            rows.append((key if part == 1 else new_key(key, f"part|{part}"), key, part, len(parts), amount))
    listed = [pa.array(column) for column in zip(*rows, strict=True)]
    made = book.add_refunds(ledger, refunds, pa.table(listed, names=life.PAYMENTS_SCHEMA.names), day)
    booked = [
        book.keys.take(pa.array(payments)), pa.array(keys, pa.string()).take(pa.array(which)),
        pa.array([day] * len(payments), pa.date32()), pa.array([effective] * len(payments), pa.date32()),
        pa.array(days), pa.array(book.cents[payments]), pa.array(cents),
    ]  # fmt: skip
    told = pa.table(booked, names=p.LATE_SCHEMA.names).cast(p.LATE_SCHEMA).sort_by(str(life.PAYMENT))
    ledger.record_late_interest(told, on_day=day)
    book.record(ledger, made, CERTIFIED, day, reason=pa.array([REASON] * len(made), pa.string()))
    call.count(REASON, book.cents[made])
    base = dict(zip(keys, payments[first].tolist(), strict=True))
    return made, np.array([base[row[1]] for row in rows], np.int64)


def _versions(book: Book, homes: Places) -> list[int]:
    """The next version of the cohort of each of some refunds."""
    recipients = book.recipients().to_pylist()
    days = bridge.days(book.refunds, r.RESULT_LIQUIDATION_DATE).tolist()
    latest: dict[tuple[str, int], int] = {}
    for cohort, version in zip(
        zip(recipients, days, strict=True), bridge.integers(book.refunds, life.COHORT_VERSION, 0).tolist(), strict=True
    ):
        latest[cohort] = max(latest.get(cohort, 0), version)
    found = []
    for home in homes.tolist():
        cohort = recipients[home], days[home]
        latest[cohort] += 1
        found.append(latest[cohort])
    return found
