"""Bad cells, rows and facts: a finding with file, row, column, value and remedy; the good rows are unaffected."""

from __future__ import annotations

from pathlib import Path

import pytest

from face import exports
from face.exports import BAD, GOOD, entry
from face.judging import Capture, alone, finding, run, unaffected
from road import es003
from road.es003 import HEADINGS

CELLS = [
    ("duty", "-5.00", "CELL_NEGATIVE"),
    ("duty", "($5.00)", "CELL_NEGATIVE"),
    ("duty", "five", "CELL_NOT_A_NUMBER"),
    ("duty", "1e3", "CELL_NOT_A_NUMBER"),
    ("duty", "NaN", "CELL_NOT_A_NUMBER"),
    ("duty", "1,23.00", "CELL_NOT_A_NUMBER"),
    ("duty", "1.234,50", "CELL_NOT_A_NUMBER"),
    ("duty", "10.005", "CELL_DECIMALS"),
    ("duty", "", "CELL_BLANK"),
    ("duty", "99999999999.00", "CELL_OUT_OF_BOUNDS"),
    ("duty", "123456789012345678901234567890", "CELL_OUT_OF_BOUNDS"),
    ("duty", "#REF!", "CELL_NOT_A_NUMBER"),
    ("value_dollars", "-1", "CELL_NEGATIVE"),
    ("value_dollars", "10000000000", "CELL_OUT_OF_BOUNDS"),
    ("value_dollars", "#DIV/0!", "CELL_NOT_A_NUMBER"),
    ("line", "0", "CELL_OUT_OF_BOUNDS"),
    ("line", "100000", "CELL_OUT_OF_BOUNDS"),
    ("ordinal", "1000", "CELL_OUT_OF_BOUNDS"),
    ("ordinal", "one", "CELL_NOT_A_NUMBER"),
    ("hts_number", "99O30125", "HTS_UNREADABLE"),
    ("hts_number", "9903.01.2", "HTS_UNREADABLE"),
    ("hts_number", "", "CELL_BLANK"),
    ("entry_date", "02/30/2025", "DATE_IMPOSSIBLE"),
    ("entry_date", "soon", "DATE_UNREADABLE"),
    ("quantity_1", "-3", "CELL_NEGATIVE"),
    ("quantity_1", "99999999999.00", "CELL_OUT_OF_BOUNDS"),
    ("liquidation_date", "99/99/9999", "DATE_IMPOSSIBLE"),
]


@pytest.mark.parametrize(("column", "value", "code"), CELLS, ids=lambda word: str(word)[:24] or "blank")
def test_run__bad_cell(column: str, value: str, code: str, tmp_path: Path, capsys: Capture) -> None:
    """A cell that cannot be read refuses its entry alone; the finding names file, row, column, value and remedy."""
    bad = entry(BAD)
    bad[0][column] = value
    export = es003.write([*exports.good(), *bad], tmp_path / "export.csv")
    said, answer = run(capsys, tmp_path, export)
    assert said.code == 1
    found = finding(answer, code)
    assert (found["severity"], found["source"], found["row"]) == ("error", "export.csv", 6)
    assert (found["column"], found["value"] or "", found["entry_number"]) == (HEADINGS[column], value, BAD)
    assert found["message"]
    assert found["remedy"]
    assert {"event": "findings", "code": code, "count": 1} in said.lines
    [refused] = [row for row in answer["entries"] if row["entry_number"] == BAD]
    assert (refused["disposition"], refused["reason_codes"]) == ("rejected", ["INPUT_REFUSED"])
    assert (refused["principal_cents"], refused["interest_cents"]) == (0, 0)
    unaffected(answer)


@pytest.mark.parametrize("suffix", ["xlsx", "parquet"])
def test_run__bad_cell_in_other_forms(suffix: str, tmp_path: Path, capsys: Capture) -> None:
    """A bad cell of a workbook or a Parquet file is named by its row and column just so."""
    bad = entry(BAD)
    bad[1]["duty"] = "-7.00"
    export = es003.write([*exports.good(), *bad], tmp_path / f"export.{suffix}")
    said, answer = run(capsys, tmp_path, export)
    found = finding(answer, "CELL_NEGATIVE")
    row = 7 if suffix == "xlsx" else 6  # a Parquet file has no heading row
    assert said.code == 1
    assert (found["source"], found["row"], found["column"]) == (f"export.{suffix}", row, HEADINGS["duty"])
    assert (found["value"], found["entry_number"]) == ("-7.00", BAD)
    unaffected(answer)


@pytest.mark.parametrize("value", ["ABC1234567", "ABC-1234567-66", "12.5", ""])
def test_run__bad_entry_number(value: str, tmp_path: Path, capsys: Capture) -> None:
    """A row whose entry number cannot be read is refused with its row; nothing is invented."""
    bad = entry(value)[:1]
    export = es003.write([*exports.good(), *bad], tmp_path / "export.csv")
    said, answer = run(capsys, tmp_path, export)
    found = finding(answer, "ENTRY_NUMBER_UNREADABLE")
    assert (said.code, found["row"], found["column"]) == (1, 6, HEADINGS["entry_number"])
    assert (found["value"] or "", bool(found["remedy"])) == (value, True)
    assert {row["entry_number"] for row in answer["entries"]} == set(GOOD)
    unaffected(answer)


