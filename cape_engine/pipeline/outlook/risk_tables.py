"""The tables of a risk report: sums by window and day, by importer and filer, and the entries to file first."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from cape_engine import bridge
from cape_engine.bridge import NO_DAY, Int64s
from cape_engine.pipeline.outlook.days import Law
from cape_engine.schema import facts as f
from cape_engine.schema import outlook as s
from cape_engine.schema import results as r
from cape_engine.schema.claims import COURT_UNTIL, PROTEST_UNTIL, WINDOW_UNTIL
from cape_engine.schema.column import Column

if TYPE_CHECKING:
    from cape_engine.pipeline.outlook.risk_road import Exposed

_WINDOWS = len(s.RISK_WINDOWS)
_ENTRIES, _PRINCIPAL, _FILEABLE, _FILEABLE_PRINCIPAL, _FIRST = range(5)
_SUMS = 4
_CENTS_BITS = 44
_MOST_CENTS = (1 << _CENTS_BITS) - 1
"""More than the duty of an entry has (`facts.MAX_CENTS`)."""
_FAR = np.iinfo(np.int64).max
_GROUPS: dict[str, tuple[str, Column, pa.Schema]] = {
    "importer": ("importers", f.IMPORTER_NUMBER, s.RISK_IMPORTERS_SCHEMA),
    "filer": ("filers", f.FILER_CODE, s.RISK_FILERS_SCHEMA),
}
_NOBODY = "UNKNOWN"
"""Shown where the importer or the filer is not known."""
BEFORE, INSIDE, AFTER = range(3)
"""Entries that left a window before the report, leave it in the days looked at, or later."""


class Share(NamedTuple):
    """What one partition adds.

    Attributes:
        days: int64[windows, days, 4], sums of entries that leave on each day.
        outlook: int64[windows, 3, 2], entries and cents before, inside and after the days looked at.
        groups: for each kind of group its words, and int64[words, windows, 5], sums and first last day.
        entries: rows of `RISK_ENTRIES`.
        live: entries on a live claim.
    """

    days: Int64s
    outlook: Int64s
    groups: dict[str, tuple[list[str], Int64s]]
    entries: pa.Table
    live: int


def share_of(found: Exposed, law: Law, by: tuple[str, ...]) -> Share:
    """Add the entries of a partition up.

    Args:
        found: entries with duty to give back.
        law: the days looked at.
        by: kinds of groups that are wanted.
    """
    count = len(law.days)
    days = np.zeros((_WINDOWS, count, _SUMS), np.int64)
    outlook = np.zeros((_WINDOWS, 3, 2), np.int64)
    groups: dict[str, tuple[list[str], Int64s]] = {}
    words = {"importer": found.importer, "filer": found.filer}
    codes = {name: _codes(words[name]) for name in by}
    for name in by:
        sums = np.zeros((len(codes[name][1]), _WINDOWS, _SUMS + 1), np.int64)
        sums[:, :, _FIRST] = _FAR
        groups[name] = (codes[name][1], sums)
    for window in range(_WINDOWS):
        last = found.windows.last[window]
        known = last != NO_DAY
        where = np.where(last < law.first, BEFORE, np.where(last > law.last, AFTER, INSIDE))
        for part in (BEFORE, INSIDE, AFTER):
            chosen = known & (where == part)
            outlook[window, part] = int(chosen.sum()), int(found.principal_cents[chosen].sum())
        rows = np.flatnonzero(known & (where == INSIDE))
        fileable, cents = found.fileable[rows].astype(np.int64), found.principal_cents[rows]
        values = (np.ones(len(rows), np.int64), cents, fileable, cents * fileable)
        _add(days[window], last[rows].astype(np.int64) - law.first, values)
        for name in by:
            sums = groups[name][1][:, window]
            _add(sums, codes[name][0][rows], values)
            np.minimum.at(sums[:, _FIRST], codes[name][0][rows], last[rows])
    return Share(days, outlook, groups, _entries(found, law), found.live)


def _add(sums: Int64s, places: npt.NDArray[np.integer], values: tuple[Int64s, ...]) -> None:
    """Add values to the first columns of some rows; a row may come more than once."""
    for column, value in enumerate(values):
        own = np.zeros(len(sums), np.int64)
        np.add.at(own, places, value)
        sums[:, column] += own


def _codes(words: pa.DictionaryArray) -> tuple[npt.NDArray[np.int32], list[str]]:
    """Codes and words, unknown ones under a word of their own."""
    codes = bridge.filled(words.indices.cast(pa.int32()), np.int32, -1)
    known = words.dictionary.to_pylist()
    return np.where(codes < 0, np.int32(len(known)), codes), [*known, _NOBODY]


def _entries(found: Exposed, law: Law) -> pa.Table:
    """Entries that may be filed and leave the claim window in the days looked at, in the order of the partition."""
    claim = found.windows.last[0]
    rows = np.flatnonzero(found.fileable & (claim >= law.first) & (claim <= law.last))
    taken = pa.array(rows)
    last = found.windows.last[:, rows]
    basis = pa.DictionaryArray.from_arrays(
        pa.array(found.windows.by_law[rows].astype(np.int32)), pa.array(s.WINDOW_BASIS.words, pa.string())
    )
    columns: dict[Column, Any] = {
        f.ENTRY_NUMBER: found.numbers.take(taken),
        f.IMPORTER_NUMBER: found.importer.take(taken),
        f.FILER_CODE: found.filer.take(taken),
        WINDOW_UNTIL: bridge.dates(last[0]),
        s.DAYS_LEFT: pa.array((last[0] - law.first).astype(np.int32)),
        s.WINDOW_BASIS: basis,
        r.PRINCIPAL_CENTS: pa.array(found.principal_cents[rows]),
        s.RELIQUIDATION_UNTIL: bridge.dates(last[1]),
        PROTEST_UNTIL: bridge.dates(last[2]),
        COURT_UNTIL: bridge.dates(last[3]),
    }
    return pa.table([columns[column] for column in s.RISK_ENTRIES], schema=s.RISK_ENTRIES_SCHEMA)


class Book:
    """Shares added up, and the tables made of them.

    Args:
        by: kinds of groups that are wanted.
        law: the days looked at.
        in_order: whether shares come in entry number order.
    """

    def __init__(self, by: tuple[str, ...], law: Law, *, in_order: bool) -> None:
        self._in_order = in_order
        self._law = law
        self._days = np.zeros((_WINDOWS, len(law.days), _SUMS), np.int64)
        self._outlook = np.zeros((_WINDOWS, 3, 2), np.int64)
        self._groups: dict[str, dict[str, Int64s]] = {name: {} for name in by}
        self._entries: list[pa.Table] = []
        self._live = 0

    def add(self, share: Share) -> None:
        """Add what one partition gives."""
        self._days += share.days
        self._outlook += share.outlook
        self._live += share.live
        self._entries.append(share.entries)
        for name, (words, sums) in share.groups.items():
            known = self._groups[name]
            for word, values in zip(words, sums, strict=True):
                if not values[:, _ENTRIES].any():
                    continue
                if word in known:
                    first = np.minimum(known[word][:, _FIRST], values[:, _FIRST])
                    known[word] = known[word] + values
                    known[word][:, _FIRST] = first
                else:
                    known[word] = values.copy()

    def tables(self) -> dict[str, pa.Table]:
        """All tables of the report."""
        made = {"days": self._days_table(), "entries": self._entries_table()}
        for name, known in self._groups.items():
            title, _, schema = _GROUPS[name]
            made[title] = _group_table(known, schema)
        return made

    def counts(self) -> dict[str, Any]:
        """Entries and cents of every window, for the manifest."""
        names = ("left_before", "leave", "leave_later")
        return {
            "windows": {
                window: {
                    f"{name}_{unit}": int(self._outlook[place, part, at])
                    for part, name in enumerate(names)
                    for at, unit in enumerate(("entries", "cents"))
                }
                for place, window in enumerate(s.RISK_WINDOWS)
            },
            "on_live_claims": self._live,
        }

    def _days_table(self) -> pa.Table:
        """One row per window and day on which entries leave it."""
        window, day = np.nonzero(self._days[:, :, _ENTRIES])
        words = pa.DictionaryArray.from_arrays(pa.array(window.astype(np.int32)), pa.array(s.RISK_WINDOWS, pa.string()))
        date = bridge.dates((day + self._law.first).astype(np.int32))
        sums = [pa.array(self._days[window, day, place]) for place in range(_SUMS)]
        return pa.table([words, date, *sums], schema=s.RISK_DAYS_SCHEMA)

    def _entries_table(self) -> pa.Table:
        """The entries to file first: by last day, then dollars, then number."""
        if not self._entries:
            return s.RISK_ENTRIES_SCHEMA.empty_table()
        whole = pa.concat_tables(self._entries).unify_dictionaries().combine_chunks()
        if not self._in_order:
            whole = whole.take(pc.sort_indices(whole, sort_keys=[(str(f.ENTRY_NUMBER), "ascending")]))
        # One number for both, and a stable sort: three keys in Arrow took four times as long.
        left, cents = (bridge.integers(whole, column) for column in (s.DAYS_LEFT, r.PRINCIPAL_CENTS))
        return whole.take(
            pa.array(np.argsort(left << _CENTS_BITS | (_MOST_CENTS - np.minimum(cents, _MOST_CENTS)), kind="stable"))
        )


def _group_table(known: dict[str, Int64s], schema: pa.Schema) -> pa.Table:
    """One row per window and group with entries that leave it: the largest sums first, then by name."""
    words = sorted(known)
    sums = np.stack([known[word] for word in words]) if words else np.zeros((0, _WINDOWS, _SUMS + 1), np.int64)
    group, window = np.nonzero(sums[:, :, _ENTRIES])
    order = np.lexsort((group, -sums[group, window, _PRINCIPAL], window))
    group, window = group[order], window[order]
    found = sums[group, window]
    return pa.table(
        [
            pa.DictionaryArray.from_arrays(pa.array(window.astype(np.int32)), pa.array(s.RISK_WINDOWS, pa.string())),
            pa.DictionaryArray.from_arrays(pa.array(group.astype(np.int32)), pa.array(words, pa.string())),
            bridge.dates(found[:, _FIRST].astype(np.int32)),
            *(pa.array(np.ascontiguousarray(found[:, place])) for place in range(_SUMS)),
        ],
        schema=schema,
    )
