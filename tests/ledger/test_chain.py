"""The hash chain and the guards of the database: no cell can be changed by another hand without being found."""

from __future__ import annotations

import datetime as dt
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pyarrow as pa
import pytest

from cape_engine.ledger import Ledger, Submission, tables
from cape_engine.ledger.chain import CHAINED
from cape_engine.schema import life
from cape_engine.schema import payments as p

Numbers = Callable[..., list[str]]
Submit = Callable[..., Submission]
DAY = dt.date(2026, 5, 5)
OTHER: dict[str, str] = {
    "declarations.account": "'filer'",
    "claim_entries.live": "1 - live",
    "claim_entries.importer_number": "'99-999999900'",
    "statuses.claim_number": "'200000000001'",
    "facts.content": "zeroblob(10)",
    "decisions.content": "(SELECT content FROM facts)",
    "enrolments.content": "zeroblob(10)",
    "payment_events.content": "(SELECT content FROM facts)",
    "payment_events.state": "'ISSUED'",
    "payments.replaces": "'another'",
    "payments.trace": "'another'",
    "refunds.amount_cents": "amount_cents",
}
"""What a cell becomes, where adding one or turning the text round would not do."""


def live_a_day(ledger: Ledger, entries: list[str]) -> None:
    """A row in every table of the life of entries."""
    count, day = len(entries), [DAY] * len(entries)
    known: dict[str, object] = {"entry_number": entries, "deposit_dates": [[DAY], []], "principal_cents": [5, None]}
    facts = {field.name: known.get(field.name, [None] * count) for field in life.FACTS_SCHEMA}
    ledger.record_facts(1, pa.table(facts, schema=life.FACTS_SCHEMA), on_day=DAY)
    same = {
        "declaration": [1] * count,
        "entry_number": entries,
        "action": ["liquidate"] * count,
        "reason": [""] * count,
    }
    plans = {**same, "liquidation_date": day, "basis_date": day, "limit_date": day}
    ledger.record_plans(pa.table(plans).select(life.PLANS_SCHEMA.names).cast(life.PLANS_SCHEMA), on_day=DAY)
    named = {"kind": ["REVIEW_CLOSED"] * count, "note": ["n"] * count, "source": ["e.csv"] * count, "row": [2, 3]}
    events = {"entry_number": entries, **named, "effective_date": day, "liquidation_date": day, "received_date": day}
    ledger.record_occurrences(pa.table(events), who="cbp", on_day=DAY)
    acts = {"act": ["assign", "change"], "on_day": day, "officer": ["Lee"] * count, "reason": ["value"] * count}
    cents = {"before_cents": [None, 9], "principal_cents": [None, 5], "source": ["d.csv"] * count, "row": [2, 3]}
    reviews = {"declaration": [1] * count, "entry_number": entries, **acts, **cents}
    ledger.record_reviews(pa.table(reviews), on_day=DAY)
    decided = {"declaration": [1], "entry_number": entries[:1], "on_day": [DAY], "action": ["liquidate"]}
    money = {"reason_code": ["36"], "new_version": ["00101"], "principal_cents": [5], "interest_cents": [1]}
    paid = {"interest_from": [DAY], "recipient": ["12-345678900"], "refund": ["R1"]}
    ledger.record_decisions(pa.table({**decided, **money, **paid}), on_day=DAY)
    ledger.record_day(DAY, run_day=True, counts={"liquidated": 1}, result_hash="0" * 64)


PAYING = ("enrolments", "debts", "offsets", "payment_events", "sendings", "sent_payments", "notices", "late_interest")


