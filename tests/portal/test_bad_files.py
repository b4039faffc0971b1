"""Bad declarations and bad ledgers: each refused or answered with its own words, never with a traceback."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import xlsxwriter

import cape_engine
from cape_engine import intake, rules
from cape_engine.settings import Settings
from portal import shapes
from road import es003

DAY = "2026-05-04"
MINE = [shapes.number(serial) for serial in range(1, 5)]
STRANGE = shapes.number(9)
Capture = pytest.CaptureFixture[str]


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store of four entries of one importer and one of another."""
    folder = tmp_path_factory.mktemp("bad")
    entries: dict[str, dict[str, Any]] = {number: {} for number in MINE}
    entries[STRANGE] = {"importer": "98-765432100"}
    intake.build_store(
        [shapes.export(folder / "rows.csv", entries)],
        folder / "store",
        headers=(),
        ruleset=rules.load(),
        settings=Settings.build(),
    )
    return folder / "store"


def check(path: Path, store: Path, **options: Any) -> cape_engine.CheckResult:
    """One declaration, filed as the importer unless said otherwise."""
    account = {} if {"as_filer", "as_importer"} & set(options) else {"as_importer": shapes.IMPORTER}
    return cape_engine.check(path, store=store, as_of=DAY, **{**account, **options})


def lines(*cells: str) -> bytes:
    """Rows of a file as Excel writes it."""
    return "\r\n".join(cells).encode() + b"\r\n"


