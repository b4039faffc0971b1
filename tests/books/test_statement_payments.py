"""Statements of a ledger: every payment with its days, and totals that are those of `cape refund show`."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

import cape_engine
from cape_engine.ledger import Ledger
from cape_engine.pipeline.books.paid import apportioned, paid_of
from cape_engine.pipeline.payments.working import Working
from cape_engine.rules import load
from cape_engine.settings import Settings
from living.made import Made, accepted, accepted_numbers
from paying import lateness, world
from paying.machine import COHORTS, DEBTS, A, B, C

PARTS = ("paid", "held", "offset", "returned", "on_the_way")
MONEY = [f"{part}_cents" for part in PARTS]


def sums(result: cape_engine.BooksResult) -> dict[str, int]:
    """What all importers have together, by where it is."""
    money = result.table("money")
    return {part: pc.sum(money.column(name), min_count=0).as_py() for part, name in zip(PARTS, MONEY, strict=True)}


def shown(place: Path, **options: Any) -> dict[str, int]:
    """What `cape refund show` says."""
    told = cape_engine.refund_show(ledger=place, **options).balance
    return {part: told[part] for part in PARTS}


@pytest.fixture(scope="module")
def place(run: Made, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A ledger whose refunds are held, offset, sent late, returned, reissued and settled."""
    folder = tmp_path_factory.mktemp("paid")
    url = folder / "l"
    with Ledger.open(url) as ledger:
        accepted(ledger, accepted_numbers(pq.read_table(run.results / "entries.parquet")))
    cape_engine.schedule(run.results, run.store, ledger=url, **run.beside)
    cape_engine.advance(ledger=url, to="2026-09-30")
    owed = cape_engine.refund_show(ledger=url).refunds.to_pylist()
    recipients = sorted({row["recipient"] for row in owed})
    assert len(recipients) > 10
    some = recipients[: -len(recipients) // 4]
    accounts = {one: f"1{number:08d}" for number, one in enumerate(some)}
    cape_engine.refund_enrol(world.importers(folder / "i.csv", accounts), ledger=url, on="2026-09-30")
    first = next(row for row in owed if row["recipient"] == some[0])
    debts = folder / "debts.csv"
    cents = first["principal_cents"] // 2
    debts.write_text(f"recipient,debt,creditor,amount_cents\n{some[0]},D1,cbp,{cents}\n")
    working = Working.of(load(), Settings.build())
    days = [dt.date(2026, 10, 1)]
    while len(days) < 8:
        days.append(working.after(days[-1], 1))
    cape_engine.refund_release(ledger=url, on=days[0], debts=debts)
    cape_engine.refund_send(ledger=url, on=days[0], out=folder / "out", settings=lateness.ON)

    def bank(state: str, kinds: tuple[str, ...], on: dt.date) -> None:
        rows = [
            row for row in cape_engine.refund_show(ledger=url).payments.to_pylist() if row["payment_state"] == state
        ]
        told = [("", row["trace"], kinds[number % len(kinds)], on, row["amount_cents"], "R03")
                for number, row in enumerate(rows) if kinds[number % len(kinds)]]  # fmt: skip
        cape_engine.refund_bank(world.bank_file(folder / f"{state}{on}.csv", told), ledger=url)

    bank("SENT_TO_TREASURY", ("issued", "issued", ""), days[2])
    bank("ISSUED", ("settled", "returned", ""), days[3])
    returned = [row["payment"] for row in cape_engine.refund_show(ledger=url).payments.to_pylist()
                if row["payment_state"] == "RETURNED"]  # fmt: skip
    cape_engine.refund_reissue(ledger=url, on=days[5], payments=returned[::2])
    return url


def test_statement__money_is_that_of_show(place: Path) -> None:
    """What all importers have, by where it is, is what the ledger shows, today and on past evenings."""
    for as_of in (None, "2026-10-01", "2026-10-05", "2026-10-06", "2026-08-01"):
        result = cape_engine.statement(ledger=place, as_of=as_of or "2026-12-31")
        assert result.exit_code == 0, result.table("findings").to_pylist()
        options = {"as_of": as_of} if as_of else {}
        assert sums(result) == shown(place, **options)
        for row in result.table("money").to_pylist():
            assert sum(row[name] for name in MONEY) == row["amount_cents"]
    assert all(shown(place).values()), "every kind of money is there"
    told = cape_engine.refund_show(ledger=place).balance
    result = cape_engine.statement(ledger=place, as_of="2026-12-31")
    assert pc.sum(result.table("money").column("late_interest_cents")).as_py() == told["late_interest"] > 0


def test_statement__importers_have_what_their_entries_say(place: Path) -> None:
    """Amount less interest for late payment is principal and interest of the entries in refunds, by importer."""
    result = cape_engine.statement(ledger=place, as_of="2026-12-31")
    owed: dict[str, int] = {}
    for row in result.table("entries").to_pylist():
        if row["payment_id"] is not None:
            cents = row["principal_cents"] + (row["interest_cents"] or 0)
            owed[row["importer_number"]] = owed.get(row["importer_number"], 0) + cents
    money = {row["importer_number"]: row["amount_cents"] - row["late_interest_cents"]
             for row in result.table("money").to_pylist()}  # fmt: skip
    assert money == owed


def test_statement__payments_with_their_days(place: Path, tmp_path: Path) -> None:
    """Each payment stands once for each of its importers, with state, days and trace as the ledger has them."""
    result = cape_engine.statement(ledger=place, as_of="2026-12-31", out=tmp_path)
    rows = result.table("payments").to_pylist()
    ledger = {row["payment"]: row for row in cape_engine.refund_show(ledger=place).payments.to_pylist()}
    shares: dict[str, int] = {}
    for row in rows:
        if row["payment"] is None:
            assert (row["payment_state"], row["debt"], row["sent_date"]) == ("OFFSET", "D1", None)
            continue
        own = ledger[row["payment"]]
        for name in ("payment_state", "state_since", "trace", "amount_cents", "refund", "recipient"):
            assert row[name] == own[name], name
        given_up = own["payment_state"] in {"REISSUED", "REPLACED"}
        assert (row["share_cents"] is None) == given_up
        shares[row["payment"]] = shares.get(row["payment"], 0) + (row["share_cents"] or 0)
        assert (row["sent_date"] is None) == (own["trace"] is None)
        for state, name in (("SETTLED", "settled_date"), ("RETURNED", "returned_date"), ("ISSUED", "issued_date")):
            if own["payment_state"] == state:
                assert row[name] == own["state_since"]
    assert set(shares) == set(ledger)
    assert all(cents in {0, ledger[key]["amount_cents"]} for key, cents in shares.items())
    settled = next(row for row in rows if row["payment_state"] == "SETTLED")
    page = (tmp_path / f"statement-{settled['importer_number']}.html").read_text()
    assert settled["payment"] in page
    assert settled["trace"] in page
    assert str(settled["settled_date"]) in page
    assert pq.read_table(tmp_path / "payments.parquet").num_rows == len(rows)
    assert result.manifest["counts"]["payments"] == len(rows)


def test_statement__of_one_importer(place: Path) -> None:
    """Only its payments, in any spelling of its number; a run has neither table."""
    whole = cape_engine.statement(ledger=place, as_of="2026-12-31").table("payments")
    number = whole.column("importer_number")[0].as_py()
    result = cape_engine.statement(ledger=place, as_of="2026-12-31", importers=number.replace("-", ""))
    assert result.table("money").column("importer_number").to_pylist() == [number]
    assert (
        result.table("payments").num_rows
        == pc.sum(pc.equal(whole.column("importer_number").cast("string"), number)).as_py()
    )


def test_statement__a_run_knows_no_payments(run: Made) -> None:
    """Of a run the tables are as before."""
    result = cape_engine.statement(results=run.results, deposits=run.beside["deposits"])
    assert set(result.tables) == {"entries", "importers", "findings"}


def test_paid_of__shared_refunds(tmp_path: Path) -> None:
    """Importers of a shared refund have their part in each payment and debt; both add up to the cent, always."""
    url = str(tmp_path / "l")
    world.populate(url, COHORTS)
    debts = tmp_path / "debts.csv"
    debts.write_text("recipient,debt,creditor,amount_cents,order\n" + "\n".join(DEBTS))
    cape_engine.refund_enrol(world.importers(tmp_path / "i.csv", {A: "1000", B: "2000"}), ledger=url, on="2026-06-23")
    cape_engine.refund_release(ledger=url, on="2026-06-23", debts=debts)
    cape_engine.refund_send(ledger=url, on="2026-08-25", out=tmp_path / "out", settings=lateness.ON)
    with Ledger.open(url, read_only=True) as ledger:
        found = paid_of(ledger, dt.date(2026, 12, 31))
    told = cape_engine.refund_show(ledger=url)
    rows = found.payments.to_pylist()
    late = {row["refund"] for row in told.late.to_pylist()}
    by_importer: dict[tuple[str, str], int] = {}
    by_payment: dict[str, int] = {}
    for row in rows:
        if row["share_cents"] is not None:
            assert 0 <= row["share_cents"] <= row["amount_cents"]
            key = row["importer_number"], row["refund"]
            by_importer[key] = by_importer.get(key, 0) + row["share_cents"]
            item = row["payment"] or f"{row['debt']} {row['refund']}"
            by_payment[item] = by_payment.get(item, 0) + row["share_cents"]
            assert by_payment[item] <= row["amount_cents"]
    for row in told.shares.to_pylist():
        assert by_importer[row["importer_number"], row["refund"]] == row["principal_cents"] + row["interest_cents"]
    assert by_importer.keys() - {(row["importer_number"], row["refund"]) for row in told.shares.to_pylist()} == {
        (number, refund) for number, refund in by_importer if refund in late
    }  # fmt: skip
    holders: dict[str, set[str]] = {}
    for number, refund in by_importer:
        holders.setdefault(refund, set()).add(number)
    home = {row["payment"]: row["refund"] for row in told.payments.to_pylist()}
    assert {frozenset(holders[row["refund"]]) for row in told.late.to_pylist()} >= {frozenset({A, "33-333333300"})}
    assert all(holders[row["refund"]] == holders[home[row["payment"]]] for row in told.late.to_pylist())
    amounts = {row["payment"] or f"{row['debt']} {row['refund']}": row["amount_cents"] for row in rows
               if row["share_cents"] is not None}  # fmt: skip
    assert by_payment == amounts
    parts = {part: pc.sum(found.money.column(name)).as_py() for part, name in zip(PARTS, MONEY, strict=True)}
    assert parts == {part: told.balance[part] for part in PARTS}
    assert {"33-333333300", A, B, C} == set(found.money.column("importer_number").to_pylist())


@given(weights=st.lists(st.integers(0, 10**12), min_size=1, max_size=5), cents=st.integers(0, 10**12))
def test_apportioned__adds_up(weights: list[int], cents: int) -> None:
    """Parts add up, lie within a cent of the exact ones, and exceed no weight where there is enough of it."""
    found = apportioned(cents, weights)
    assert sum(found) == cents
    assert all(part >= 0 for part in found)
    whole = sum(weights)
    if whole:
        assert all(abs(part * whole - cents * weight) < whole for part, weight in zip(found, weights, strict=True))
    if cents <= whole:
        assert all(part <= weight for part, weight in zip(found, weights, strict=True))
