"""Dated runs: the same entries filed on both sides of each change of law, and the scope announced in March 2026."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

import pytest

import cape_engine
import cape_fixtures
from cape_engine.schema import results as r
from road import es003
from road.comparing import KNOWN_COLUMNS, entry_differences, refund_differences

ENTRY = "ABC12345676"
CHANGES = (dt.date(2026, 6, 25), dt.date(2026, 6, 29), dt.date(2026, 7, 7))
"""CSMS 69056483, 69035485 and 69127837."""
DAYS = sorted(day - dt.timedelta(days=back) for day in CHANGES for back in (1, 0))
HELD = ("Extended", "Suspended", "Under Review")


def filed(*, order: tuple[int, int] = (1, 2), number: str = "", **facts: Any) -> list[dict[str, object]]:
    """Free goods under 10 % reciprocal duty; `order` are the ordinals, `number` a chapter 99 number more."""
    common: dict[str, object] = {
        "entry_number": ENTRY,
        "line": 1,
        "entry_type": "01",
        "importer_number": "12-345678900",
        "entry_date": "2025-12-08",
        "country_of_origin": "TH",
        "liquidation_status": "Unliquidated",
        **facts,
    }
    charged = {"ordinal": order[0], "hts_number": "99030125", "value_dollars": 0, "duty": "1000.00"}
    base = {"ordinal": order[1], "hts_number": "8517130000", "value_dollars": 10_000, "duty": "0.00"}
    more = {"ordinal": 3, "hts_number": number, "value_dollars": 0, "duty": "0.00"}
    rows = [{**common, **charged}, {**common, **base}]
    return [*rows, {**common, **more}] if number else rows


def outcome(rows: list[dict[str, object]], day: dt.date, folder: Path, **options: Any) -> dict[str, Any]:
    """The one entry, filed on that day."""
    export = es003.write(rows, folder / "export.csv")
    [entry] = cape_engine.run(export, as_of=day, **options).entries.to_pylist()
    assert isinstance(entry, dict)
    return entry


@pytest.mark.parametrize("day", DAYS, ids=str)
def test_run__known_answer_by_date(day: dt.date, tmp_path: Path) -> None:
    """Entries with every reason to be refused have their known answer on each side of every change."""
    made = cape_fixtures.generate(250, 21, as_of=day, mix="all_rules")
    files = cape_fixtures.write(made, tmp_path, format="parquet", layout="canonical")
    result = cape_engine.run(files.rows, headers=files.headers, importers=files.importers, as_of=day, detail="none")
    assert entry_differences(result.entries, made.expected, KNOWN_COLUMNS) == []
    assert refund_differences(result.refunds, made.expected_refunds) == []


@pytest.mark.parametrize(
    ("rows", "change", "before", "after"),
    [
        (filed(order=(2, 1)), CHANGES[0], ["HTS_RELATIONSHIP_SEQUENCE"], []),
        (filed(Reconciliation="Y"), CHANGES[1], ["RECON_FLAGGED"], []),
        (filed(entry_type="21"), CHANGES[2], [], ["WAREHOUSE_TYPES_REFUSED"]),
        (filed(entry_type="22"), CHANGES[2], [], ["WAREHOUSE_TYPES_REFUSED"]),
        (filed(), CHANGES[0], [], []),
    ],
    ids=["order", "reconciliation", "type 21", "type 22", "nothing"],
)
def test_run__both_sides_of_a_change(
    rows: list[dict[str, object]], change: dt.date, before: list[str], after: list[str], tmp_path: Path
) -> None:
    """The last day of the old rule and the first of the new one give their own answers, and only they differ."""
    named = [{{"Reconciliation": "Reconciliation Indicator"}.get(k, k): v for k, v in row.items()} for row in rows]
    for day, reasons in ((change - dt.timedelta(days=1), before), (change, after)):
        entry = outcome(named, day, tmp_path)
        assert entry["reason_codes"] == reasons
        assert entry["disposition"] == ("rejected" if reasons else "accepted")
        assert entry["principal_cents"] == (0 if reasons else 100_000)
        assert len(entry["messages"]) == len(reasons)


def test_run__before_the_first_day(tmp_path: Path) -> None:
    """CAPE opened on 2026-04-20; there is no answer for the day before."""
    from cape_engine.errors import UsageError

    assert outcome(filed(), dt.date(2026, 4, 20), tmp_path)["disposition"] == "accepted"
    with pytest.raises(UsageError, match="2026-04-20"):
        outcome(filed(), dt.date(2026, 4, 19), tmp_path)


@pytest.mark.parametrize(
    "facts",
    [
        *({"liquidation_status": word} for word in HELD),
        {"entry_type": "03"},
        {"entry_type": "21"},
        {"entry_type": "31"},
    ],
    ids=str,
)
def test_run__scope_of_march_by_one_setting(facts: dict[str, Any], tmp_path: Path) -> None:
    """Held entries wait as operated since April; one setting refuses them, as announced in March 2026."""
    day = dt.date(2026, 5, 4)
    practice = outcome(filed(**facts), day, tmp_path)
    assert (practice["disposition"], practice["action"]) == ("accepted", "wait")
    assert (practice["principal_cents"], practice["interest_cents"]) == (100_000, 0)
    assert (practice["liquidation_date"], practice["payment_id"], practice["new_version"]) == (None, None, "00101")
    plan = outcome(filed(**facts), day, tmp_path, settings={"phase.hold_policy": "reject"})
    assert (plan["disposition"], plan["reason_codes"]) == ("rejected", ["HOLD_NOT_IN_PHASE"])
    assert (plan["principal_cents"], plan["new_version"]) == (0, None)


def test_run__scope_of_march_leaves_the_others(tmp_path: Path) -> None:
    """The setting of March changes nothing for an entry without a hold."""
    day = dt.date(2026, 5, 4)
    plain = outcome(filed(), day, tmp_path)
    assert outcome(filed(), day, tmp_path, settings={"phase.hold_policy": "reject"}) == plain
    assert plain[r.ACTION] == "liquidate"
