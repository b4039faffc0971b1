"""`cape bench consolidation`: entry refunds to payments alone, at any size, against an answer known beforehand."""

from __future__ import annotations

import statistics
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from typing import TYPE_CHECKING, Any

import click

from cape_engine.cli import common

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    import pyarrow as pa

    from cape_engine.refund import Register
    from cape_fixtures.consolidation_load import Load

EXAMPLE = """Examples:

\b
  cape bench consolidation
  cape bench consolidation --entries 1000000 --recipients 20000 --days 60 --seed 7 --json

Exit codes: 0 every cohort and every payment is right; 1 not."""

_AT_ONCE = 48  # chunks that are made before the clock runs


@click.command("consolidation", epilog=EXAMPLE, short_help="Entry refunds to payments alone, with a known answer.")
@click.option("--entries", type=click.IntRange(1), default=53_170_000, show_default=True, help="Refunds of entries.")
@click.option("--recipients", type=click.IntRange(1), default=330_000, show_default=True, help="Who is paid.")
@click.option("--days", type=click.IntRange(1, 10_000), default=100, show_default=True, help="Liquidation days.")
@click.option("--seed", type=int, default=1, show_default=True, help="Another seed, other amounts and days.")
@click.option("--threads", type=click.IntRange(1), default=2, show_default=True, help="Worker threads.")
@common.output_options
def consolidation(
    *, entries: int, recipients: int, days: int, seed: int, threads: int, as_json: bool, quiet: bool
) -> int:
    """Make refunds of entries chunk by chunk, add them up by recipient and day, split them into payments, check all."""
    from cape_fixtures.consolidation_load import Load

    try:
        load = Load(entries, recipients, days, seed)
    except ValueError as error:
        raise click.UsageError(str(error)) from error
    record = measured(load, threads)
    if as_json:
        common.emit("consolidation", **record)
    elif not quiet:
        for line in _told(record):
            click.echo(line)
    return 0 if record["right"] else 1


def measured(load: Load, threads: int) -> dict[str, Any]:
    """Carry a load through consolidation: the sums of partitions, those of the run, refunds and payments.

    Args:
        load: what to consolidate.
        threads: how many add partitions up side by side; making the entries and checking the answer is not timed.
    """
    from cape_engine.findings import Findings
    from cape_engine.outputs.manifest import peak_memory_bytes
    from cape_engine.refund import Accumulator, Register
    from cape_engine.refund.sums import summed
    from cape_engine.settings import Settings
    from cape_fixtures.consolidation_load import numbers

    register = Register()
    places = register.learn(numbers(load.recipients))
    whole = Accumulator(register, Settings.build(None, None))
    milliseconds: list[float] = []

    def add(refunds: Any) -> None:
        begun = time.perf_counter()
        whole.add(summed(refunds, register)[0])
        milliseconds.append((time.perf_counter() - begun) * 1000)

    chunks = _refunds(load, places)
    adding, finishing = _Clock(), _Clock()
    with ThreadPoolExecutor(threads, thread_name_prefix="cape") as pool:
        while batch := list(islice(chunks, _AT_ONCE)):
            with adding:
                list(pool.map(add, batch))
    check = _Check(load, register, places)
    batches = whole.batches(Findings())
    while True:
        with finishing:
            made = next(batches, None)
        if made is None:
            break
        check.take(*made)
    return {
        "entries": load.entries,
        "recipients": load.recipients,
        "days": load.days,
        "seed": load.seed,
        "threads": threads,
        "cohorts": check.cohorts,
        "payments": check.payments,
        "total_cents": check.total_cents,
        "right": check.right(),
        "seconds": {"sums": round(adding.wall, 3), "refunds_and_payments": round(finishing.wall, 3)},
        "cpu_seconds": {"sums": round(adding.cpu, 3), "refunds_and_payments": round(finishing.cpu, 3)},
        "entries_per_second": round(load.entries / adding.wall),
        "partition_milliseconds": {
            "median": round(statistics.median(milliseconds), 3),
            "longest": round(max(milliseconds), 3),
        },
        "peak_memory_bytes": peak_memory_bytes(),
    }


