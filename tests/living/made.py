"""What the tests of the life of entries share: a run over made-up entries, and a ledger that accepted its claims."""

from __future__ import annotations

import datetime as dt
import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

import cape_engine
import cape_fixtures
from cape_engine import intake, rules
from cape_engine.ledger import Ledger, Submission
from cape_engine.settings import Settings

AS_OF = dt.date(2026, 5, 4)


@dataclass(slots=True)
class Made:
    """A run and everything it read.

    Attributes:
        store: the store.
        results: folder of the run.
        beside: importers and deposits files, as options of `run` and `schedule`.
    """

    store: Path
    results: Path
    beside: dict[str, Any]


def made(folder: Path, entries: int, *, seed: int = 5, mix: str = "realistic", **options: Any) -> Made:
    """A run over generated entries."""
    generated = cape_fixtures.generate(entries, seed=seed, as_of=AS_OF, mix=mix, several_deposits=True)
    files = cape_fixtures.write(generated, folder / "files", format="parquet", layout="canonical")
    store = folder / "store"
    intake.build_store(
        files.rows, store, headers=(files.headers,), mapping=None, ruleset=rules.load(), settings=Settings.build()
    )
    beside: dict[str, Any] = {"importers": files.importers, "deposits": files.deposits}
    cape_engine.run(store, out=folder / "results", as_of=AS_OF, **beside, **options)
    return Made(store, folder / "results", beside)


def accepted(ledger: Ledger, numbers: list[str], *, per_file: int = 9_999, day: dt.date = AS_OF) -> None:
    """Declarations that list entries, every one of them accepted on a day."""
    for place in range(0, len(numbers), per_file):
        part = numbers[place : place + per_file]
        entries = pa.table({"entry_number": part, "state": ["ACCEPTED"] * len(part)})
        at = dt.datetime.combine(day, dt.time(12), dt.UTC)
        name = f"{day}-{place}.csv"
        sha256 = hashlib.sha256(name.encode()).hexdigest()
        ledger.record(Submission(name, sha256, "broker", "ABC", day, at, "Accepted", entries))


def accepted_numbers(entries: pa.Table) -> list[str]:
    """Entries that a run accepted."""
    mask = pc.equal(entries.column("disposition").cast(pa.string()), "accepted")
    numbers: list[str] = entries.column("entry_number").filter(mask).to_pylist()
    return numbers
