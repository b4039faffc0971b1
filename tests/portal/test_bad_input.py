"""The list of bad input, each through the command itself: code, words, place, remedy, and what stays behind."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import sqlite3
import zipfile
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow.parquet as pq
import pytest
import xlsxwriter

from cape_engine import intake, rules
from cape_engine.ledger import Ledger
from cape_engine.settings import Settings
from portal import shapes
from road import es003

DAY = "2026-05-04"
MINE = [shapes.number(serial) for serial in range(1, 5)]
STRANGE = shapes.number(9)
Capture = pytest.CaptureFixture[str]


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store of four entries of one importer and one of another, all filed by ABC."""
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


class Bad(NamedTuple):
    """A bad declaration.

    Attributes:
        content: its bytes.
        code: the finding.
        row: line of the file that the finding names.
        value: what it quotes from there.
        words: parts of its message.
        remedy: part of what it tells people to do.
        reasons: why the file is refused.
        name: of the file.
    """

    content: bytes
    code: str
    row: int | None
    value: str | None
    words: tuple[str, ...]
    remedy: str
    reasons: tuple[str, ...]
    name: str = "claim.csv"


def lines(*cells: str) -> bytes:
    """Rows of a file as Excel writes it."""
    return "\r\n".join(cells).encode() + b"\r\n"


def archive() -> bytes:
    """A ZIP archive with a declaration in it."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as made:
        made.writestr("claim.csv", lines("Entry Number", MINE[0]))
    return stream.getvalue()


def workbook(*cells: str) -> bytes:
    """The template as a workbook; a cell that begins with `=` is a formula."""
    stream = io.BytesIO()
    with xlsxwriter.Workbook(stream, {"in_memory": True}) as book:
        sheet = book.add_worksheet()
        for row, cell in enumerate(("Entry Number", *cells)):
            sheet.write(row, 0, cell)
    return stream.getvalue()


def number_fault(cell: str, *words: str) -> Bad:
    """A cell below a good one that is no entry number."""
    said = ("not 11 letters and digits", *words)
    content, code = lines("Entry Number", MINE[0], cell), "DECLARATION_ENTRY_NUMBER_FORMAT"
    return Bad(content, code, 3, cell, said, "format the column as text", ("FILE_ENTRY_NUMBER_FORMAT",))


def heading_fault(first: str, *others: str) -> Bad:
    """A first row that is not the template's."""
    said = ('single heading "Entry Number"', f"Found: {first}")
    content, code = lines(first, *others), "DECLARATION_HEADER_INVALID"
    return Bad(content, code, 1, first, said, "exactly Entry Number", ("FILE_HEADER_INVALID",))


def unreadable(content: bytes, why: str) -> Bad:
    """Bytes that are no text."""
    said = ("cannot be read", why)
    return Bad(content, "DECLARATION_UNREADABLE", None, None, said, "save it as CSV in UTF-8", ("FILE_UNREADABLE",))


def empty(content: bytes, *more: str) -> Bad:
    """A file without a number."""
    reasons = ("FILE_EMPTY", *more)
    return Bad(content, "DECLARATION_EMPTY", None, None, ("no entry numbers",), "one entry number a row", reasons)


