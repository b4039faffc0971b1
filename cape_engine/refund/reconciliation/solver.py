"""Which of a few amounts add up to a sum: every answer of two to four of them, so that nothing ambiguous is guessed."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from cape_engine.bridge import Int64s, readonly
from cape_kernels import sums as kernels

MOST = 60
"""Amounts that are tried together; with more, accidental sums are likely and nothing is said."""


class Sums(NamedTuple):
    """Answers of a search.

    Attributes:
        number: how many different sets add up.
        places: the first set in the order of its places; empty where there is none.
    """

    number: int
    places: tuple[int, ...]


def sums_of(amounts: Int64s, target: int) -> Sums:
    """Sets of two, three or four of the amounts that add up to the target.

    Args:
        amounts: int64[n], cents above 0, n at most `MOST`.
        target: cents.

    Raises:
        ValueError: more amounts than are tried together.
    """
    size = len(amounts)
    if size > MOST:
        raise ValueError(f"at most {MOST} amounts are tried together, not {size}")
    answer = np.empty(kernels.ANSWER_LENGTH, np.int64)
    kernels.find_sums(readonly(amounts), readonly(np.sort(amounts)), target, answer)
    places = answer[kernels.PLACES :]
    return Sums(int(answer[kernels.COUNT]), tuple(places[places >= 0].tolist()))
