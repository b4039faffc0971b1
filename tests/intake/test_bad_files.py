"""Files that cannot be read: one clear message each; the others are read all the same."""

from __future__ import annotations

import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import xlsxwriter

from cape_engine.errors import InputError, MappingError

from .conftest import ES003, GOOD, csv_text


def workbook(path: Path, sheet: str = "Main Report") -> Path:
    """The good rows as a workbook."""
    with xlsxwriter.Workbook(path) as book:
        page = book.add_worksheet(sheet)
        for number, row in enumerate((ES003, *GOOD)):
            page.write_row(number, 0, row)
    return path


def truncated(path: Path) -> None:
    """A workbook cut off in the middle."""
    whole = workbook(path.with_suffix(".whole.xlsx")).read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    path.with_suffix(".whole.xlsx").unlink()


def other_zip(path: Path) -> None:
    """A zip archive with something else in it."""
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("export.csv", csv_text(GOOD))


def broken_workbook(path: Path) -> None:
    """A zip archive that says it is a workbook and is not."""
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("xl/workbook.xml", "nothing")


UNREADABLE: list[tuple[str, Callable[[Path], object], str, str]] = [
    ("empty.csv", lambda path: path.write_bytes(b""), "FILE_EMPTY", "is empty"),
    ("blank.csv", lambda path: path.write_bytes(b"\xef\xbb\xbf\r\n \r\n"), "FILE_EMPTY", "is empty"),
    ("cut.xlsx", truncated, "FILE_TRUNCATED", "damaged or cut off"),
    ("inner.xlsx", broken_workbook, "FILE_TRUNCATED", "damaged or cut off"),
    ("files.xlsx", other_zip, "FILE_NOT_A_WORKBOOK", "not an .xlsx workbook"),
    ("old.xlsx", lambda path: path.write_bytes(b"\xd0\xcf\x11\xe0" + b"\0" * 600), "FILE_OLD_EXCEL", "old .xls kind"),
    ("scan.csv", lambda path: path.write_bytes(b"%PDF-1.7\n"), "FILE_PDF", "is a PDF"),
    ("bytes.csv", lambda path: path.write_bytes(b"ab\0\0cd" * 50), "FILE_NOT_TEXT", "neither CSV"),
    ("cut.parquet", lambda path: path.write_bytes(b"PAR1" + b"x" * 90), "FILE_TRUNCATED", "damaged or cut off"),
    ("prose.csv", lambda path: path.write_text("Dear broker,\nsee below\n"), "FILE_NO_HEADER", "Dear broker"),
    (
        "short.csv",
        lambda path: path.write_text(csv_text([row[:7] + row[8:] for row in GOOD], ES003[:7] + ES003[8:])),
        "FILE_COLUMN_MISSING",
        "lacks HTS Number - Full; found in row 1: Entry Summary Number, Entry Summary Line Number",
    ),
    (
        "twice.csv",
        lambda path: path.write_text(csv_text([(*row, "1") for row in GOOD], (*ES003, "entry date"))),
        "FILE_COLUMN_TWICE",
        "more than one column for entry_date: Entry Date, entry date",
    ),
]


@pytest.mark.parametrize(("name", "make", "code", "words"), UNREADABLE)
def test_build_store__unreadable_file(
    read: Callable[..., Any],
    export: Callable[..., Path],
    tmp_path: Path,
    name: str,
    make: Callable[[Path], object],
    code: str,
    words: str,
) -> None:
    """Alone it is one clear error; beside a good file it is a finding, and the good file's rows stand."""
    bad = tmp_path / name
    make(bad)
    with pytest.raises(InputError) as caught:
        read(bad)
    assert words in str(caught.value)
    assert str(bad) in str(caught.value)
    assert len(str(caught.value).splitlines()) == 1
    result = read(export(), bad)
    finding = result.one(code)
    assert (finding["source"], finding["severity"]) == (str(bad), "error")
    assert words in finding["message"]
    assert finding["remedy"]
    assert len(result.table("tariffs")) == 3