FILES = {
    "not a CSV file": Bad(
        lines("Entry Number", MINE[0]), "DECLARATION_NOT_CSV", None, "claim.txt", ("not a CSV file",),
        "CSV (Comma delimited)", ("FILE_NOT_CSV",), "claim.txt",
    ),
    "50 MB": Bad(
        lines("Entry Number", MINE[0]) + b"\r\n" * 25_000_000, "DECLARATION_TOO_LARGE", None, "50000027",
        ("1 MB or larger", "50000027 bytes"), "Split the list", ("FILE_TOO_LARGE",),
    ),
    "binary": unreadable(bytes(range(256)) * 20, "byte 129 is not UTF-8"),
    "NUL characters": unreadable(lines("Entry Number", "ABC\0\0"), "NUL characters"),
    "zip renamed": unreadable(archive(), "ZIP archive"),
    "workbook renamed": unreadable(workbook(MINE[0]), "a workbook (.xlsx)"),
    "nothing in it": empty(b"", "FILE_HEADER_INVALID"),
    "heading only": empty(lines("Entry Number")),
    "heading in another language": heading_fault("Número de entrada", MINE[0]),
    "heading in German": heading_fault("Anmeldenummer", MINE[0]),
    "no heading": heading_fault(MINE[0], MINE[1]),
    "two columns": heading_fault("Entry Number,Importer", MINE[0]),
    "10,000 rows": Bad(
        lines("Entry Number", *map(shapes.number, range(10_000))), "DECLARATION_TOO_MANY_ENTRIES", None, "10000",
        ("more than 9,999", "It holds 10000"), "at most 9999", ("FILE_TOO_MANY_ENTRIES",),
    ),
    "lone quote": number_fault(f'"{MINE[1]}', f'Found: "{MINE[1]}'),
    "formula": number_fault("=A1&B1", "Found: =A1&B1"),
    "formula that fails": number_fault("#NAME?", "Found: #NAME?"),
    "scientific notation": number_fault("5.55E+10", "scientific notation"),
    "lost zero": number_fault("5550000001", "lost leading zeros"),
    "Cyrillic letter": number_fault("АBC00000010", "'А' is CYRILLIC CAPITAL LETTER A"),  # noqa: RUF001 - the point of it
    "Greek letter": number_fault("ΑBC00000010", "'Α' is GREEK CAPITAL LETTER ALPHA"),  # noqa: RUF001 - as above
    "digit of double width": number_fault("ABC０0000010", "FULLWIDTH DIGIT ZERO"),  # noqa: RUF001 - as above
    "Arabic digit": number_fault("ABC٠0000010", "ARABIC-INDIC DIGIT ZERO"),  # noqa: RUF001 - as above
    "formula in a workbook": Bad(
        workbook(MINE[0], '=A2&""'), "DECLARATION_ENTRY_NUMBER_FORMAT", 3, "0", ("not 11 letters and digits",),
        "format the column as text", ("FILE_ENTRY_NUMBER_FORMAT",), "claim.xlsx",
    ),
    "the same number twice": Bad(
        lines("Entry Number", MINE[0], MINE[1], f"{MINE[0][:3]}-{MINE[0][3:]}"), "DECLARATION_DUPLICATE_ENTRY", 4,
        MINE[0], ("listed twice", f"{MINE[0]} stands in row 2 and again here"), "Remove one of the two rows",
        ("FILE_DUPLICATE_ENTRY",),
    ),
    "entry of another importer": Bad(
        lines("Entry Number", *MINE, STRANGE), "DECLARATION_SUBMITTER_MISMATCH", 6,
        "importer of record 98-765432100, filer code ABC",
        (STRANGE, "importer of record 98-765432100", "filed as 12-345678900"), "Take the entry off this file",
        ("FILE_SUBMITTER_MISMATCH",),
    ),
}  # fmt: skip
"""Each kind of bad declaration."""


def whole(out: Path) -> dict[str, Any]:
    """The manifest of a folder in which every file is there, unchanged, and nothing else."""
    manifest: dict[str, Any] = json.loads((out / "manifest.json").read_text(encoding="utf-8"))
    listed = {name: about["sha256"] for name, about in manifest["files"].items()}
    found = {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in out.iterdir()}
    found.pop("manifest.json")
    assert found == listed
    return manifest


@pytest.mark.parametrize("name", FILES)
def test_check__bad_declaration(name: str, store: Path, tmp_path: Path, capsys: Capture) -> None:
    """Exit code 1; file, row, column, value and remedy are said; no entry is held; the corrected file is accepted."""
    bad, ledger, out = FILES[name], tmp_path / "claims.ledger", tmp_path / "out"
    path = tmp_path / bad.name
    path.write_bytes(bad.content)
    common = ("--store", store, "--as-of", DAY, "--as-importer", shapes.IMPORTER, "--ledger", ledger)
    said = es003.cape(capsys, "check", path, *common, "--out", out, "--json")
    assert said.code == 1
    assert said.lines[0]["reason_codes"] == list(bad.reasons)
    assert said.lines[0]["claim_number"] is None
    assert whole(out)["counts"]["dispositions"].get("accepted", 0) == 0
    rows = pq.read_table(out / "findings.parquet").to_pylist()
    found = next(row for row in rows if row["code"] == bad.code)
    assert (found["severity"], found["source"], found["row"]) == ("error", bad.name, bad.row)
    assert found["value"] == bad.value
    assert found["column"] in {"Entry Number", "importer_number"}
    assert all(part in found["message"] for part in bad.words), found["message"]
    assert bad.remedy in found["remedy"]
    with (out / "claim.validation.csv").open(encoding="utf-8", newline="") as stream:
        assert found["message"] in [row["message"] for row in csv.DictReader(stream)]
    with Ledger.open(ledger) as opened:
        assert (opened.show().live, opened.verify().problems) == (0, ())
    good = shapes.declaration(tmp_path / "corrected.csv", MINE)
    assert es003.cape(capsys, "check", good, *common, "--out", tmp_path / "again").code == 0
    with Ledger.open(ledger) as opened:
        assert (opened.show().live, opened.verify().problems) == (4, ())


