"""Where declarations meet the entries: whose entry it is, which numbers no source holds, which stand twice."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from cape_engine.bridge import Bools
from cape_engine.claim_portal.declaration import HEADER, Declaration
from cape_engine.findings import Findings


class ClaimedEntries(NamedTuple):
    """What the declarations say about the entries of the sources.

    Attributes:
        claimed: which of the entries are claimed, shape (n,).
        not_in_sources: declared numbers that no entry has (`NOT_IN_ACE`), in the order of the declarations.
        duplicates: number and name of each later declaration that repeats it (`DUPLICATE_CLAIM`).
        findings: both, as findings.
    """

    claimed: Bools
    not_in_sources: tuple[str, ...]
    duplicates: tuple[tuple[str, str], ...]
    findings: Findings


def declared_numbers(declarations: Iterable[Declaration]) -> pa.Array:
    """Every number of the accepted declarations once, in their order."""
    return pa.array(list(dict.fromkeys(n for one in declarations for n in one.entry_numbers)), pa.string())


def claimed_entries(declarations: Sequence[Declaration], entry_numbers: pa.Array) -> ClaimedEntries:
    """Meet the accepted declarations with the entries; an entry belongs to the first declaration that lists it.

    Args:
        declarations: in the order of filing; refused files claim nothing.
        entry_numbers: entry numbers of the sources, text, shape (n,). For one partition of many only `claimed` counts;
            the other members need the numbers of all of them.
    """
    declared = declared_numbers(declarations)
    claimed = pc.is_in(entry_numbers, value_set=declared).to_numpy(zero_copy_only=False)
    found = set(declared.filter(pc.is_in(declared, value_set=entry_numbers)).to_pylist())
    findings = Findings()
    first: dict[str, str] = {}
    absent: list[str] = []
    duplicates: list[tuple[str, str]] = []
    for one in declarations:
        for number, row in zip(one.entry_numbers, one.rows, strict=True):
            if number in first:
                duplicates.append((number, one.name))
                _met(findings, "duplicate_claim", one, number, row, first[number])
                continue
            first[number] = one.name
            if number not in found:
                absent.append(number)
                _met(findings, "not_in_ace", one, number, row, "")
    return ClaimedEntries(np.asarray(claimed, np.bool_), tuple(absent), tuple(duplicates), findings)


def _met(findings: Findings, rule_id: str, one: Declaration, number: str, row: int, first: str) -> None:
    """One finding of declarations against sources."""
    findings.add(
        rule_id.upper(),
        source=one.name,
        row=row,
        column=HEADER,
        value=number,
        entry=number,
        first=first,
    )