def test_build_store__missing_file(read: Callable[..., Any], tmp_path: Path) -> None:
    """A path that does not exist is one clear error."""
    with pytest.raises(InputError, match=r"nowhere\.csv does not exist\. Check the path\."):
        read(tmp_path / "nowhere.csv")


def test_build_store__empty_folder(read: Callable[..., Any], tmp_path: Path) -> None:
    """A folder without files that can be read is one clear error."""
    folder = tmp_path / "folder"
    folder.mkdir()
    with pytest.raises(InputError, match="no file was given"):
        read(folder)


def test_build_store__folder(read: Callable[..., Any], export: Callable[..., Path], tmp_path: Path) -> None:
    """A folder stands for its files in order of their paths; files of other kinds are named, hidden ones are not."""
    folder = tmp_path / "folder"
    (folder / "sub").mkdir(parents=True)
    export(GOOD[:2], name="folder/b.csv")
    export(GOOD[2:], name="folder/sub/a.CSV")
    (folder / "notes.docx").write_text("x")
    (folder / ".hidden.csv").write_text("x")
    result = read(folder)
    assert [Path(source.name).name for source in result.store.sources] == ["b.csv", "a.CSV"]
    assert result.codes() == ["FILE_SKIPPED"]
    assert len(result.table("tariffs")) == 3


def test_build_store__same_bytes_twice(read: Callable[..., Any], export: Callable[..., Path]) -> None:
    """The same file under two names is read once, with a finding, and not as a thousand repeated rows."""
    result = read(export(name="a.csv"), export(name="b.csv"))
    assert result.codes() == ["FILE_TWICE"]
    assert len(result.table("tariffs")) == 3


def test_build_store__headings_only(read: Callable[..., Any], export: Callable[..., Path]) -> None:
    """Headings without rows are a warning and an empty store."""
    result = read(export([]))
    assert result.codes() == ["FILE_WITHOUT_ROWS"]
    assert result.store.partitions == ()


def test_build_store__unknown_column(read: Callable[..., Any], export: Callable[..., Path]) -> None:
    """Unknown headings are named once per file; known ones that are not carried on are not."""
    header = (*ES003, "Filer Name", "Cape Phase 1 Eligible", "Liquidaton Date", "My Notes")
    result = read(export([(*row, "Broker", "Y", "01/01/2026", "x") for row in GOOD], header))
    finding = result.one("COLUMN_UNKNOWN")
    assert (finding["severity"], finding["value"]) == ("warning", "Liquidaton Date, My Notes")
    assert result.codes() == ["COLUMN_UNKNOWN"]
    assert not any("Broker" in str(row) for row in result.table("entries"))


def test_build_store__not_utf8(read: Callable[..., Any], tmp_path: Path) -> None:
    """A Windows-1252 file is read, with a warning that names the first row that is not UTF-8."""
    rows = [(*row, name) for row, name in zip(GOOD, ("Muller", "Müller & Söhne", "é"), strict=True)]
    path = tmp_path / "old.csv"
    path.write_bytes(csv_text(rows, (*ES003, "Filer Name")).encode("cp1252"))
    result = read(path)
    assert result.one("ENCODING_ASSUMED")["row"] == 3
    assert len(result.table("tariffs")) == 3


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16-le", "utf-16-be"])
def test_build_store__byte_order_mark(read: Callable[..., Any], tmp_path: Path, encoding: str) -> None:
    """UTF-8 and UTF-16 with a byte order mark are read as they are."""
    mark = "" if encoding == "utf-8-sig" else "\ufeff"
    path = tmp_path / "export.csv"
    path.write_bytes((mark + csv_text(GOOD)).encode(encoding))
    result = read(path)
    assert result.codes() == []
    assert len(result.table("tariffs")) == 3


