"""One entry of a store as a small store of its own."""

from __future__ import annotations

import tempfile
from contextlib import ExitStack
from pathlib import Path

import numpy as np
import pyarrow as pa

from cape_engine.bridge import Partition, offsets, single
from cape_engine.errors import UsageError
from cape_engine.intake.entries import key_texts, keys_of_texts
from cape_engine.schema import facts as f
from cape_engine.schema import rows as s
from cape_engine.store import Store, StoreWriter


def select_entry(store: Store, entry: str, stack: ExitStack) -> Store:
    """A temporary store with one entry of `store` (none, if it is not there), removed when `stack` closes.

    Raises:
        UsageError: `entry` is not an entry number.
    """
    keys, _status = keys_of_texts(pa.array([entry], pa.string()))
    if keys[0] < 0:
        raise UsageError(f"{entry!r} is not an entry number: 11 letters and digits, such as ABC12345676")
    number: str = key_texts(keys)[0].as_py()
    folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="cape-entry-")))
    writer = StoreWriter(folder)
    for part in store.manifest["partitions"]:
        if part["entries"] and part["first_entry"] <= number <= part["last_entry"]:
            found = _only(store.read(part["name"]), number)
            if found is not None:
                writer.write(found)
    return writer.finish(store.sources, store.facts_given)


def _only(partition: Partition, number: str) -> Partition | None:
    """The partition with one entry alone; None if it is not in it."""
    numbers = single(partition.entries, f.ENTRY_NUMBER)
    hits = np.flatnonzero(np.asarray(numbers.to_numpy(zero_copy_only=False)) == number)
    if len(hits) == 0:
        return None
    place = int(hits[0])
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
