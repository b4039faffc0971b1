"""Consolidation alone: refunds of entries to sums by recipient and day, to refunds and payments, answer known."""

from __future__ import annotations

from typing import Any

import pytest

from cape_engine.cli.bench_measure import measured
from cape_fixtures.consolidation_load import Load


@pytest.mark.parametrize("threads", [1, 2])
def test_consolidation(benchmark: Any, threads: int) -> None:
    """Five million refunds of 50,000 recipients on a hundred days; only consolidation counts, not making them."""
    load = Load(5_000_000, 50_000, 100, seed=1)
    records = []

    def consolidate() -> None:
        records.append(measured(load, threads))
        assert records[-1]["right"]

    benchmark.pedantic(consolidate, rounds=3)
    seconds = sorted(sum(record["seconds"].values()) for record in records)[1]
    benchmark.extra_info |= {"rows": load.entries, "rows_per_second": round(load.entries / seconds)}
