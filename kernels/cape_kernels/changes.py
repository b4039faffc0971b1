"""Which numbers of a partition changed, with what belongs to them: one walk over entries, lines and numbers."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from cape_kernels._jit import kernel, types


class Outcome(NamedTuple):
    """What a run decided.

    Attributes:
        accepted: uint8 per entry.
        gap: int64 per line, mode A minus mode B. gap_known: uint8 per line.
        change: int8 per number, 0 where it was kept. rule: int8 per number. duty: int64 per number, its new duty.
    """

    accepted: Any
    gap: Any
    gap_known: Any
    change: Any
    rule: Any
    duty: Any


class Cells(NamedTuple):
    """What the rows say; int32, whatever the table takes in the end.

    Attributes:
        line_number: per line. ordinal, hts (word), filed (cents), source (word), source_row: per number.
    """

    line_number: Any
    ordinal: Any
    hts: Any
    filed: Any
    source: Any
    source_row: Any


class Picked(NamedTuple):
    """Rows of the table of changes, of the types `PICKED`.

    Attributes:
        line, number, entry: places.
        line_number, ordinal, hts, filed, source, source_row: cells.
        change, rule, duty, gap, gap_known: outcome.
    """

    line: Any
    number: Any
    entry: Any
    line_number: Any
    ordinal: Any
    hts: Any
    filed: Any
    source: Any
    source_row: Any
    change: Any
    rule: Any
    duty: Any
    gap: Any
    gap_known: Any


PICKED = Picked(
    line=np.int32,
    number=np.int32,
    entry=np.int32,
    line_number=np.int32,
    ordinal=np.int16,
    hts=np.int32,
    filed=np.int64,
    source=np.int32,
    source_row=np.int64,
    change=np.int8,
    rule=np.int8,
    duty=np.int64,
    gap=np.int64,
    gap_known=np.uint8,
)
"""Type of each array of `Picked`."""


def _arrays(kinds: tuple[types.Scalar, ...], *, readonly: bool) -> list[types.Array]:
    return [types.Array(kind, 1, "C", readonly=readonly) for kind in kinds]


_COUNTS = types.Array(types.int32, 1, "C", readonly=True)
_OUTCOME = types.NamedTuple(
    _arrays((types.uint8, types.int64, types.uint8, types.int8, types.int8, types.int64), readonly=True), Outcome
)
_CELLS = types.NamedTuple(_arrays((types.int32,) * len(Cells._fields), readonly=True), Cells)
_PICKED = types.NamedTuple(_arrays(tuple(getattr(types, kind.__name__) for kind in PICKED), readonly=False), Picked)


@kernel(types.void(_COUNTS, _COUNTS, _OUTCOME, _CELLS, types.int8, types.int8, _PICKED, types.int64[::1]))
def pick_changes(line_counts, tariff_counts, outcome, cells, kept_rule, every, picked, count):
    """Write a row for each number that changed on an accepted entry, or for every number.

    Args:
        line_counts: int32[n], lines of each entry.
        tariff_counts: int32[m], numbers of each line.
        outcome: arrays of n entries, m lines and k numbers.
        cells: arrays of m lines and k numbers.
        kept_rule: rule of the numbers of an entry that is not accepted; nothing changes there, and duty is 0 here.
        every: 1 to write every number.
        picked: arrays of as many rows as can be, and one more, out.
        count: int64[1], out: rows written.
    """
    at, line, number = np.uint64(0), np.uint64(0), np.uint64(0)
    one = np.uint64(1)
    for entry in range(len(line_counts)):
        taken = outcome.accepted[entry] != 0
        for _ in range(line_counts[entry]):
            end = number + np.uint64(tariff_counts[line])
            if taken:
                while number < end:
                    # Places are always written, and kept by counting them: which numbers change is nothing that the
                    # processor could guess (14 ns a number became 5).
                    picked.entry[at] = entry
                    picked.line[at] = np.int32(line)
                    picked.number[at] = np.int32(number)
                    at += np.uint64((outcome.change[number] != 0) | (every != 0))
                    number += one
            elif every != 0:
                while number < end:
                    picked.entry[at] = entry
                    picked.line[at] = np.int32(line)
                    picked.number[at] = np.int32(number)
                    at += one
                    number += one
            number = end
            line += one
    count[0] = np.int64(at)
    # What belongs to the places, all columns in one pass: taken column by column it was twice as long.
    for row in range(at):
        line, number = np.uint64(picked.line[row]), np.uint64(picked.number[row])
        picked.line_number[row] = cells.line_number[line]
        picked.ordinal[row] = np.int16(cells.ordinal[number])
        picked.hts[row] = cells.hts[number]
        picked.filed[row] = cells.filed[number]
        picked.source[row] = cells.source[number]
        picked.source_row[row] = cells.source_row[number]
        picked.change[row] = outcome.change[number]
        picked.rule[row] = outcome.rule[number]
        picked.duty[row] = outcome.duty[number]
        picked.gap[row] = outcome.gap[line]
        picked.gap_known[row] = outcome.gap_known[line]
    if every != 0:
        for row in range(at):
            if outcome.accepted[picked.entry[row]] == 0:
                picked.change[row], picked.rule[row], picked.duty[row] = 0, kept_rule, 0
                picked.gap[row], picked.gap_known[row] = 0, 0