def test_run__wrong_check_digit(tmp_path: Path, capsys: Capture) -> None:
    """A wrong check digit is a warning by default and refuses the entry when the setting says so."""
    export = es003.write([*exports.good(), *entry("9AZ76543215")], tmp_path / "export.csv")
    said, answer = run(capsys, tmp_path, export)
    found = finding(answer, "ENTRY_CHECK_DIGIT")
    assert (said.code, found["severity"], found["value"]) == (1, "warning", "9AZ76543215")
    assert exports.of_entries(answer, GOOD)[:2] != []
    said, answer = run(capsys, tmp_path, export, "--set", "claim.check_digit=reject")
    assert finding(answer, "ENTRY_CHECK_DIGIT_REFUSED")["severity"] == "error"
    unaffected(answer)


def test_run__missing_column(tmp_path: Path, capsys: Capture) -> None:
    """A file without a needed column is not read; with nothing else to read, that is exit code 2 and one message."""
    rows = [{name: value for name, value in row.items() if name != "duty"} for row in exports.good()]
    export = es003.write(rows, tmp_path / "export.csv")
    said = es003.cape(capsys, "run", export, "--out", tmp_path / "out")
    assert said.code == 2
    assert "export.csv" in said.err
    assert "duty" in said.err.lower()
    assert not (tmp_path / "out").exists()


def test_run__missing_column_in_one_of_two_files(tmp_path: Path, capsys: Capture) -> None:
    """The other file's rows are read; the file that cannot be is named in a finding with what it lacks."""
    rows = [{name: value for name, value in row.items() if name != "duty"} for row in entry(BAD)]
    broken = es003.write(rows, tmp_path / "broken.csv")
    said, answer = run(capsys, tmp_path, exports.good_alone(tmp_path), broken)
    found = finding(answer, "FILE_COLUMN_MISSING")
    assert (said.code, found["severity"], found["source"]) == (1, "error", "broken.csv")
    assert "Line Tariff Duty Amount" in f"{found['value']} {found['message']}"
    assert found["remedy"]
    unaffected(answer)


def test_run__unknown_header(tmp_path: Path, capsys: Capture) -> None:
    """A heading nobody knows is named in a finding and not read; it is never matched by likeness."""
    rows = [{**row, "Line Tarif Duty Amount": "$99.00"} for row in exports.good()]
    export = es003.write(rows, tmp_path / "export.csv")
    said, answer = run(capsys, tmp_path, export)
    found = finding(answer, "COLUMN_UNKNOWN")
    assert (said.code, found["severity"], found["source"]) == (1, "warning", "export.csv")
    assert "Line Tarif Duty Amount" in found["value"]
    unaffected(answer)


def test_run__unknown_header_of_the_header_file(tmp_path: Path, capsys: Capture) -> None:
    """A column of the header file that nobody knows is named, and the known ones count."""
    facts = es003.write_facts(
        [{"entry_number": number, "deposit_date": "2025-09-22", "favourite_colour": "blue"} for number in GOOD],
        tmp_path / "facts.csv",
    )
    said, answer = run(capsys, tmp_path, exports.good_alone(tmp_path), "--headers", facts)
    found = finding(answer, "COLUMN_UNKNOWN")
    assert (said.code, found["source"]) == (1, "facts.csv")
    assert "favourite_colour" in found["value"]
    assert all(row["interest_cents"] > 0 for row in answer["entries"])


def test_run__contradicting_files(tmp_path: Path, capsys: Capture) -> None:
    """An entry split over two files that disagree on a fact of its header is refused; both rows are named."""
    one = es003.write([*exports.good(), *entry(BAD)[:1]], tmp_path / "one.csv")
    two = es003.write(entry(BAD, importer_number="98-765432100")[1:], tmp_path / "two.csv")
    said, answer = run(capsys, tmp_path, one, two)
    found = finding(answer, "FACT_CONFLICT")
    assert (said.code, found["severity"], found["entry_number"]) == (1, "error", BAD)
    other = {"one.csv": "two.csv", "two.csv": "one.csv"}[found["source"]]
    assert found["row"] == {"one.csv": 6, "two.csv": 2}[found["source"]]
    assert f"row {dict(zip(('one.csv', 'two.csv'), (6, 2), strict=True))[other]}" in found["message"]
    assert other in found["message"]
    assert {"12-345678900", "98-765432100"} <= set(found["message"].split())
    assert found["column"] == HEADINGS["importer_number"]
    unaffected(answer)


