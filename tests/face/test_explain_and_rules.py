"""`cape explain` for every kind of entry, `cape rules`, and declarations that claim some entries only."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import cape_fixtures
from face import exports
from face.exports import AS_OF, BAD, GOOD, entry
from road import es003

Capture = pytest.CaptureFixture[str]
REJECTED = "S4R01020305"
UNKNOWN = "555" + "0000001" + "5"
REPLACEMENT = cape_fixtures.golden()["replacement"]


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Two accepted entries, one that waits and one that is rejected, with deposit days, and the results of a run."""
    import cape_engine

    folder = tmp_path_factory.mktemp("explained")
    rows = [*exports.good(), *entry(BAD, liquidation_status="Suspended"), *entry(REJECTED, entry_type="08")]
    facts = [{"entry_number": number, "deposit_date": "2025-09-22"} for number in (*GOOD, BAD, REJECTED)]
    made = {
        "export": es003.write(rows, folder / "export.csv"),
        "facts": es003.write_facts(facts, folder / "facts.csv"),
        "out": folder / "out",
    }
    cape_engine.run(made["export"], headers=made["facts"], as_of=AS_OF[1], out=made["out"], detail="full")
    return made


def roads(files: dict[str, Path]) -> list[list[object]]:
    """The two ways to ask: from sources, and from the results of a run."""
    return [[files["export"], "--headers", files["facts"], *AS_OF], ["--results", files["out"]]]


@pytest.mark.parametrize("road", [0, 1], ids=["sources", "results"])
@pytest.mark.parametrize(
    ("number", "words"),
    [
        (
            GOOD[0],
            ["Accepted", "99030125", "removed", "1,000.00", "principal", "Interest", "daily compounding", "00101"],
        ),
        (REJECTED, ["Rejected", "ENTRY_TYPE_NOT_ALLOWED", "Nothing is removed or paid"]),
        (BAD, ["Accepted", "Waits without a date", "HELD", "No payment is planned"]),
    ],
    ids=["accepted", "rejected", "waiting"],
)
def test_explain__tells_the_story(
    number: str, words: list[str], road: int, files: dict[str, Path], capsys: Capture
) -> None:
    """A person reads each number, rule, source, row, rounding and date; a machine reads the same as JSON lines."""
    said = es003.cape(capsys, "explain", number, *roads(files)[road])
    assert said.code == 0
    together = " ".join(said.out.split())
    for word in [number, *words, "export.csv"]:
        assert word in together, word
    machine = es003.cape(capsys, "explain", number, *roads(files)[road], "--json")
    assert {line["event"] for line in machine.lines} == {"section"}
    assert machine.lines[0]["title"] == f"Entry {number}"
    assert es003.cape(capsys, "explain", number, *roads(files)[road], "--quiet").out == ""


@pytest.mark.parametrize("written", ["ABC-1234567-6", "abc12345676", " ABC 1234567 6 "])
def test_explain__number_as_people_write_it(written: str, files: dict[str, Path], capsys: Capture) -> None:
    """Dashes, blanks and case do not matter."""
    said = es003.cape(capsys, "explain", written, "--results", files["out"])
    assert said.code == 0
    assert "Entry ABC12345676" in said.out


@pytest.mark.parametrize("road", [0, 1], ids=["sources", "results"])
@pytest.mark.parametrize("number", [UNKNOWN, "12", "not an entry"])
def test_explain__unknown_entry(number: str, road: int, files: dict[str, Path], capsys: Capture) -> None:
    """An entry that is not there is exit code 2 and one message with its number."""
    said = es003.cape(capsys, "explain", number, *roads(files)[road], "--quiet")
    assert (said.code, said.out) == (2, "")
    assert "".join(number.split()).upper() in said.err.upper().replace(" ", "")


def test_explain__store(files: dict[str, Path], tmp_path: Path, capsys: Capture) -> None:
    """An entry of a store is explained as one of the files it was made from, with header files at import or beside."""
    es003.cape(capsys, "import", files["export"], "--store", tmp_path / "bare")
    es003.cape(capsys, "import", files["export"], "--headers", files["facts"], "--store", tmp_path / "whole")
    told = es003.cape(capsys, "explain", GOOD[0], *roads(files)[0], "--json")
    for road in ([tmp_path / "whole"], [tmp_path / "bare", "--headers", files["facts"]]):
        said = es003.cape(capsys, "explain", GOOD[0], *road, *AS_OF, "--json")
        assert (said.code, said.out) == (0, told.out)
    assert "daily compounding" in told.out
    assert es003.cape(capsys, "explain", UNKNOWN, tmp_path / "bare", *AS_OF).code == 2