def test_check__says_where_without_a_folder(store: Path, tmp_path: Path, capsys: Capture) -> None:
    """Without --out every finding is printed with its place, for no file says it."""
    path = tmp_path / "claim.csv"
    path.write_bytes(FILES["formula"].content)
    said = es003.cape(capsys, "check", path, "--store", store, "--as-of", DAY, "--json")
    [found] = [line for line in said.lines if line["event"] == "finding"]
    assert (found["source"], found["row"], found["column"], found["value"]) == (
        "claim.csv",
        3,
        "Entry Number",
        "=A1&B1",
    )
    assert found["remedy"]


def test_check__account_that_may_not_file(store: Path, tmp_path: Path, capsys: Capture) -> None:
    """A surety's account cannot upload: the file is refused with the accounts that can."""
    path, out = shapes.declaration(tmp_path / "claim.csv", MINE), tmp_path / "out"
    said = es003.cape(
        capsys,
        "check",
        path,
        "--store",
        store,
        "--as-of",
        DAY,
        "--account",
        "surety",
        "--as-filer",
        "ABC",
        "--out",
        out,
    )
    assert (said.code, said.lines[0]["reason_codes"]) == (1, ["FILE_ACCOUNT_KIND"])
    [found] = pq.read_table(out / "findings.parquet").to_pylist()
    assert "Given: surety" in found["message"]
    assert "importer account" in found["remedy"]


@pytest.mark.parametrize(
    ("numbers", "code", "row", "words", "remedy"),
    [
        (
            [*MINE, MINE[0][:-1] + "9"],
            "DECLARATION_CHECK_DIGIT",
            6,
            "shifted digit",
            "Compare the number with the 7501",
        ),
        (
            [*MINE, STRANGE],
            "DECLARATION_MIXED_IMPORTERS",
            None,
            "entries of 2 importers",
            "one declaration for each importer",
        ),
    ],
    ids=["check digit", "two importers"],
)
def test_check__warnings(
    numbers: list[str],
    code: str,
    row: int | None,
    words: str,
    remedy: str,
    store: Path,
    tmp_path: Path,
    capsys: Capture,
) -> None:
    """A check digit that fails and a broker's file of two importers are warnings; the good entries are accepted."""
    path, out = shapes.declaration(tmp_path / "claim.csv", numbers), tmp_path / "out"
    said = es003.cape(capsys, "check", path, "--store", store, "--as-of", DAY, "--as-filer", "ABC", "--out", out)
    assert (said.code, said.lines[0]["upload_status"]) == (1, "passed")
    assert whole(out)["counts"]["dispositions"]["accepted"] >= len(MINE)
    found = next(one for one in pq.read_table(out / "findings.parquet").to_pylist() if one["code"] == code)
    assert (found["severity"], found["source"], found["row"]) == ("warning", "claim.csv", row)
    assert words in found["message"]
    assert remedy in found["remedy"]


# --- ledgers ----------------------------------------------------------------------------------------------------------


def newer(place: Path) -> None:
    """A ledger that a newer engine has written."""
    Ledger.open(place).close()
    with closing(sqlite3.connect(place)) as client:
        client.execute("INSERT INTO schema_version SELECT max(version) + 6, 'a later engine' FROM schema_version")
        client.commit()


def cut(place: Path) -> None:
    """A ledger whose end is missing."""
    Ledger.open(place).close()
    place.write_bytes(place.read_bytes()[:20_000])


def foreign(place: Path) -> None:
    """The database of another program."""
    with closing(sqlite3.connect(place)) as client:
        client.execute("CREATE TABLE songs (title TEXT)")


LEDGERS: dict[str, tuple[Callable[[Path], object], str]] = {
    "text": (lambda place: place.write_text("Entry Number\n" * 99), "not a ledger. Name the ledger's own file"),
    "binary": (lambda place: place.write_bytes(b"\x00\xff" * 9_999), "not a ledger. Name the ledger's own file"),
    "zip": (lambda place: place.write_bytes(archive()), "not a ledger. Name the ledger's own file"),
    "empty": (lambda place: place.write_bytes(b""), "the file is empty. Restore the last backup"),
    "of another program": (foreign, "a SQLite database of another program. Name the ledger's own file"),
    "from the future": (newer, "Install the engine that wrote it, or a newer one; nothing was changed"),
    "truncated": (cut, "truncated, 20,000 bytes of"),
    "a folder": (lambda place: place.mkdir(), "Is a directory. Name the file of a ledger"),
}


