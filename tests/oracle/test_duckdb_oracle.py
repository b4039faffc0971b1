"""The SQL oracle on hand-made entries with known answers, and against the generator, which decides before it files."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pyarrow as pa
import pytest

from cape_fixtures.generator import generate
from oracle.duckdb_oracle import run_oracle

MAY, JULY = dt.date(2026, 5, 4), dt.date(2026, 7, 20)
ENTRY = "ABC12345676"
HEADER = {
    "entry_number": ENTRY,
    "importer_number": "12-345678900",
    "entry_type": "01",
    "entry_date": dt.date(2025, 9, 2),
    "deposit_date": dt.date(2025, 9, 12),
    "liquidation_status": "Unliquidated",
}


def line(
    *numbers: tuple[str, int, int], line_number: int = 1, entry: str = ENTRY, **facts: Any
) -> list[dict[str, Any]]:
    """Rows of one line from (number, value in dollars, duty in cents)."""
    return [
        {
            "entry_number": entry,
            "line_number": line_number,
            "ordinal": ordinal,
            "hts_number": number,
            "value_dollars": value,
            "duty_cents": duty,
            **facts,
        }
        for ordinal, (number, value, duty) in enumerate(numbers, 1)
    ]


def table(rows: list[dict[str, Any]]) -> pa.Table:
    """Rows as a table that has every column of any row."""
    names = dict.fromkeys(name for row in rows for name in row)
    return pa.table({name: pa.array([row.get(name) for row in rows]) for name in names})


def ask(
    rows: list[dict[str, Any]], *, as_of: dt.date = MAY, importers: list[dict[str, Any]] | None = None, **header: Any
) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """The first entry and the refunds that the oracle gives for plain rows."""
    numbers = sorted({row["entry_number"] for row in rows})
    headers = [{**HEADER, **header, "entry_number": number} for number in numbers]
    people = None if importers is None else table(importers)
    found = run_oracle(table(rows), table(headers), people, as_of, as_of)
    return found["entries"].to_pylist()[0], found["refunds"].to_pylist()


RF_03 = (
    ("99038803", 0, 3_412_025),
    ("99030124", 0, 1_364_810),
    ("99030125", 0, 1_364_810),
    ("4202129020", 136_481, 1_364_810),
)


def test_run_oracle__additional_numbers_give_back_what_was_filed() -> None:
    """The worked line RF-03: 75,064.55 becomes 47,768.35, so 27,296.20 comes back."""
    entry, refunds = ask(line(*RF_03))
    assert (entry["disposition"], entry["recalculated_duty_cents"], entry["principal_cents"]) == (
        "accepted",
        4_776_835,
        2_729_620,
    )
    assert entry["liquidation_date"] == dt.date(2026, 6, 18)
    assert refunds[0]["amount_cents"] == 2_729_620 + entry["interest_cents"]


@pytest.mark.parametrize(
    ("replacement", "base", "spi", "number", "principal"),
    [
        (15_000, 0, None, "4202129020", 0),  # 20 % base: the all-in number should not stand here; column 1 is above it
        (15_000, 0, None, "8471300100", 15_000),  # free: the whole 15 % comes back
        (150_000, 0, "KR", "8708295160", 150_000),  # 2.5 %, free under KORUS: restored from zero
        (150_000, 0, None, "8708295160", 125_000),  # full layout: 15 % less 2.5 %
        (125_000, 25_000, None, "8708295160", 125_000),  # split layout: the same
    ],
)
def test_run_oracle__replacement_numbers(
    replacement: int, base: int, spi: str | None, number: str, principal: int
) -> None:
    """Column 1 is restored in both layouts, by the rate claimed; a line above 15 % gives nothing back."""
    value = 1_000 if replacement == 15_000 else 10_000
    entry, _ = ask(
        line(("99030280", 0, replacement), (number, value, base), spi_code=spi), entry_date=dt.date(2025, 11, 20)
    )
    assert entry["principal_cents"] == principal


def test_run_oracle__chapter_98_and_sets_restore_nothing() -> None:
    """On a chapter 98 line and on a component of a set the replacement number is removed at zero."""
    rows = line(("98010010", 0, 0), ("99030220", 0, 0), ("8708295160", 500, 0))
    rows += line(("99030220", 0, 0), ("8708295160", 500, 0), line_number=2, set_indicator="V")
    entry, refunds = ask(rows)
    assert (entry["principal_cents"], entry["recalculated_duty_cents"], refunds) == (0, 0, [])


def test_run_oracle__specific_rates_take_the_matching_quantity() -> None:
    """A rate per kilogram takes the quantity in kilograms, wherever it stands; without one nothing is computed."""
    facts: dict[str, Any] = {"quantity_1": "7", "uom_1": "DOZ", "quantity_2": "100.40", "uom_2": "KG"}
    rows = line(("99030220", 0, 150_000), ("0409000000", 10_000, 0), **facts)
    entry, _ = ask(rows)
    assert entry["recalculated_duty_cents"] == 190  # 1.9 cents per kilogram on 100 whole kilograms
    missing, _ = ask(line(("99030220", 0, 150_000), ("0409000000", 10_000, 0)))
    assert (missing["disposition"], missing["reason_codes"]) == ("rejected", ["UNABLE_TO_CALCULATE"])


def test_run_oracle__value_on_the_ieepa_number() -> None:
    """Until 2026-06-24 refused; from then on moved to the base number, which bears its duty (DE-05)."""
    rows = line(("99030125", 10_000, 100_000), ("8708295160", 0, 0))
    before, _ = ask(rows)
    assert before["reason_codes"] == ["GOODS_VALUE_MISSING_BASE", "GOODS_VALUE_ON_IEEPA"]
    after, _ = ask(rows, as_of=JULY, entry_date=dt.date(2025, 8, 1))
    assert (after["restored_column1_cents"], after["principal_cents"]) == (25_000, 75_000)


@pytest.mark.parametrize(
    ("facts", "as_of", "reasons"),
    [
        ({"liquidation_status": ""}, MAY, ["NO_LIQUIDATION_STATUS"]),
        ({"reconciliation_flag": True}, MAY, ["RECON_FLAGGED"]),
        ({"reconciliation_flag": True}, JULY, []),
        ({"entry_type": "21"}, MAY, []),
        ({"entry_type": "21"}, JULY, ["WAREHOUSE_TYPES_REFUSED"]),
        ({"liquidation_status": "Liquidated", "liquidation_date": MAY - dt.timedelta(days=80)}, MAY, []),
        (
            {"liquidation_status": "Liquidated", "liquidation_date": MAY - dt.timedelta(days=81)},
            MAY,
            ["FINAL_LIQUIDATION"],
        ),
        ({"drawback_flag": True, "protest_status": "Open"}, MAY, ["ON_DRAWBACK", "PROTEST_OPEN"]),
    ],
)
def test_run_oracle__dated_rules(facts: dict[str, Any], as_of: dt.date, reasons: list[str]) -> None:
    """Each filing day gives that day's answer."""
    entry, _ = ask(line(*RF_03), as_of=as_of, **facts)
    assert entry["reason_codes"] == reasons


