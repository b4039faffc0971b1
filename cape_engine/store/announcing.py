"""Having the bytes of a partition at hand before they are asked for, so that no thread waits for the disk.

A store larger than the memory comes from the disk in every run. Threads that compute would wait for each column in
turn; a thread beside them reads the columns of the next partitions into memory of its own (`loading`). Those of a store
that fits the memory are only named: the system reads them meanwhile, and keeps them for the next run. Where the system
can do neither, nothing happens.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Collection, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

import pyarrow as pa
import pyarrow.parquet as pq

from cape_engine.disk import BLOCK_BYTES
from cape_engine.store import loading
from cape_engine.store.layout import TABLES, measured_groups_of
from cape_engine.store.loading import Groups, Loaded, Room
from cape_engine.store.shape_files import SHAPES_FILE
from cape_engine.store.store import Store

_AT_ONCE = 512 << 10  # the system takes no more of one call than its device takes at once
_ROW_BYTES = 8  # what a run reads for a tariff number, about
_SHARE = 0.75  # of the memory, which others want as well


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
        self._loads = self._too_large and loading.CAN_LOAD
        self._lock = threading.Lock()
        self._loading: dict[str, Future[Mapping[str, Loaded]]] = {}
        self._rooms: dict[str, Room] = {}
        self._free: list[Room] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._pool.shutdown(cancel_futures=True)

    def announce(self, name: str) -> None:
        """Announce a partition, unless the disk is so far behind that another one is still being announced."""
        if self._loads and self._ahead:
            with self._lock:
                self._rooms[name] = room = self._free.pop() if self._free else Room()
                self._loading[name] = self._pool.submit(self._loaded, name, room)
        elif self._told is None or self._told.done():
            self._told = self._pool.submit(announce, self._store, name, self._ahead)

    def loaded(self, name: str) -> Mapping[str, Loaded]:
        """What is in memory of the files of a partition, for `Store.opened`; it stays there until `passed`."""
        with self._lock:
            found = self._loading.pop(name, None)
        return {} if found is None else found.result()

    def passed(self, name: str) -> None:
        """A partition was read: its memory may be used for another, by the system or by us."""
        with self._lock:
            room = self._rooms.pop(name, None)
            if room is not None:
                self._free.append(room)
        if self._too_large and room is None:
            self._pool.submit(forget, self._store, name)

    def _loaded(self, name: str, room: Room) -> Mapping[str, Loaded]:
        """Read what a run will ask for of a partition; nothing where it cannot be read in this way."""
        wanted = list(_wanted(self._store, name, self._ahead))
        try:
            room.clear(sum(path.stat().st_size + BLOCK_BYTES for _table, path, _columns, _groups in wanted))
            return {table: loading.load(path, room, columns, groups) for table, path, columns, groups in wanted}
        except (OSError, pa.ArrowException, ValueError, LookupError):  # whoever reads it in earnest says what is wrong
            self._loads = False
            return {}


def _wanted(
    store: Store, name: str, ahead: Mapping[str, Collection[str]]
) -> Iterator[tuple[str, Path, Collection[str] | None, Groups]]:
    """(table, file, columns, how many row groups) of everything that a run will ask for of a partition."""
    for table, columns in tuple(ahead.items()):
        yield table, store.file(name, table), columns, _all_groups
    yield "quantities", store.file(name, "quantities"), None, _measured_groups
    shapes = store.folder / name / SHAPES_FILE
    if shapes.exists():
        yield SHAPES_FILE, shapes, None, _all_groups


def _all_groups(metadata: pq.FileMetaData) -> int:
    """Every row group."""
    return int(metadata.num_row_groups)


def _measured_groups(metadata: pq.FileMetaData) -> int:
    """What a run reads of the quantities."""
    return measured_groups_of(metadata.metadata, metadata.num_row_groups)


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
    for _table, path, columns, groups in _wanted(store, name, ahead):
        _announce(path, columns, groups)


def _at_hand(path: Path) -> bool:
    """Whether the middle of a file is in memory: what is there need not be announced, which takes a millisecond."""
    with suppress(AttributeError, OSError), path.open("rb", buffering=0) as file:  # no such flag, or not at hand
        return os.preadv(file.fileno(), [bytearray(1)], path.stat().st_size // 2, os.RWF_NOWAIT) == 1
    return False


def _announce(path: Path, columns: Collection[str] | None, groups: Groups) -> None:
    """Announce some columns of the first row groups of a file."""
    with suppress(OSError, pa.ArrowException), path.open("rb", buffering=0) as file:
        metadata = pq.read_metadata(path)
        for begin, end in loading.joined(loading.spans(metadata, columns, groups(metadata))):
            for place in range(begin, end, _AT_ONCE):
                size = min(_AT_ONCE, end - place)
                os.posix_fadvise(file.fileno(), place, size, os.POSIX_FADV_WILLNEED)
