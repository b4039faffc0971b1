"""Sums of a run of any kind, by recipient: the shards that several threads add to."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field

import numpy as np

from cape_engine.bridge import Int64s, readonly
from cape_kernels import consolidation as kernels

_CELLS = 1 << 10


@dataclass(slots=True)
class Shard:
    """The sums of every 64th recipient.

    Attributes:
        lock: held while the arrays change.
        head: see `kernels.Slabs`, as `cells` and `free`.
    """

    lock: threading.Lock = field(default_factory=threading.Lock)
    head: Int64s = field(default_factory=lambda: np.zeros((0, 2), np.int64))
    cells: Int64s = field(default_factory=lambda: np.empty((_CELLS, 4), np.int64))
    free: Int64s = field(default_factory=lambda: np.append(np.full(kernels.BUMP, -1, np.int64), 0))

    def slabs(self) -> kernels.Slabs:
        """The arrays, for kernels."""
        return kernels.Slabs(self.head, self.cells, self.free)

    def add(self, waiting: Int64s, recipients: int) -> None:
        """Add sums.

        Args:
            waiting: int64[n, 5], sums whose recipients belong to this shard.
            recipients: how many numbers there are, of all shards.
        """
        done, room = np.zeros(2, np.int64), np.empty(kernels.AHEAD, np.int64)
        with self.lock:
            if len(self.head) * kernels.SHARDS < recipients:
                longer = np.zeros((recipients // kernels.SHARDS * 5 // 4 + 1, 2), np.int64)
                longer[: len(self.head)] = self.head
                self.head = longer
            while True:
                kernels.add_sums(readonly(waiting), self.slabs(), room, done)
                if done[0] == len(waiting):
                    return
                # Only a small part of the run's sums stands twice meanwhile; memory that was never touched is none.
                used = len(self.cells)
                longer = np.empty((used + max(used, _largest(self.head)), 4), np.int64)
                longer[:used] = self.cells
                self.cells = longer


def _largest(head: Int64s) -> int:
    """Cells that the largest slab needs when it grows."""
    return 2 << int((head[:, kernels.HEAD_SLAB] & ((1 << kernels.CLASS_BITS) - 1)).max(initial=0))