def test_run_oracle__unliquidated_is_45_days_rolled_forward() -> None:
    """Accepted Tue 2026-10-06, 45 days later is a Friday: Monday 2026-11-23."""
    entry, _ = ask(line(*RF_03), as_of=dt.date(2026, 10, 6), entry_date=dt.date(2026, 1, 20))
    assert (entry["action"], entry["liquidation_date"]) == ("liquidate", dt.date(2026, 11, 23))


def test_run_oracle__liquidated_is_reliquidated_or_missed() -> None:
    """A liquidated entry goes on the next run day, as long as that is day 90 at the latest."""
    facts: dict[str, Any] = {"liquidation_status": "Liquidated", "liquidation_date": dt.date(2026, 1, 30)}
    entry, _ = ask(line(*RF_03), as_of=dt.date(2026, 4, 20), **facts)
    assert (entry["action"], entry["liquidation_date"]) == ("reliquidate", dt.date(2026, 4, 21))
    headers = table([{**HEADER, **facts}])
    late = dt.date(2026, 4, 30)
    missed = run_oracle(table(line(*RF_03)), headers, None, dt.date(2026, 4, 20), late)["entries"].to_pylist()[0]
    assert (missed["action"], missed["liquidation_date"], missed["principal_cents"]) == ("none", None, 2_729_620)


