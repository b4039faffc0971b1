"""Threads over partitions keep the order, hold little, and stop when asked."""

from __future__ import annotations

import threading
import time

import pytest

from cape_engine.errors import Stopped
from cape_engine.execution.threads import map_ordered


@pytest.mark.parametrize("threads", [1, 2, 5])
def test_map_ordered__order_of_items(threads: int) -> None:
    """Results come in the order of the items, whichever finishes first."""

    def work(item: int) -> int:
        time.sleep(0.002 * (item % 3))
        return item * item

    assert list(map_ordered(work, range(12), threads=threads)) == [item * item for item in range(12)]


@pytest.mark.parametrize("threads", [1, 3])
def test_map_ordered__stops_between_items(threads: int) -> None:
    """After the signal no further item begins, and the caller is told."""
    stop = threading.Event()
    begun: list[int] = []

    def work(item: int) -> int:
        begun.append(item)
        stop.set()
        return item

    with pytest.raises(Stopped, match="run the same command again"):
        list(map_ordered(work, range(100), threads=threads, stop=stop))
    assert len(begun) <= threads


def test_map_ordered__errors_reach_the_caller() -> None:
    """An exception in a thread is raised where the results are read."""

    def work(item: int) -> int:
        if item == 2:
            raise ValueError("broken")
        return item

    with pytest.raises(ValueError, match="broken"):
        list(map_ordered(work, range(5), threads=2))
