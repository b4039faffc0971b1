"""The slow twin of the days on which a payment could not be delivered: day by day, from the ledger's rows."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

DAY = dt.timedelta(days=1)
Told = Sequence[tuple[dt.date, bool]]


def enrolled(told: Told, day: dt.date) -> bool | None:
    """Whether a recipient was enrolled on a day, by what was said last; None where nothing was said yet."""
    flags = [flag for since, flag in told if since <= day]
    return flags[-1] if flags else None


def closed(lives: Sequence[Mapping[str, dt.date]], told: Told, begin: dt.date, end: dt.date) -> Iterator[dt.date]:
    """Days after the liquidation up to another on which nothing could be delivered.

    Args:
        lives: of a payment and those whose place it took, the newest first: day by state, and `credit`, the day on
            which it was to be credited.
        told: since when its recipient was enrolled, or was not.
        begin: day of the (re)liquidation.
        end: last day.
    """
    day = begin + DAY
    while day <= end:
        if enrolled(told, day) is False or any(_held(lives, place, told, day) or _back(one, told, day)
                                               for place, one in enumerate(lives)):  # fmt: skip
            yield day
        day += DAY


def _held(lives: Sequence[Mapping[str, dt.date]], place: int, told: Told, day: dt.date) -> bool:
    """Held, and nobody knew an account, until it was certified, or what took its place was."""
    certified = next(one["CERTIFIED"] for one in lives[place::-1] if "CERTIFIED" in one)
    held = lives[place].get("HELD_NO_ACH")
    return held is not None and held <= day < certified and not enrolled(told, day)


def _back(life: Mapping[str, dt.date], told: Told, day: dt.date) -> bool:
    """Came back, and no other account was enrolled since, nor was it reissued."""
    if "REISSUED" not in life or not life["credit"] <= day < life["REISSUED"]:
        return False
    return not any(flag and life["RETURNED"] <= since <= day for since, flag in told)


def lives_of(ledger: Any, payment: str) -> list[dict[str, dt.date]]:
    """The days in the life of a payment and those whose place it took, the newest first."""
    replaces = {row["payment"]: row["replaces"] for row in ledger.parts().to_pylist()}
    credit = {row["on_day"]: row["effective_day"] for row in ledger.sendings().to_pylist()}
    names = ("CONSOLIDATED HELD_NO_ACH CERTIFIED SENT_TO_TREASURY ISSUED SETTLED RETURNED REISSUED REPLACED").split()
    events = [(row["payment"], names[row["state"]], row["on_day"]) for row in ledger.payment_events().to_pylist()]
    found, at = [], payment
    while at is not None:
        life = {state: day for one, state, day in events if one == at}
        if "SENT_TO_TREASURY" in life:
            life["credit"] = credit[life["SENT_TO_TREASURY"]]
        found.append(life)
        at = replaces[at]
    return found


def told_of(ledger: Any, recipient: str) -> list[tuple[dt.date, bool]]:
    """What was said of the enrolment of a recipient."""
    key = recipient.replace("-", "")
    rows = ledger.every_enrolment().to_pylist()
    return [(row["since_date"], row["ach_enrolled"]) for row in rows if row["recipient_key"] == key]
