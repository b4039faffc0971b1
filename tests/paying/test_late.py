"""Interest for late payment in payments: what is booked by a sending, once, and what bears none (19 USC 1505(d))."""

from __future__ import annotations

import datetime as dt
import json
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

import cape_engine
from cape_engine import cli, refund, rules
from cape_engine.dates import date_of, day_number
from cape_engine.errors import LedgerError
from cape_engine.ledger import Ledger
from cape_engine.pipeline.payments import undelivered
from cape_engine.schema import life
from cape_engine.schema import payments as p
from paying import lateness, world
from paying.machine import A, B, C
from paying.world import Cohort
from reference.undelivered import enrolled

LIQUIDATED = dt.date(2026, 5, 8)
D01 = Cohort(A, 10_000_000, 703_594, day=LIQUIDATED)
OWED = 10_703_594
ON: dict[str, Any] = {"settings": lateness.ON}
LAW = rules.load()


def day(month: int, number: int) -> dt.date:
    """A day of 2026."""
    return dt.date(2026, month, number)


class Story:
    """A ledger and its commands, with the setting on."""

    def __init__(self, folder: Path, *cohorts: Cohort, **world_options: Any) -> None:
        self.folder, self.url = folder, str(folder / "claims.ledger")
        world.populate(self.url, cohorts, **world_options)
        self.files = 0

    def enrol(self, on: dt.date, accounts: dict[str, str]) -> None:
        """Accounts arrive."""
        self.files += 1
        path = world.importers(self.folder / f"{self.files}.csv", accounts)
        cape_engine.refund_enrol(path, ledger=self.url, on=on)

    def release(self, on: dt.date) -> None:
        """A release."""
        cape_engine.refund_release(ledger=self.url, on=on, **ON)

    def send(self, on: dt.date, **options: Any) -> cape_engine.RefundResult:
        """A sending."""
        return cape_engine.refund_send(ledger=self.url, on=on, out=self.folder / "out", **{**ON, **options})

    def bank(self, kind: str, on: dt.date, state: str) -> None:
        """Lines about every payment in a state."""
        self.files += 1
        rows = [("", row["trace"], kind, on, row["amount_cents"], "R03" if kind == "returned" else "")
                for row in self.shown().payments.to_pylist() if row["payment_state"] == state]  # fmt: skip
        cape_engine.refund_bank(world.bank_file(self.folder / f"{self.files}.csv", rows), ledger=self.url)

    def shown(self, **options: Any) -> cape_engine.PaymentsShown:
        """Where the money is."""
        return cape_engine.refund_show(ledger=self.url, **options)

    def booked(self) -> list[int]:
        """Cents of late interest, by day."""
        rows = sorted(self.shown().late.to_pylist(), key=lambda row: (row["on_day"], row["payment"]))
        return [row["amount_cents"] for row in rows]


def owed(cents: int, paid: dt.date, *closed: tuple[dt.date, dt.date], kind: str = "corporate") -> int:
    """What the law says."""
    return refund.late_interest(cents, LIQUIDATED, paid, kind, undeliverable=closed, ruleset=LAW)


def test_send__a_late_payment_brings_its_interest(tmp_path: Path) -> None:
    """Paid after 94 days: 1,437.59 for three periods, in a refund without entries with a trace of its own; once."""
    story = Story(tmp_path, D01)
    story.enrol(day(5, 11), {A: "771000001"})
    story.release(day(8, 6))
    done = story.send(day(8, 7))
    assert dict(done.counts) == {"late_interest": 1, "late_interest_cents": 143_759, "sent": 2,
                                 "sent_cents": OWED + 143_759}  # fmt: skip
    assert [row["code"] for row in done.findings.to_pylist()] == ["LATE_KIND_ASSUMED"]
    assert done.exit_code == 0
    (late,) = story.shown().late.to_pylist()
    assert (late["payment"], late["paid_on"], late["bearing_days"], late["balance_cents"]) == (
        D01.key, day(8, 10), 90, OWED,
    )  # fmt: skip
    assert owed(OWED, day(8, 10)) == 143_759
    refunds = {row["refund"]: row for row in story.shown().refunds.to_pylist()}
    extra = refunds[late["refund"]]
    assert (extra["principal_cents"], extra["interest_cents"], extra["version"]) == (0, 143_759, 2)
    assert (extra["recipient"], extra["liquidation_date"]) == (A, LIQUIDATED)
    rows = story.shown().payments.to_pylist()
    assert sorted(row["trace"] for row in rows) == ["200000000000001", "200000000000002"]
    head = world.head(story.url)
    assert dict(story.send(day(8, 7)).counts) == {}
    assert dict(story.send(day(9, 8)).counts) == {}
    assert world.head(story.url) == head
    evening = story.shown(as_of=day(8, 6))
    assert (evening.balance["interest"], evening.late.num_rows, evening.refunds.num_rows) == (703_594, 0, 1)
    story.bank("issued", day(8, 10), "SENT_TO_TREASURY")
    story.bank("settled", day(8, 11), "ISSUED")
    assert story.shown().balance == {
        "principal": 10_000_000, "interest": 703_594 + 143_759, "paid": OWED + 143_759, "held": 0, "offset": 0,
        "returned": 0, "on_the_way": 0, "late_interest": 143_759,
    }  # fmt: skip
    assert lateness.check(story.url) == 1
    assert world.states(story.url) == {"SETTLED": 1}


