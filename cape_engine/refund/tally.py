"""What pricing noticed, counted so that the findings do not depend on how entries were cut into partitions."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa

from cape_engine.bridge import Bools, single
from cape_engine.findings import Findings
from cape_engine.schema.facts import DEPOSIT_DATE, ENTRY_NUMBER, IMPORTER_KIND

LISTED = 1000
"""Up to this many entries of one code are named one by one; above it one finding counts them."""


@dataclass(slots=True)
class Tally:
    """Counts and, while they are few, entry numbers; two tallies add up to that of their entries together.

    Attributes:
        counts: how many entries for each (code, value).
        entries: entry numbers by code of a finding about single entries.
        deposits_known: refunded entries whose deposit day is given.
    """

    counts: Counter[tuple[str, str]] = field(default_factory=Counter)
    entries: dict[str, list[str]] = field(default_factory=dict)
    deposits_known: int = 0

    def count(self, code: str, number: int, value: str = "") -> None:
        """Add `number` entries to a counted finding."""
        if number:
            self.counts[code, value] += number

    def name(self, code: str, table: pa.Table, mask: Bools) -> None:
        """Add the entries of `mask` to a finding about single entries."""
        rows = np.flatnonzero(mask)
        if len(rows):
            self.counts[code, ""] += len(rows)
            self.entries[code] = single(table, ENTRY_NUMBER).take(pa.array(rows[: LISTED + 1])).to_pylist()

    def add(self, other: Tally) -> None:
        """Add the counts of another part of the run."""
        self.counts.update(other.counts)
        self.deposits_known += other.deposits_known
        for code, numbers in other.entries.items():
            self.entries[code] = (self.entries.get(code, []) + numbers)[: LISTED + 1]

    def findings(self) -> Findings:
        """The findings of all entries counted here."""
        found = Findings()
        for (code, value), number in sorted(self.counts.items()):
            if code == "DEPOSIT_DATE_MISSING" and not self.deposits_known:
                # A fact that no input gives is one finding (clarification 10).
                found.add("DEPOSIT_DATE_NOT_GIVEN", column=str(DEPOSIT_DATE), value=number)
            elif code in self.entries and number <= LISTED:
                found.add_entries(code, sorted(self.entries[code]), column=_COLUMNS.get(code))
            elif code in self.entries:
                found.add(f"{code}_MANY", column=_COLUMNS.get(code), value=number)
            else:
                found.add(code, column=_COLUMNS.get(code), value=value or number, count=number)
        return found


_COLUMNS = {
    "DEPOSIT_DATE_MISSING": str(DEPOSIT_DATE),
    "INTEREST_FROM_ENTRY_DATE": str(DEPOSIT_DATE),
    "DEPOSIT_AFTER_LIQUIDATION": str(DEPOSIT_DATE),
    "IMPORTER_KIND_ASSUMED": str(IMPORTER_KIND),
}


def together(tallies: Iterable[Tally]) -> Tally:
    """The sum of tallies."""
    whole = Tally()
    for tally in tallies:
        whole.add(tally)
    return whole
