"""What a run decided, in the ledger: the same days, states and sums; nothing twice, nothing unclaimed."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

import cape_engine
from cape_engine.errors import InputError, LedgerVersionError
from cape_engine.ledger import Ledger, database
from living.made import AS_OF, Made, accepted, accepted_numbers

STATES = {"liquidate": "SCHEDULED", "reliquidate": "SCHEDULED", "none": "WINDOW_MISSED"}


@pytest.fixture
def claimed(run: Made, tmp_path: Path) -> Path:
    """A ledger that accepted everything the run accepted."""
    entries = pq.read_table(run.results / "entries.parquet")
    with Ledger.open(tmp_path / "claims.ledger") as ledger:
        accepted(ledger, accepted_numbers(entries), per_file=70)
    return tmp_path / "claims.ledger"


def test_schedule__days_and_states_of_the_run(run: Made, claimed: Path) -> None:
    """Every accepted entry has the run's action and day, and the state that belongs to them; again changes nothing."""
    result = cape_engine.schedule(run.results, run.store, ledger=claimed, **run.beside)
    entries = {row["entry_number"]: row for row in pq.read_table(run.results / "entries.parquet").to_pylist()}
    with Ledger.open(claimed) as ledger:
        plans = {row["entry_number"]: row for row in ledger.plans().to_pylist()}
        states = {row["entry_number"]: row["state"] for row in ledger.claims().to_pylist()}
        head = ledger.head()
    assert set(plans) == set(states) == {name for name, row in entries.items() if row["disposition"] == "accepted"}
    for number, plan in plans.items():
        row = entries[number]
        assert (plan["liquidation_date"], plan["action"]) == (row["liquidation_date"], row["action"])
        held = "STRIPPED_WAITING" if "HELD" in row["flags"] else "IN_REVIEW"
        assert states[number] == STATES.get(row["action"], held)
    assert {"STRIPPED_WAITING", "IN_REVIEW", "SCHEDULED"} <= {word for word, count in result.counts.items() if count}
    again = cape_engine.schedule(run.results, run.store, ledger=claimed, **run.beside)
    assert again.counts["known"] == sum(again.counts.values()) == len(plans)
    with Ledger.open(claimed) as ledger:
        assert ledger.head() == head
        assert ledger.verify().ok


def test_schedule__facts(run: Made, claimed: Path) -> None:
    """Deposits add up to the principal wherever a deposit day is known; holds stand where entries wait."""
    cape_engine.schedule(run.results, run.store, ledger=claimed, **run.beside)
    with Ledger.open(claimed) as ledger:
        facts = ledger.facts().to_pylist()
        states = {row["entry_number"]: row["state"] for row in ledger.claims().to_pylist()}
        plans = {row["entry_number"]: row["action"] for row in ledger.plans().to_pylist()}
    several = 0
    for row in facts:
        if states[row["entry_number"]] == "SCHEDULED":
            liquidated = row["basis_date"] is not None  # by CBP, or before any run day by law
            assert plans[row["entry_number"]] == ("reliquidate" if liquidated else "liquidate")
        assert sum(row["deposit_amounts_cents"]) in {0, row["principal_cents"]}
        assert (row["hold"] is not None) == (states[row["entry_number"]] == "STRIPPED_WAITING")
        several += len(row["deposit_dates"]) > 1
    assert several