def test_run_oracle__held_entries_wait() -> None:
    """A suspended entry is accepted, keeps its principal, and has no day and no refund."""
    entry, refunds = ask(line(*RF_03), liquidation_status="Suspended")
    assert (entry["action"], entry["liquidation_date"], refunds) == ("wait", None, [])


def test_run_oracle__interest_and_exact_half_cents() -> None:
    """The principal at the payment cap earns 7,135,690.91 (D14) in two parts; an exact half cent goes up."""
    on_record: dict[str, Any] = {"liquidation_status": "Liquidated"}
    rows = line(("99030125", 0, 9_999_999_999), ("8471300100", 999_999_999, 0))
    entry, refunds = ask(
        rows,
        as_of=dt.date(2026, 6, 14),
        entry_date=dt.date(2025, 4, 5),
        deposit_date=dt.date(2025, 4, 9),
        liquidation_date=dt.date(2026, 4, 1),
        **on_record,
    )
    assert (entry["liquidation_date"], entry["interest_cents"]) == (dt.date(2026, 6, 15), 713_569_091)
    assert (refunds[0]["amount_cents"], refunds[0]["parts"]) == (10_713_569_090, 2)
    tie, _ = ask(
        line(("99030125", 0, 3 * 9_125), ("8471300100", 2_738, 0)),
        as_of=dt.date(2026, 7, 6),
        deposit_date=dt.date(2026, 7, 6),
        liquidation_date=dt.date(2026, 7, 1),
        **on_record,
    )
    assert (tie["liquidation_date"], tie["interest_cents"]) == (dt.date(2026, 7, 7), 5)  # 4.5 cents


def test_run_oracle__cohorts() -> None:
    """One refund per recipient and day: the 4811 party if it stands on the profile; held without enrolment."""
    rows = line(*RF_03) + line(*RF_03, entry="XYZ00000015")
    party: dict[str, Any] = {"notify_party": "77-000000100", "notify_party_on_profile": True}
    importers = [{"importer_number": "77 000000100", "ach_enrolled": "N"}]
    _, refunds = ask(rows, importers=importers, **party)
    assert [(row["recipient"], row["entries"], row["importers"], row["status"]) for row in refunds] == [
        ("77-000000100", 2, 1, "held_no_ach")
    ]
    _, to_owner = ask(rows, **{**party, "notify_party_on_profile": False})
    assert [(row["recipient"], row["status"]) for row in to_owner] == [("12-345678900", "ready")]


@pytest.mark.parametrize("as_of", [dt.date(2026, 4, 20), dt.date(2026, 6, 24), dt.date(2026, 7, 20)], ids=str)
def test_run_oracle__equals_the_generator(as_of: dt.date) -> None:
    """Every scenario of the generator has the same answer here, to the cent, without either knowing the other."""
    made = generate(1500, 3, as_of=as_of, mix="all_rules", several_deposits=True)
    found = run_oracle(made.rows, made.headers, made.importers, made.as_of, made.accepted_on, made.deposits)
    entries, expected = found["entries"], made.expected.sort_by("entry_number")
    for name in ("entry_number", "disposition", "action", "filed_duty_cents", "recalculated_duty_cents"):
        assert entries.column(name).to_pylist() == expected.column(name).to_pylist(), name
    for name in ("principal_cents", "interest_cents", "liquidation_date", "recipient"):
        assert entries.column(name).to_pylist() == expected.column(name).to_pylist(), name
    reasons = [sorted(codes) for codes in expected.column("reason_codes").to_pylist()]
    assert entries.column("reason_codes").to_pylist() == reasons
    names = [
        "recipient",
        "liquidation_date",
        "entries",
        "principal_cents",
        "interest_cents",
        "amount_cents",
        "parts",
        "status",
    ]
    ours = found["refunds"].select(names).to_pylist()
    theirs = made.expected_refunds.sort_by([("recipient", "ascending"), ("liquidation_date", "ascending")])
    assert ours == theirs.select(names).to_pylist()
