"""The numbers of importers and 4811 parties that a run meets: each has a small number of its own, and one spelling."""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from cape_engine.bridge import Int8s, Int32s, readonly, single
from cape_engine.refund.numbered import ROOM, Numbered, text_buffers, texts_of, with_room
from cape_engine.refund.rates import KINDS
from cape_engine.schema.column import Column
from cape_engine.schema.facts import ACH_ENROLLED, IMPORTER_KIND, IMPORTER_NUMBER
from cape_kernels import parties as kernels
from cape_kernels.payment_keys import Names

NOBODY = kernels.NOBODY
"""Place of a number that is not known."""


def key_of(number: str | None) -> str:
    """An importer number as it is compared: without dashes and blanks, upper case; empty when nothing is known."""
    return "" if number is None else "".join(number.split()).replace("-", "").upper()


@dataclass(frozen=True, slots=True)
class Known:
    """What the importers file says about a number.

    Attributes:
        spelling: the number as that file gives it.
        kind: place in `rates.KINDS`, or None.
        ach_enrolled: whether its owner is enrolled for ACH refunds, or None.
    """

    spelling: str
    kind: int | None
    ach_enrolled: bool | None


def importers_by_key(importers: pa.Table | None) -> Mapping[str, Known]:
    """The importers file by compared number; of repeated rows the smallest spelling and the first known fact count.

    Where repeated rows contradict each other on enrolment, no enrolment counts: held money can still be paid.
    """
    if importers is None:
        return {}
    columns = [_column(importers, column).to_pylist() for column in (IMPORTER_NUMBER, IMPORTER_KIND, ACH_ENROLLED)]
    found: dict[str, Known] = {}
    for number, kind, enrolled in sorted(zip(*columns, strict=True), key=lambda row: (row[0] or "", row[1] or "~")):
        key = key_of(number)
        if not key:
            continue
        place = KINDS.index(kind) if kind in KINDS else None
        before = found.get(key, Known(number, None, None))
        known_ach = [fact for fact in (before.ach_enrolled, enrolled) if fact is not None]
        found[key] = Known(
            before.spelling,
            place if before.kind is None else before.kind,
            all(known_ach) if known_ach else None,
        )
    return found


def _column(importers: pa.Table, column: Column) -> pa.Array:
    """A column of the importers file without dictionary; nulls where the file lacks it."""
    if str(column) not in importers.column_names:
        return pa.nulls(importers.num_rows, pa.string() if column != ACH_ENROLLED else pa.bool_())
    values = single(importers, column)
    return values.dictionary_decode() if pa.types.is_dictionary(values.type) else values


