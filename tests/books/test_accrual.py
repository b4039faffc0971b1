"""Books by period: equal to the day-by-day twin, closed from period to period, and as of a past day of a ledger."""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import cape_engine
from books.by_hand import positions_of
from cape_engine import cli
from cape_engine.errors import InputError, UsageError
from cape_engine.ledger import Ledger
from cape_engine.pipeline.books.accruing import LENGTHS, accrue
from living.made import AS_OF, Made, accepted, accepted_numbers
from reference.books import Entry, books, period_of

DAYS = st.dates(dt.date(2025, 9, 20), dt.date(2026, 7, 20))
ENTRIES = st.lists(
    st.builds(
        Entry,
        st.sampled_from(["12-345678900", "98-765432100"]),
        st.lists(st.tuples(st.integers(1, 10**9), DAYS), min_size=1, max_size=3).map(tuple),
        DAYS,
        st.sampled_from(["corporate", "noncorporate"]),
    ),
    min_size=1,
    max_size=4,
)
MONEY = ("deposited_cents", "earned_cents", "due_principal_cents", "due_interest_cents")


def whole_days(entries: list[Entry]) -> list[Entry]:
    """Deposits of one day are one slice, as the engine makes them."""
    made = []
    for entry in entries:
        days = sorted({day for _, day in entry.deposits})
        deposits = tuple((sum(cents for cents, on in entry.deposits if on == day), day) for day in days)
        made.append(Entry(entry.importer, deposits, entry.day, entry.kind))
    return made


@settings(max_examples=40)
@given(ENTRIES, DAYS, st.sampled_from(LENGTHS))
def test_accrue__twin_of_days(entries: list[Entry], cut_off: dt.date, length: str) -> None:
    """Late and several deposits, both kinds, every length: each row as day by day in fractions."""
    plain = whole_days(entries)
    made = accrue(positions_of(plain), cut_off, length)
    found = {
        (row["period_start"], row["importer_number"]): [row[name] for name in MONEY]
        for row in made.importers.to_pylist()
        if any(row[name] for name in MONEY)
    }
    assert found == books(plain, cut_off, length)


@given(ENTRIES, st.sampled_from(LENGTHS))
def test_accrue__periods_close(entries: list[Entry], length: str) -> None:
    """What is open is what was open, and came in, less what is due; at the end nothing is open but all is due."""
    plain = whole_days(entries)
    last = max(entry.day for entry in plain)
    made = accrue(positions_of(plain), last, length)
    principal = interest = 0
    rows = made.periods.to_pylist()
    for row in rows:
        principal += row["deposited_cents"] - row["due_principal_cents"]
        interest += row["earned_cents"] - row["due_interest_cents"]
        assert (row["open_principal_cents"], row["open_interest_cents"]) == (principal, interest)
        assert min(row[name] for name in (*MONEY, "open_principal_cents", "open_interest_cents")) >= 0
    assert (principal, interest) == (0, 0)
    assert sum(row["earned_cents"] for row in rows) == sum(entry.earned(entry.day) for entry in plain)
    assert [row["period_start"] for row in rows] == sorted({period_of(row["period_start"], length) for row in rows})


def test_accrual__of_a_run(run: Made, tmp_path: Path) -> None:
    """With the deposits file every entry is rebuilt, and all periods add up to the interest of the run."""
    result = cape_engine.accrual(
        results=run.results, deposits=run.beside["deposits"], cut_off="2027-01-31", out=tmp_path / "books"
    )
    assert result.exit_code == 0
    entries = pq.read_table(run.results / "entries.parquet")
    paid = entries.filter(pc.is_valid(entries.column("payment_id")))
    for by in ("importers", "periods"):
        table = result.table(by)
        assert pc.sum(table.column("earned_cents")).as_py() == pc.sum(paid.column("interest_cents")).as_py()
        assert pc.sum(table.column("due_principal_cents")).as_py() == pc.sum(paid.column("principal_cents")).as_py()
    waits = pc.and_(pc.is_null(entries.column("payment_id")), pc.greater(entries.column("principal_cents"), 0))
    waiting = pc.sum(entries.filter(waits).column("principal_cents")).as_py()
    assert pc.sum(result.table("without_day").column("principal_cents")).as_py() == waiting > 0
    names = {path.name for path in (tmp_path / "books").iterdir()}
    assert names >= {"periods.parquet", "periods.csv", "accrual.xlsx", "importers.csv", "manifest.json"}
    again = cape_engine.accrual(
        results=run.results, deposits=run.beside["deposits"], cut_off="2027-01-31", out=tmp_path / "again"
    )
    assert again.manifest == result.manifest
    for name in names - {"manifest.json"}:
        assert (tmp_path / "books" / name).read_bytes() == (tmp_path / "again" / name).read_bytes()


def test_accrual__without_deposits_file(run: Made) -> None:
    """Entries of several deposits are named, and their periods still add up to their interest."""
    result = cape_engine.accrual(results=run.results, cut_off="2027-01-31")
    (found,) = result.table("findings").to_pylist()
    assert found["code"] == "BOOKS_NOT_REBUILT"
    entries = pq.read_table(run.results / "entries.parquet")
    paid = entries.filter(pc.is_valid(entries.column("payment_id")))
    assert pc.sum(result.table("periods").column("earned_cents")).as_py() == pc.sum(paid["interest_cents"]).as_py()


