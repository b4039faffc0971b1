"""How long a million eligible entries take to be packed: sorted, cut, spelt out, hashed (processor seconds)."""

from __future__ import annotations

import datetime as dt
import statistics
import time

import numpy as np

from cape_engine.claim_portal import packing
from cape_engine.settings import Settings

ENTRIES, FILERS, IMPORTERS, TIMES = 1_000_000, 30, 300, 5


def entries() -> packing.Candidates:
    """Entries of some filers and importers, a third of them inside their 80 days."""
    draw = np.random.default_rng(1)
    filers = draw.integers(10 * 36 * 36, 36**3, FILERS)
    keys = np.unique(filers[draw.integers(0, FILERS, ENTRIES + 1000)] * 36**8 + draw.integers(0, 10**8, ENTRIES + 1000))
    keys = keys[:ENTRIES]
    count = len(keys)
    urgent = draw.random(count) < 1 / 3
    return packing.Candidates(
        keys,
        draw.integers(0, IMPORTERS, count).astype(np.int32),
        tuple(f"{number:09d}00" for number in range(IMPORTERS)),
        np.where(urgent, draw.integers(0, 81, count), packing.UNLIQUIDATED).astype(np.int32),
        draw.integers(0, 10**9, count),
    )


def main() -> None:
    """Measure and print the median."""
    given, limits = entries(), packing.Limits.of(Settings.build())
    seconds = []
    for _ in range(TIMES):
        begun = time.thread_time()
        packed = packing.pack(given, limits=limits, as_of=dt.date(2026, 5, 4))
        size = sum(len(content) for _, content, _ in packed.contents())
        seconds.append(time.thread_time() - begun)
    print(
        f"{len(given.keys):,} entries, {len(packed.files):,} files, {size:,} bytes: {statistics.median(seconds):.2f} s"
    )


if __name__ == "__main__":
    main()
