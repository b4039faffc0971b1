"""`cape review`: what people and machines see, and the exit codes of the contract."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow as pa
import pytest

from cape_engine import cli
from cape_engine.cli import common
from cape_engine.ledger import Ledger, Submission
from ledger.officers import LIQUIDATED, put_in_review
from reference.entry_number import check_digit

FIRST, SECOND = (f"ABC000000{digit}" + str(check_digit(f"ABC000000{digit}")) for digit in (1, 2))


def submitted(entries: list[str], **options: object) -> Submission:
    """A declaration of accepted entries."""
    import datetime as dt

    day = options["on_day"]
    assert isinstance(day, dt.date)
    noon = dt.datetime.combine(day, dt.time(12), dt.UTC)
    table = pa.table({"entry_number": entries, "state": ["ACCEPTED"] * len(entries)})
    return Submission("a.csv", "a" * 64, "broker", "ABC", day, noon, "Accepted", table)


@pytest.fixture
def ledger(tmp_path: Path) -> str:
    """A ledger with two entries in review."""
    url = str(tmp_path / "claims.ledger")
    put_in_review(url, submitted, {FIRST: {}, SECOND: LIQUIDATED})
    return url


def review(*words: str) -> int:
    """Run `cape review ...` of one day in this process."""
    return cli.invoke(["review", *words, "--on", "2026-10-20"])


def test_list__for_people(ledger: str, capsys: pytest.CaptureFixture[str]) -> None:
    """The queue on a terminal: amount, last day, why, and who has it; `--officer` shows one person's entries."""
    assert review("assign", FIRST, "--ledger", ledger, "--officer", "A. Lee") == 0
    capsys.readouterr()
    assert review("list", "--ledger", ledger) == 0
    head, urgent, other = capsys.readouterr().out.splitlines()
    assert head == "2 entries in review, $2,000.00"
    assert urgent.split() == [SECOND, "$1,000.00", *"decide by 2026-12-02 (43 days) bill nobody".split()]
    assert other.endswith("mode_gap  A. Lee")
    assert review("list", "--ledger", ledger, "--officer", "A. Lee") == 0
    assert capsys.readouterr().out.startswith("1 entries in review, $1,000.00")


def test_list__for_machines(ledger: str, capsys: pytest.CaptureFixture[str]) -> None:
    """`--json` prints each entry as a line, and the count; `--quiet` prints nothing."""
    assert review("list", "--ledger", ledger, "--json") == 0
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [line["event"] for line in lines] == ["entry", "entry", "review"]
    assert (lines[0]["entry_number"], lines[0]["decide_by_date"], lines[-1]["waiting"]) == (SECOND, "2026-12-02", 2)
    assert review("list", "--ledger", ledger, "--quiet") == 0
    assert capsys.readouterr().out == ""


def test_decide__named_entries(
    ledger: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Entries are decided by name; what does not count is told, on a terminal in words, and the exit code says so."""
    words = ("--ledger", ledger, "--officer", "A. Lee")
    assert review("decide", FIRST, *words, "--change", "90000", "--reason", "value moved") == 0
    assert json.loads(capsys.readouterr().out)["counts"]["changed"] == 1
    monkeypatch.setattr(common, "is_terminal", lambda: True)
    assert review("decide", SECOND, *words, "--change", "100001", "--reason", "more") == 1
    *counts, told = capsys.readouterr().out.splitlines()
    assert [line.split() for line in counts if line.split()[0] != "0"] == [["1", "refused"], ["2", "waiting"]]
    assert told.startswith(f"  error REVIEW_AMOUNT_TOO_HIGH: {SECOND}: the new principal of 100001 cents lies above")
    assert review("decide", SECOND, *words, "--reject", "--reason", "not ours", "--json") == 0
    assert json.loads(capsys.readouterr().out)["counts"]["rejected"] == 1
    with Ledger.open(ledger) as book:
        assert book.verify().ok


def test_decide__file(ledger: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Decisions come as a file; findings name file, row and entry, for machines as JSON lines."""
    path = tmp_path / "d.csv"
    path.write_text(f"entry_number,decision\n{FIRST},release\n{SECOND},reject\n", encoding="utf-8")
    assert review("decide", "--file", str(path), "--ledger", ledger, "--officer", "A. Lee", "--json") == 1
    found, last = (json.loads(line) for line in capsys.readouterr().out.splitlines())
    assert (found["code"], found["source"], found["row"]) == ("REVIEW_REASON_MISSING", "d.csv", 3)
    assert (last["counts"]["released"], last["counts"]["refused"], last["exit_code"]) == (1, 1, 1)


@pytest.mark.parametrize(
    "words",
    [
        ("decide",),
        ("decide", FIRST),
        ("decide", FIRST, "--release", "--reject"),
        ("decide", FIRST, "--file", "d.csv", "--release"),
        ("decide", "--file", "d.csv", "--reject"),
        ("assign", "--officer", "A. Lee"),
        ("assign", FIRST),
    ],
    ids=" ".join,
)
def test_decide__unclear(ledger: str, words: tuple[str, ...], capsys: pytest.CaptureFixture[str]) -> None:
    """A command that does not say what it wants changes nothing."""
    assert review(*words, "--ledger", ledger) == 2
    assert ("Missing option '--officer'" if words == ("assign", FIRST) else "name entries") in capsys.readouterr().err
