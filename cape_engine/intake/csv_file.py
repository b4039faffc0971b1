"""Delimited text: encoding, delimiter and headings found, rows counted as in an editor, cells read by Arrow."""

from __future__ import annotations

import codecs
import csv
import io
import mmap
import re
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.csv as pacsv

from cape_engine.bridge import Int64s, readonly
from cape_engine.findings import Findings
from cape_engine.intake.block import Block
from cape_engine.intake.bulk import add_rows
from cape_engine.intake.entries import key_texts, keys_of_texts
from cape_engine.intake.files import Unreadable
from cape_engine.intake.headings import SCANNED_ROWS, Headings, Layout, find_header
from cape_engine.intake.plain_csv import Part, plain_cells
from cape_engine.intake.texts import Texts
from cape_engine.schema import facts as f
from cape_kernels import delimited as k
from cape_kernels import splitting as sp

_DELIMITERS = (",", ";", "\t", "|")
_BLOCK_BYTES = 1 << 23  # 8 MiB of text a part: a few parts in flight stay small beside the columns they become
_KEPT_BYTES = 1 << 26  # text behind the part that is handed out; beyond, all parts have long been read
_BLOCK_RECORDS = 1 << 20
_HEAD_BYTES = 1 << 18
_ROW_BYTES = 1 << 20  # of a broken row, in which its entry is looked for
_FALLBACK = "cp1252"
_LF, _CR = 10, 13
_ASCII = 128


class _Mark(NamedTuple):
    """A place in the file and its line, counted from 1."""

    place: int
    line: int