def zipped() -> bytes:
    """A ZIP archive."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr("claim.csv", lines("Entry Number", MINE[0]))
    return stream.getvalue()


FILES: dict[str, tuple[Callable[[], bytes], str, str]] = {
    "binary": (lambda: bytes(range(256)) * 20, "FILE_UNREADABLE", "not UTF-8"),
    "zip renamed": (zipped, "FILE_UNREADABLE", "ZIP archive"),
    "pdf renamed": (lambda: b"%PDF-1.7\n%stream", "FILE_UNREADABLE", "PDF"),
    "empty": (lambda: b"", "FILE_EMPTY", "no entry numbers"),
    "header only": (lambda: lines("Entry Number"), "FILE_EMPTY", "no entry numbers"),
    "lone quote": (lambda: lines("Entry Number", f'"{MINE[0]}'), "FILE_ENTRY_NUMBER_FORMAT", MINE[0]),
    "quote in a cell": (lambda: lines("Entry Number", f'{MINE[0]}"'), "", ""),
    "header in another language": (lambda: lines("Número de entrada", MINE[0]), "FILE_HEADER_INVALID", "Número"),
    "header missing": (lambda: lines(*MINE), "FILE_HEADER_INVALID", MINE[0]),
    "two columns": (lambda: lines("Entry Number,Importer", f"{MINE[0]},x"), "FILE_HEADER_INVALID", "Importer"),
    "10,000 rows": (
        lambda: lines("Entry Number", *map(shapes.number, range(10_000))),
        "FILE_TOO_MANY_ENTRIES",
        "10000",
    ),
    "formula": (lambda: lines("Entry Number", "=A1&B1"), "FILE_ENTRY_NUMBER_FORMAT", "=A1&B1"),
    "scientific notation": (lambda: lines("Entry Number", "5.55E+10"), "FILE_ENTRY_NUMBER_FORMAT", "5.55E+10"),
    "look-alike letter": (
        lambda: lines("Entry Number", "АBC00000010"),  # noqa: RUF001 - the first letter is Cyrillic
        "FILE_ENTRY_NUMBER_FORMAT",
        "CYRILLIC CAPITAL LETTER A",
    ),
    "full-width digits": (
        lambda: lines("Entry Number", "ABC０0000010"),  # noqa: RUF001 - one digit is of double width
        "FILE_ENTRY_NUMBER_FORMAT",
        "FULLWIDTH DIGIT ZERO",
    ),
    "the same number twice": (
        lambda: lines("Entry Number", MINE[0], MINE[1], MINE[0][:3] + "-" + MINE[0][3:]),
        "FILE_DUPLICATE_ENTRY",
        "row 2",
    ),
}
"""Name of a fault: the bytes, the reason (blank: none), and words of the finding."""


@pytest.mark.parametrize("name", FILES)
def test_check__bad_file(name: str, store: Path, tmp_path: Path) -> None:
    """Each bad file is refused for its own reason, with words that name the fault; all output files appear."""
    made, reason, words = FILES[name]
    path = tmp_path / "claim.csv"
    path.write_bytes(made())
    result = check(path, store, out=tmp_path / "out")
    row = result.declarations.to_pylist()[0]
    if not reason:
        assert row["upload_status"] == "passed"
        return
    assert row["upload_status"] == "Failed initial validation"
    assert reason in row["reason_codes"]
    assert row["claim_number"] is None
    assert result.exit_code == 1
    assert any(words in message for message in result.findings.column("message").to_pylist())
    assert result.claimed_entries.num_rows == 0
    assert (tmp_path / "out" / "claim.claim-details.csv").read_text(encoding="utf-8").count("\n") == 1
    assert "Failed initial validation" in (tmp_path / "out" / "claim.html").read_text(encoding="utf-8")


def test_check__fifty_megabytes(store: Path, tmp_path: Path) -> None:
    """A CSV of 50 MB is refused by its size, unread."""
    path = tmp_path / "claim.csv"
    with path.open("wb") as stream:
        stream.write(lines("Entry Number", MINE[0]))
        stream.truncate(50_000_000)
    result = check(path, store)
    assert result.declarations.to_pylist()[0]["reason_codes"] == ["FILE_TOO_LARGE"]
    assert any("50000000 bytes" in message for message in result.findings.column("message").to_pylist())


def test_check__half_a_million_bad_rows(store: Path, tmp_path: Path) -> None:
    """A file just below the size limit in which no row is a number gives ten thousand findings and one for the rest."""
    path = tmp_path / "claim.csv"
    path.write_bytes(b"Entry Number\n" + b"x\n" * 400_000)
    result = check(path, store)
    assert result.declarations.to_pylist()[0]["reason_codes"] == ["FILE_TOO_MANY_ENTRIES", "FILE_ENTRY_NUMBER_FORMAT"]
    assert any("390000 more rows" in message for message in result.findings.column("message").to_pylist())


@pytest.mark.parametrize("name", ["claim.txt", "claim", "claim.csv.zip"])
def test_check__another_ending(name: str, store: Path, tmp_path: Path) -> None:
    """A file that is not named .csv is refused, whatever stands in it."""
    result = check(shapes.declaration(tmp_path / name, MINE), store)
    assert result.declarations.to_pylist()[0]["reason_codes"] == ["FILE_NOT_CSV"]


def test_check__wrong_check_digit_warns(store: Path, tmp_path: Path) -> None:
    """A check digit that does not fit is a warning (CBP may have shifted it); the entry is merely unknown."""
    wrong = MINE[0][:-1] + str((int(MINE[0][-1]) + 1) % 10)
    result = check(shapes.declaration(tmp_path / "claim.csv", [*MINE, wrong]), store)
    assert result.declarations.to_pylist()[0]["claim_status"] == "Accepted with Error(s)"
    found = result.findings.to_pylist()
    assert [(row["severity"], row["row"]) for row in found if row["code"] == "DECLARATION_CHECK_DIGIT"] == [
        ("warning", 6)
    ]
    assert result.claimed_entries.to_pylist()[4]["reason_codes"] == ["NOT_IN_ACE"]


def test_check__entry_of_another_importer(store: Path, tmp_path: Path) -> None:
    """One entry of another importer refuses the whole file in batch validation, and names the entry."""
    result = check(shapes.declaration(tmp_path / "claim.csv", [*MINE, STRANGE]), store, out=tmp_path / "out")
    row = result.declarations.to_pylist()[0]
    assert (row["upload_status"], row["claim_status"]) == ("Rejected by batch validation", None)
    assert row["reason_codes"] == ["FILE_SUBMITTER_MISMATCH"]
    told = [one for one in result.findings.to_pylist() if one["code"] == "DECLARATION_SUBMITTER_MISMATCH"]
    assert [(one["entry_number"], one["row"]) for one in told] == [(STRANGE, 6)]
    assert "98-765432100" in told[0]["message"]
    assert result.claimed_entries.column("disposition").to_pylist() == ["not_claimed"] * 5
    assert result.claimed_entries.column("route").to_pylist() == [None] * 4 + ["other_filer"]


def test_check__another_importer_fails_the_entry_by_setting(store: Path, tmp_path: Path) -> None:
    """With `claim.account_mismatch_level` = `entry` only that entry fails."""
    listed = shapes.declaration(tmp_path / "claim.csv", [*MINE, STRANGE])
    result = check(listed, store, settings={"claim.account_mismatch_level": "entry"})
    assert result.declarations.to_pylist()[0]["claim_status"] == "Accepted with Error(s)"
    assert result.claimed_entries.column("reason_codes").to_pylist() == [[]] * 4 + [["FILE_SUBMITTER_MISMATCH"]]


def workbook(path: Path, *cells: object, head: str = "Entry Number") -> Path:
    """CBP's template as it is handed out."""
    with xlsxwriter.Workbook(str(path)) as book:
        sheet = book.add_worksheet()
        for row, cell in enumerate((head, *cells)):
            sheet.write(row, 0, cell)
    return path


