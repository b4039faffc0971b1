"""Each rule of the portal on both sides of its dates and edges, and a proof from the rule file that none lacks."""

from __future__ import annotations

import datetime as dt
import io
import re
import tomllib
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

import cape_engine
from cape_engine import intake, rules
from cape_engine.errors import UsageError
from cape_engine.rules.practice_rows import EligibilityRule
from cape_engine.settings import Settings
from portal import shapes
from road import es003

FOLDER = Path(__file__).parents[1] / "cases"
OPENED = dt.date(2026, 4, 20)
SIDES = ("passes", "fails")
Edge = Mapping[str, Any]

WARNINGS = {"file_check_digit": "DECLARATION_CHECK_DIGIT", "file_mixed_importers": "DECLARATION_MIXED_IMPORTERS"}
"""Rules that only warn, and their findings."""
ELSEWHERE = {
    "psc_after_acceptance": "test_psc_after_acceptance__no_correction_is_planned",
    "reliquidation_window_missed": "cases/liquidation/schedule.toml: liquidated-accepted-on-day-90",
}
"""Rules of later stages, which no check of a declaration tests, and what shows both of their sides."""
_FIGURE = re.compile(r"\d[\d,-]*\d|\d")


def load(name: str) -> list[dict[str, Any]]:
    """The edges of one file."""
    found: list[dict[str, Any]] = tomllib.loads((FOLDER / "portal" / name).read_text(encoding="utf-8"))["edge"]
    return found


ENTRY_EDGES = load("entry_edges.toml")
FILE_EDGES = load("file_edges.toml")
SIDED = [(edge, side) for edge in ENTRY_EDGES for side in SIDES]
NUMBERS = {(id(edge), side): shapes.number(place) for place, (edge, side) in enumerate(SIDED, 1000)}


def named(edges: list[dict[str, Any]]) -> list[Any]:
    """The edges as parameters: rule and place."""
    return [pytest.param(edge, id=f"{edge['rule']}-{place}") for place, edge in enumerate(edges)]


def filing(side: Edge) -> tuple[dt.date, str]:
    """What must be the same for entries that one check answers together: day and settings."""
    return side.get("as_of", OPENED), repr(sorted(side.get("settings", {}).items()))


@pytest.fixture(scope="module")
def answers(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, Any]]:
    """The answer to the entry of each side: all sides of a day and setting stand on one declaration."""
    folder = tmp_path_factory.mktemp("edges")
    known = [(edge, side) for edge, side in SIDED if edge[side].get("known", True)]
    entries = {NUMBERS[id(edge), side]: {"goods": edge[side].get("goods", "ordinary")} for edge, side in known}
    common = {"liquidation_status": "Unliquidated"}
    facts = [{"entry_number": NUMBERS[id(edge), side], **common, **edge[side].get("facts", {})} for edge, side in known]
    store = build(folder, entries, es003.write_facts(facts, folder / "headers.csv"))
    groups: dict[tuple[dt.date, str], list[tuple[dict[str, Any], str]]] = {}
    for edge, side in SIDED:
        groups.setdefault(filing(edge[side]), []).append((edge, side))
    found: dict[str, dict[str, Any]] = {}
    for place, ((day, _), group) in enumerate(groups.items()):
        before = [NUMBERS[id(edge), side] for edge, side in group if edge[side].get("earlier")]
        listed = [NUMBERS[id(edge), side] for edge, side in group]
        files = [shapes.declaration(folder / f"claim-{place}.csv", listed)]
        if before:
            files.insert(0, shapes.declaration(folder / f"earlier-{place}.csv", before))
        edge, side = group[0]
        result = cape_engine.check(
            files, store=store, as_of=day, as_filer="ABC", settings=edge[side].get("settings", {})
        )
        found |= {row["entry_number"]: row for row in result.claimed_entries.to_pylist()}  # the later file counts
    return found


def build(folder: Path, entries: Mapping[str, Mapping[str, Any]], headers: Path | None = None) -> Path:
    """A store of some entries."""
    intake.build_store(
        [shapes.export(folder / "rows.csv", entries)],
        folder / "store",
        headers=() if headers is None else (headers,),
        ruleset=rules.load(),
        settings=Settings.build(),
    )
    return folder / "store"


