"""Every readable duty case: golden cases, figures and rows of the handbook, faults of public calculators."""

from __future__ import annotations

import datetime as dt
import tomllib
from pathlib import Path
from typing import Any

import pytest

from cape_engine.mass_processing import RULES, MassResult, load_column1, tally_findings
from cape_engine.money import parse_cents, parse_scaled
from cape_engine.schema.codes import Change, Flag, Trial
from mass.builders import entry, line, run, tariff

FOLDER = Path(__file__).parents[1] / "cases" / "duty"
CASES = {
    f"{file.stem}/{name}": case
    for file in sorted(FOLDER.glob("*.toml"))
    for name, case in tomllib.loads(file.read_text(encoding="utf-8")).items()
}
MONEY = {
    "filed": "filed_duty_cents",
    "removed": "removed_ieepa_cents",
    "restored": "restored_column1_cents",
    "recalculated": "recalculated_duty_cents",
    "principal": "principal_cents",
    "bill": "bill_cents",
}


def cents(text: str) -> int:
    """Dollars as cents; a case may write a negative figure."""
    found = parse_cents(text.removeprefix("-"))
    assert isinstance(found, int), text
    return -found if text.startswith("-") else found


def number(row: list[Any]) -> dict[str, Any]:
    """A number of a case: HTS, duty, value, quantities with their units."""
    hts, duty, value, *measures = row
    quantities = []
    for measure in measures:
        amount, unit = measure.split()
        scaled = parse_scaled(amount, 2)
        assert isinstance(scaled, int)
        quantities.append((scaled, unit))
    return tariff(hts, cents(duty), None if value == "none" else value, quantities)


def result_of(case: dict[str, Any], folder: Path) -> MassResult:
    """Mass processing of a case."""
    column1 = None
    if "column1" in case:
        file = folder / "column1.csv"
        rows = [f"{hts},{text}" for hts, text in case["column1"].items()]
        file.write_text("\n".join(["hts_number,rate_text", *rows]), encoding="utf-8")
        column1 = load_column1(file)
    lines = [
        line(*map(number, each["tariffs"]), **{key: value for key, value in each.items() if key != "tariffs"})
        for each in case["lines"]
    ]
    return run(entry(*lines, **case["entry"]), settings=case.get("settings"), column1=column1)


def words(mask: int, kind: type[Flag | Trial]) -> list[str]:
    """Names of the bits of a mask."""
    return sorted(str(bit.name) for bit in kind if mask & bit)


@pytest.mark.parametrize("name", CASES)
def test_process__readable_case(name: str, tmp_path: Path) -> None:
    """The case gives exactly its expected figures, flags, trial bits, changes, rules and findings."""
    case = CASES[name]
    expected = dict(case["expected"])
    result = result_of(case, tmp_path)
    for word, column in MONEY.items():
        if word in expected:
            assert getattr(result, column)[0] == cents(expected.pop(word)), word
    if "recomputed" in expected:
        wanted = expected.pop("recomputed")
        assert bool(result.recomputed_known[0]) == (wanted != "none")
        assert wanted == "none" or result.recomputed_duty_cents[0] == cents(wanted)
    if "gaps" in expected:
        assert result.gap_cents.tolist() == [cents(gap) for gap in expected.pop("gaps")]
    if "flags" in expected:
        assert words(int(result.flags[0]), Flag) == sorted(expected.pop("flags"))
    if "trial" in expected:
        assert words(int(result.trial[0]), Trial) == sorted(expected.pop("trial"))
    if "changes" in expected:
        assert [Change(code).name.lower() for code in result.change.tolist()] == expected.pop("changes")
    if "rules" in expected:
        for code, start in zip(result.rule.tolist(), expected.pop("rules"), strict=True):
            assert RULES[code].startswith(start)
    found = {row["code"] for row in result.findings.to_table().to_pylist()}
    assert set(expected.pop("findings", [])) <= found
    tallied = {row["code"] for row in tally_findings([result.tallies]).to_table().to_pylist()}
    assert set(expected.pop("tallies", [])) <= tallied
    assert not expected, f"a case expects what is not tested: {expected}"
    assert (
        result.filed_duty_cents[0] - result.removed_ieepa_cents[0] + result.restored_column1_cents[0]
        == (result.recalculated_duty_cents[0])
    )
    assert result.new_version.to_pylist() == ["00101"]


def test_cases__dates_are_dates() -> None:
    """Case files write days as TOML days, so that nothing is parsed twice."""
    assert all(isinstance(case["entry"]["entry_date"], dt.date) for case in CASES.values())