def test_check__workbook_is_read_with_a_finding(store: Path, tmp_path: Path) -> None:
    """The .xlsx template is checked, with a finding that CBP wants CSV; the ledger does not record it."""
    path = workbook(tmp_path / "claim.xlsx", *MINE[:3], "", f"{MINE[3][:3]}-{MINE[3][3:]}")
    result = check(path, store, ledger=tmp_path / "ledger.db")
    row = result.declarations.to_pylist()[0]
    assert (row["upload_status"], row["accepted_entries"], row["recorded"]) == ("passed", 4, "not_recorded")
    assert result.claimed_entries.column("row").to_pylist() == [2, 3, 4, 6]
    assert result.findings.column("code").to_pylist() == ["DECLARATION_WORKBOOK"]
    assert "CSV (Comma delimited)" in result.findings.column("remedy")[0].as_py()
    assert result.exit_code == 1


def test_check__workbook_refused_by_setting(store: Path, tmp_path: Path) -> None:
    """With `claim.workbook` = `reject` it is refused as CBP refuses it."""
    path = workbook(tmp_path / "claim.xlsx", *MINE)
    result = check(path, store, settings={"claim.workbook": "reject"})
    assert "FILE_NOT_CSV" in result.declarations.to_pylist()[0]["reason_codes"]


def test_check__workbook_with_faults(store: Path, tmp_path: Path) -> None:
    """Sheets are held to the same checks: a wrong heading, a number twice; rows counted as the sheet counts them."""
    result = check(workbook(tmp_path / "claim.xlsx", MINE[0], MINE[0], head="Entry No."), store)
    assert result.declarations.to_pylist()[0]["reason_codes"] == ["FILE_HEADER_INVALID", "FILE_DUPLICATE_ENTRY"]
    assert 3 in result.findings.column("row").to_pylist()


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 broken", b"Entry Number\r\n"])
def test_check__no_workbook_behind_the_ending(content: bytes, store: Path, tmp_path: Path) -> None:
    """A .xlsx that is no workbook is refused as unreadable."""
    path = tmp_path / "claim.xlsx"
    path.write_bytes(content)
    assert check(path, store).declarations.to_pylist()[0]["reason_codes"] == ["FILE_NOT_CSV", "FILE_UNREADABLE"]


def test_command__missing_file(store: Path, tmp_path: Path, capsys: Capture) -> None:
    """A declaration that is not there ends the command with code 2 and writes nothing."""
    said = es003.cape(capsys, "check", tmp_path / "no.csv", "--store", store, "--as-of", DAY, "--out", tmp_path / "out")
    assert said.code == 2
    assert "no.csv" in said.err
    assert not (tmp_path / "out").exists()


def future(path: Path) -> None:
    """A ledger written by a newer engine."""
    import sqlite3

    from cape_engine.ledger import Ledger

    Ledger.open(path).close()
    with sqlite3.connect(path) as database:
        database.execute("INSERT INTO schema_version SELECT max(version) + 1000, 'later' FROM schema_version")
    database.close()


def truncated(path: Path) -> None:
    """A ledger that lost its end."""
    from cape_engine.ledger import Ledger

    Ledger.open(path).close()
    path.write_bytes(path.read_bytes()[:5000])


LEDGERS: dict[str, tuple[Callable[[Path], object], str]] = {
    "not a ledger": (lambda path: path.write_text("hello, this is no database at all" * 40), "ledger"),
    "from the future": (future, "newer"),
    "truncated": (truncated, "ledger"),
    "a folder": (lambda path: path.mkdir(), "ledger"),
}


@pytest.mark.parametrize("name", LEDGERS)
def test_command__bad_ledger(name: str, store: Path, tmp_path: Path, capsys: Capture) -> None:
    """A ledger that cannot be used ends the command with a clear message; nothing is written."""
    made, words = LEDGERS[name]
    ledger = tmp_path / "ledger.db"
    made(ledger)
    listed = shapes.declaration(tmp_path / "claim.csv", MINE)
    options = ("--store", store, "--as-of", DAY, "--out", tmp_path / "out", "--as-filer", "ABC", "--ledger", ledger)
    said = es003.cape(capsys, "check", listed, *options)
    assert said.code in {2, 3}
    assert words in said.err.lower()
    assert not (tmp_path / "out").exists()


def test_command__output_cannot_be_written(store: Path, tmp_path: Path, capsys: Capture) -> None:
    """When the answers cannot be written the ledger keeps nothing either, and the same command completes later."""
    from cape_engine.ledger import Ledger

    listed = shapes.declaration(tmp_path / "claim.csv", MINE)
    blocked = tmp_path / "out"
    blocked.write_text("in the way", encoding="utf-8")
    ledger = tmp_path / "ledger.db"
    options = ("--store", store, "--as-of", DAY, "--as-filer", "ABC", "--ledger", ledger, "--out", blocked, "--json")
    said = es003.cape(capsys, "check", listed, *options)
    assert said.code == 3
    with Ledger.open(ledger) as opened:
        assert opened.show().declarations == 0
    blocked.unlink()
    assert es003.cape(capsys, "check", listed, *options).code == 0
    with Ledger.open(ledger) as opened:
        assert (opened.show().live, opened.verify().problems) == (4, ())
