"""Columns of lists of words in which few distinct lists stand: numbered once, then written, counted and hashed so."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from cape_engine import bridge
from cape_engine.bridge import Int32s, readonly
from cape_kernels import counts as kernels


@dataclass(frozen=True, slots=True)
class Lists:
    """A column of lists of words.

    Attributes:
        which: int32[n], place of each row's list in `lists`.
        lists: the distinct lists.
    """

    which: Int32s
    lists: Sequence[Sequence[str]]
    _members: tuple[Int32s, Int32s]

    @classmethod
    def of(cls, which: Int32s, lists: Sequence[Sequence[str]]) -> Lists:
        """The column in which row i has the list `lists[which[i]]`."""
        starts = np.zeros(len(lists) + 1, np.int32)
        np.cumsum([len(one) for one in lists], out=starts[1:])
        fixed, starts = readonly(which), readonly(starts)
        ends = np.empty(len(which) + 1, np.int32)
        kernels.list_ends(fixed, starts, ends)
        members = np.empty(ends[-1], np.int32)
        kernels.list_members(fixed, starts, readonly(ends), members)
        return cls(fixed, lists, (ends, members))

    def saying(self, lists: Sequence[Sequence[str]]) -> Lists:
        """The same column in other words; each list as long as before."""
        return replace(self, lists=lists)

    def array(self) -> pa.ListArray:
        """The column as Arrow has it, its texts as words into a dictionary."""
        return bridge.word_lists_of(self._members, self.lists)

    def to_pylist(self) -> list[list[str]]:
        """The list of each row."""
        return [list(self.lists[place]) for place in self.which.tolist()]

    def tally(self) -> dict[str, int]:
        """How often each word stands in the lists, by word."""
        total: dict[str, int] = {}
        for one, times in zip(self.lists, np.bincount(self.which, minlength=len(self.lists)).tolist(), strict=True):
            for word in one if times else ():
                total[word] = total.get(word, 0) + times
        return dict(sorted(total.items()))


def first_of_each(keys: npt.NDArray[np.uint64]) -> tuple[Int32s, Int32s]:
    """(the first row of each distinct key, in the order in which they come; which of them each row has).

    Args:
        keys: uint64[n], none of them 0.
    """
    values, which = distinct_words(keys)
    which -= np.int32(1)
    first = np.empty(len(values) - 1, np.int32)
    first[which[::-1]] = np.arange(len(keys) - 1, -1, -1, dtype=np.int32)  # of several rows the first is written last
    return first, which


def distinct(masks: npt.NDArray[np.unsignedinteger]) -> tuple[list[int], Int32s]:
    """The distinct values of masks, of which most are 0, and the place of each mask among them; 0 comes first."""
    values, which = distinct_words(masks.astype(np.uint64, copy=False))
    return values.tolist(), which


def distinct_words(masks: npt.NDArray[np.uint64]) -> tuple[npt.NDArray[np.uint64], Int32s]:
    """`distinct` of words, the values as an array."""
    count, which, found = len(masks), np.empty(len(masks), np.int32), np.zeros(1, np.int64)
    values = np.empty(count + 1, np.uint64)
    slots = np.full(1 << (count + 1).bit_length(), -1, np.int32)
    kernels.number_masks(readonly(masks), slots, values, which, found)
    return values[: found[0]], which
