"""The strict loader: whatever breaks a rule file is refused with file, row, key and the next step."""

from __future__ import annotations

import pickle
import re
import shutil
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from cape_engine.errors import RuleFileError
from cape_engine.rules import default_folder, load, tables
from cape_engine.rules.check import check

Edit = Callable[[str], str]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A copy of the project's rule files that a test may break."""
    return Path(shutil.copytree(default_folder(), tmp_path / "rules"))


def _edit(folder: Path, file: str, edit: Edit) -> None:
    """Change one file, and make sure that the change is one."""
    path = folder / file
    before = path.read_text(encoding="utf-8")
    after = edit(before)
    assert after != before
    path.write_text(after, encoding="utf-8")


def _replace(old: str, new: str) -> Edit:
    """Replace the first occurrence."""
    return lambda text: text.replace(old, new, 1)


def _append(line: str) -> Edit:
    """Add a row at the end."""
    return lambda text: f"{text}{line}\n"


def _drop(start: str) -> Edit:
    """Drop the rows that start so."""
    return lambda text: "".join(line for line in text.splitlines(keepends=True) if not line.startswith(start))


def _repeat(start: str) -> Edit:
    """Repeat the first row that starts so."""
    return lambda text: text + next(line for line in text.splitlines(keepends=True) if line.startswith(start))


BROKEN: list[tuple[str, str, Edit, str]] = [
    (
        "unknown column",
        "spi_codes.csv",
        _replace("spi,programme", "spi,nickname,programme"),
        r"spi_codes\.csv, row 1: unknown column nickname\. The columns are",
    ),
    (
        "missing column",
        "hold_codes.csv",
        _replace("code,kind,meaning", "code,kind"),
        r"hold_codes\.csv, row 1: missing column meaning\.",
    ),
    (
        "column twice",
        "hold_codes.csv",
        _replace("code,kind,meaning", "code,kind,meaning,kind"),
        r"hold_codes\.csv, row 1: repeated column kind",
    ),
    (
        "short row",
        "hold_codes.csv",
        _append("99,suspension"),
        r"hold_codes\.csv, row 11, 99: 2 cells where the header has 5\. Quote",
    ),
    (
        "duplicate key",
        "fee_classes.csv",
        _repeat("499,"),
        r"fee_classes\.csv, row 35, class_code=499: the key stands on row \d+ too\. Keep one row\.",
    ),
    (
        "overlap",
        "ieepa_numbers.csv",
        _replace("0.1,fixed,,CN;HK,,2025-11-10", "0.1,fixed,,CN;HK,,2025-11-09"),
        r"ieepa_numbers\.csv, row \d+, hts_number=99030124: overlaps the period of row \d+\. End the earlier",
    ),
    (
        "gap between quarters",
        "interest_rates.csv",
        _drop("2025-04-01"),
        r"interest_rates\.csv, row 4, quarter_start=2025-07-01: leaves a gap after row 3, which ends 2025-03-31\. Add",
    ),
    (
        "bad day",
        "federal_closures.csv",
        _replace("2025-01-09", "01/09/2025"),
        r"federal_closures\.csv, row 3, date=01/09/2025: column date: '01/09/2025' is not a day like",
    ),
    (
        "day that does not exist",
        "federal_closures.csv",
        _replace("2025-01-09", "2025-02-29"),
        r"column date: '2025-02-29' is not a day of the calendar",
    ),
    (
        "period backwards",
        "displaced_232.csv",
        _replace("2025-06-03", "2025-01-03"),
        r"displaced_232\.csv, row 2, program=fentanyl_canada: ends 2025-01-03 before it starts 2025-03-04",
    ),
    (
        "rate with ten decimals",
        "interest_rates.csv",
        _replace("0.08,0.07,0.08", "0.0800000001,0.07,0.08"),
        r"column underpayment_rate: '0\.0800000001' is not a rate like 0\.065 \(more decimals than allowed\)",
    ),
    (
        "rate with a percent sign",
        "interest_rates.csv",
        _replace("0.08,0.07,0.08", "8%,0.07,0.08"),
        r"'8%' is not a rate",
    ),
    (
        "rate that intake would read",
        "interest_rates.csv",
        _replace("0.08,0.07,0.08", "$0.08,0.07,0.08"),
        r"'\$0\.08' is not a rate",
    ),
    (
        "unknown kind",
        "ieepa_numbers.csv",
        _replace(",additional,", ",extra,"),
        r"hts_number=99030101: column kind: 'extra' is not one of 'additional', .*\. Correct the cell\.",
    ),
    (
        "exempt with a rate",
        "ieepa_numbers.csv",
        _replace("99030102,fentanyl_mexico,exempt,,", "99030102,fentanyl_mexico,exempt,0.1,"),
        r"hts_number=99030102: an exempt number has no rate",
    ),
    (
        "replacement without basis",
        "ieepa_numbers.csv",
        _replace("0.15,topup_15,general,", "0.15,topup_15,,"),
        r"a replacement number needs its column1_basis",
    ),
    (
        "additional without rate",
        "ieepa_numbers.csv",
        _replace("fentanyl_mexico,additional,0.25", "fentanyl_mexico,additional,"),
        r"a rate is missing, or given although suspended",
    ),
    (
        "number with dots",
        "borderline_numbers.csv",
        _replace("99030276", "9903.02.76"),
        r"column hts_number: '9903\.02\.76' is not eight digits",
    ),
    (
        "blank source",
        "column2_countries.csv",
        _replace("HTS general note 3(b); Public Law 117-110", ""),
        r"column2_countries\.csv, row 2, country=BY: column source: is blank",
    ),
    (
        "number in two files",
        "other_chapter99.csv",
        _replace("98010010,", "99030101,"),
        r"other_chapter99\.csv, 99030101: the number stands in ieepa_numbers\.csv too",
    ),
    (
        "rule that nobody knows",
        "entry_types.csv",
        _replace(",adcvd_pending,", ",adcvd_waiting,"),
        r"entry_types\.csv, code=03: unknown rule_id adcvd_waiting\. Add the rule",
    ),
    (
        "code without slots",
        "computation_slots.csv",
        lambda text: text.rstrip("\n").rsplit("\n", 1)[0] + "\n",
        r"computation_slots\.csv, X: the code stands in one file only",
    ),
    (
        "quote left open",
        "hold_codes.csv",
        _append('99,"suspension,x,y,z'),
        r"hold_codes\.csv, row \d+: not readable as CSV",
    ),
    (
        "no rows",
        "hold_codes.csv",
        lambda text: text.splitlines(keepends=True)[0],
        r"hold_codes\.csv: no rows below the header",
    ),
    (
        "base row of a wrong length",
        "hts_base.csv",
        _append("01012100,,,0"),
        r"hts_base\.csv, row 11576, 01012100: 4 cells",
    ),
    ("base number twice", "hts_base.csv", _repeat("01012900,"), r"hts_base\.csv, row 11576, hts8=01012900: overlaps"),
    (
        "base number of seven digits",
        "hts_base.csv",
        _replace("\n01012900,", "\n1012900,"),
        r"hts_base\.csv, row 3, 1012900: '1012900' is not eight digits",
    ),
]


