"""What the bank and Treasury say of payments: issued, settled, returned; what cannot be is a finding."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from cape_engine import bridge
from cape_engine.bridge import NO_DAY, Bools, Int32s
from cape_engine.dates import date_of
from cape_engine.ledger import Ledger
from cape_engine.pipeline.payments.book import ISSUED, RETURNED, SENT, SETTLED, Book, Places, load
from cape_engine.pipeline.payments.following import Followers
from cape_engine.pipeline.payments.lines import Lines, read_lines
from cape_engine.pipeline.payments.result import Call
from cape_engine.schema import ledger as led
from cape_engine.schema import life
from cape_engine.schema import payment_files as pf
from cape_engine.schema import payments as p
from cape_engine.schema import results as r

STATES = (ISSUED, SETTLED, RETURNED)
"""State that each kind of line leads to, in the order of `BANK_KIND.words`."""
FROM = ((SENT,), (ISSUED,), (ISSUED, SETTLED))
"""States in which a payment may stand for it: a bank sends back what it credited, too."""
_RETURN = r"^R[0-9]{2}$"
_SLOWEST = 2
"""Fed days from issue to settlement: one or two (handbook 7.4); a bank that sends a credit back has two as well."""


def bank(ledger: Ledger, files: Sequence[Path], call: Call) -> None:
    """Record the lines of files that can be, day by day.

    Args:
        ledger: inside a transaction.
        files: columns `schema.payments.BANK_FILE`.
        call: calendars; counts and findings grow.
    """
    read = [read_lines(path, p.BANK_FILE, (p.BANK_KIND, p.BANK_DATE, r.AMOUNT_CENTS), call.findings) for path in files]
    if not any(lines.count for lines in read):
        return
    book = load(ledger, keys_only=True)
    known = _Known.of(book)
    entries: Followers | None = None
    told = [_told(lines, book, known) for lines in read]
    days = np.unique(np.concatenate([np.unique(one.day[one.lines.good]) for one in told]))
    for day in days.tolist():
        before = book.stages()
        for kind in range(len(STATES)):
            for one in told:
                _apply(ledger, book, one, kind, day, call)
        after = book.stages()
        moved = np.flatnonzero(after != before)
        if len(moved):
            entries = Followers.of(ledger, book) if entries is None else entries
            _follow(ledger, book, entries, moved, after[moved])
    call.counts["lines"] = sum(one.lines.count for one in told)
    refused = sum(int((~one.lines.good).sum()) - one.known for one in told)
    for name, number in (("refused", refused), ("known", sum(one.known for one in told))):
        if number:
            call.counts[name] = number


class _Known:
    """Events of banks that stand in the ledger already: payment, kind, day."""

    def __init__(self, keys: npt.NDArray[np.int64]) -> None:
        self._keys = keys

    @classmethod
    def of(cls, book: Book) -> _Known:
        """Those of a ledger."""
        states = book.events.column("state").to_numpy()
        place = book.of_keys(bridge.single(book.events, life.PAYMENT))
        days = bridge.days(book.events, led.ON_DAY)
        return cls(np.unique(_keys(place, states.astype(np.int64), days)[np.isin(states, STATES)]))

    def holds(self, place: Places, state: npt.NDArray[np.int64], days: Int32s) -> Bools:
        """Which events stand there."""
        found: Bools = np.isin(_keys(place, state, days), self._keys)
        return found


def _keys(place: Places, state: npt.NDArray[np.int64], days: Int32s) -> npt.NDArray[np.int64]:
    """Payment, state and day as one number."""
    return (place << 24 | (days.astype(np.int64) & 0xFFFFF) << 4 | state).astype(np.int64)


class _Told:
    """Lines of one file, with the payment each speaks of.

    Attributes:
        lines: with those that are still good.
        place: payment of each, -1 where it is not known.
        kind: place in `STATES`.
        day: day of each.
        reason: reason code, blank where there is none.
        known: lines that stand in the ledger already.
    """

    def __init__(self, lines: Lines, place: Places, kind: npt.NDArray[np.int64], day: Int32s, known: int) -> None:
        self.known = known
        self.lines = lines
        self.place = place
        self.kind = kind
        self.day = day
        self.reason = pc.utf8_upper(lines.cells[str(led.REASON)])
        rank = np.lexsort((np.arange(len(day)), kind, day))
        good = rank[lines.good[rank]]
        edges = np.flatnonzero((np.diff(day[good]) != 0) | (np.diff(kind[good]) != 0)) + 1
        starts = [0, *edges.tolist(), len(good)] if len(good) else [0]
        self.groups = {(int(day[good[low]]), int(kind[good[low]])): good[low:high] for low, high in pairwise(starts)}


def _told(lines: Lines, book: Book, known: _Known) -> _Told:
    """The lines of a file, those left out that cannot be, or that are known already."""
    lines.totals([str(life.PAYMENT), str(pf.TRACE), str(p.BANK_KIND)])
    kind = lines.words(p.BANK_KIND, "BANK_KIND_UNKNOWN")
    currency = pc.utf8_upper(lines.cells[str(p.CURRENCY)])
    other = pc.invert(pc.is_in(currency, value_set=pa.array(["", "USD"]))).to_numpy(zero_copy_only=False)
    lines.refuse(other, "BANK_CURRENCY", str(p.CURRENCY))
    cents = lines.cents(str(r.AMOUNT_CENTS))
    day = lines.days(str(p.BANK_DATE))
    place = _payments(lines, book)
    expected = np.append(book.cents, [0])[place]
    at = pa.array(np.maximum(place, 0))

    def payment(row: int) -> dict[str, object]:
        return {"payment": book.keys.take(at)[row].as_py(), "expected": int(expected[row])}

    lines.refuse(cents != expected, "BANK_AMOUNT_DIFFERS", str(r.AMOUNT_CENTS), payment)
    _twice(lines, place, kind)
    there = lines.good & known.holds(place, np.array([*STATES, 0])[kind], day)
    lines.good &= ~there
    return _Told(lines, place, kind, day, int(there.sum()))


def _payments(lines: Lines, book: Book) -> Places:
    """The payment of each line, by its key, by its trace, or by both, which must agree."""
    keys, traces = lines.cells[str(life.PAYMENT)], lines.cells[str(pf.TRACE)]
    no_key, no_trace = lines.blank(str(life.PAYMENT)), lines.blank(str(pf.TRACE))
    lines.refuse(no_key & no_trace, "BANK_PAYMENT_NAMELESS", str(life.PAYMENT))
    by_key = book.of_keys(pc.utf8_upper(keys))
    sent, payment = book.traces()
    found = bridge.filled(pc.index_in(traces, value_set=sent), np.int64, -1)
    by_trace = np.append(payment, [-1])[found] if len(payment) else np.full(lines.count, -1, np.int64)
    lines.refuse(~no_key & (by_key < 0), "BANK_PAYMENT_UNEXPECTED", str(life.PAYMENT))
    lines.refuse(~no_trace & (by_trace < 0), "BANK_TRACE_UNKNOWN", str(pf.TRACE))
    differ = ~no_key & ~no_trace & (by_key != by_trace)
    lines.refuse(differ, "BANK_TRACE_DIFFERS", str(pf.TRACE), lambda row: {"payment": keys[row].as_py()})
    return np.where(no_key, by_trace, by_key)


def _twice(lines: Lines, place: Places, kind: npt.NDArray[np.int64]) -> None:
    """A payment is issued, settled, returned once each."""
    rows = np.arange(lines.count)
    codes = np.where(lines.good, place * len(STATES) + kind, -1 - rows)
    _, first, which = np.unique(codes, return_index=True, return_inverse=True)

    def other(row: int) -> dict[str, object]:
        return {"other_row": int(lines.line[first[which[row]]])}

    lines.refuse(first[which] != rows, "BANK_LINE_TWICE", str(life.PAYMENT), other)


def _apply(ledger: Ledger, book: Book, told: _Told, kind: int, day: int, call: Call) -> None:
    """The lines of one kind and day of a file."""
    rows = told.groups.get((day, kind))
    if rows is None:
        return
    lines, place = told.lines, told.place
    own = np.zeros(lines.count, np.bool_)
    own[rows] = True
    states = p.PAYMENT_STATES

    def about(row: int) -> dict[str, object]:
        at = int(place[row])
        since = int(book.day[at])
        return {
            "payment": book.keys[at].as_py(),
            "state": states[book.state[at]],
            "since": "the beginning" if since == NO_DAY else date_of(since),
            "value": lines.cells[str(p.BANK_KIND)][row].as_py(),
        }

    at = np.maximum(place, 0)
    lines.refuse(own & ~np.isin(book.state[at], FROM[kind]), "BANK_STATE_DIFFERS", str(p.BANK_KIND), about)
    lines.refuse(
        own & (book.day[at] > day),
        "BANK_DATE_EARLY",
        str(p.BANK_DATE),
        lambda row: {**about(row), "value": date_of(day)},
    )
    if STATES[kind] == SETTLED:
        took = _fed_days(book.issued[at[rows]], day, call)
        odd, days = own.copy(), np.zeros(lines.count, np.int64)
        odd[rows], days[rows] = (took < 1) | (took > _SLOWEST), took
        lines.say(odd, "BANK_SETTLED_ODDLY", str(p.BANK_DATE), lambda row: {**about(row), "days": int(days[row])})
    if STATES[kind] == RETURNED:
        took = _fed_days(book.day[at[rows]], day, call)
        odd, days = own & (book.state[at] == SETTLED), np.zeros(lines.count, np.int64)
        odd[rows] &= took > _SLOWEST
        days[rows] = took
        lines.say(odd, "BANK_RETURNED_LATE", str(p.BANK_DATE), lambda row: {**about(row), "days": int(days[row])})
        plain = pc.match_substring_regex(told.reason, _RETURN).to_numpy(zero_copy_only=False)
        lines.say(own & ~plain, "BANK_REASON_ODD", str(led.REASON), lambda row: {"payment": about(row)["payment"]})
    good = rows[lines.good[rows]]
    where = pa.array(good)
    book.record(
        ledger, place[good], STATES[kind], date_of(day), source=lines.source, row=pa.array(lines.line[good]),
        reason=told.reason.take(where), trace=lines.cells[str(pf.TRACE)].take(where),
    )  # fmt: skip
    call.count(p.BANK_KIND.words[kind], book.cents[place[good]])


def _fed_days(since: Int32s, day: int, call: Call) -> npt.NDArray[np.int64]:
    """Fed days from each of some days to another."""
    days, which = np.unique(since, return_inverse=True)
    found: npt.NDArray[np.int64] = np.array([call.working.fed_days_between(one, day) for one in days.tolist()])[which]
    return found


def _follow(ledger: Ledger, book: Book, entries: Followers, moved: Places, goal: npt.NDArray[np.int8]) -> None:
    """Entries take their steps on the last day of their refund: lines of an earlier one may arrive later."""
    days = book.last_days()[moved]
    for day in np.unique(days).tolist():
        own = days == day
        entries.follow(ledger, moved[own], goal[own], date_of(day))
