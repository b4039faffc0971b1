"""The readable cases of the whole check: message, reasons, road and day of an entry on both sides of each date."""

from __future__ import annotations

import csv
import datetime as dt
import tomllib
from pathlib import Path
from typing import Any

import pytest

import cape_engine
import cape_engine.errors
from cape_engine import intake, rules
from cape_engine.settings import Settings
from portal import shapes
from road import es003

FILE = Path(__file__).parents[1] / "cases" / "portal" / "answers.toml"
CASES = tomllib.loads(FILE.read_text(encoding="utf-8"))["case"]
NUMBERS = {case["id"]: shapes.number(place) for place, case in enumerate(CASES, 1)}
DAYS = sorted({day["as_of"] for case in CASES for day in case["on"]})


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store of the entries of all cases."""
    folder = tmp_path_factory.mktemp("portal")
    entries = {NUMBERS[case["id"]]: {"goods": case.get("goods", "ordinary")} for case in CASES}
    common = {"liquidation_status": "Unliquidated"}
    facts = [{"entry_number": NUMBERS[case["id"]], **common, **case["facts"]} for case in CASES]
    intake.build_store(
        [shapes.export(folder / "rows.csv", entries)],
        folder / "store",
        headers=[es003.write_facts(facts, folder / "headers.csv")],
        ruleset=rules.load(),
        settings=Settings.build(),
    )
    return folder / "store"


@pytest.fixture(scope="module")
def answers(store: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[dt.date, dict[str, dict[str, Any]]]:
    """For each filing day the answer to each entry, all of them on one declaration, with the printed message."""
    found = {}
    for day in DAYS:
        folder = tmp_path_factory.mktemp("day")
        listed = shapes.declaration(folder / "claim.csv", list(NUMBERS.values()))
        result = cape_engine.check(listed, store=store, out=folder / "out", as_of=day, as_importer=shapes.IMPORTER)
        rows = {row["entry_number"]: row for row in result.claimed_entries.to_pylist()}
        with (folder / "out" / "claim.claim-details.csv").open(encoding="utf-8", newline="") as stream:
            for row in csv.DictReader(stream):
                rows[row["ENTRY_NUMBER"]]["printed"] = row
        found[day] = rows
    return found


@pytest.mark.parametrize(
    ("case", "day"),
    [pytest.param(case, day, id=f"{case['id']}-{day['as_of']}") for case in CASES for day in case["on"]],
)
def test_check__readable_case(
    case: dict[str, Any], day: dict[str, Any], answers: dict[dt.date, dict[str, dict[str, Any]]]
) -> None:
    """Each case gives the message, the reasons, the road and the days it names for its filing day."""
    row = answers[day["as_of"]][NUMBERS[case["id"]]]
    assert row["reason_codes"] == day.get("reasons", []), case["says"]
    assert row["printed"]["ERROR_DESCRIPTION"] == day["message"], case["says"]
    accepted = day["message"] == ""
    assert row["printed"]["STATUS"] == ("Entry Summary Updated" if accepted else "Failed")
    assert row["disposition"] == ("accepted" if accepted else "rejected")
    assert (row["principal_cents"] > 0) is accepted
    assert row["route"] == day.get("route")
    assert bool(row["what_to_do"]) is not accepted
    for name in ("do_by", "psc_until", "window_until", "action"):
        if name in day:
            assert row[name] == day[name], case["says"]


def test_check__before_the_portal_opened(store: Path, tmp_path: Path) -> None:
    """On 2026-04-19 there was no portal: the call is refused, nothing is written."""
    listed = shapes.declaration(tmp_path / "claim.csv", [NUMBERS["unliquidated"]])
    with pytest.raises(cape_engine.errors.UsageError, match="2026-04-20"):
        cape_engine.check(listed, store=store, out=tmp_path / "out", as_of="2026-04-19")
    assert not (tmp_path / "out").exists()


def test_routes__every_refusal_has_one() -> None:
    """Each rule that refuses entries, and each of our own reasons, has a route with words."""
    law = rules.load()
    routes = {route.rule_id: route for route in law.failure_routes}
    refusing = {
        rule.rule_id for rule in law.eligibility if rule.level == "entry" and rule.outcome in {"reject_entry", "off"}
    }
    checking = {"file_submitter_mismatch", "input_refused", "hold_not_in_phase"}
    packing = {"fact_unknown", "importer_unknown", "check_digit", "held_back", "filed_today"}
    loop = {"message_unknown"}
    assert refusing | checking | packing | loop == set(routes)
    for route in routes.values():
        assert bool(route.late_route) == bool(route.late_remedy)
        assert route.deadline or not route.late_route
