"""A year with events of every kind, kills at any moment, and the same on both kinds of ledger."""

from __future__ import annotations

import datetime as dt
import os
import random
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pyarrow.csv as pacsv
import pytest

import cape_engine
from cape_engine.ledger import Ledger
from living import year
from living.test_advance import check_invariants
from reference.liquidation import DAY

pytestmark = pytest.mark.heavy

KILLS = int(os.environ.get("CAPE_TEST_KILLS", "25"))
ENTRIES = int(os.environ.get("CAPE_TEST_YEAR", "20000"))
LAST = dt.date(2027, 4, 20)
SLOWEST_SECONDS = 120


def test_advance__a_year(tmp_path: Path) -> None:
    """A year in one command: invariants 11 and 13 hold for each of its days, and the chain verifies."""
    place = tmp_path / "l"
    entries = year.populate(place, ENTRIES)
    result = cape_engine.advance(ledger=place, to=LAST, events=year.events(entries, 0.2, last=LAST))
    assert result.days.num_rows == 366
    for word in ("events", "liquidated", "reliquidated", "deemed", "missed", "consolidated", "zero_refund"):
        assert result.counts[word] > 0
    check_invariants(place)
    with Ledger.open(place) as ledger:
        assert ledger.verify().ok


def test_advance__killed(tmp_path: Path) -> None:
    """Killed within days and between them, the ledger holds whole days; in the end the chain is that of one go."""
    begun, draw = tmp_path / "begun", random.Random(6)
    entries = year.populate(begun, 2_000)
    events = tmp_path / "events.csv"
    last = year.FIRST + 70 * DAY
    pacsv.write_csv(year.events(entries, 0.2, last=last), events)
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}

    def started(place: Path) -> subprocess.Popen[bytes]:
        words = ["advance", "--ledger", str(place), "--to", str(last), "--events", str(events), "--quiet"]
        notices = ["--notices", str(place.with_suffix(".notices"))]
        return subprocess.Popen([sys.executable, "-m", "cape_engine", *words, *notices], env=environment)

    whole = Path(shutil.copy(begun, tmp_path / "whole"))
    before = time.monotonic()
    assert started(whole).wait(SLOWEST_SECONDS) == 1
    seconds = time.monotonic() - before
    with Ledger.open(whole) as ledger:
        days = ledger.days()["day_hash"]
        states = ledger.as_of(last)
    place = Path(shutil.copy(begun, tmp_path / "killed"))
    for kill in range(KILLS):
        process = started(place)
        time.sleep(draw.uniform(0.3, 0.9) * seconds)
        process.kill()
        process.wait()
        with Ledger.open(place) as ledger:
            assert ledger.verify().ok
            played = ledger.days()
            assert played["day_hash"].to_pylist() == days.to_pylist()[: played.num_rows]
        if played.num_rows == len(days) and kill < KILLS - 1:
            place = Path(shutil.copy(begun, tmp_path / f"killed{kill}"))
    assert started(place).wait(SLOWEST_SECONDS) in {0, 1}
    with Ledger.open(place) as ledger:
        assert ledger.days()["day_hash"] == days
        assert ledger.as_of(last) == states
        assert ledger.verify().ok
    for notice in whole.with_suffix(".notices").iterdir():
        assert (place.with_suffix(".notices") / notice.name).read_bytes() == notice.read_bytes()


@pytest.mark.postgres
def test_advance__same_on_postgresql(postgres: str, tmp_path: Path) -> None:
    """On a server the same story gives the same chain to the last hash."""
    last = year.FIRST + 70 * DAY
    heads = []
    for place in (str(tmp_path / "l"), postgres):
        entries = year.populate(place, 300)
        cape_engine.advance(ledger=place, to=last, events=year.events(entries, 0.5, last=last))
        with Ledger.open(place) as ledger:
            assert ledger.verify().problems == ()
            heads.append((ledger.head(), ledger.refunds(), ledger.decisions()))
    assert heads[0] == heads[1]