@pytest.mark.parametrize("name", LEDGERS)
@pytest.mark.parametrize("command", ["check", "pack", "answers", "verify", "show", "export"])
def test_ledger__cannot_be_used(command: str, name: str, store: Path, tmp_path: Path, capsys: Capture) -> None:
    """Every command refuses what is no ledger with code 2 and the next step; the file stays, and nothing appears."""
    make, words = LEDGERS[name]
    place, out = tmp_path / "claims.ledger", tmp_path / "out"
    make(place)
    before = place.read_bytes() if place.is_file() else b""
    details = tmp_path / "details.csv"
    details.write_bytes(lines("ENTRY_NUMBER,CLAIM_NUMBER,STATUS,ERROR_DESCRIPTION", f"{MINE[0]},100000000001,Failed,X"))
    listed = shapes.declaration(tmp_path / "claim.csv", MINE)
    asked: dict[str, tuple[object, ...]] = {
        "check": ("check", listed, "--store", store, "--as-of", DAY, "--out", out, "--ledger", place),
        "pack": ("pack", "--store", store, "--as-of", DAY, "--out", out, "--ledger", place),
        "answers": ("answers", details, "--as-of", DAY, "--out", out, "--ledger", place),
        "verify": ("ledger", "verify", place),
        "show": ("ledger", "show", place),
        "export": ("ledger", "export", place, "--out", out),
    }
    said = es003.cape(capsys, *asked[command])
    assert (said.code, said.out) == (2, "")
    assert "claims.ledger: " in said.err
    assert words in said.err
    assert "progress" not in said.err, "what cannot be recorded is said before the work"
    assert not out.exists()
    assert place.is_dir() or place.read_bytes() == before
    beside = {path.name for path in tmp_path.iterdir()} - {"claims.ledger-wal", "claims.ledger-shm"}  # of SQLite
    assert beside == {"claim.csv", "claims.ledger", "details.csv"}


@pytest.mark.parametrize(
    ("address", "code", "words"),
    [
        ("mysql://me:secret@host/claims", 2, "a ledger is a file, such as claims.ledger"),
        ("sqlite://claims.ledger", 2, "or sqlite:///claims.ledger"),
        ("", 2, "the name of the ledger is blank"),
        ("none/claims.ledger", 3, "there is no folder none. Make it, or name another ledger"),
        ("postgresql://me:secret@127.0.0.1:1/claims", 3, "See that the server runs and lets us in"),
    ],
    ids=["scheme", "two slashes", "blank", "no folder", "no server"],
)
def test_ledger__address(address: str, code: int, words: str, store: Path, tmp_path: Path, capsys: Capture) -> None:
    """An address that is none of a ledger, and a server that is not there, are said at once, without the password."""
    if address.startswith("postgresql"):
        pytest.importorskip("adbc_driver_postgresql", reason="the driver of PostgreSQL is not installed here")
    out = tmp_path / "out"
    for command in (
        ("check", shapes.declaration(tmp_path / "claim.csv", MINE), "--store", store, "--as-of", DAY),
        ("pack", "--store", store, "--as-of", DAY),
    ):
        said = es003.cape(capsys, *command, "--ledger", address, "--out", out)
        assert (said.code, said.out) == (code, "")
        assert words in said.err
        assert "secret" not in said.err
        assert "progress" not in said.err
    assert not out.exists()


def test_ledger__none_is_made_for_work_that_cannot_be_done(store: Path, tmp_path: Path, capsys: Capture) -> None:
    """A command that fails before it records anything leaves no empty ledger behind."""
    ledger = tmp_path / "new.ledger"
    listed = shapes.declaration(tmp_path / "claim.csv", MINE)
    for command in (
        ("check", listed, "--store", tmp_path / "none", "--as-of", DAY, "--ledger", ledger),
        ("check", tmp_path / "none.csv", "--store", store, "--as-of", DAY, "--ledger", ledger),
        ("check", listed, "--store", store, "--as-of", "2026-04-19", "--ledger", ledger),
        ("pack", "--store", tmp_path / "none", "--as-of", DAY, "--ledger", ledger, "--out", tmp_path / "out"),
        ("ledger", "import", tmp_path / "none", ledger),
        ("ledger", "import", store, ledger),
    ):
        said = es003.cape(capsys, *command)
        assert said.code == 2, command
        assert said.err
    assert not ledger.exists()
    assert not (tmp_path / "out").exists()