class CsvFile:
    """A delimited text file, open for reading.

    Args:
        path: the file.
        headings: the names it may use.
        findings: takes what is unusual about the file and its rows.

    Raises:
        Unreadable: no headings, a needed column is missing, or the file is not text.
    """

    def __init__(self, path: Path, headings: Headings, findings: Findings) -> None:
        self.source = str(path)
        self.refused_entries: list[str] = []
        self._findings = findings
        self._data, begin, self._mapped = _utf8_bytes(path)
        self._known_encoding = ""
        self._lock = threading.Lock()
        self.layout: Layout
        self._find_header(begin, headings)

    def _encoding(self) -> str:
        """UTF-8, if the whole file is such; asked only where something is not ASCII, which most files never are."""
        with self._lock:
            if not self._known_encoding:
                bad = _first_not_utf8(self._data)
                self._let_go(len(self._data))
                self._known_encoding = "utf-8" if bad < 0 else _FALLBACK
                if bad >= 0:
                    self._findings.add("ENCODING_ASSUMED", source=self.source, row=_line_at(self._data, bad))
            return self._known_encoding

    def _find_header(self, begin: int, headings: Headings) -> None:
        """Set layout, delimiter and the place behind the heading row."""
        head = bytes(self._data[begin : begin + _HEAD_BYTES])
        lines = head.splitlines(keepends=True)[:SCANNED_ROWS]
        encoding = "utf-8" if head.isascii() else self._encoding()
        texts = [line.decode(encoding, errors="replace") for line in lines]
        tables = {mark: [_cells(text, mark) for text in texts] for mark in _DELIMITERS}
        best = max(
            _DELIMITERS,
            key=lambda mark: (
                any(headings.complete(cells) for cells in tables[mark]),
                max((headings.known(cells) for cells in tables[mark]), default=0),
                -_DELIMITERS.index(mark),
            ),
        )
        row, self.layout = find_header(self.source, tables[best], headings)
        self._delimiter = best
        self._begin = begin + sum(len(line) for line in lines[: row + 1])
        self._header_line = row + 1

    def blocks(self) -> Iterator[Callable[[], Block]]:
        """The rows in parts of some MiB; a part begins where a line does, and is tested when it is read."""
        place = self._begin
        before: Future[_Mark] = Future()
        before.set_result(_Mark(place, self._header_line + 1))
        found = np.zeros(sp.STATE_LENGTH, np.int64)
        while place < len(self._data):
            sp.line_end(self._data, np.int64(min(place + _BLOCK_BYTES, len(self._data))), found)
            after: Future[_Mark] = Future()
            self._let_go(place - _KEPT_BYTES)
            yield partial(self._part, place, int(found[0]), before, after)
            place, before = int(found[0]), after

    def _let_go(self, end: int) -> None:
        """Give back the memory of the file up to a place; whoever still reads there gets it from the system again."""
        whole = end // mmap.PAGESIZE * mmap.PAGESIZE
        if self._mapped is not None and whole > 0 and hasattr(mmap, "MADV_DONTNEED"):
            self._mapped.madvise(mmap.MADV_DONTNEED, 0, whole)

    def _part(self, begin: int, end: int, before: Future[_Mark], after: Future[_Mark]) -> Block:
        """The rows that begin between two places.

        Parts are read side by side. Each tells the next where its last record ended and on which line: a record that
        goes on behind a line end takes the beginning of the next part with it.
        """
        try:
            plain = self._plain(self._data[begin:end])
            mark = before.result()
            if plain is None or mark.place != begin:
                return self._carefully(mark, end, after)
            count = plain.rows
            after.set_result(_Mark(end, mark.line + count))
        except BaseException as error:
            if not after.done():
                after.set_exception(error)
            raise
        return Block(plain.columns, readonly(np.arange(mark.line, mark.line + count, dtype=np.int64)))

    def _plain(self, data: npt.NDArray[np.uint8]) -> Part | None:
        """The rows of a part; None if it is not plain, or neither ASCII nor UTF-8."""
        part = plain_cells(data, self._delimiter, len(self.layout.header), self.layout.positions)
        return part if part is None or part.ascii or self._encoding() == "utf-8" else None

    def _carefully(self, mark: _Mark, end: int, after: Future[_Mark]) -> Block:
        """The records that begin before `end`, each looked at; rows with a wrong number of cells become findings."""
        state = np.zeros(k.STATE_LENGTH, np.int64)
        state[k.PLACE], state[k.LINE] = mark
        texts: list[bytes | memoryview] = []
        rows: list[Int64s] = []
        spanning = False
        while state[k.PLACE] < end:
            text, lines = self._records(end, state)
            if text is not None:
                texts.append(text)
                rows.append(lines)
            spanning |= bool(state[k.QUOTED_LINES])
        after.set_result(_Mark(int(state[k.PLACE]), int(state[k.LINE])))
        lines = np.concatenate([np.empty(0, np.int64), *rows])
        return self._read(texts[0] if len(texts) == 1 else b"".join(texts), lines, spanning=spanning)

    def _records(self, end: int, state: Int64s) -> tuple[bytes | memoryview | None, Int64s]:
        """(bytes of some good records, their lines); findings for those that are not."""
        room = min(end - int(state[k.PLACE]) + 1, _BLOCK_RECORDS)
        starts, lines = np.empty(room, np.int64), np.empty(room, np.int64)
        cells, status = np.empty(room, np.int32), np.empty(room, np.uint8)
        delimiter, expected = np.uint8(ord(self._delimiter)), np.int32(len(self.layout.header))
        k.scan_records(self._data, end, delimiter, expected, starts, lines, cells, status, state)
        count = int(state[k.RECORDS])
        starts, lines, cells, status = starts[:count], lines[:count], cells[:count], status[:count]
        ends = np.append(starts[1:], int(state[k.PLACE]))
        bad = status == k.RECORD_BAD
        if bad.any():
            self._report_bad(starts[bad], ends[bad], lines[bad], cells[bad])
        keep = status == k.RECORD_OK
        return (self._kept(starts, ends, keep) if keep.any() else None), lines[keep]

    def _kept(self, starts: Int64s, ends: Int64s, keep: npt.NDArray[np.bool_]) -> bytes | memoryview:
        """The bytes of the good records, without a copy when they all are."""
        if keep.all():
            return self._data.data[int(starts[0]) : int(ends[-1])]
        edges = np.flatnonzero(np.diff(keep.astype(np.int8), prepend=0, append=0))
        pieces = zip(starts[edges[::2]].tolist(), ends[edges[1::2] - 1].tolist(), strict=True)
        view = self._data.data
        return b"".join(view[first:last] for first, last in pieces)

    def _read(self, text: bytes | memoryview, lines: Int64s, *, spanning: bool) -> Block:
        """The cells of some records as Arrow reads them."""
        body = text if self._encoding() == "utf-8" else bytes(text).decode(_FALLBACK, errors="replace").encode()
        if len(lines) == 0:
            nothing = Texts.of(pa.array([], pa.string()))
            return Block(dict.fromkeys(self.layout.positions, nothing), lines)
        names = [f"c{place}" for place in range(len(self.layout.header))]
        kinds = {names[place]: pa.string() for place in self.layout.positions.values()}
        table = pacsv.read_csv(
            pa.BufferReader(pa.py_buffer(body)),
            read_options=pacsv.ReadOptions(column_names=names, use_threads=False, block_size=max(len(body), 1) + 1),
            parse_options=pacsv.ParseOptions(delimiter=self._delimiter, newlines_in_values=spanning),
            convert_options=pacsv.ConvertOptions(
                column_types=kinds, include_columns=list(kinds), null_values=[], check_utf8=False
            ),
        )
        if table.num_rows != len(lines):
            raise Unreadable(
                "FILE_UNREADABLE", self.source, value=f"rows {lines[0]} to {lines[-1]} cannot be told apart"
            )
        columns = {
            column: Texts.of(_one_chunk(table.column(names[place]))) for column, place in self.layout.positions.items()
        }
        return Block(columns, readonly(lines))

    def _report_bad(self, starts: Int64s, ends: Int64s, lines: Int64s, cells: npt.NDArray[np.int32]) -> None:
        """A finding for each row with a wrong number of cells; where its entry can be read, the entry is refused."""
        place = self.layout.positions.get(f.ENTRY_NUMBER, 0)
        cells_at = [self._cells_at(int(first), int(last), place) for first, last in zip(starts, ends, strict=True)]
        read, naive = (keys_of_texts(pa.array(texts, pa.string()))[0] for texts in zip(*cells_at, strict=True))
        keys = np.where(read >= 0, read, naive)
        known = keys >= 0
        opened = cells < 0
        expected = len(self.layout.header)
        for code, mask in (
            ("ROW_QUOTE_OPEN", opened),
            ("ROW_CELLS", ~opened & known),
            ("ROW_NOT_DATA", ~opened & ~known),
        ):
            entries = pa.array(key_texts(np.maximum(keys[mask], 0))) if known[mask].all() else None
            if entries is None:
                entries = pa.array(
                    [
                        text if good else None
                        for text, good in zip(_texts_or_none(keys[mask]), known[mask], strict=True)
                    ],
                    pa.string(),
                )
            add_rows(
                self._findings,
                code,
                int(mask.sum()),
                source=self.source,
                row=lines[mask],
                entry=entries,
                cells=np.abs(cells[mask]),
                expected=expected,
            )
        self.refused_entries.extend(key_texts(np.unique(keys[known])).to_pylist())

    def _cells_at(self, first: int, last: int, place: int) -> tuple[str, str]:
        """One cell of a row that may be broken, read with its quotes and without them; empty if there is none."""
        text = bytes(self._data[first : min(last, first + _ROW_BYTES)]).decode(self._encoding(), errors="replace")
        read = _cells(text, self._delimiter)
        naive = re.split(r"[\r\n]", text, maxsplit=1)[0].split(self._delimiter)
        return (read[place] if place < len(read) else "", naive[place] if place < len(naive) else "")


