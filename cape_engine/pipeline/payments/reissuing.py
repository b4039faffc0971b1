"""A payment that came back is made anew: another key, linked to the old one, to be sent under a trace of its own."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from cape_engine import bridge
from cape_engine.dates import day_number
from cape_engine.ledger import Ledger
from cape_engine.pipeline.payments.book import CERTIFIED, REISSUED, RETURNED, Book, Places, load
from cape_engine.pipeline.payments.enrolling import enrolled_now
from cape_engine.pipeline.payments.following import Followers
from cape_engine.pipeline.payments.releasing import announce
from cape_engine.pipeline.payments.result import Call
from cape_engine.refund.offsets import new_key
from cape_engine.schema import life
from cape_engine.schema import payments as p
from cape_engine.schema import results as r

_AGAIN = "reissue"
BAD_ACCOUNT = ("R02", "R03", "R04", "R16", "R20")
"""Reasons of a return that lie in the account: closed, none, invalid, frozen, not for payments."""


def reissue(ledger: Ledger, day: dt.date, payments: Sequence[str] | None, call: Call) -> None:
    """Make new payments for those that came back.

    Args:
        ledger: inside a transaction.
        day: a working day.
        payments: keys; None for all that came back.
        call: counts and findings grow.
    """
    book = load(ledger)
    back = np.flatnonzero((book.state == RETURNED) & (book.day <= day_number(day)))
    if payments is not None:
        back = np.intersect1d(back, _named(book, payments, back, call))
    recipients = book.recipients().take(pa.array(book.home[back]))
    enrolled, found, at = enrolled_now(ledger, recipients, day)
    for row in recipients.filter(pa.array(~enrolled)).value_counts().to_pylist():
        call.findings.add("REISSUE_NOT_ENROLLED", column=str(r.RECIPIENT), value=row["values"], count=row["counts"])
    since = np.append(bridge.days(found, p.SINCE_DATE), np.int32(0))[at]
    _warn(book, back, since, enrolled, call)
    back = back[enrolled]
    if not len(back):
        return
    before = book.stages()
    old = book.keys.take(pa.array(back))
    keys = pa.array([new_key(key, _AGAIN) for key in old.to_pylist()], pa.string())
    columns = [keys, *(bridge.single(book.parts, name).take(pa.array(back)) for name in p.PARTS_KEPT[1:5]), old]
    book.record(ledger, back, REISSUED, day, by=keys)
    made = book.add(ledger, pa.table(columns, names=p.PARTS_KEPT_SCHEMA.names).cast(p.PARTS_KEPT_SCHEMA), day)
    book.record(ledger, made, CERTIFIED, day, reason=pa.array([_AGAIN] * len(made), pa.string()))
    call.count("reissued", book.cents[made])
    announce(ledger, book, made, day, call)
    after = book.stages()
    moved = np.flatnonzero(after != before)
    if len(moved):
        Followers.of(ledger, book).follow(ledger, moved, after[moved], day)


def _named(book: Book, payments: Sequence[str], back: Places, call: Call) -> Places:
    """Payments by key; what did not come back is a finding, and what was reissued already is counted."""
    keys = pc.utf8_upper(pc.utf8_trim_whitespace(pa.array(payments, pa.string()))).unique()
    place = book.of_keys(keys)
    for key, at in zip(keys.to_pylist(), place.tolist(), strict=True):
        if at >= 0 and book.state[at] == REISSUED:
            call.counts["known"] = call.counts.get("known", 0) + 1
        elif at not in back:
            state = "not known" if at < 0 else p.PAYMENT_STATES[book.state[at]]
            call.findings.add("REISSUE_NOT_RETURNED", column=str(life.PAYMENT), value=key, state=state)
    return place[place >= 0]


def _warn(book: Book, back: Places, since: bridge.Int32s, enrolled: bridge.Bools, call: Call) -> None:
    """A payment that came back for its account goes to the same account again."""
    if not len(back):
        return
    reasons = pc.fill_null(book.told(back, p.PAYMENT_REASON), "")
    bad = pc.is_in(reasons, value_set=pa.array(BAD_ACCOUNT)).to_numpy(zero_copy_only=False)
    for place in np.flatnonzero(bad & enrolled & (since < book.day[back])).tolist():
        key = book.keys[int(back[place])].as_py()
        call.findings.add("REISSUE_SAME_ACCOUNT", column=str(life.PAYMENT), value=key, reason=reasons[place].as_py())