def live_payments(ledger: Ledger) -> None:
    """A row in every table of the life of payments: a debt takes a part of a refund, the rest is sent."""
    ledger.record_enrolments(
        pa.table([["1234567890"], [True], [DAY], ["6789"], ["0" * 24]], names=p.ENROLMENTS_SCHEMA.names),
        source="importers.csv", on_day=DAY,
    )  # fmt: skip
    debt = [["D1"], ["12345678900"], ["cbp"], [1], [2], [DAY], ["debts.csv"], [2]]
    ledger.record_debts(pa.table(debt, names=p.DEBTS_SCHEMA.names), on_day=DAY)
    ledger.record_offsets(pa.table([["D1"], ["R1"], [DAY], [2]], names=p.OFFSETS_SCHEMA.names), on_day=DAY)
    ledger.record_parts(pa.table([["P2"], ["R1"], [1], [1], [4], ["P1"]], names=p.PARTS_KEPT_SCHEMA.names), on_day=DAY)
    for state, payment, cents, trace, by in (
        ("REPLACED", "P1", 6, None, "P2"), ("CERTIFIED", "P2", 4, None, None), ("SENT_TO_TREASURY", "P2", 4, "T9", None)
    ):  # fmt: skip
        cells = [[payment], [cents], pa.array([trace], pa.string()), ["offset"], pa.array([by], pa.string()), [0]]
        event = pa.table(cells, names=p.PAYMENT_EVENTS_SCHEMA.names)
        ledger.record_payment_events(state, event, source="", on_day=DAY)
    sent = pa.table({"payment": ["P2"], "trace": ["T9"]})
    ledger.record_sending(sent, on_day=DAY, effective=DAY, file_format="request", cents=4)
    ledger.record_notices(pa.table([[DAY], [DAY], [2], [1], [4]], names=p.NOTICES_SCHEMA.names), on_day=DAY)
    late = [["P2"], ["R2"], [DAY], [DAY], [30], [4], [3]]
    ledger.record_late_interest(pa.table(late, names=p.LATE_SCHEMA.names), on_day=DAY)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory, numbers: Numbers, submit: Submit) -> Path:
    """A ledger with a row in every table."""
    place = tmp_path_factory.mktemp("chain") / "whole.ledger"
    with Ledger.open(place) as ledger:
        ledger.record(submit(numbers(30), ["ACCEPTED"] * 20 + ["ENTRY_FAILED"] * 10))
        ledger.record(submit(numbers(30, start=100), file="b", filer="XYZ"))
        ledger.move(pa.array(numbers(20)), "STRIPPED", on_day=DAY, who="mass_processing")
        ledger.set_status(1, "Accepted with Error(s)", on_day=DAY, who="cbp")
        ledger.register_run("out", kind="check", result_hash="r", manifest_sha256="m", totals={}, on_day=DAY)
        with ledger.transaction():
            writer = ledger._writer
            assert writer is not None
            day = DAY.isoformat()
            writer.note_time(DAY)
            writer.add("refunds", [("R1", writer.link, "12-345678900", day, 1, 1, 5, 1, 6)])
            writer.add("payments", [("P1", writer.link, "R1", 1, 1, 6, "T1", None)])
            writer.add("refunds", [("R2", writer.link, "12-345678900", day, 2, 0, 0, 3, 3)])
            writer.add("payments", [("L1", writer.link, "R2", 1, 1, 3, "T2", None)])
            live_a_day(ledger, numbers(2))
            live_payments(ledger)
        assert ledger.verify().ok, ledger.verify().problems
    return place


@pytest.fixture
def copy(whole: Path, tmp_path: Path) -> Path:
    """A copy of it."""
    place = tmp_path / "copy.ledger"
    place.write_bytes(whole.read_bytes())
    return place


def _by_another_hand(place: Path, *statements: str) -> None:
    """Change the file with a client of our own, the guards taken away and put back."""
    with closing(sqlite3.connect(place)) as client:
        guards = client.execute("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'").fetchall()
        for name, _ in guards:
            client.execute(f"DROP TRIGGER {name}")
        for statement in statements:
            client.execute(statement)
        for _, made in guards:
            client.execute(made)
        client.commit()


def _problems(place: Path) -> tuple[str, ...]:
    """What `verify` says."""
    with Ledger.open(place) as ledger:
        return ledger.verify().problems


def _cells() -> Iterator[tuple[str, str]]:
    """Every column of every table that holds something of the past."""
    for table, columns in tables.ALL.items():
        if table != "states":
            for column in columns:
                yield table, column


@pytest.mark.parametrize(("table", "column"), list(_cells()), ids=str)
def test_verify__any_edited_cell(copy: Path, table: str, column: str) -> None:
    """One changed cell, in whatever column of whatever table, and the ledger no longer verifies."""
    whole_number = column in tables.WHOLE
    text = f"CASE WHEN substr({column}, 1, 1) = 'a' THEN 'b' ELSE 'a' END || substr({column}, 2)"
    other = OTHER.get(f"{table}.{column}", f"{column} + 1" if whole_number else text)
    if f"{table}.{column}" == "refunds.amount_cents":
        pytest.skip("the database itself ties it to principal and interest")
    key = tables.KEYS[table].split(", ")
    first = f"({', '.join(key)}) = (SELECT {', '.join(key)} FROM {table} ORDER BY {tables.KEYS[table]} DESC LIMIT 1)"
    if f"{table}.{column}" in {"refunds.principal_cents", "refunds.interest_cents"}:
        other += ", amount_cents = amount_cents + 1"
    _by_another_hand(
        copy, "PRAGMA ignore_check_constraints = ON", f"UPDATE {table} SET {column} = {other} WHERE {first}"
    )
    assert _problems(copy)


@pytest.mark.parametrize("table", [table for table in tables.ALL if table != "states"])
def test_verify__any_removed_row(copy: Path, table: str) -> None:
    """One removed row, the last of its table, is found; only the last link needs its hash written down elsewhere."""
    key = tables.KEYS[table].split(", ")
    last = f"({', '.join(key)}) = (SELECT {', '.join(key)} FROM {table} ORDER BY {tables.KEYS[table]} DESC LIMIT 1)"
    _by_another_hand(copy, f"DELETE FROM {table} WHERE {last}")
    assert _problems(copy)


