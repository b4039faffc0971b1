"""Packing: eligible entries into the fewest declarations of one filer and importer, the urgent first, byte by byte."""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pyarrow as pa

from cape_engine.bridge import Int32s, Int64s, readonly
from cape_engine.claim_portal.declaration import ENDING, HEADER
from cape_engine.errors import SettingError
from cape_engine.settings import Settings
from cape_kernels import entry_number as k

UNLIQUIDATED = 2**31 - 1
"""Days left for an entry that was never liquidated: it comes after all others (handbook 4.6 step 3)."""

_NEWLINES = {"crlf": b"\r\n", "lf": b"\n"}
_FILER_BASE = 36**8
"""An entry's key divided by it is the key of the filer code, its first three characters."""
_SEQUENCE_DIGITS = 3


@dataclass(frozen=True, slots=True)
class Candidates:
    """Entries that may go on a declaration, n rows in any order, each entry once.

    Attributes:
        keys: entry numbers as int64 (`cape_kernels.entry_number`), each 0 to 36^11 - 1.
        importer: place of the importer of record in `importers`, 0 or more.
        importers: importer numbers as they are compared: capitals, no dashes, each once.
        days_left: days until the 80 days after a (re)liquidation end, 0 for today; `UNLIQUIDATED` without one.
        principal_cents: duty the claim asks back.
    """

    keys: Int64s
    importer: Int32s
    importers: tuple[str, ...]
    days_left: Int32s
    principal_cents: Int64s


@dataclass(frozen=True, slots=True)
class Limits:
    """What bounds a declaration.

    Attributes:
        most: entries in a file.
        urgent_days: entries with fewer days left get files of their own; 0 is never.
        newline: what ends a row.
    """

    most: int
    urgent_days: int
    newline: bytes

    @classmethod
    def of(cls, settings: Settings) -> Limits:
        """The limits that `claim.max_entries`, `claim.max_bytes`, `claim.urgent_days` and `claim.newline` set.

        Raises:
            SettingError: not one entry fits.
        """
        newline = _NEWLINES[settings.text("claim.newline")]
        row = k.ENTRY_LENGTH + len(newline)
        room = (settings.number("claim.max_bytes") - 1 - len(HEADER) - len(newline)) // row
        most = min(settings.number("claim.max_entries"), room)
        if most < 1:
            raise SettingError(
                "claim.max_entries and claim.max_bytes leave no room for a single entry in a declaration"
            )
        return cls(most, settings.number("claim.urgent_days"), newline)


@dataclass(frozen=True, slots=True)
class PackedFile:
    """One declaration.

    Attributes:
        name: filer code, importer, filing day and sequence; the same for the same content of the same day.
        filer_code: first three characters of every entry number in it.
        importer: place in `Candidates.importers`.
        first: place of its first entry in `Packed.order`.
        entries: how many it has.
    """

    name: str
    filer_code: str
    importer: int
    first: int
    entries: int


@dataclass(frozen=True)
class Packed:
    """Every candidate in exactly one file.

    Attributes:
        files: in the order of filer, importer and sequence.
        order: rows of the candidates, end to end in the order of the files, shape (n,).
        candidates: what was packed.
        limits: what bounded it.
    """

    files: tuple[PackedFile, ...]
    order: Int64s
    candidates: Candidates
    limits: Limits

    @cached_property
    def _rows(self) -> bytes:
        """The rows of all files end to end, without headings."""
        count, newline = len(self.order), self.limits.newline
        texts = np.empty(count * k.ENTRY_LENGTH, np.uint8)
        k.entry_texts(readonly(self.candidates.keys[self.order]), texts)
        rows = np.empty((count, k.ENTRY_LENGTH + len(newline)), np.uint8)
        rows[:, : k.ENTRY_LENGTH] = texts.reshape(count, k.ENTRY_LENGTH)
        rows[:, k.ENTRY_LENGTH :] = np.frombuffer(newline, np.uint8)
        return rows.tobytes()

    def content(self, file: PackedFile) -> bytes:
        """The bytes of a file: the heading of CBP's template, then one entry number a row."""
        row = k.ENTRY_LENGTH + len(self.limits.newline)
        body = self._rows[file.first * row : (file.first + file.entries) * row]
        return HEADER.encode() + self.limits.newline + body

    def contents(self) -> Iterator[tuple[PackedFile, bytes, str]]:
        """Each file with its bytes and their SHA-256 (hex)."""
        for file in self.files:
            content = self.content(file)
            yield file, content, hashlib.sha256(content).hexdigest()

    def entry_numbers(self, file: PackedFile | None = None) -> pa.Array:
        """Entry numbers in the order of the files, of one file or of all."""
        rows = self.order if file is None else self.order[file.first : file.first + file.entries]
        return key_texts(self.candidates.keys[rows])


