"""Many refunds released, sent, issued, settled and returned, each in one command; processor seconds are printed."""

from __future__ import annotations

import datetime as dt
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.csv as pacsv
import pytest

import cape_engine
from cape_engine.ledger import Ledger, Submission
from cape_engine.schema import life
from living.year import numbers
from paying import world

REFUNDS = int(os.environ.get("CAPE_TEST_REFUNDS", "50000"))
PER_FILE = 9_999
PER_RECIPIENT = 10


def populate(url: str, count: int) -> list[str]:
    """So many refunds of one entry each, ten a recipient; the recipients."""
    at = dt.datetime.combine(world.LIQUIDATED, dt.time(12), dt.UTC)
    draw, place = np.random.default_rng(1), np.arange(count)
    recipients = [f"{10 + one % 89}-{one:07d}00" for one in range(-(-count // PER_RECIPIENT))]
    keys = pa.array([f"{one * 0x9E3779B97F4A7C15 % (1 << 64):016X}{one % (1 << 16):04X}" for one in range(count)])
    of = pa.array(recipients).take(pa.array(place // PER_RECIPIENT))
    day = pa.array([world.LIQUIDATED - dt.timedelta(days=one) for one in range(PER_RECIPIENT)])
    days = day.take(pa.array(place % PER_RECIPIENT))
    principal, interest = draw.integers(1_000, 10**7, count), draw.integers(0, 10**5, count)
    entries, ones = numbers(count), np.ones(count, np.int64)
    with Ledger.open(url) as ledger, ledger.transaction():
        for low in range(0, count, PER_FILE):
            part = entries[low : low + PER_FILE]
            listed = pa.table({"entry_number": part, "state": ["CONSOLIDATED"] * len(part)})
            name = f"{low}.csv"
            ledger.record(Submission(name, f"{low:064x}", "broker", "ABC", world.LIQUIDATED, at, "Accepted", listed))
        words: dict[str, Any] = {"action": "liquidate", "reason_code": "36", "new_version": "00101"}
        decided = {
            "declaration": 1 + place // PER_FILE, "entry_number": entries, "on_day": days, "principal_cents": principal,
            "interest_cents": interest, "interest_from": pa.nulls(count, pa.date32()), "recipient": of, "refund": keys,
            **{name: [word] * count for name, word in words.items()},
        }  # fmt: skip
        ledger.record_decisions(pa.table(decided), on_day=world.LIQUIDATED)
        refunds = [keys, of, days, ones, ones, principal, interest, principal + interest]
        payments = [keys, keys, ones, ones, principal + interest]
        ledger.record_refunds(
            pa.table(refunds, names=life.COHORTS_SCHEMA.names), pa.table(payments, names=life.PAYMENTS_SCHEMA.names),
            on_day=world.LIQUIDATED,
        )  # fmt: skip
    return recipients


def timed(name: str, command: Callable[[], Any]) -> Any:
    """A command, its processor seconds printed."""
    before = time.process_time()
    found = command()
    print(f"{name}: {time.process_time() - before:.1f} s")  # noqa: T201 - shown with -s
    return found


@pytest.mark.heavy
def test_load(tmp_path: Path) -> None:
    """Everything is paid but what came back and was reissued; CAPE_TEST_REFUNDS says how many refunds there are."""
    url = str(tmp_path / "claims.ledger")
    accounts = {one: f"{place + 10**8}" for place, one in enumerate(populate(url, REFUNDS))}
    call: dict[str, Any] = {"ledger": url, "on": world.DAY}
    path = world.importers(tmp_path / "importers.csv", accounts)
    timed("enrol", lambda: cape_engine.refund_enrol(path, **call))
    assert timed("release", lambda: cape_engine.refund_release(**call)).counts["certified"] == REFUNDS
    sent = timed("send", lambda: cape_engine.refund_send(out=tmp_path / "out", importers=path, **call))
    assert sent.counts["sent"] == REFUNDS
    text = pacsv.ConvertOptions(column_types={"trace": pa.string()})
    rows = pacsv.read_csv(next((tmp_path / "out").iterdir()), convert_options=text).select(["trace", "amount_cents"])
    back = REFUNDS // 100

    def lines(kind: str, day: str, some: pa.Table) -> Path:
        told = some.append_column("kind", pa.array([kind] * some.num_rows))
        told = told.append_column("date", pa.array([day] * some.num_rows))
        place = tmp_path / f"{kind}.csv"
        pacsv.write_csv(told.append_column("reason", pa.array(["R03"] * some.num_rows)), place)
        return place

    issued = lines("issued", "2026-06-17", rows)
    assert timed("bank, issued", lambda: cape_engine.refund_bank(issued, ledger=url)).counts["issued"] == REFUNDS
    later = [lines("returned", "2026-06-18", rows.slice(0, back)), lines("settled", "2026-06-18", rows.slice(back))]
    timed("bank, settled and returned", lambda: cape_engine.refund_bank(later, ledger=url))
    again = timed("bank, known lines", lambda: cape_engine.refund_bank(later, ledger=url))
    assert again.counts == {"known": REFUNDS, "lines": REFUNDS}
    all_: dict[str, Any] = {"ledger": url, "on": "2026-06-22", "everything": True}
    assert timed("reissue", lambda: cape_engine.refund_reissue(**all_)).counts["reissued"] == back
    shown = timed("show", lambda: cape_engine.refund_show(ledger=url))
    assert (shown.exit_code, shown.balance["returned"], shown.balance["held"]) == (0, 0, 0)
    assert world.states(url) == {"SETTLED": REFUNDS - back, "REISSUED": back}
