"""Files added to a store: new entries in new partitions; what becomes of entries that come again."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from cape_engine.bridge import Bools, Int64s, Partition, integers, offsets
from cape_engine.findings import Findings
from cape_engine.intake.build import Order, SilentWatcher, Watcher, carry_out
from cape_engine.intake.bulk import add_rows
from cape_engine.intake.headers import compared
from cape_engine.intake.headings import ColumnMapping
from cape_engine.intake.picking import below, entry_keys, in_entry_order, picked, plain
from cape_engine.rules import Ruleset
from cape_engine.schema import facts as f
from cape_engine.schema import rows as s
from cape_engine.schema.column import Column
from cape_engine.settings import Settings
from cape_engine.store import Store, StoreWriter
from cape_engine.store.adding import Addition

_TARIFF_COLUMNS = tuple(column for column in s.STORE_TARIFFS if column not in {s.SOURCE_IDX, s.SOURCE_ROW})


def add_to_store(
    sources: Iterable[Path | str],
    folder: Path | str,
    *,
    headers: Sequence[Path | str] = (),
    mapping: Path | str | ColumnMapping | None = None,
    ruleset: Ruleset,
    settings: Settings,
    partition_lines: int = 1_000_000,
    memory_limit: int | None = None,
    progress: Watcher | None = None,
) -> tuple[Store, Findings]:
    """Read further exports into a store that is there.

    New entries come in new partitions. For an entry that comes again, the higher version counts; without two versions
    to compare, or with the same, the store's own stays, and different contents are a finding of severity error. An
    entry that was refused is replaced by any readable one. Partitions without a replaced entry are not touched.

    Args:
        sources: as for `build_store`.
        folder: a store.
        headers: header files for the added entries.
        mapping: column mapping for other exports, or the file of one.
        ruleset: report columns and status words.
        settings: claim.check_digit and mass.max_tariffs_per_line count here.
        partition_lines: lines after which a new partition is full.
        memory_limit: bytes that the process may hold.
        progress: told about files and partitions.

    Returns:
        The store as it is now, and everything found.

    Raises:
        StoreError: `folder` is not a store.
        InputError, MappingError, UsageError, OutputError: as for `build_store`.
    """
    addition = Addition(folder)
    try:
        order = Order(
            ruleset, settings, headers, mapping, partition_lines, None, memory_limit, progress or SilentWatcher()
        )
        staged, findings = carry_out(order, sources, addition.staging / "read", addition.store.sources)
        merging = _Merging(addition, staged, order, findings)
        return merging.merged(), findings
    finally:
        addition.close()


@dataclass(slots=True)
class _Merging:
    """Staged partitions on their way into a store."""

    addition: Addition
    staged: Store
    order: Order
    findings: Findings
    _same: dict[int, int] = field(default_factory=dict)

    def merged(self) -> Store:
        """Compare, replace, and swap the manifest; without anything new the store stays as it is, byte for byte."""
        old, staged = self.addition.store, self.staged
        writer = StoreWriter(self.addition.staging / "merged")
        known = {name: np.zeros(self._count(staged, name), bool) for name in staged.partitions}
        self.order.watcher.stage("comparing partitions", len(old.partitions))
        rewritten: list[str] = []
        for name in old.partitions:
            if self._replaced(name, known, writer):
                rewritten.append(name)
            self.order.watcher.advance()
        whole, parts = [], []
        for name, again in known.items():
            if not again.any():
                whole.append(name)
            elif not again.all():
                writer.write(_named(picked(staged.read(name), np.flatnonzero(~again)), f"fresh-{name}"))
                parts.append(f"fresh-{name}")
        for source, count in sorted(self._same.items()):
            self.findings.add("ENTRY_AGAIN_SAME", source=staged.sources[source].name, value=count)
        if not (rewritten or whole or parts):
            return old
        merged = writer.finish(staged.sources, staged.facts_given)
        return self.addition.finish(
            [*((staged, name) for name in whole), *((merged, name) for name in parts)],
            {name: (merged, f"new-{name}") for name in rewritten},
            staged.sources,
            old.facts_given | staged.facts_given,
        )

    @staticmethod
    def _count(store: Store, name: str) -> int:
        (record,) = [part for part in store.manifest["partitions"] if part["name"] == name]
        return int(record["entries"])

    def _replaced(self, name: str, known: dict[str, Bools], writer: StoreWriter) -> bool:
        """Write the new form of one old partition, if an entry of it is replaced; notes which staged ones it knows."""
        mine = _span(self.addition.store, name)
        own: Int64s | None = None
        partition: Partition | None = None
        gone: list[Int64s] = []
        come: list[Partition] = []
        for other in self.staged.partitions:
            theirs = _span(self.staged, other)
            if mine is None or theirs is None or theirs[1] < mine[0] or mine[1] < theirs[0]:
                continue
            own = entry_keys(self.addition.store.read(name, [str(f.ENTRY_NUMBER)])) if own is None else own
            keys = entry_keys(self.staged.read(other, [str(f.ENTRY_NUMBER)]))
            _both, here, there = np.intersect1d(own, keys, assume_unique=True, return_indices=True)
            if len(here) == 0:
                continue
            known[other][there] = True
            partition = self.addition.store.read(name) if partition is None else partition
            new = self.staged.read(other)
            taken = self._taken(partition, new, here.astype(np.int64), there.astype(np.int64))
            if taken.any():
                gone.append(here[taken])
                come.append(picked(new, there[taken].astype(np.int64)))
        if partition is None or not come:
            return False
        names = tuple(source.name for source in self.staged.sources)
        # One copy of the partition less than to take the others out of it first: it may be most of the memory.
        writer.write(in_entry_order(f"new-{name}", [partition, *come], names, np.concatenate(gone)))
        return True

    def _taken(self, old: Partition, new: Partition, here: Int64s, there: Int64s) -> Bools:
        """Which entries that came again replace those of the store; says why the others do not.

        Args:
            old: a partition of the store.
            new: a staged partition.
            here: places of entries in the one ...
            there: ... and of the same entries in the other.
        """
        own, other = _version(old, here), _version(new, there)
        refused, refused_again = _refused(old, here), _refused(new, there)
        same = self._equal(old, new, here, there) & (refused == refused_again)
        comparable = (own >= 0) & (other >= 0) & (own != other)
        better = (refused | (comparable & (other > own))) & ~refused_again & ~same
        older = ~better & ~refused_again & ~same & comparable
        unreadable = refused_again & ~same
        differs = ~(better | older | unreadable | same)
        for code, chosen in (
            ("ENTRY_AGAIN_NEWER", better & ~refused),
            ("ENTRY_AGAIN_REPAIRED", better & refused),
            ("ENTRY_AGAIN_OLDER", older),
            ("ENTRY_AGAIN_UNREADABLE", unreadable),
            ("ENTRY_AGAIN_DIFFERS", differs),
        ):
            self._report(code, old, new, here[chosen], there[chosen])
        counts = np.bincount(integers(new.entries, s.SOURCE_IDX)[there[same]], minlength=1)
        for source in np.flatnonzero(counts).tolist():
            self._same[source] = self._same.get(source, 0) + int(counts[source])
        return np.asarray(better, bool)

    def _report(self, code: str, old: Partition, new: Partition, here: Int64s, there: Int64s) -> None:
        """A finding for each entry that came again, naming both sources."""
        if len(here) == 0:
            return
        files = pa.array([source.name for source in self.staged.sources], pa.string())
        add_rows(
            self.findings,
            code,
            len(here),
            source=files.take(pa.array(integers(new.entries, s.SOURCE_IDX)[there])),
            row=integers(new.entries, s.SOURCE_ROW)[there],
            value=plain(new.entries, f.VERSION).take(pa.array(there)),
            entry=plain(new.entries, f.ENTRY_NUMBER).take(pa.array(there)),
            other_source=files.take(pa.array(integers(old.entries, s.SOURCE_IDX)[here])),
            other_row=integers(old.entries, s.SOURCE_ROW)[here],
            other_value=plain(old.entries, f.VERSION).take(pa.array(here)),
        )

    def _equal(self, old: Partition, new: Partition, here: Int64s, there: Int64s) -> Bools:
        """Which entries say the same in both; facts that no added file gives are not asked for."""
        same = np.ones(len(here), bool)
        facts = [column for column in f.ENTRY_FACTS if str(column) in self.staged.facts_given]
        for column in (*facts, s.LINE_COUNT):
            same &= _agree(old.entries, new.entries, column, here, there)
        alike = np.flatnonzero(same)
        one, two = (below(offsets(part.entries, s.LINE_COUNT), at[alike]) for part, at in ((old, here), (new, there)))
        owner = np.repeat(alike, integers(old.entries, s.LINE_COUNT, 0)[here[alike]])
        for column in s.STORE_LINES:
            same[owner[~_agree(old.lines, new.lines, column, one, two)]] = False
        keep = same[owner]
        one, two, owner = one[keep], two[keep], owner[keep]
        owner = np.repeat(owner, integers(old.lines, s.TARIFF_COUNT, 0)[one])
        one, two = (below(offsets(part.lines, s.TARIFF_COUNT), at) for part, at in ((old, one), (new, two)))
        for column in _TARIFF_COLUMNS:
            same[owner[~_agree(old.tariffs, new.tariffs, column, one, two)]] = False
        return same


def _named(partition: Partition, name: str) -> Partition:
    """A partition under another name."""
    return Partition(name, partition.entries, partition.lines, partition.tariffs, partition.sources)


def _span(store: Store, name: str) -> tuple[str, str] | None:
    """The first and last entry of a partition; None if it is empty."""
    (record,) = [part for part in store.manifest["partitions"] if part["name"] == name]
    return None if record["first_entry"] is None else (str(record["first_entry"]), str(record["last_entry"]))


def _version(partition: Partition, rows: Int64s) -> Int64s:
    """The versions of some entries as numbers, major before minor (CATAIR: MMMmm); -1 where none is known."""
    texts = plain(partition.entries, f.VERSION).take(pa.array(rows))
    return np.asarray(pc.fill_null(texts.cast(pa.int64()), -1).to_numpy(zero_copy_only=False))


def _refused(partition: Partition, rows: Int64s) -> Bools:
    """Which of some entries intake refused."""
    refused = plain(partition.entries, s.INPUT_REFUSED).take(pa.array(rows))
    return np.asarray(refused.to_numpy(zero_copy_only=False), bool)


def _agree(own: pa.Table, other: pa.Table, column: Column, here: Int64s, there: Int64s) -> Bools:
    """Which rows hold the same in a column of both tables, null being like null."""
    one = compared(column, plain(own, column).take(pa.array(here)))
    two = compared(column, plain(other, column).take(pa.array(there)))
    equal = pc.fill_null(pc.equal(one, two), fill_value=False)
    silent = pc.and_(pc.is_null(one), pc.is_null(two))
    return np.asarray(pc.or_(equal, silent).to_numpy(zero_copy_only=False), bool)
