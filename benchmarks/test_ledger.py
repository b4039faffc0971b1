"""The ledger alone: entry states committed a second, steps moved, and the proof of five million steps."""

from __future__ import annotations

import datetime as dt
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from cape_engine.ledger import Ledger, Submission

DAY = dt.date(2026, 5, 4)
NOON = dt.datetime(2026, 5, 4, 12, tzinfo=dt.UTC)
ENTRIES = 1_000_000
FILE = 9_999
STEPS_OF_ACCEPTED = 3
_names = count(1)


def _submission(entries: int, first: int) -> Submission:
    """A declaration of new entries, all accepted."""
    table = pa.table(
        {
            "entry_number": [f"ABC{number:08d}" for number in range(first, first + entries)],
            "state": pa.array(["ACCEPTED"] * entries),
            "importer_number": pa.array(["12-345678900"] * entries),
            "principal_cents": np.arange(entries) % 1_000_000,
        }
    )
    name = next(_names)
    return Submission(f"{name}.csv", f"{name:064x}", "broker", "ABC", DAY, NOON, "Accepted", table)


def _figures(benchmark: Any, states: int) -> None:
    """States a second, of the median round."""
    benchmark.extra_info |= {"rows": states, "rows_per_second": round(states / benchmark.stats.stats.median)}


@pytest.fixture
def ledgers(tmp_path: Path) -> Any:
    """A new empty ledger for each round."""
    opened: list[Ledger] = []

    def make() -> Ledger:
        opened.append(Ledger.open(tmp_path / f"{len(opened)}.ledger"))
        return opened[-1]

    yield make
    for ledger in opened:
        ledger.close()


def test_record__one_transaction(benchmark: Any, ledgers: Any) -> None:
    """A million entries from FILED to ACCEPTED in one transaction: three states each."""
    submission = _submission(ENTRIES, 1)
    benchmark.pedantic(lambda ledger: ledger.record(submission), setup=lambda: ((ledgers(),), {}), rounds=3)
    _figures(benchmark, STEPS_OF_ACCEPTED * ENTRIES)


def test_record__declarations(benchmark: Any, ledgers: Any) -> None:
    """Fifty declarations of 9,999 entries, each a durable transaction of its own."""
    submissions = [_submission(FILE, 1 + turn * FILE) for turn in range(50)]

    def record(ledger: Ledger) -> None:
        for submission in submissions:
            ledger.record(submission)

    benchmark.pedantic(record, setup=lambda: ((ledgers(),), {}), rounds=3)
    _figures(benchmark, STEPS_OF_ACCEPTED * FILE * len(submissions))


def test_move__whole_declarations(benchmark: Any, ledgers: Any) -> None:
    """A million entries of a hundred declarations take one step together."""
    ledger = ledgers()
    numbers = []
    for turn in range(100):
        submission = _submission(FILE, 1 + turn * FILE)
        ledger.record(submission)
        numbers.append(submission.entries["entry_number"].combine_chunks())
    entries = pa.concat_arrays(numbers)
    road = iter(("STRIPPED", "SCHEDULED", "LIQUIDATED"))

    def move() -> None:
        assert ledger.move(entries, next(road), on_day=DAY, who="bench").moved == len(entries)

    benchmark.pedantic(move, rounds=3)
    _figures(benchmark, len(entries))


def test_move__every_other(benchmark: Any, ledgers: Any) -> None:
    """Every other entry of a declaration of 200,000 takes a step: no statement can take them all."""
    ledger = ledgers()
    submission = _submission(200_000, 1)
    ledger.record(submission)
    entries = submission.entries["entry_number"].combine_chunks().take(pa.array(np.arange(0, 200_000, 2)))
    road = iter(("STRIPPED", "SCHEDULED", "LIQUIDATED"))

    def move() -> None:
        assert ledger.move(entries, next(road), on_day=DAY, who="bench").moved == len(entries)

    benchmark.pedantic(move, rounds=3)
    _figures(benchmark, len(entries))


def test_verify__five_million_steps(benchmark: Any, ledgers: Any) -> None:
    """Chain, roads, states and sums of five million steps of entries on 126 declarations."""
    ledger = ledgers()
    for turn in range(126):
        submission = _submission(FILE, 1 + turn * FILE)
        with ledger.transaction():
            ledger.record(submission)
            ledger.move(submission.entries["entry_number"], "STRIPPED", on_day=DAY, who="bench", declaration=turn + 1)
    reports = []
    benchmark.pedantic(lambda: reports.append(ledger.verify()), rounds=3)
    assert reports[0].ok
    assert reports[0].events > 5_000_000
    _figures(benchmark, reports[0].events)


def test_live__a_million_asked(benchmark: Any, ledgers: Any) -> None:
    """Which of a million entries another claim holds, in a ledger of as many others."""
    ledger = ledgers()
    ledger.record(_submission(ENTRIES, 1))
    asked = _submission(ENTRIES, 10_000_001).entries["entry_number"]
    benchmark.pedantic(lambda: ledger.live(asked), rounds=3)
    _figures(benchmark, ENTRIES)


def test_record__small_declarations(benchmark: Any, ledgers: Any) -> None:
    """Twenty thousand packed declarations of five entries in one transaction."""
    submissions = [_submission(5, 1 + turn * 5) for turn in range(20_000)]
    benchmark.pedantic(lambda ledger: ledger.record_many(submissions), setup=lambda: ((ledgers(),), {}), rounds=3)
    _figures(benchmark, STEPS_OF_ACCEPTED * 5 * len(submissions))
