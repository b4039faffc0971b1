"""Ledgers of older schema versions come forward: their chain stays, and payments live on in them."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import pytest

import cape_engine
from cape_engine.errors import LedgerError, LedgerVersionError
from cape_engine.ledger import Ledger, database
from paying import world
from paying.machine import A, B
from paying.world import DAY, Cohort
from reference.late import late


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


def test_late_interest__alike_on_every_database(url: str, tmp_path: Path) -> None:
    """Booked, verified, carried over, and refused a second time; the head is that of SQLite."""
    for place in (url, str(tmp_path / "twin.ledger")):
        world.populate(place, [Cohort(A, 1_000_000, 10), Cohort(B, 2_000)])
        accounts = world.importers(tmp_path / "importers.csv", {A: "771000001"})
        cape_engine.refund_enrol(accounts, ledger=place, on=DAY)
        cape_engine.refund_release(ledger=place, on=DAY)
        on = {"refund.late_interest": True}
        done = cape_engine.refund_send(ledger=place, on="2026-08-25", out=tmp_path / "out", settings=on)
        assert done.counts["late_interest_cents"] == late(
            1_000_010, world.LIQUIDATED, dt.date(2026, 8, 26), "corporate"
        )
    assert world.head(url) == world.head(tmp_path / "twin.ledger")
    with Ledger.open(url) as ledger:
        assert ledger.verify().ok
        ledger.backup(tmp_path / "copy.ledger")
        with pytest.raises(LedgerError):
            ledger.record_late_interest(ledger.late_interest(), on_day=DAY)
    assert cape_engine.refund_show(ledger=tmp_path / "copy.ledger") == cape_engine.refund_show(ledger=url)
