"""The answer of one engine, in the same columns for all."""

from __future__ import annotations

from dataclasses import dataclass

import pyarrow as pa

REFUNDS = ("recipient", "liquidation_date", "entries", "principal_cents", "interest_cents", "amount_cents")
ENTRIES = ("accepted", "principal_cents", "interest_cents", "liquidation_date")


@dataclass(frozen=True)
class Answer:
    """What a run gives.

    Attributes:
        entries: one row per entry, in the order of the input (`ENTRIES`).
        refunds: one row per recipient and day, by recipient and day (`REFUNDS`).
    """

    entries: pa.Table
    refunds: pa.Table


def tidy(entries: pa.Table, refunds: pa.Table) -> Answer:
    """The same types and order whichever engine made the tables."""
    days = pa.int32()  # some engines give day numbers, some dates
    kinds = {"accepted": pa.bool_(), "liquidation_date": days, "recipient": pa.string()}
    first = pa.table({name: entries[name].cast(kinds.get(name, pa.int64())) for name in ENTRIES})
    second = pa.table({name: refunds[name].cast(kinds.get(name, pa.int64())) for name in REFUNDS})
    second = second.sort_by([("recipient", "ascending"), ("liquidation_date", "ascending")])
    return Answer(first.combine_chunks(), second.combine_chunks())


def same(one: Answer, other: Answer) -> bool:
    """Whether two answers agree to the cent: every refund, and disposition and principal of every entry."""
    names = ["accepted", "principal_cents"]
    return bool(one.refunds.equals(other.refunds) and one.entries.select(names).equals(other.entries.select(names)))
