"""Payments of a run as instructions to a bank: what can be paid, to which account, and what is held and why."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from cape_engine.bridge import Bools, Int32s, Int64s, integers, readonly, single
from cape_engine.findings import Findings
from cape_engine.refund.keys import VERSION
from cape_engine.refund.payment_files.accounts import NOWHERE, Account, Accounts
from cape_engine.schema import facts as f
from cape_engine.schema import payment_files as p
from cape_engine.schema import results as r

READY, HELD = "ready", "held_no_ach"
"""Status of a payment that can be made, and of one that waits for a usable account."""
MOST_COHORT = 24
"""Characters of a cohort's key: with a part behind it, it fits the 35 of an EndToEndId."""
_TOO_LARGE, _NOT_POSITIVE = "PAYMENT_AMOUNT_TOO_LARGE", "PAYMENT_AMOUNT_NOT_POSITIVE"
_NOT_LISTED = "ACCOUNT_NOT_LISTED"
_SAID_WHEN_HELD = frozenset({"ACCOUNT_MISSING", "ACCOUNT_NOT_ENROLLED"})
"""Troubles of an account that are found when a payment is held: nobody else needs to be told."""


@dataclass(frozen=True, slots=True)
class PaymentInstruction:
    """One payment for a bank file.

    Attributes:
        payment_id: its key.
        cohort: key of the refund that it is a part of.
        cohort_version: version of that refund.
        recipient: importer or 4811 party, as shown.
        liquidation_date: day of the (re)liquidation.
        part: number of the part, from 1.
        parts: parts of the refund.
        amount_cents: 1 to 9,999,999,999.
        reference: what the recipient's bank shows.
        account: where it goes; its text is masked.
        trace: trace number, once a file was written.
    """

    payment_id: str
    cohort: str
    cohort_version: int
    recipient: str
    liquidation_date: dt.date
    part: int
    parts: int
    amount_cents: int
    reference: str
    account: Account
    trace: str | None = None


@dataclass(frozen=True, slots=True, repr=False)
class PaymentInstructions:
    """Payments for bank files, as columns; the accounts stay outside of the table, so that printing shows none.

    Attributes:
        table: columns `schema.payment_files.INSTRUCTIONS`.
        place: int32[n], where each one's account stands in `accounts`.
        accounts: all of them.
    """

    table: pa.Table
    place: Int32s
    accounts: Accounts

    def __repr__(self) -> str:
        return f"PaymentInstructions({len(self)} payments, {self.total_cents} cents)"

    def __len__(self) -> int:
        return len(self.place)

    def __getitem__(self, number: int) -> PaymentInstruction:
        row = self.table.slice(number, 1).to_pylist()[0]
        return PaymentInstruction(account=self.accounts.at(int(self.place[number])), **row)

    def __iter__(self) -> Iterator[PaymentInstruction]:
        return (self[number] for number in range(len(self)))

    @property
    def amounts(self) -> Int64s:
        """Cents of each payment."""
        return integers(self.table, p.PART_CENTS)

    @property
    def total_cents(self) -> int:
        """Cents of all payments together."""
        return exact_sum(self.amounts)

    def slice(self, begin: int, count: int) -> PaymentInstructions:
        """Some of them, in order."""
        return PaymentInstructions(
            self.table.slice(begin, count), readonly(self.place[begin : begin + count]), self.accounts
        )


def exact_sum(cents: Int64s) -> int:
    """The sum of amounts, whatever its size."""
    halves = int((cents >> 32).sum()) << 32, int((cents & 0xFFFFFFFF).sum())
    return sum(halves)


