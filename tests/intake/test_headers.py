"""Header, importers and deposits files."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from cape_engine import intake
from cape_engine.errors import InputError, UsageError
from cape_engine.rules import Ruleset
from cape_engine.schema import facts as f

from .conftest import ES003, GOOD


@pytest.fixture
def lines(tmp_path: Path) -> Callable[..., Path]:
    """Write lines as a file."""

    def write(*text: str, name: str = "headers.csv") -> Path:
        path = tmp_path / name
        path.write_text("\n".join(text) + "\n", encoding="utf-8")
        return path

    return write


def test_read_headers__every_kind_of_fact(lines: Callable[..., Path], ruleset: Ruleset) -> None:
    """Words, days, flags and cents, one row an entry, sorted; a blank cell is unknown, a blank status stays blank."""
    path = lines(
        "entry_number,deposit_date,importer_kind,statement_complete,prior_refund_cents,liquidation_status,version",
        "XYZ-0000001-5,03/14/2025,Corporate,Y,1500,,100",
        "abc12345676,,NONCORPORATE,,,susp,00201",
    )
    table, findings = intake.read_headers([path], ruleset)
    assert len(findings) == 0
    rows = [{key: value for key, value in row.items() if value is not None} for row in table.to_pylist()]
    assert rows == [
        {
            "entry_number": "ABC12345676",
            "importer_kind": "noncorporate",
            "liquidation_status": "Suspended",
            "version": "00201",
            "input_refused": False,
        },
        {
            "entry_number": "XYZ00000015",
            "deposit_date": dt.date(2025, 3, 14),
            "importer_kind": "corporate",
            "statement_complete": True,
            "prior_refund_cents": 1500,
            "liquidation_status": "",
            "version": "00100",
            "input_refused": False,
        },
    ]


def test_read_headers__report_names(lines: Callable[..., Path], ruleset: Ruleset) -> None:
    """The report's own headings of entry facts are understood too."""
    path = lines(
        "Entry Summary Number,Liquidation Date,Importation Date,Filer Name", "ABC12345676,04/01/2026,02/28/2025,x"
    )
    table, findings = intake.read_headers([path], ruleset)
    assert len(findings) == 0
    assert table.column("liquidation_date").to_pylist() == [dt.date(2026, 4, 1)]
    assert table.column("import_date").to_pylist() == [dt.date(2025, 2, 28)]


def test_read_headers__contradiction(lines: Callable[..., Path], ruleset: Ruleset) -> None:
    """Two rows that differ refuse the entry; two that complete each other do not."""
    path = lines(
        "entry_number,deposit_date,importer_kind",
        "ABC12345676,03/14/2025,",
        "ABC12345676,03/15/2025,",
        "XYZ00000015,03/14/2025,",
        "XYZ00000015,,corporate",
    )
    table, findings = intake.read_headers([path], ruleset)
    (finding,) = findings.to_table().to_pylist()
    assert finding["code"] == "HEADER_CONFLICT"
    assert "row 3 says 2025-03-15 and row 2 of" in finding["message"]
    assert finding["entry_number"] == "ABC12345676"
    assert table.column("input_refused").to_pylist() == [True, False]
    assert table.column("importer_kind").to_pylist() == [None, "corporate"]


@pytest.mark.parametrize(
    ("text", "words"),
    [("", "is empty"), ("importer_number,entry_date\n1,2\n", "lacks entry_number"), ("hello\n", "no heading row")],
)
def test_read_headers__unreadable(lines: Callable[..., Path], ruleset: Ruleset, text: str, words: str) -> None:
    """A header file that cannot be read stops the run: its facts must not be missing silently."""
    path = lines()
    path.write_text(text)
    with pytest.raises(InputError, match=words):
        intake.read_headers([path], ruleset)


def test_build_store__headers_beat_rows(
    read: Callable[..., Any], export: Callable[..., Path], lines: Callable[..., Path]
) -> None:
    """Header facts fill and beat those of the rows; a fact that differs is a warning; strangers are named."""
    path = lines(
        "entry_number,entry_type,importer_number,deposit_date",
        "ABC12345676,03,12345678900,03/14/2025",
        "9AZ76543214,01,,03/14/2025",
    )
    result = read(export(), headers=[path])
    entry = result.entry("ABC12345676")
    assert (entry["entry_type"], entry["deposit_date"]) == ("03", dt.date(2025, 3, 14))
    assert result.one("HEADER_FACT_DIFFERS")["message"] == (
        "entry ABC12345676: the header file says 03 for entry_type, the rows say 01; the header file counts"
    )
    assert result.one("HEADER_WITHOUT_ROWS")["entry_number"] == "9AZ76543214"
    assert result.codes() == ["HEADER_FACT_DIFFERS", "HEADER_WITHOUT_ROWS"]
    assert result.entry("XYZ00000015")["entry_type"] == "01"
    assert "deposit_date" in result.store.facts_given


