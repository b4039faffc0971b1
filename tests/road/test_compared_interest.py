"""Interest by every convention beside generated runs: the convention in force gives each entry the run's own amount."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import pytest

import cape_fixtures
from cape_engine import rules
from cape_engine.cli import invoke
from cape_engine.pipeline.comparing import CompareRequest, compare_run

AS_OF = dt.date(2026, 5, 4)
PAID = dt.date(2026, 7, 20)


@pytest.mark.parametrize(
    ("in_force", "options"),
    [
        ("exact", []),
        ("large_cut", ["--set", "refund.large_corporate_cut=true"]),
        (
            "per_quarter",
            ["--set", "refund.interest_rounding=per_quarter", "--set", "refund.deposit_allocation=first_first"],
        ),
    ],
)
def test_compare__generated_run_is_reproduced(in_force: str, options: list[str], tmp_path: Path) -> None:
    """Of 800 generated entries with several deposits the convention in force gives each the run's own amount."""
    lot = cape_fixtures.generate(800, 6, as_of=AS_OF, mix="all_rules", several_deposits=True)
    files = cape_fixtures.write(lot, tmp_path, format="parquet", layout="canonical")
    store, out = tmp_path / "store", tmp_path / "run"
    importing = ["import", *files.rows, "--store", store, "--headers", files.headers, "--quiet"]
    assert invoke([str(word) for word in importing]) in (0, 1)
    beside = ["--importers", files.importers, "--deposits", files.deposits, "--as-of", AS_OF, "--out", out, "--quiet"]
    assert invoke([str(word) for word in ["run", store, *beside, *options]]) in (0, 1)
    assert files.deposits is not None
    compared = compare_run(CompareRequest(out, rules.load(), store=store, deposits=(files.deposits,), paid=PAID))
    told = {row["convention"]: row for row in compared.conventions.to_pylist()}
    assert told[in_force]["computed_entries"] > 100
    assert (told[in_force]["unequal_entries"], told[in_force]["beside_run_cents"]) == (0, 0)
    assert compared.findings.num_rows == 0
    assert told["simple"]["unequal_entries"] > 100
