"""Packed declarations under `check`: no file is a duplicate of itself, and many are recorded as if one by one."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import pytest

import cape_engine
from cape_engine.ledger import Ledger
from packing.world import AS_OF, Portal, World, uploaded, world

NEXT = AS_OF + dt.timedelta(days=1)


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> World:
    """Entries with every fault."""
    return world(tmp_path_factory.mktemp("world"), 400)


def packed(files: World, **options: object) -> cape_engine.PackResult:
    """A packing of the entries."""
    asked: dict[str, object] = {"as_of": AS_OF, "threads": 1, "headers": files.headers, **options}
    return cape_engine.pack(files.rows, **asked)  # type: ignore[arg-type] # a test's own options


def test_check__of_packed_declarations(files: World, tmp_path: Path) -> None:
    """A packed file is no duplicate of itself: it gets the answer of the filing day, for any account, and stays packed.

    Once CBP has answered it, the same file is a repetition; another file with its entries is a duplicate all along.
    """
    ledger, out = tmp_path / "claims.db", tmp_path / "out"
    result = packed(files, out=out, ledger=ledger)
    paths = uploaded(out, result)
    with Ledger.open(ledger) as book:
        head = book.show().head

    def checked(which: Path | list[Path], **options: object) -> cape_engine.CheckResult:
        asked: dict[str, object] = {"source": files.rows, "headers": files.headers, "ledger": ledger, **options}
        return cape_engine.check(which, **{"as_of": AS_OF, **asked})  # type: ignore[arg-type] # a test's own options

    filers = {path: path.name.split("_")[1] for path in paths}
    mine = [path for path in paths if filers[path] == "ABC"]
    done = checked(mine, as_filer="ABC")
    assert set(done.declarations.column("claim_status").to_pylist()) == {"Accepted"}
    assert set(done.declarations.column("recorded").to_pylist()) == {"packed"}
    assert set(done.claimed_entries.column("disposition").to_pylist()) == {"accepted"}
    assert all(done.declarations.column("claim_number").to_pylist())
    assert done.findings.column("code").to_pylist().count("DECLARATION_PACKED") == len(mine)
    importer = result.declarations.column("importer_number").to_pylist()[paths.index(mine[0])]
    assert checked(mine[0], as_importer=importer).exit_code == 0
    late = checked(mine, as_filer="ABC", as_of=AS_OF + dt.timedelta(days=81))
    codes = {code for codes in late.claimed_entries.column("reason_codes").to_pylist() for code in codes}
    assert "FINAL_LIQUIDATION" in codes
    assert "DUPLICATE_CLAIM" not in codes
    with Ledger.open(ledger) as book:
        assert book.show().head == head
    other = tmp_path / "other.csv"
    other.write_bytes(mine[0].read_bytes() + b"\r\n")
    refused = checked(other, as_filer="ABC", ledger=ledger)
    assert {tuple(codes) for codes in refused.claimed_entries.column("reason_codes").to_pylist()} == {
        ("DUPLICATE_CLAIM",)
    }
    Portal().answer(paths, tmp_path / "details.csv")
    cape_engine.answers(tmp_path / "details.csv", ledger=ledger, as_of=NEXT)
    again = checked(mine[0], as_filer="ABC", as_of=NEXT)
    assert again.declarations.column("recorded").to_pylist() == ["already_recorded"]
    assert set(again.claimed_entries.column("disposition").to_pylist()) == {"accepted"}


def test_check__several_recorded_together(files: World, tmp_path: Path) -> None:
    """Thirty declarations of one call are one link, with the answers and claims of as many calls one by one."""
    result = packed(files, out=tmp_path / "out")
    paths = [p for p in uploaded(tmp_path / "out", result) if p.name.startswith("CAPE_ABC")]
    assert len(paths) > 20
    twice = tmp_path / "twice.csv"
    twice.write_bytes(b"Entry Number\r\n" + b"".join(p.read_bytes().split(b"\r\n")[1] + b"\r\n" for p in paths[:2]))
    copy = tmp_path / "copy.csv"
    copy.write_bytes(paths[3].read_bytes())
    every = [*paths[:5], twice, copy, *paths[5:]]
    options: dict[str, object] = {"source": files.rows, "headers": files.headers, "as_of": AS_OF, "as_filer": "ABC"}
    together = cape_engine.check(every, ledger=tmp_path / "one.db", **options)  # type: ignore[arg-type] # as above
    single = [cape_engine.check(path, ledger=tmp_path / "many.db", **options) for path in every]  # type: ignore[arg-type] # as above
    columns = ["file_name", "claim_status", "claim_number", "recorded", "accepted_entries"]
    assert together.declarations.select(columns).to_pylist() == [
        row for one in single for row in one.declarations.select(columns).to_pylist()
    ]
    columns = ["entry_number", "reason_codes", "live_claim", "claim_number"]
    assert together.claimed_entries.select(columns).to_pylist() == [
        row for one in single for row in one.claimed_entries.select(columns).to_pylist()
    ]
    with Ledger.open(tmp_path / "one.db") as one, Ledger.open(tmp_path / "many.db") as many:
        assert one.show().links == 1
        assert one.live().equals(many.live())
        assert one.verify().ok
