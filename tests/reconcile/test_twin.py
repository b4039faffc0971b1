"""Causes of entries equal those of a slow twin that looks at one entry at a time, whatever reports say."""

from __future__ import annotations

import csv
import datetime as dt
import random
from pathlib import Path
from typing import Any

import pytest

import cape_engine
from cape_engine import rules
from cape_engine.refund import conventions
from cape_fixtures.reconciliation import Planted, make_run, plant
from cape_fixtures.reconciliation.files import HEADINGS
from reference.reconciliation import Twin
from reference.refund_reports import rows_of

CLAIM_HEADINGS = {
    "ENTRY_NUMBER": "entry_number",
    "CLAIM_NUMBER": "claim_number",
    "STATUS": "entry_claim_status",
    "ERROR_DESCRIPTION": "error_message",
}


def shaken(path: Path, name: str, rng: random.Random) -> None:
    """Change rows of a report at random: amounts, numbers, claims, days, payees, rows left out and rows said twice."""
    with path.open(encoding="utf-8", newline="") as stream:
        head, *rows = list(csv.reader(stream))
    ours = [HEADINGS[name][heading] for heading in head]
    made: list[list[str]] = []
    for row in rows:
        if rng.random() < 0.75:
            made.append(row)
            continue
        new = list(row)
        other = rng.choice(rows)
        for place, column in enumerate(ours):
            if column in {"refund_principal", "refund_interest", "refund_amount"} and rng.random() < 0.3:
                dollars, _, rest = new[place].partition(".")
                cents = max(int(dollars) * 100 + int(rest) + rng.choice((-1, 1, 5, -10, 11, 12_345)), 0)
                new[place] = f"{cents // 100}.{cents % 100:02d}"
            if (
                column in {"refund_number", "claim_number", "refund_date", "recipient", "prior_refund"}
                and rng.random() < 0.15
            ):
                new[place] = other[place]
            if column in {"refund_date", "claim_number"} and rng.random() < 0.05:
                new[place] = ""
        if rng.random() < 0.9:
            made.append(new)
        if rng.random() < 0.1:
            twice = list(new)
            place = ours.index("claim_number") if "claim_number" in ours else ours.index("refund_number")
            twice[place] = other[place]
            made.append(twice)
    unique = list(dict.fromkeys(map(tuple, made)))
    with path.open("w", encoding="utf-8", newline="") as stream:
        csv.writer(stream, lineterminator="\n").writerows([head, *unique])


def twin_of(run: Any, planted: Planted) -> Twin:
    """The twin of the files."""
    reports = {
        name: rows_of(path, HEADINGS.get(name, CLAIM_HEADINGS))
        for name, path in planted.files.items()
        if name != "bank"
    }
    return Twin(
        run.entries.to_pylist(),
        run.refunds.to_pylist(),
        run.payments.to_pylist(),
        reports,
        [one.cause for one in rules.load().cause_codes],
        {name: one.cause for name, one in conventions.catalogue().items()},
        dt.date.fromisoformat(planted.as_of),
    )


@pytest.mark.parametrize("seed", [1, 2, 3, 4])
def test_entries__equal_to_the_twin(seed: int, tmp_path: Path) -> None:
    """Cause and explained cents of each entry, on reports with every cause planted and rows changed at random."""
    run = make_run(tmp_path / "run", 450, seed=seed)
    planted = plant(run, tmp_path / "reports", seed=seed, share=0.5)
    rng = random.Random(seed)
    for name in ("es022", "rev615", "es701"):
        shaken(planted.files[name], name, rng)
    files = {name: path for name, path in planted.files.items() if name != "bank"}
    result = cape_engine.reconcile(results=run.folder, columns=planted.columns, as_of=planted.as_of, **files)  # type: ignore[arg-type]
    wanted = twin_of(run, planted).answers()
    got = {
        row["entry_number"]: (row["cause"], row["explained_cents"])
        for row in result.entries.select(["entry_number", "cause", "explained_cents"]).to_pylist()
    }
    assert {entry: (got.get(entry), wanted[entry]) for entry in wanted if got.get(entry) != wanted[entry]} == {}
    assert set(got) == set(wanted)
    assert len({cause for cause, _cents in wanted.values()}) >= 16
