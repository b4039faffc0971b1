"""Claims at the size of a nation: a full declaration checked against a store, a million eligible entries packed.

`CAPE_BENCH_STORE` names a store to check against, such as the 5 million entries of `cape bench generate --scale 0.1`;
without it the store of the whole runs serves.
"""

from __future__ import annotations

import datetime as dt
import os
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import cape_engine
from cape_engine import bridge
from cape_engine.claim_portal import packing
from cape_engine.schema.facts import ENTRY_NUMBER
from cape_engine.settings import Settings
from cape_engine.store import Store

DAY = dt.date(2026, 5, 4)
FILE = 9_999
ENTRIES, FILERS, IMPORTERS = 1_000_000, 30, 300


def _declaration(store: Store, path: Path, *, scattered: bool) -> str:
    """A full declaration of one filer, its entries next to each other or from all over the store; his code."""
    whole = [
        store.read(name, ["entry_number"]).entries
        for name in store.partitions[:: 1 if scattered else len(store.partitions)]
    ]
    numbers = np.sort(
        np.concatenate([bridge.single(one, ENTRY_NUMBER).to_numpy(zero_copy_only=False) for one in whole])
    )
    filer = str(numbers[0])[:3]
    mine = numbers[np.char.startswith(numbers.astype("U11"), filer)]
    chosen = mine[:: max(1, len(mine) // FILE)][:FILE] if scattered else mine[:FILE]
    path.write_bytes("\r\n".join(["Entry Number", *chosen, ""]).encode())
    return filer


@pytest.mark.parametrize("where", ["one stretch", "everywhere"])
def test_check__full_declaration(benchmark: Any, request: pytest.FixtureRequest, tmp_path: Path, where: str) -> None:
    """`check` of 9,999 entries, answers not written; held to 0.5 s once the process is up."""
    given = os.environ.get("CAPE_BENCH_STORE")
    store = Store.open(Path(given)) if given else request.getfixturevalue("lots").store
    filer = _declaration(store, tmp_path / "claim.csv", scattered=where == "everywhere")

    def check() -> cape_engine.CheckResult:
        return cape_engine.check(tmp_path / "claim.csv", store=store.folder, as_filer=filer, as_of=DAY)

    result = benchmark.pedantic(check, rounds=5, warmup_rounds=1)
    rows = result.claimed_entries.num_rows
    began = time.process_time()
    check()
    benchmark.extra_info |= {"rows": rows, "rows_per_second": round(rows / benchmark.stats.stats.median)}
    benchmark.extra_info["processor_seconds"] = round(time.process_time() - began, 3)
    assert set(result.claimed_entries.column("disposition").unique().to_pylist()) <= {"accepted", "rejected"}


def _candidates() -> packing.Candidates:
    """Entries of some filers and importers, a third of them inside their 80 days."""
    draw = np.random.default_rng(1)
    filers = draw.integers(10 * 36 * 36, 36**3, FILERS)
    keys = filers[draw.integers(0, FILERS, ENTRIES + 1000)] * 36**8 + draw.integers(0, 10**8, ENTRIES + 1000)
    keys = np.unique(keys)[:ENTRIES]
    urgent = draw.random(ENTRIES) < 1 / 3
    return packing.Candidates(
        keys,
        draw.integers(0, IMPORTERS, ENTRIES).astype(np.int32),
        tuple(f"{number:09d}00" for number in range(IMPORTERS)),
        np.where(urgent, draw.integers(0, 81, ENTRIES), packing.UNLIQUIDATED).astype(np.int32),
        draw.integers(0, 10**9, ENTRIES),
    )


def test_pack__a_million_entries(benchmark: Any) -> None:
    """Sorted, cut, spelt out and hashed; held to 3 s."""
    given, limits = _candidates(), packing.Limits.of(Settings.build())

    def pack() -> int:
        return sum(len(content) for _, content, _ in packing.pack(given, limits=limits, as_of=DAY).contents())

    assert benchmark.pedantic(pack, rounds=5, warmup_rounds=1) > ENTRIES * 13
    benchmark.extra_info |= {"rows": ENTRIES, "rows_per_second": round(ENTRIES / benchmark.stats.stats.median)}
