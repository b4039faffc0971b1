"""`cape ledger`: what people and machines see, and the exit codes of the contract."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from cape_engine import cli
from cape_engine.ledger import Ledger, Submission

Numbers = Callable[..., list[str]]
Submit = Callable[..., Submission]


class Said(NamedTuple):
    """What a command printed and returned."""

    code: int
    out: str
    err: str

    @property
    def lines(self) -> list[dict[str, Any]]:
        """JSON lines."""
        return [json.loads(line) for line in self.out.splitlines()]


@pytest.fixture
def cape(capsys: pytest.CaptureFixture[str]) -> Callable[..., Said]:
    """Run `cape ledger ...` in this process."""

    def run(*arguments: object) -> Said:
        code = cli.invoke(["ledger", *map(str, arguments)])
        return Said(code, *capsys.readouterr())

    return run


@pytest.fixture
def made(url: str, numbers: Numbers, submit: Submit) -> str:
    """A ledger with one declaration of three entries, one of them failed."""
    with Ledger.open(url) as ledger:
        states = ["ACCEPTED", "ENTRY_FAILED", "ACCEPTED"]
        ledger.record(submit(numbers(3), states, reasons=["", "PROTEST ON ENTRY", ""]))
    return url


def test_show__people_and_machines(cape: Callable[..., Said], made: str) -> None:
    """Counts, states, the head of the chain and the declarations."""
    said = cape("show", made)
    assert said.code == 0
    for words in ("ACCEPTED      2", "ENTRY_FAILED  1", "a.csv", "3 entries", "100000000001"):
        assert words in said.out
    summary, declaration = cape("show", made, "--json").lines
    assert (summary["event"], summary["claims"], summary["live"], len(summary["head"])) == ("ledger", 3, 2, 64)
    assert (declaration["event"], declaration["declared_entries"]) == ("declaration", 3)
    assert cape("show", made, "--quiet").out == ""


def test_history__of_an_entry(cape: Callable[..., Said], made: str, numbers: Numbers) -> None:
    """Every step with day, who, claim and reason; dashes and small letters in the number do not matter."""
    entry = numbers(3)[1]
    said = cape("history", f"{entry[:3].lower()}-{entry[3:10]}-{entry[10]}", made)
    assert [line.split("  ")[1] for line in said.out.splitlines()] == [
        "FILED -> DECLARED",
        "DECLARED -> CLAIMED",
        "CLAIMED -> ENTRY_FAILED",
    ]
    assert "PROTEST ON ENTRY" in said.out
    assert [line["to_state"] for line in cape("history", entry, made, "--json").lines][-1] == "ENTRY_FAILED"
    assert "never declared in this ledger" in cape("history", "XYZ12345674", made).out


def test_verify__agrees_or_not(cape: Callable[..., Said], tmp_path: Path, numbers: Numbers, submit: Submit) -> None:
    """0 when everything agrees; 1 with the problems listed when another hand has been there."""
    place = tmp_path / "l"
    with Ledger.open(place) as ledger:
        ledger.record(submit(numbers(3)))
    said = cape("verify", place)
    assert (said.code, "everything agrees" in said.out) == (0, True)
    with closing(sqlite3.connect(place)) as client:
        client.execute("UPDATE claim_entries SET state = 21")
        client.commit()
    said = cape("verify", place)
    assert (said.code, said.err.count("its state is not that of its last step")) == (1, 3)
    assert cape("verify", place, "--json").lines[0]["ok"] is False


def test_carry__export_import_backup_migrate(cape: Callable[..., Said], made: str, tmp_path: Path) -> None:
    """Out as Parquet, into another ledger, as a copy, and forward: each says what it did."""
    head = cape("verify", made, "--json").lines[0]["head"]
    assert cape("export", made, "--out", tmp_path / "out", "--json").lines[0]["rows"]["claim_entries"] == 3
    assert cape("import", tmp_path / "out", tmp_path / "again").code == 0
    assert cape("verify", tmp_path / "again", "--json").lines[0]["head"] == head
    assert cape("backup", made, "--out", tmp_path / "copy").code == 0
    assert cape("verify", tmp_path / "copy", "--json").lines[0]["head"] == head
    assert "already" in cape("migrate", made).out


def test_named__by_option_or_environment(cape: Callable[..., Said], made: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The ledger may be named by argument, by option, or by the environment; without a name nothing happens."""
    monkeypatch.delenv("CAPE_LEDGER", raising=False)
    assert cape("show", "--ledger", made).code == 0
    said = cape("show")
    assert (said.code, "name a ledger" in said.err) == (2, True)
    monkeypatch.setenv("CAPE_LEDGER", made)
    assert cape("verify").code == 0


def test_show__no_ledger(cape: Callable[..., Said], tmp_path: Path) -> None:
    """A ledger that is not there is an error with exit code 2, and none is made by looking."""
    said = cape("show", tmp_path / "none")
    assert (said.code, "there is no ledger" in said.err) == (2, True)
    assert list(tmp_path.iterdir()) == []