def test_accrual__workbook_reads_back(run: Made, tmp_path: Path) -> None:
    """The workbook holds the same rows, in dollars, as an independent reader sees them."""
    import fastexcel

    result = cape_engine.accrual(results=run.results, deposits=run.beside["deposits"], out=tmp_path)
    sheet = fastexcel.read_excel(tmp_path / "accrual.xlsx").load_sheet("periods").to_arrow()
    dollars = sheet.column("earned").to_pylist()
    assert [round(value * 100) for value in dollars] == result.table("periods").column("earned_cents").to_pylist()


@pytest.fixture(scope="module")
def played(run: Made, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A ledger in which the run's entries lived up to the end of June."""
    place = tmp_path_factory.mktemp("played") / "l"
    with Ledger.open(place) as ledger:
        accepted(ledger, accepted_numbers(pq.read_table(run.results / "entries.parquet")))
    cape_engine.schedule(run.results, run.store, ledger=place, **run.beside)
    cape_engine.advance(ledger=place, to="2026-06-30")
    return place


def rows_of(result: Any, name: str) -> list[dict[str, Any]]:
    """A table as rows."""
    rows: list[dict[str, Any]] = result.table(name).to_pylist()
    return rows


def test_accrual__ledger_equals_run(run: Made, played: Path) -> None:
    """On the evening of the filing day the ledger tells the books of the run, importer by importer."""
    mine = cape_engine.accrual(ledger=played, as_of=AS_OF, cut_off="2026-12-31")
    theirs = cape_engine.accrual(results=run.results, deposits=run.beside["deposits"], cut_off="2026-12-31")
    assert rows_of(mine, "periods") == rows_of(theirs, "periods")

    def by_importer(result: Any) -> list[tuple[str, ...]]:
        return sorted(
            (row.pop("importer_number").replace("-", "").upper(), *row.values()) for row in rows_of(result, "importers")
        )

    assert by_importer(mine) == by_importer(theirs)


def test_accrual__as_of_replay(run: Made, played: Path, tmp_path: Path) -> None:
    """What is asked about a past day does not change when more days are played and events come."""
    before = cape_engine.accrual(ledger=played, as_of="2026-05-20")
    copy = tmp_path / "l"
    copy.write_bytes(played.read_bytes())
    waiting = pq.read_table(run.results / "entries.parquet").filter(pc.field("action") == "wait").to_pylist()
    held = [row["entry_number"] for row in waiting if "HELD" in row["flags"]]
    events = pa.table(
        {
            "entry_number": held,
            "kind": ["EXTENSION_ENDED"] * len(held),
            "effective_date": [dt.date(2026, 7, 2)] * len(held),
            "liquidation_date": pa.nulls(len(held), pa.date32()),
        }
    )
    cape_engine.advance(ledger=copy, to="2026-08-31", events=events)
    assert rows_of(cape_engine.accrual(ledger=copy, as_of="2026-05-20"), "importers") == rows_of(before, "importers")
    assert rows_of(cape_engine.accrual(ledger=copy, as_of="2026-05-20"), "without_day") == rows_of(
        before, "without_day"
    )
    assert rows_of(cape_engine.accrual(ledger=copy), "periods") != rows_of(before, "periods")


def test_accrual__what_cannot_be_asked(run: Made, tmp_path: Path) -> None:
    """Two sources, none, a day before the run, a folder without results and unknown options are refused."""
    with pytest.raises(UsageError, match="--results, or a ledger"):
        cape_engine.accrual()
    with pytest.raises(UsageError, match="--results, or a ledger"):
        cape_engine.accrual(results=run.results, ledger=tmp_path / "l")
    with pytest.raises(UsageError, match="knows no earlier day"):
        cape_engine.accrual(results=run.results, as_of="2026-05-03")
    with pytest.raises(InputError, match="no results of a run"):
        cape_engine.accrual(results=tmp_path)
    with pytest.raises(UsageError, match="week, month, quarter"):
        cape_engine.accrual(results=run.results, by="year")
    with pytest.raises(UsageError, match="no option 'until'"):
        cape_engine.accrual(results=run.results, until="2026-05-03")  # type: ignore[call-arg]
    with pytest.raises(UsageError, match="results of `cape run`"):
        cape_engine.accrual(results=run.results, out=run.results)


def test_accrual__command(run: Made, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """JSON lines for machines, nothing with --quiet, exit code 1 with findings and 2 without a source."""
    words = ["refund", "accrual", "--results", str(run.results), "--by", "quarter", "--cut-off", "2026-06-30"]
    assert cli.invoke([*words, "--json", "--out", str(tmp_path / "o")]) == 1
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert lines[0]["event"] == "period"
    assert lines[-1]["event"] == "accrual"
    assert lines[-1]["counts"]["by"] == "quarter"
    assert cli.invoke([*words, "--deposits", str(run.beside["deposits"]), "--quiet"]) == 0
    assert capsys.readouterr().out == ""
    assert cli.invoke(["refund", "accrual"]) == 2
