"""Files that are none: a finding beside good files, exit code 2 with one clear message alone."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from face import exports
from face.exports import AS_OF, BAD, GOOD, entry
from face.judging import Capture, finding, run, unaffected
from road import es003
from road.es003 import HEADINGS


def _not_a_spreadsheet(path: Path) -> None:
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 4)


def _prose(path: Path) -> None:
    path.write_text("Dear Sir,\nplease find our refund attached.\n", encoding="utf-8")


def _old_excel(path: Path) -> None:
    path.write_bytes(bytes.fromhex("d0cf11e0a1b11ae1") + bytes(4096))


def _pdf(path: Path) -> None:
    path.write_bytes(b"%PDF-1.7\n" + b"stream" * 50)


def _empty(path: Path) -> None:
    path.write_bytes(b"")


def _headings_only(path: Path) -> None:
    path.write_text(",".join(es003.heads(exports.good())) + "\n", encoding="utf-8")


def _truncated_workbook(path: Path) -> None:
    whole = es003.write(exports.good(), path.with_name("whole.xlsx"))
    path.write_bytes(whole.read_bytes()[:-900])


def _truncated_parquet(path: Path) -> None:
    whole = es003.write(exports.good(), path.with_name("whole.parquet"))
    path.write_bytes(whole.read_bytes()[:-9])


def _zip(path: Path) -> None:
    import zipfile

    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("export.csv", "a,b\n1,2\n")


FILES: list[tuple[str, Callable[[Path], None], str]] = [
    ("picture.csv", _not_a_spreadsheet, "FILE_NOT_TEXT"),
    ("picture.xlsx", _not_a_spreadsheet, "FILE_NOT_TEXT"),
    ("letter.csv", _prose, "FILE_NO_HEADER"),
    ("old.xls", _old_excel, "FILE_OLD_EXCEL"),
    ("report.pdf", _pdf, "FILE_PDF"),
    ("empty.csv", _empty, "FILE_EMPTY"),
    ("empty.xlsx", _empty, "FILE_EMPTY"),
    ("empty.parquet", _empty, "FILE_EMPTY"),
    ("cut.xlsx", _truncated_workbook, "FILE_TRUNCATED"),
    ("cut.parquet", _truncated_parquet, "FILE_TRUNCATED"),
    ("archive.xlsx", _zip, "FILE_NOT_A_WORKBOOK"),
]


@pytest.mark.parametrize(("name", "make", "code"), FILES, ids=lambda word: word if isinstance(word, str) else "")
def test_run__unreadable_file(
    name: str, make: Callable[[Path], None], code: str, tmp_path: Path, capsys: Capture
) -> None:
    """Alone, such a file is exit code 2, one message and no output; beside a good one it is a finding."""
    bad = tmp_path / name
    make(bad)
    said = es003.cape(capsys, "run", bad, "--quiet", "--out", tmp_path / "out")
    assert said.code == 2
    assert said.out == ""
    assert said.err.startswith("cape: ")
    assert name in said.err
    assert not (tmp_path / "out").exists()
    said, answer = run(capsys, tmp_path, exports.good_alone(tmp_path), bad)
    found = finding(answer, code)
    assert (said.code, found["severity"], found["source"]) == (1, "error", name)
    assert found["remedy"]
    unaffected(answer)


def test_run__headings_without_rows(tmp_path: Path, capsys: Capture) -> None:
    """A report that found nothing is said, and is no silent success."""
    _headings_only(tmp_path / "none.csv")
    said, answer = run(capsys, tmp_path, exports.good_alone(tmp_path), tmp_path / "none.csv")
    assert (said.code, finding(answer, "FILE_WITHOUT_ROWS")["source"]) == (1, "none.csv")
    unaffected(answer)
    said, answer = run(capsys, tmp_path, tmp_path / "none.csv")
    assert said.code == 1
    assert answer["entries"] == []


def test_run__wrong_encoding(tmp_path: Path, capsys: Capture) -> None:
    """Windows-1252 is read and said, with the row of the first byte that is not UTF-8; the amounts do not change."""
    rows = [{**row, "Importer Name": "Société Générale"} for row in exports.good()]
    export = es003.write(rows, tmp_path / "export.csv")
    export.write_bytes(export.read_text(encoding="utf-8").encode("cp1252"))
    said, answer = run(capsys, tmp_path, export)
    found = finding(answer, "ENCODING_ASSUMED")
    assert (said.code, found["severity"], found["source"], found["row"]) == (1, "warning", "export.csv", 2)
    assert [row["principal_cents"] for row in answer["entries"]] == [100_000, 100_000]


def test_run__utf_16(tmp_path: Path, capsys: Capture) -> None:
    """`Unicode text` of a spreadsheet program (UTF-16) is read, or refused with one message; never garbage."""
    export = exports.good_alone(tmp_path)
    export.write_text(export.read_text(encoding="utf-8"), encoding="utf-16")
    said = es003.cape(capsys, "run", export, *AS_OF, "--out", tmp_path / "out")
    assert said.code in {0, 2}
    if said.code == 2:
        assert "good.csv" in said.err
    else:
        answer = es003.tables(tmp_path / "out")
        assert [row["principal_cents"] for row in answer["entries"]] == [100_000, 100_000]


def test_run__parquet_with_float_amounts(tmp_path: Path, capsys: Capture) -> None:
    """Amounts that a writer made binary floats are taken when they are whole cents, and refused when they are not."""
    rows = [*exports.good(), *entry(BAD)]
    amounts = [1000.0, 0.0, 1000.0, 0.0, 1000.005, 0.0]
    table = pa.table(
        {head: [cells[place] for cells in es003.texts(rows)] for place, head in enumerate(es003.heads(rows))}
    )
    duty = HEADINGS["duty"]
    table = table.set_column(table.column_names.index(duty), duty, pa.array(amounts, pa.float64()))
    pq.write_table(table, tmp_path / "export.parquet")
    said, answer = run(capsys, tmp_path, tmp_path / "export.parquet")
    assert said.code == 1
    assert finding(answer, "CELL_DECIMALS")["entry_number"] == BAD
    assert [row["principal_cents"] for row in answer["entries"] if row["entry_number"] in GOOD] == [100_000, 100_000]


def test_run__parquet_kinds_of_text(tmp_path: Path, capsys: Capture) -> None:
    """However a writer stores text, the answer is the same."""
    rows = exports.good()
    columns = {head: [cells[place] for cells in es003.texts(rows)] for place, head in enumerate(es003.heads(rows))}
    for kind in (pa.string(), pa.large_string(), pa.string_view(), pa.dictionary(pa.int32(), pa.string())):
        table = pa.table({head: pa.array(cells, pa.string()).cast(kind) for head, cells in columns.items()})
        pq.write_table(table, tmp_path / "export.parquet")
        said, answer = run(capsys, tmp_path, tmp_path / "export.parquet")
        assert said.code == 0
        unaffected(answer)