def test_build_store__wrong_number_of_cells(read: Callable[..., Any], tmp_path: Path) -> None:
    """A row with too many or too few cells is a finding; its entry, where it can be read, is refused."""
    lines = csv_text(GOOD).splitlines()
    lines[3] = lines[3].replace('"$500.00"', "$1,500.00")
    lines[1:1] = ["", ",,,,,,,,,"]
    path = tmp_path / "export.csv"
    path.write_text("\n".join([*lines, "Total,3", ""]))
    result = read(path)
    finding = result.one("ROW_CELLS")
    assert (finding["row"], finding["entry_number"], finding["severity"]) == (6, "XYZ00000015", "error")
    assert "has 11 cells instead of 10" in finding["message"]
    assert result.one("ROW_NOT_DATA")["row"] == 7
    assert result.refused() == ["XYZ00000015"]
    assert [row["source_row"] for row in result.table("tariffs")] == [4, 5]


def test_build_store__open_quote(read: Callable[..., Any], tmp_path: Path) -> None:
    """A quote that is never closed costs its own row and not the rest of the file."""
    lines = csv_text(GOOD).splitlines()
    lines[1] = lines[1].replace('"CN"', '"CN')
    lines[1] = lines[1].replace('"CN,"', '"CN,')
    path = tmp_path / "export.csv"
    path.write_text("\n".join(lines) + "\n")
    result = read(path)
    assert result.one("ROW_CELLS")["row"] == 2
    assert result.refused() == ["ABC12345676"]
    assert [row["source_row"] for row in result.table("tariffs")] == [4]


def mapping(tmp_path: Path, text: str) -> Path:
    """A column mapping file."""
    path = tmp_path / "mapping.toml"
    path.write_text(text)
    return path


def test_build_store__mapping(read: Callable[..., Any], export: Callable[..., Path], tmp_path: Path) -> None:
    """A column mapping reads another export by its exact headings."""
    header = tuple({"Entry Summary Number": "Our Entry", "Line Tariff Duty Amount": "Zoll"}.get(n, n) for n in ES003)
    path = export(GOOD, header)
    with pytest.raises(InputError, match="lacks Entry Summary Number, Line Tariff Duty Amount or duty_cents"):
        read(path)
    result = read(path, mapping=mapping(tmp_path, '[columns]\n"Our Entry" = "entry_number"\nZoll = "duty"\n'))
    assert [row["duty_cents"] for row in result.table("tariffs")] == [200000, 30000, 0]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("columns = 3", "one table"),
        ("[columns]\n[other]\n", "one table"),
        ("[columns", "not a readable column mapping"),
        ('[columns]\nA = "entry"', "'entry', which is none of"),
        ('[columns]\nA = "duty"\nB = "duty"', "two headings"),
        ('[columns]\n"our entry" = "entry_number"', "no file has a column 'our entry'"),
    ],
)
def test_build_store__bad_mapping(
    read: Callable[..., Any], export: Callable[..., Path], tmp_path: Path, text: str, words: str
) -> None:
    """A mapping that is not valid, or whose heading stands in no file as written, is one clear error."""
    with pytest.raises(MappingError, match=words):
        read(export(), mapping=mapping(tmp_path, text))


def test_build_store__mapping_fits_one_of_two(
    read: Callable[..., Any], export: Callable[..., Path], tmp_path: Path
) -> None:
    """A heading that one of several files lacks is a finding for that file."""
    other = export(
        GOOD[2:], tuple("Zoll" if name == "Line Tariff Duty Amount" else name for name in ES003), name="b.csv"
    )
    result = read(export(GOOD[:2]), other, mapping=mapping(tmp_path, '[columns]\nZoll = "duty"\n'))
    assert result.codes() == ["MAPPING_HEADER_MISSING"]
    assert result.one("MAPPING_HEADER_MISSING")["value"] == "Zoll"
    assert len(result.table("tariffs")) == 3
