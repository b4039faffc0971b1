"""`cape refund compare-interest`: one amount, one entry and a whole run by every convention, and what it refuses."""

from __future__ import annotations

import datetime as dt
import threading
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from cape_engine import rules
from cape_engine.cli import common, invoke
from cape_engine.errors import Stopped
from cape_engine.pipeline.comparing import ENTRIES_FILE, CompareRequest, compare_run
from cape_engine.refund.conventions import catalogue
from face.exports import entry
from reference import conventions as twin
from reference.late import late
from reference.refund import consumed
from road import es003

Capture = pytest.CaptureFixture[str]
AS_OF = dt.date(2026, 5, 4)
PAID = dt.date(2026, 7, 20)
ENTERED = dt.date(2025, 9, 8)
NUMBERS = ("ABC12345676", "XYZ00000015", "9AZ76543214")
DEPOSITED = dt.date(2025, 9, 22)
DEPOSITS = [(dt.date(2025, 9, 18), 60_000), (dt.date(2025, 12, 5), 25_000), (dt.date(2026, 1, 31), 30_000)]
"""Of the second entry: the first deposit, and money that came with two corrections; 1,150.00 in all."""
PRIOR = 10_000
"""What was refunded on it before: it consumed a part of the last deposit."""
HEADERS: list[dict[str, object]] = [
    {"entry_number": NUMBERS[0], "deposit_date": DEPOSITED, "importer_kind": "corporate"},
    {"entry_number": NUMBERS[1], "importer_kind": "noncorporate", "prior_refund_cents": PRIOR},
    {"entry_number": NUMBERS[2], "importer_kind": "corporate"},
]


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store of three entries, one of them with several deposits, one without; and its run."""
    folder = tmp_path_factory.mktemp("compared")
    source = es003.write([row for number in NUMBERS for row in entry(number)], folder / "export.csv")
    es003.write_facts(HEADERS, folder / "headers.csv")
    deposits: list[dict[str, object]] = [
        {"entry_number": NUMBERS[1], "deposit_date": day, "amount_cents": cents} for day, cents in DEPOSITS
    ]
    es003.write_facts(deposits, folder / "deposits.csv")
    said = ["import", source, "--store", folder / "store", "--headers", folder / "headers.csv"]
    assert invoke([str(word) for word in [*said, "--quiet"]]) in (0, 1)
    for name, options in (("run", []), ("quarter", ["--set", "refund.interest_rounding=per_quarter"])):
        said = ["run", folder / "store", "--deposits", folder / "deposits.csv", "--as-of", AS_OF, "--quiet"]
        assert invoke([str(word) for word in [*said, "--out", folder / name, *options]]) in (0, 1)
    return folder


def compare(capsys: Capture, *words: object, code: int = 0) -> list[dict[str, Any]]:
    """The JSON lines of the command."""
    said = es003.cape(capsys, "refund", "compare-interest", *words, "--json")
    assert said.code == code, said.err
    return said.lines


def of(lines: list[dict[str, Any]], event: str) -> list[dict[str, Any]]:
    """The lines of one kind."""
    return [line for line in lines if line["event"] == event]


def test_compare__one_amount(capsys: Capture) -> None:
    """Every convention of one amount equals its twin; CBP's figure is recognised, equal ones before near ones."""
    words = ("--entry", "100000.00", "2025-03-14", "2026-05-08", "--kind", "corporate")
    days = ("--entered", "2025-03-04", "--paid", "2026-05-12")
    lines = compare(capsys, *words, *days, "--cbp", "703595")
    one = twin.Refund(
        10_000_000, dt.date(2025, 3, 14), dt.date(2026, 5, 8), "corporate", dt.date(2025, 3, 4), dt.date(2026, 5, 12)
    )
    told = {line["convention"]: line["interest_cents"] for line in of(lines, "convention")}
    assert told == {name: twin.interest(name, one) for name in catalogue()}
    recognised = of(lines, "compared")[0]["recognised"]
    assert recognised == ["per_quarter", "per_quarter_cents", "exact", "base_365", "leap_base_kept"]
    in_dollars = compare(capsys, *words, *days, "--cbp", "7035.95", "--convention", "exact", "--convention", "simple")
    assert of(in_dollars, "compared")[0]["recognised"] == ["exact"]
    assert [line["convention"] for line in of(in_dollars, "convention")] == ["exact", "simple"]
    strict = compare(capsys, *words, "--cbp", "703595", "--set", "reports.rounding_tolerance_cents=0")
    assert of(strict, "compared")[0]["recognised"] == ["per_quarter", "per_quarter_cents"]


def test_compare__unknown_days_are_open(capsys: Capture) -> None:
    """Without entry date and day of payment the conventions that need them have no figure, and match nothing."""
    lines = compare(capsys, "--entry", "5000", "2026-03-31", "2026-04-01", "--cbp", "0")
    open_ = [line["convention"] for line in of(lines, "convention") if line["interest_cents"] is None]
    assert open_ == [name for name, how in catalogue().items() if how.start == "entry" or how.end == "payment"]
    assert all(line["cbp_match"] == "" for line in of(lines, "convention") if line["convention"] in open_)


