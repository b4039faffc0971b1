"""Rows that stand in several files or several times, broken rows and odd cells: the same store in every order."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from itertools import permutations
from pathlib import Path
from typing import Any

import openpyxl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from cape_engine.errors import InputError
from cape_engine.intake import reading
from cape_engine.schema import facts as f
from cape_engine.schema import rows as s
from intake.conftest import ES003, GOOD

HEAD = ",".join(ES003)
OLDER = HEAD.replace("Line Tariff Duty Amount", "Line Duty Amount")
OLDER_VALUE = HEAD.replace("Line Tariff Goods Value Amount", "Line Goods Value Amount")
FIRST, SECOND = (
    "ABC12345676,1,01,12-345678900,03/01/2025,CN,1,99030124,0,60.00",
    ("ABC12345676,1,01,12-345678900,03/01/2025,CN,2,3923900080,2000,60.00"),
)


@pytest.fixture
def lines(tmp_path: Path) -> Callable[..., Path]:
    """Write lines of text as they stand."""

    def write(*rows: str, name: str = "rows.csv") -> Path:
        path = tmp_path / name
        path.write_bytes("".join(f"{row}\n" for row in rows).encode())
        return path

    return write


@pytest.mark.parametrize("files", [((FIRST, SECOND),), ((FIRST, SECOND), (FIRST, SECOND, "")), ((FIRST,), (SECOND,))])
def test_repeated_duty__in_files_that_overlap(
    lines: Callable[..., Path], read: Callable[..., Any], files: tuple[tuple[str, ...], ...]
) -> None:
    """A duty that stands on every row of a line refuses its entry, also where exports overlap or cut the line."""
    found = read(*(lines(OLDER, *rows, name=f"{number}.csv") for number, rows in enumerate(files)))
    assert found.codes().count("LINE_DUTY_REPEATED") == 1
    assert found.refused() == ["ABC12345676"]


@pytest.mark.parametrize("files", [(("0", "1"),), (("0", "1"), ("0", "1", "")), (("0",), ("1",))])
def test_repeated_value__in_files_that_overlap(
    lines: Callable[..., Path], read: Callable[..., Any], files: tuple[tuple[str, ...], ...]
) -> None:
    """A value that stands on every row of a line is kept once, on its number of chapter 1-97."""
    rows = {"0": FIRST.replace(",0,", ",2000,").replace("60.00", "50.00"), "1": SECOND, "": ""}
    found = read(
        *(lines(OLDER_VALUE, *map(rows.__getitem__, some), name=f"{number}.csv") for number, some in enumerate(files))
    )
    assert [row["value_dollars"] for row in found.table("tariffs")] == [0, 2000]
    assert not found.refused()


def test_repeated_duty__line_cut_between_other_headings(lines: Callable[..., Path], read: Callable[..., Any]) -> None:
    """Where one of the files gives the duty of each number, equal duties are no repetition."""
    found = read(lines(OLDER, FIRST, name="a.csv"), lines(HEAD, SECOND, name="b.csv"))
    assert "LINE_DUTY_REPEATED" not in found.codes()
    assert not found.refused()


@pytest.mark.parametrize("order", [(OLDER, HEAD), (HEAD, OLDER)])
def test_repeated_duty__that_another_heading_confirms(
    lines: Callable[..., Path], read: Callable[..., Any], order: tuple[str, str]
) -> None:
    """Equal duties that another file gives for each number are no repetition, whichever file comes first."""
    found = read(*(lines(head, FIRST, SECOND, name=f"{number}.csv") for number, head in enumerate(order)))
    assert found.codes().count("ROW_DUPLICATE") == 2
    assert "LINE_DUTY_REPEATED" not in found.codes()
    assert not found.refused()


@pytest.mark.parametrize("order", list(permutations(("", "10", "20"))))
@pytest.mark.parametrize("apart", [False, True])
def test_three_copies__of_which_two_contradict(
    lines: Callable[..., Path], read: Callable[..., Any], order: tuple[str, ...], apart: bool
) -> None:
    """Rows that contradict each other refuse their entry, whichever stands first and whatever it leaves out."""
    rows = [f"{SECOND},{quantity}" for quantity in order]
    head = f"{HEAD},Line Tariff Quantity (1)"
    parts = [[row] for row in rows] if apart else [rows]
    found = read(*(lines(head, *some, name=f"{number}.csv") for number, some in enumerate(parts)))
    assert found.codes().count("ROW_CONFLICT") == 1
    assert found.refused() == ["ABC12345676"]
    conflict = found.one("ROW_CONFLICT")
    assert conflict["column"] == "Line Tariff Quantity (1)"


@pytest.mark.parametrize("order", list(permutations(("", "10", "10"))))
def test_three_copies__that_agree(lines: Callable[..., Path], read: Callable[..., Any], order: tuple[str, ...]) -> None:
    """What only some of the copies say is taken from them."""
    found = read(lines(f"{HEAD},Line Tariff Quantity (1)", *(f"{SECOND},{quantity}" for quantity in order)))
    assert found.codes().count("ROW_DUPLICATE") == 2
    assert [row[str(s.QUANTITIES_E2[0])] for row in found.table("tariffs")] == [1000]


@pytest.mark.parametrize(
    "before", ['"Smith, Inc"', '"Smith ""and"" Sons, Inc"', '"two\nlines"', "x" * 5000, "a\x0bb", "a\u2028b", "Smith"]
)
def test_wrong_number_of_cells__behind_any_cell(
    lines: Callable[..., Path], read: Callable[..., Any], before: str
) -> None:
    """A row with a cell too many refuses its entry, whatever stands before the entry number."""
    found = read(lines(f"Importer Name,{HEAD}", f"{before},{FIRST}", f"{before},{SECOND},1"))
    assert found.refused() == ["ABC12345676"]
    assert "its entry ABC12345676 is refused" in found.one("ROW_CELLS")["message"]


@pytest.mark.parametrize("around", ["\u00a0{}", "{}\u00a0", '"{}\n"', '"\r\n{}"', "'{}", '"=""{}"""'])
def test_entry_number__what_may_stand_around(lines: Callable[..., Path], read: Callable[..., Any], around: str) -> None:
    """What does not count around any cell does not count around an entry number."""
    found = read(lines(HEAD, FIRST.replace("60.00", "10.00"), around.format("ABC12345676") + SECOND[11:]))
    assert "ENTRY_NUMBER_UNREADABLE" not in found.codes()
    assert len(found.table("tariffs")) == 2