@pytest.mark.parametrize("cell", ["02/30/2025", "soon"])
def test_build_store__bad_header_cell(
    read: Callable[..., Any], export: Callable[..., Path], lines: Callable[..., Path], cell: str
) -> None:
    """A header cell that cannot be read refuses its entry, which loses its lines; the others stand."""
    result = read(export(), headers=[lines("entry_number,deposit_date", f"ABC12345676,{cell}")])
    assert result.refused() == ["ABC12345676"]
    assert result.entry("ABC12345676")["line_count"] == 0
    assert [row["duty_cents"] for row in result.table("tariffs")] == [0]
    assert "HEADER_CELL_REFUSED" in result.codes()


def test_build_store__quantities_behind_a_refused_entry(
    read: Callable[..., Any], export: Callable[..., Path], lines: Callable[..., Path]
) -> None:
    """The lines of a refused entry take their quantities along; those of the others stay with their own numbers."""
    header = (*ES003, "Line Tariff Quantity (1)", "Line Tariff UOM (1) Code", "Line Tariff Quantity (2)")
    given = [("", "", ""), ("12.50", "KG", "3"), ("7", "NO", "")]
    rows = [(*row, *more) for row, more in zip(GOOD, given, strict=True)]
    more = [("XYZ00000015", "2", *rows[2][2:6], str(place), *rows[2][7:10], *given[place - 1]) for place in (1, 2)]
    path = export([*rows, *more], header)
    whole, part = read(path), read(path, headers=[lines("entry_number,deposit_date", "ABC12345676,soon")])
    assert part.refused() == ["ABC12345676"]
    assert part.table("tariffs") == whole.table("tariffs")[2:]
    assert [
        (row.get("quantity_1_e2"), row.get("uom_1"), row.get("quantity_2_e2")) for row in part.table("tariffs")
    ] == [
        (700, "NO", None),
        (None, None, None),
        (1250, "KG", 300),
    ]


def test_overlay_headers__blank_status_does_not_beat_a_word(
    read: Callable[..., Any], export: Callable[..., Path], lines: Callable[..., Path], ruleset: Ruleset
) -> None:
    """A blank status in the header file leaves the word of the rows, and makes an unknown one blank."""
    result = read(export())
    partition = result.store.read(result.store.partitions[0])
    word, _found = intake.read_headers([lines("entry_number,liquidation_status", "ABC12345676,Liquidated")], ruleset)
    blank, _found = intake.read_headers([lines("entry_number,liquidation_status", "ABC12345676,")], ruleset)
    both, found = intake.overlay_headers(intake.overlay_headers(partition, word)[0], blank)
    assert both.entries.column("liquidation_status").to_pylist() == ["Liquidated", None]
    assert len(found) == 0
    assert intake.overlay_headers(partition, blank)[0].entries.column("liquidation_status").to_pylist() == ["", None]


def test_overlay_headers__shapes_of_lines(
    read: Callable[..., Any], export: Callable[..., Path], lines: Callable[..., Path], ruleset: Ruleset
) -> None:
    """A partition of which only entry facts change keeps the shapes of its lines; one that loses lines does not."""
    result = read(export())
    partition = result.store.read(result.store.partitions[0])
    said = lines("entry_number,deposit_date", "ABC12345676,2025-02-28")
    over, _found = intake.overlay_headers(partition, intake.read_headers([said], ruleset)[0])
    assert over.entries is not partition.entries
    assert over.kept_shapes is partition.kept_shapes is not None
    broken = lines("entry_number,deposit_date", "ABC12345676,02/30/2025")
    refused, _found = intake.overlay_headers(partition, intake.read_headers([broken], ruleset)[0])
    assert refused.lines.num_rows < partition.lines.num_rows
    assert refused.kept_shapes is None


def test_read_importers__texts_that_come_again_in_another_file(lines: Callable[..., Path]) -> None:
    """A file whose texts are all new is not remembered spelling by spelling; what a later file repeats is the same."""
    numbers = [f"12-{place:09d}" for place in range(40)]
    cells = [f"{number},corporate,Y" for number in numbers]
    first = lines("importer_number,importer_kind,ach_enrolled", *cells, name="first.csv")
    again = lines("importer_number,importer_kind,ach_enrolled", *reversed(cells), name="again.csv")
    table, findings = intake.read_importers([first, again])
    assert table.column(str(f.IMPORTER_NUMBER)).to_pylist() == numbers
    assert table.equals(intake.read_importers([again])[0])
    assert not len(findings)


