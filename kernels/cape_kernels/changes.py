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


class Picked(NamedTuple):
    """Rows of the table of changes.

    Attributes:
        entry: int32 place of the entry. line: int32 place of the line. number: int32 place of the number.
        change: int8. rule: int8. duty: int64 cents. gap: int64 cents. gap_known: uint8.
    """

    entry: Any
    line: Any
    number: Any
    change: Any
    rule: Any
    duty: Any
    gap: Any
    gap_known: Any


def _arrays(kinds: tuple[types.Scalar, ...], *, readonly: bool) -> list[types.Array]:
    return [types.Array(kind, 1, "C", readonly=readonly) for kind in kinds]


_COUNTS = types.Array(types.int32, 1, "C", readonly=True)
_OUTCOME = types.NamedTuple(
    _arrays((types.uint8, types.int64, types.uint8, types.int8, types.int8, types.int64), readonly=True), Outcome
)
_PICKED = types.NamedTuple(
    _arrays((types.int32,) * 3 + (types.int8,) * 2 + (types.int64, types.int64, types.uint8), readonly=False), Picked
)


@kernel(types.void(_COUNTS, _COUNTS, _OUTCOME, types.int8, types.int8, _PICKED, types.int64[::1]))
def pick_changes(line_counts, tariff_counts, outcome, kept_rule, every, picked, count):
    """Write a row for each number that changed on an accepted entry, or for every number.

    Args:
        line_counts: int32[n], lines of each entry.
        tariff_counts: int32[m], numbers of each line.
        outcome: arrays of n entries, m lines and k numbers.
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
                gap, gap_known = outcome.gap[line], outcome.gap_known[line]
                while number < end:
                    # A row is always written, and kept by counting it: which numbers change is nothing that the
                    # processor could guess (14 ns a number became 5).
                    change = outcome.change[number]
                    picked.entry[at] = entry
                    picked.line[at] = np.int32(line)
                    picked.number[at] = np.int32(number)
                    picked.change[at] = change
                    picked.rule[at] = outcome.rule[number]
                    picked.duty[at] = outcome.duty[number]
                    picked.gap[at] = gap
                    picked.gap_known[at] = gap_known
                    at += np.uint64((change != 0) | (every != 0))
                    number += one
            elif every != 0:
                while number < end:
                    picked.entry[at] = entry
                    picked.line[at] = np.int32(line)
                    picked.number[at] = np.int32(number)
                    picked.change[at] = 0
                    picked.rule[at] = kept_rule
                    picked.duty[at] = 0
                    picked.gap[at] = 0
                    picked.gap_known[at] = 0
                    at += one
                    number += one
            number = end
            line += one
    count[0] = np.int64(at)
