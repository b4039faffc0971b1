"""The journal of a run: parts written as they come, kept over a kill, and taken over by the next run unchanged.

Layout of the folder of a run, beside the promised files:

    .run/index      where each part stands in the promised files, and the size and time of those files
    .run/records/   the small record of each part, a file each
    .run/attempt/   a run under way: the same files growing, an index, and at the end everything else and `commit`
    .run/older/     parts of an interrupted run that another command followed

A part's bytes are written before its frame of the index, so that a SIGKILL at any moment leaves whole parts and a
tail to cut off; after a power failure, check sums find what did not reach the disk. Once `commit` stands, all files
are whole, and moving them into place is repeated by the next run if it was interrupted.
"""

from __future__ import annotations

import os
import shutil
import threading
import zlib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import pyarrow as pa

from cape_engine.outputs import files
from cape_engine.outputs.claimed import claimed
from cape_engine.outputs.growing import Durable, GrowingFile, InOrder, Syncer
from cape_engine.outputs.part_index import Part, finished_frame, head_frame, part_frame
from cape_engine.outputs.part_sources import (
    ATTEMPT,
    COMMIT,
    INDEX,
    OLDER,
    RECORDS,
    RUN,
    Source,
    data_file,
    finished_source,
    interrupted_source,
    moved_into_place,
)
from cape_engine.outputs.row_groups import EncodedPart, RowGroups
from cape_engine.outputs.streams import Apart, Stream, Together

_AGAIN = "#"
_WAITING_PARTS = 2  # encoded, so that memory is bounded
_TOGETHER = 8  # parts taken over in one go