@pytest.mark.parametrize(("sent", "periods"), [(day(6, 4), 0), (day(6, 5), 1), (day(7, 6), 1), (day(7, 7), 2)])
def test_send__thirty_days_and_periods(tmp_path: Path, sent: dt.date, periods: int) -> None:
    """Sent on day 27 to be paid on day 28: nothing; paid on day 31 and 60: one period; on day 61: two."""
    story = Story(tmp_path, D01)
    story.enrol(day(5, 11), {A: "771000001"})
    story.release(day(5, 12))
    story.send(sent)
    rows = story.shown().late.to_pylist()
    assert [row["bearing_days"] for row in rows] == [30 * periods] * bool(periods)
    assert lateness.check(story.url) == bool(periods)


def test_send__off_or_in_time_changes_nothing(tmp_path: Path) -> None:
    """With the setting off nothing is booked; on, but in time: the same chain and the same files as with it off."""
    found = {}
    for name, settings, on in (("late", {}, day(8, 7)), ("off", {}, day(5, 13)), ("on", lateness.ON, day(5, 13))):
        (tmp_path / name).mkdir()
        story = Story(tmp_path / name, D01)
        story.enrol(day(5, 11), {A: "771000001"})
        story.release(day(5, 12))
        assert dict(story.send(on, settings=settings).counts) == {"sent": 1, "sent_cents": OWED}
        assert "late_interest" not in story.shown().balance
        files = {path.name: path.read_bytes() for path in (tmp_path / name / "out").iterdir()}
        with Ledger.open(story.url) as ledger:
            found[name] = (files, ledger.payment_events().to_pylist(), story.shown().refunds.to_pylist())
    assert found["on"] == found["off"]


def test_send__held_money_bears_nothing_until_enrolled(tmp_path: Path) -> None:
    """Held on 11 May, enrolled on 2 July, paid on 10 August: the days between bear nothing, and are counted."""
    story = Story(tmp_path, D01)
    story.release(day(5, 11))
    story.enrol(day(7, 2), {A: "771000001"})
    story.release(day(8, 6))
    story.send(day(8, 7))
    assert story.booked() == [owed(OWED, day(8, 10), (day(5, 11), day(7, 1)))]
    assert story.shown().late["bearing_days"].to_pylist() == [90 - 52]
    assert lateness.check(story.url) == 1


def test_send__an_offset_while_held(tmp_path: Path) -> None:
    """What an offset cut anew was held before: its days bear nothing for the rest, and what was taken bears nothing."""
    story = Story(tmp_path, D01)
    story.release(day(5, 11))
    debts = tmp_path / "debts.csv"
    debts.write_text(f"recipient,debt,creditor,amount_cents\n{A},D1,cbp,703594\n")
    cape_engine.refund_release(ledger=story.url, on=day(6, 15), debts=debts)
    story.enrol(day(7, 2), {A: "771000001"})
    story.release(day(7, 6))
    story.send(day(8, 7))
    assert story.booked() == [owed(10_000_000, day(8, 10), (day(5, 11), day(7, 1)))]
    assert lateness.check(story.url) == 1


def test_send__enrolment_that_ended(tmp_path: Path) -> None:
    """Days for which the recipient was said not to be enrolled bear nothing, whatever the state."""
    story = Story(tmp_path, D01)
    story.enrol(day(5, 11), {A: "771000001"})
    story.release(day(5, 12))
    story.enrol(day(6, 1), {A: ""})
    story.enrol(day(6, 22), {A: "771000002"})
    story.send(day(8, 7))
    assert story.booked() == [owed(OWED, day(8, 10), (day(6, 1), day(6, 21)))]
    assert lateness.check(story.url) == 1


