"""Where the refund of each entry stands: principal, interest, days and deposits, of a run or of a ledger on a day."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np
import pyarrow as pa

from cape_engine.bridge import NO_DAY, Bools, Int8s, Int32s, Int64s, readonly
from cape_engine.refund.deposits import Slices
from cape_engine.refund.many import interest_of_slices
from cape_engine.refund.rates import RateTable
from cape_engine.schema import books

PLANNED, DECIDED, PAID, WAITING, NOTHING = range(len(books.STANDINGS))


@dataclass(frozen=True, slots=True)
class Positions:
    """Entries with duty to give back, in the order of their numbers.

    Attributes:
        number: entry numbers.
        importer: word column, null where not known.
        recipient: word column likewise.
        payment: key of part 1 of the refund, null where nothing is paid.
        standing: int8, place in `schema.books.STANDINGS`.
        state: word column, `schema.books.POSITION_STATE`.
        principal_cents: int64, above 0.
        interest_cents: int64, up to the day; 0 where it is not known.
        known: whether the interest is known.
        day: int32, planned or real (re)liquidation day; NO_DAY where there is none.
        accepted: int32, acceptance day; NO_DAY where not known.
        again: bool, a second decision: reliquidation.
        kind: int8, place in `refund.rates.KINDS`.
        slices: principals by deposit.
        rebuilt: the slices give the interest to the cent; elsewhere the days of the deposits are not known.
        table: the rates.
        rounding: `refund.interest_rounding`.
    """

    number: pa.Array
    importer: pa.DictionaryArray
    recipient: pa.DictionaryArray
    payment: pa.Array
    standing: Int8s
    state: pa.DictionaryArray
    principal_cents: Int64s
    interest_cents: Int64s
    known: Bools
    day: Int32s
    accepted: Int32s
    again: Bools
    kind: Int8s
    slices: Slices
    rebuilt: Bools
    table: RateTable
    rounding: str

    def __len__(self) -> int:
        """How many entries there are."""
        return len(self.principal_cents)

    @property
    def dated(self) -> Bools:
        """Entries that have a day: planned, decided or paid."""
        return self.standing <= PAID

    def start(self) -> Int32s:
        """int32, the earliest deposit day of each entry; NO_DAY where none is known."""
        first = np.full(len(self), np.iinfo(np.int32).max, np.int32)
        np.minimum.at(first, self.slices.entry, self.slices.day)
        return np.where(first == np.iinfo(np.int32).max, NO_DAY, first).astype(np.int32)

    def accrued(self, rows: Int64s, until: Int32s) -> tuple[Int64s, Bools]:
        """Interest that entries have earned up to a day, rounded as CBP would on that day.

        Args:
            rows: int64[n], places of entries, ascending.
            until: int32[n], last day that counts; later than the liquidation it changes nothing.

        Returns:
            Cents (int64[n]), and whether every rate up to the day is known; at the liquidation exactly the interest.
        """
        parts = chosen(self.slices, rows, len(self))
        end = np.minimum(until, self.day[rows]).astype(np.int32)
        cents, known = np.zeros(len(rows), np.int64), np.ones(len(rows), np.bool_)
        if len(parts.entry):
            amounts, sure = interest_of_slices(
                parts, readonly(self.kind[rows]), readonly(end), self.table, self.rounding
            )
            np.add.at(cents, parts.entry, amounts)
            known[parts.entry[~sure]] = False
        whole = until >= self.day[rows]
        other = ~self.rebuilt[rows] & self.known[rows]
        cents[other] = np.minimum(cents[other], self.interest_cents[rows[other]])
        given = whole & self.known[rows]
        cents[given] = self.interest_cents[rows[given]]
        return np.where(known | given, cents, 0), known | given

    def interest_on(self, rows: Int64s, day: int) -> Int64s:
        """Interest of entries if they were liquidated on another day.

        Where the deposits are not known, or a rate is not, the interest to the planned day stands in, moved by what
        the first deposit alone would earn more or less.

        Args:
            rows: int64[n], places of entries, ascending.
            day: days since 1970-01-01.
        """
        moved = replace(self, day=np.full(len(self), day, np.int32), known=np.zeros(len(self), np.bool_))
        cents, sure = moved.accrued(rows, np.full(len(rows), day, np.int32))
        given = self.interest_cents[rows]
        other = ~self.rebuilt[rows]
        if other.any():
            planned = replace(self, known=np.zeros(len(self), np.bool_)).accrued(rows, self.day[rows])[0]
            cents = np.where(other, np.maximum(given + cents - planned, 0), cents)
        return np.where(sure, cents, given)

    def only(self, rows: Int64s) -> Positions:
        """Some of the entries."""
        places = pa.array(rows)
        changed: dict[str, Any] = {}
        for field in fields(self):
            value = getattr(self, field.name)
            if isinstance(value, np.ndarray):
                changed[field.name] = value[rows]
            elif isinstance(value, pa.Array):
                changed[field.name] = value.take(places)
        return replace(self, **{**changed, "slices": chosen(self.slices, rows, len(self))})


def chosen(parts: Slices, rows: Int64s, entries: int) -> Slices:
    """The slices of some entries, which are numbered anew.

    Args:
        parts: slices of all.
        rows: int64[n], places of entries, ascending.
        entries: how many there are of all.
    """
    place = np.full(entries, -1, np.int64)
    place[rows] = np.arange(len(rows))
    kept = place[parts.entry] >= 0
    return sliced(place[parts.entry[kept]], parts.amount_cents[kept], parts.day[kept], len(rows))


def sliced(entry: Int64s, amount_cents: Int64s, day: Int32s, entries: int) -> Slices:
    """Slices whose days are all known, in the order of entries."""
    known = np.zeros(entries, np.bool_)
    known[entry] = True
    none = np.zeros(entries, np.bool_)
    single = not bool((entry[1:] == entry[:-1]).any())
    return Slices(
        readonly(entry), readonly(amount_cents), readonly(day), single, known, estimated=none, missing=~known,
        uncovered=none,
    )  # fmt: skip
