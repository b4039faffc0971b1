"""Consolidation: sums by recipient and day, split at the cap, states, keys that never change (invariant 11)."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cape_engine import refund, rules
from cape_engine.errors import InputError, SettingError
from cape_engine.schema import results as r
from cape_engine.schema.column import arrow_schema
from cape_engine.schema.facts import IMPORTERS_FILE
from cape_engine.schema.rows import STORE_ENTRIES_SCHEMA
from cape_engine.settings import Settings
from reference.refund import Paid, cohorts, day_numbers, plain, split, table

RULES = rules.load()
OWNER, OTHER, AGENT = "12-345678900", "98-765432100", "77-000000100"
START = dt.date(2025, 4, 9)
DAYS = [dt.date(2026, 6, 15), dt.date(2026, 6, 16), dt.date(2027, 1, 5)]


def run(
    parts: Sequence[Sequence[tuple[Mapping[str, Any], int, dt.date]]],
    *,
    importers: Sequence[Mapping[str, Any]] | None = None,
    **settings: object,
) -> tuple[refund.Consolidated, list[refund.Priced]]:
    """Price partitions of (facts, principal, liquidation day) and consolidate them, as a run does."""
    values = Settings.build({f"refund.{name}": value for name, value in settings.items()})
    known = None if importers is None else table(arrow_schema(IMPORTERS_FILE), importers)
    numbers = [
        [facts.get(name) for facts, _, _ in rows for name in ("importer_number", "notify_party")] for rows in parts
    ]
    register = refund.Register(known)
    for words in numbers:
        register.learn(words)
    priced = [
        refund.price(
            table(
                STORE_ENTRIES_SCHEMA,
                [{"deposit_date": START, "importer_kind": "corporate", **facts} for facts, _, _ in rows],
            ),
            principal_cents=np.array([principal for _, principal, _ in rows], np.int64),
            payable=np.ones(len(rows), np.bool_),
            liquidation_day=day_numbers([day for _, _, day in rows]),
            ruleset=RULES,
            settings=values,
            importers=known,
            register=register,
        )
        for rows in parts
    ]
    whole = refund.consolidate(
        (part.sums for part in priced), (part.tally for part in priced), settings=values, register=register
    )
    return whole, priced


def rows_of(found: pa.Table) -> list[dict[str, Any]]:
    """A result table as rows."""
    rows: list[dict[str, Any]] = found.to_pylist()
    return rows


def test_consolidate__d14_splits_at_the_cap() -> None:
    """107,135,690.90 becomes 99,999,999.99 + 7,135,690.91 (D14), full part first, one reference, two keys."""
    whole, priced = run([[({"importer_number": OWNER}, 9_999_999_999, DAYS[0])]])
    assert rows_of(whole.refunds) == [
        {
            "recipient": OWNER,
            "liquidation_date": DAYS[0],
            "importers": 1,
            "entries": 1,
            "principal_cents": 9_999_999_999,
            "interest_cents": 713_569_091,
            "amount_cents": 10_713_569_090,
            "parts": 2,
            "status": "ready",
        }
    ]
    payments = rows_of(whole.payments)
    assert [(row["part"], row["parts"], row["amount_cents"]) for row in payments] == [
        (1, 2, 9_999_999_999),
        (2, 2, 713_569_091),
    ]
    assert payments[0]["payment_id"] == priced[0].payment_id[0].as_py()
    assert payments[0]["payment_id"] != payments[1]["payment_id"]


@pytest.mark.parametrize(
    ("principal", "parts"), [(9_999_999_999, 1), (10_000_000_000, 2), (19_999_999_998, 2), (19_999_999_999, 3)]
)
def test_consolidate__fewest_parts_at_the_edge(principal: int, parts: int) -> None:
    """Exactly the cap is one payment; one cent more is two."""
    whole, _ = run([[({"importer_number": OWNER, "deposit_date": DAYS[0]}, principal, DAYS[0])]])
    assert whole.refunds.column("parts").to_pylist() == [parts]
    assert whole.payments.column("amount_cents").to_pylist() == split(principal, 9_999_999_999)


def test_price__payment_is_named_once() -> None:
    """Importers who share a payment share its word: Arrow writes room for a repeated one, filled by chance."""
    shared = {"notify_party": AGENT, "notify_party_on_profile": True}
    owners = [({"importer_number": owner, **shared}, 100, day) for day in DAYS for owner in (OWNER, OTHER, OWNER)]
    _, (priced,) = run([[*owners, ({"importer_number": OWNER}, 0, DAYS[0])]])
    assert len(priced.sums) == 2 * len(DAYS)
    assert len(priced.payment_id.dictionary) == len(set(priced.payment_id.dictionary.to_pylist())) == len(DAYS)
    names = priced.payment_id.to_pylist()
    assert names[0:3] == [names[0]] * 3
    assert (len(set(names[:9])), names[9]) == (3, None)


def test_consolidate__schemas() -> None:
    """The tables have exactly the promised columns and types, also without any refund."""
    one: list[tuple[Mapping[str, Any], int, dt.date]] = [({"importer_number": OWNER}, 5, DAYS[0])]
    for rows in ([], one):
        whole, _ = run([rows])
        assert whole.refunds.schema.equals(r.RESULT_REFUNDS_SCHEMA)
        assert whole.payments.schema.equals(r.RESULT_PAYMENTS_SCHEMA)
        assert whole.refunds.num_rows == len(rows)


def test_consolidate__statuses() -> None:
    """No recipient, no rate and no enrolment hold a refund; enrolment that nobody knows does not."""
    importers = [
        {"importer_number": OWNER, "ach_enrolled": False},
        {"importer_number": OTHER, "ach_enrolled": True},
    ]
    rows = [
        ({"importer_number": OWNER}, 100, DAYS[0]),
        ({"importer_number": OTHER}, 100, DAYS[0]),
        ({"importer_number": OTHER}, 100, DAYS[2]),
        ({"importer_number": AGENT}, 100, DAYS[0]),
        ({}, 100, DAYS[0]),
    ]
    whole, priced = run([rows], importers=importers)
    found = {(row["recipient"], row["liquidation_date"]): row for row in rows_of(whole.refunds)}
    assert {key: row["status"] for key, row in found.items()} == {
        (OWNER, DAYS[0]): "held_no_ach",
        (AGENT, DAYS[0]): "ready",
        (OTHER, DAYS[0]): "ready",
        (OTHER, DAYS[2]): "held_no_interest_rate",
        ("UNKNOWN", DAYS[0]): "held_no_recipient",
    }
    held = found[OTHER, DAYS[2]]
    assert (held["interest_cents"], held["amount_cents"], held["parts"]) == (None, 100, 1)
    assert priced[0].recipient.to_pylist()[4] is None
    assert priced[0].payment_id.null_count == 0
    assert whole.payments.column("status").to_pylist() == whole.refunds.column("status").to_pylist()
    codes = [finding.code for finding in whole.findings.rows]
    assert codes == ["INTEREST_QUARTER_MISSING", "RECIPIENT_UNKNOWN", "ACH_NOT_KNOWN"]


def test_consolidate__one_open_interest_opens_the_cohort() -> None:
    """One entry without a rate leaves the interest of its cohort open and pays out nothing yet."""
    rows: list[tuple[Mapping[str, Any], int, dt.date]] = [
        ({"importer_number": OWNER}, 100_000, DAYS[0]),
        ({"importer_number": OWNER, "deposit_date": dt.date(2024, 1, 1)}, 50_000, DAYS[0]),
    ]
    whole, _ = run([rows])
    refund_row = rows_of(whole.refunds)[0]
    assert (refund_row["interest_cents"], refund_row["amount_cents"]) == (None, 150_000)
    assert refund_row["status"] == "held_no_interest_rate"


def test_consolidate__4811_together_or_apart() -> None:
    """Two importers with one 4811 party are one payment; `refund.consolidate_4811` = importer keeps them apart."""
    agent = {"notify_party": AGENT, "notify_party_on_profile": True}
    rows = [({"importer_number": number, **agent}, 100, DAYS[0]) for number in (OWNER, OTHER)]
    together, _ = run([rows])
    assert [(row["recipient"], row["importers"], row["entries"]) for row in rows_of(together.refunds)] == [
        (AGENT, 2, 2)
    ]
    apart, priced = run([rows], consolidate_4811="importer")
    assert [(row["recipient"], row["importers"], row["entries"]) for row in rows_of(apart.refunds)] == [
        (AGENT, 1, 1)
    ] * 2
    ids = apart.payments.column("payment_id").to_pylist()
    assert len(set(ids)) == 2
    assert sorted(ids) == sorted(priced[0].payment_id.to_pylist())


def test_payment_key__never_of_an_amount() -> None:
    """The key is the same for other amounts, and differs by recipient, day, part and importer kept apart."""
    keys = {
        refund.payment_key("12345678900", 20000, 1),
        refund.payment_key("12345678901", 20000, 1),
        refund.payment_key("12345678900", 20001, 1),
        refund.payment_key("12345678900", 20000, 2),
        refund.payment_key("12345678900", 20000, 1, "12345678900"),
    }
    assert len(keys) == 5
    first, _ = run([[({"importer_number": OWNER}, 100, DAYS[0])]])
    second, _ = run([[({"importer_number": "12 345678900"}, 777, DAYS[0])]])
    assert first.payments.column("payment_id").to_pylist() == second.payments.column("payment_id").to_pylist()
    assert first.payments.column("payment_id").to_pylist() == [
        refund.payment_key("12345678900", day_numbers(DAYS)[0].item(), 1)
    ]


PARTIES = st.sampled_from([OWNER, "12345678900", OTHER, None])
ENTRIES = st.lists(
    st.tuples(PARTIES, st.booleans(), st.integers(0, 10**11), st.sampled_from(DAYS), st.integers(0, 2)), max_size=14
)


@given(ENTRIES)
def test_consolidate__equals_the_twin(entries: list[Any]) -> None:
    """Entry refunds = cohort sums = payments, each part within the cap, however cut (invariants 9, 11)."""
    parts: list[list[Any]] = [[], [], []]
    for number, to_agent, principal, day, part in entries:
        facts = {"importer_number": number, "notify_party": AGENT, "notify_party_on_profile": to_agent}
        parts[part].append((facts, principal, day))
    whole, priced = run(parts)
    at_once, _ = run([[row for part in parts for row in part]])
    assert at_once.refunds.equals(whole.refunds)
    assert at_once.payments.equals(whole.payments)
    flat = []
    for rows, result in zip(parts, priced, strict=True):
        for place, (facts, principal, day) in enumerate(rows):
            known = result.interest_known[place]
            recipient = AGENT if facts["notify_party_on_profile"] else facts["importer_number"]
            interest = int(result.interest_cents[place]) if known else None
            flat.append(
                (
                    Paid(recipient or "", facts["importer_number"] or "", day, principal, interest),
                    result.payment_id[place].as_py(),
                )
            )
    expected = cohorts([paid for paid, _ in flat])
    rows = rows_of(whole.refunds)
    assert [row["recipient"] for row in rows] == sorted(row["recipient"] for row in rows)
    found = {
        ("" if row["recipient"] == "UNKNOWN" else plain(row["recipient"]), row["liquidation_date"]): row for row in rows
    }
    assert found.keys() == expected.keys()
    paid_parts: dict[Any, list[int]] = {}
    ids: dict[Any, str] = {}
    for row in rows_of(whole.payments):
        key = ("" if row["recipient"] == "UNKNOWN" else plain(row["recipient"]), row["liquidation_date"])
        paid_parts.setdefault(key, []).append(row["amount_cents"])
        ids.setdefault(key, row["payment_id"])
    for key, cohort in expected.items():
        row = found[key]
        assert (row["importers"], row["entries"]) == (len(cohort.importers), cohort.entries)
        assert (row["principal_cents"], row["interest_cents"]) == (cohort.principal, cohort.interest)
        assert row["amount_cents"] == cohort.principal + (cohort.interest or 0)
        assert paid_parts[key] == split(row["amount_cents"], 9_999_999_999)
        assert row["parts"] == len(paid_parts[key])
    for paid, payment in flat:
        assert payment == (ids[plain(paid.recipient), paid.day] if paid.principal else None)


def test_consolidate__amounts_beyond_64_bits() -> None:
    """Sums that 64 bits do not hold are refused in words, within a partition and over partitions; none wraps."""
    rows = [({"importer_number": OWNER, "deposit_date": DAYS[0]}, 2**62, DAYS[0])]
    with pytest.raises(InputError, match="beyond every bound"):
        run([rows * 2])
    with pytest.raises(InputError, match="beyond every bound"):
        run([rows, rows])


def test_consolidate__cap_below_one_cent() -> None:
    """A payment cap that pays nothing is refused."""
    with pytest.raises(SettingError, match="at least 1"):
        run([[]], payment_cap_cents=0)