class Instructing:
    """Turns payments, batch after batch in the order of the run, into instructions and held rows.

    Args:
        accounts: of the recipients.
        version: of the cohorts, where the payments do not say.
    """

    def __init__(self, accounts: Accounts, *, version: int = VERSION) -> None:
        self.accounts = accounts
        self.findings = Findings()
        self._version = version
        self._cohort = ""
        self._said = np.zeros(len(accounts), np.bool_)
        self._unlisted: set[str | None] = set()

    def take(self, payments: pa.Table, *, source: str = "payments.parquet") -> tuple[PaymentInstructions, pa.Table]:
        """(what can be paid, what is held): each payment stands in exactly one of them.

        Args:
            payments: columns `schema.results.RESULT_PAYMENTS`, the parts of a refund one after the other; `cohort` and
                `cohort_version` count where they are there.
            source: how findings name the table.
        """
        recipient = single(payments, r.RECIPIENT)
        status = _words(single(payments, r.STATUS))
        amounts = integers(payments, r.AMOUNT_CENTS)
        place = self.accounts.places(recipient)
        open_ = _truth(pc.equal(status, READY))
        reason = np.full(len(amounts), -1, np.int32)
        codes = [*self.accounts.troubles, _NOT_LISTED, _NOT_POSITIVE, _TOO_LARGE]
        listed = place != NOWHERE
        reason[listed] = self.accounts.trouble[place[listed]]
        reason[~listed] = codes.index(_NOT_LISTED)
        self._say_recipients(recipient, place, open_ & (reason >= 0))
        for code, bad in ((_NOT_POSITIVE, amounts <= 0), (_TOO_LARGE, amounts > p.MOST_PART_CENTS)):
            hit = open_ & bad
            reason[hit & (reason < 0)] = codes.index(code)
            self._say_amounts(code, payments, amounts, hit, source)
        paid = open_ & (reason < 0)
        table = payments.filter(pa.array(paid))
        cohort = self._cohorts(payments)
        ready = PaymentInstructions(
            self._table(table, cohort.filter(pa.array(paid))), readonly(place[paid]), self.accounts
        )
        return ready, self._held(payments, status, open_, reason, codes, ~paid)

    def _table(self, payments: pa.Table, cohort: pa.Array) -> pa.Table:
        """The columns of instructions."""
        count = payments.num_rows
        columns: dict[str, pa.Array | pa.ChunkedArray] = {
            name: payments.column(name) for name in payments.column_names if name in p.INSTRUCTIONS
        }
        columns[p.COHORT] = cohort
        columns.setdefault(p.COHORT_VERSION, pa.repeat(pa.scalar(self._version, pa.int32()), count))
        shown = _words(single(payments, r.RECIPIENT))
        day = single(payments, r.RESULT_LIQUIDATION_DATE).cast(pa.string())
        columns[p.REFERENCE] = pc.binary_join_element_wise("CAPE REFUND", shown, day, cohort, " ")
        return pa.table([columns[name] for name in p.INSTRUCTIONS], schema=p.INSTRUCTIONS_SCHEMA)

    def _cohorts(self, payments: pa.Table) -> pa.Array:
        """Key of the refund of each payment: that of its part 1, which may have come with the batch before."""
        if p.COHORT in payments.column_names:
            given = _words(single(payments, p.COHORT))
            if len(given) and pc.max(pc.utf8_length(given)).as_py() > MOST_COHORT:
                raise ValueError(f"a cohort is named by at most {MOST_COHORT} characters")
            return given
        ids = single(payments, r.PAYMENT_KEY)
        back = integers(payments, r.PART) - 1
        first = np.arange(len(ids)) - back
        found = ids.take(pa.array(np.maximum(first, 0)))
        if len(first) and first[0] < 0:
            found = pc.if_else(pa.array(first < 0), self._cohort, found)
        if len(first):
            self._cohort = found[len(found) - 1].as_py()
        return found

    @staticmethod
    def _held(
        payments: pa.Table, status: pa.Array, open_: Bools, reason: Int32s, codes: list[str], held: Bools
    ) -> pa.Table:
        """Payments that stand in no file."""
        words = pa.array([*codes, None], pa.string()).take(pa.array(np.where(reason < 0, len(codes), reason)))
        is_open = pa.array(open_)
        columns: dict[str, pa.Array | pa.ChunkedArray] = {
            name: payments.column(name) for name in payments.column_names if name in p.HELD
        }
        columns[r.STATUS] = pc.if_else(is_open, HELD, status).dictionary_encode()
        columns[p.HELD_REASON] = pc.if_else(is_open, words, status).dictionary_encode()
        return pa.table([columns[name] for name in p.HELD], schema=p.HELD_SCHEMA).filter(pa.array(held))

    def _say_recipients(self, recipient: pa.Array, place: Int32s, hit: Bools) -> None:
        """A finding for each recipient whose payments are held for want of an account, once."""
        for at in np.unique(place[hit & (place != NOWHERE)]).tolist():
            code = self.accounts.why(at)
            if code not in _SAID_WHEN_HELD or self._said[at]:
                continue
            self._said[at] = True
            column = f.ACH_ENROLLED
            if code == "ACCOUNT_MISSING":
                column = f.ROUTING_NUMBER if not self.accounts.routing[at].is_valid else f.ACCOUNT_NUMBER
            self.findings.add(
                code,
                source=self.accounts.source[at].as_py(),
                row=self.accounts.row[at].as_py(),
                column=str(column),
                value=self.accounts.numbers[at].as_py(),
            )
        unlisted = np.flatnonzero(hit & (place == NOWHERE))
        if len(unlisted):
            names = set(_words(recipient.take(pa.array(unlisted))).unique().to_pylist()) - self._unlisted
            for name in sorted(names, key=str):
                self.findings.add(_NOT_LISTED, column=str(r.RECIPIENT), value=name)
            self._unlisted |= names

    def _say_amounts(self, code: str, payments: pa.Table, amounts: Int64s, hit: Bools, source: str) -> None:
        """A finding for each amount that the format cannot hold."""
        for number in np.flatnonzero(hit).tolist():
            self.findings.add(
                code,
                source=source,
                column=str(r.AMOUNT_CENTS),
                value=int(amounts[number]),
                payment=single(payments, r.PAYMENT_KEY)[number].as_py(),
            )


def _words(values: pa.Array) -> pa.Array:
    """Words spelt out."""
    return values.dictionary_decode() if pa.types.is_dictionary(values.type) else values


def _truth(values: pa.Array) -> Bools:
    """Truths as an array, null being false."""
    found: Bools = pc.fill_null(values, False).to_numpy(zero_copy_only=False)  # noqa: FBT003 - a value, not a choice
    return found
