"""One refund per recipient and liquidation day, split into payments at the cap (handbook 7.3 and 7.4)."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from functools import partial
from typing import NamedTuple, TypeVar

import numpy as np
import pyarrow as pa

from cape_engine.bridge import Bools, Int32s, Int64s, dates, maybe_integers, words
from cape_engine.errors import InputError, SettingError
from cape_engine.findings import Findings
from cape_engine.refund.accumulator import Cohorts, RunningSums, words_of
from cape_engine.refund.joined import joined
from cape_engine.refund.keys import key_texts, payment_keys
from cape_engine.refund.register import NOBODY, Register
from cape_engine.refund.sums import TOO_MUCH, Sums
from cape_engine.refund.tally import Tally
from cape_engine.schema import results as r
from cape_engine.schema.consolidation import SUBTOTALS_SCHEMA
from cape_engine.schema.facts import ACH_ENROLLED, IMPORTER_NUMBER
from cape_engine.settings import Settings
from cape_kernels.consolidation import Refunds

UNKNOWN = "UNKNOWN"
"""Shown as the recipient of entries whose importer is not known."""

_T = TypeVar("_T")
_W = TypeVar("_W")
Watch = Callable[[str], AbstractContextManager[object]]

_STATUSES = list(r.STATUS.words)
_READY, _NO_ACH, _NO_RECIPIENT, _NO_RATE = range(4)


@dataclass(frozen=True, slots=True)
class Consolidated:
    """The refunds of a whole run.

    Attributes:
        refunds: one row per recipient and day (`schema.results.RESULT_REFUNDS_SCHEMA`).
        payments: their parts (`RESULT_PAYMENTS_SCHEMA`).
        findings: of pricing and consolidation together.
    """

    refunds: pa.Table
    payments: pa.Table
    findings: Findings


class Batch(NamedTuple):
    """Some of the refunds of a run.

    Attributes:
        refunds: `schema.results.RESULT_REFUNDS_SCHEMA`.
        payments: their parts (`RESULT_PAYMENTS_SCHEMA`).
        subtotals: importers in shared refunds (`schema.consolidation.SUBTOTALS_SCHEMA`), where they were asked for.
    """

    refunds: pa.Table
    payments: pa.Table
    subtotals: pa.Table


class Refunded(NamedTuple):
    """Some of the refunds of a run before they are split into payments.

    Attributes:
        refunds: one row per recipient and day (`schema.results.RESULT_REFUNDS_SCHEMA`).
        paid: makes the batch with payments and subtotals.
    """

    refunds: pa.Table
    paid: Callable[[], Batch]


@dataclass(slots=True)
class _Noticed:
    """What the findings of consolidation count.

    Attributes:
        nameless: entries without recipient.
        named: recipients that are known.
        enrolment_unknown: those of them of whose enrolment nothing is known.
    """

    nameless: int = 0
    named: int = 0
    enrolment_unknown: int = 0

    def add(self, other: _Noticed) -> None:
        """Add what another batch counted."""
        self.nameless += other.nameless
        self.named += other.named
        self.enrolment_unknown += other.enrolment_unknown


class Accumulator:
    """The refunds of a run, added up as its partitions come, in any order and from several threads.

    Args:
        register: the numbers of the run, with the enrolment of the recipients.
        settings: `refund.consolidate_4811`, `refund.payment_cap_cents`.
        watch: entered around each step of a batch (consolidate, split, keys), in the thread that takes it.

    Raises:
        SettingError: a payment cap below one cent.
    """

    def __init__(self, register: Register, settings: Settings, *, watch: Watch = nullcontext) -> None:
        self._cap = settings.number("refund.payment_cap_cents")
        if self._cap < 1:
            raise SettingError("refund.payment_cap_cents must be at least 1")
        self._apart = settings.text("refund.consolidate_4811") == "importer"
        self._sums = RunningSums(register)
        self._register = register
        self._tally = Tally()
        self._watch = watch

    def add(self, sums: Sums | pa.Table) -> None:
        """Add the sums of one more partition; threads may do so side by side.

        Args:
            sums: `Priced.sums`, or the table that its `to_table` made.

        Raises:
            InputError: all refunds together pass 2^63 cents.
        """
        self._sums.add(Sums.from_table(sums, self._register) if isinstance(sums, pa.Table) else sums)

    def add_refunds(self, refunds: Refunds) -> None:
        """Add the paid entries of a partition whose partial sums nobody needs; threads may do so side by side.

        Args:
            refunds: one for each entry, in places of the register.

        Raises:
            InputError: all refunds together pass 2^63 cents.
        """
        self._sums.add_refunds(refunds)

    def sums(self) -> Iterator[Sums]:
        """All sums so far; see `RunningSums.sums`."""
        return self._sums.sums()

    def add_tally(self, tally: Tally) -> None:
        """Add `Priced.tally` of one more partition, one thread at a time."""
        self._tally.add(tally)

    def batches(self, findings: Findings) -> Iterator[tuple[pa.Table, pa.Table]]:
        """Refunds and their payments, about a million at a time; see `each`."""
        for batch in self.each(findings, _as_it_is):
            yield batch.refunds, batch.payments

    def each(
        self,
        findings: Findings,
        then: Callable[[Batch], _T],
        *,
        threads: int = 1,
        ahead: bool = True,
        subtotals: bool = False,
    ) -> Iterator[_T]:
        """What `then` makes of each batch, in the order of recipients and days.

        Args:
            findings: what pricing and consolidation noticed is added after the last batch.
            then: called in the thread that made the batch, for example to encode it.
            threads: how many batches are made side by side; so many and one more are held at a time.
            ahead: batches are made while the caller works on others; else only while it waits.
            subtotals: also what each importer has in shared refunds.

        Raises:
            InputError: the amount of a cohort passes 2^63 cents.
        """
        yield from self.refunded(
            findings, lambda some: then(some.paid()), threads=threads, ahead=ahead, subtotals=subtotals
        )

    def refunded(
        self,
        findings: Findings,
        then: Callable[[Refunded], _T],
        *,
        threads: int = 1,
        ahead: bool = True,
        subtotals: bool = False,
    ) -> Iterator[_T]:
        """What `then` makes of the refunds of each batch, whose payments are made when it asks for them; see `each`."""
        noticed = _Noticed()

        def made(work: Callable[[], Cohorts]) -> tuple[_T, _Noticed]:
            own = _Noticed()
            with self._watch("consolidate"):
                cohorts = work()
            return then(self._refunded(cohorts, own)), own

        with self._watch("consolidate"):
            whole = self._sums.work(
                UNKNOWN,
                apart=self._apart,
                subtotals=subtotals,
                threads=threads,
                watch=partial(self._watch, "consolidate"),
            )
        for result, own in _in_order(made, whole, threads, ahead=ahead):
            noticed.add(own)
            yield result
        findings.extend(self._tally.findings())
        if noticed.nameless:
            # A fact that no input gives at all is worth an `info` only (clarification 10).
            code = "RECIPIENT_UNKNOWN" if noticed.named else "RECIPIENT_NOT_GIVEN"
            findings.add(code, column=str(IMPORTER_NUMBER), value=noticed.nameless)
        if noticed.enrolment_unknown:
            findings.add("ACH_NOT_KNOWN", column=str(ACH_ENROLLED), value=noticed.enrolment_unknown)

    def finish(self, *, threads: int = 1) -> Consolidated:
        """All refunds and payments of the run at once.

        Args:
            threads: how many add sums up and make batches side by side; the result does not depend on it.
        """
        findings = Findings()
        refunds, payments = [r.RESULT_REFUNDS_SCHEMA.empty_table()], [r.RESULT_PAYMENTS_SCHEMA.empty_table()]
        for batch in self.each(findings, _as_it_is, threads=threads):
            refunds.append(batch.refunds)
            payments.append(batch.payments)
        return Consolidated(joined(refunds), joined(payments), findings)

    def _refunded(self, cohorts: Cohorts, noticed: _Noticed) -> Refunded:
        """The refunds of a batch."""
        with self._watch("split"):
            refunds, amount, parts = self._refunds(cohorts, noticed)

        def paid() -> Batch:
            return Batch(refunds, self._payments(cohorts, refunds, amount, parts), self._subtotals(cohorts, refunds))

        return Refunded(refunds, paid)

    def _refunds(self, cohorts: Cohorts, noticed: _Noticed) -> tuple[pa.Table, Int64s, Int64s]:
        """Refunds of a batch, with the amount of each and into how many payments it is split."""
        known = cohorts.open == 0
        # At most 2^64 less 2, which wraps below zero and is seen there.
        amount = cohorts.principal_cents + np.where(known, cohorts.interest_cents, 0)
        if amount.min(initial=0) < 0:
            raise InputError(TOO_MUCH.format("one recipient on one day"))
        parts = (amount - 1) // self._cap + 1
        status = self._statuses(cohorts, known, noticed)
        shown = words_of(self._register, cohorts, UNKNOWN)
        day = dates(cohorts.day)
        refunds = pa.table(
            [
                shown,
                day,
                pa.array(cohorts.importers),
                pa.array(cohorts.entries),
                pa.array(cohorts.principal_cents),
                maybe_integers(cohorts.interest_cents, known),
                pa.array(amount),
                pa.array(parts.astype(np.int32)),
                words(status, _STATUSES),
            ],
            schema=r.RESULT_REFUNDS_SCHEMA,
        )
        return refunds, amount, parts

    def _subtotals(self, cohorts: Cohorts, refunds: pa.Table) -> pa.Table:
        """What importers have in shared refunds (`schema.consolidation.SUBTOTALS_SCHEMA`)."""
        some = cohorts.subtotals
        if some is None:
            return SUBTOTALS_SCHEMA.empty_table()
        row = pa.array(some.cohort)
        met, number = np.unique(some.importer, return_inverse=True)
        return pa.table(
            [
                refunds.column(str(r.RECIPIENT)).take(row),
                refunds.column(str(r.RESULT_LIQUIDATION_DATE)).take(row),
                pa.DictionaryArray.from_arrays(pa.array(number.astype(np.int32)), self._register.shown(met, UNKNOWN)),
                pa.array(some.entries),
                pa.array(some.principal_cents),
                maybe_integers(some.interest_cents, some.open == 0),
            ],
            schema=SUBTOTALS_SCHEMA,
        )

    def _statuses(self, cohorts: Cohorts, known: Bools, noticed: _Noticed) -> Int32s:
        """State of each cohort: held without recipient, rate or enrolment, else ready."""
        recipient = cohorts.recipients[cohorts.number]
        enrolled = self._register.enrolled()[cohorts.recipients]
        nobody = recipient == NOBODY
        named = cohorts.recipients != NOBODY
        noticed.nameless += int(cohorts.entries[nobody].sum())
        noticed.named += int(named.sum())
        noticed.enrolment_unknown += int((named & (enrolled < 0)).sum())
        held = np.where(known, np.where(enrolled[cohorts.number] == 0, _NO_ACH, _READY), _NO_RATE)
        return np.where(nobody, _NO_RECIPIENT, held).astype(np.int32)

    def _payments(self, cohorts: Cohorts, refunds: pa.Table, amount: Int64s, parts: Int64s) -> pa.Table:
        """The parts of every refund: the fewest, full ones first (Treasury limit, handbook 7.4)."""
        single = int(parts.max(initial=0)) <= 1
        with self._watch("split"):
            row = np.arange(len(parts), dtype=np.int32)
            row = row if single else np.repeat(row, parts)
            begins = np.cumsum(parts) - parts
            part = (np.arange(len(row)) - begins[row] + 1).astype(np.int32)
        with self._watch("keys"):
            keys = payment_keys(
                self._register,
                cohorts.recipients[cohorts.number[row]],
                cohorts.day[row],
                part,
                cohorts.importer[row] if self._apart else None,
            )
        rest = amount - (parts - 1) * self._cap
        place = pa.array(row)

        def of_refund(column: str) -> pa.ChunkedArray:
            values = refunds.column(column)
            return values if single else values.take(place)

        return pa.table(
            [
                key_texts(keys),
                of_refund(str(r.RECIPIENT)),
                of_refund(str(r.RESULT_LIQUIDATION_DATE)),
                pa.array(part),
                of_refund(str(r.PARTS)),
                pa.array(np.where(part < parts[row], self._cap, rest[row])),
                of_refund(str(r.STATUS)),
            ],
            schema=r.RESULT_PAYMENTS_SCHEMA,
        )


def _as_it_is(batch: Batch) -> Batch:
    """A batch, unchanged."""
    return batch


def _in_order(function: Callable[[_W], _T], work: list[_W], threads: int, *, ahead: bool) -> Iterator[_T]:
    """What a function makes of each piece of work, in order; with several threads few results wait at a time."""
    if threads == 1:
        yield from map(function, work)
        return
    with ThreadPoolExecutor(threads, thread_name_prefix="cape") as pool:
        if not ahead:
            for begin in range(0, len(work), threads):
                yield from list(pool.map(function, work[begin : begin + threads]))
            return
        waiting: deque[Future[_T]] = deque()
        for piece in work:
            waiting.append(pool.submit(function, piece))
            if len(waiting) > threads:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()


def consolidate(
    sums: Iterable[Sums],
    tallies: Iterable[Tally],
    *,
    settings: Settings,
    importers: pa.Table | None = None,
    register: Register | None = None,
) -> Consolidated:
    """Add the partial sums of all partitions up, and cut what is paid at the cap.

    Args:
        sums: `Priced.sums` of every partition, in any order.
        tallies: `Priced.tally` of every partition.
        settings: `refund.consolidate_4811`, `refund.payment_cap_cents`.
        importers: rows of `schema.facts.IMPORTERS_FILE`, for the enrolment of the recipients.
        register: the numbers of the run; made from `importers` alone when not given.

    Raises:
        InputError: a sum passes 2^63 cents.
        SettingError: a payment cap below one cent.
    """
    whole = Accumulator(register or Register(importers), settings)
    for part in sums:
        whole.add(part)
    for tally in tallies:
        whole.add_tally(tally)
    return whole.finish()