class Register:
    """All numbers of a run, by place: as they are compared, as they are shown, and what the importers file says.

    A number is shown as the importers file gives it, else in the smallest spelling met. The entries of a run show the
    same spelling everywhere only if all spellings were `learn`ed before the first of them is priced. Threads may
    share a register. Places depend on who came first: they are good within one process and never stored.

    Args:
        importers: rows of `schema.facts.IMPORTERS_FILE`.
    """

    def __init__(self, importers: pa.Table | None = None) -> None:
        self._lock = threading.Lock()
        self._numbers = Numbered()
        self._first = np.zeros(ROOM, np.int64)
        self._length = np.full(ROOM, -1, np.int32)
        self._state = np.zeros(ROOM, np.int8)
        self._texts = np.empty(16 * ROOM, np.uint8)
        self._end = np.zeros(1, np.int64)
        self._kind = np.full(1, -1, np.int8)
        self._enrolled = np.full(1, -1, np.int8)
        if importers is not None:
            self._take(importers)

    def __len__(self) -> int:
        """How many numbers there are, the empty one included."""
        return len(self._numbers)

    def _take(self, importers: pa.Table) -> None:
        """Keep spelling, kind and enrolment of the importers file; rows of one number follow `importers_by_key`."""
        words = _column(importers, IMPORTER_NUMBER)
        places = self.learn(words)
        kind = pc.index_in(_column(importers, IMPORTER_KIND).cast(pa.string()), value_set=pa.array(KINDS))
        kinds = pc.fill_null(kind, -1).to_numpy(zero_copy_only=False).astype(np.int8)
        enrolled = pc.fill_null(_column(importers, ACH_ENROLLED).cast(pa.int8()), -1)
        self._kind, self._enrolled = np.full(len(self), -1, np.int8), np.full(len(self), -1, np.int8)
        self._kind[places] = kinds
        self._enrolled[places] = enrolled.to_numpy(zero_copy_only=False)
        self._state[places] = kernels.FIXED
        repeated = np.flatnonzero(np.bincount(places, minlength=len(self))[places] > 1)
        again = importers_by_key(importers.take(pa.array(repeated)))
        if again:
            at = self.learn(list(again))
            self._kind[at] = [-1 if fact.kind is None else fact.kind for fact in again.values()]
            self._enrolled[at] = [-1 if fact.ach_enrolled is None else fact.ach_enrolled for fact in again.values()]
        self._kind[NOBODY] = self._enrolled[NOBODY] = -1

    def learn(self, words: pa.Array | Iterable[str | None]) -> Int32s:
        """Place of each number; what is new gets one, and smaller spellings are kept.

        Args:
            words: n numbers as given, nulls allowed.

        Returns:
            int32[n]; `NOBODY` for null and blank.
        """
        texts = words if isinstance(words, pa.Array) else pa.array(list(words), pa.string())
        starts, data = text_buffers(texts)
        places = np.empty(len(texts), np.int32)
        with self._lock:
            self._number(starts, data, places, folded=False)
            odd = np.flatnonzero(places == kernels.BEYOND_ASCII)
            if len(odd):
                keys = [key_of(word) for word in texts.take(pa.array(odd)).to_pylist()]
                found = np.empty(len(keys), np.int32)
                self._number(*text_buffers(pa.array(keys, pa.string())), found, folded=True)
                places[odd] = found
            self._texts = with_room(self._texts, int(self._end[0]) + int(starts[-1] - starts[0]))
            spelled = kernels.Spelled(self._first, self._length, self._state, self._texts, self._end)
            kernels.spell(starts, data, readonly(places), spelled)
        return places

    def _number(self, starts: Int32s, data: npt.NDArray[np.uint8], places: Int32s, *, folded: bool) -> None:
        """Fill in places, with room for as many new numbers."""
        most = len(self) + len(places)
        self._first, self._state = with_room(self._first, most), with_room(self._state, most)
        self._length = with_room(self._length, most, -1)
        self._numbers.number(starts, data, places, folded=folded)

    def kinds(self) -> Int8s:
        """Place in `rates.KINDS` by place, -1 where the importers file does not say."""
        return with_room(self._kind, len(self), -1)

    def enrolled(self) -> Int8s:
        """Enrolment for ACH refunds by place: 1, 0, or -1 where the importers file does not say."""
        return with_room(self._enrolled, len(self), -1)

    def names(self) -> Names:
        """All numbers as they are compared, for kernels."""
        with self._lock:
            return self._numbers.names()

    def keys(self, places: Int32s) -> pa.Array:
        """Numbers as they are compared."""
        with self._lock:
            return self._numbers.texts(places)

    def shown(self, places: Int32s, nobody: str = "") -> pa.Array:
        """Numbers as they are shown.

        Args:
            places: int32[n].
            nobody: what is shown for `NOBODY`.
        """
        with self._lock:
            first, length, texts = self._first[places], self._length[places].astype(np.int64), self._texts
        missing = places == NOBODY
        if missing.any():
            tail = np.frombuffer(nobody.encode(), np.uint8)
            first[missing], length[missing] = len(texts), len(tail)
            texts = np.concatenate([texts, tail])
        return texts_of(first, length, texts)

    def digest(self) -> str:
        """SHA-256 (hex) of the spellings that were chosen among several: with another one entries show others."""
        with self._lock:
            chosen = np.flatnonzero(self._state[: len(self)] == kernels.SEVERAL_FORMS).astype(np.int32)
        words = sorted(self.shown(chosen).to_pylist())
        return hashlib.sha256(json.dumps(words).encode()).hexdigest()
