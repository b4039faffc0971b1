"""Where parts can be taken from: the finished files of the last run, and attempts that were interrupted."""

from __future__ import annotations

import json
import os
import threading
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cape_engine.outputs.files import MANIFEST
from cape_engine.outputs.growing import blocks
from cape_engine.outputs.part_index import Extent, Index, Part, read_index, stamp

RUN, ATTEMPT, OLDER = ".run", "attempt", "older"
INDEX, RECORDS, COMMIT = "index", "records", "commit"


def data_file(name: str) -> str:
    """File name of a growing file: tables are Parquet, records and index are the engine's own."""
    return name if name in (RECORDS, INDEX) else f"{name}.parquet"


@dataclass(slots=True)
class Source:
    """Finished parts and the files they stand in.

    Attributes:
        parts: by key, in the order of the files.
        ends: byte of the index after each part's frame.
        files: path of each data file, by name.
        finished: what the index says of the finished files; None for an attempt.
    """

    parts: Mapping[str, Part]
    ends: Sequence[int]
    files: Mapping[str, Path]
    finished: Mapping[str, Any] | None
    _handles: dict[str, int] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def handle(self, name: str) -> int:
        """The data file, open for reading; threads may ask at once."""
        with self._lock:
            if name not in self._handles:
                self._handles[name] = os.open(self.files[name], os.O_RDONLY)
            return self._handles[name]

    def record(self, key: str) -> bytes:
        """The record of a part."""
        extent = self.parts[key].extents[RECORDS]
        return b"".join(blocks(self.handle(RECORDS), extent.start, extent.length))

    def kept(self, keys: Sequence[str]) -> int:
        """How many of the first `keys` are the first parts here, in order."""
        count = 0
        for known, wanted in zip(self.parts, keys, strict=False):
            if known != wanted:
                break
            count += 1
        return count

    def close(self) -> None:
        """Close the files."""
        for handle in self._handles.values():
            os.close(handle)
        self._handles.clear()


def finished_source(out: Path, streams: Mapping[str, str]) -> tuple[Source | None, str | None]:
    """The parts of the finished files in `out`, or why they cannot be used.

    Args:
        out: folder of the results.
        streams: digest of the schema of each table now.

    Returns:
        The source, or None; and the reason when there are results that cannot be used.
    """
    index = read_index(out / RUN / INDEX)
    if index is None or index.finished is None:
        return None, None
    if index.streams != streams:
        return None, "the last run wrote other tables or used another version of the file writer"
    try:
        listed = json.loads((out / MANIFEST).read_text(encoding="utf-8"))["files"]
        for name, said in index.finished["files"].items():
            if stamp(out / name) != [said["size"], said["mtime_ns"]] or listed[name]["sha256"] != said["sha256"]:
                return None, f"{name} is not as the last run left it"
        records = (out / RUN / RECORDS).stat().st_size
    except (OSError, ValueError, KeyError):
        return None, "files of the last run are missing"
    if records < max((part.extents[RECORDS].end for part in index.parts), default=0):
        return None, "records of the last run are missing"
    files = {name: out / data_file(name) for name in streams}
    return _source(index, {**files, RECORDS: out / RUN / RECORDS}), None


def interrupted_source(attempt: Path, streams: Mapping[str, str]) -> Source | None:
    """The whole parts of an attempt, each checked by its check sums; None without any."""
    index = read_index(attempt / INDEX)
    if index is None or index.streams != streams:
        return None
    files = {name: attempt / data_file(name) for name in (*streams, RECORDS)}
    source = _source(index, files)
    count = 0
    try:
        for part in index.parts:
            if not all(_whole(source.handle(name), extent) for name, extent in part.extents.items()):
                break
            count += 1
    except OSError:
        pass
    if count < len(index.parts):
        source.close()
        source = _source(Index(index.streams, index.parts[:count], index.ends[:count], None), files)
    return source if count else None


def _source(index: Index, files: Mapping[str, Path]) -> Source:
    """An index with the files it speaks of."""
    return Source({part.key: part for part in index.parts}, index.ends, files, index.finished)


def _whole(handle: int, extent: Extent) -> bool:
    """Whether the bytes of an extent are those that were written."""
    crc = 0
    for block in blocks(handle, extent.start, extent.length):
        crc = zlib.crc32(block, crc)
    return crc == extent.crc
