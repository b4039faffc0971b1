"""`cape refund enrol|release|send|bank|reissue|show`: a story in words, formats of banks, limits, notices."""

from __future__ import annotations

import datetime as dt
import json
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

import cape_engine
from cape_engine import cli
from cape_engine.errors import LedgerError, OutputError, UsageError
from cape_engine.ledger import Ledger
from paying import world
from paying.machine import COHORTS, LATER, A, B, C
from paying.world import DAY, Cohort
from payment_files.made import ORIGINATOR

TUESDAY = dt.date(2026, 6, 23)
SMALL = (Cohort(A, 1_000, 10), Cohort(B, 2_000), Cohort(C, 3_000, day=LATER))


@pytest.fixture
def url(tmp_path: Path) -> str:
    """A ledger with three small refunds, two of them of one day, whose recipients are enrolled."""
    place = str(tmp_path / "claims.ledger")
    world.populate(place, SMALL)
    accounts = {A: "771000001", B: "772000002", C: "773000003"}
    cape_engine.refund_enrol(world.importers(tmp_path / "importers.csv", accounts), ledger=place, on=DAY)
    return place


@pytest.fixture
def cape(capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, list[dict[str, Any]]]]:
    """A command; its exit code and its JSON lines."""

    def call(*words: object) -> tuple[int, list[dict[str, Any]]]:
        code = cli.invoke([*map(str, words)])
        return code, [json.loads(line) for line in capsys.readouterr().out.splitlines() if line.startswith("{")]

    return call


def payments(url: str) -> dict[str, dict[str, Any]]:
    """Payments by recipient and state."""
    return {f"{row['recipient']} {row['payment_state']}": row
            for row in cape_engine.refund_show(ledger=url).payments.to_pylist()}  # fmt: skip


def states(url: str) -> list[str]:
    """States of payments."""
    return sorted(cape_engine.refund_show(ledger=url).payments.column("payment_state").to_pylist())


def test_story__on_the_command_line(url: str, tmp_path: Path, cape: Callable[..., Any]) -> None:
    """From release to settlement with --json; every command twice; the last line says what was done."""
    shared = ("--ledger", url, "--json")
    assert cape("refund", "release", "--on", TUESDAY, *shared)[1][-1]["counts"]["certified"] == 3
    send = ("refund", "send", "--on", TUESDAY, "--out", tmp_path / "out", *shared)
    code, said = cape(*send)
    assert (code, said[-1]["counts"]) == (0, {"sent": 3, "sent_cents": 6_010})
    assert cape(*send)[1][-1]["counts"] == {}
    for kind, day in (("issued", dt.date(2026, 6, 24)), ("settled", dt.date(2026, 6, 25))):
        rows = [("", row["trace"], kind, day, row["amount_cents"], "") for row in payments(url).values()]
        code, said = cape("refund", "bank", world.bank_file(tmp_path / f"{kind}.csv", rows), *shared)
        assert (code, said[-1]["counts"][kind]) == (0, 3)
        code, said = cape("refund", "bank", tmp_path / f"{kind}.csv", *shared)
        assert (code, said[-1]["counts"]) == (0, {"known": 3, "lines": 3})
    code, said = cape("refund", "show", *shared)
    assert code == 0
    assert said[-1] == {"event": "balance", "exit_code": 0, "principal": 6_000, "interest": 10, "paid": 6_010,
                        "held": 0, "offset": 0, "returned": 0, "on_the_way": 0}  # fmt: skip
    assert world.states(url) == {"SETTLED": 3}
    with Ledger.open(url) as ledger:
        entry = ledger.live()["entry_number"][0].as_py()
        road = ledger.history(entry).to_pylist()[-4:]
    assert [(row["to_state"], row["who"], row["on_day"].day) for row in road] == [
        ("CERTIFIED", "cbp", 23), ("SENT_TO_TREASURY", "collections", 23), ("ISSUED", "treasury", 24),
        ("SETTLED", "bank", 25),
    ]  # fmt: skip


