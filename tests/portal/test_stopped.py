"""Commands that are stopped in the middle, answers that cannot be read, folders in the way: nothing is half there."""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path
from typing import Any

import pytest

from cape_engine import intake, rules
from cape_engine.ledger import Ledger
from cape_engine.settings import Settings
from portal import shapes
from road import es003

DAY = "2026-05-04"
MINE = [shapes.number(serial) for serial in range(1, 5)]
HEADING = "ENTRY_NUMBER,CLAIM_NUMBER,STATUS,ERROR_DESCRIPTION"
Capture = pytest.CaptureFixture[str]


@pytest.fixture
def asked(tmp_path: Path) -> dict[str, list[object]]:
    """The three commands that record, each on four entries; the answers are to what `pack` sends."""
    export = shapes.export(tmp_path / "rows.csv", {number: {} for number in MINE})
    law, settings = rules.load(), Settings.build()
    intake.build_store([export], tmp_path / "store", headers=(), ruleset=law, settings=settings)
    listed = shapes.declaration(tmp_path / "claim.csv", MINE)
    details = tmp_path / "details.csv"
    details.write_text("\r\n".join([HEADING, *(f"{number},100000000001,Failed,X" for number in MINE)]))
    common = ["--as-of", DAY, "--ledger", tmp_path / "claims.ledger", "--out"]
    return {
        "check": ["check", listed, "--store", tmp_path / "store", *common, tmp_path / "check"],
        "pack": [
            "pack",
            "--store",
            tmp_path / "store",
            "--set",
            "claim.unknown_facts=pass",
            *common,
            tmp_path / "pack",
        ],
        "answers": ["answers", details, *common, tmp_path / "answers"],
    }


@pytest.mark.parametrize(
    ("command", "place"),
    [
        ("check", "cape_engine.claim_portal.read_declaration"),
        ("check", "cape_engine.ledger.Ledger.record_many"),
        ("check", "cape_engine.outputs.files.move_results"),
        ("check", "cape_engine.ledger.Ledger.register_run"),
        ("pack", "cape_engine.pipeline.packing.road.prechecked"),
        ("answers", "cape_engine.ledger.Ledger.move"),
        ("answers", "cape_engine.pipeline.answering.writing.move_results"),
        ("answers", "cape_engine.ledger.Ledger.register_run"),
    ],
)
def test_ctrl_c__in_the_middle(
    command: str,
    place: str,
    asked: dict[str, list[object]],
    tmp_path: Path,
    capsys: Capture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The signal ends the command with code 3 and one sentence; the ledger is as before; again, and it completes."""
    ledger, out = tmp_path / "claims.ledger", tmp_path / command
    if command == "answers":
        assert es003.cape(capsys, *asked["pack"]).code == 0
    before = _head(ledger)

    def interrupt(*_arguments: object, **_options: object) -> Any:
        os.kill(os.getpid(), signal.SIGINT)
        os.kill(os.getpid(), signal.SIGINT)  # the second one does not wait for the end of a stage
        raise AssertionError

    with monkeypatch.context() as patched:
        patched.setattr(place, interrupt)
        said = es003.cape(capsys, *asked[command])
    assert said.code == 3
    assert "stopped; nothing half-written counts: run the same command again" in said.err
    assert _head(ledger) == before
    assert not out.exists() or list(out.iterdir()) == [] or place.endswith("register_run")
    assert es003.cape(capsys, *asked[command]).code == (1 if command == "answers" else 0)
    assert json.loads((out / "manifest.json").read_text(encoding="utf-8"))["files"]
    assert _head(ledger) != before


def _head(ledger: Path) -> str:
    """The last link of a ledger, which verifies; blank where nothing is recorded."""
    if not ledger.exists():
        return ""
    with Ledger.open(ledger) as opened:
        assert opened.verify().problems == ()
        return opened.show().head


ANSWERS = {
    "nothing": (b"", "the file is empty"),
    "binary": (b"\x00\x01\xff" * 99, "download the report as CSV"),
    "zip": (b"PK\x03\x04\x14\x00\x00\x00", "download the report as CSV"),
    "lone quote": (f'{HEADING}\r\n"ABC00000010,1,Failed,X'.encode(), "download the report as CSV and do not edit it"),
    "another language": (b"Nummer,Stand\r\n", "found: Nummer, Stand. Name the file as downloaded, or map"),
    "a declaration": (b"Entry Number\r\nABC00000010\r\n", "found: Entry Number"),
}


@pytest.mark.parametrize("name", ANSWERS)
def test_answers__bad_file(name: str, asked: dict[str, list[object]], tmp_path: Path, capsys: Capture) -> None:
    """A file that is none of CBP's ends the command with code 2 and what to do; ledger and folder stay untouched."""
    content, words = ANSWERS[name]
    assert es003.cape(capsys, *asked["pack"]).code == 0
    before = _head(tmp_path / "claims.ledger")
    (tmp_path / "details.csv").write_bytes(content)
    said = es003.cape(capsys, *asked["answers"])
    assert (said.code, said.out) == (2, "")
    assert "details.csv" in said.err
    assert words in said.err
    assert not (tmp_path / "answers").exists()
    assert _head(tmp_path / "claims.ledger") == before


def test_out__of_another_command(asked: dict[str, list[object]], tmp_path: Path, capsys: Capture) -> None:
    """Results of one command are not written over those of another: what the ledger remembers of them would be lost."""
    assert es003.cape(capsys, *asked["pack"]).code == 0
    run = ["run", tmp_path / "store", "--as-of", DAY, "--out", tmp_path / "run"]
    assert es003.cape(capsys, *run).code == 0
    places = [path for folder in ("pack", "run", "store") for path in (tmp_path / folder).rglob("*") if path.is_file()]
    before = {path: path.read_bytes() for path in places}
    whatif = ["whatif", tmp_path / "store", "--accept-from", DAY, "--accept-to", DAY, "--out", None]
    risk = ["risk", tmp_path / "store", "--as-of", DAY, "--out", None]
    export = ["export", tmp_path / "store", "--out", None]
    for command in (asked["check"], asked["answers"], run, whatif, risk, export):
        said = es003.cape(capsys, *command[:-1], tmp_path / "pack")
        assert (said.code, said.out) == (2, "")
        assert "pack holds the results of `cape pack`: choose another folder with --out" in said.err
    for command in (asked["check"], whatif, risk, export):
        said = es003.cape(capsys, *command[:-1], tmp_path / "run")
        assert (said.code, "holds the results of `cape run`" in said.err) == (2, True)
    for command in (asked["check"], asked["pack"], asked["answers"], run, whatif, risk, export):
        said = es003.cape(capsys, *command[:-1], tmp_path / "store")
        assert (said.code, "store holds the results of `cape import`" in said.err) == (2, True)
    assert {path: path.read_bytes() for path in before} == before
    assert es003.cape(capsys, *whatif[:-1], tmp_path / "days").code == 0
    said = es003.cape(capsys, *risk[:-1], tmp_path / "days")
    assert (said.code, "holds the results of `cape whatif`" in said.err) == (2, True)
    said = es003.cape(capsys, *run[:-1], tmp_path / "days")
    assert (said.code, "holds the results of `cape whatif`" in said.err) == (2, True)
    assert es003.cape(capsys, *whatif[:-1], tmp_path / "days").code == 0, "its own folder"
    assert es003.cape(capsys, *asked["pack"]).code == 1, "its own folder: nothing left to pack"
