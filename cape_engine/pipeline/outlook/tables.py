"""The tables of a what-if from sums by day, by class and by group (`schema.outlook`)."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from cape_engine import bridge
from cape_engine.bridge import NO_DAY, Bools, Int64s
from cape_engine.claim_portal.entry_checks import OWN_REASONS
from cape_engine.pipeline.outlook.days import Answers, Change, Law, State
from cape_engine.refund import outlook as o
from cape_engine.rules import Ruleset
from cape_engine.schema import outlook as s

_GROUP_TABLES = {"importer": ("importers", s.WHATIF_IMPORTERS_SCHEMA), "filer": ("filers", s.WHATIF_FILERS_SCHEMA)}
_NOBODY = "UNKNOWN"
"""Shown where the importer or the filer is not known."""


def days_table(law: Law, sums: Int64s, refunds: Int64s, judged: Answers, entries: Int64s, paid: Bools) -> pa.Table:
    """One row per acceptance day (`WHATIF_DAYS`).

    Args:
        law: the days.
        sums: int64[FIELDS, days] of all entries.
        refunds: int64[days], refunds of each day.
        judged: classes on each day.
        entries: int64[classes], entries of each class.
        paid: bool[classes], classes with an entry that is paid when it is liquidated.
    """
    states = np.stack([(judged.state == state).astype(np.int64) @ entries for state in State])
    payment = judged.day[:, paid]
    none = np.full((len(payment), 1), NO_DAY, np.int32)
    last = np.concatenate([payment, none], axis=1).max(axis=1)
    first = np.where(payment == NO_DAY, np.int32(np.iinfo(np.int32).max), payment)
    first = np.concatenate([first, np.where(last == NO_DAY, NO_DAY, last)[:, None].astype(np.int32)], axis=1)
    earliest = np.where(last == NO_DAY, np.int32(NO_DAY), first.min(axis=1, initial=np.iinfo(np.int32).max))
    columns = [
        _days(law),
        sums[o.ENTRIES],
        sums[o.PRINCIPAL],
        sums[o.PAID_ENTRIES],
        sums[o.PAID_PRINCIPAL],
        sums[o.INTEREST],
        sums[o.UNKNOWN],
        refunds,
        bridge.dates(earliest.astype(np.int32)),
        bridge.dates(last.astype(np.int32)),
        states[State.HELD],
        states[State.IN_REVIEW],
        states[State.WINDOW_MISSED],
        states[State.CALENDAR_ENDS],
    ]
    return pa.table([pa.array(column) for column in columns], schema=s.WHATIF_DAYS_SCHEMA)


def _days(law: Law) -> pa.Array:
    """The acceptance days."""
    return bridge.dates(np.arange(law.first, law.last + 1, dtype=np.int32))


def changes_table(law: Law, changes: list[Change], entries: Int64s, principal_cents: Int64s) -> pa.Table:
    """What changes from one day to the next, by reason (`WHATIF_CHANGES`).

    Args:
        law: the days.
        changes: of classes.
        entries: int64[classes], entries of each class.
        principal_cents: int64[classes].
    """
    rows = [
        (
            law.first + change.day,
            change.kind,
            _reason(change, law.ruleset),
            int(entries[change.classes].sum()),
            int(principal_cents[change.classes].sum()),
        )
        for change in changes
    ]
    kept = [row for row in rows if row[3]]
    columns = [[row[place] for row in kept] for place in range(len(s.WHATIF_CHANGES))]
    arrays = [
        pa.array(columns[0], pa.int32()).cast(pa.date32()),
        *(pa.array(column, pa.string()).dictionary_encode() for column in columns[1:3]),
        *(pa.array(column, pa.int64()) for column in columns[3:]),
    ]
    return pa.table(arrays, schema=s.WHATIF_CHANGES_SCHEMA)


def _reason(change: Change, ruleset: Ruleset) -> str:
    """A rule or a state in capitals."""
    if change.kind in {"scheduled", "unscheduled"}:
        return State(change.reason).name
    own = OWN_REASONS.get(change.reason)
    return ruleset.eligibility[change.reason].reason_code if own is None else own[0]


class Groups:
    """Sums by importer and by filer, added up as partitions come.

    Args:
        by: `importer` and `filer`, those that are wanted.
        days: how many acceptance days there are.
    """

    def __init__(self, by: tuple[str, ...], days: int) -> None:
        self._days = days
        self._rows: dict[str, dict[str, int]] = {name: {} for name in by}
        self._sums: dict[str, Int64s] = {name: np.zeros((0, o.FIELDS, days), np.int64) for name in by}

    def add(self, groups: dict[str, tuple[pa.Array, Int64s]]) -> None:
        """Add the sums of one partition, by the names of the groups."""
        for name, (met, sums) in groups.items():
            known = self._rows[name]
            rows = np.array([known.setdefault(word or _NOBODY, len(known)) for word in met.to_pylist()], np.int64)
            whole = self._sums[name]
            if len(known) > len(whole):
                longer = np.zeros((max(len(known), 2 * len(whole)), o.FIELDS, self._days), np.int64)
                longer[: len(whole)] = whole
                self._sums[name] = whole = longer
            np.add.at(whole, rows, sums)

    def tables(self, law: Law) -> dict[str, pa.Table]:
        """One row per group and day on which the group has an eligible entry, in the order of groups."""
        made = {}
        for name, known in self._rows.items():
            words = sorted(known)
            sums = self._sums[name][[known[word] for word in words]] if words else self._sums[name][:0]
            group, day = np.nonzero(sums[:, o.ENTRIES])
            found: list[npt.NDArray[np.int64]] = [
                sums[group, row, day]
                for row in (o.ENTRIES, o.PRINCIPAL, o.PAID_ENTRIES, o.PAID_PRINCIPAL, o.INTEREST, o.UNKNOWN)
            ]
            title, schema = _GROUP_TABLES[name]
            shown = pa.DictionaryArray.from_arrays(pa.array(group.astype(np.int32)), pa.array(words, pa.string()))
            date = bridge.dates((law.first + day).astype(np.int32))
            made[title] = pa.table([shown, date, *(pa.array(column) for column in found)], schema=schema)
        return made
