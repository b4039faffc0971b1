"""What interest for late payment must be, recomputed from the rows of a ledger; stories that are late."""

from __future__ import annotations

import datetime as dt
from typing import Any

import cape_engine
from cape_engine.ledger import Ledger
from paying.machine import Payments
from reference.late import late
from reference.undelivered import closed, lives_of, told_of

ON = {"refund.late_interest": True}
LAST = dt.date(2026, 11, 27)
"""Payments up to here have rates for every day, and the holidays of the machine end here."""


class LatePayments(Payments):
    """The same, where every wait is long and `refund.late_interest` is on."""

    settings = ON
    stride = 9
    last_day = LAST

    def __init__(self) -> None:
        super().__init__()
        self.day += dt.timedelta(days=20)


def check(url: str) -> int:
    """Every cent of late interest is owed, and every cent that is owed is booked once; rows checked.

    Every payment that was sent, and is no late interest itself, is reckoned anew: what is booked for it, and for those
    whose place it took, is what the twin says of its day of payment, or more only where those brought more.
    """
    with Ledger.open(url) as ledger:
        told = {row["payment"]: row for row in ledger.late_interest().to_pylist()}
        refunds = {row["refund"]: row for row in ledger.refunds().to_pylist()}
        parts = {row["payment"]: row for row in ledger.parts().to_pylist()}
        states = cape_engine.refund_show(ledger=url)
        sent = [row["payment"] for row in states.payments.to_pylist() if row["trace"] is not None]
        checked = 0
        for payment in sent:
            refund = refunds[parts[payment]["refund"]]
            if not refund["entries"]:
                assert payment not in told, "interest for late payment bears none itself"
                continue
            lives = lives_of(ledger, payment)
            begin, paid = refund["liquidation_date"], lives[0]["credit"]
            days = list(closed(lives, told_of(ledger, refund["recipient"]), begin, paid))
            owed = late(parts[payment]["amount_cents"], begin, paid, "corporate", [(day, day) for day in days])
            before, at = 0, parts[payment]["replaces"]
            while at is not None:
                before += told[at]["amount_cents"] if at in told else 0
                at = parts[at]["replaces"]
            booked = told.get(payment)
            assert (booked["amount_cents"] if booked else 0) == max(owed - before, 0), (payment, owed, before, booked)
            if booked:
                whole = 30 * ((paid - begin).days - 1 - ((paid - begin).days - 1) % 30) // 30
                assert booked["bearing_days"] == whole - sum((day - begin).days <= whole for day in days)
                assert booked["paid_on"] == paid
                checked += 1
        assert set(told) <= set(sent)
        sums: dict[str, int] = {}
        for row in told.values():
            sums[row["refund"]] = sums.get(row["refund"], 0) + row["amount_cents"]
        assert sums == {key: row["interest_cents"] for key, row in refunds.items() if not row["entries"]}
    balance: dict[str, Any] = dict(states.balance)
    assert balance.get("late_interest", 0) == sum(sums.values())
    return checked
