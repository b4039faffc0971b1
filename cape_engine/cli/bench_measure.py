"""A load of entry refunds carried through consolidation step by step, timed, and compared with its known answer."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import islice
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from cape_engine import bridge
from cape_engine.bridge import readonly
from cape_engine.cli.bench_steps import Steps
from cape_engine.findings import Findings
from cape_engine.refund import Accumulator, Batch, Refunded, Register, later_key, payment_key
from cape_engine.schema import consolidation as c
from cape_engine.schema import facts as f
from cape_engine.schema import life
from cape_engine.schema import results as r
from cape_engine.schema.column import Column
from cape_engine.settings import Settings
from cape_fixtures.consolidation_load import Chunk, Load, numbers
from cape_kernels.consolidation import Refunds

if TYPE_CHECKING:
    from cape_engine.cli.bench_files import Files

_AT_ONCE = 160  # chunks that are made before the clock runs


class Versioned(NamedTuple):
    """One batch with the version of every cohort.

    Attributes:
        refunds: `schema.consolidation.VERSIONED_REFUNDS`.
        payments: `VERSIONED_PAYMENTS`.
        subtotals: `VERSIONED_SUBTOTALS`.
        late: of entries that came after the refunds of the others.
    """

    refunds: pa.Table
    payments: pa.Table
    subtotals: pa.Table
    late: bool


def measured(load: Load, threads: int, files: Files | None = None) -> dict[str, Any]:
    """Carry a load through consolidation: the sums of partitions, those of the run, refunds and payments.

    Making the entries, writing them and checking the answer are not timed. Refunds and payments are made by all
    threads; without files they are timed apart and checked batch by batch, with files what was written is read again.

    Args:
        load: what to consolidate.
        threads: how many add partitions up side by side.
        files: where inputs, refunds and payments are written.
    """
    steps, register = Steps(), Register()
    places = register.learn(numbers(load.numbers))
    sittings = [Accumulator(register, Settings.build(None, None), watch=steps) for _ in range(2 if load.late else 1)]
    _add_up(load, sittings, places, steps, threads, files)
    check = _Check(load, register, places)
    versions = _Versions(register) if load.late else None
    for late, whole in enumerate(sittings):
        _pay(whole, bool(late), versions, steps, threads, check, files)
    if files is not None:
        with steps.phase("refunds_and_payments"), steps("write"):
            files.close_outputs()
        for batch in files.read_again():
            check.take(batch)
    return {
        "entries": load.entries,
        "recipients": load.recipients,
        "days": load.days,
        "seed": load.seed,
        "skew": load.skew,
        "parties": load.parties,
        "late_days": load.late,
        "threads": threads,
        "cohorts": check.cohorts,
        "payments": check.payments,
        "subtotals": check.subtotals,
        "later_versions": check.later,
        str(r.PRINCIPAL_CENTS): check.principal_cents,
        str(r.INTEREST_CENTS): check.total_cents - check.principal_cents,
        "total_cents": check.total_cents,
        "right": check.right(),
        **steps.record(load.entries),
    }


def _add_up(
    load: Load,
    sittings: list[Accumulator],
    places: npt.NDArray[np.int32],
    steps: Steps,
    threads: int,
    files: Files | None,
) -> None:
    """Make the entries chunk by chunk, write them, and add them up by recipient, day and importer."""

    def in_places(chunk: Chunk) -> list[Refunds]:
        some = [chunk.only(chunk.late == bool(late)) for late in range(len(sittings))] if load.late else [chunk]
        return [_refunds(one, places) for one in some]

    def add(shares: list[Refunds]) -> None:
        begun = time.perf_counter()
        with steps("sums"):
            for whole, refunds in zip(sittings, shares, strict=True):
                whole.add_refunds(refunds)
        steps.milliseconds.append((time.perf_counter() - begun) * 1000)

    def write(chunk: Chunk, first: int) -> list[Any]:
        assert files is not None  # noqa: S101 - asked by the caller
        with steps("write_inputs"):
            return files.encoded_inputs(chunk, first)

    chunks = load.generate()
    done = 0
    with ThreadPoolExecutor(threads, thread_name_prefix="cape") as pool:
        while True:
            with steps("generate"):
                batch = list(islice(chunks, _AT_ONCE))
            if not batch:
                return
            firsts = done + np.cumsum([0, *(len(chunk.day) for chunk in batch)])
            if files is not None:
                files.add_inputs(pool.map(write, batch, firsts[:-1].tolist()))
            done = int(firsts[-1])
            shares = [in_places(chunk) for chunk in batch]
            with steps.phase("sums"):
                list(pool.map(add, shares))


def _refunds(chunk: Chunk, places: npt.NDArray[np.int32]) -> Refunds:
    """Entries as a run has them: importers are places of the register."""
    yes = readonly(np.ones(len(chunk.day), np.int8))
    who, importer, day = places[chunk.recipient], places[chunk.importer], readonly(chunk.day)
    cents = readonly(chunk.principal_cents), readonly(chunk.interest_cents)
    return Refunds(readonly(who), readonly(importer), day, *cents, yes, yes)


def _pay(
    whole: Accumulator,
    late: bool,  # noqa: FBT001 - told apart by its place in the loop above
    versions: _Versions | None,
    steps: Steps,
    threads: int,
    check: _Check,
    files: Files | None,
) -> None:
    """Refunds and payments of one sitting, checked at once, or encoded and written."""
    findings = Findings()
    if files is None:
        _pay_in_two(whole, partial(_versioned, versions=versions, steps=steps, late=late), steps, threads, check)
        return

    def encoded(batch: Batch) -> list[Any]:
        assert files is not None  # noqa: S101 - asked above
        made = _versioned(batch, versions, steps, late=late)
        with steps("write"):
            return files.encoded_outputs(made)

    with steps.phase("refunds_and_payments"):
        for parts in whole.each(findings, encoded, threads=threads, subtotals=True):
            with steps("write"):
                files.add_outputs(parts, late=late)


def _pay_in_two(
    whole: Accumulator, versioned: Callable[[Batch], Versioned], steps: Steps, threads: int, check: _Check
) -> None:
    """Refunds of as many batches as there are threads, then their payments, each on its own clock; none runs on."""
    batches = whole.refunded(Findings(), _as_it_is, threads=threads, ahead=False, subtotals=True)
    with ThreadPoolExecutor(threads, thread_name_prefix="cape") as pool:
        while True:
            with steps.phase("refunds"):
                some = list(islice(batches, threads))
            if not some:
                return
            with steps.phase("payments"):
                made = list(pool.map(lambda one: versioned(one.paid()), some))
            while made:
                check.take(made.pop(0))


def _as_it_is(some: Refunded) -> Refunded:
    """Refunds, their payments not yet made."""
    return some


class _Versions:
    """Which cohorts were refunded before: what comes late to one of them is its next version.

    Args:
        register: the numbers of the run.
    """

    def __init__(self, register: Register) -> None:
        self._register = register
        self._lock = threading.Lock()
        self._met: list[npt.NDArray[np.int64]] = []
        self._before: npt.NDArray[np.int64] | None = None

    def of(self, refunds: pa.Table, *, late: bool) -> npt.NDArray[np.int64]:
        """Version of each cohort; those that are not late are remembered."""
        code, words = bridge.codes(refunds, r.RECIPIENT)
        day = bridge.days(refunds, r.RESULT_LIQUIDATION_DATE).astype(np.int64)
        key = self._register.learn(words)[code].astype(np.int64) << 32 | day
        with self._lock:
            if not late:
                self._met.append(key)
                return np.ones(len(key), np.int64)
            if self._before is None:
                self._before = np.sort(np.concatenate(self._met))
        at = np.minimum(np.searchsorted(self._before, key), len(self._before) - 1)
        version: npt.NDArray[np.int64] = 1 + (self._before[at] == key).astype(np.int64)
        return version


def _versioned(batch: Batch, versions: _Versions | None, steps: Steps, *, late: bool) -> Versioned:
    """A batch with the version of each cohort, and the keys of payments that go with it."""
    rows = batch.refunds.num_rows
    version = np.ones(rows, np.int64) if versions is None else versions.of(batch.refunds, late=late)
    parts = bridge.integers(batch.refunds, r.PARTS)
    payments, paid = batch.payments, np.repeat(version, parts)
    if late and len(paid):
        keys = bridge.single(payments, r.PAYMENT_KEY).to_pylist()
        with steps("keys"):
            later = [later_key(key, one) for key, one in zip(keys, paid.tolist(), strict=True)]
        payments = payments.set_column(0, str(r.PAYMENT_KEY), pa.array(later, pa.string()))
    own = _cohort_of(batch)
    return Versioned(
        batch.refunds.append_column(life.COHORT_VERSION.field, pa.array(version)),
        payments.append_column(life.COHORT_VERSION.field, pa.array(paid)),
        batch.subtotals.append_column(life.COHORT_VERSION.field, pa.array(version[own])),
        late,
    )


def _cohort_of(batch: Batch) -> npt.NDArray[np.int64]:
    """The row of the refund of each subtotal; both are in the order of recipients and days."""
    if not batch.subtotals.num_rows:
        return np.zeros(0, np.int64)
    code, _ = bridge.codes(batch.refunds, r.RECIPIENT)
    # Recipients of a batch are numbered in their order, and subtotals keep the numbers of their refunds.
    mine, _ = bridge.codes(batch.subtotals, r.RECIPIENT)
    day = bridge.days(batch.refunds, r.RESULT_LIQUIDATION_DATE).astype(np.int64)
    own = bridge.days(batch.subtotals, r.RESULT_LIQUIDATION_DATE).astype(np.int64)
    row: npt.NDArray[np.int64] = np.searchsorted(code.astype(np.int64) << 32 | day, mine.astype(np.int64) << 32 | own)
    return row


class _Check:
    """Compares refunds, payments and subtotals with the answer of a load, batch by batch.

    Attributes:
        cohorts: refunds so far.
        payments: payments so far.
        subtotals: subtotals so far.
        later: refunds of a later version than the first.
        principal_cents: all of it.
        total_cents: with interest.
    """

    def __init__(self, load: Load, register: Register, places: npt.NDArray[np.int32]) -> None:
        self._load, self._register = load, register
        self._number = np.full(len(register), -1, np.int64)
        self._number[places] = np.arange(len(places))
        self._equal = True
        self._entries = 0
        self.cohorts = self.payments = self.subtotals = self.later = self.principal_cents = self.total_cents = 0

    def take(self, batch: Versioned) -> None:
        """Check one batch: sums, amounts, parts, versions, subtotals, and the keys of some payments."""
        refunds, payments = batch.refunds, batch.payments
        code, words = bridge.codes(refunds, r.RECIPIENT)
        day = bridge.days(refunds, r.RESULT_LIQUIDATION_DATE)
        who = self._number[self._register.learn(words)][code]
        expected = self._load.expected(who, day, late=batch.late)
        version = np.ones(len(day), np.int64)
        if batch.late:
            version += self._load.expected(who, day).entries > 0
        amount, principal = bridge.integers(refunds, r.AMOUNT_CENTS), bridge.integers(refunds, r.PRINCIPAL_CENTS)
        parts, paid = bridge.integers(refunds, r.PARTS), bridge.integers(payments, r.AMOUNT_CENTS)
        begins = np.cumsum(parts) - parts
        self._equal &= all(
            np.array_equal(found, wanted)
            for found, wanted in (
                (bridge.integers(refunds, r.ENTRIES), expected.entries),
                (principal, expected.principal_cents),
                (bridge.integers(refunds, r.INTEREST_CENTS), expected.interest_cents),
                (amount, expected.principal_cents + expected.interest_cents),
                (np.add.reduceat(paid, begins) if len(paid) else paid, amount),
                (bridge.integers(refunds, life.COHORT_VERSION), version),
                (bridge.integers(payments, life.COHORT_VERSION), np.repeat(version, parts)),
            )
        )
        some = np.arange(0, len(parts), max(len(parts) // 1000, 1))
        keys = bridge.single(payments, r.PAYMENT_KEY).take(pa.array(begins[some])).to_pylist()
        self._equal &= keys == [
            later_key(payment_key(words[code[row]].replace("-", ""), int(day[row]), 1), int(version[row]))
            for row in some.tolist()
        ]
        self._take_subtotals(batch)
        self._entries += int(expected.entries.sum())
        self.cohorts += len(parts)
        self.payments += len(paid)
        self.later += int((version > 1).sum())
        self.principal_cents += int(principal.sum())
        self.total_cents += int(amount.sum())

    def _take_subtotals(self, batch: Versioned) -> None:
        """Check what each importer has in shared refunds."""
        rows = batch.subtotals
        importer, recipient = (self._numbers(rows, column) for column in (f.IMPORTER_NUMBER, r.RECIPIENT))
        day = bridge.days(rows, r.RESULT_LIQUIDATION_DATE)
        expected = self._load.of_importer(importer, day, late=batch.late)
        self._equal &= bool((self._load.paid_to[importer] == recipient).all()) and all(
            np.array_equal(bridge.integers(rows, column), wanted)
            for column, wanted in (
                (r.ENTRIES, expected.entries),
                (r.PRINCIPAL_CENTS, expected.principal_cents),
                (r.INTEREST_CENTS, expected.interest_cents),
            )
        )
        self.subtotals += rows.num_rows

    def _numbers(self, rows: pa.Table, column: Column) -> npt.NDArray[np.int64]:
        """A word column as numbers of the load."""
        code, words = bridge.codes(rows, column)
        if not rows.num_rows:
            return np.zeros(0, np.int64)
        found: npt.NDArray[np.int64] = self._number[self._register.learn(words)][code]
        return found

    def right(self) -> bool:
        """Whether every cohort and every subtotal of the load was there, once, and as it must be."""
        complete = self.cohorts == self._load.cohorts and self._entries == self._load.entries
        return self._equal and complete and self.subtotals == self._load.subtotals


SCHEMAS = {
    "refunds": c.VERSIONED_REFUNDS_SCHEMA,
    "payments": c.VERSIONED_PAYMENTS_SCHEMA,
    "subtotals": c.VERSIONED_SUBTOTALS_SCHEMA,
}
"""Tables of answers, as `Versioned` has them."""