@pytest.mark.parametrize("edge", named(ENTRY_EDGES))
def test_entry_edge__both_sides(edge: dict[str, Any], answers: dict[str, dict[str, Any]]) -> None:
    """Each side gives exactly the reasons it names, and the action that follows where it names one."""
    for side in SIDES:
        row = answers[NUMBERS[id(edge), side]]
        asked = edge[side]
        assert row["reason_codes"] == asked.get("reasons", []), f"{side}: {edge['edge']}"
        assert (row["disposition"] == "accepted") is ("reasons" not in asked)
        assert "action" not in asked or row["action"] == asked["action"], f"{side}: {edge['edge']}"


BROKEN = {
    "utf-16": "Entry Number\r\nABC00000010\r\n".encode("utf-16"),
    "latin-1": b"Entry Number\r\nABC00000010\xa0\r\n",
}


def content(side: Edge) -> bytes:
    """The bytes of a declaration as a side describes them."""
    if "numbers" in side:
        return "\r\n".join(["Entry Number", *map(shapes.number, range(10_000, 10_000 + side["numbers"])), ""]).encode()
    if side.get("broken") == "zip":
        stream = io.BytesIO()
        with zipfile.ZipFile(stream, "w") as archive:
            archive.writestr("claim.csv", "Entry Number\r\n")
        return stream.getvalue()
    made = BROKEN[side["broken"]] if "broken" in side else str(side["text"]).encode()
    return made.ljust(side.get("bytes", 0), b"\n")


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The entries that file_edges.toml speaks of."""
    mine = [shapes.number(1), shapes.number(2), shapes.number(21, "XYZ")]
    entries: dict[str, dict[str, Any]] = {number: {} for number in mine}
    entries[shapes.number(22)] = {"importer": "98-765432100"}
    return build(tmp_path_factory.mktemp("files"), entries)


@pytest.mark.parametrize("edge", named(FILE_EDGES))
def test_file_edge__both_sides(edge: dict[str, Any], store: Path, tmp_path: Path) -> None:
    """Each side is refused for exactly the reasons it names, and warned of exactly what it names."""
    for side in SIDES:
        asked = edge[side]
        path = tmp_path / asked.get("name", "claim.csv")
        path.write_bytes(content(asked))
        result = cape_engine.check(
            path, store=store, as_of=OPENED, settings=asked.get("settings", {}), **asked.get("account", {})
        )
        row = result.declarations.to_pylist()[0]
        assert row["reason_codes"] == asked.get("reasons", []), f"{side}: {edge['edge']}"
        assert (row["upload_status"] == "passed") is ("reasons" not in asked)
        warned = {code for code in result.findings.column("code").to_pylist() if code in WARNINGS.values()}
        assert warned == set(asked.get("findings", [])), f"{side}: {edge['edge']}"


# --- completeness, from the rule file ---------------------------------------------------------------------------------


def sides_of(rule: EligibilityRule) -> list[dict[str, Any]]:
    """The edges of a rule."""
    return [edge for edge in (FILE_EDGES if rule.level == "file" else ENTRY_EDGES) if edge["rule"] == rule.rule_id]


def catches(rule: EligibilityRule, side: Edge) -> bool:
    """Whether a side says that the rule refuses or warns."""
    reasons, warned = side.get("reasons", []), side.get("findings", [])
    return rule.reason_code in reasons or (rule.outcome == "warn" and WARNINGS[rule.rule_id] in warned)


def without_day(side: Edge) -> dict[str, Any]:
    """A side but for its day and for what comes of it: the entry itself."""
    return {word: value for word, value in side.items() if word not in {"as_of", "reasons", "action", "findings"}}


RULES = rules.load().eligibility


@pytest.mark.parametrize("rule", [pytest.param(rule, id=rule.rule_id) for rule in RULES])
def test_edges__every_rule_has_both_sides(rule: EligibilityRule) -> None:
    """A rule without an edge fails here: the failing side names it, the passing side does not; acceptances differ."""
    if rule.rule_id in ELSEWHERE:
        return
    edges = sides_of(rule)
    assert edges, f"{rule.rule_id}: no case in tests/cases/portal"
    for edge in edges:
        passes, fails = edge["passes"], edge["fails"]
        if rule.outcome.startswith("accept"):
            assert "reasons" not in passes
            assert "reasons" in fails or fails["action"] != passes["action"], edge["edge"]
        else:
            assert catches(rule, fails), edge["edge"]
            assert not catches(rule, passes) or passes.get("settings") != fails.get("settings"), edge["edge"]


@pytest.mark.parametrize("rule", [pytest.param(rule, id=rule.rule_id) for rule in RULES])
def test_edges__every_date_has_the_day_before_and_the_day(rule: EligibilityRule) -> None:
    """One and the same entry stands on both sides of the first and the last day of a rule."""
    if rule.rule_id in ELSEWHERE:
        return
    edges = sides_of(rule)
    days = {side.get("as_of", OPENED) for edge in edges for side in (edge["passes"], edge["fails"])}
    turns = {
        frozenset(edge[side].get("as_of", OPENED) for side in SIDES)
        for edge in edges
        if without_day(edge["passes"]) == without_day(edge["fails"])
    }
    if rule.effective_from > OPENED:
        assert {rule.effective_from - dt.timedelta(days=1), rule.effective_from} in turns
    else:
        assert OPENED in days
    if rule.effective_to is not None:
        assert {rule.effective_to, rule.effective_to + dt.timedelta(days=1)} in turns


@pytest.mark.parametrize("rule", [pytest.param(rule, id=rule.rule_id) for rule in RULES])
def test_edges__every_figure_of_a_condition_is_tried(rule: EligibilityRule) -> None:
    """Each figure that the rule file names (80 days, 9,999 numbers, type 47) stands in an edge of its rule."""
    if rule.rule_id in ELSEWHERE:
        return
    said = {figure for edge in sides_of(rule) for figure in _FIGURE.findall(edge["edge"])}
    assert set(_FIGURE.findall(rule.condition)) <= said


def test_edges__speak_of_rules_that_exist() -> None:
    """No edge is left behind by a rule that went away, and what is shown elsewhere is there."""
    assert {edge["rule"] for edge in ENTRY_EDGES} <= {rule.rule_id for rule in RULES if rule.level == "entry"}
    assert {edge["rule"] for edge in FILE_EDGES} <= {rule.rule_id for rule in RULES if rule.level == "file"}
    assert set(ELSEWHERE) == {rule.rule_id for rule in RULES if rule.stage in {"after_acceptance", "execution"}}
    for place in ELSEWHERE.values():
        file, _, case = place.partition(": ")
        assert place in globals() or f'id = "{case}"' in (FOLDER.parent / file).read_text(encoding="utf-8")


def test_edges__the_day_before_the_portal(store: Path, tmp_path: Path) -> None:
    """Rules that hold from the first day have no day before it: a filing of 2026-04-19 is refused whole."""
    assert {rule.effective_from for rule in RULES if rule.effective_from <= OPENED} == {OPENED}
    path = shapes.declaration(tmp_path / "claim.csv", [shapes.number(1)])
    with pytest.raises(UsageError, match="the portal opened on 2026-04-20"):
        cape_engine.check(path, store=store, as_of=OPENED - dt.timedelta(days=1))
    assert cape_engine.check(path, store=store, as_of=OPENED).exit_code == 0


def test_psc_after_acceptance__no_correction_is_planned(tmp_path: Path) -> None:
    """What may be corrected by a PSC is listed until a claim holds the entry: then ED 864 refuses a correction."""
    store = build(tmp_path, {shapes.number(1): {"goods": "value_on_both"}})
    asked: dict[str, Any] = {"as_of": "2026-06-25", "settings": {"claim.unknown_facts": "pass"}}
    free = cape_engine.pack(store, **asked)
    assert free.corrections.column("entry_number").to_pylist() == [shapes.number(1)]
    asked |= {"ledger": tmp_path / "claims.ledger", "out": tmp_path / "packed"}
    assert cape_engine.pack(store, **asked).packed_entries.num_rows == 1
    held = cape_engine.pack(store, **asked)
    assert held.left_out.column("reason_codes").to_pylist() == [["DUPLICATE_CLAIM"]]
    assert held.corrections.num_rows == 0
