"""Work done by a few threads, with results in the order in which it was given."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

_T = TypeVar("_T")
_U = TypeVar("_U")


def in_order(work: Callable[[_T], _U], items: Iterable[_T], threads: int) -> Iterator[_U]:
    """Work on each item with a few threads; no more results wait than there are threads.

    Args:
        work: called in some thread.
        items: what it is called with.
        threads: how many at the same time.
    """
    waiting: deque[Future[_U]] = deque()
    with ThreadPoolExecutor(threads) as workers:
        try:
            for item in items:
                if len(waiting) >= threads:
                    yield waiting.popleft().result()
                waiting.append(workers.submit(work, item))
            while waiting:
                yield waiting.popleft().result()
        finally:
            workers.shutdown(wait=True, cancel_futures=True)


def beside(work: Callable[[_T], _U], items: Iterable[_T]) -> Iterator[_U]:
    """Work on each item in one thread, while the next one is made in the thread that asks."""
    with ThreadPoolExecutor(1) as worker:
        last: Future[_U] | None = None
        for item in items:
            if last is not None:
                yield last.result()
            last = worker.submit(work, item)
        if last is not None:
            yield last.result()