def test_schedule__what_does_not_fit(run: Made, tmp_path: Path) -> None:
    """Accepted here and not there, there and not here, or still waiting for CBP: each a finding, the rest goes on."""
    entries = pq.read_table(run.results / "entries.parquet")
    numbers = accepted_numbers(entries)
    mask = pc.equal(entries.column("disposition").cast(pa.string()), "rejected")
    refused = entries.column("entry_number").filter(mask).to_pylist()[:3]
    with Ledger.open(tmp_path / "l") as ledger:
        accepted(ledger, numbers[5:] + refused)
        accepted(ledger, numbers[:2], day=AS_OF + dt.timedelta(days=1))
        ledger.move(pa.array(numbers[:1]), "ENTRY_FAILED", on_day=AS_OF, who="cbp")
    result = cape_engine.schedule(run.results, run.store, ledger=tmp_path / "l", **run.beside)
    found: dict[str, list[str]] = {}
    for row in result.findings.to_pylist():
        found.setdefault(row["code"], []).append(row["entry_number"])
    assert sorted(found["SCHEDULE_NOT_CLAIMED"]) == sorted([numbers[0], *numbers[2:5]])
    assert sorted(found["SCHEDULE_NOT_DECIDED"]) == sorted(refused)
    assert result.exit_code == 1
    with Ledger.open(tmp_path / "l") as ledger:
        day = {row["entry_number"]: row["accepted_date"] for row in ledger.facts().to_pylist()}
        assert day[numbers[1]] == AS_OF + dt.timedelta(days=1)  # the ledger's own day of acceptance counts
        assert set(day) == {numbers[1], *numbers[5:]}


def test_schedule__no_results(run: Made, claimed: Path, tmp_path: Path) -> None:
    """A folder without results is refused by name."""
    with pytest.raises(InputError, match=r"no results of a run\. Name the folder"):
        cape_engine.schedule(tmp_path, run.store, ledger=claimed)


def test_migrate__from_version_1(run: Made, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A ledger of the first schema is refused with the next step; migrated, it has its claims, and lives on."""
    whole, place = database.migrations, tmp_path / "old.ledger"
    newest = max(whole("sqlite"))
    numbers = accepted_numbers(pq.read_table(run.results / "entries.parquet"))
    with monkeypatch.context() as older:
        older.setattr(database, "migrations", lambda dialect: {1: whole(dialect)[1]})
        with Ledger.open(place) as ledger:
            accepted(ledger, numbers)
            head = ledger.head()
    with pytest.raises(LedgerVersionError, match=rf"version 1, this engine writes version {newest}\. .*`cape ledger"):
        cape_engine.schedule(run.results, run.store, ledger=place, **run.beside)
    assert Ledger.migrate(place) == (1, newest)
    with Ledger.open(place) as ledger:
        assert ledger.verify().ok
        assert ledger.head() == head
    result = cape_engine.schedule(run.results, run.store, ledger=place, **run.beside)
    assert sum(result.counts.values()) == len(numbers)
    with Ledger.open(place) as ledger:
        assert ledger.verify().ok


def test_schedule__year_ends_before_a_run_day(tmp_path: Path) -> None:
    """No run day is left before the year ends: the fact says that the 90 days start on the anniversary."""
    rows = "entry_number,line_number,ordinal,hts_number,value_dollars,duty_cents\n"
    headers = "entry_number,importer_number,entry_type,entry_date,deposit_date,liquidation_status\n"
    for number, entered in (("ABC12345676", "2025-05-05"), ("ABC12345684", "2025-05-30")):
        rows += f"{number},1,1,99030125,0,100000\n{number},1,2,6005909000,10000,100000\n"
        headers += f"{number},12-345678900,01,{entered},2025-06-02,Unliquidated\n"
    (tmp_path / "rows.csv").write_text(rows)
    (tmp_path / "headers.csv").write_text(headers)
    source = tmp_path / "rows.csv"
    beside: dict[str, Any] = {"headers": (tmp_path / "headers.csv",)}
    cape_engine.run(source, out=tmp_path / "results", as_of=AS_OF, **beside)
    with Ledger.open(tmp_path / "l") as ledger:
        accepted(ledger, ["ABC12345676", "ABC12345684"])
    cape_engine.schedule(tmp_path / "results", source, ledger=tmp_path / "l", **beside)
    with Ledger.open(tmp_path / "l") as ledger:
        facts = {row["entry_number"]: row for row in ledger.facts().to_pylist()}
        plans = {row["entry_number"]: row for row in ledger.plans().to_pylist()}
    assert facts["ABC12345676"]["basis_date"] == dt.date(2026, 5, 5)
    assert plans["ABC12345676"]["action"] == "reliquidate"
    assert facts["ABC12345684"]["basis_date"] is None
    assert plans["ABC12345684"]["action"] == "liquidate"
