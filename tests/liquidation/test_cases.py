"""The readable cases of standing and schedule, through the engine and through the slow twin."""

from __future__ import annotations

import datetime as dt
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cape_engine import liquidation, rules
from cape_engine.bridge import NO_DAY
from cape_engine.dates import date_of
from cape_engine.schema.codes import Action, Flag
from cape_engine.settings import Settings
from reference import liquidation as twin
from reference.entry_tables import entry_table

FOLDER = Path(__file__).parents[1] / "cases" / "liquidation"
RULESET = rules.load()
WITHOUT_TWIN = {"beyond-the-calendar", "one-day-beyond-the-table", "unknown-code-holds-nothing", "strange-word"}
"""What the twin does not know: an end of its calendar, and words that nobody explained."""


def cases() -> list[Any]:
    """Every case of every file, with its id."""
    found = [case for file in sorted(FOLDER.glob("*.toml")) for case in tomllib.loads(file.read_text())["case"]]
    return [pytest.param(case, id=case["id"]) for case in found]


def names(bits: int) -> list[str]:
    """Names of the flags in a bit mask."""
    return sorted(flag.name or "" for flag in Flag if bits & flag)


def run(facts: Mapping[str, object], case: Mapping[str, Any]) -> tuple[dict[str, object], list[str]]:
    """One accepted entry through standing and plan."""
    settings = Settings.build(case.get("settings"))
    accepted_on = case["accepted_on"]
    table = entry_table([facts])
    standing, found = liquidation.standing(
        table, ruleset=RULESET, settings=settings, as_of=case.get("as_of", accepted_on), accepted_on=accepted_on
    )
    plan = liquidation.plan(
        table,
        standing,
        accepted=~standing.refused,
        flags=np.zeros(1, np.uint32),
        principal_cents=np.zeros(1, np.int64),
        ruleset=RULESET,
        settings=settings,
        accepted_on=accepted_on,
    )
    day = int(plan.liquidation_day[0])
    answer: dict[str, object] = {
        "action": Action(int(plan.action[0])).name.lower(),
        "day": None if day == NO_DAY else date_of(day),
        "flags": names(int(plan.flags[0])),
        "refused": bool(standing.refused[0]),
        "payable": bool(plan.payable[0]),
    }
    codes = found.to_table().column("code").to_pylist() + plan.findings.to_table().column("code").to_pylist()
    return answer, sorted(set(codes))


@pytest.mark.parametrize("case", cases())
def test_plan__readable_case(case: dict[str, Any]) -> None:
    """Each case of tests/cases/liquidation gives the action, day, flags and findings it names."""
    answer, codes = run(case["facts"], case)
    expected = {
        "action": case.get("action", "none"),
        "day": case.get("day"),
        "flags": case.get("flags", []),
        "refused": case.get("refused", False),
        "payable": "day" in case,
    }
    assert answer == expected, case["says"]
    assert codes == sorted({*case.get("findings", []), *case.get("flags", [])} - {"HELD"}), case["says"]


@pytest.mark.parametrize("case", [one for one in cases() if one.id not in WITHOUT_TWIN])
def test_twin__readable_case(case: dict[str, Any]) -> None:
    """The slow twin gives the same answers, so that it may judge the engine."""
    changed = {name.split(".")[1]: value for name, value in case.get("settings", {}).items()}
    laid = twin.Rules(**changed)
    accepted_on: dt.date = case["accepted_on"]
    stands = twin.standing(case["facts"], case.get("as_of", accepted_on), accepted_on, laid)
    assert stands.refused is case.get("refused", False), case["says"]
    if not stands.refused:
        planned = twin.plan(case["facts"], stands, accepted_on, laid)
        answer = (planned.action, planned.day, sorted(planned.flags))
        assert answer == (case["action"], case.get("day"), case.get("flags", [])), case["says"]
