"""Files of banks, debts and importers that say impossible things: findings with their place; the good rows count."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

import cape_engine
from cape_engine.errors import InputError
from cape_engine.ledger import Ledger
from paying import world
from paying.machine import A, B, C
from paying.world import DAY, Cohort

SENT = dt.date(2026, 6, 17)
HEAD = "payment,trace,kind,date,amount_cents,reason,currency"


@pytest.fixture
def url(tmp_path: Path) -> str:
    """A ledger with three payments that were sent: 1,010, 2,000 and 3,000 cents."""
    place = str(tmp_path / "claims.ledger")
    world.populate(place, [Cohort(A, 1_000, 10), Cohort(B, 2_000), Cohort(C, 3_000)])
    accounts = world.importers(tmp_path / "importers.csv", {A: "771000001", B: "772000002", C: "773000003"})
    cape_engine.refund_enrol(accounts, ledger=place, on=DAY)
    cape_engine.refund_release(ledger=place, on=DAY)
    cape_engine.refund_send(ledger=place, on=DAY, out=tmp_path / "out")
    return place


def payments(url: str) -> dict[str, dict[str, Any]]:
    """Payments by recipient."""
    return {row["recipient"]: row for row in cape_engine.refund_show(ledger=url).payments.to_pylist()}


def bank(url: str, path: Path, *lines: str, head: str = HEAD) -> tuple[dict[str, int], list[tuple[Any, ...]]]:
    """Counts and findings of a file: code, row, column, value."""
    path.write_text("\n".join([head, *lines]) + "\n", encoding="utf-8")
    found = cape_engine.refund_bank(path, ledger=url)
    assert set(found.findings.column("source").to_pylist()) <= {path.name}
    rows = [(row["code"], row["row"], row["column"], row["value"]) for row in found.findings.to_pylist()]
    assert all(row["message"] and row["remedy"] for row in found.findings.to_pylist())
    return dict(found.counts), sorted(rows, key=lambda row: row[1] or 0)


def test_bank__lines_that_cannot_be(url: str, tmp_path: Path) -> None:
    """Each kind of bad line is named with row, column and value, and changes nothing; the good one counts."""
    one, two = payments(url)[A], payments(url)[B]
    key, trace = one["payment"], two["trace"]
    counts, found = bank(
        url,
        tmp_path / "bank.csv",
        f"{key},,issued,{SENT},1010,,USD",
        f"{key},,issued,{SENT},1010,,",
        f"0123456789ABCDEF0123,,issued,{SENT},5,,",
        f",999999999999999,issued,{SENT},5,,",
        f",,issued,{SENT},5,,",
        f"{key},{trace},issued,{SENT},1010,,",
        f",{trace},issued,{SENT},2001,,",
        f",{trace},issued,{SENT},-2000,,",
        f",{trace},issued,{SENT},20.00,,",
        f",{trace},issued,{SENT},,,",
        f",{trace},issued,06/17/2026,2000,,",
        f",{trace},paid,{SENT},2000,,",
        f",{trace},issued,{SENT},2000,,EUR",
        f",{trace},settled,{SENT},2000,,",
        f",{trace},issued,2026-06-15,2000,,",
        "Total,,,,3010,,",
        ",,Grand total,,3010,,",
    )
    assert found == [
        ("BANK_LINE_TWICE", 3, "payment", key),
        ("BANK_PAYMENT_UNEXPECTED", 4, "payment", "0123456789ABCDEF0123"),
        ("BANK_TRACE_UNKNOWN", 5, "trace", "999999999999999"),
        ("BANK_PAYMENT_NAMELESS", 6, "payment", ""),
        ("BANK_TRACE_DIFFERS", 7, "trace", trace),
        ("BANK_AMOUNT_DIFFERS", 8, "amount_cents", "2001"),
        ("PAYMENT_FILE_NOT_POSITIVE", 9, "amount_cents", "-2000"),
        ("PAYMENT_FILE_AMOUNT", 10, "amount_cents", "20.00"),
        ("PAYMENT_FILE_AMOUNT", 11, "amount_cents", ""),
        ("PAYMENT_FILE_DATE", 12, "date", "06/17/2026"),
        ("BANK_KIND_UNKNOWN", 13, "kind", "paid"),
        ("BANK_CURRENCY", 14, "currency", "EUR"),
        ("BANK_STATE_DIFFERS", 15, "kind", "settled"),
        ("BANK_DATE_EARLY", 16, "date", "2026-06-15"),
        ("PAYMENT_FILE_TOTALS", 17, "payment", "Total"),
        ("PAYMENT_FILE_TOTALS", 18, "payment", ""),
    ]
    assert counts == {"issued": 1, "issued_cents": 1010, "lines": 17, "refused": 16}
    assert world.states(url) == {"ISSUED": 1, "SENT_TO_TREASURY": 2}


def test_bank__settled_and_returned_lines(url: str, tmp_path: Path) -> None:
    """A slow settlement, a return without a code, and one long after the credit are said and count."""
    lines = [f"{row['payment']},,issued,{SENT},{row['amount_cents']},," for row in payments(url).values()]
    bank(url, tmp_path / "issued.csv", *lines)
    a, b, c = (payments(url)[one]["payment"] for one in (A, B, C))
    counts, found = bank(
        url, tmp_path / "later.csv", f"{a},,settled,2026-06-24,1010,,", f"{b},,returned,2026-06-22,2000,,",
        f"{c},,settled,2026-06-18,3000,,", f"{c},,returned,2026-06-22,3000,R02,",
    )  # fmt: skip
    assert found == [
        ("BANK_SETTLED_ODDLY", 2, "date", "settled"),
        ("BANK_REASON_ODD", 3, "reason", ""),
    ]  # fmt: skip
    assert (counts["settled"], counts["returned"], counts.get("refused")) == (2, 2, None)
    assert world.states(url) == {"SETTLED": 1, "RETURNED": 2}
    found_ = cape_engine.refund_reissue(ledger=url, on="2026-06-23", payments=[a, "nobody", b.lower()])
    assert sorted(found_.findings.column("message").to_pylist()) == [
        f"payment {a} did not come back (SETTLED); nothing was reissued",
        "payment NOBODY did not come back (not known); nothing was reissued",
    ]
    assert found_.counts["reissued"] == 1
    assert cape_engine.refund_reissue(ledger=url, on="2026-06-23", payments=[b]).counts == {"known": 1}


def test_bank__settled_payment_comes_back_once(url: str, tmp_path: Path) -> None:
    """Settled, returned, reissued, settled again: each step traced, the late return said, and nothing counts twice."""
    row = payments(url)[C]
    old = row["payment"]
    begun = [f"{old},,issued,{SENT},3000,,", f"{old},,settled,2026-06-18,3000,,"]
    bank(url, tmp_path / "begun.csv", *begun)
    back = f",{row['trace']},returned,2026-06-24,3000,R03,"
    counts, found = bank(url, tmp_path / "back.csv", back)
    assert (counts["returned"], found) == (1, [("BANK_RETURNED_LATE", 2, "date", "returned")])
    shown = cape_engine.refund_show(ledger=url, recipient=C).balance
    assert (shown["paid"], shown["returned"]) == (0, 3_000)
    assert bank(url, tmp_path / "twice.csv", back)[0] == {"known": 1, "lines": 1}
    other = world.importers(tmp_path / "other.csv", {C: "909090909"})
    reissue: dict[str, Any] = {"ledger": url, "on": "2026-06-25", "everything": True, "importers": other}
    assert cape_engine.refund_reissue(**reissue).counts["reissued"] == 1
    assert "reissued" not in cape_engine.refund_reissue(**reissue).counts
    counts, found = bank(url, tmp_path / "again.csv", f"{old},,returned,2026-06-29,3000,R03,")
    assert (counts["refused"], found) == (1, [("BANK_STATE_DIFFERS", 2, "kind", "returned")])
    assert cape_engine.refund_send(ledger=url, on="2026-06-25", out=tmp_path / "out").counts["sent"] == 1
    own = [
        one for one in cape_engine.refund_show(ledger=url, recipient=C).payments.to_pylist() if one["payment"] != old
    ]
    assert [(one["replaces"], one["payment_state"]) for one in own] == [(old, "SENT_TO_TREASURY")]
    assert own[0]["trace"] != row["trace"]
    new = own[0]["payment"]
    bank(url, tmp_path / "end.csv", f"{new},,issued,2026-06-26,3000,,", f"{new},,settled,2026-06-29,3000,,")
    assert cape_engine.refund_show(ledger=url, recipient=C).balance["paid"] == 3_000
    assert world.states(url) == {"SENT_TO_TREASURY": 2, "SETTLED": 1}
    with Ledger.open(url) as ledger:
        entry = ledger.decisions().filter(pc.equal(ledger.decisions()["refund"], row["refund"]))["entry_number"][0]
        road = ledger.history(entry.as_py())["to_state"].to_pylist()[-7:]
    assert road == ["SENT_TO_TREASURY", "ISSUED", "SETTLED", "RETURNED", "REISSUED", "ISSUED", "SETTLED"]


def test_bank__settled_and_returned_on_one_day(url: str, tmp_path: Path) -> None:
    """A credit and its return within two Fed days pass without a word, whatever the order of the lines."""
    key = payments(url)[A]["payment"]
    lines = [
        f"{key},,returned,2026-06-22,1010,R02,",
        f"{key},,settled,2026-06-18,1010,,",
        f"{key},,issued,{SENT},1010,,",
    ]
    counts, found = bank(url, tmp_path / "bank.csv", *lines)
    assert (counts["issued"], counts["settled"], counts["returned"], found) == (1, 1, 1, [])
    assert world.states(url) == {"RETURNED": 1, "SENT_TO_TREASURY": 2}


def test_bank__shapes_of_files(url: str, tmp_path: Path) -> None:
    """Shifted, missing, repeated and unknown columns, other encodings, Parquet, and nothing at all."""
    row = payments(url)[A]
    path = tmp_path / "bank.csv"
    with pytest.raises(InputError, match="column kind is missing; the columns are payment, trace, kind"):
        bank(url, path, f"{row['payment']},1", head="payment,amount_cents")
    with pytest.raises(InputError, match="column date stands twice"):
        bank(url, path, head="payment,kind,date,Date,amount_cents")
    path.write_bytes(b"\xff\xfe\x00k")
    with pytest.raises(InputError):
        cape_engine.refund_bank(path, ledger=url)
    with pytest.raises(InputError, match="cannot be read"):
        cape_engine.refund_bank(tmp_path / "none.csv", ledger=url)
    assert bank(url, path, head=HEAD) == ({}, [])
    before = world.head(url)
    shifted = f"issued,{row['payment']},{SENT},1010,x"
    _, found = bank(url, path, shifted, head="payment,kind,date,amount_cents,colour")
    assert [code for code, *_ in found] == ["COLUMN_UNKNOWN", "BANK_KIND_UNKNOWN"]
    lines = [
        "",
        f"{row['payment']},,paid",
        f"{row['payment']},,issued,{SENT},1,010,,USD",
        "",
        f"{row['payment']},,issued,,1010",
    ]
    _, found = bank(url, path, *lines)
    assert [(code, line, value) for code, line, _, value in found] == [
        ("BANK_KIND_UNKNOWN", 3, "paid"), ("PAYMENT_FILE_SHIFTED", 4, "8"), ("PAYMENT_FILE_DATE", 6, ""),
    ]  # fmt: skip
    assert world.head(url) == before
    table = {"Payment": [row["payment"]], "Kind": ["Issued"], "Date": [SENT], "Amount Cents": [1010]}
    pq.write_table(pa.table(table), tmp_path / "bank.parquet")
    assert cape_engine.refund_bank(tmp_path / "bank.parquet", ledger=url).counts["issued"] == 1


def test_debts__rows_that_cannot_be(tmp_path: Path) -> None:
    """Bad debts are named and left out, a changed one too; the good ones are served in their order, once."""
    url, path = str(tmp_path / "l"), tmp_path / "debts.csv"
    world.populate(url, [Cohort(A, 10_000), Cohort(B, 500)])
    head = "recipient,debt,creditor,amount_cents,order"
    path.write_text(
        "\n".join(
            [head, f"{A},T1,Treasury,3000,", f"{A.replace('-', '')},C1,CBP,2000,", f"{A},F2,federal,1000,2",
             f"{A},F1,federal,6000,1",
             f"{A},T1,treasury,3000,", f"{A},X1,state,1,", ",X2,cbp,1,", f"{A},,cbp,1,",
             f"{A},X3,cbp,-1,", f"{A},X4,cbp,1.5,",
             f"{A},X5,cbp,1,first", "Totals,,,15000,"]
        ) + "\n"
    )  # fmt: skip
    found = cape_engine.refund_release(ledger=url, on=DAY, debts=path)
    told = sorted((row["row"], row["code"]) for row in found.findings.to_pylist() if row["row"])
    assert told == [
        (6, "DEBT_TWICE"), (7, "DEBT_CREDITOR_UNKNOWN"), (8, "DEBT_NAMELESS"), (9, "DEBT_NAMELESS"),
        (10, "PAYMENT_FILE_NOT_POSITIVE"), (11, "PAYMENT_FILE_AMOUNT"), (12, "DEBT_ORDER_UNREADABLE"),
        (13, "PAYMENT_FILE_TOTALS"),
    ]  # fmt: skip
    with Ledger.open(url) as ledger:
        taken = {row["debt"]: row["amount_cents"] for row in ledger.offsets().to_pylist()}
    assert taken == {"C1": 2_000, "F1": 6_000, "F2": 1_000, "T1": 1_000}
    assert world.states(url) == {"OFFSET": 1, "HELD_NO_ACH": 1}
    before = world.head(url)
    path.write_text(f"{head}\n{A},C1,cbp,2001,\n")
    again = cape_engine.refund_release(ledger=url, on=DAY, debts=path)
    assert again.findings.column("code").to_pylist() == ["DEBT_CHANGED", "RELEASE_HELD"]
    assert world.head(url) == before


def test_debts__while_held_and_switched_off(tmp_path: Path) -> None:
    """refund.offsets = none takes nothing and says so; a debt that comes while money is held is served from it."""
    url, path = str(tmp_path / "l"), tmp_path / "debts.csv"
    world.populate(url, [Cohort(A, 10_000)])
    cape_engine.refund_release(ledger=url, on=DAY)
    path.write_text(f"recipient,debt,creditor,amount_cents\n{A},D,federal,4000\n")
    none = cape_engine.refund_release(ledger=url, on=DAY, debts=path, settings={"refund.offsets": "none"})
    assert "DEBTS_NOT_SERVED" in none.findings.column("code").to_pylist()
    assert world.states(url) == {"HELD_NO_ACH": 1}
    assert cape_engine.refund_release(ledger=url, on=DAY).counts["offsets_cents"] == 4_000
    assert world.states(url) == {"OFFSET": 1}
    shown = cape_engine.refund_show(ledger=url)
    assert (shown.balance["held"], shown.balance["offset"]) == (6_000, 4_000)
    old, new = sorted(shown.payments.to_pylist(), key=lambda row: row["payment_state"], reverse=True)
    assert (old["payment_state"], old["payment_reason"], old["replaced_by"]) == ("REPLACED", "offset", new["payment"])
    assert (new["payment_state"], new["amount_cents"], new["replaces"]) == ("HELD_NO_ACH", 6_000, old["payment"])
    cape_engine.refund_enrol(world.importers(tmp_path / "i.csv", {A: "771000001"}), ledger=url, on=DAY)
    cape_engine.refund_release(ledger=url, on=DAY)
    assert world.states(url) == {"CERTIFIED": 1}


def test_enrol__accounts_that_cannot_be(tmp_path: Path) -> None:
    """Two accounts for one importer, a bad routing number, a foreign account: findings, masked, and not enrolled."""
    url, path = str(tmp_path / "l"), tmp_path / "importers.csv"
    world.populate(url, [Cohort(A, 10_000)])
    path.write_text(
        "importer_number,ach_enrolled,routing_number,account_number,account_kind,name\n"
        f"{A},Y,{world.ROUTING},771000001,checking,One\n{A},Y,{world.ROUTING},771000009,checking,One\n"
        f"{B},Y,061000053,772000002,checking,Zwölf\n{C},Y,,773000003,checking,Three\n"
        f"44-444444400,Y,{world.ROUTING},774000004,checking,Four\n"
    )
    found = cape_engine.refund_enrol(path, ledger=url, on=DAY)
    assert sorted(found.findings.column("code").to_pylist()) == [
        "ACCOUNT_CONFLICT",
        "ACCOUNT_MISSING",
        "ROUTING_CHECK_DIGIT",
    ]
    assert found.counts == {"enrolled": 1, "recipients": 4}
    assert not any(
        number in str(found.findings.to_pylist()) for number in ("771000001", "771000009", "772000002", "061000053")
    )
    assert "held" in cape_engine.refund_release(ledger=url, on=DAY).counts
    later = world.importers(tmp_path / "later.csv", {"44-444444400": ""})
    assert cape_engine.refund_enrol(later, ledger=url, on=SENT).counts["not_enrolled"] == 1
    older = cape_engine.refund_enrol(path, ledger=url, on=DAY)
    assert "ENROLMENT_OLDER" in older.findings.column("code").to_pylist()
