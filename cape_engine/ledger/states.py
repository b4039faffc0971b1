"""The life of an entry as a table of steps: which step is allowed, and which steps lead from one state to another."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import pyarrow as pa

from cape_engine.bridge import Bools
from cape_engine.errors import UsageError
from cape_engine.rules import default_folder, read, tables
from cape_engine.rules.rows import EntryState, StateTransition

BEGIN = "FILED"
"""Where every entry stands before a claim, and comes back to when a claim on it failed."""
FAILED = "ENTRY_FAILED"
DECLARED = "DECLARED"
FILE_REJECTED = "FILE_REJECTED"


@dataclass(frozen=True, slots=True)
class Life:
    """The states and steps of `entry_states.csv` and `state_transitions.csv`.

    Attributes:
        codes: code of each state, as ledgers keep it.
        names: state of each code.
        live: states in which a claim holds the entry.
        steps: for each state the states that one step leads to, in file order.
        guards: what must hold for a step.
        takers: who takes it.
    """

    codes: Mapping[str, int]
    names: Mapping[int, str]
    live: frozenset[str]
    steps: Mapping[str, tuple[str, ...]]
    guards: Mapping[tuple[str, str], str]
    takers: Mapping[tuple[str, str], str]

    def code(self, state: str) -> int:
        """The code of a state.

        Raises:
            UsageError: there is no such state.
        """
        if state not in self.codes:
            raise UsageError(f"{state!r} is not a state of an entry; the states are {', '.join(self.codes)}")
        return self.codes[state]

    def allowed(self) -> Bools:
        """Matrix of allowed steps: [code before, code after]."""
        size = max(self.names) + 1
        matrix = np.zeros((size, size), np.bool_)
        for before, after in self.guards:
            matrix[self.codes[before], self.codes[after]] = True
        return matrix

    def live_codes(self) -> Bools:
        """For each code whether a claim in that state holds the entry."""
        found = np.zeros(max(self.names) + 1, np.bool_)
        found[[self.codes[state] for state in self.live]] = True
        return found

    def road(self, before: str, after: str) -> tuple[str, ...]:
        """The states on the shortest road from one state to another, the first left out; it never passes `FILED`.

        Returns:
            Nothing where no road leads there, or where both are the same state.
        """
        came: dict[str, str] = {before: before}
        queue = deque([before])
        while queue and after not in came:
            here = queue.popleft()
            for there in self.steps.get(here, ()):
                if there not in came and there != BEGIN:
                    came[there] = here
                    queue.append(there)
        if after not in came or before == after:
            return ()
        found = [after]
        while came[found[-1]] != before:
            found.append(came[found[-1]])
        return tuple(reversed(found))

    def refusal(self, before: str, after: str) -> str:
        """Why a step is refused, with the steps that are open."""
        open_steps = ", ".join(self.steps.get(before, ())) or "none: the claim has ended"
        return f"no step leads from {before} to {after}; open from {before}: {open_steps}"


def life(states: tuple[EntryState, ...], transitions: tuple[StateTransition, ...]) -> Life:
    """The table of steps of a ruleset (`Ruleset.entry_states`, `Ruleset.transitions`)."""
    steps: dict[str, list[str]] = {}
    for row in transitions:
        steps.setdefault(row.from_state, []).append(row.to_state)
    return Life(
        {row.state: row.code for row in states},
        {row.code: row.state for row in states},
        frozenset(row.state for row in states if row.live),
        {state: tuple(found) for state, found in steps.items()},
        {(row.from_state, row.to_state): row.guard for row in transitions},
        {(row.from_state, row.to_state): row.who for row in transitions},
    )


@cache
def default_life(folder: Path | None = None) -> Life:
    """The table of steps of a folder of rules, without loading the other files."""
    place = default_folder() if folder is None else folder
    found = [
        tuple(read.rows(table, (place / table.file).read_text(encoding="utf-8")))
        for table in (tables.ENTRY_STATES, tables.TRANSITIONS)
    ]
    return life(found[0], found[1])


def state_words(table: Life, codes: pa.Array | pa.ChunkedArray) -> pa.Array:
    """Codes as a dictionary column of words; an unknown code is a null."""
    size = max(table.names) + 1
    words = pa.array([table.names.get(code) for code in range(size)])
    indices = codes.combine_chunks() if isinstance(codes, pa.ChunkedArray) else codes
    return (
        words.dictionary_encode().take(indices)
        if len(indices)
        else pa.array([], pa.dictionary(pa.int32(), pa.string()))
    )