@pytest.mark.parametrize(
    ("column", "cell"), [("CN", "\u00df"), ("CN", "\ufb01"), ("01", "\u0660\u0661"), ("01", "\uff11")]
)
def test_codes__of_other_alphabets(
    lines: Callable[..., Path], read: Callable[..., Any], column: str, cell: str
) -> None:
    """Letters and digits of other alphabets are no codes, even where their capitals are."""
    found = read(lines(HEAD, FIRST.replace(f",{column},", f",{cell},")))
    assert found.one("WORD_UNKNOWN")["value"] == cell


@pytest.mark.parametrize("day", [dt.date(9999, 12, 31), dt.date(1, 1, 1), dt.date(1899, 12, 31), dt.date(2200, 1, 1)])
def test_dates__of_parquet_beyond_the_bounds(read: Callable[..., Any], tmp_path: Path, day: dt.date) -> None:
    """A day that is none as text is none as a date either."""
    table = pa.table({name: [row[place] for row in GOOD] for place, name in enumerate(ES003)})
    place = ES003.index("Entry Date")
    for kept in (dt.date(1900, 1, 1), dt.date(2199, 12, 31)):
        days = pa.array([kept, kept, dt.date(2025, 3, 2)])
        pq.write_table(table.set_column(place, "Entry Date", days), tmp_path / "good.parquet")
        assert read(tmp_path / "good.parquet").entry("ABC12345676")[str(f.ENTRY_DATE)] == kept
    pq.write_table(
        table.set_column(place, "Entry Date", pa.array([day, day, dt.date(2025, 3, 2)])), tmp_path / "x.parquet"
    )
    found = read(tmp_path / "x.parquet")
    assert found.refused() == ["ABC12345676"]
    assert {row["value"] for row in found.found() if row["code"] == "DATE_UNREADABLE"} == {str(day)}


@pytest.mark.parametrize("trouble", ["not UTF-8", "dictionary", "time zone"])
def test_parquet__cells_that_are_no_text(
    read: Callable[..., Any], lines: Callable[..., Path], tmp_path: Path, trouble: str
) -> None:
    """A column of which no cells can be made is a finding that names it, and other files are read."""
    table = pa.table({name: [row[place] for row in GOOD] for place, name in enumerate(ES003)})
    bad: pa.Array = pa.array([b"A", b"caf\xe9", b"B"]).view(pa.string())
    if trouble == "dictionary":
        bad = pa.DictionaryArray.from_arrays(pa.array([0, 1, 2], pa.int32()), bad)
    elif trouble == "time zone":
        bad = pa.array([1, 2, 3], pa.timestamp("us", "Foo/Bar"))
    name = "Country of Origin Code"
    pq.write_table(table.set_column(ES003.index(name), name, bad), tmp_path / "bad.parquet")
    found = read(tmp_path / "bad.parquet", lines(HEAD, FIRST, name="good.csv"))
    assert name in found.one("FILE_COLUMN_TYPE")["message"]
    assert [row["entry_number"] for row in found.table("entries")] == ["ABC12345676"]


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_encoding__row_of_the_first_odd_byte(read: Callable[..., Any], tmp_path: Path, end: str) -> None:
    """The row in which the encoding shows is counted as an editor does, whatever ends a line."""
    path = tmp_path / "old.csv"
    path.write_bytes(end.join([HEAD, FIRST, SECOND.replace("CN", "\u00e9"), ""]).encode("cp1252"))
    assert read(path).one("ENCODING_ASSUMED")["row"] == 3


def test_files__more_than_a_store_tells_apart(
    lines: Callable[..., Path], read: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Too many files end an import with the way out, before the first that has no number is read."""
    monkeypatch.setattr(reading, "MOST_FILES", 1)
    with pytest.raises(
        InputError, match=r"b.csv: a store remembers 1 files at most; put the rows of many files together"
    ):
        read(lines(HEAD, FIRST, name="a.csv"), lines(HEAD, SECOND, name="b.csv"))


@pytest.mark.parametrize("title", ["Main Report", "R & D <1>"])
def test_workbook__with_a_stray_cell_far_away(
    lines: Callable[..., Path], read: Callable[..., Any], tmp_path: Path, title: str
) -> None:
    """A sheet that says it reaches to the end of the grid is a finding, and other files are read; another sheet may."""
    book = openpyxl.Workbook()
    sheet = book.active
    sheet.title = title
    for row in (ES003, *GOOD):
        sheet.append(list(row))
    other = book.create_sheet("Notes")
    other["XFD1048576"] = "x"
    book.save(tmp_path / "good.xlsx")
    assert len(read(tmp_path / "good.xlsx").table("tariffs")) == 3
    sheet["XFD1048576"] = "x"
    book.save(tmp_path / "far.xlsx")
    found = read(tmp_path / "far.xlsx", lines(HEAD, FIRST, name="good.csv"))
    assert found.one("FILE_SHEET_TOO_LARGE")["value"] == "XFD1048576"
    assert [row["entry_number"] for row in found.table("entries")] == ["ABC12345676"]
