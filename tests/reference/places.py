"""Slow twins of looking rows up: one row after the other, as a person would read them."""

from __future__ import annotations

from collections.abc import Sequence

COMPONENT, PRIVILEGED = 1, 2


def odd_lines(
    counts: Sequence[int], sets: Sequence[bool], privileged: Sequence[bool], texts: Sequence[int]
) -> list[tuple[int, int, int, int]]:
    """(line, entry, marks, place of its text or -1) of every line that has a mark or a text.

    Args:
        counts: lines of each entry.
        sets: whether each line is part of a set.
        privileged: whether each line is in a privileged status.
        texts: lines that have a text, ascending.
    """
    found = []
    line = 0
    for entry, count in enumerate(counts):
        for _ in range(count):
            marks = COMPONENT * sets[line] + PRIVILEGED * privileged[line]
            text = texts.index(line) if line in texts else -1
            if marks or text >= 0:
                found.append((line, entry, marks, text))
            line += 1
    return found