@pytest.mark.parametrize(
    "options",
    [
        AS_OF,
        ("--accepted-on", "2026-05-05"),
        ("--set", "mass.mode=B"),
        ("--importers", "importers.csv"),
        ("--deposits", "deposits.csv"),
        ("--headers", "facts.csv"),
    ],
    ids=lambda options: options[0],
)
def test_explain__options_that_results_ignore(
    options: tuple[str, ...], files: dict[str, Path], capsys: Capture
) -> None:
    """What an earlier run has decided cannot be asked for anew: the option is named, and where it belongs."""
    said = es003.cape(capsys, "explain", GOOD[0], "--results", files["out"], *options)
    assert (said.code, said.out) == (2, "")
    assert f"{options[0]}: these go with SOURCE" in " ".join(said.err.split())


def test_explain__replacement_line(tmp_path: Path, capsys: Capture) -> None:
    """A replacement line says which column 1 rate was restored, from which row, on which quantity."""
    options = (REPLACEMENT.rows, "--headers", REPLACEMENT.headers, *AS_OF)
    said = es003.cape(capsys, "explain", "9AZ76543214", *options)
    together = " ".join(said.out.split())
    for word in ("99030220", "restored", "490.37", "2,019.26", "4.6", "251"):
        assert word in together, word
    machine = es003.cape(capsys, "explain", "9AZ76543214", *options, "--json").out
    assert "column 1 restored, full layout" in machine
    assert "column 1 kept as filed, split layout" in machine
    es003.cape(capsys, "run", *options, "--quiet", "--out", tmp_path / "out")
    from_results = es003.cape(capsys, "explain", "9AZ76543214", "--results", tmp_path / "out")
    for word in ("490.37", "2,019.26", "99030220"):
        assert word in " ".join(from_results.out.split()), word


def test_rules_show__by_day(capsys: Capture) -> None:
    """9903.01.24 is 20 % to 2025-11-09 and 10 % from 11-10, both ends inclusive; every row has its source."""
    rates = []
    for day in ("2025-11-09", "2025-11-10"):
        said = es003.cape(capsys, "rules", "show", "9903.01.24", "--on", day, "--json")
        assert said.code == 0
        assert all(line["event"] == "rule" for line in said.lines)
        rates.append(json.dumps(said.lines))
    assert rates[0] != rates[1]
    assert "CSMS" in es003.cape(capsys, "rules", "show", "9903.01.24").out
    assert es003.cape(capsys, "rules", "show", "final_liquidation").code == 0
    assert es003.cape(capsys, "rules", "show", "8544.42.90", "--quiet").out == ""


def test_rules_diff__names_what_changed(capsys: Capture) -> None:
    """The day the validations changed shows rules that ended and began; a day without news shows none."""
    said = es003.cape(capsys, "rules", "diff", "2026-06-24", "2026-06-25", "--json")
    assert said.code == 0
    assert "goods_value_on_ieepa" in said.out
    assert es003.cape(capsys, "rules", "diff", "2026-06-25", "2026-06-25", "--json").out == ""


def test_rules_check__of_the_built_in_rules(capsys: Capture) -> None:
    """The shipped rules are in order."""
    said = es003.cape(capsys, "rules", "check", "--json")
    assert (said.code, said.lines[0]["ok"], said.lines[0]["problems"]) == (0, True, [])
    assert "ruleset hash" in es003.cape(capsys, "rules", "check").out


def declared(folder: Path, *numbers: str, head: str = "Entry Number") -> Path:
    """A declaration of those entries."""
    path = folder / "claim.csv"
    path.write_text("\r\n".join([head, *numbers]) + "\r\n", encoding="utf-8")
    return path


def claimed(capsys: Capture, files: dict[str, Path], out: Path, *options: object) -> tuple[int, dict[str, Any]]:
    """The run with declarations: exit code, and entries by number, findings, refunds."""
    said = es003.cape(capsys, "run", files["export"], "--headers", files["facts"], *AS_OF, *options, "--out", out)
    answer = es003.tables(out)
    return said.code, {**answer, "entries": {row["entry_number"]: row for row in answer["entries"]}}


