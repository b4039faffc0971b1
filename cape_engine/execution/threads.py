"""Threads over partitions: the kernels release the GIL, so threads are as good as processes and share memory."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

from cape_engine.errors import Stopped

T = TypeVar("T")
U = TypeVar("U")


def map_ordered(
    function: Callable[[T], U], items: Sequence[T], *, threads: int, stop: threading.Event | None = None
) -> Iterator[U]:
    """Apply `function` to each item with `threads` threads, yielding results in the order of the items.

    At most `threads` + 1 results are held, so memory does not grow with the number of partitions.

    Raises:
        Stopped: `stop` was set; items already under way are finished first.
    """
    event = stop or threading.Event()
    if threads <= 1 or len(items) <= 1:
        for item in items:
            _refuse_if_stopped(event)
            yield function(item)
        return
    with ThreadPoolExecutor(threads, thread_name_prefix="cape") as pool:
        waiting: list[Future[U]] = []
        for item in items:
            if event.is_set():
                break
            waiting.append(pool.submit(function, item))
            if len(waiting) > threads:
                yield waiting.pop(0).result()
        for future in waiting:
            yield future.result()
    _refuse_if_stopped(event)


def _refuse_if_stopped(event: threading.Event) -> None:
    """Turn a signal into the exception that says so."""
    if event.is_set():
        raise Stopped("stopped by a signal; nothing half-written counts: run the same command again")
