"""The readable cases of the entry checks, through the engine and through the slow twin."""

from __future__ import annotations

import datetime as dt
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cape_engine import claim_portal, liquidation, rules
from cape_engine.schema.codes import Trial
from cape_engine.settings import Settings
from reference import claim as twin
from reference import liquidation as standing_twin
from reference.entry_tables import entry_table

FOLDER = Path(__file__).parents[1] / "cases" / "claim"
RULESET = rules.load()


def load(name: str) -> list[dict[str, Any]]:
    """The cases of one file."""
    found: list[dict[str, Any]] = tomllib.loads((FOLDER / name).read_text(encoding="utf-8"))["case"]
    return found


def dated_cases() -> list[Any]:
    """Every case with every one of its filing days."""
    return [
        pytest.param(case, day, id=f"{case['id']}-{day.get('accepted_on', day['as_of'])}")
        for name in ("entry_rules.toml", "windows.toml")
        for case in load(name)
        for day in case["on"]
    ]


def check(
    facts: Mapping[str, object],
    trial: Sequence[str],
    as_of: dt.date,
    accepted_on: dt.date,
    settings: Mapping[str, object] | None,
) -> claim_portal.ClaimResult:
    """One claimed entry through standing and check."""
    built = Settings.build(settings)
    table = entry_table([facts])
    standing, _ = liquidation.standing(table, ruleset=RULESET, settings=built, as_of=as_of, accepted_on=accepted_on)
    bits = np.array([sum(Trial[name] for name in trial)], np.uint32)
    return claim_portal.check(
        table, bits, standing, ruleset=RULESET, settings=built, as_of=as_of, accepted_on=accepted_on, claimed=None
    )


@pytest.mark.parametrize(("case", "day"), dated_cases())
def test_check__readable_case(case: dict[str, Any], day: dict[str, Any]) -> None:
    """Each case of tests/cases/claim gives the reasons, messages and findings it names for its filing day."""
    as_of = day["as_of"]
    result = check(
        case.get("facts", {}), case.get("trial", []), as_of, day.get("accepted_on", as_of), case.get("settings")
    )
    reasons = result.reasons.to_pylist()[0]
    assert reasons == day["reasons"], case["says"]
    assert bool(result.accepted[0]) is (day["reasons"] == [])
    assert len(result.messages.to_pylist()[0]) == len(reasons)
    if "messages" in day:
        assert result.messages.to_pylist()[0] == day["messages"], case["says"]
    assert sorted(set(result.findings.to_table().column("code").to_pylist())) == day.get("findings", []), case["says"]


@pytest.mark.parametrize(("case", "day"), dated_cases())
def test_twin__readable_case(case: dict[str, Any], day: dict[str, Any]) -> None:
    """The slow twin gives the same reasons, so that it may judge the engine."""
    facts, settings = case.get("facts", {}), case.get("settings", {})
    as_of = day["as_of"]
    accepted_on = day.get("accepted_on", as_of)
    laid = standing_twin.Rules(reliq_basis=settings.get("schedule.reliq_basis", "latest"))
    stands = standing_twin.standing(facts, as_of, accepted_on, laid)
    plain = {name: tuple(value) if isinstance(value, list) else value for name, value in settings.items()}
    assert twin.failed(facts, case.get("trial", []), stands, as_of, accepted_on, plain) == day["reasons"], case["says"]


@pytest.mark.parametrize("case", [pytest.param(case, id=case["id"]) for case in load("scopes.toml")])
def test_check__both_scopes(case: dict[str, Any]) -> None:
    """Every entry of scopes.toml is accepted as CAPE operates, and answered as announced with one setting changed."""
    day = dt.date(2026, 4, 20)
    assert check(case["facts"], [], day, day, None).reasons.to_pylist() == [[]]
    march = check(case["facts"], [], day, day, {"phase.hold_policy": "reject"})
    assert march.reasons.to_pylist() == [case["march"]], case["says"]
    assert all(message for message in march.messages.to_pylist()[0])


def test_cases__every_rule_is_tried() -> None:
    """Each entry rule that can refuse stands in at least one case, and each of its dates is met from both sides."""
    tried: dict[str, set[dt.date]] = {}
    for name in ("entry_rules.toml", "windows.toml"):
        for case in load(name):
            for day in case["on"]:
                for reason in day["reasons"]:
                    tried.setdefault(reason, set()).add(day["as_of"])
    days = {day["as_of"] for name in ("entry_rules.toml", "windows.toml") for case in load(name) for day in case["on"]}
    elsewhere = {"DUPLICATE_CLAIM"}  # when declarations meet
    for rule in RULESET.eligibility:
        if rule.level != "entry" or rule.outcome not in {"reject_entry", "off"} or rule.reason_code in elsewhere:
            continue
        assert rule.reason_code in tried, rule.rule_id
        if rule.effective_to is not None:
            assert rule.effective_to in tried[rule.reason_code]
            assert rule.effective_to + dt.timedelta(days=1) in days
        if rule.effective_from > dt.date(2026, 4, 20):
            assert rule.effective_from in tried[rule.reason_code]
            assert rule.effective_from - dt.timedelta(days=1) in days
