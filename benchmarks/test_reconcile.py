"""Reconciliation of a million generated report rows with every cause planted: time, and every answer right."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pyarrow.compute as pc

import cape_engine
from cape_engine.pipeline.reconciling import ReconcileResult
from cape_fixtures.reconciliation import make_run, plant

ENTRIES = 800_000
"""Entries of the run; with refunds, payments and deposits this is a little above a million rows of reports."""


def test_reconcile(benchmark: Any, tmp_path: Path) -> None:
    """Reading, joining, causes and tables in memory; every entry, refund and deposit has the cause that was planted."""
    run = make_run(tmp_path / "run", ENTRIES)
    planted = plant(run, tmp_path / "reports")
    assert planted.rows >= 1_000_000
    results: list[ReconcileResult] = []
    spent: list[float] = []

    def reconcile() -> None:
        begin = time.process_time()
        options: dict[str, Any] = dict(planted.files)
        results[:] = [
            cape_engine.reconcile(results=run.folder, columns=planted.columns, as_of=planted.as_of, **options)
        ]
        spent.append(time.process_time() - begin)

    benchmark.pedantic(reconcile, rounds=3)
    found = results[0]
    for table, keys, wanted in (
        (found.entries, found.entries.column("entry_number"), planted.entries),
        (
            found.cohorts,
            pc.coalesce(found.cohorts.column("cohort"), found.cohorts.column("refund_numbers")),
            planted.cohorts,
        ),
        (found.bank, found.bank.column("bank_row"), planted.bank),
    ):
        assert dict(zip(keys.to_pylist(), table.column("cause").to_pylist(), strict=True)) == wanted
    benchmark.extra_info |= {"rows": planted.rows, "processor_seconds": round(sorted(spent)[1], 2)}
