"""`cape bench consolidation`: right on any size, and able to say that something is wrong."""

from __future__ import annotations

import json

import numpy as np
import pytest
from click.testing import CliRunner

from cape_engine.cli.bench_consolidation import consolidation, measured
from cape_fixtures.consolidation_load import Load, Totals

SMALL = ["--entries", "1500", "--recipients", "80", "--days", "9", "--seed", "3"]


def test_consolidation__json() -> None:
    """One JSON line with sizes, times and whether all is right."""
    result = CliRunner().invoke(consolidation, [*SMALL, "--json"], standalone_mode=False)
    record = json.loads(result.output)
    assert result.return_value == 0
    assert record["right"] is True
    assert (record["entries"], record["recipients"], record["days"]) == (1500, 80, 9)
    assert record["cohorts"] == Load(1500, 80, 9, 3).cohorts
    assert record["seconds"]["sums"] > 0


def test_consolidation__people_and_quiet() -> None:
    """People read sentences; `--quiet` says nothing; a load that is none is a mistake of usage."""
    told = CliRunner().invoke(consolidation, SMALL, standalone_mode=False)
    assert "every cohort and payment is right" in told.output
    assert CliRunner().invoke(consolidation, [*SMALL, "--quiet"], standalone_mode=False).output == ""
    refused = CliRunner().invoke(consolidation, ["--entries", "5", "--recipients", "6"])
    assert refused.exit_code == 2
    assert "one entry for each recipient" in refused.output


@pytest.mark.parametrize("column", ["entries", "principal_cents", "interest_cents"])
def test_measured__a_wrong_cent_is_seen(column: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """One cohort that comes to one more is enough to be wrong."""
    right = Load.expected

    def wrong(load: Load, recipient: np.ndarray, day: np.ndarray) -> Totals:
        totals = right(load, recipient, day)
        getattr(totals, column)[-1] += 1
        return totals

    monkeypatch.setattr(Load, "expected", wrong)
    assert measured(Load(500, 40, 5, seed=1), 1)["right"] is False
