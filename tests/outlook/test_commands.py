"""`cape whatif` and `cape risk` as a user calls them: JSON lines, tables, exit codes, no traceback."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from cape_engine.cli import common, invoke
from cape_engine.schema import outlook as s
from cape_engine.schema import results as r
from outlook.conftest import World


def lines(captured: str) -> list[dict[str, Any]]:
    """The JSON lines of a command."""
    return [json.loads(line) for line in captured.splitlines()]


def test_whatif__json_lines(world: World, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Days, changes and a summary come as JSON lines; the folder holds the tables, the facts file the principal."""
    facts, out = tmp_path / "store.facts", tmp_path / "out"
    words = ["whatif", str(world.store), "--accept-from", "2026-06-28", "--accept-to", "2026-06-29", "--json"]
    assert invoke([*words, "--facts", str(facts), "--by", "importer", "--out", str(out), "--threads", "1"]) == 0
    told = lines(capsys.readouterr().out)
    assert [line["event"] for line in told[:2]] == ["day", "day"]
    assert told[0][s.ACCEPTANCE_DATE] == "2026-06-28"
    assert any(line.get(s.CHANGE_REASON) == "RECON_FLAGGED" for line in told)
    assert told[-1]["event"] == "whatif"
    assert told[-1]["counts"]["rows"]["days"] == 2
    assert {path.name for path in out.iterdir()} >= {"days.csv", "importers.parquet", "chart.svg", "manifest.json"}
    assert invoke([*words, "--facts", str(facts), "--quiet"]) == 0
    assert capsys.readouterr().out == ""


def test_risk__json_lines(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    """Days, the first entries and a summary come as JSON lines."""
    assert invoke(["risk", str(world.store), "--as-of", "2026-06-22", "--days", "30", "--top", "3", "--json"]) == 0
    told = lines(capsys.readouterr().out)
    entries = [line for line in told if line["event"] == "entry"]
    assert [line[s.DAYS_LEFT] for line in entries] == sorted(line[s.DAYS_LEFT] for line in entries)
    assert len(entries) == 3
    assert told[-1]["counts"]["windows"]["claim"]["leave_entries"] == sum(
        line[s.LEAVING_ENTRIES] for line in told if line["event"] == "day" and line[s.WINDOW] == "claim"
    )


def test_tables__for_people(world: World, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """On a terminal both commands print tables with dollars."""
    monkeypatch.setattr(common, "is_terminal", lambda: True)
    monkeypatch.setenv("COLUMNS", "160")
    store = str(world.store)
    assert invoke(["whatif", store, "--accept-from", "2026-06-24", "--accept-to", "2026-07-08"]) == 0
    shown = capsys.readouterr().out
    assert "If accepted on" in shown
    assert "WAREHOUSE_TYPES_REFUSED" in shown
    assert invoke(["risk", store, "--as-of", "2026-06-22", "--top", "2"]) == 0
    shown = capsys.readouterr().out
    assert "To file first" in shown
    assert "reliquidation" in shown


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["whatif", "STORE", "--accept-from", "2026-04-01", "--accept-to", "2026-05-01"], "the portal opened"),
        (["whatif", "STORE", "--accept-from", "2026-05-01"], "--accept-to"),
        (["whatif", "nowhere", "--accept-from", "2026-05-01", "--accept-to", "2026-05-01"], "nowhere"),
        (["risk", "STORE", "--days", "-1"], "-1"),
        (["risk", "STORE", "--as-of", "2026-06-22", "--results", "nowhere"], "no results of a run"),
        (["risk", "STORE", "--as-of", "2026-06-22", "--set", "claim.nothing=1"], "no setting"),
    ],
)
def test_bad_calls__say_what_to_do(
    words: list[str], said: str, world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    """What cannot be done ends with exit code 2 and one sentence."""
    assert invoke([str(world.store) if word == "STORE" else word for word in words]) == 2
    complaint = capsys.readouterr().err
    assert said in complaint
    assert "Traceback" not in complaint


def test_days__are_named_in_cents(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    """Money in JSON is in whole cents, as everywhere."""
    invoke(["whatif", str(world.store), "--accept-from", "2026-06-24", "--accept-to", "2026-06-24", "--json"])
    day = lines(capsys.readouterr().out)[0]
    assert isinstance(day[r.PRINCIPAL_CENTS], int)
    assert isinstance(day[r.INTEREST_CENTS], int)
