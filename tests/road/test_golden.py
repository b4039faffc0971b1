"""Every golden case that describes an entry goes the whole road: by Python, and by `cape run` on ES-003 files."""

from __future__ import annotations

import csv
import datetime as dt
import json
import os
import subprocess
import sys
import tomllib
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

import cape_engine
import cape_fixtures
from cape_engine import refund, rules
from road import es003

GOLDEN = Path(__file__).parents[1] / "cases" / "golden"
CASES = {path.stem: tomllib.loads(path.read_text(encoding="utf-8")) for path in sorted(GOLDEN.glob("*.toml"))}
FILED = [name for name, case in CASES.items() if "rows" in case]
INTEREST = [name for name, case in CASES.items() if case["kind"] == "interest"]
ENTRY = "ABC12345676"
AS_OF = dt.date(2026, 5, 4)
RULES = rules.load()
FORMATS = ("csv", "xlsx", "parquet")
FEES = {"496": "fee_496_cents", "499": "fee_499_cents", "501": "fee_501_cents"}


def cents(dollars: str) -> int:
    """Dollars as text in cents."""
    return int(Decimal(dollars) * 100)


def rows_of(case: dict[str, Any]) -> list[dict[str, object]]:
    """The case as rows of the report; facts it does not name are those of an ordinary unliquidated entry."""
    entry = case.get("entry", {})
    facts = {
        "entry_number": ENTRY,
        "entry_type": entry.get("entry_type", "01"),
        "importer_number": "12-345678900",
        "entry_date": entry.get("entry_date", entry.get("summary_date", "2025-09-08")),
        "country_of_origin": entry.get("country_of_origin", ""),
        "liquidation_status": entry.get("liquidation_status", "Unliquidated"),
        "control_status": "CBP",
    }
    made = []
    for row in case["rows"]:
        # OF-15 gives a rate and no number; the rate comes from a table of the user's own then.
        number = row["hts_number"] or "3923900080"
        more = {"spi_code": row["spi_code"]} if "spi_code" in row else {}
        duty = f"${Decimal(row['duty']):,}"
        made.append(
            {**facts, **more, **{k: row[k] for k in ("line", "ordinal", "value_dollars")}, "hts_number": number}
        )
        made[-1] |= {"duty": duty}
    return made


def files_of(case: dict[str, Any], folder: Path, suffix: str = "csv") -> dict[str, Any]:
    """The files of a case, as the options of a run."""
    header: dict[str, object] = {"entry_number": ENTRY, "importer_kind": "corporate", "deposit_date": "2025-07-21"}
    header |= {FEES[code]: cents(paid) for code, paid in case.get("fees", {}).items() if code in FEES}
    if "adcvd" in case:
        header |= {"ad_cents": cents(case["expected"]["ad"]), "cvd_cents": cents(case["expected"]["cvd"])}
    files = {
        "sources": es003.write(rows_of(case), folder / f"{case['id']}.{suffix}"),
        "headers": es003.write_facts([header], folder / "headers.csv"),
    }
    if any(row["hts_number"] == "" for row in case["rows"]):
        rate = next(row["rate"] for row in case["rows"] if row["hts_number"] == "")
        own = {"hts_number": "39239000", "valid_from": "", "valid_to": "", "computation_code": "7"}
        files["column1"] = es003.write_facts([{**own, "ad_valorem_rate": rate}], folder / "column1.csv")
    return files


def agrees(case: dict[str, Any], entry: dict[str, Any]) -> None:
    """The entry's row of the results says what the case expects."""
    expected = case["expected"]
    filed = sum(cents(row["duty"]) for row in case["rows"])
    assert entry["filed_duty_cents"] == cents(expected.get("duty_before", str(Decimal(filed) / 100)))
    if "reason_codes" in expected or not any(
        row["hts_number"].startswith(("990301", "990302")) for row in case["rows"]
    ):
        assert entry["disposition"] == "rejected"
        assert entry["reason_codes"] == expected.get("reason_codes", ["NO_IEEPA_HTS"])
        assert entry["principal_cents"] == cents(expected.get("principal", "0"))
        return
    assert entry["disposition"] == "accepted", entry["reason_codes"]
    assert entry["principal_cents"] == cents(expected["principal"])
    assert entry["bill_cents"] == 0
    if "principal_must_not_be" in expected:
        assert entry["principal_cents"] != cents(expected["principal_must_not_be"])
    if "duty_after" in expected:
        assert entry["recalculated_duty_cents"] == cents(expected["duty_after"])
    if "restored" in expected:
        assert entry["restored_column1_cents"] == cents(expected["restored"])
    assert set(expected.get("flags", [])) <= set(entry["flags"])
    if "in_review" in expected:
        assert ("IN_REVIEW" in entry["flags"]) == expected["in_review"]
    if expected.get("mode_b_gap"):
        assert "MODE_GAP" in entry["flags"]
    assert entry["action"] == expected.get("action", "wait" if "IN_REVIEW" in entry["flags"] else "liquidate")