class ResultJournal:
    """Results of a run, part by part, in the order of `keys`.

    Args:
        out: folder of the results; made if it is missing.
        groups: how the row groups of each growing table are encoded, by name; `<name>.parquet` is promised.
        keys: key of each part, in the order of the run; a key stands for everything the part's bytes depend on.
        full: take nothing over from earlier runs.
        apart: every part has a file of its own, in folders named as the files are.

    Attributes:
        reused: parts taken over from an earlier run or attempt so far.
        written: parts given by `append` so far.
        ignored: why results of an earlier run are not used, if they are not.

    Raises:
        OutputError: the folder cannot be written, or another run writes to it.
    """

    def __init__(
        self,
        out: Path,
        groups: Mapping[str, RowGroups],
        keys: Sequence[str],
        *,
        full: bool = False,
        apart: bool = False,
    ) -> None:
        self.reused = self.written = 0
        self.ignored: str | None = None
        self._out, self._run, self._attempt = out, out / RUN, out / RUN / ATTEMPT
        self._groups = dict(groups)
        self._apart = frozenset({RECORDS, *groups} if apart else {RECORDS})
        self._keys = _distinct(keys)
        self._parts: list[Part] = []
        self._place = self._kept = 0
        self._pending: list[tuple[Source, Part, str]] = []
        self._lock = threading.Lock()
        self._syncer, self._writer = Syncer(), InOrder()
        self._streams: dict[str, Stream] = {}
        self._index: GrowingFile | None = None
        self._sources: list[Source] = []
        self._claim = -1
        with files.writing(out):
            try:
                self._open(full=full)
            except BaseException:
                self.close()
                raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Leave everything as it is, for the next run."""
        self._writer.close()
        self._syncer.close()
        for stream in self._streams.values():
            stream.close()
        if self._index is not None:
            self._index.close()
        for source in self._sources:
            source.close()
        if self._claim >= 0:
            os.close(self._claim)
            self._claim = -1

    def known(self, key: str) -> bytes | None:
        """The record of a part that an earlier run or attempt finished; None when it is to be computed.

        Any thread may ask, for any key.
        """
        source = self._known.get(key)
        return None if source is None else source.record(key)

    def holds(self, key: str) -> bool:
        """Whether an earlier run or attempt finished a part."""
        return key in self._known

    def reuse(self, key: str) -> None:
        """Take over the next part as an earlier run or attempt wrote it.

        Raises:
            ValueError: the key is not known, or not the next (a fault of the program).
        """
        with self._lock, files.writing(self._out):
            place, key = self._next(key)
            self.reused += 1
            if place < self._kept:
                self._parts.append(self._sources[0].parts[key])
            else:
                found = key if key in self._known else _given(key)
                source = self._known[found]
                self._pending.append((source, source.parts[found], key))
            if self._other and len(self._pending) >= _TOGETHER:
                self._hand_over()
            self._passed()

    def append(self, key: str, tables: Mapping[str, EncodedPart], record: bytes) -> None:
        """Write the next part.

        Args:
            key: the next of `keys`.
            tables: one encoded part for each growing table.
            record: whatever the run wants to know of the part when it is reused.

        Raises:
            ValueError: the key is not the next, is known, or a table is missing (a fault of the program).
            OutputError: the disk is full or the folder cannot be written; parts written so far are kept.
        """
        if tables.keys() != self._groups.keys():
            raise ValueError(f"a part consists of {sorted(self._groups)}, not of {sorted(tables)}")
        with self._lock, files.writing(self._out):
            place, key = self._next(key)
            if place < self._kept:
                raise ValueError(f"part {key} stands in the files already; it is to be reused")
            self._other = True
            self._hand_over()
            self._writer.add(self._write, key, dict(tables), record)
            self._writer.wait(_WAITING_PARTS)
            self.written += 1
            self._passed()

    def finish(
        self,
        tables: Mapping[str, pa.Table],
        manifest: Mapping[str, object] | Callable[[], Mapping[str, object]],
        *,
        tails: Mapping[str, EncodedPart] | None = None,
    ) -> dict[str, object]:
        """Complete the files and put everything into place, the manifest last.

        Args:
            tables: the small tables; each becomes `<name>.parquet`.
            manifest: completed with `files` (sha256 and rows of each file); called once the tables are written.
            tails: rows that follow all parts and are made anew by every run.

        Returns:
            The manifest as written.

        Raises:
            ValueError: not all parts are there (a fault of the program).
            OutputError: the disk is full or the folder cannot be written; parts written so far are kept.
        """
        if self._place != len(self._keys):
            raise ValueError(f"{self._place} of {len(self._keys)} parts are there")
        tails = {name: part for name, part in (tails or {}).items() if part.piece is not None}
        with self._lock, files.writing(self._out):
            unchanged = None if self._other else self._unchanged(tails)
            if unchanged is None:
                self._hand_over()
                completed = self._writer.add(self._completed, tails)
            small = files.write_tables(self._attempt, tables)
            self._writer.wait()
            whole = completed.result() if unchanged is None else unchanged
            listed: dict[str, object] = {name: _listed(said) for name, said in whole.items()}
            listed.update(small)
            done: dict[str, object] = {**(manifest() if callable(manifest) else manifest), "files": listed}
            files.write_json(self._attempt / files.MANIFEST, done)
            moved = [f"{name}.parquet" for name in tables]
            moved += [] if unchanged else [data_file(name) for name in self._groups]
            files.write_json(self._attempt / f"{COMMIT}.new", {"files": moved, "index": not unchanged})
            (self._attempt / f"{COMMIT}.new").replace(self._attempt / COMMIT)
            files.sync_folder(self._attempt)
            moved_into_place(self._out)
        return done

    def _open(self, *, full: bool) -> None:
        """Claim the folder, end what was interrupted while files were moved, and see which parts there are."""
        self._run.mkdir(parents=True, exist_ok=True)
        self._claim = claimed(self._run)
        moved_into_place(self._out)
        digests = {name: group.digest for name, group in self._groups.items()}
        streams = {name: f"apart {digest}" if name in self._apart else digest for name, digest in digests.items()}
        if full:
            shutil.rmtree(self._run / OLDER, ignore_errors=True)
            shutil.rmtree(self._attempt, ignore_errors=True)
        else:
            finished, self.ignored = finished_source(self._out, streams, self._apart)
            under_way = interrupted_source(self._attempt, streams, self._apart)
            self._kept = under_way.kept(self._keys) if under_way is not None else 0
            if under_way is not None and self._kept < len(under_way.parts):
                # Another command follows the one that was interrupted: its parts stay at hand, its file does not.
                self._kept = 0
                shutil.rmtree(self._run / OLDER, ignore_errors=True)
                self._attempt.replace(self._run / OLDER)
                under_way.files = {name: self._run / OLDER / path.name for name, path in under_way.files.items()}
            moved = under_way and not self._kept
            older = None if moved else interrupted_source(self._run / OLDER, streams, self._apart)
            self._sources = [source for source in (under_way, older, finished) if source is not None]
        self._known = {key: source for source in reversed(self._sources) for key in source.parts}
        # Where all parts are known the files may stay as they are; else they are copied while others are computed.
        self._other = any(key not in self._known and _given(key) not in self._known for key in self._keys)
        self._start(streams)

    def _start(self, streams: Mapping[str, str]) -> None:
        """Open the streams: those of the attempt after the parts that stay, or new ones."""
        kept = list(self._sources[0].parts.values())[: self._kept] if self._kept else []
        if not kept:
            shutil.rmtree(self._attempt, ignore_errors=True)
            self._attempt.mkdir()
        for name, groups in (*self._groups.items(), (RECORDS, None)):
            path = self._attempt / data_file(name)
            if groups is None or name in self._apart:
                self._streams[name] = Apart(path, name, groups, len(kept))
            else:
                self._streams[name] = Together(path, name, groups, [part.extents[name] for part in kept])
        keep = self._sources[0].ends[self._kept - 1] if kept else 0
        self._index = GrowingFile(self._attempt / INDEX, keep=keep, hashed=False)
        if not keep:
            self._index.write(head_frame(streams))

    def _next(self, given: str) -> tuple[int, str]:
        """Place and key of the next part, which must be the one given."""
        place = self._place
        if place >= len(self._keys) or _given(self._keys[place]) != given:
            raise ValueError(f"part {place} of the run is not {given}")
        self._place += 1
        return place, self._keys[place]

    def _hand_over(self) -> None:
        """Have the parts that wait taken over."""
        pending, self._pending = self._pending, []
        if pending:
            self._writer.add(self._take_over, pending)

    def _passed(self) -> None:
        """After the last part, start what the end would wait for."""
        if self._other and self._place == len(self._keys):
            self._hand_over()
            self._writer.add(self._synced)

    def _durable(self) -> list[Durable]:
        """What grows, the index last."""
        return [*self._streams.values(), *([] if self._index is None else [self._index])]

    def _synced(self) -> None:
        """Make what grows durable as far as it is."""
        for one in self._durable():
            one.sync()

    def _write(self, key: str, tables: Mapping[str, EncodedPart], record: bytes) -> None:
        """Append a part."""
        every = {**tables, RECORDS: EncodedPart(0, memoryview(record), None)}
        self._note(Part(key, {name: self._streams[name].put(len(self._parts), part) for name, part in every.items()}))
        self._syncer.now_and_then(self._durable())

    def _note(self, *parts: Part) -> None:
        """Say in the index that parts are whole."""
        for stream in self._streams.values():
            stream.settle()
        for part in parts:
            self._noted().write(part_frame(part))
            self._parts.append(part)

    def _noted(self) -> GrowingFile:
        """The index of the run under way."""
        assert self._index is not None  # noqa: S101 - opened with the journal
        return self._index

    def _take_over(self, pending: list[tuple[Source, Part, str]]) -> None:
        """Take parts over."""
        parts = [(source, part) for source, part, _ in pending]
        moved = {name: stream.take(len(self._parts), parts) for name, stream in self._streams.items()}
        self._note(
            *(
                Part(key, {name: extents[place] for name, extents in moved.items()})
                for place, (_, _, key) in enumerate(pending)
            )
        )
        self._syncer.now_and_then(self._durable())

    def _unchanged(self, tails: Mapping[str, EncodedPart]) -> dict[str, Any] | None:
        """What is known of the finished files when they are exactly those of this run; None otherwise."""
        source = self._sources[-1] if self._sources else None
        if source is None or source.finished is None or self._parts:
            return None
        same = [key for _, _, key in self._pending] == list(source.parts)
        if not same or source.finished["tails"] != {name: _sum(part) for name, part in tails.items()}:
            return None
        found: dict[str, Any] = source.finished["files"]
        return found

    def _completed(self, tails: Mapping[str, EncodedPart]) -> dict[str, Any]:
        """Write tails and footers, make everything durable, and close the index."""
        self._syncer.close()
        said = {
            name: stream.complete([part.extents[name] for part in self._parts], tails.get(name))
            for name, stream in self._streams.items()
        }
        whole = {data_file(name): said[name] for name in self._groups}
        sums = {name: _sum(part) for name, part in tails.items()}
        self._noted().write(finished_frame({"files": whole, "tails": sums}))
        self._noted().sync()
        return whole


def _distinct(keys: Sequence[str]) -> list[str]:
    """Keys made distinct: parts of the same content are the same bytes, but stand in the files once for each."""
    seen: dict[str, int] = {}
    distinct = []
    for key in keys:
        seen[key] = seen.get(key, 0) + 1
        distinct.append(key if seen[key] == 1 else f"{key}{_AGAIN}{seen[key]}")
    return distinct


def _given(key: str) -> str:
    """The key as the run gave it."""
    return key.partition(_AGAIN)[0]


def _listed(said: Mapping[str, Any]) -> dict[str, object]:
    """Hash and rows of a table as the manifest lists them; of one in a folder those of each file as well."""
    listed: dict[str, object] = {"sha256": said["sha256"], "rows": said["rows"]}
    if "parts" in said:
        listed["parts"] = {file: _listed(about) for file, about in said["parts"].items()}
    return listed


def _sum(part: EncodedPart) -> list[int]:
    """What tells one tail from another."""
    return [part.rows, len(part.data), zlib.crc32(part.data)]