def test_compare__late_interest_only_when_switched_on(capsys: Capture) -> None:
    """Interest for late payment stands beside it when the setting is on and the day of payment is given."""
    words = ("--entry", "100000.00", "2025-03-14", "2026-05-08", "--paid", "2026-07-10")
    assert of(compare(capsys, *words), "late") == []
    line = of(compare(capsys, *words, "--set", "refund.late_interest=true"), "late")[0]
    owed = 10_703_594
    expected = late(owed, dt.date(2026, 5, 8), dt.date(2026, 7, 10), "corporate")
    assert (line["owed_cents"], line["late_interest_cents"]) == (owed, expected)


def by_hand(name: str, number: str, liquidated: dt.date) -> int:
    """A convention of an entry of the run: the sum over its slices."""
    kind = "corporate" if number == NUMBERS[0] else "noncorporate"
    parts = [(DEPOSITED, 100_000)]
    if number == NUMBERS[1]:
        parts = [part for part in consumed(DEPOSITS, 100_000 - PRIOR, PRIOR, last_first=True) if part[1]]
    return sum(twin.interest(name, twin.Refund(cents, day, liquidated, kind, ENTERED, PAID)) for day, cents in parts)


@pytest.mark.parametrize("name", ["run", "quarter"])
def test_compare__whole_run(name: str, world: Path, tmp_path: Path, capsys: Capture) -> None:
    """Each entry with interest has each convention's amount, added up over its deposits; the sums stand beside it."""
    beside = ("--store", world / "store", "--deposits", world / "deposits.csv", "--paid", PAID)
    lines = compare(capsys, "--results", world / name, *beside, "--out", tmp_path / "out")
    rows = pq.read_table(tmp_path / "out" / ENTRIES_FILE).to_pylist()
    ours = {row["entry_number"]: row for row in pq.read_table(world / name / "entries.parquet").to_pylist()}
    assert [row["entry_number"] for row in rows] == sorted(NUMBERS[:2])
    assert [row["importer_kind"] for row in rows] == ["corporate", "noncorporate"]
    sums = {line["convention"]: line for line in of(lines, "convention")}
    for convention in catalogue():
        column = f"by_{convention}_cents"
        expected = [by_hand(convention, row["entry_number"], row["interest_to"]) for row in rows]
        assert [row[column] for row in rows] == expected, convention
        run = [ours[row["entry_number"]]["interest_cents"] for row in rows]
        assert sums[convention]["interest_cents"] == sum(expected)
        assert sums[convention]["beside_run_cents"] == sum(expected) - sum(run)
        assert sums[convention]["unequal_entries"] == sum(a != b for a, b in zip(expected, run, strict=True))
    in_force = "exact" if name == "run" else "per_quarter"
    assert sums[in_force]["unequal_entries"] == 0
    assert of(lines, "finding") == []


def test_compare__same_inputs_same_files(world: Path, tmp_path: Path, capsys: Capture) -> None:
    """Two calls write the same bytes, into the same folder too."""
    words = ("--results", world / "run", "--deposits", world / "deposits.csv", "--store", world / "store")
    for out in ("one", "two", "two"):
        compare(capsys, *words, "--out", tmp_path / out)
    names = sorted(file.name for file in (tmp_path / "one").iterdir())
    assert names == ["conventions.parquet", "findings.parquet", "interest.parquet", "manifest.json"]
    for name in names:
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()


def test_compare__one_entry_of_a_run(world: Path, capsys: Capture) -> None:
    """CBP's figure of one entry is recognised among the conventions of its deposits."""
    beside = ("--store", world / "store", "--deposits", world / "deposits.csv", "--paid", PAID)
    liquidated = next(
        row["interest_to"]
        for row in pq.read_table(world / "run" / "entries.parquet").to_pylist()
        if row["entry_number"] == NUMBERS[1]
    )
    figure = by_hand("to_payment_date", NUMBERS[1], liquidated)
    lines = compare(capsys, "XYZ-0000001-5", "--results", world / "run", *beside, "--cbp", str(figure))
    equal = [line["convention"] for line in of(lines, "convention") if line["cbp_match"] == "equal"]
    assert equal == ["to_payment_date"]
    assert {line["importer_kind"] for line in of(lines, "convention")} == {"noncorporate"}