@pytest.mark.parametrize("settled", [False, True])
def test_reissue__brings_the_rest(tmp_path: Path, settled: bool) -> None:
    """Late, returned, another account ten days on, reissued: both bookings are what one payment would bring."""
    story = Story(tmp_path, D01)
    story.enrol(day(5, 11), {A: "771000001"})
    story.release(day(6, 15))
    story.send(day(6, 16))
    first = owed(OWED, day(6, 17))
    assert story.booked() == [first]
    assert first > 0
    story.bank("issued", day(6, 17), "SENT_TO_TREASURY")
    if settled:
        story.bank("settled", day(6, 18), "ISSUED")
    story.bank("returned", day(6, 22), "SETTLED" if settled else "ISSUED")
    story.enrol(day(7, 2), {A: "772000002"})
    cape_engine.refund_reissue(ledger=story.url, on=day(8, 6), everything=True)
    story.send(day(8, 7))
    whole = owed(OWED, day(8, 10), (day(6, 17), day(7, 1)))
    assert story.booked() == [first, whole - first]
    assert lateness.check(story.url) == 2
    states = [(row["refund"], row["payment_state"]) for row in story.shown().payments.to_pylist()]
    assert len(states) == 5  # the refund and the interest, both returned and reissued, and the rest of the interest
    assert story.shown().balance["on_the_way"] == OWED + whole
    world.states(story.url)


def test_reissue__first_payment_was_in_time(tmp_path: Path) -> None:
    """Sent in time, came back, reissued without another account: only the days after the reissue bear."""
    story = Story(tmp_path, D01)
    story.enrol(day(5, 11), {A: "771000001"})
    story.release(day(5, 12))
    story.send(day(5, 13))
    story.bank("issued", day(5, 14), "SENT_TO_TREASURY")
    story.bank("returned", day(5, 15), "ISSUED")
    cape_engine.refund_reissue(ledger=story.url, on=day(6, 1), everything=True)
    story.send(day(7, 7))
    assert story.booked() == [owed(OWED, day(7, 8), (day(5, 14), day(5, 31)))]
    assert lateness.check(story.url) == 1


def test_send__several_parts_and_cohorts(tmp_path: Path) -> None:
    """Each part bears its own interest, one refund pays that of all parts of a cohort; two cohorts have two."""
    story = Story(tmp_path, Cohort(A, 250_000, 77, day=LIQUIDATED), Cohort(B, 90_000, day=LIQUIDATED), cap=100_000)
    story.enrol(day(5, 11), {A: "771000001", B: "772000002"})
    story.release(day(5, 12))
    done = story.send(day(9, 1), settings={**lateness.ON, "refund.payment_cap_cents": 2_000})
    by_refund: dict[str, list[int]] = {}
    for row in story.shown().late.to_pylist():
        by_refund.setdefault(row["refund"], []).append(row["amount_cents"])
    shares = sorted(map(sorted, by_refund.values()))
    paid = day(9, 2)
    assert shares == sorted([sorted([owed(100_000, paid)] * 2 + [owed(50_077, paid)]), [owed(90_000, paid)]])
    parts = [row for row in story.shown().payments.to_pylist() if row["refund"] in by_refund]
    assert all(row["amount_cents"] <= 2_000 for row in parts)
    assert done.counts["late_interest"] == len(parts) == 3
    assert lateness.check(story.url) == 4


def test_send__importers_of_both_kinds(tmp_path: Path) -> None:
    """A refund of a corporation and another importer is divided by principal and interest, each at its own rate."""
    story = Story(tmp_path, Cohort(A, 100_001, 11, importers=(A, C), day=LIQUIDATED))
    with Ledger.open(story.url) as ledger:
        numbers = ledger.decisions()["entry_number"].to_pylist()
        kinds = dict(zip(numbers, ("corporate", "noncorporate"), strict=True))
        cells = {column.name: pa.nulls(2, column.type) for column in life.FACTS_SCHEMA}
        cells["entry_number"] = pa.array(numbers)
        cells["importer_kind"] = pa.array([kinds[one] for one in numbers])
        ledger.record_facts(1, pa.table(cells).cast(life.FACTS_SCHEMA), on_day=LIQUIDATED)
    story.enrol(day(5, 11), {A: "771000001"})
    story.release(day(5, 12))
    done = story.send(day(9, 1))
    paid, mine = day(9, 2), 50_001 + 6
    expected = owed(mine, paid) + owed(100_012 - mine, paid, kind="noncorporate")
    assert story.booked() == [expected]
    assert done.findings.num_rows == 0
    assert expected not in {owed(100_012, paid), owed(100_012, paid, kind="noncorporate")}


def test_send__default_kind(tmp_path: Path) -> None:
    """`refund.default_importer_kind` decides where nothing is known, and a finding says so."""
    story = Story(tmp_path, D01)
    story.enrol(day(5, 11), {A: "771000001"})
    story.release(day(5, 12))
    done = story.send(day(8, 7), settings={**lateness.ON, "refund.default_importer_kind": "noncorporate"})
    assert story.booked() == [owed(OWED, day(8, 10), kind="noncorporate")]
    (found,) = done.findings.to_pylist()
    assert "noncorporate was assumed" in found["message"]


