"""The sums of a finished run, kept beside its results: a later run takes away what went and adds what came.

Sums of a nation's refunds are a tenth of those of its partitions, which most importers have in many of them. They are
whole numbers, so that taking the sums of a part away leaves exactly those of the others; what each part came to is
noted, and the difference is compared with it.
"""

from __future__ import annotations

import json
import os
import struct
import zlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import BinaryIO

import pyarrow as pa

from cape_engine.errors import OutputError
from cape_engine.outputs import files
from cape_engine.outputs.part_sources import RUN
from cape_engine.pipeline.part import Nested, Share
from cape_engine.refund import Register, Sums

NAME = "sums"
_FRAME = struct.Struct("<QI")


class KeptSums:
    """Sums and notes that an earlier run left, for the parts of this one that it had too.

    A note is known by the key of its part, which stands for everything the part depends on: it is right or is not
    found. The file is a convenience; without it, with a damaged one, or where most of its parts went, the records of
    parts are read one by one.

    Args:
        out: folder of the results.
        keys: key of each part, in the order of the run.
        register: the importer numbers of the run.
        held: whether an earlier run finished a part.
        record: the record of such a part.
        full: nothing is taken up.
    """

    def __init__(
        self,
        out: Path,
        keys: Sequence[str],
        register: Register,
        held: Callable[[str], bool],
        record: Callable[[str], bytes | None],
        *,
        full: bool = False,
    ) -> None:
        self._path, self._register, self._held, self._record = out / RUN / NAME, register, held, record
        # Parts of equal content have one key; which of them is meant cannot be told, so such a run keeps no sums.
        self._distinct = len(set(keys)) == len(keys)
        self._notes: dict[str, Nested] = {}
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="cape-kept")
        self._kept, parts, gone = ({}, [], []) if full else self._taken_up(set(keys))
        self._same = bool(self._kept) and not gone and len(self._kept) == len(keys)
        self._last = next((key for key in reversed(keys) if key in self._kept), None)
        self._left = self._thread.submit(self._added, parts, gone)

    def holds(self, key: str) -> bool:
        """Whether the sums of a part are among those that were kept."""
        return key in self._kept

    def share(self, key: str) -> Share | None:
        """The share of a part whose sums are kept: the last of them in the run has those of all.

        Raises:
            OutputError: what was kept does not add up.
        """
        if key not in self._kept:
            return None
        sums = self._left.result() if key == self._last else Sums.of_none(self._register)
        return Share.of_note(self._kept[key], sums)

    def take(self, key: str, share: Share) -> None:
        """Note the share of a part whose sums are not kept; any thread may bring it."""
        if self._distinct and key not in self._kept:
            self._notes[key] = share.note()

    def write(self, sums: Callable[[], Iterable[Sums]]) -> None:
        """Keep the sums of this run, unless they are those that were kept before.

        Args:
            sums: gives those of all parts; not called where it is not needed.

        Raises:
            OutputError: the disk is full or the folder cannot be written.
        """
        if self._same or not self._distinct:
            return
        fresh = self._path.with_suffix(".new")
        with files.writing(self._path.parent):
            with fresh.open("wb") as file:
                for some in sums():
                    _write(file, _packed(some))
                _write(file, json.dumps({**self._kept, **self._notes}, sort_keys=True).encode())
                file.flush()
                os.fsync(file.fileno())
            fresh.replace(self._path)

    def close(self) -> None:
        """End the thread."""
        self._thread.shutdown(wait=True)

    def _taken_up(self, keys: AbstractSet[str]) -> tuple[Mapping[str, Nested], list[bytes], list[bytes]]:
        """Notes of parts that stay, the sums kept, and the records of parts that went; nothing if not worth it."""
        parts, notes = _read(self._path) if self._distinct else ([], {})
        stay = {key: note for key, note in notes.items() if key in keys}
        gone = [key for key in notes if key not in keys]
        if len(gone) >= len(stay) or not all(map(self._held, stay)):
            return {}, [], []
        try:
            records = [record for key in gone if (record := self._record(key)) is not None]
        except OutputError:  # of a part that nobody needs any more
            return {}, [], []
        return (stay, parts, records) if len(records) == len(gone) else ({}, [], [])

    def _added(self, kept: Sequence[bytes], gone: Sequence[bytes]) -> Sums:
        """The sums that were kept without those of the parts that went.

        How these spelled their numbers is nothing to this run, whose register takes only those that are left.

        Raises:
            OutputError: they are not what was noted of the parts that stay.
        """
        own = Register()
        parts = [Sums.from_table(pa.ipc.open_stream(data).read_all(), own) for data in kept]
        taken = [Share.from_bytes(record, own).sums for record in gone]
        noted = [note["paid"] for note in self._kept.values()]
        try:
            left = Sums.left(parts, taken, own)
        except ValueError:
            left = None
        if left is None or left.totals() != tuple(sum(paid[at] for paid in noted) for at in range(3)):
            raise OutputError(f"{self._path} does not add up with the records of the last run; run again with --full")
        return left.of(self._register)


def _packed(sums: Sums) -> memoryview:
    """Sums as bytes."""
    table, sink = sums.to_table(), pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema, options=pa.ipc.IpcWriteOptions(compression="lz4")) as writer:
        writer.write_table(table)
    return memoryview(sink.getvalue())


def _write(file: BinaryIO, data: bytes | memoryview) -> None:
    """Append a frame: its length, its check sum, and the data."""
    file.write(_FRAME.pack(len(data), zlib.crc32(data)))
    file.write(data)


def _read(path: Path) -> tuple[list[bytes], Mapping[str, Nested]]:
    """Sums and notes of a file; nothing where there is none, or a damaged one."""
    found = []
    try:
        with path.open("rb") as file:
            size = os.fstat(file.fileno()).st_size
            while head := file.read(_FRAME.size):
                length, crc = _FRAME.unpack(head)
                data = file.read(length) if length <= size else b""  # a length may be damaged, too
                if len(data) != length or zlib.crc32(data) != crc:
                    return [], {}
                found.append(data)
        return found[:-1], json.loads(found[-1])  # whose last frame is missing does not end with notes
    except (OSError, struct.error, ValueError, IndexError):
        return [], {}
