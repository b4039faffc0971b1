"""Which numbers of a partition changed, with what belongs to them: one walk over entries, lines and numbers."""

from __future__ import annotations

from typing import Any, NamedTuple

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
        change: int32. rule: int32. duty: int64 cents. gap: int64 cents. gap_known: uint8.
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


_COUNTS = types.Array(types.int64, 1, "C", readonly=True)
_OUTCOME = types.NamedTuple(
    _arrays((types.uint8, types.int64, types.uint8, types.int8, types.int8, types.int64), readonly=True), Outcome
)
_PICKED = types.NamedTuple(
    _arrays((types.int32,) * 5 + (types.int64, types.int64, types.uint8), readonly=False), Picked
)


@kernel(types.void(_COUNTS, _COUNTS, _OUTCOME, types.int32, types.int8, _PICKED, types.int64[::1]))
def pick_changes(line_counts, tariff_counts, outcome, kept_rule, every, picked, count):
    """Write a row for each number that changed on an accepted entry, or for every number.

    Args:
        line_counts: int64[n], lines of each entry.
        tariff_counts: int64[m], numbers of each line.
        outcome: arrays of n entries, m lines and k numbers.
        kept_rule: rule of the numbers of an entry that is not accepted; nothing changes there, and duty is 0 here.
        every: 1 to write every number.
        picked: arrays of k rows, out.
        count: int64[1], out: rows written.
    """
    at, line, number = 0, 0, 0
    for entry in range(len(line_counts)):
        taken = outcome.accepted[entry] != 0
        for _ in range(line_counts[entry]):
            end = number + tariff_counts[line]
            while number < end:
                if every != 0 or (taken and outcome.change[number] != 0):
                    picked.entry[at] = entry
                    picked.line[at] = line
                    picked.number[at] = number
                    picked.change[at] = outcome.change[number] if taken else 0
                    picked.rule[at] = outcome.rule[number] if taken else kept_rule
                    picked.duty[at] = outcome.duty[number] if taken else 0
                    picked.gap[at] = outcome.gap[line] if taken else 0
                    picked.gap_known[at] = outcome.gap_known[line] if taken else 0
                    at += 1
                number += 1
            line += 1
    count[0] = at
