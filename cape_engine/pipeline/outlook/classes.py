"""Classes of entries whose facts differ in nothing that an answer depends on: each is judged once for all of them.

The answer of a day depends on some words, flags and dates of an entry and on what its trial removal found, never on
its money alone. Entries with the same words, flags and faults are of one kind; a kind with its dates is a class. Dates
too old or too late to matter are moved to the edge of what matters, so that a nation's entries make some ten thousand
classes. What a class comes to is decided by the components of a run, not by rules of their own here.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from cape_engine import bridge
from cape_engine.bridge import NO_DAY, Bools, Int32s, Int64s
from cape_engine.claim_portal import plain_number
from cape_engine.errors import UsageError
from cape_engine.schema import facts as f
from cape_engine.schema import rows
from cape_engine.schema.column import Column
from cape_engine.settings import Settings

UInt32s = npt.NDArray[np.uint32]

WORDS: tuple[Column, ...] = (
    f.ENTRY_TYPE,
    f.SUMMARY_STATUS,
    f.CONTROL_STATUS,
    f.LIQUIDATION_STATUS,
    f.PROTEST_STATUS,
    f.EXTENSION_SUSPENSION_CODE,
)
"""Words that claim checks and schedule read."""
FLAGS: tuple[Column, ...] = (
    f.STATEMENT_COMPLETE,
    f.RECONCILIATION_FLAG,
    f.RECONCILIATION_ENTRY_FILED,
    f.DRAWBACK_FLAG,
    f.ADCVD_PENDING,
    f.SURETY_PAID,
    f.CIT_PLAINTIFF,
    rows.INPUT_REFUSED,
)
"""Yes/no facts that they read."""
_MOST = 1 << 40
_DATE_BITS = 13
KIND_SHIFT = 3 * _DATE_BITS
"""Where the kind stands in the key of a class."""
_UNKNOWN = 0
"""Code of a date that is not known; the others count from 1."""


class Kind(NamedTuple):
    """What entries of one kind have in common.

    Attributes:
        words: of `WORDS`, None where unknown.
        flags: of `FLAGS`: 1, 0, or -1 where unknown.
        trial: `codes.Trial` bits.
        picked: whether an officer looks at the entry first.
        dated: whether a liquidation date is given.
        early: whether it lies before the entry date, which refuses the entry (clarification 35).
    """

    words: tuple[str | None, ...]
    flags: tuple[int, ...]
    trial: int
    picked: bool
    dated: bool
    early: bool


@dataclass(frozen=True, slots=True)
class Reach:
    """The days that can matter to acceptance days from `first` to `last`; dates beyond are moved to these edges.

    Attributes:
        first, last: acceptance days, as day numbers.
        oldest: a liquidation, anniversary or booked liquidation before it closed every window before `first`.
        farthest: an anniversary or booked liquidation behind it limits no schedule.
        margin: days kept free before the anniversary.

    Raises:
        UsageError: twenty years and more.
    """

    first: int
    last: int
    oldest: int
    farthest: int
    margin: int

    def __post_init__(self) -> None:
        if self.farthest + self.margin - self.oldest >= (1 << _DATE_BITS) - 400:
            raise UsageError(
                "the days that matter lie too far apart; change schedule.* or claim.* back, or ask for fewer days"
            )

    @property
    def liquidated(self) -> tuple[int, int]:
        """Least and greatest liquidation day."""
        return self.oldest, self.last + 1

    @property
    def entered(self) -> tuple[int, int]:
        """Least and greatest day that starts the year of 19 USC 1504(a): a year has 365 or 366 days."""
        return self.oldest - 366, self.farthest + self.margin + 1 - 365

    @property
    def booked(self) -> tuple[int, int]:
        """Least and greatest day of a booked liquidation."""
        return self.oldest, self.farthest + 2


@dataclass(slots=True)
class Kinds:
    """The kinds met so far, numbered in the order in which they came; threads may share it."""

    known: dict[Kind, int] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def learn(self, kinds: Sequence[Kind]) -> Int32s:
        """The number of each kind."""
        with self._lock:
            return np.array([self.known.setdefault(kind, len(self.known)) for kind in kinds], np.int32)

    def table(self) -> pa.Table:
        """One made-up entry of each kind, without dates (`schema.rows.STORE_ENTRIES`)."""
        return entries_of(list(self.known))


def entries_of(kinds: Sequence[Kind]) -> pa.Table:
    """Entries with the words and flags of some kinds and no dates; the bit `early` is for the caller to fill in."""
    columns: dict[str, pa.Array] = {}
    for place, column in enumerate(WORDS):
        texts = pa.array([kind.words[place] for kind in kinds], pa.string())
        columns[str(column)] = texts.dictionary_encode().cast(column.type)
    for place, column in enumerate(FLAGS):
        said = [None if kind.flags[place] < 0 else bool(kind.flags[place]) for kind in kinds]
        columns[str(column)] = pa.array(said, pa.bool_())
    columns[str(f.ENTRY_NUMBER)] = pa.array([f"{place:011d}" for place in range(len(kinds))], pa.string())
    arrays = [
        columns[name] if name in columns else pa.nulls(len(kinds), kind)
        for name, kind in zip(rows.STORE_ENTRIES_SCHEMA.names, rows.STORE_ENTRIES_SCHEMA.types, strict=True)
    ]
    return pa.table(arrays, names=rows.STORE_ENTRIES_SCHEMA.names)


def kinds_of(
    entries: pa.Table, trial: UInt32s, picked: Bools, settings: Settings, kinds: Kinds
) -> tuple[Int32s, Bools]:
    """The kind of each entry, and whether its liquidation date is given.

    Args:
        entries: entries of the store, n rows.
        trial: what the trial removal found, shape (n,).
        picked: entries that go to review, shape (n,).
        settings: `phase.3_importers` and `schedule.reliq_basis` are read.
        kinds: those known so far; grows.
    """
    count = entries.num_rows
    dated = bridge.days(entries, f.LIQUIDATION_DATE) != NO_DAY
    day, entered = liquidated_days(entries, settings), bridge.days(entries, f.ENTRY_DATE)
    early = dated & (entered != NO_DAY) & (day < entered)
    vocabularies: list[list[str]] = []
    parts: list[tuple[npt.NDArray[np.integer], int]] = []
    for column in WORDS:
        codes, words = bridge.codes(entries, column)
        vocabularies.append(words)
        parts.append((codes + np.int32(1), len(words) + 1))
    for column in FLAGS:
        said = bridge.flags(entries, column)
        if column == f.CIT_PLAINTIFF:
            said = np.where(lifted(entries, settings), np.int8(1), said)
        parts.append((said + np.int8(1), 3))
    parts += [(bits.astype(np.int8), 2) for bits in (picked, dated, early)]
    parts.append((trial.astype(np.int64), int(trial.max(initial=0)) + 1))
    first, which = _distinct(parts, count)
    at = [part[first] for part, _ in parts]
    told = [np.array([None, *known], object)[codes] for known, codes in zip(vocabularies, at, strict=False)]
    flags = [codes.astype(np.int64) - 1 for codes in at[len(WORDS) : len(WORDS) + len(FLAGS)]]
    bits = [codes.astype(np.bool_) for codes in at[len(WORDS) + len(FLAGS) : -1]]
    made = [
        Kind(*kind)
        for kind in zip(
            zip(*(column.tolist() for column in told), strict=True),
            zip(*(column.tolist() for column in flags), strict=True),
            at[-1].tolist(),
            *(column.tolist() for column in bits),
            strict=True,
        )
    ]
    return kinds.learn(made)[which], dated


def _distinct(parts: list[tuple[npt.NDArray[np.integer], int]], count: int) -> tuple[Int32s, Int32s]:
    """(first row of each distinct combination, combination of each row) of codes, given with their upper ends."""
    whole, size = np.zeros(count, np.int64), 1
    for codes, end in parts:
        if size * end > _MOST:
            first, which = bridge.first_of_each(whole)
            whole, size = which.astype(np.int64), len(first)
        whole *= end
        whole += codes
        size *= end
    return bridge.first_of_each(whole)


def liquidated_days(entries: pa.Table, settings: Settings) -> Int32s:
    """The liquidation that starts the 80 and 90 days: the latest one, or the first (`schedule.reliq_basis`)."""
    given = bridge.days(entries, f.LIQUIDATION_DATE)
    if settings.text("schedule.reliq_basis") != "original":
        return given
    original = bridge.days(entries, f.ORIGINAL_LIQUIDATION_DATE)
    found: Int32s = np.where((original != NO_DAY) & (given != NO_DAY), original, given)
    return found


def lifted(entries: pa.Table, settings: Settings) -> Bools:
    """Whether Phase 3 frees the importer: named by an order, or listed by setting (handbook 4.4)."""
    named: Bools = bridge.flags(entries, f.CIT_PLAINTIFF) == 1
    listed = {plain_number(number) for number in settings.words("phase.3_importers")}
    if not listed:
        return named
    codes, vocabulary = bridge.codes(entries, f.IMPORTER_NUMBER)
    chosen = np.array([plain_number(number) in listed for number in vocabulary] + [False], np.bool_)
    return named | chosen[codes]


def class_keys(entries: pa.Table, kind: Int32s, dated: Bools, reach: Reach, settings: Settings) -> Int64s:
    """Kind and dates of each entry in one number, the dates within what matters.

    Args:
        entries: entries of the store, n rows.
        kind: of each, shape (n,).
        dated: whether a liquidation date is given: the year of 19 USC 1504(a) matters to the others only.
        reach: the days that matter.
        settings: `schedule.reliq_basis` is read.
    """
    entered = bridge.days(entries, f.ENTRY_DATE)
    withdrawn = bridge.days(entries, f.LAST_WITHDRAWAL_DATE)
    year = np.where(withdrawn == NO_DAY, entered, withdrawn)
    booked = bridge.days(entries, f.SCHEDULED_LIQUIDATION_DATE)
    keys = kind.astype(np.int64)
    for days, edges, where in (
        (liquidated_days(entries, settings), reach.liquidated, dated),
        # A day that limits nothing is as good as none.
        (year, reach.entered, ~dated & (year < reach.entered[1])),
        (booked, reach.booked, ~dated & (booked < reach.booked[1])),
    ):
        known = where & (days != NO_DAY)
        code = np.clip(days, *edges) - np.int32(edges[0] - 1)
        keys <<= _DATE_BITS
        keys |= np.where(known, code, np.int32(_UNKNOWN))
    return keys


@dataclass(frozen=True, slots=True)
class Dates:
    """Kind and dates of some classes; day numbers, `NO_DAY` where unknown.

    Attributes:
        kind: int32[n].
        liquidated, entered, booked: int32[n].
    """

    kind: Int32s
    liquidated: Int32s
    entered: Int32s
    booked: Int32s

    @classmethod
    def of(cls, keys: Int64s, reach: Reach) -> Dates:
        """What `class_keys` put together."""
        mask = (1 << _DATE_BITS) - 1
        found = []
        for place, edges in enumerate((reach.booked, reach.entered, reach.liquidated)):
            code = (keys >> (place * _DATE_BITS) & mask).astype(np.int32)
            found.append(np.where(code == _UNKNOWN, np.int32(NO_DAY), code + np.int32(edges[0] - 1)))
        return cls((keys >> KIND_SHIFT).astype(np.int32), found[2], found[1], found[0])

    def onto(self, entries: pa.Table) -> pa.Table:
        """Entries with these dates filled in, one for each class."""
        columns = {
            f.LIQUIDATION_DATE: self.liquidated,
            f.ENTRY_DATE: self.entered,
            f.SCHEDULED_LIQUIDATION_DATE: self.booked,
        }
        for column, days in columns.items():
            place = entries.column_names.index(str(column))
            entries = entries.set_column(place, str(column), bridge.dates(days))
        return entries