def test_read_importers__facts_and_conflicts(lines: Callable[..., Path]) -> None:
    """One row an importer, numbers compared without dashes and case; a fact on which rows differ stays unknown."""
    path = lines(
        "importer_number,importer_kind,ach_enrolled,routing_number,account_number,account_kind,name,note",
        '12-345678900,corporate,Y,021000021,="00123",Checking,Owner,x',
        "12345678900,noncorporate,,,,,,",
        "98-765432100,individual,maybe,,,,,",
        ",corporate,,,,,,",
        ",,,,,,,",
    )
    table, findings = intake.read_importers([path])
    assert table.schema.names == [str(column) for column in f.IMPORTERS_FILE]
    first, second = table.to_pylist()
    assert first == {
        "importer_number": "12-345678900",
        "importer_kind": None,
        "ach_enrolled": True,
        "routing_number": "021000021",
        "account_number": "00123",
        "account_kind": "checking",
        "name": "Owner",
    }
    assert second["importer_number"] == "98-765432100"
    assert {second["importer_kind"], second["ach_enrolled"]} == {None}
    found = findings.to_table().to_pylist()
    assert sorted(row["code"] for row in found) == [
        "COLUMN_UNKNOWN",
        "IMPORTER_CONFLICT",
        "IMPORTER_UNREADABLE",
        "WORD_UNKNOWN",
        "WORD_UNKNOWN",
    ]
    assert not any("00123" in str(row) for row in found)


@pytest.mark.parametrize("order", [(0, 1, 2, 3), (3, 1, 2, 0)])
def test_read_importers__the_same_whether_repeated(lines: Callable[..., Path], order: tuple[int, ...]) -> None:
    """Importers who come once are not compared, others are: both ways give the same rows, blanks among them."""
    rows = (
        "12-345678900,corporate,Y,021000021,00123,checking,Owner",
        " ab 34-5 ,,N,,00124,,Owner",
        "98-765432100,noncorporate,,021000021,,savings,",
        "00-000000001,,,,,,",
    )
    head = "importer_number,importer_kind,ach_enrolled,routing_number,account_number,account_kind,name"
    once = lines(head, *(rows[place] for place in order), name="once.csv")
    twice = lines(head, *(rows[place] for place in order), *rows, name="twice.csv")
    table, findings = intake.read_importers([once])
    again, others = intake.read_importers([twice])
    assert table.equals(again)
    assert not len(findings)
    assert not len(others)
    numbers = ["00-000000001", "12-345678900", "98-765432100", "ab 34-5"]
    assert table.column(str(f.IMPORTER_NUMBER)).to_pylist() == numbers
    assert table.column(str(f.NAME)).to_pylist() == [None, "Owner", None, "Owner"]
    assert table.column(str(f.ACH_ENROLLED)).to_pylist() == [None, True, None, False]
    assert intake.read_importers([lines(head, name="none.csv")])[0].equals(table.slice(0, 0).cast(table.schema))


def test_read_deposits__rows_in_order(lines: Callable[..., Path]) -> None:
    """Deposits by entry and day, exact cents; a row that cannot be read is left out with a finding."""
    path = lines(
        "entry_number,deposit_date,amount_cents",
        "XYZ00000015,03/20/2025,250",
        "XYZ00000015,03/14/2025,10000",
        "ABC-1234567-6,2025-03-14,7",
        "ABC12345676,03/14/2025,7.50",
        "ABC12345676,,750",
        "nobody,03/14/2025,750",
    )
    table, findings = intake.read_deposits([path])
    assert table.to_pylist() == [
        {"entry_number": "ABC12345676", "deposit_date": dt.date(2025, 3, 14), "amount_cents": 7},
        {"entry_number": "XYZ00000015", "deposit_date": dt.date(2025, 3, 14), "amount_cents": 10000},
        {"entry_number": "XYZ00000015", "deposit_date": dt.date(2025, 3, 20), "amount_cents": 250},
    ]
    found = findings.to_table().to_pylist()
    assert sorted((row["row"], row["column"], row["value"]) for row in found) == [
        (5, "amount_cents", "7.50"),
        (6, "deposit_date", ""),
        (7, "entry_number", "nobody"),
    ]


def test_select_entry__one_of_a_store(read: Callable[..., Any], export: Callable[..., Path]) -> None:
    """One entry of a store becomes a store of its own, with its lines and sources; none gives an empty one."""
    store = read(export()).store
    with ExitStack() as stack:
        chosen = intake.select_entry(store, "abc-1234567-6", stack)
        part = chosen.read(chosen.partitions[0])
        assert part.entries.column("entry_number").to_pylist() == ["ABC12345676"]
        assert (part.lines.num_rows, part.tariffs.num_rows) == (1, 2)
        assert part.sources == tuple(source.name for source in store.sources)
        assert intake.select_entry(store, "9AZ76543214", stack).partitions == ()
        with pytest.raises(UsageError, match="not an entry number"):
            intake.select_entry(store, "12", stack)
