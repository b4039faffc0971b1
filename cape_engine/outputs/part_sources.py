"""Where parts can be taken from: the finished files of the last run, and attempts that were interrupted."""

from __future__ import annotations

import json
import os
import shutil
import threading
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from cape_engine.errors import OutputError, UsageError
from cape_engine.outputs import files
from cape_engine.outputs.files import MANIFEST
from cape_engine.outputs.growing import blocks
from cape_engine.outputs.part_index import Index, Part, read_index, stamp

RUN, ATTEMPT, OLDER = ".run", "attempt", "older"
INDEX, RECORDS, COMMIT = "index", "records", "commit"


def data_file(name: str) -> str:
    """Name of a table's file or folder: tables are Parquet, records and index are the engine's own."""
    return name if name in (RECORDS, INDEX) else f"{name}.parquet"


def part_file(name: str, number: int) -> str:
    """Name of the file of a part, for tables whose parts have one each; as texts they are in the order of parts."""
    return data_file(name).replace(name, f"part-{number:06}", 1)


@dataclass(slots=True)
class Source:
    """Finished parts and the files they stand in.

    Attributes:
        parts: by key, in the order of the files.
        ends: byte of the index after each part's frame.
        files: file of each table by name, a folder where parts have files of their own.
        apart: names of the tables whose parts have.
        finished: what the index says of the finished files; None for an attempt.
    """

    parts: Mapping[str, Part]
    ends: Sequence[int]
    files: Mapping[str, Path]
    apart: AbstractSet[str]
    finished: Mapping[str, Any] | None
    _numbers: Mapping[str, int] = field(init=False)
    _handles: dict[str, int] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def __post_init__(self) -> None:
        self._numbers = {key: number for number, key in enumerate(self.parts)}

    def handle(self, name: str) -> int:
        """The file of all parts of a table, open for reading; threads may ask at once."""
        with self._lock:
            if name not in self._handles:
                self._handles[name] = os.open(self.files[name], os.O_RDONLY)
            return self._handles[name]

    def path(self, name: str, key: str) -> Path:
        """The file of one part, for tables whose parts have one each."""
        return self.files[name] / part_file(name, self._numbers[key])

    def content(self, name: str, key: str) -> Iterator[bytes]:
        """The bytes of a table of a part, block by block.

        Raises:
            OSError: the file is missing or too short.
        """
        extent = self.parts[key].extents[name]
        if not extent.length:
            return
        if name not in self.apart:
            yield from blocks(self.handle(name), extent.start, extent.length)
            return
        with self.path(name, key).open("rb") as file:
            yield from blocks(file.fileno(), extent.start, extent.length)

    def record(self, key: str) -> bytes:
        """The record of a part.

        Raises:
            OutputError: it is not what was written.
        """
        try:
            data = b"".join(self.content(RECORDS, key))
        except OSError:
            data = b""
        if zlib.crc32(data) != self.parts[key].extents[RECORDS].crc:
            raise OutputError(f"{self.path(RECORDS, key)} is not as the last run left it; run again with --full")
        return data

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


def refuse_files_of_others(out: Path | None, names: Iterable[str]) -> None:
    """Refuse a folder in which files of others have the names of results: they would be replaced.

    Args:
        out: folder of the results; None for nowhere.
        names: of the tables.

    Raises:
        UsageError: one of them is there, and nothing says that a run was.
    """
    if out is None or (out / RUN).exists() or (out / MANIFEST).exists():
        return
    for file in map(data_file, names):
        if (out / file).exists():
            raise UsageError(
                f"{out} holds {file}, which no run wrote: take it away, or choose another folder with --out"
            )


def finished_source(out: Path, streams: Mapping[str, str], apart: AbstractSet[str]) -> tuple[Source | None, str | None]:
    """The parts of the finished files in `out`, or why they cannot be used.

    Args:
        out: folder of the results.
        streams: digest of the schema and the layout of each table now.
        apart: names of the tables whose parts have files of their own.

    Returns:
        The source, or None; and the reason when there are results that cannot be used.
    """
    index = read_index(out / RUN / INDEX)
    if index is None or index.finished is None:
        return None, None
    if index.streams != streams:
        return None, "the last run wrote other tables, another layout or with another version of the file writer"
    try:
        listed = json.loads((out / MANIFEST).read_text(encoding="utf-8"))["files"]
        for name, said in index.finished["files"].items():
            parts = (
                {f"{name}/{part}": about for part, about in said["parts"].items()} if "parts" in said else {name: said}
            )
            for file, about in parts.items():
                if stamp(out / file) != [about["size"], about["mtime_ns"]] or listed[name]["sha256"] != said["sha256"]:
                    return None, f"{file} is not as the last run left it"
    except (OSError, ValueError, KeyError, TypeError):  # missing, or a manifest of another form
        return None, "files of the last run are missing"
    files = {name: out / data_file(name) for name in streams}
    source = _source(index, {**files, RECORDS: out / RUN / RECORDS}, apart)
    try:
        for key, part in source.parts.items():
            if source.path(RECORDS, key).stat().st_size != part.extents[RECORDS].length:
                return None, "records of the last run are not as it left them"
    except OSError:
        return None, "records of the last run are missing"
    return source, None


def interrupted_source(attempt: Path, streams: Mapping[str, str], apart: AbstractSet[str]) -> Source | None:
    """The whole parts of an attempt, each checked by its check sums; None without any."""
    index = read_index(attempt / INDEX)
    if index is None or index.streams != streams:
        return None
    files = {name: attempt / data_file(name) for name in (*streams, RECORDS)}
    # An attempt may have come as far as to note what its files would be: nothing of it is in place, all the same.
    source = _source(replace(index, finished=None), files, apart)
    count = 0
    try:
        for part in index.parts:
            if not all(_whole(source, name, part) for name in part.extents):
                break
            count += 1
    except OSError:
        pass
    if count < len(index.parts):
        source.close()
        source = _source(Index(index.streams, index.parts[:count], index.ends[:count], None), files, apart)
    return source if count else None


def moved_into_place(out: Path) -> None:
    """Move the files of a committed attempt into place; nothing happens without one.

    Raises:
        OutputError: what was to be moved cannot be read.
    """
    attempt = out / RUN / ATTEMPT
    try:
        said = json.loads((attempt / COMMIT).read_text(encoding="utf-8"))
        names, index = [str(name) for name in said["files"]], bool(said["index"])
    except FileNotFoundError:
        return
    except (ValueError, KeyError, TypeError) as error:
        raise OutputError(
            f"{attempt / COMMIT} is damaged, and files of the last run may be half replaced: "
            f"remove the folder {attempt} and run again with --full"
        ) from error
    if index:
        for name in (RECORDS, INDEX):
            files.replace(attempt / name, out / RUN / name)
    files.move_results(attempt, out, names)
    files.sync_folder(out / RUN)
    shutil.rmtree(out / RUN / OLDER, ignore_errors=True)
    shutil.rmtree(attempt)


def _source(index: Index, files: Mapping[str, Path], apart: AbstractSet[str]) -> Source:
    """An index with the files it speaks of."""
    return Source({part.key: part for part in index.parts}, index.ends, files, apart, index.finished)


def _whole(source: Source, name: str, part: Part) -> bool:
    """Whether the table of a part has the bytes that were written."""
    crc = 0
    for block in source.content(name, part.key):
        crc = zlib.crc32(block, crc)
    return crc == part.extents[name].crc
