"""Slow twins of numbered masks, lists laid end to end, exact sums and answers by day, in plain Python."""

from __future__ import annotations

from collections.abc import Sequence


def numbered(masks: Sequence[int]) -> tuple[list[int], list[int]]:
    """The distinct masks, 0 first and the others as they come, and the number of each."""
    found = [0]
    for mask in masks:
        if mask not in found:
            found.append(mask)
    return found, [found.index(mask) for mask in masks]


def end_to_end(which: Sequence[int], lengths: Sequence[int]) -> tuple[list[int], list[int]]:
    """Where the lists of all rows end, and their members as places among those of the distinct lists."""
    ends, members = [0], []
    for number in which:
        begin = sum(lengths[:number])
        members += list(range(begin, begin + lengths[number]))
        ends.append(len(members))
    return ends, members


def sum_of_known(values: Sequence[int | None]) -> int:
    """The sum of the numbers that are known."""
    return sum(value for value in values if value is not None)


def answers(days: Sequence[int | None], table: dict[int | None, int]) -> list[int]:
    """What a table says of each day, of the unknown one too."""
    return [table[day] for day in days]