@pytest.mark.parametrize("command", ["enrol", "release", "send", "bank", "reissue", "show"])
def test_help__has_an_example(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Each command shows how it is called."""
    assert cli.invoke(["refund", command, "--help"]) == 0
    assert f"cape refund {command} --ledger claims.ledger" in capsys.readouterr().out


def test_quiet__says_nothing(url: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """--quiet prints nothing, and a missing ledger or a closed day is one sentence and exit code 2."""
    for words in (
        ("release", "--on", str(TUESDAY)),
        ("send", "--on", str(TUESDAY), "--out", str(tmp_path / "o")),
        ("show",),
    ):
        assert cli.invoke(["refund", *words, "--ledger", url, "--quiet"]) == 0
    assert capsys.readouterr() == ("", "")
    assert cli.invoke(["refund", "release", "--on", "2026-06-20", "--ledger", url]) == 2
    assert "2026-06-20 is no working day" in capsys.readouterr().err
    assert cli.invoke(["refund", "show", "--ledger", str(tmp_path / "none")]) == 2
    assert "there is no ledger" in capsys.readouterr().err


@pytest.mark.parametrize("file_format", ["nacha", "pain.001"])
def test_send__formats_of_banks(url: str, tmp_path: Path, file_format: str) -> None:
    """Bank files stand in a folder of their own, readable by their owner; traces of NACHA are the bank's, and go on."""
    originator = tmp_path / "originator.toml"
    originator.write_text(ORIGINATOR)
    call: dict[str, Any] = {"ledger": url, "out": tmp_path / "out", "importers": tmp_path / "importers.csv",
                            "file_format": file_format, "originator": originator}  # fmt: skip
    cape_engine.refund_release(ledger=url, on=DAY)
    assert cape_engine.refund_send(on=DAY, **call).counts == {"sent": 2, "sent_cents": 3_010}
    cape_engine.refund_release(ledger=url, on=TUESDAY)
    assert cape_engine.refund_send(on=TUESDAY, **call).counts["sent"] == 1
    files = sorted(
        path.relative_to(tmp_path / "out").as_posix() for path in (tmp_path / "out").rglob("*.*") if path.is_file()
    )
    ending = {"nacha": "nacha-{}-001.ach", "pain.001": "pain.001-{}-001.xml"}[file_format]
    assert files == [
        "payments-2026-06-16-0001/" + ending.format("20260616"),
        "payments-2026-06-23-0002/" + ending.format("20260623"),
    ]  # fmt: skip
    assert {oct((tmp_path / "out" / name).stat().st_mode)[-3:] for name in files} == {"600"}
    traces = sorted(row["trace"] for row in payments(url).values())
    first = "876543210000001" if file_format == "nacha" else "200000000000001"
    assert traces == [str(int(first) + place) for place in range(3)]
    with closing(sqlite3.connect(url)) as client, Ledger.open(url) as ledger:
        everything = "".join(client.iterdump()) + str(ledger.enrolments().to_pylist())
        assert "0001" in everything
        assert not any(account in everything for account in ("771000001", "772000002", "773000003"))


def test_send__account_must_be_the_enrolled_one(url: str, tmp_path: Path) -> None:
    """Another account than the enrolled one, none at all, or a recipient who left: not sent, with a finding each."""
    cape_engine.refund_release(ledger=url, on=TUESDAY)
    other = world.importers(tmp_path / "other.csv", {A: "999999999", B: ""})
    found = cape_engine.refund_send(ledger=url, on=TUESDAY, out=tmp_path / "out", importers=other)
    codes = sorted(found.findings.column("code").to_pylist())
    assert codes == ["SEND_NO_ACCOUNT", "SEND_NO_ACCOUNT", "SEND_OTHER_ACCOUNT"]
    assert found.exit_code == 1
    assert not (tmp_path / "out").exists()
    assert "999999999" not in str(found.findings.to_pylist())
    cape_engine.refund_enrol(other, ledger=url, on=TUESDAY)
    found = cape_engine.refund_send(ledger=url, on=TUESDAY, out=tmp_path / "out")
    assert (found.counts["sent"], found.findings.column("code").to_pylist()) == (2, ["SEND_NOT_ENROLLED"])
    assert states(url) == ["CERTIFIED", "SENT_TO_TREASURY", "SENT_TO_TREASURY"]


def test_send__database_refuses_a_second_time(url: str, tmp_path: Path) -> None:
    """A payment, and a trace, stands once among those sent, whoever writes."""
    cape_engine.refund_release(ledger=url, on=TUESDAY)
    cape_engine.refund_send(ledger=url, on=TUESDAY, out=tmp_path / "out")
    row = payments(url)[f"{A} SENT_TO_TREASURY"]
    for payment, trace in ((row["payment"], "X"), ("X", row["trace"])):
        with Ledger.open(url) as ledger, pytest.raises(LedgerError, match="UNIQUE"):
            ledger.record_sending(pa.table({"payment": [payment], "trace": [trace]}), on_day=TUESDAY, effective=TUESDAY,
                                  file_format="x", cents=1)  # fmt: skip


def test_send__files_of_another_ledger_stay(url: str, tmp_path: Path) -> None:
    """A folder that holds the same sending of another ledger is refused, and nothing is sent."""
    cape_engine.refund_release(ledger=url, on=TUESDAY)
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "payments-2026-06-23-0001.csv").write_text("other")
    with pytest.raises(OutputError, match="stands there already"):
        cape_engine.refund_send(ledger=url, on=TUESDAY, out=tmp_path / "out")
    assert states(url) == ["CERTIFIED"] * 3
    with pytest.raises(UsageError, match="need accounts and who pays"):
        cape_engine.refund_send(ledger=url, on=TUESDAY, out=tmp_path, file_format="nacha")
    with pytest.raises(UsageError, match="there is no format 'cheque'"):
        cape_engine.refund_send(ledger=url, on=TUESDAY, out=tmp_path, file_format="cheque")


