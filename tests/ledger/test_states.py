"""The life of an entry: every state of the handbook can be reached, no other step is taken, and the docs draw it so."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path

import pyarrow as pa
import pytest

from cape_engine.ledger import Ledger, Submission
from cape_engine.ledger.states import default_life
from reference import ledger as twin

Numbers = Callable[..., list[str]]
Submit = Callable[..., Submission]
DAY = dt.date(2026, 5, 5)
PAGE = Path(__file__).parents[2] / "docs" / "reference" / "states.md"
ROAD = re.compile(r"^    (\S+) --> (\S+)(?: : \S+)?$", re.MULTILINE)


@pytest.fixture
def everywhere(url: str, numbers: Numbers, submit: Submit) -> Iterator[tuple[Ledger, dict[str, str]]]:
    """A ledger with one entry in every state of the handbook, each brought there by `move` alone."""
    entries = dict(zip(twin.STATES, numbers(len(twin.STATES)), strict=True))
    with Ledger.open(url) as ledger:
        ledger.record(submit(list(entries.values()), "DECLARED"))
        for state, entry in entries.items():
            # No road passes FILED: a claim comes back there only as a step of its own, after it failed.
            for goal in ("ENTRY_FAILED", "FILED") if state == "FILED" else (state,):
                done = ledger.move(pa.array([entry]), goal, on_day=DAY, who="x", declaration=1, by_road=goal != "FILED")
                assert done.refused.num_rows == 0, state
        yield ledger, entries


def test_states__each_is_reached(everywhere: tuple[Ledger, dict[str, str]]) -> None:
    """Every state of the handbook is reached from FILED, by steps of the handbook only, and the chain verifies."""
    ledger, entries = everywhere
    assert set(entries) == set(default_life().codes)
    held = ledger.claims()
    assert dict(zip(held["entry_number"].to_pylist(), held["state"].to_pylist(), strict=True)) == {
        entry: state for state, entry in entries.items()
    }
    for state, entry in entries.items():
        road = ["FILED", *ledger.history(entry)["to_state"].to_pylist()]
        assert road[-1] == state
        assert set(pairwise(road)) <= twin.STEPS
    assert ledger.verify().ok


def test_states__every_other_step_is_refused(everywhere: tuple[Ledger, dict[str, str]]) -> None:
    """Each pair of states without a step in the table is refused with the reason, and nothing moves."""
    ledger, entries = everywhere
    before = ledger.show()
    asked = 0
    for goal in twin.STATES:
        closed = {entries[s]: s for s in twin.STATES if s != goal and (s, goal) not in twin.STEPS}
        done = ledger.move(pa.array(list(closed)), goal, on_day=DAY, who="x", declaration=1)
        assert (done.moved, done.unchanged) == (0, 0)
        reasons = dict(zip(done.refused["entry_number"].to_pylist(), done.refused["reason"].to_pylist(), strict=True))
        assert set(reasons) == set(closed)
        for entry, state in closed.items():
            told, _, exits = reasons[entry].partition(f"; open from {state}: ")
            assert told == f"no step leads from {state} to {goal}"
            open_steps = {after for here, after in twin.STEPS if here == state}
            assert set(exits.split(", ")) == (open_steps or {"none: the claim has ended"})
        asked += len(closed)
    assert asked == len(twin.STATES) * (len(twin.STATES) - 1) - len(twin.STEPS)
    assert ledger.show() == before


def test_states__drawn_as_they_are() -> None:
    """The diagram of the docs has an arrow for each step of the handbook, a begin, an end for each last state."""
    drawn = set(ROAD.findall(PAGE.read_text(encoding="utf-8")))
    last = set(twin.STATES) - {before for before, _ in twin.STEPS}
    assert drawn == twin.STEPS | {("[*]", "FILED")} | {(state, "[*]") for state in last}