@pytest.fixture
def filing_day(request: pytest.FixtureRequest) -> dt.date:
    """The day on which a case is filed: the value checks of DE-05 ended on 2026-06-25 (CSMS 69056483)."""
    case = request.node.callspec.params["case"]
    return dt.date(2026, 6, 25) if "disposition_from_2026_06_25" in CASES[case]["expected"] else AS_OF


@pytest.mark.parametrize("case", FILED)
def test_run__golden_case_by_python(case: str, filing_day: dt.date, tmp_path: Path) -> None:
    """The public Python call gives the duty, the restored duty, the principal and the flags of the case."""
    files = files_of(CASES[case], tmp_path)
    result = cape_engine.run(files.pop("sources"), as_of=filing_day, **files)
    [entry] = result.entries.to_pylist()
    agrees(CASES[case], entry)


@pytest.mark.parametrize("case", FILED)
def test_run__golden_case_by_command(
    case: str, filing_day: dt.date, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """`cape run` on the ES-003 file of the case writes the same answer, and its exit code says how it went."""
    files = files_of(CASES[case], tmp_path)
    out = tmp_path / "out"
    options = [part for name in ("headers", "column1") if name in files for part in (f"--{name}", files[name])]
    said = es003.cape(capsys, "run", files["sources"], *options, "--as-of", filing_day, "--out", out)
    answer = es003.tables(out)
    [entry] = answer["entries"]
    agrees(CASES[case], entry)
    serious = {row["severity"] for row in answer["findings"]} & {"warning", "error"}
    assert said.code == int(bool(serious) or entry["disposition"] == "rejected")
    assert said.result["totals_cents"]["principal_cents"] == entry["principal_cents"]


def test_run__golden_cases_are_all_there() -> None:
    """No case that describes an entry got lost."""
    assert len(FILED) == 17
    assert len(INTEREST) == 16


@pytest.mark.parametrize("suffix", FORMATS)
@pytest.mark.parametrize(("name", "principal_cents"), [("RF-01", 1_020_310), ("RF-03", 2_729_620)])
def test_run__real_filings_in_every_form(
    name: str, principal_cents: int, suffix: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The two real filings give back 10,203.10 and 27,296.20 from CSV, Excel and Parquet; MPF and HMF stay."""
    shipped = cape_fixtures.golden()[name]
    with shipped.rows.open(encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream))
    export = es003.write(rows, tmp_path / f"{name}.{suffix}")
    out = tmp_path / "out"
    said = es003.cape(capsys, "run", export, "--headers", shipped.headers, "--as-of", AS_OF, "--out", out)
    [entry] = es003.tables(out)["entries"]
    assert (said.code, entry["principal_cents"]) == (0, principal_cents)
    assert entry["principal_cents"] == shipped.principal_cents
    assert entry["recalculated_duty_cents"] == cents(CASES[name]["expected"]["duty_after"])


@pytest.mark.parametrize(("name", "principal_cents"), [("RF-01", 1_020_310), ("RF-03", 2_729_620)])
def test_run__real_filings_in_a_process_of_their_own(name: str, principal_cents: int, tmp_path: Path) -> None:
    """The command itself, with no terminal: exit code 0, JSON lines, and the results with their manifest."""
    shipped = cape_fixtures.golden()[name]
    command = [sys.executable, "-m", "cape_engine", "run", str(shipped.rows), "--headers", str(shipped.headers)]
    ran = subprocess.run(
        [*command, "--as-of", "2026-05-04", "--out", str(tmp_path / "out")],
        capture_output=True,
        text=True,
        check=False,
        stdin=subprocess.DEVNULL,
        env=own_environment(),
    )
    assert ran.returncode == 0, ran.stderr
    [result] = [line for line in map(json.loads, ran.stdout.splitlines()) if line["event"] == "result"]
    assert result["totals_cents"]["principal_cents"] == principal_cents
    manifest = json.loads((tmp_path / "out" / "manifest.json").read_text(encoding="utf-8"))
    assert manifest["result_hash"] == result["result_hash"]


def own_environment() -> dict[str, str]:
    """The environment of a process that finds the modules this one has found."""
    return {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}


def test_run__golden_value_on_the_ieepa_number_by_date(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """DE-05: refused to 2026-06-24; from 06-25 the value moves, 300.00 is due and 700.00 comes back."""
    case = CASES["DE-05"]
    files = files_of(case, tmp_path)
    for day, disposition in (("2026-06-24", "rejected"), ("2026-06-25", "accepted")):
        out = tmp_path / day
        said = es003.cape(capsys, "run", files["sources"], "--headers", files["headers"], "--as-of", day, "--out", out)
        answer = es003.tables(out)
        [entry] = answer["entries"]
        assert entry["disposition"] == disposition
        if disposition == "rejected":
            assert said.code == 1
            assert entry["reason_codes"] == case["expected"]["reason_codes_before_2026_06_25"]
            assert case["expected"]["before_2026_06_25"] in entry["messages"]
            assert (entry["principal_cents"], entry["interest_cents"]) == (0, 0)
        else:
            assert "VALUE_MOVED" in entry["flags"]
            assert {row["change"] for row in answer["changes"]} >= {"removed", "moved_value"}


def test_run__golden_mode_b(tmp_path: Path) -> None:
    """DE-06: subtraction gives back 1,000.00, a full recomputation 1,002.00; the gap of 2.00 is no reason to review."""
    case = CASES["DE-06"]
    files = files_of(case, tmp_path)
    sources = files.pop("sources")
    for mode, principal in (("A", "principal"), ("B", "principal_mode_b")):
        result = cape_engine.run(sources, as_of=AS_OF, settings={"mass.mode": mode}, detail="full", **files)
        [entry] = result.entries.to_pylist()
        assert entry["principal_cents"] == cents(case["expected"][principal])
        assert {row["gap_cents"] for row in result.changes.to_pylist()} == {cents(case["expected"]["gap"])}


def test_run__golden_small_sum(tmp_path: Path) -> None:
    """DE-02: 15.00 is paid by default, and left unpaid only when the setting says so (19 CFR 159.6)."""
    files = files_of(CASES["DE-02"], tmp_path)
    sources = files.pop("sources")
    paid = cape_engine.run(sources, as_of=AS_OF, **files)
    assert [row["principal_cents"] for row in paid.refunds.to_pylist()] == [1500]
    kept = cape_engine.run(sources, as_of=AS_OF, settings={"refund.small_difference": "disregard_lt_20"}, **files)
    assert kept.refunds.num_rows == 0


def test_run__golden_export_sample(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """SE-05: seven columns are an export; duty on an exception heading is given back only if amounts decide."""
    case = CASES["SE-05"]
    export = es003.write(case["es003"], tmp_path / "sample.csv")
    out = tmp_path / "out"
    refused = es003.cape(capsys, "run", export, "--as-of", AS_OF, "--out", out)
    [entry] = es003.tables(out)["entries"]
    assert (refused.code, entry["reason_codes"], entry["principal_cents"]) == (1, ["NO_IEEPA_HTS"], 0)
    said = es003.cape(
        capsys, "run", export, "--as-of", AS_OF, "--set", "claim.presence_rule=amount", "--out", tmp_path / "out"
    )
    [entry] = es003.tables(out)["entries"]
    assert said.code == 1
    assert entry["disposition"] == "accepted"
    assert entry["removed_ieepa_cents"] == entry["principal_cents"] == cents(case["expected"]["ieepa_duty"])
    assert entry["recalculated_duty_cents"] == cents(case["expected"]["duty_after"])
    assert "IEEPA_ABOVE_RATE" in entry["flags"]


@pytest.mark.parametrize("name", INTEREST)
def test_interest__golden_case(name: str) -> None:
    """Interest of the case, with the rates it brings along and with the project's own."""
    case = CASES[name]
    inputs, expected = case["inputs"], case["expected"]
    start, end = (dt.date.fromisoformat(inputs[word]) for word in ("deposit_date", "liquidation_date"))
    kind = inputs.get("importer_kind", "corporate")
    own = [
        (dt.date.fromisoformat(r["from"]), dt.date.fromisoformat(r["to"]), int(r["percent"]) * 10**7)
        for r in case["rates"]
    ]
    given = refund.interest(cents(inputs["principal"]), start, end, kind, rates=own)
    assert given == cents(expected["interest"])
    if "interest_must_not_be" in expected:
        assert given != cents(expected["interest_must_not_be"])
    if "rounded_every_quarter" in expected:
        quarters = refund.interest(cents(inputs["principal"]), start, end, kind, rates=own, rounding="per_quarter")
        assert quarters == cents(expected["rounded_every_quarter"])
    if start.year >= 2025:
        assert refund.interest(cents(inputs["principal"]), start, end, kind, ruleset=RULES) == given


def free_goods(name: str) -> dict[str, Any]:
    """An entry of free goods that paid the principal of an interest case at 10 %."""
    principal = CASES[name]["inputs"]["principal"]
    value = round(Decimal(principal) * 10)
    rows = [
        {"line": 1, "ordinal": 1, "hts_number": "99030125", "value_dollars": 0, "duty": principal},
        {
            "line": 1,
            "ordinal": 2,
            "hts_number": "8517130000",
            "value_dollars": value,
            "duty": "0",
        },
    ]
    return {"id": name, "kind": "filing", "rows": rows, "entry": {"entry_date": "2025-07-07"}, "expected": {}}


@pytest.mark.parametrize(("name", "kind"), [("D01", "corporate"), ("D02", "noncorporate")])
def test_run__golden_interest(name: str, kind: str, tmp_path: Path) -> None:
    """D01 and D02 through a whole run: the entry is scheduled for the day of the case, at the rates of its importer."""
    case = CASES[name]
    files = files_of(free_goods(name), tmp_path)
    header = {"entry_number": ENTRY, "importer_kind": kind, "deposit_date": case["inputs"]["deposit_date"]}
    header |= {"liquidation_status": "Liquidated", "liquidation_date": "2026-04-10"}
    headers = es003.write_facts([header], tmp_path / "facts.csv")
    # The first run day after the acceptance is a Thursday; the case ends on a Friday, so Friday runs for once.
    days = {"schedule.run_days": ["FRI"]}
    result = cape_engine.run(files["sources"], headers=headers, as_of=AS_OF, settings=days)
    [entry] = result.entries.to_pylist()
    assert entry["liquidation_date"] == dt.date.fromisoformat(case["inputs"]["liquidation_date"])
    assert entry["interest_cents"] == cents(case["expected"]["interest"])
    [paid] = result.refunds.to_pylist()
    assert paid["amount_cents"] == cents(case["inputs"]["principal"]) + cents(case["expected"]["interest"])


def test_run__golden_payment_split(tmp_path: Path) -> None:
    """D14 through a whole run: more than the payment cap is sent in the fewest parts, full ones first."""
    case = CASES["D14"]
    files = files_of(free_goods("D14"), tmp_path)
    header = {"entry_number": ENTRY, "importer_kind": "corporate", "deposit_date": case["inputs"]["deposit_date"]}
    headers = es003.write_facts([header], tmp_path / "facts.csv")
    # Day 45 after 2026-05-01 is 2026-06-15, a Monday: the day of the case.
    result = cape_engine.run(files["sources"], headers=headers, as_of=dt.date(2026, 5, 1))
    [entry] = result.entries.to_pylist()
    assert entry["liquidation_date"] == dt.date.fromisoformat(case["inputs"]["liquidation_date"])
    assert entry["interest_cents"] == cents(case["expected"]["interest"])
    parts = [(row["part"], row["parts"], row["amount_cents"]) for row in result.payments.to_pylist()]
    assert parts == [(1, 2, 9_999_999_999), (2, 2, 713_569_091)]
