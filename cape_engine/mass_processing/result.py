"""What mass processing hands on: arrays per entry, line and number, findings, and tallies that partitions add up."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from cape_engine.bridge import Bools, Int8s, Int64s
from cape_engine.findings import Findings

RULES: tuple[str, ...] = (
    "kept as filed",
    "5.1 additional IEEPA number removed; CSMS 68340863",
    "5.1 replacement IEEPA number removed; CSMS 68340863",
    "5.1 exempt IEEPA number removed; CSMS 68340863",
    "5.3 column 1 restored, full layout; CSMS 66319804",
    "5.3 column 1 kept as filed, split layout; CSMS 66319804",
    "5.3 column 1 restored, layout unknown; CSMS 66319804",
    "5.7 value moved from the IEEPA number, duty computed on it; CSMS 69056483",
    "5.7 value moved from the IEEPA number, duty kept because it cannot be computed; CSMS 69056483",
    "5.3 plain deletion, nothing restored; setting mass.replacement_base",
    "5.4 recomputed from rate, value and quantity; setting mass.mode",
    "5.7 component of a set carries no duty; CATAIR AE (k)",
    "5.7 chapter 98 on the line, nothing restored; HTS chapter 99 note 2, CSMS 65829726",
)
"""Rule texts with their source, in the order of `cape_kernels.status.RULE_*`."""


@dataclass(slots=True)
class Tallies:
    """Findings about a number or a word rather than an entry: how often seen, and the first entry with it.

    They add up over partitions in any order, so that a run says each of them once.

    Attributes:
        seen: (code, column, value, detail) to (count, smallest entry number).
    """

    seen: dict[tuple[str, str, str, str], tuple[int, str]] = field(default_factory=dict)

    def add(self, code: str, column: str, value: str, count: int, entry: str, detail: str = "") -> None:
        """Count `count` more rows, the first of them on `entry`."""
        key = (code, column, value, detail)
        before, first = self.seen.get(key, (0, entry))
        self.seen[key] = (before + count, min(first, entry))

    def extend(self, other: Tallies) -> None:
        """Add those of another part of the run."""
        for (code, column, value, detail), (count, entry) in other.seen.items():
            self.add(code, column, value, count, entry, detail)


def tally_findings(tallies: Iterable[Tallies]) -> Findings:
    """One finding for each number or word, with count and example entry, over all partitions of a run."""
    whole = Tallies()
    for part in tallies:
        whole.extend(part)
    findings = Findings()
    for (code, column, value, detail), (count, entry) in sorted(whole.seen.items()):
        findings.add(code, column=column, value=value, entry=entry, count=count, detail=detail)
    return findings


@dataclass(frozen=True, slots=True)
class MassResult:
    """Results of one partition; n entries, m lines, k numbers, in the partition's order.

    Always filed - removed + restored = recalculated (clarification 13).

    Attributes:
        filed_duty_cents: int64 (n,) sum of the duty filed.
        removed_ieepa_cents: int64 (n,) duty on the removed numbers.
        restored_column1_cents: int64 (n,) what was added to the base numbers.
        recalculated_duty_cents: int64 (n,) duty of the new version.
        recomputed_duty_cents: int64 (n,) duty by mode B, 0 where not known.
        recomputed_known: bool (n,) whether every line could be computed.
        principal_cents: int64 (n,) duty to give back.
        bill_cents: int64 (n,) duty still owed.
        trial: uint32 (n,) mask of `schema.codes.Trial`.
        flags: uint32 (n,) mask of `schema.codes.Flag`.
        new_version: word (n,), null where the versions are used up.
        gap_cents: int64 (m,) mode A minus mode B, 0 where not known.
        gap_known: bool (m,).
        change: int8 (k,) of `schema.codes.Change`; empty without detail.
        recalculated_number_cents: int64 (k,); empty without detail.
        rule: int8 (k,) place in `RULES`; empty without detail.
        findings: what was found about entries.
        tallies: what was found about numbers and words; see `tally_findings`.
    """

    filed_duty_cents: Int64s
    removed_ieepa_cents: Int64s
    restored_column1_cents: Int64s
    recalculated_duty_cents: Int64s
    recomputed_duty_cents: Int64s
    recomputed_known: Bools
    principal_cents: Int64s
    bill_cents: Int64s
    trial: npt.NDArray[np.uint32]
    flags: npt.NDArray[np.uint32]
    new_version: pa.DictionaryArray
    gap_cents: Int64s
    gap_known: Bools
    change: Int8s
    recalculated_number_cents: Int64s
    rule: Int8s
    findings: Findings
    tallies: Tallies