class _Clock:
    """Adds up the time of what runs within it.

    Attributes:
        wall: seconds.
        cpu: seconds of all cores.
    """

    def __init__(self) -> None:
        self.wall = self.cpu = 0.0

    def __enter__(self) -> None:
        self.wall -= time.perf_counter()
        self.cpu -= time.process_time()

    def __exit__(self, *reason: object) -> None:
        self.wall += time.perf_counter()
        self.cpu += time.process_time()


def _refunds(load: Load, places: npt.NDArray[np.int32]) -> Iterator[Any]:
    """The chunks of a load as refunds of a partition."""
    import numpy as np

    from cape_kernels.consolidation import Refunds

    for chunk in load.generate():
        recipient, yes = places[chunk.recipient], np.ones(len(chunk.day), np.int8)
        yield Refunds(recipient, recipient, chunk.day, chunk.principal_cents, chunk.interest_cents, yes, yes)


class _Check:
    """Compares refunds and payments with the answer of a load, batch by batch.

    Attributes:
        cohorts: refunds so far.
        payments: payments so far.
        total_cents: all of them together.
    """

    def __init__(self, load: Load, register: Register, places: npt.NDArray[np.int32]) -> None:
        import numpy as np

        self._load, self._register = load, register
        self._number = np.full(len(register), -1, np.int64)
        self._number[places] = np.arange(len(places))
        self._equal = True
        self._entries = 0
        self.cohorts = self.payments = self.total_cents = 0

    def take(self, refunds: pa.Table, payments: pa.Table) -> None:
        """Check one batch: sums, amounts, parts, and the keys of some payments."""
        import numpy as np
        import pyarrow as pa

        from cape_engine import bridge
        from cape_engine.refund import payment_key
        from cape_engine.schema import results as r

        code, words = bridge.codes(refunds, r.RECIPIENT)
        day = bridge.days(refunds, r.RESULT_LIQUIDATION_DATE)
        expected = self._load.expected(self._number[self._register.learn(words)][code], day)
        amount = bridge.integers(refunds, r.AMOUNT_CENTS)
        parts, paid = bridge.integers(refunds, r.PARTS), bridge.integers(payments, r.AMOUNT_CENTS)
        begins = np.cumsum(parts) - parts
        self._equal &= all(
            np.array_equal(found, wanted)
            for found, wanted in (
                (bridge.integers(refunds, r.ENTRIES), expected.entries),
                (bridge.integers(refunds, r.PRINCIPAL_CENTS), expected.principal_cents),
                (bridge.integers(refunds, r.INTEREST_CENTS), expected.interest_cents),
                (amount, expected.principal_cents + expected.interest_cents),
                (np.add.reduceat(paid, begins) if len(paid) else paid, amount),
            )
        )
        some = np.arange(0, len(parts), max(len(parts) // 1000, 1))
        keys = bridge.single(payments, r.PAYMENT_KEY).take(pa.array(begins[some])).to_pylist()
        self._equal &= keys == [
            payment_key(words[code[row]].replace("-", ""), int(day[row]), 1) for row in some.tolist()
        ]
        self._entries += int(expected.entries.sum())
        self.cohorts += len(parts)
        self.payments += len(paid)
        self.total_cents += int(amount.sum())

    def right(self) -> bool:
        """Whether every cohort of the load was there, once, and as it must be."""
        complete = self.cohorts == self._load.cohorts and self._entries == self._load.entries
        return self._equal and complete


def _told(record: dict[str, Any]) -> Iterator[str]:
    """The figures for people."""
    seconds, latency = record["seconds"], record["partition_milliseconds"]
    yield (
        f"{record['entries']:,} refunds of entries, {record['recipients']:,} recipients, {record['days']:,} days: "
        f"{record['cohorts']:,} refunds in {record['payments']:,} payments, {record['total_cents'] / 100:,.2f} dollars"
    )
    yield (
        f"sums by recipient and day   {seconds['sums']:7.3f} s   {record['entries_per_second']:,} entries/s, "
        f"{latency['median']:.2f} ms a partition (longest {latency['longest']:.2f})"
    )
    yield f"refunds and payments        {seconds['refunds_and_payments']:7.3f} s"
    cores = record["cpu_seconds"]
    yield f"time of all cores           {cores['sums']:7.3f} s and {cores['refunds_and_payments']:.3f} s"
    yield f"peak memory                 {record['peak_memory_bytes'] / 2**20:7,.0f} MiB"
    yield (
        "every cohort and payment is right" if record["right"] else "WRONG: refunds or payments differ from the answer"
    )
