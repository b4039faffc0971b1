"""The ledger as a dictionary: the life of an entry typed from the handbook, one entry and one step at a time."""

from __future__ import annotations

from dataclasses import dataclass, field

ROADS = """
FILED > DECLARED > CLAIMED > ACCEPTED > STRIPPED > SCHEDULED > LIQUIDATED > CONSOLIDATED > CERTIFIED
SCHEDULED > RELIQUIDATED > CONSOLIDATED
CERTIFIED > SENT_TO_TREASURY > ISSUED > SETTLED
DECLARED > FILE_REJECTED > FILED
CLAIMED > ENTRY_FAILED > FILED
STRIPPED > STRIPPED_WAITING > SCHEDULED
STRIPPED > IN_REVIEW > SCHEDULED > IN_REVIEW
SCHEDULED > WINDOW_MISSED
IN_REVIEW > WINDOW_MISSED
LIQUIDATED > ZERO_REFUND
RELIQUIDATED > ZERO_REFUND
CONSOLIDATED > HELD_NO_ACH > CERTIFIED
CONSOLIDATED > OFFSET > CERTIFIED
ISSUED > RETURNED > REISSUED > ISSUED
ACCEPTED > ENTRY_FAILED > ACCEPTED
IN_REVIEW > ENTRY_FAILED
HELD_NO_ACH > OFFSET
SETTLED > RETURNED
"""
"""Handbook 1.5, and the last three lines: an answer of CBP counts before our replay; an officer may reject a claim; a
debt may come to light while money is held."""
DEAD = {"FILED", "FILE_REJECTED", "ENTRY_FAILED", "WINDOW_MISSED"}
"""A claim in one of these does not hold the entry."""
STEPS = {
    (before.strip(), after.strip())
    for line in ROADS.strip().splitlines()
    for before, after in zip(line.split(">")[:-1], line.split(">")[1:], strict=True)
}
STATES = sorted({state for step in STEPS for state in step})
FIRST_STATES = {
    "DECLARED": ["DECLARED"],
    "FILE_REJECTED": ["DECLARED", "FILE_REJECTED"],
    "CLAIMED": ["DECLARED", "CLAIMED"],
    "ENTRY_FAILED": ["DECLARED", "CLAIMED", "ENTRY_FAILED"],
    "ACCEPTED": ["DECLARED", "CLAIMED", "ACCEPTED"],
    "STRIPPED": ["DECLARED", "CLAIMED", "ACCEPTED", "STRIPPED"],
}
"""The steps from FILED to the states in which a submission may leave an entry."""


@dataclass
class Book:
    """Claims by (declaration, entry), with every step of each."""

    claims: dict[tuple[int, str], list[str]] = field(default_factory=dict)
    files: dict[str, int] = field(default_factory=dict)

    def live(self) -> dict[str, int]:
        """The declaration that holds each entry."""
        return {entry: home for (home, entry), steps in self.claims.items() if steps[-1] not in DEAD}

    def record(self, file: str, entries: dict[str, str]) -> tuple[bool, set[str]]:
        """Whether the file is new, and the entries that another claim holds."""
        if file in self.files:
            return False, set()
        held = self.live()
        home = len(self.files) + 1
        self.files[file] = home
        twice = set()
        for entry, state in entries.items():
            if state not in DEAD and entry in held:
                twice.add(entry)
            self.claims[home, entry] = list(FIRST_STATES["ENTRY_FAILED" if entry in twice else state])
        return True, twice

    def move(self, entries: list[str], state: str) -> tuple[int, int, set[str]]:
        """Entries moved, entries there already, entries refused; live claims only."""
        held = self.live()
        moved = same = 0
        refused = set()
        for entry in entries:
            steps = self.claims[held[entry], entry] if entry in held else []
            if not steps:
                refused.add(entry)
            elif steps[-1] == state:
                same += 1
            elif (steps[-1], state) in STEPS:
                steps.append(state)
                moved += 1
            else:
                refused.add(entry)
        return moved, same, refused
