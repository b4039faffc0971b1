"""Ledgers of older schema versions come forward: their chain stays, and payments live on in them."""

from __future__ import annotations

from pathlib import Path

import pytest

import cape_engine
from cape_engine.errors import LedgerVersionError
from cape_engine.ledger import Ledger, database
from paying import world
from paying.machine import A, B
from paying.world import DAY, Cohort


@pytest.mark.parametrize("version", [1, 2, 3])
def test_migrate__from_older_versions(url: str, version: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Refused until it is migrated, to the newest version in one go; then its refunds are released and sent."""
    known = database.migrations
    with monkeypatch.context() as past:
        past.setattr(database, "migrations", lambda dialect: {n: s for n, s in known(dialect).items() if n <= version})
        assert database.newest() == version
        with Ledger.open(url):
            pass
        if version >= 2:
            world.populate(url, [Cohort(A, 1_000, 10), Cohort(B, 2_000)])
        head = world.head(url)
    with pytest.raises(LedgerVersionError, match=f"schema version {version}, this engine writes version 4"):
        Ledger.open(url)
    assert Ledger.migrate(url) == (version, 4)
    assert world.head(url) == head
    if version == 1:
        world.populate(url, [Cohort(A, 1_000, 10), Cohort(B, 2_000)])
    accounts = world.importers(tmp_path / "importers.csv", {A: "771000001"})
    cape_engine.refund_enrol(accounts, ledger=url, on=DAY)
    cape_engine.refund_release(ledger=url, on=DAY)
    cape_engine.refund_send(ledger=url, on=DAY, out=tmp_path / "out")
    assert world.states(url) == {"SENT_TO_TREASURY": 1, "HELD_NO_ACH": 1}


def test_carry__payments_with_their_life(url: str, tmp_path: Path) -> None:
    """Export, import and backup carry every table of the life of payments; the copies verify and go on alike."""
    world.populate(url, [Cohort(A, 1_000, 10), Cohort(B, 2_000)])
    accounts = world.importers(tmp_path / "importers.csv", {A: "771000001"})
    cape_engine.refund_enrol(accounts, ledger=url, on=DAY)
    cape_engine.refund_release(ledger=url, on=DAY)
    cape_engine.refund_send(ledger=url, on=DAY, out=tmp_path / "out")
    with Ledger.open(url) as ledger:
        ledger.export(tmp_path / "tables")
        ledger.backup(tmp_path / "copy.ledger")
    with Ledger.open(tmp_path / "again.ledger") as ledger:
        ledger.import_(tmp_path / "tables")
    shown = cape_engine.refund_show(ledger=url)
    for name in ("copy", "again"):
        copy = tmp_path / f"{name}.ledger"
        assert cape_engine.refund_show(ledger=copy) == shown
        assert world.head(copy) == world.head(url)