def test_send__days_without_a_rate(tmp_path: Path) -> None:
    """Beyond the last quarter that is known nothing is guessed: the payment stays, and goes with the setting off."""
    story = Story(tmp_path, D01, Cohort(B, 500, day=dt.date(2026, 12, 1)))
    story.enrol(day(5, 11), {A: "771000001", B: "772000002"})
    story.release(day(12, 14))
    on = dt.date(2027, 2, 9)
    done = story.send(on)
    (found,) = [row for row in done.findings.to_pylist() if row["severity"] == "error"]
    assert (found["code"], found["value"], done.exit_code) == ("LATE_RATE_MISSING", "2", 1)
    assert "sent" not in done.counts
    assert "refund.late_interest = false" in found["remedy"]
    assert story.send(on, settings={}).counts["sent"] == 2
    assert story.shown().late.num_rows == 0


def test_send__large_interest_is_announced(tmp_path: Path) -> None:
    """Interest of $50 million and more waits for its notice, and goes then without being booked again."""
    story = Story(tmp_path, Cohort(A, 400_000_000_000, day=LIQUIDATED), cap=10**12)
    story.enrol(day(5, 11), {A: "771000001"})
    story.release(day(5, 12))
    large = {**lateness.ON, "refund.payment_cap_cents": 10**12}
    first = story.send(day(9, 1), settings=large)
    assert (first.counts["notices"], first.counts["sent"], first.counts["late_interest"]) == (1, 1, 1)
    assert story.booked() == [owed(400_000_000_000, day(9, 2))]
    assert story.booked()[0] >= 5_000_000_000
    assert story.send(day(9, 2), settings=large).counts["announced"] == 1
    assert dict(story.send(day(9, 3), settings=large).counts) == {"sent": 1, "sent_cents": story.booked()[0]}
    assert lateness.check(story.url) == 1


def test_late_interest__the_database_refuses_a_second_time(tmp_path: Path) -> None:
    """Whoever writes: that of a payment stands once, is never changed, and `verify` adds it up."""
    story = Story(tmp_path, D01)
    story.enrol(day(5, 11), {A: "771000001"})
    story.release(day(5, 12))
    story.send(day(8, 7))
    with Ledger.open(story.url) as ledger, pytest.raises(LedgerError, match="UNIQUE"):
        ledger.record_late_interest(ledger.late_interest(), on_day=day(9, 1))
    with Ledger.open(story.url) as ledger:
        rows = ledger.late_interest().to_pylist()
        other = {**rows[0], "payment": rows[0]["refund"]}
        ledger.record_late_interest(pa.Table.from_pylist([other], p.LATE_SCHEMA), on_day=day(9, 1))
        problems = " ".join(ledger.verify().problems)
    assert "is of another recipient or day, or its own" in problems
    assert "interest for late payment adds up to 287,518" in problems
    with closing(sqlite3.connect(story.url)) as client, pytest.raises(sqlite3.IntegrityError, match="never changed"):
        client.execute("UPDATE late_interest SET amount_cents = 1")


def test_commands__say_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """`send --set refund.late_interest=true` counts it, `show` tells for which payment; with a terminal, in words."""
    story = Story(tmp_path, D01)
    story.enrol(day(5, 11), {A: "771000001"})
    story.release(day(5, 12))
    words = ["refund", "send", "--ledger", story.url, "--on", "2026-08-07", "--out", str(tmp_path / "out")]
    assert cli.invoke([*words, "--set", "refund.late_interest=true", "--json"]) == 0
    said = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert said[-1]["counts"]["late_interest_cents"] == 143_759
    assert cli.invoke(["refund", "show", "--ledger", story.url, "--json"]) == 0
    said = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    (late,) = [line for line in said if line["event"] == "late_interest"]
    assert (late["payment"], late["amount_cents"], late["paid_on"]) == (D01.key, 143_759, "2026-08-10")
    assert said[-1]["late_interest"] == 143_759


TOLD = st.lists(st.tuples(st.integers(0, 40), st.booleans()), max_size=4).map(sorted)


@given(told=TOLD, first=st.integers(0, 45), last=st.integers(0, 45))
def test_undelivered__equal_to_days(told: list[tuple[int, bool]], first: int, last: int) -> None:
    """Times are those that the twin finds day by day: never enrolled, or said not to be."""
    begin = day_number(LIQUIDATED)
    rows = [(begin + since, flag) for since, flag in told]
    said = [(date_of(since), flag) for since, flag in rows]
    span = range(begin + first, begin + last + 1)
    for times, wanted in (
        (undelivered.refused(rows, begin + first, begin + last), {False}),
        (undelivered.waited(rows, begin + first, begin + last), {False, None}),
    ):
        found = {one for low, high in times for one in range(low, high + 1)}
        assert found == {one for one in span if enrolled(said, date_of(one)) in wanted}
