"""One entry of a store as a small store of its own."""

from __future__ import annotations

import tempfile
from contextlib import ExitStack
from pathlib import Path

import numpy as np
import pyarrow.compute as pc

from cape_engine.bridge import Partition, offsets, single
from cape_engine.intake.build import key_of
from cape_engine.intake.entries import key_texts
from cape_engine.schema import facts as f
from cape_engine.schema import rows as s
from cape_engine.store import Store, StoreWriter


def select_entry(store: Store, entry: str, stack: ExitStack) -> Store:
    """A temporary store with one entry of `store` (none, if it is not there), removed when `stack` closes.

    Raises:
        UsageError: `entry` is not an entry number.
    """
    number: str = key_texts(np.array([key_of(entry)], np.int64))[0].as_py()
    folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="cape-entry-")))
    writer = StoreWriter(folder)
    for part in store.manifest["partitions"]:
        if part["entries"] and part["first_entry"] <= number <= part["last_entry"]:
            place = _place(store.read(part["name"], [str(f.ENTRY_NUMBER)]), number)
            if place is not None:
                writer.write(_only(store.read(part["name"]), place))
    return writer.finish(store.sources, store.facts_given)


def _place(partition: Partition, number: str) -> int | None:
    """Where an entry stands in a partition; None if it is not in it."""
    numbers = single(partition.entries, f.ENTRY_NUMBER)
    found: int = pc.index(numbers, number).as_py()
    return None if found < 0 else found


def _only(partition: Partition, place: int) -> Partition:
    """The partition with one entry alone."""
    lines = offsets(partition.entries, s.LINE_COUNT)
    tariffs = offsets(partition.lines, s.TARIFF_COUNT)
    begin, end = int(lines[place]), int(lines[place + 1])
    return Partition(
        partition.name,
        partition.entries.slice(place, 1),
        partition.lines.slice(begin, end - begin),
        partition.tariffs.slice(int(tariffs[begin]), int(tariffs[end] - tariffs[begin])),
        partition.sources,
    )
