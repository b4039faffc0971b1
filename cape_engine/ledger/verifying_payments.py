"""Recomputes the life of payments: steps, sums with offsets and replacements, what was sent, and debts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from cape_engine.ledger import payment_rows
from cape_engine.ledger.chain import CHAINED
from cape_engine.ledger.database import Database
from cape_engine.schema.payments import PAYMENT_STATES, PAYMENT_STEPS

Small = Mapping[str, list[tuple[Any, ...]]]
Say = Callable[[str], None]
_MOST = 20
_CODE = {state: code for code, state in enumerate(PAYMENT_STATES)}
_LEFT = frozenset({"REISSUED", "REPLACED"})
_SENT = pa.schema([("payment", pa.string()), ("trace", pa.string())])


def _cells(small: Small, table: str, *names: str) -> list[tuple[Any, ...]]:
    """Some columns of a table's rows."""
    places = [CHAINED[table].index(name) for name in names]
    return [tuple(row[place] for place in places) for row in small[table]]


def check_payments(database: Database, small: Small, say: Say) -> None:
    """Everything that payments must agree with.

    Args:
        database: inside a snapshot.
        small: rows of the chained tables, by table.
        say: takes a problem as a sentence.
    """
    try:
        events = payment_rows.events(database, None)
    except ValueError:
        return  # the cell that cannot be read is named already
    listed = _cells(small, "payments", "payment", "refund", "amount_cents", "replaces")
    keys = pa.array([row[0] for row in listed], pa.string())
    cents = np.array([row[2] for row in listed], np.int64)
    place = pc.fill_null(pc.index_in(events.column("payment"), value_set=keys), -1).to_numpy()
    _check_events(events, place, cents, say)
    state = np.zeros(len(listed), np.int8)
    known = place >= 0
    state[place[known]] = events.column("state").to_numpy()[known]  # of several the last one stays
    _check_replaced(listed, state, say)
    _check_sent(database, events, say)
    _check_late(small, say)
    taken = _check_debts(small, say)
    paid: dict[str, int] = {}
    parts = Counter(row[1] for row in listed)
    for (_payment, refund, amount, _replaces), code in zip(listed, state.tolist(), strict=True):
        if PAYMENT_STATES[code] not in _LEFT:
            paid[refund] = paid.get(refund, 0) + amount
    for refund, principal, interest, amount in _cells(
        small, "refunds", "refund", "principal_cents", "interest_cents", "amount_cents"
    ):
        if amount != principal + interest:
            say(f"refund {refund}: {amount:,} cents are not its principal and interest")
        found = paid.get(refund, 0) + taken.get(refund, 0)
        if (refund in parts or refund in taken) and found != amount:
            say(f"refund {refund}: its payments and offsets add up to {found:,} cents, not {amount:,}")


def _check_events(events: pa.Table, place: npt.NDArray[np.int64], cents: npt.NDArray[np.int64], say: Say) -> None:
    """Every event of a payment that exists, with its amount, by a step that there is."""
    names = events.column("payment")
    for row in np.flatnonzero(place < 0)[:_MOST].tolist():
        say(f"payment {names[row].as_py()}: an event names it, and there is no such payment")
    known = np.flatnonzero(place >= 0)
    wrong = known[events.column("amount_cents").to_numpy()[known] != cents[place[known]]]
    for row in wrong[:_MOST].tolist():
        say(f"payment {names[row].as_py()}: an event says another amount than the payment")
    allowed = np.zeros((len(PAYMENT_STATES), len(PAYMENT_STATES)), np.bool_)
    for here, there in PAYMENT_STEPS:
        allowed[_CODE[here], _CODE[there]] = True
    order = known[np.argsort(place[known], kind="stable")]
    state = events.column("state").to_numpy()[order].astype(np.int64)
    same = np.concatenate([[False], place[order][1:] == place[order][:-1]])[: len(order)]
    before = np.where(same, np.concatenate([[0], state[:-1]])[: len(order)], 0)
    for row in order[~allowed[before, state]][:_MOST].tolist():
        say(f"payment {names[row].as_py()}: it took a step that payments do not take")


