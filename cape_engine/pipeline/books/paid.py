"""What a ledger knows of the payments of each importer: states, days, amounts, and where the money is."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from cape_engine import bridge
from cape_engine.bridge import NO_DAY, Int64s
from cape_engine.ledger import Ledger
from cape_engine.pipeline.payments import book as b
from cape_engine.pipeline.payments.book import Book, Places, decided, load, places_of
from cape_engine.pipeline.payments.showing import importers_of
from cape_engine.refund.cohorts import UNKNOWN
from cape_engine.schema import books, life
from cape_engine.schema import facts as f
from cape_engine.schema import ledger as led
from cape_engine.schema import payments as p
from cape_engine.schema import results as r

OFFSET = "OFFSET"
"""State of a row that tells what a debt took."""
_PAID, _HELD, _OFFSET, _RETURNED, _THERE, _GONE = range(6)
_BUCKET = np.array([_THERE, _HELD, _THERE, _THERE, _THERE, _PAID, _RETURNED, _GONE, _GONE])
"""Where the money of a payment is, by the code of its state."""


@dataclass(frozen=True, slots=True)
class Paid:
    """Payments of a ledger by importer.

    Attributes:
        payments: columns `schema.books.STATEMENT_PAYMENTS`, by importer, liquidation day and payment.
        money: columns `STATEMENT_MONEY`, by importer.
    """

    payments: pa.Table
    money: pa.Table

    def of(self, importers: pa.Array) -> Paid:
        """Only those of some importers."""
        return Paid(*(
            table.filter(pc.is_in(table.column(str(f.IMPORTER_NUMBER)).cast(pa.string()), value_set=importers))
            for table in (self.payments, self.money)
        ))  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Shares:
    """Who has what in each refund, in the order of refunds.

    Attributes:
        start: int64[refunds + 1], first importer of each.
        importer: int64[n], place among `names`.
        weight: int64[n], principal and interest of its entries.
        names: importer numbers.
    """

    start: Int64s
    importer: Int64s
    weight: Int64s
    names: list[str]


def paid_of(ledger: Ledger, as_of: dt.date) -> Paid:
    """Payments at the end of a day, told off to importers.

    Of a refund that several importers share each has a part in every payment, as principal and interest of its entries
    are to those of all, so that both add up: the importers of a payment to its amount, the payments of an importer to
    its principal and interest. Interest for late payment follows the refund that was late.
    """
    book = load(ledger, as_of)
    shares, late = _shares(ledger, book, as_of)
    offsets = ledger.offsets()
    offsets = offsets.filter(pc.less_equal(offsets.column(str(led.ON_DAY)), pa.scalar(as_of)))
    taken = places_of(bridge.single(offsets, life.REFUND), bridge.single(book.refunds, life.REFUND))
    # What was taken stands before the payments of a refund, and what was given up behind those that count.
    home = np.concatenate([taken, book.home])
    cents = np.concatenate([bridge.integers(offsets, r.AMOUNT_CENTS, 0), book.cents])
    bucket = np.concatenate([np.full(len(taken), _OFFSET), _BUCKET[book.state]])
    part = np.concatenate([np.full(len(taken), -1), bridge.integers(book.parts, life.PAID_PART, 0)])
    order = np.lexsort((np.arange(len(home)), part, bucket == _GONE, home))
    counts = np.diff(shares.start)[home[order]]
    item = np.repeat(order, counts)
    within = np.arange(len(item)) - np.repeat(np.cumsum(counts) - counts, counts)
    holder = shares.start[home[item]] + within
    share = _divided(shares, home[item], cents[item], bucket[item], within)
    importer = shares.importer[holder]
    sums = np.zeros((7, len(shares.names)), np.int64)
    for row in range(5):
        mine = bucket[item] == row
        np.add.at(sums[row], importer[mine], share[mine])
    counted = bucket[item] != _GONE
    np.add.at(sums[5], importer[counted], share[counted])
    owed = counted & late[home[item]]
    np.add.at(sums[6], importer[owed], share[owed])
    names = pa.array(shares.names, pa.string())
    money = pa.table(
        [names.dictionary_encode(), *(pa.array(sums[row]) for row in (5, 6, 0, 1, 2, 3, 4))],
        names=books.STATEMENT_MONEY_SCHEMA.names,
    ).cast(books.STATEMENT_MONEY_SCHEMA)
    rows = _rows(book, offsets, home[item], item, cents[item])
    rows = [names.take(pa.array(importer)), *rows, bridge.known_only(share, counted, pa.int64())]
    payments = pa.table(rows, names=books.STATEMENT_PAYMENTS_SCHEMA.names).cast(books.STATEMENT_PAYMENTS_SCHEMA)
    days = bridge.days(payments, r.RESULT_LIQUIDATION_DATE)
    texts = payments.column(str(f.IMPORTER_NUMBER)).cast(pa.string()).combine_chunks()
    ranked = np.lexsort((np.arange(len(days)), days, pc.rank(texts, tiebreaker="dense").to_numpy()))
    return Paid(payments.take(pa.array(ranked)), money.take(pc.sort_indices(names)))


def _shares(ledger: Ledger, book: Book, as_of: dt.date) -> tuple[_Shares, bridge.Bools]:
    """Who has what in each refund; which refunds are interest for late payment."""
    decisions, home = decided(ledger, book)
    texts = importers_of(ledger, bridge.single(decisions, f.ENTRY_NUMBER))
    coded = pc.fill_null(texts, UNKNOWN).dictionary_encode()
    names = [*coded.dictionary.to_pylist(), UNKNOWN]
    weight = bridge.integers(decisions, r.PRINCIPAL_CENTS, 0) + np.maximum(
        bridge.integers(decisions, r.INTEREST_CENTS), 0
    )
    rank = (
        np.argsort(np.argsort(np.array(names, dtype=object)[: len(names) - 1])) if len(names) > 1 else np.zeros(0, int)
    )
    key = home * len(names) + np.append(rank, 0)[coded.indices.to_numpy()] if len(home) else home
    pairs, first, which = np.unique(key, return_index=True, return_inverse=True)
    sums = np.zeros(len(pairs), np.int64)
    np.add.at(sums, which, weight)
    count = book.refunds.num_rows
    mine, owner = home[first], coded.indices.to_numpy().astype(np.int64)[first]
    late, base = _late(ledger, book, as_of)
    start = np.searchsorted(mine, np.arange(count + 1))
    own = base.copy()
    own[~late] = np.flatnonzero(~late)
    listed = [(owner[start[one]:start[one + 1]], sums[start[one]:start[one + 1]]) for one in own.tolist()]  # fmt: skip
    nobody = (np.array([len(names) - 1]), np.array([1]))
    listed = [pair if len(pair[0]) else nobody for pair in listed]
    sizes = np.array([len(pair[0]) for pair in listed], np.int64)
    flat = [np.concatenate([pair[column] for pair in listed]) if listed else np.zeros(0, np.int64) for column in (0, 1)]
    starts = np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)
    met, place = np.unique(flat[0], return_inverse=True)
    return _Shares(starts, place.astype(np.int64), flat[1], [names[one] for one in met.tolist()]), late


def _late(ledger: Ledger, book: Book, as_of: dt.date) -> tuple[bridge.Bools, Places]:
    """Which refunds are interest for late payment, and the refund that was late."""
    told = ledger.late_interest()
    told = told.filter(pc.less_equal(told.column(str(led.ON_DAY)), pa.scalar(as_of)))
    late = np.zeros(book.refunds.num_rows, np.bool_)
    base = np.zeros(book.refunds.num_rows, np.int64)
    at = places_of(bridge.single(told, life.REFUND), bridge.single(book.refunds, life.REFUND))
    late[at] = True
    base[at] = book.home[book.of_keys(bridge.single(told, life.PAYMENT))]
    return late, base


def _divided(shares: _Shares, home: Places, cents: Int64s, bucket: Int64s, within: Int64s) -> Int64s:
    """What each importer has in each payment; rows are payments of a refund in order, importers within them."""
    found = cents.copy()
    several = np.diff(shares.start)[home] > 1
    rows = np.flatnonzero(several & (bucket != _GONE) & (within == 0))
    rest: dict[int, list[int]] = {}
    total = np.zeros(len(shares.start) - 1, np.int64)
    np.add.at(total, home[rows], cents[rows])
    for row in rows.tolist():
        one = int(home[row])
        if one not in rest:
            weights = shares.weight[shares.start[one] : shares.start[one + 1]].tolist()
            rest[one] = apportioned(int(total[one]), weights)
        left = rest[one]
        parts = apportioned(int(cents[row]), left)
        found[row : row + len(parts)] = parts
        rest[one] = [before - part for before, part in zip(left, parts, strict=True)]
    return found


def apportioned(cents: int, weights: list[int]) -> list[int]:
    """Whole cents in proportion to weights; none is more than its weight where the weights are at least the cents.

    Args:
        cents: at least 0.
        weights: at least 0 each; where all are 0, they count alike.
    """
    weights = weights if any(weights) else [1] * len(weights)
    whole, before, given, found = sum(weights), 0, 0, []
    for weight in weights:
        before += weight
        until = cents * before // whole
        found.append(until - given)
        given = until
    return found


def _rows(book: Book, offsets: pa.Table, home: Places, item: Places, cents: Int64s) -> list[pa.Array]:
    """The columns between importer and share."""
    taken = offsets.num_rows
    debt, payment = item < taken, item - taken
    at = pa.array(np.where(debt, 0, payment), mask=debt)
    of = pa.array(np.where(debt, item, 0), mask=~debt)
    states = bridge.words(book.state.astype(np.int32), list(p.PAYMENT_STATES)).cast(pa.string())
    since = bridge.known_only(book.day, book.day != NO_DAY, pa.date32())
    place = book.of_keys(bridge.single(book.events, life.PAYMENT))
    codes, days = book.events.column("state").to_numpy(), bridge.days(book.events, led.ON_DAY)

    def day_of(state: int) -> pa.Array:
        found = np.full(len(book.state), NO_DAY, np.int32)
        mine = (codes == state) & (place >= 0)
        found[place[mine]] = days[mine]
        return bridge.known_only(found, found != NO_DAY, pa.date32()).take(at)

    sent, owner = book.traces()
    traced = np.full(len(book.state), -1, np.int64)
    traced[owner[owner >= 0]] = np.flatnonzero(owner >= 0)
    traces = (
        sent.take(pa.array(np.maximum(traced, 0), mask=traced < 0)) if len(sent) else pa.nulls(len(traced), pa.string())
    )
    refund = pa.array(home)
    return [
        book.recipients().take(refund),
        bridge.single(book.refunds, r.RESULT_LIQUIDATION_DATE).take(refund),
        bridge.single(book.refunds, life.REFUND).take(refund),
        book.keys.take(at),
        bridge.single(offsets, p.DEBT).cast(pa.string()).take(of),
        pc.if_else(pa.array(debt), OFFSET, states.take(at)),
        pc.if_else(pa.array(debt), bridge.single(offsets, led.ON_DAY).take(of), since.take(at)),
        *(day_of(state) for state in (b.HELD, b.SENT, b.ISSUED, b.SETTLED, b.RETURNED)),
        traces.take(at),
        pa.array(cents),
    ]