def test_release__limit_of_the_day(url: str) -> None:
    """The oldest go first up to the limit, each day once; what is above the whole limit goes alone."""
    limit: dict[str, Any] = {"ledger": url, "settings": {"refund.daily_limit_cents": 2_500}}
    first = cape_engine.refund_release(on=TUESDAY, **limit)
    assert (first.counts["certified"], first.counts["waiting"]) == (1, 2)
    assert first.findings.column("code").to_pylist() == ["RELEASE_WAITS"]
    assert "2026-06-24, the next Fed day" in first.findings.column("remedy")[0].as_py()
    before = world.head(url)
    assert cape_engine.refund_release(on=TUESDAY, **limit).counts["waiting"] == 2
    assert world.head(url) == before
    assert cape_engine.refund_release(on="2026-06-24", **limit).counts["certified"] == 1
    last = cape_engine.refund_release(on="2026-06-25", **limit)
    assert last.findings.column("code").to_pylist() == ["RELEASE_ABOVE_LIMIT"]
    assert world.states(url) == {"CERTIFIED": 3}


def test_release__notices(tmp_path: Path) -> None:
    """$50 million wait two working days, more than $500 million five; Juneteenth and the weekend do not count."""
    url = str(tmp_path / "l")
    large = (Cohort(A, 5_000_000_000), Cohort(B, 4_999_999_999), Cohort(C, 50_000_000_001))
    world.populate(url, large, cap=10**12)
    accounts = world.importers(tmp_path / "i.csv", {A: "1000", B: "2000", C: "3000"})
    cape_engine.refund_enrol(accounts, ledger=url, on=DAY)
    day = dt.date(2026, 6, 18)
    notices = cape_engine.refund_release(ledger=url, on=day).tables["notices"].to_pylist()
    assert [(row["lead_days"], row["send_from"], row["payments"], row["amount_cents"]) for row in notices] == [
        (2, dt.date(2026, 6, 23), 1, 5_000_000_000), (5, dt.date(2026, 6, 26), 1, 50_000_000_001),
    ]  # fmt: skip
    sent = {
        str(on): dict(cape_engine.refund_send(ledger=url, on=on, out=tmp_path / "out").counts)
        for on in (day, dt.date(2026, 6, 22), TUESDAY, dt.date(2026, 6, 25), dt.date(2026, 6, 26))
    }
    assert [counts.get("sent_cents", 0) for counts in sent.values()] == [
        4_999_999_999,
        0,
        5_000_000_000,
        0,
        50_000_000_001,
    ]
    assert sent["2026-06-22"] == {"announced": 2, "announced_cents": 55_000_000_001}


def test_release__held_until_enrolled(tmp_path: Path) -> None:
    """Without an account nothing is certified; an enrolment of a later day does not help an earlier release."""
    url = str(tmp_path / "l")
    world.populate(url, SMALL[:1])
    held = cape_engine.refund_release(ledger=url, on=DAY)
    assert (dict(held.counts), held.exit_code) == ({"held": 1, "held_cents": 1_010}, 1)
    cape_engine.refund_enrol(world.importers(tmp_path / "i.csv", {A: "123456789"}), ledger=url, on=TUESDAY)
    assert "certified" not in cape_engine.refund_release(ledger=url, on=dt.date(2026, 6, 22)).counts
    assert cape_engine.refund_release(ledger=url, on=TUESDAY).counts["certified"] == 1
    assert world.states(url) == {"CERTIFIED": 1}
    shown = cape_engine.refund_show(ledger=url, as_of="2026-06-22")
    assert (shown.balance["held"], shown.balance["on_the_way"]) == (1_010, 0)
    with Ledger.open(url) as ledger:
        assert ledger.enrolments().column("account_tail").to_pylist() == ["6789"]


def test_show__shares_of_a_4811_party(tmp_path: Path) -> None:
    """Each importer's part of a shared refund; another spelling of the recipient finds it, too."""
    url = str(tmp_path / "l")
    world.populate(url, COHORTS)
    found = cape_engine.refund_show(ledger=url, recipient=" 12345678900 ")
    assert {row["recipient"] for row in found.refunds.to_pylist()} == {A}
    shares = [row for row in found.shares.to_pylist() if row["refund"] == COHORTS[0].key]
    assert [(row["importer_number"], row["principal_cents"], row["interest_cents"]) for row in shares] == [
        (A, 12_500_000_062, 39), ("33-333333300", 12_500_000_061, 38),
    ]  # fmt: skip
    assert cape_engine.refund_show(ledger=url, as_of=world.LIQUIDATED).refunds.num_rows == 3