@pytest.mark.parametrize(("file", "edit", "message"), [case[1:] for case in BROKEN], ids=[case[0] for case in BROKEN])
def test_load__refuses(folder: Path, file: str, edit: Edit, message: str) -> None:
    """A broken rule file is one clear error that names file, row, key and next step."""
    _edit(folder, file, edit)
    with pytest.raises(RuleFileError, match=message):
        load(folder)


def test_check__reports_every_broken_file(folder: Path) -> None:
    """`check` raises nothing and reports the problems of all files at once."""
    _edit(folder, "hold_codes.csv", _append("99,suspension"))
    _edit(folder, "column2_countries.csv", _replace("2022-04-09", "2022-04-31"))
    report = check(folder)
    assert not report.ok
    assert report.hash == ""
    assert [problem.split(",")[0] for problem in report.problems] == [
        "rule file column2_countries.csv",
        "rule file hold_codes.csv",
    ]


def test_load__value_of_a_base_row(folder: Path) -> None:
    """A broken rate of a base number is refused when that number is asked for, and by `check` at once."""
    _edit(folder, "hts_base.csv", _replace("01013000,,,7,,,0.068", "01013000,,,7,,,"))
    rules = load(folder)
    assert rules.base("01012100")[0].general.code == "0"
    message = r"hts_base\.csv, row 4, hts8=01013000: column 1: computation code 7 needs ad_valorem_rate"
    with pytest.raises(RuleFileError, match=message):
        rules.base("0101300000")
    assert "row 4" in check(folder).problems[0]


def test_load__missing_and_unknown_files(folder: Path) -> None:
    """A file too few or too many is refused by name; a folder that is not there, too."""
    (folder / "hold_codes.csv").rename(folder / "hold_code.csv")
    with pytest.raises(RuleFileError, match=r"unknown rule file hold_code\.csv\. Remove it"):
        load(folder)
    (folder / "hold_code.csv").unlink()
    with pytest.raises(RuleFileError, match=r"rule file hold_codes\.csv is missing\. Copy it"):
        load(folder)
    with pytest.raises(RuleFileError, match="the rules cannot be read"):
        load(folder / "nowhere")


