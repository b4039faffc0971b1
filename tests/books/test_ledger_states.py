"""No state of an entry is forgotten by the books."""

from __future__ import annotations

from cape_engine.ledger.states import default_life
from cape_engine.pipeline.books.of_ledger import STANDING_OF


def test_standings__every_state_behind_the_schedule() -> None:
    """Every state that an entry can come to from STRIPPED, while its claim is good, has its place in the books."""
    life, left = default_life(), {"ENTRY_FAILED"}
    found: set[str] = set()
    waiting = ["STRIPPED"]
    while waiting:
        for state in life.steps.get(waiting.pop(), ()):
            if state not in found | left:
                found.add(state)
                waiting.append(state)
    assert found == set(STANDING_OF)