def test_run__contradicting_rows(tmp_path: Path, capsys: Capture) -> None:
    """Two rows for one number that differ refuse the entry, both named; an exact repetition is dropped and counted."""
    bad = entry(BAD)
    export = es003.write([*exports.good(), *bad, {**bad[0], "duty": "$9.00"}], tmp_path / "export.csv")
    said, answer = run(capsys, tmp_path, export)
    found = finding(answer, "ROW_CONFLICT")
    assert (said.code, found["entry_number"]) == (1, BAD)
    assert "row 6" in found["message"]
    assert "row 8" in found["message"]
    unaffected(answer)
    export = es003.write([*exports.good(), exports.good()[0]], tmp_path / "export.csv")
    said, answer = run(capsys, tmp_path, export)
    assert (said.code, finding(answer, "ROW_DUPLICATE")["severity"]) == (1, "warning")
    unaffected(answer)


def test_run__thirty_three_numbers(tmp_path: Path, capsys: Capture) -> None:
    """A line holds at most 32 numbers; 33 refuse the entry, 32 do not."""
    for count in (32, 33):
        [first, base] = entry(BAD)
        bad = [first, *({**first, "ordinal": place, "duty": "$0.00"} for place in range(2, count))]
        bad = [{**row, "ordinal": place} for place, row in enumerate([*bad, base], start=1)]
        export = es003.write([*exports.good(), *bad], tmp_path / "export.csv")
        said, answer = run(capsys, tmp_path, export)
        [one] = [row for row in answer["entries"] if row["entry_number"] == BAD]
        if count == 33:
            found = finding(answer, "LINE_TARIFFS_TOO_MANY")
            assert (said.code, found["severity"], found["value"], found["entry_number"]) == (1, "error", "33", BAD)
            assert found["remedy"]
            assert one["reason_codes"] == ["INPUT_REFUSED"]
            unaffected(answer)
        else:
            assert one["disposition"] == "accepted"
            assert "MANY_TARIFFS_ON_LINE" in one["flags"]


def test_run__quarter_without_a_rate(tmp_path: Path, capsys: Capture) -> None:
    """A liquidation in a quarter whose rate is not published leaves interest open: null, held, never the last rate."""
    rows = [row for number in GOOD for row in entry(number, entry_date="02/09/2026")]
    export = es003.write(rows, tmp_path / "export.csv")
    facts = es003.write_facts(
        [{"entry_number": number, "deposit_date": "2026-02-20"} for number in GOOD], tmp_path / "facts.csv"
    )
    out = tmp_path / "out"
    said = es003.cape(
        capsys, "run", export, "--headers", facts, "--as-of", "2026-11-20", "--accepted-on", "2026-11-21", "--out", out
    )
    answer = es003.tables(out)
    found = finding(answer, "INTEREST_QUARTER_MISSING")
    assert (said.code, found["severity"]) == (1, "error")
    assert "2027" in found["message"]
    for row in answer["entries"]:
        assert row["liquidation_date"].year == 2027
        assert (row["interest_cents"], row["principal_cents"]) == (None, 100_000)
        assert "INTEREST_RATE_MISSING" in row["flags"]
    assert {row["status"] for row in answer["refunds"]} == {"held_no_interest_rate"}
    assert {row["status"] for row in answer["payments"]} <= {"held_no_interest_rate"}


def test_import__says_every_finding(tmp_path: Path, capsys: Capture) -> None:
    """`cape import` prints each finding with file, row, column and remedy, for people and for machines."""
    bad = entry(BAD)
    bad[0]["duty"] = "-5.00"
    export = es003.write([*exports.good(), *bad], tmp_path / "export.csv")
    said = es003.cape(capsys, "import", export, "--store", tmp_path / "store", "--json")
    assert said.code == 1
    [found] = [line for line in said.lines if line["event"] == "finding"]
    assert (found["code"], found["row"], found["column"]) == ("CELL_NEGATIVE", 6, HEADINGS["duty"])
    assert (Path(found["source"]).name, found["value"]) == ("export.csv", "-5.00")
    assert found["remedy"]


def test_run__bad_facts(tmp_path: Path, capsys: Capture) -> None:
    """A header row that cannot be read, or twice with other facts, refuses its entry only; a strange word is said."""
    facts = [
        {"entry_number": BAD, "deposit_date": "yesterday", "surety_paid": ""},
        {"entry_number": "555 0000 0015", "deposit_date": "2025-09-22", "surety_paid": "perhaps"},
    ]
    export = es003.write([*exports.good(), *entry(BAD)], tmp_path / "export.csv")
    path = es003.write_facts(facts, tmp_path / "facts.csv")
    said, answer = run(capsys, tmp_path, export, "--headers", path)
    assert said.code == 1
    found = finding(answer, "DATE_UNREADABLE")
    assert (found["source"], found["row"], found["column"], found["value"]) == (
        "facts.csv",
        2,
        "deposit_date",
        "yesterday",
    )
    word = finding(answer, "WORD_UNKNOWN")
    assert (word["row"], word["column"], word["value"]) == (3, "surety_paid", "perhaps")
    assert finding(answer, "HEADER_WITHOUT_ROWS")["entry_number"] == "55500000015"
    [refused] = [row for row in answer["entries"] if row["entry_number"] == BAD]
    assert refused["reason_codes"] == ["INPUT_REFUSED"]
    assert exports.of_entries(answer, GOOD) == exports.of_entries(alone(), GOOD)