def test_run__declaration_claims_its_entries_only(files: dict[str, Path], tmp_path: Path, capsys: Capture) -> None:
    """What is declared is judged and paid; the rest is not claimed, not rejected, and has no money."""
    code, answer = claimed(capsys, files, tmp_path / "out", "--declaration", declared(tmp_path, GOOD[0]))
    entries = answer["entries"]
    assert {number: row["disposition"] for number, row in entries.items()} == {
        GOOD[0]: "accepted",
        GOOD[1]: "not_claimed",
        BAD: "not_claimed",
        REJECTED: "not_claimed",
    }
    assert code == 0
    for number in (GOOD[1], BAD, REJECTED):
        row = entries[number]
        assert (row["reason_codes"], row["action"], row["new_version"], row["payment_id"]) == ([], "none", None, None)
        assert (row["principal_cents"], row["interest_cents"], row["recalculated_duty_cents"]) == (0, 0, None)
    assert sum(row["principal_cents"] for row in answer["refunds"]) == 100_000
    assert {row["entry_number"] for row in answer["changes"]} == {GOOD[0]}


def test_run__declared_and_not_in_the_sources(files: dict[str, Path], tmp_path: Path, capsys: Capture) -> None:
    """A declared entry that no source holds is rejected as NOT_IN_ACE, with a finding."""
    code, answer = claimed(capsys, files, tmp_path / "out", "--declaration", declared(tmp_path, GOOD[0], UNKNOWN))
    row = answer["entries"][UNKNOWN]
    assert (code, row["disposition"], row["reason_codes"]) == (1, "rejected", ["NOT_IN_ACE"])
    assert len(row["messages"]) == 1
    assert row["principal_cents"] == 0
    [found] = [row for row in answer["findings"] if row["code"] == "NOT_IN_ACE"]
    assert (found["entry_number"], found["severity"]) == (UNKNOWN, "warning")


def test_run__declared_twice(files: dict[str, Path], tmp_path: Path, capsys: Capture) -> None:
    """An entry lives in one claim: the second declaration gets a finding, and the entry is paid once."""
    one = declared(tmp_path, GOOD[0])
    two = one.rename(tmp_path / "first.csv")
    one = declared(tmp_path, GOOD[0], GOOD[1])
    code, answer = claimed(capsys, files, tmp_path / "out", "--declaration", two, "--declaration", one)
    [found] = [row for row in answer["findings"] if row["code"] == "DUPLICATE_CLAIM"]
    assert (code, found["entry_number"]) == (1, GOOD[0])
    assert sum(row["principal_cents"] for row in answer["refunds"]) == 200_000


@pytest.mark.parametrize(
    ("head", "numbers", "code"),
    [
        ("Entry No.", (GOOD[0],), "DECLARATION_HEADER_INVALID"),
        ("Entry Number", (), "DECLARATION_EMPTY"),
        ("Entry Number", (GOOD[0], "12345"), "DECLARATION_ENTRY_NUMBER_FORMAT"),
        ("Entry Number", (GOOD[0], GOOD[0]), "DECLARATION_DUPLICATE_ENTRY"),
        ("Entry Number", (f"{GOOD[0]},note",), ""),
    ],
)
def test_run__bad_declaration(
    head: str, numbers: tuple[str, ...], code: str, files: dict[str, Path], tmp_path: Path, capsys: Capture
) -> None:
    """A file that fails its checks claims nothing: a finding with file and remedy, and no entry is paid."""
    path = declared(tmp_path, *numbers, head=head)
    exit_code, answer = claimed(capsys, files, tmp_path / "out", "--declaration", path)
    found = [row for row in answer["findings"] if row["code"].startswith("DECLARATION_")]
    assert exit_code == 1
    assert found
    assert all(row["remedy"] and row["source"].endswith("claim.csv") for row in found)
    assert {row["severity"] for row in found} == {"error"}
    if code:
        assert code in {row["code"] for row in found}
    assert {row["disposition"] for row in answer["entries"].values()} == {"not_claimed"}
    assert answer["refunds"] == []
