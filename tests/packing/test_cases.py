"""The readable cases of packing: files and their order, what stays behind and why, corrections and their last day."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import pytest

import cape_engine
from portal import shapes
from road import es003

FILE = Path(__file__).parents[1] / "cases" / "portal" / "packing.toml"
CASES = tomllib.loads(FILE.read_text(encoding="utf-8"))["case"]
KNOWN = {
    "entry_type": "01",
    "summary_status": "Accepted",
    "control_status": "CBP",
    "statement_complete": "Y",
    "liquidation_status": "Unliquidated",
    "reconciliation_flag": "N",
    "reconciliation_entry_filed": "N",
    "drawback_flag": "N",
    "protest_status": "Closed",
    "adcvd_pending": "N",
    "surety_paid": "N",
}


@pytest.mark.parametrize("case", CASES, ids=[case["id"] for case in CASES])
def test_pack__readable_case(case: dict[str, Any], tmp_path: Path) -> None:
    """Each case gives the files, the list of what stays behind and the corrections it names."""
    names, goods, facts = {}, {}, []
    for letter, entry in case["entries"].items():
        number = shapes.number(ord(letter) - ord("A") + 1, entry.get("filer", "ABC"))
        names[number] = letter
        goods[number] = {name: entry[name] for name in ("goods", "importer") if name in entry}
        facts.append({"entry_number": number, **KNOWN, **entry.get("facts", {})})
    hold = tmp_path / "hold.csv"
    kept = [number for number, letter in names.items() if letter in case.get("hold", [])]
    hold.write_text("\n".join(["entry_number", *kept, ""]))
    result = cape_engine.pack(
        shapes.export(tmp_path / "rows.csv", goods),
        headers=es003.write_facts(facts, tmp_path / "headers.csv"),
        hold=hold,
        as_of=case["as_of"],
        settings=case.get("settings"),
        threads=1,
    )
    files: dict[str, list[str]] = {}
    for row in result.packed_entries.to_pylist():
        files.setdefault(row["file_name"], []).append(names[row["entry_number"]])
    assert list(files.values()) == case["files"], case["says"]
    left = {names[row["entry_number"]]: row for row in result.left_out.to_pylist()}
    wanted = case.get("left_out", {})
    assert {letter: row["reason_codes"] for letter, row in left.items()} == {
        letter: about["reasons"] for letter, about in wanted.items()
    }, case["says"]
    for letter, about in wanted.items():
        assert left[letter]["what_to_do"]
        told = {name: left[letter][name] for name in about if name != "reasons"}
        assert told == {name: value for name, value in about.items() if name != "reasons"}, case["says"]
    shown = ("edit", "blocks", "psc_possible", "psc_until")
    assert [
        {"entry": names[row["entry_number"]], **{name: row[name] for name in shown}}
        for row in result.corrections.to_pylist()
    ] == case.get("corrections", []), case["says"]
