"""Partial sums: the refunds of one partition by recipient, importer and day."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from cape_engine.bridge import Bools, Int32s, Int64s, codes, days, integers, readonly
from cape_engine.errors import InputError
from cape_engine.refund.register import NOBODY, Register
from cape_engine.schema import results as r
from cape_engine.schema.column import CENTS, WORD, Column, arrow_schema
from cape_engine.schema.facts import IMPORTER_NUMBER
from cape_kernels import consolidation as kernels

_LOW = 0xFFFFFFFF
TOO_MUCH = "the refunds of {} pass 2^63 cents: the amounts are beyond every bound"

DAY = Column("liquidation_day", pa.date32(), "liquidation day", source="19 CFR 159.9")
INTEREST_SUM = Column(str(r.INTEREST_CENTS), CENTS, "interest of the entries whose interest is known", low=0)
OPEN = Column("interest_open", pa.int64(), "entries whose interest is not known", low=0)
SUMS = (
    Column(str(r.RECIPIENT), WORD, "recipient as it is shown", nullable=True),
    Column(str(IMPORTER_NUMBER), WORD, "importer as it is shown; null when it is the recipient", nullable=True),
    DAY,
    r.ENTRIES,
    r.PRINCIPAL_CENTS,
    INTEREST_SUM,
    OPEN,
)
SUMS_SCHEMA = arrow_schema(SUMS)
"""Partial sums as they are stored: one row for each recipient, importer and day; they add up over partitions."""


@dataclass(frozen=True, slots=True)
class Sums:
    """The refunds of a partition by recipient, importer and day; sums of partitions add up in any order.

    Attributes:
        register: the numbers that the places count.
        recipient: int32[n], place of the recipient.
        sums: int64[n, 4], `cape_kernels.consolidation`: day above importer, counts, principal, interest.
    """

    register: Register
    recipient: Int32s
    sums: Int64s

    def __len__(self) -> int:
        """How many sums there are."""
        return len(self.recipient)

    @property
    def importer(self) -> Int32s:
        """int32[n], place of the importer."""
        return (self.sums[:, kernels.KEY] & _LOW).astype(np.int32)

    @property
    def day(self) -> Int32s:
        """int32[n], liquidation day."""
        return (self.sums[:, kernels.KEY] >> 32).astype(np.int32)

    def totals(self) -> tuple[int, int, int]:
        """All principal and all interest in cents, however large, and all entries."""
        halves = np.empty(4, np.int64)
        kernels.totals(readonly(self.sums), halves)
        low_principal, principal, low_interest, interest = halves.tolist()
        entries = int((self.sums[:, kernels.COUNTS] & _LOW).sum())
        return (principal << 32) + low_principal, (interest << 32) + low_interest, entries

    def to_table(self) -> pa.Table:
        """The sums with texts instead of places (`SUMS_SCHEMA`), to be stored or sent."""
        counts = self.sums[:, kernels.COUNTS]
        return pa.table(
            [
                _words(self.register, self.recipient, self.recipient == NOBODY),
                _words(self.register, self.importer, self.importer == self.recipient),
                pa.array(self.day).cast(pa.date32()),
                pa.array(counts & _LOW),
                pa.array(np.ascontiguousarray(self.sums[:, kernels.PRINCIPAL])),
                pa.array(np.ascontiguousarray(self.sums[:, kernels.INTEREST])),
                pa.array(counts >> 32),
            ],
            schema=SUMS_SCHEMA,
        )

    @classmethod
    def from_table(cls, table: pa.Table, register: Register) -> Sums:
        """Sums that were stored by `to_table`, in places of `register`.

        Args:
            table: rows of `SUMS_SCHEMA`.
            register: the numbers of the run; those of the table are added.
        """
        recipient = _places(table, SUMS[0], register, np.full(table.num_rows, NOBODY, np.int32))
        importer = _places(table, SUMS[1], register, recipient)
        sums = np.empty((table.num_rows, 4), np.int64)
        sums[:, kernels.KEY] = days(table, DAY).astype(np.int64) << 32 | importer
        sums[:, kernels.COUNTS] = integers(table, OPEN) << 32 | integers(table, r.ENTRIES)
        sums[:, kernels.PRINCIPAL] = integers(table, r.PRINCIPAL_CENTS)
        sums[:, kernels.INTEREST] = integers(table, INTEREST_SUM)
        return cls(register, recipient, sums)

    @classmethod
    def of_none(cls, register: Register) -> Sums:
        """No sums at all."""
        return cls(register, readonly(np.zeros(0, np.int32)), readonly(np.zeros((0, 4), np.int64)))

    @classmethod
    def together(cls, parts: Sequence[Sums], register: Register) -> Sums:
        """The sums of several parts added up, one row for each recipient, importer and day.

        Args:
            parts: in places of `register`; each below 2^63 cents in all, and so are they together.
            register: the numbers of the run.
        """
        rows = np.concatenate([cls.of_none(register).sums, *(part.sums for part in parts)])
        recipient = np.concatenate([np.zeros(0, np.int32), *(part.recipient for part in parts)])
        own = (rows[:, kernels.KEY] & _LOW) == recipient
        # Who is paid himself, as nearly all are, is told apart by recipient and day: one word, which sorts at once.
        who = recipient.astype(np.int64) << 32 | rows[:, kernels.KEY] >> 32 & _LOW
        order = np.flatnonzero(own)
        order = order[np.argsort(who[order], kind="stable")]  # sums that were kept stand in order, mostly
        others = np.flatnonzero(~own)
        order = np.concatenate([order, others[np.lexsort((rows[others, kernels.KEY], recipient[others]))]])
        rows, recipient = rows.take(order, axis=0), recipient.take(order)  # a third of the time of rows[order]
        other = (np.diff(recipient) != 0) | (np.diff(rows[:, kernels.KEY]) != 0)
        begins = np.flatnonzero(np.r_[len(rows) > 0, other])
        sums = np.add.reduceat(rows, begins) if len(begins) else rows
        sums[:, kernels.KEY] = rows[begins, kernels.KEY]
        return cls(register, readonly(recipient[begins]), readonly(sums))

    @classmethod
    def left(cls, parts: Sequence[Sums], gone: Sequence[Sums], register: Register) -> Sums:
        """The sums of several parts, without those of others that are among them.

        Args:
            parts: what was added, in places of `register`; see `together`.
            gone: what is taken away again.
            register: the numbers of the run.

        Raises:
            ValueError: what is to be taken away was not added.
        """
        if not gone:
            every = [cls.of_none(register), *parts]
            recipient, sums = (
                np.concatenate([getattr(part, name) for part in every]) for name in ("recipient", "sums")
            )
            return cls(register, readonly(recipient), readonly(sums))
        taken = []
        for own in (part.of(register) for part in gone):
            sums = -own.sums
            sums[:, kernels.KEY] = own.sums[:, kernels.KEY]
            taken.append(cls(register, own.recipient, readonly(sums)))
        whole = cls.together([*parts, *taken], register)
        counts, cents = whole.sums[:, kernels.COUNTS], whole.sums[:, [kernels.PRINCIPAL, kernels.INTEREST]]
        some = counts != 0
        if (cents < 0).any() or (counts < 0).any() or (counts >> 32 > counts & _LOW).any() or cents[~some].any():
            raise ValueError("sums that were not added cannot be taken away")
        return cls(register, readonly(whole.recipient[some]), readonly(whole.sums[some]))

    def of(self, register: Register) -> Sums:
        """The same sums in places of another register, which takes each number as it is shown here."""
        if register is self.register:
            return self
        met = np.unique(np.concatenate([self.recipient, self.importer, [NOBODY]])).astype(np.int32)
        place = np.full(len(self.register), NOBODY, np.int32)
        place[met] = register.learn(self.register.shown(met))
        sums = self.sums.copy()
        sums[:, kernels.KEY] = self.sums[:, kernels.KEY] & ~_LOW | place[self.importer]
        return Sums(register, readonly(place[self.recipient]), readonly(sums))

    def __reduce__(self) -> tuple[Callable[..., Sums], tuple[Any, ...]]:
        """Places mean nothing in another process: texts travel."""
        return _unpickled, (self.to_table(),)


def _unpickled(table: pa.Table) -> Sums:
    """Sums that came from another process, with a register of their own."""
    return Sums.from_table(table, Register())


def _words(register: Register, places: Int32s, missing: Bools) -> pa.DictionaryArray:
    """Places as a word column of the numbers as they are shown."""
    met, code = np.unique(places[~missing], return_inverse=True)
    codes_ = np.zeros(len(places), np.int32)
    codes_[~missing] = code
    return pa.DictionaryArray.from_arrays(pa.array(codes_, mask=missing), register.shown(met))


def _places(table: pa.Table, column: Column, register: Register, missing: Int32s) -> Int32s:
    """A word column as places; those of `missing` where it is null."""
    code, words = codes(table, column)
    return np.where(code < 0, missing, np.append(register.learn(words), np.int32(NOBODY))[code])


def summed(refunds: kernels.Refunds, register: Register) -> tuple[Sums, Int32s]:
    """Add the paid entries of a partition up by recipient, importer and day.

    Args:
        refunds: one for each entry, in places of `register`.
        register: the numbers of the run.

    Returns:
        The sums, and the row of the sum of each entry (int32[entries], -1 where nothing is paid).

    Raises:
        InputError: a sum passes 2^63 cents.
    """
    count = len(refunds.recipient)
    slots = np.full(1 << (count * 5 // 4 + 1).bit_length(), -1, np.int32)
    row, recipient = np.empty(count, np.int32), np.empty(count, np.int32)
    sums, found = np.empty((count, 4), np.int64), np.zeros(2, np.int64)
    fixed = kernels.Refunds(**{name: readonly(array) for name, array in refunds._asdict().items()})
    kernels.sum_refunds(fixed, slots, row, recipient, sums, found)
    if found[1]:
        raise InputError(TOO_MUCH.format("one recipient on one day"))
    return Sums(register, readonly(recipient[: found[0]]), readonly(sums[: found[0]])), row
