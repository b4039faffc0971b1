"""Debts of recipients: read from a file, kept in the ledger, served out of refunds in their order (19 CFR 24.72)."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from cape_engine import bridge
from cape_engine.intake.free_texts import plain_numbers
from cape_engine.ledger import Ledger
from cape_engine.pipeline.payments.book import CERTIFIED, REPLACED, Book, Places, places_of
from cape_engine.pipeline.payments.lines import Lines, read_lines
from cape_engine.pipeline.payments.result import Call
from cape_engine.refund.offsets import Debt, Taken, cut, new_key, take
from cape_engine.schema import ledger as led
from cape_engine.schema import life
from cape_engine.schema import payments as p
from cape_engine.schema import results as r

_ORDER = "order"
_CUT = "offset"
"""In keys of payments that were cut anew, and as the reason of the old ones."""


def record_debts(ledger: Ledger, path: Path, day: dt.date, call: Call) -> None:
    """Record the debts of a file that are new.

    Args:
        ledger: inside a transaction.
        path: columns `schema.payments.DEBTS_FILE`.
        day: on which they arrived.
        call: findings and counts grow.
    """
    lines = read_lines(path, p.DEBTS_FILE, p.DEBTS_FILE[:4], call.findings)
    lines.totals([str(r.RECIPIENT), str(p.DEBT)])
    for column in (p.DEBT, r.RECIPIENT):
        lines.refuse(lines.blank(str(column)), "DEBT_NAMELESS", str(column))
    creditor = lines.words(p.CREDITOR, "DEBT_CREDITOR_UNKNOWN")
    cents = lines.cents(str(r.AMOUNT_CENTS))
    order = _orders(lines)
    _once(lines)
    rows = pa.table(
        [
            lines.cells[str(p.DEBT)],
            plain_numbers(lines.cells[str(r.RECIPIENT)]),
            bridge.words(creditor.astype(np.int32), list(p.CREDITOR.words)),
            pa.array(order),
            pa.array(cents),
            pa.array([day] * lines.count, pa.date32()),
            pa.array([path.name] * lines.count, pa.string()).dictionary_encode(),
            pa.array(lines.line),
        ],
        names=p.DEBTS_SCHEMA.names,
    )
    _new(ledger, rows, lines, call)


def _orders(lines: Lines) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    """Place of each debt among those of its creditor; in the order of the file where none is given."""
    cells = lines.cells[_ORDER]
    whole = pc.match_substring_regex(cells, "^[0-9]{0,9}$").to_numpy(zero_copy_only=False)
    lines.refuse(~whole, "DEBT_ORDER_UNREADABLE", _ORDER)
    known = whole & ~lines.blank(_ORDER)
    values = pc.if_else(pa.array(known), cells, "0").cast(pa.int64()).to_numpy()
    return np.where(known, values, lines.line).astype(np.int64)


def _once(lines: Lines) -> None:
    """A debt stands once in a file."""
    cells = lines.cells[str(p.DEBT)].dictionary_encode()
    codes = np.where(lines.good, cells.indices.to_numpy(), -1 - np.arange(lines.count))
    _, first, which = np.unique(codes, return_index=True, return_inverse=True)
    again = first[which] != np.arange(lines.count)

    def other(place: int) -> dict[str, object]:
        return {"other_row": int(lines.line[first[which[place]]])}

    lines.refuse(again, "DEBT_TWICE", str(p.DEBT), other)


def _new(ledger: Ledger, rows: pa.Table, lines: Lines, call: Call) -> None:
    """Record what is not known yet; a known debt with another amount, recipient or creditor is a finding."""
    known = ledger.debts()
    at = places_of(bridge.single(rows, p.DEBT), bridge.single(known, p.DEBT))
    there = at >= 0
    if there.any():
        before = known.take(pa.array(np.where(there, at, 0)))
        same = np.ones(lines.count, np.bool_)
        for column in (p.RECIPIENT_KEY, p.CREDITOR, r.AMOUNT_CENTS):
            texts = [bridge.single(table, column).cast(pa.string()) for table in (rows, before)]
            same &= bridge.filled(pc.equal(*texts).cast(pa.int8()), np.int8, 0) == 1
        lines.refuse(there & ~same, "DEBT_CHANGED", str(p.DEBT))
    new = lines.good & ~there
    call.count("debts", bridge.integers(rows, r.AMOUNT_CENTS), new)
    if new.any():
        added = rows.filter(pa.array(new))
        ledger.record_debts(added, on_day=added.column(str(led.ON_DAY))[0].as_py())


def serve_debts(ledger: Ledger, book: Book, refunds: Places, day: dt.date, call: Call) -> Places:
    """Take what is owed from refunds, and cut the rest of them anew.

    Args:
        ledger: inside a transaction.
        book: changes with it.
        refunds: that can give something, in the order in which they are paid.
        day: the day.
        call: settings; counts and findings grow.

    Returns:
        Places of the refunds from which something was taken.
    """
    owed = _open(ledger, day)
    if not owed:
        return np.zeros(0, np.int64)
    if call.settings.text("refund.offsets") == "none":
        call.findings.add("DEBTS_NOT_SERVED", column=str(p.DEBT), value=sum(map(len, owed.values())))
        return np.zeros(0, np.int64)
    keys = plain_numbers(book.recipients().take(pa.array(refunds)))
    mine = np.flatnonzero(pc.is_in(keys, value_set=pa.array(list(owed))).to_numpy(zero_copy_only=False))
    own: dict[str, list[int]] = defaultdict(list)
    for place, key in zip(refunds[mine].tolist(), keys.take(pa.array(mine)).to_pylist(), strict=True):
        own[key].append(place)
    amounts = bridge.integers(book.refunds, r.AMOUNT_CENTS) - book.offset
    taken = [
        Taken(one.debt, places[one.refund], one.cents)
        for key, places in sorted(own.items())
        for one in take(owed[key], amounts[places].tolist())
    ]
    if not taken:
        return np.zeros(0, np.int64)
    touched = np.array([one.refund for one in taken], np.int64)
    cents = np.array([one.cents for one in taken], np.int64)
    names = bridge.single(book.refunds, life.REFUND).take(pa.array(touched))
    days = pa.array([day] * len(taken), pa.date32())
    rows = [pa.array([one.debt for one in taken]), names, days, pa.array(cents)]
    ledger.record_offsets(pa.table(rows, names=p.OFFSETS_SCHEMA.names), on_day=day)
    np.add.at(book.offset, touched, cents)
    call.count("offsets", cents)
    found = np.unique(touched)
    _cut_anew(ledger, book, found, day, call.settings.number("refund.payment_cap_cents"))
    return found


def _open(ledger: Ledger, day: dt.date) -> dict[str, list[Debt]]:
    """What is still open of the debts known on a day, by recipient, in the order in which they are served."""
    rest = {row[p.DEBT]: row for row in ledger.debts().to_pylist() if row[led.ON_DAY] <= day}
    for row in ledger.offsets().to_pylist():
        if row[p.DEBT] in rest:
            rest[row[p.DEBT]][r.AMOUNT_CENTS] -= row[r.AMOUNT_CENTS]
    creditors = {word: place for place, word in enumerate(p.CREDITOR.words)}

    def order(row: dict[str, object]) -> tuple[int, int, str]:
        return creditors[str(row[p.CREDITOR])], int(str(row[p.DEBT_ORDER])), str(row[p.DEBT])

    found: dict[str, list[Debt]] = defaultdict(list)
    for row in sorted(rest.values(), key=order):
        if row[r.AMOUNT_CENTS] > 0:
            found[row[p.RECIPIENT_KEY]].append(Debt(row[p.DEBT], row[r.AMOUNT_CENTS]))
    return found


def _cut_anew(ledger: Ledger, book: Book, refunds: Places, day: dt.date, cap: int) -> None:
    """The payments of what remains of refunds; each says which one it replaces, and the old ones say by which."""
    rest = (bridge.integers(book.refunds, r.AMOUNT_CENTS) - book.offset)[refunds].tolist()
    live = np.flatnonzero(book.live & (book.state < CERTIFIED) & np.isin(book.home, refunds))
    order = np.lexsort((bridge.integers(book.parts, life.PAID_PART)[live], book.home[live]))
    live = live[order]
    of_refunds = bridge.single(book.refunds, life.REFUND).take(pa.array(refunds)).to_pylist()
    names = dict(zip(refunds.tolist(), of_refunds, strict=True))
    rows: list[tuple[object, ...]] = []
    by: list[str | None] = []
    for refund, cents in zip(refunds.tolist(), rest, strict=True):
        old = book.keys.take(pa.array(live[book.home[live] == refund])).to_pylist()
        made = cut(cents, cap)
        # A lower cap than before makes more parts than there were: those replace none.
        before = [*old, *[None] * (len(made) - len(old))][: len(made)]
        keys = [new_key(key or old[-1], f"{_CUT}{part}") for part, key in enumerate(before, 1)]
        rows += [
            (key, names[refund], part, len(made), amount, replaces)
            for part, (key, amount, replaces) in enumerate(zip(keys, made, before, strict=True), 1)
        ]
        by += [keys[min(place, len(keys) - 1)] if keys else None for place in range(len(old))]
    text = pa.array(by, pa.string())
    reason = pa.array([_CUT] * len(by), pa.string())
    book.record(ledger, live, REPLACED, day, reason=reason, by=text)
    if rows:
        made_ = [pa.array(column) for column in zip(*rows, strict=True)]
        book.add(ledger, pa.table(made_, names=p.PARTS_KEPT_SCHEMA.names).cast(p.PARTS_KEPT_SCHEMA), day)