def key_texts(keys: Int64s) -> pa.Array:
    """The eleven characters of each key."""
    data = np.empty(len(keys) * k.ENTRY_LENGTH, np.uint8)
    k.entry_texts(readonly(keys), data)
    offsets = np.arange(len(keys) + 1, dtype=np.int32) * k.ENTRY_LENGTH
    return pa.StringArray.from_buffers(len(keys), pa.py_buffer(offsets), pa.py_buffer(data))


def pack(candidates: Candidates, *, limits: Limits, as_of: dt.date, used: Mapping[str, int] | None = None) -> Packed:
    """Put every candidate into exactly one declaration (handbook 4.6, steps 3 to 5; clarification 18).

    A file holds entries of one filer and one importer. Inside, those with the fewest days left come first, then the
    larger principal, then the smaller entry number. Files are filled one after the other, so that their number is the
    smallest; only with `claim.urgent_days` a file is closed early, behind the urgent entries.

    Args:
        candidates: the entries; the answer does not depend on their order.
        limits: what bounds a file.
        as_of: filing day, part of the names.
        used: highest sequence already given, by `stem` of the names.
    """
    count = len(candidates.keys)
    if count == 0:
        return Packed((), readonly(np.zeros(0, np.int64)), candidates, limits)
    places = np.array(sorted(range(len(candidates.importers)), key=candidates.importers.__getitem__), np.int64)
    rank = np.empty(len(places), np.int64)
    rank[places] = np.arange(len(places))
    group = candidates.keys // _FILER_BASE * len(places) + rank[candidates.importer]
    order = np.lexsort((candidates.keys, -candidates.principal_cents, candidates.days_left, group))
    grouped = group[order]
    starts = np.concatenate([[0], np.flatnonzero(grouped[1:] != grouped[:-1]) + 1, [count]])
    urgent = np.zeros(count + 1, np.int64)
    if limits.urgent_days > 0:
        np.cumsum(candidates.days_left[order] < limits.urgent_days, out=urgent[1:])
    files: list[PackedFile] = []
    heads = grouped[starts[:-1]]
    filers = key_texts(heads // len(places) * _FILER_BASE).to_pylist()
    for place, (first, end) in enumerate(zip(starts[:-1].tolist(), starts[1:].tolist(), strict=True)):
        filer, importer = filers[place][:3], int(places[heads[place] % len(places)])
        name = stem(filer, candidates.importers[importer], as_of)
        sequence = (used or {}).get(name, 0)
        for at, entries in _cuts(first, first + int(urgent[end] - urgent[first]), end, limits.most):
            sequence += 1
            file_name = f"{name}_{sequence:0{_SEQUENCE_DIGITS}}{ENDING}"
            files.append(PackedFile(file_name, filer, importer, at, entries))
    return Packed(tuple(files), readonly(order), candidates, limits)


def _cuts(first: int, urgent_end: int, end: int, most: int) -> Iterator[tuple[int, int]]:
    """(first, entries) of each file of a group: the urgent entries, then the others, in full files but the last."""
    for low, high in ((first, urgent_end), (urgent_end, end)):
        for at in range(low, high, most):
            yield at, min(most, high - at)


def stem(filer: str, importer: str, as_of: dt.date) -> str:
    """The name of a declaration without its sequence; what is no letter or digit is spelt by its number."""
    plain = "".join(c if c.isascii() and c.isalnum() else f"-{ord(c):x}-" for c in importer)
    return f"CAPE_{filer}_{plain}_{as_of.isoformat()}"


def sequence_of(file_name: str) -> tuple[str, int] | None:
    """(stem, sequence) of the name of a packed declaration; None for any other name."""
    name, separator, number = file_name.removesuffix(ENDING).rpartition("_")
    if not (separator and file_name.endswith(ENDING) and name.startswith("CAPE_") and number.isdigit()):
        return None
    return name, int(number)