def test_verify__cut_end(whole: Path, copy: Path) -> None:
    """Whoever cuts off whole transactions at the end gives the head away, which `show` and `verify` print."""
    _by_another_hand(
        copy,
        "DELETE FROM payments",
        "DELETE FROM refunds",
        *(
            f"DELETE FROM {table}"
            for table in ("facts", "plans", "occurrences", "reviews", "decisions", "days", *PAYING)
        ),
        "DELETE FROM links WHERE link = (SELECT max(link) FROM links)",
    )
    with Ledger.open(whole) as ledger, Ledger.open(copy) as cut:
        assert cut.verify().ok
        assert cut.verify().head != ledger.verify().head


def test_verify__names_the_place(copy: Path, numbers: Numbers) -> None:
    """A problem says where it is: entry, declaration, step or link."""
    entry = numbers(1)[0]
    _by_another_hand(copy, f"UPDATE claim_entries SET state = 21 WHERE entry_number = '{entry}'")
    assert _problems(copy) == (f"declaration 1, entry {entry}: its state is not that of its last step",)


def test_verify__illegal_step(copy: Path) -> None:
    """A step that the table of transitions does not know is a problem even with a chain that fits."""
    _by_another_hand(copy, "UPDATE steps SET to_state = 21 WHERE step = (SELECT max(step) FROM steps)")
    assert any("no such step is allowed" in problem for problem in _problems(copy))


def test_verify__guard_removed(copy: Path) -> None:
    """A trigger or the index of live claims that is gone is a problem, although all rows are right."""
    with closing(sqlite3.connect(copy)) as client:
        client.execute("DROP TRIGGER steps_stay")
        client.execute("DROP INDEX one_live_claim")
        client.commit()
    found = _problems(copy)
    assert [problem.split(":")[0] for problem in found] == ["one_live_claim", "steps_stay"]


def test_verify__two_live_claims(copy: Path, numbers: Numbers) -> None:
    """Without its index two claims could hold one entry; `verify` finds that too."""
    entry = numbers(1)[0]
    _by_another_hand(
        copy,
        "DROP INDEX one_live_claim",
        f"INSERT INTO claim_entries VALUES (2, '{entry}', 6, 1, 8, NULL, NULL)",
    )
    assert f"entry {entry}: 2 live claims hold it" in _problems(copy)


@pytest.mark.parametrize("table", list(tables.ALL))
def test_guards__no_change_no_removal(copy: Path, table: str) -> None:
    """The database refuses to change or remove rows; of a claim only state, live and step may change."""
    column = "importer_number" if table == "claim_entries" else tables.ALL[table][0]
    with closing(sqlite3.connect(copy)) as client:
        for statement in (f"UPDATE {table} SET {column} = {column}", f"DELETE FROM {table}"):
            with pytest.raises(sqlite3.IntegrityError, match=table):
                client.execute(statement)


def test_guards__one_live_claim(copy: Path, numbers: Numbers) -> None:
    """The database itself, not the engine, refuses a second live claim on an entry."""
    with closing(sqlite3.connect(copy)) as client, pytest.raises(sqlite3.IntegrityError, match="UNIQUE"):
        client.execute("INSERT INTO claim_entries VALUES (2, ?, 2, 1, 8, NULL, NULL)", (numbers(1)[0],))


@pytest.mark.heavy
@pytest.mark.postgres
def test_guards__postgres(postgres: str, numbers: Numbers, submit: Submit) -> None:
    """PostgreSQL refuses the same: change, removal, emptying, a second live claim; and edits are found."""
    from adbc_driver_postgresql import dbapi

    with Ledger.open(postgres) as ledger:
        ledger.record(submit(numbers(3)))
        ledger.record(submit(numbers(3, start=50), file="b"))
    entry = numbers(1)[0]
    with dbapi.connect(postgres, autocommit=True) as client, client.cursor() as cursor:
        cursor.execute("SET search_path TO cape_ledger")
        for statement in (
            "UPDATE steps SET who = 'me'",
            "DELETE FROM links",
            "TRUNCATE claim_entries",
            "UPDATE claim_entries SET principal_cents = 0",
            f"INSERT INTO claim_entries VALUES (2, '{entry}', 2, 1, 4, NULL, NULL)",
        ):
            with pytest.raises(dbapi.Error, match=r"never changed or removed|one_live_claim"):
                cursor.execute(statement)
        cursor.execute("ALTER TABLE steps DISABLE TRIGGER ALL")
        cursor.execute("UPDATE steps SET who = 'me' WHERE step = 1")
        with Ledger.open(postgres) as ledger:
            found = ledger.verify().problems
        assert [problem.split(":")[0] for problem in found] == ["steps_stay", "link 1"]


def test_chain__every_table_is_covered() -> None:
    """Every column of every table goes into the chain, or is recomputed from what does."""
    assert set(tables.ALL) - set(CHAINED) == {"states", "links", "claim_entries", "sent_payments"}
