"""Declaration files: what is read, what refuses a file, and how the lists meet the sources."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cape_engine import claim_portal, rules
from cape_engine.claim_portal.declaration import check_digit
from cape_engine.errors import InputError
from cape_engine.settings import Settings
from reference import claim as twin

FILE = Path(__file__).parents[1] / "cases" / "claim" / "declarations.toml"
RULESET = rules.load()
CASES = tomllib.loads(FILE.read_text(encoding="utf-8"))["case"]


def read(path: Path, **settings: object) -> claim_portal.Declaration:
    """The declaration in a file."""
    return claim_portal.read_declaration(path, ruleset=RULESET, settings=Settings.build(settings))


def declared(folder: Path, name: str, *numbers: str) -> claim_portal.Declaration:
    """A declaration of these numbers."""
    path = folder / name
    path.write_bytes("\r\n".join(["Entry Number", *numbers, ""]).encode())
    return read(path)


@pytest.mark.parametrize("case", [pytest.param(case, id=case["id"]) for case in CASES])
def test_read_declaration__readable_case(case: dict[str, Any], tmp_path: Path) -> None:
    """Each case of declarations.toml gives the numbers or the reasons it names, and the row at fault."""
    path = tmp_path / case.get("name", "declaration.csv")
    path.write_bytes(case["text"].encode())
    found = read(path, **case.get("settings", {}))
    assert list(found.reason_codes) == case.get("reasons", []), case["says"]
    assert found.accepted is ("reasons" not in case)
    assert list(found.entry_numbers) == case.get("numbers", []), case["says"]
    assert len(found.messages) == len(found.reason_codes)
    assert all(found.messages)
    table = found.findings.to_table()
    assert set(table.column("source").to_pylist()) <= {path.name}
    if "row" in case:
        assert case["row"] in table.column("row").to_pylist(), case["says"]
    if "findings" in case:
        assert table.column("code").to_pylist() == case["findings"]
    elif found.accepted:
        assert table.num_rows == 0


@pytest.mark.parametrize(
    ("content", "words"),
    [
        pytest.param("Entry Number\r\nABC12345676\r\n".encode("utf-16"), "UTF-8", id="utf-16"),
        pytest.param(b"Entry Number\r\nABC12345676\xa0\r\n", "byte 26", id="latin-1"),
        pytest.param(b"PK\x03\x04\x14\x00\x00", "workbook", id="excel-file-named-csv"),
    ],
)
def test_read_declaration__not_text(content: bytes, words: str, tmp_path: Path) -> None:
    """Bytes that are no UTF-8 text refuse the file as unreadable, with the place."""
    path = tmp_path / "declaration.csv"
    path.write_bytes(content)
    found = read(path)
    assert found.reason_codes == ("FILE_UNREADABLE",)
    assert words in found.findings.rows[0].message


def test_read_declaration__missing_file(tmp_path: Path) -> None:
    """A file that is not there is no finding but an error of the call, with its path."""
    with pytest.raises(InputError, match=r"nothing\.csv"):
        read(tmp_path / "nothing.csv")


def test_read_declaration__a_full_file(tmp_path: Path) -> None:
    """9,999 numbers pass, all of them are kept (8.1, fault 10), and 10,000 are refused."""
    first_ten = [f"ABC{place:07d}" for place in range(10_000)]
    numbers = [f"{ten}{twin.check_digit(ten)}" for ten in first_ten]
    found = declared(tmp_path, "full.csv", *numbers[:9_999])
    assert found.accepted
    assert found.entry_numbers == tuple(numbers[:9_999])
    assert found.rows[-1] == 10_000
    assert declared(tmp_path, "over.csv", *numbers).reason_codes == ("FILE_TOO_MANY_ENTRIES",)


@pytest.mark.parametrize(
    ("first_ten", "digit"),
    [
        ("B760324527", 8),
        ("ABC1234567", 6),
        ("XYZ0000001", 5),
        ("9AZ7654321", 4),
        ("S4R0102030", 5),
        ("5550123456", 5),
    ],
)
def test_check_digit__handbook(first_ten: str, digit: int) -> None:
    """The examples of the handbook 3.2 (8.1, fault 2: A is 1, the weights are 2-1)."""
    assert check_digit(first_ten) == digit
    assert twin.check_digit(first_ten) == digit


@given(st.text("ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789", min_size=10, max_size=10))
def test_check_digit__equals_the_twin(first_ten: str) -> None:
    """Every letter and digit at every place gives the twin's check digit."""
    assert check_digit(first_ten) == twin.check_digit(first_ten)


def test_claimed_entries__meets_the_sources(tmp_path: Path) -> None:
    """Entries of all files are claimed; unknown numbers and repeated ones are named with file and row."""
    one = declared(tmp_path, "one.csv", "ABC12345676", "XYZ00000015")
    two = declared(tmp_path, "two.csv", "9AZ76543214", "XYZ00000015", "S4R01020305")
    sources = pa.array(["55501234565", "9AZ76543214", "ABC12345676", "XYZ00000015"])
    met = claim_portal.claimed_entries([one, two], sources)
    assert met.claimed.tolist() == [False, True, True, True]
    assert met.not_in_sources == ("S4R01020305",)
    assert met.duplicates == (("XYZ00000015", "two.csv"),)
    rows = met.findings.to_table().to_pylist()
    assert [(row["code"], row["source"], row["row"], row["entry_number"]) for row in rows] == [
        ("NOT_IN_ACE", "two.csv", 4, "S4R01020305"),
        ("DUPLICATE_CLAIM", "two.csv", 3, "XYZ00000015"),
    ]


def test_claimed_entries__refused_files_claim_nothing(tmp_path: Path) -> None:
    """An entry on a refused file is not claimed, and may stand on a later one."""
    refused = declared(tmp_path, "refused.csv", "ABC12345676", "ABC12345676")
    later = declared(tmp_path, "later.csv", "ABC12345676")
    sources = pa.array(["ABC12345676"])
    assert not claim_portal.claimed_entries([refused], sources).claimed.any()
    met = claim_portal.claimed_entries([refused, later], sources)
    assert met.claimed.all()
    assert met.duplicates == ()
    assert claim_portal.declared_numbers([refused, later]).to_pylist() == ["ABC12345676"]


def test_claimed_entries__no_sources(tmp_path: Path) -> None:
    """Without entries every number is unknown."""
    met = claim_portal.claimed_entries([declared(tmp_path, "one.csv", "ABC12345676")], pa.array([], pa.string()))
    assert met.claimed.tolist() == []
    assert met.not_in_sources == ("ABC12345676",)


@given(st.binary(max_size=200))
def test_read_declaration__any_bytes(tmp_path_factory: pytest.TempPathFactory, content: bytes) -> None:
    """Whatever the bytes are, the file is accepted or refused, never a traceback."""
    path = tmp_path_factory.getbasetemp() / "bytes.csv"
    path.write_bytes(content)
    found = read(path)
    assert found.accepted is (found.reason_codes == ())
