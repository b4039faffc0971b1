"""A story that a writer tells a ledger, and that may end at any step of the database, as killed writers do."""

from __future__ import annotations

import datetime as dt
import os
import signal
from collections.abc import Callable
from itertools import count
from typing import Any

import pyarrow as pa

from cape_engine.ledger import Ledger, Submission

NOON = dt.datetime(2026, 5, 4, 12, tzinfo=dt.UTC)
DAY = dt.date(2026, 5, 4)
STEPS = 20
"""The story takes at least so many steps of the database."""
SIZE = 300


def numbers(start: int) -> list[str]:
    """Entry numbers that nobody else uses."""
    return [f"XYZ{number:08d}" for number in range(start, start + SIZE)]


def submission(name: str, start: int) -> Submission:
    """A declaration of which every third entry fails."""
    states = ["ENTRY_FAILED" if place % 3 == 0 else "ACCEPTED" for place in range(SIZE)]
    table = pa.table({"entry_number": numbers(start), "state": states, "principal_cents": list(range(SIZE))})
    sha = (name.encode().hex() + "0" * 64)[:64]
    return Submission(f"{name}.csv", sha, "broker", "XYZ", DAY, NOON, "Accepted with Error(s)", table)


def _counted(ledger: Ledger, left: int | None) -> list[int]:
    """Count every step of the database, and die before step number `left`."""
    database: Any = ledger._database
    done = [0]

    def watched(act: Callable[..., Any], name: str) -> Callable[..., Any]:
        def step(*values: Any, **named: Any) -> Any:
            if done[0] == left:
                os.kill(os.getpid(), signal.SIGKILL)
            done[0] += 1
            found = act(*values, **named)
            if name == "insert" and done[0] == left:  # half of a large write stands in memory, nothing is committed
                os.kill(os.getpid(), signal.SIGKILL)
            return found

        return step

    for name in ("begin", "run", "insert", "update_claims", "commit"):
        setattr(database, name, watched(getattr(database, name), name))
    return done


def tell(url: str, left: int | None = None) -> int:
    """Tell the story, or begin it and die; how many steps of the database it took."""
    with Ledger.open(url) as ledger:
        done = _counted(ledger, left)
        for turn, name in enumerate("ab"):
            with ledger.transaction():
                ledger.record(submission(name, 1 + turn * 200))
                ledger.register_run(
                    name, kind="check", result_hash=name, manifest_sha256=name, totals={"entries": SIZE}, on_day=DAY
                )
            entries = ledger.claims(declaration=turn + 1)
            stripped = pa.array([row["entry_number"] for row in entries.to_pylist() if row["state"] == "ACCEPTED"])
            ledger.move(stripped, "STRIPPED", on_day=DAY, who="mass_processing", declaration=turn + 1)
            ledger.set_status(turn + 1, "Accepted", on_day=DAY, who="cbp")
        return done[0]


def tell_on(url: str) -> None:
    """Go on with new declarations until somebody ends the process."""
    with Ledger.open(url) as ledger:
        first = ledger.show().declarations
        print("begun", flush=True)  # noqa: T201 - tells the test that the writing begins
        for turn in count(first):
            ledger.record(submission(f"f{turn}", 1 + turn * SIZE))
            ledger.move(pa.array(numbers(1 + turn * SIZE)), "STRIPPED", on_day=DAY, who="mass_processing")