def _check_replaced(listed: list[tuple[Any, ...]], state: npt.NDArray[np.int8], say: Say) -> None:
    """A payment is followed by one other, and only after it was given up; a returned one that was given up has one."""
    stands = {row[0]: PAYMENT_STATES[code] for row, code in zip(listed, state.tolist(), strict=True)}
    followed = Counter(row[3] for row in listed if row[3] is not None)
    for payment, count in followed.items():
        if count > 1:
            say(f"payment {payment}: {count} others took its place")
        if stands.get(payment) not in _LEFT:
            say(f"payment {payment}: another took its place, and it still counts")
    for payment, where in stands.items():
        if where == "REISSUED" and payment not in followed:
            say(f"payment {payment}: reissued, and no other took its place")


def _check_sent(database: Database, events: pa.Table, say: Say) -> None:
    """The table that refuses a second sending holds what the events say was sent, no more and no less."""
    told = events.filter(pc.equal(events.column("state"), _CODE["SENT_TO_TREASURY"])).select(_SENT.names)
    kept = database.table("SELECT payment, trace FROM sent_payments ORDER BY payment", _SENT)
    if not told.cast(_SENT).sort_by("payment").combine_chunks().equals(kept.sort_by("payment").combine_chunks()):
        say("sent_payments: not the payments and traces that the events say were sent")
    rows = database.rows(
        "SELECT s.sending FROM sendings s "
        "LEFT JOIN (SELECT sending, count(*) AS own FROM sent_payments GROUP BY sending) p "
        "ON p.sending = s.sending WHERE s.payments <> coalesce(p.own, 0)"
    )
    for (number,) in rows[:_MOST]:
        say(f"sending {number}: it holds another number of payments than it says")


def _check_late(small: Small, say: Say) -> None:
    """Interest for late payment stands in a refund of its own, of the same cohort, and adds up to it."""
    refunds = {row[0]: row[1:] for row in _cells(
        small, "refunds", "refund", "recipient", "liquidation_date", "entries", "principal_cents", "interest_cents"
    )}  # fmt: skip
    home = dict(_cells(small, "payments", "payment", "refund"))
    booked: dict[str, int] = {}
    for payment, refund, cents in _cells(small, "late_interest", "payment", "refund", "amount_cents"):
        booked[refund] = booked.get(refund, 0) + cents
        late, own = refunds.get(refund), refunds.get(home.get(payment, ""))
        if late is None or own is None:
            say(f"interest for late payment of {payment}: the payment, or refund {refund}, does not exist")
        elif late[:2] != own[:2] or home[payment] == refund:
            say(f"interest for late payment of {payment}: refund {refund} is of another recipient or day, or its own")
    for refund, (_recipient, _day, entries, principal, interest) in refunds.items():
        if refund in booked and (entries or principal or booked[refund] != interest):
            say(f"refund {refund}: {interest:,} cents, and interest for late payment adds up to {booked[refund]:,}")
        elif not entries and refund not in booked:
            say(f"refund {refund}: it has no entries, and is no interest for late payment")


def _check_debts(small: Small, say: Say) -> dict[str, int]:
    """No debt takes more than it is; what was taken from each refund."""
    rest = dict(_cells(small, "debts", "debt", "amount_cents"))
    taken: dict[str, int] = {}
    known = {row[0] for row in _cells(small, "refunds", "refund")}
    for debt, refund, amount in _cells(small, "offsets", "debt", "refund", "amount_cents"):
        taken[refund] = taken.get(refund, 0) + amount
        if debt not in rest or refund not in known:
            say(f"offset of debt {debt} from refund {refund}: one of them does not exist")
            continue
        rest[debt] -= amount
        if rest[debt] < 0:
            say(f"debt {debt}: more was taken for it than it is")
    return taken