def test_load__not_utf8(folder: Path) -> None:
    """A file in another encoding is named with the byte."""
    (folder / "hold_codes.csv").write_bytes(
        "code,kind,meaning,source,confidence\n1,suspension,é,x,O\n".encode("latin-1")
    )
    with pytest.raises(RuleFileError, match=r"hold_codes\.csv: not UTF-8 at byte 49\. Save"):
        load(folder)


def test_load__column_order_is_free(folder: Path) -> None:
    """Columns may stand in any order; the rows are the same."""
    path = folder / "column2_countries.csv"
    lines = [line.split(",") for line in path.read_text(encoding="utf-8").splitlines()]
    path.write_text("".join(",".join([*line[1:], line[0]]) + "\n" for line in lines), encoding="utf-8")
    assert load(folder).column2_countries == load().column2_countries


def test_load__hash_follows_content(folder: Path) -> None:
    """The hash depends on names and contents, and on nothing else."""
    same = load(folder)
    assert same.hash == load().hash
    _edit(folder, "hold_codes.csv", _replace("AD/CVD suspension", "AD/CVD  suspension"))
    other = load(folder)
    assert other.hash != same.hash
    assert {name for name in other.files if other.files[name] != same.files[name]} == {"hold_codes.csv"}


def test_load__is_quick() -> None:
    """Loading stays far below what a command may cost (60 ms measured; the bound allows a busy machine)."""
    best = min(_timed_load() for _ in range(3))
    assert best < 0.4


def _timed_load() -> float:
    """Seconds of one load."""
    begin = time.perf_counter()
    load()
    return time.perf_counter() - begin


def test_load__survives_pickling() -> None:
    """A ruleset travels to other processes and answers the same."""
    rules = load()
    again = pickle.loads(pickle.dumps(rules))  # noqa: S301 - our own bytes
    assert again.hash == rules.hash
    assert again.base("04021050") == rules.base("04021050")


def test_tables__cover_the_folder() -> None:
    """Every file of the folder is declared, and every declared file is there."""
    assert {path.name for path in default_folder().glob("*.csv")} == {table.file for table in tables.ALL}


def test_check__own_rules() -> None:
    """The project's own rules have no problem, and the report says what they cover."""
    report = check()
    assert report.problems == []
    assert report.hash == load().hash
    known = dict(report.facts)
    assert known["IEEPA numbers"] == "166 (114 additional, 5 replacement, 47 exempt)"
    assert known["numbers of chapters 1-97"] == "11,414"
    assert known["interest rates"] == "2024-10-01 to 2026-12-31"
    assert known["rule recon_flagged"] == "2026-04-20 to 2026-06-28"
    assert report.rows["hts_base.csv"] == 11_574
    assert any("no rate after 2026-12-31" in note for note in report.notes)


@pytest.mark.parametrize(
    ("file", "edit", "message"),
    [
        ("ieepa_numbers.csv", _drop("99030102,"), r"the classes count .*'exempt': 46"),
        (
            "special_rates.csv",
            _replace(",KR,1,0.057,", ",KR,1,0.058,"),
            r"special_rates\.csv, hts8=\d{8} spi=KR: does not follow hts_base\.csv",
        ),
        (
            "collection_period.csv",
            _replace("2026-02-06", "2026-02-07"),
            r"collection_period\.csv, program=india_russia_oil: differs",
        ),
        (
            "computation_slots.csv",
            _replace("7,0,0,0,Y,Y", "7,0,0,0,N,Y"),
            r"computation_slots\.csv, code=7: does not fit",
        ),
        (
            "duty_computation_codes.csv",
            _replace(",5893,", ",5892,"),
            r"duty_computation_codes\.csv, code=7: hts_base\.csv holds \(5893, 8100\)",
        ),
        (
            "status_words.csv",
            _replace("UNLIQ,Unliquidated", "UNLIQ,Unsettled"),
            r"status_words\.csv, column=liquidation_status: 'Unsettled' is not",
        ),
        ("spi_codes.csv", _drop("KR,"), r"the programme KR of hts_base\.csv is missing"),
    ],
)
def test_check__across_files(folder: Path, file: str, edit: Edit, message: str) -> None:
    """Files that no longer agree with each other are reported, each with its remedy."""
    _edit(folder, file, edit)
    report = check(folder)

    assert any(re.search(message, problem) for problem in report.problems), report.problems


def test_check__folder_missing(tmp_path: Path) -> None:
    """A folder that is not there is a problem of the report, not an exception."""
    assert "cannot be read" in check(tmp_path / "nowhere").problems[0]