def test_compare__without_the_deposits_it_says_so(world: Path, capsys: Capture) -> None:
    """An amount of the run that no kind gives from one deposit is a warning with the way out, and exit code 1."""
    lines = compare(capsys, "--results", world / "run", code=1)
    found = {line["code"]: line["message"] for line in of(lines, "finding")}
    assert set(found) == {"PAYMENT_DAY_NOT_GIVEN", "RUN_INTEREST_NOT_REPRODUCED"}
    assert found["RUN_INTEREST_NOT_REPRODUCED"].startswith("the interest of 1 entries of the run")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ((), "name either --entry AMOUNT FROM TO or --results"),
        (("--entry", "1", "2025-03-14", "2025-03-15", "--results", "x"), "name either --entry AMOUNT FROM TO"),
        (("--entry", "1", "2025-03-14", "2025-03-15", "--out", "x"), "belong to --results, not to --entry"),
        (("--results", "x", "--kind", "corporate"), "--kind and --entered belong to --entry"),
        (("--results", "x", "--cbp", "5"), "name ENTRY"),
        (("--results", "no-such-folder"), "holds no results of a run"),
        (("--entry", "1,2,3.4", "2025-03-14", "2025-03-15"), "is not an amount; write dollars"),
        (("--entry", "-1", "2025-03-14", "2025-03-15"), "is not an amount"),
        (("--entry", "1", "14.3.2025", "2025-03-15"), "write it as YYYY-MM-DD"),
        (("--entry", "1", "2026-03-14", "2025-05-08"), "2025-05-08 (TO) lies before 2026-03-14 (FROM)"),
        (("--entry", "1", "2025-03-14", "2027-03-15"), "no interest rate is known for 2027-01-01"),
        (("--entry", "1", "2025-03-14", "2025-03-15", "--cbp", "x"), "write cents like 123450"),
        (("--entry", "1", "2025-03-14", "2025-03-15", "--convention", "monthly"), "no interest convention 'monthly'"),
    ],
)
def test_compare__refusals(words: tuple[str, ...], said: str, capsys: Capture) -> None:
    """What cannot be answered is said with the way out, exit code 2."""
    told = es003.cape(capsys, "refund", "compare-interest", *words)
    assert told.code == 2
    assert said in told.err


def test_compare__unknown_convention_of_a_run(world: Path, capsys: Capture) -> None:
    """A name that is no convention is refused for a run as well."""
    told = es003.cape(capsys, "refund", "compare-interest", "--results", world / "run", "--convention", "monthly")
    assert told.code == 2
    assert "no interest convention 'monthly'" in told.err


def test_compare__help_shows_an_example(capsys: Capture) -> None:
    """The command explains itself and gives examples to copy."""
    told = es003.cape(capsys, "refund", "compare-interest", "--help")
    assert told.code == 0
    assert "cape refund compare-interest --entry 100000.00 2025-03-14 2026-05-08" in told.out
    assert "compare-interest" in es003.cape(capsys, "refund", "--help").out


def test_compare__tables_for_people(world: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch) -> None:
    """On a terminal an amount, an entry and a run are tables, CBP's figure first; --quiet prints nothing."""
    monkeypatch.setattr(common, "is_terminal", lambda: True)
    words = ("refund", "compare-interest", "--entry", "100000.00", "2025-03-14", "2026-05-08", "--paid", "2026-07-10")
    told = es003.cape(capsys, *words, "--cbp", "703595", "--set", "refund.late_interest=true").out
    first, rest = told.index("per_quarter"), told.index("exact")
    assert first < rest
    assert "Interest for late payment (19 USC 1505(d)): $904.01 on $107,035.94" in told
    run = es003.cape(capsys, "refund", "compare-interest", "--results", world / "run").out
    assert "PAYMENT_DAY_NOT_GIVEN" in run
    assert "Interest by convention" in run
    assert es003.cape(capsys, *words, "--quiet").out == ""
    assert es003.cape(capsys, "refund", "compare-interest", "--results", world / "run", "--quiet").out == ""


@pytest.mark.parametrize("number", [NUMBERS[2], "ZZZ00000002", "000-0000000-0"])
def test_compare__entry_without_interest(number: str, world: Path, capsys: Capture) -> None:
    """An entry that the run paid no interest on, or does not know, has nothing to compare."""
    told = es003.cape(capsys, "refund", "compare-interest", number, "--results", world / "run")
    assert told.code == 2
    assert "is not among the entries with interest" in told.err


def test_compare__results_of_others_are_not_touched(world: Path, capsys: Capture) -> None:
    """The folder of a run is not written over."""
    before = (world / "run" / "manifest.json").read_bytes()
    told = es003.cape(capsys, "refund", "compare-interest", "--results", world / "run", "--out", world / "run")
    assert told.code == 2
    assert "holds the results of `cape run`" in told.err
    assert (world / "run" / "manifest.json").read_bytes() == before


def test_compare__stopped_leaves_nothing(world: Path, tmp_path: Path) -> None:
    """A signal ends the work; no table stands in the folder."""
    stop = threading.Event()
    stop.set()
    with pytest.raises(Stopped):
        compare_run(CompareRequest(world / "run", rules.load(), out=tmp_path / "out"), stop=stop)
    assert not list((tmp_path / "out").glob("*"))
