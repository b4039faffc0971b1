"""Telling the system which bytes of a partition will be read soon, so that no thread waits for the disk.

A store larger than the memory comes from the disk in every run. Threads that compute would wait for each column in
turn; a thread beside them names the columns of the next partitions, and the system reads them meanwhile. Nothing is
copied, and where the system cannot be told, nothing happens.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import pyarrow as pa
import pyarrow.parquet as pq

from cape_engine.store.layout import TABLES, measured_groups_of
from cape_engine.store.shape_files import SHAPES_FILE
from cape_engine.store.store import Store

_AT_ONCE = 512 << 10  # the system takes no more of one call than its device takes at once
_ROW_BYTES = 8  # what a run reads for a tariff number, about
_SHARE = 0.75  # of the memory, which others want as well
_Span = tuple[int, int]


class Announcer:
    """Announces partitions in a thread of its own.

    Args:
        store: where they are.
        ahead: columns by table that will surely be asked for; it may grow meanwhile.
    """

    def __init__(self, store: Store, ahead: Mapping[str, Collection[str]]) -> None:
        self._store, self._ahead = store, ahead
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="cape-ahead")
        self._told: Future[None] | None = None
        self._too_large = store.manifest["totals"]["tariffs"] * _ROW_BYTES > _memory_bytes() * _SHARE

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._pool.shutdown(cancel_futures=True)

    def passed(self, name: str) -> None:
        """A partition was read: where all of them do not fit the memory, the system may forget it."""
        if self._too_large:
            self._pool.submit(forget, self._store, name)

    def announce(self, name: str) -> None:
        """Announce a partition, unless the disk is so far behind that another one is still being announced."""
        if self._told is None or self._told.done():
            self._told = self._pool.submit(announce, self._store, name, self._ahead)


def forget(store: Store, name: str) -> None:
    """Let the system give away the memory that holds the files of a partition."""
    if not hasattr(os, "posix_fadvise"):
        return
    for path in [*(store.file(name, table) for table, _columns in TABLES), store.folder / name / SHAPES_FILE]:
        with suppress(OSError), path.open("rb", buffering=0) as file:
            os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def _memory_bytes() -> int:
    """Memory of the machine; more than any store where nobody says so."""
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, OSError, ValueError):
        return 1 << 62


def announce(store: Store, name: str, ahead: Mapping[str, Collection[str]]) -> None:
    """Have the system read what a run will ask for of a partition.

    Files that cannot be read are passed over: who reads them in earnest says so.

    Args:
        store: where it is.
        name: of the partition.
        ahead: columns by table; without any nothing is announced.
    """
    if not ahead or not hasattr(os, "posix_fadvise") or _at_hand(store.file(name, "tariffs")):
        return
    for table, columns in tuple(ahead.items()):
        _announce(store.file(name, table), columns)
    _announce(store.file(name, "quantities"), None)
    _announce(store.folder / name / SHAPES_FILE, None)


def _at_hand(path: Path) -> bool:
    """Whether the middle of a file is in memory: what is there need not be announced, which takes a millisecond."""
    with suppress(AttributeError, OSError), path.open("rb", buffering=0) as file:  # no such flag, or not at hand
        return os.preadv(file.fileno(), [bytearray(1)], path.stat().st_size // 2, os.RWF_NOWAIT) == 1
    return False


def _announce(path: Path, columns: Collection[str] | None) -> None:
    """Announce some columns of a file; without names, what a run reads of the quantities, or all shapes."""
    with suppress(OSError, pa.ArrowException), path.open("rb", buffering=0) as file:
        for begin, end in _joined(_spans(pq.read_metadata(path), columns)):
            for place in range(begin, end, _AT_ONCE):
                size = min(_AT_ONCE, end - place)
                os.posix_fadvise(file.fileno(), place, size, os.POSIX_FADV_WILLNEED)


def _spans(metadata: Any, columns: Collection[str] | None) -> Iterator[_Span]:
    """First byte of each column chunk, and the end behind it."""
    groups = (
        metadata.num_row_groups
        if columns is not None
        else measured_groups_of(metadata.metadata, metadata.num_row_groups)
    )
    for group in range(groups):
        for place in range(metadata.num_columns):
            chunk = metadata.row_group(group).column(place)
            if columns is None or chunk.path_in_schema in columns:
                begin = chunk.dictionary_page_offset or chunk.data_page_offset
                yield begin, begin + chunk.total_compressed_size


def _joined(spans: Iterator[_Span]) -> Sequence[_Span]:
    """Spans in order, those that touch each other as one."""
    joined: list[_Span] = []
    for begin, end in sorted(spans):
        if joined and begin <= joined[-1][1]:
            joined[-1] = joined[-1][0], max(end, joined[-1][1])
        else:
            joined.append((begin, end))
    return joined
