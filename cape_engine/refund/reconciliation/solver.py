"""Which of a few amounts add up to a sum: every answer of two to four of them, so that nothing ambiguous is guessed."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from cape_engine.bridge import Int64s, readonly
from cape_kernels import sums as kernels

MOST = 60
"""Amounts that are tried together; with more, accidental sums are likely and nothing is said."""
_NOBODY = -1


class Sums(NamedTuple):
    """Answers of a search.

    Attributes:
        number: how many different sets add up, at most two are told apart from more.
        places: the first set in the order of its places; empty where there is none.
    """

    number: int
    places: tuple[int, ...]


def sums_of(amounts: Int64s, target: int) -> Sums:
    """Sets of two, three or four of the amounts that add up to the target.

    A kernel says whether there are any; only then all are looked for.
    Pairs of all amounts are joined with what they lack: nothing, one more, or another pair behind them (meet in the
    middle), so that 60 amounts take 1,770 look-ups and not half a million.

    Args:
        amounts: int64[n], cents above 0, n at most `MOST`.
        target: cents.

    Raises:
        ValueError: more amounts than are tried together.
    """
    size = len(amounts)
    if size > MOST:
        raise ValueError(f"at most {MOST} amounts are tried together, not {size}")
    if size < 2:  # noqa: PLR2004 - a sum has two parts
        return Sums(0, ())
    any_ = np.empty(1, np.bool_)
    kernels.add_up(readonly(np.sort(amounts)), target, any_)
    if not any_[0]:  # nearly always
        return Sums(0, ())
    first, second = np.triu_indices(size, 1)
    sums = amounts[first] + amounts[second]
    count, best = 0, None
    singles = np.arange(size)
    rests = (
        (np.zeros(1, np.int64), np.array([size]), np.array([[_NOBODY, _NOBODY]])),
        (amounts, singles, np.stack([singles, np.full(size, _NOBODY)], axis=1)),
        (sums, first, np.stack([first, second], axis=1)),
    )
    for values, begins, members in rests:
        order = np.argsort(values, kind="stable")
        ordered = values[order]
        low = np.searchsorted(ordered, target - sums, "left")
        high = np.searchsorted(ordered, target - sums, "right")
        left = np.repeat(np.arange(len(sums)), high - low)
        if not len(left):
            continue
        steps = np.arange(len(left)) - np.repeat(np.cumsum(high - low) - (high - low), high - low)
        right = order[np.repeat(low, high - low) + steps]
        behind = second[left] < begins[right]
        left, right = left[behind], right[behind]
        count += len(left)
        found = np.concatenate([first[left, None], second[left, None], members[right]], axis=1)
        sets = [tuple(place for place in row if place != _NOBODY) for row in found[:2].tolist()]
        best = min([*sets, *([best] if best else [])], default=None)
    return Sums(count, best or ())