def _texts_or_none(keys: Int64s) -> list[str | None]:
    """Entry numbers of keys; nonsense where the key is negative (the caller masks it)."""
    texts: list[str | None] = key_texts(np.maximum(keys, 0)).to_pylist()
    return texts


def _one_chunk(values: pa.ChunkedArray) -> pa.Array:
    """A chunked array as one array."""
    return values.chunk(0) if values.num_chunks == 1 else values.combine_chunks()


def _utf8_bytes(path: Path) -> tuple[npt.NDArray[np.uint8], int, mmap.mmap | None]:
    """(the file's bytes, place behind a byte order mark, the map of the file); UTF-16 becomes UTF-8 in memory.

    Raises:
        Unreadable: the file cannot be opened, or is broken UTF-16.
    """
    try:
        with path.open("rb") as file:
            start = file.read(3)
            if start[:2] in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE):
                file.seek(0)
                body = file.read().decode("utf-16").encode()
                return np.frombuffer(body, np.uint8), 0, None
            mapped = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    except UnicodeDecodeError as error:
        raise Unreadable("FILE_TRUNCATED", str(path), value="broken UTF-16") from error
    except OSError as error:
        raise Unreadable("FILE_UNREADABLE", str(path), value=error.strerror or str(error)) from error
    return np.frombuffer(mapped, np.uint8), len(codecs.BOM_UTF8) if start == codecs.BOM_UTF8 else 0, mapped


def _first_not_utf8(data: npt.NDArray[np.uint8]) -> int:
    """Place of the first byte that is not UTF-8, or -1; parts of plain ASCII are not decoded at all."""
    decoder = codecs.getincrementaldecoder("utf-8")()
    pending = False
    step = 1 << 24
    for begin in range(0, len(data), step):
        part = data[begin : begin + step]
        if not pending and (len(part) == 0 or part.max() < _ASCII):
            continue
        held = len(decoder.getstate()[0])
        try:
            decoder.decode(part.tobytes(), final=begin + step >= len(data))
        except UnicodeDecodeError as error:
            return begin - held + error.start
        pending = bool(decoder.getstate()[0])
    return -1


def _line_at(data: npt.NDArray[np.uint8], place: int) -> int:
    """The line of the file that a byte stands on."""
    before = data[:place]
    ends = before == _LF
    alone = before == _CR  # as old programs end lines; before LF it is part of one end
    alone[:-1] &= ~ends[1:]
    return int(np.count_nonzero(ends) + np.count_nonzero(alone)) + 1


def _cells(line: str, delimiter: str) -> list[str]:
    """The cells of one line, as a spreadsheet would split it."""
    try:
        return next(csv.reader(io.StringIO(line.lstrip("\ufeff"), newline=""), delimiter=delimiter), [])
    except csv.Error:
        return []
