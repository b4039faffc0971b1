"""Arrays that only grow, so that a partition keeps reading its part while another adds to them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

_FIRST_ROOM = 256


class Growing:
    """Rows of a record type, added at the end and never changed.

    Args:
        kind: type of a row.
    """

    def __init__(self, kind: np.dtype[Any]) -> None:
        self._room = np.zeros(_FIRST_ROOM, kind)
        self._count = 0
        self._new: list[tuple[int, ...]] = []  # a write to the array takes as long for one row as for twenty

    def __len__(self) -> int:
        return self._count + len(self._new)

    def extend(self, rows: Sequence[tuple[int, ...]]) -> int:
        """Add rows; the place of the first."""
        start = len(self)
        self._new += rows
        return start

    def rows(self) -> npt.NDArray[Any]:
        """The rows so far, one at least."""
        start, end = self._count, len(self)
        if end > len(self._room):
            room = np.zeros(2 * end, self._room.dtype)
            room[:start] = self._room[:start]
            self._room = room
        if self._new:
            self._room[start:end] = self._new
            self._count, self._new = end, []
        return self._room[: max(end, 1)]
