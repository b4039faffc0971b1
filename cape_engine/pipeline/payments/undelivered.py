"""Days on which payments could not be delivered: held without an account, returned, or the recipient not enrolled."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from cape_engine import bridge
from cape_engine.bridge import NO_DAY, Int32s
from cape_engine.dates import day_number
from cape_engine.intake.free_texts import plain_numbers
from cape_engine.ledger import Ledger
from cape_engine.pipeline.payments.book import HELD, REISSUED, RETURNED, SENT, Book, Places, places_of
from cape_engine.refund.late import Undeliverable
from cape_engine.schema import facts as f
from cape_engine.schema import ledger as led
from cape_engine.schema import life
from cape_engine.schema import payments as p

Spans = list[tuple[int, int]]
Told = list[tuple[int, bool]]
"""What was said of one recipient: from which day on it was enrolled, or was not; in order."""


def holes(ledger: Ledger, book: Book, payments: Places, start: Int32s, paid: int) -> Undeliverable:
    """When payments, and those whose place they took, could not be delivered (handbook 7.1 and 7.4; 91 FR 21).

    Args:
        ledger: inside a transaction.
        book: as it was read.
        payments: places.
        start: int32[n], day of (re)liquidation of each.
        paid: day of payment.

    Returns:
        Times, both days included: from the day a payment was held until its recipient was enrolled; from the day on
        which one that came back was to be credited until another account was enrolled, else until it was reissued; and
        every day for which the recipient was said not to be enrolled.
    """
    told = _enrolments(ledger, book, payments)
    names = plain_numbers(book.recipients().take(pa.array(book.home[payments])))
    doubtful = pa.array([key for key, rows in told.items() if not all(flag for _, flag in rows)], pa.string())
    some = pc.is_in(names, value_set=doubtful).to_numpy(zero_copy_only=False)
    days = _Days.of(ledger, book)
    found: list[tuple[int, int, int]] = []

    def add(row: int, spans: Spans) -> None:
        found.extend((row, first, last) for first, last in spans if first <= last)

    for row in np.flatnonzero(some).tolist():
        add(row, refused(told[names[row].as_py()], int(start[row]) + 1, paid))
    replaced = places_of(bridge.single(book.parts, p.REPLACES), book.keys)
    at, certified = payments.copy(), book.certified[payments].copy()
    while (at >= 0).any():
        here = np.where(at >= 0, at, 0)
        # What an offset cut anew was never certified itself: it was held until the next one was.
        own = book.certified[here]
        certified = np.where(own != NO_DAY, own, certified)
        for row in np.flatnonzero((at >= 0) & (days.held[here] != NO_DAY)).tolist():
            add(row, waited(told.get(names[row].as_py(), []), int(days.held[here[row]]), int(certified[row]) - 1))
        for row in np.flatnonzero((at >= 0) & (days.again[here] != NO_DAY)).tolist():
            one = here[row]
            until = _account(told.get(names[row].as_py(), []), int(days.back[one]), int(days.again[one]))
            add(row, [(int(days.credit[one]), until - 1)])
        at = np.where(at >= 0, replaced[here], -1)
    rows, first, last = zip(*found, strict=True) if found else ((), (), ())
    return Undeliverable(np.array(rows, np.int64), np.array(first, np.int32), np.array(last, np.int32))


class _Days(NamedTuple):
    """Days in the life of each payment; `NO_DAY` where there was none.

    Attributes:
        held: on which it was held.
        credit: on which it was to be credited.
        back: on which it came back.
        again: on which it was reissued.
    """

    held: Int32s
    credit: Int32s
    back: Int32s
    again: Int32s

    @classmethod
    def of(cls, ledger: Ledger, book: Book) -> _Days:
        """Those of a book."""
        place = book.of_keys(bridge.single(book.events, life.PAYMENT))
        codes, days = book.events.column("state").to_numpy(), bridge.days(book.events, led.ON_DAY)

        def on(state: int) -> Int32s:
            found = np.full(len(book.state), NO_DAY, np.int32)
            mine = (codes == state) & (place >= 0)
            found[place[mine]] = days[mine]
            return found

        sent = on(SENT)
        credit = sent.copy()
        for row in ledger.sendings().to_pylist():
            credit[sent == day_number(row[led.ON_DAY])] = day_number(row[p.EFFECTIVE_DAY])
        return cls(on(HELD), credit, on(RETURNED), on(REISSUED))


def _enrolments(ledger: Ledger, book: Book, payments: Places) -> dict[str, Told]:
    """Everything that was said of the enrolment of the recipients of payments."""
    every = ledger.every_enrolment()
    wanted = plain_numbers(book.recipients().take(pa.array(np.unique(book.home[payments]))))
    every = every.filter(pc.is_in(every.column(str(p.RECIPIENT_KEY)), value_set=wanted))
    flags = (bridge.flags(every, f.ACH_ENROLLED) == 1).tolist()
    told: dict[str, Told] = {}
    keys = every.column(str(p.RECIPIENT_KEY)).to_pylist()
    for key, since, flag in zip(keys, bridge.days(every, p.SINCE_DATE).tolist(), flags, strict=True):
        told.setdefault(key, []).append((since, flag))
    return told


def refused(told: Told, first: int, last: int) -> Spans:
    """Days of a period for which the recipient was said not to be enrolled."""
    ends = [*(since - 1 for since, _ in told[1:]), *([last] if told else [])]
    return [
        (max(since, first), min(end, last)) for (since, enrolled), end in zip(told, ends, strict=True) if not enrolled
    ]


def waited(told: Told, first: int, last: int) -> Spans:
    """Days of a period on which nobody knew an account: before the first word, and while it was said there is none."""
    begin = told[0][0] if told else last + 1
    return [(first, min(begin - 1, last)), *refused(told, first, last)]


def _account(told: Told, back: int, again: int) -> int:
    """Day on which another account was enrolled after a return; the day of the reissue where none was."""
    return min((since for since, enrolled in told if enrolled and back <= since <= again), default=again)
