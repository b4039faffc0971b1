"""Readable cases of several deposits: money that came later, prior refunds, and which deposit a refund gives back."""

from __future__ import annotations

import datetime as dt
import tomllib
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cape_engine import refund, rules
from cape_engine.bridge import Int64s
from cape_engine.dates import date_of
from cape_engine.refund.deposits import slices
from cape_engine.schema.column import arrow_schema
from cape_engine.schema.facts import DEPOSITS_FILE
from cape_engine.schema.rows import STORE_ENTRIES_SCHEMA
from cape_engine.settings import Settings
from reference.refund import table
from refund.test_pricing import codes_of, entry, price

CASES = sorted((Path(__file__).parents[1] / "cases" / "deposits").glob("*.toml"))
LIQUIDATED = dt.date(2026, 5, 8)
NUMBER = "ABC12345676"
RULES = rules.load()


def cents(dollars: str) -> int:
    """Dollars as text in cents."""
    return int(Decimal(dollars) * 100)


def read(path: Path) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """A case, and its deposits as rows of a deposits file."""
    case = tomllib.loads(path.read_text(encoding="utf-8"))
    rows = [
        {"entry_number": NUMBER, "deposit_date": one["day"], "amount_cents": cents(one["amount"])}
        for one in case["deposits"]
    ]
    return case, rows


def test_deposits__cases_are_there() -> None:
    """No case got lost."""
    assert len(CASES) == 9


@pytest.mark.parametrize("path", CASES, ids=lambda path: path.stem)
def test_slices__case(path: Path) -> None:
    """The refund gives back these parts of the deposits."""
    case, rows = read(path)
    found = slices(
        table(STORE_ENTRIES_SCHEMA, [{"entry_number": NUMBER, "prior_refund_cents": cents(case["prior_refund"])}]),
        _one(cents(case["refund"])),
        np.ones(1, np.bool_),
        deposits=table(arrow_schema(DEPOSITS_FILE), rows),
        settings=Settings.build({"refund.deposit_allocation": case["allocation"]}),
    )
    parts = sorted(zip(map(date_of, found.day.tolist()), found.amount_cents.tolist(), strict=True))
    assert parts == [(part["day"], cents(part["amount"])) for part in case["parts"]]


@pytest.mark.parametrize("path", CASES, ids=lambda path: path.stem)
def test_price__case_of_deposits(path: Path) -> None:
    """Each part earns from its own day, is rounded by itself, and the entry earns their sum."""
    case, rows = read(path)
    for part in case["parts"]:
        earned = refund.interest(cents(part["amount"]), part["day"], LIQUIDATED, case["kind"], ruleset=RULES)
        assert earned == cents(part["interest"])
    priced = price(
        [entry(importer_kind=case["kind"], prior_refund_cents=cents(case["prior_refund"]))],
        cents(case["refund"]),
        day=LIQUIDATED,
        deposits=rows,
        deposit_allocation=case["allocation"],
    )
    assert priced.interest_cents.tolist() == [cents(case["interest"])]
    assert priced.interest_cents.tolist() == [sum(cents(part["interest"]) for part in case["parts"])]
    assert codes_of(priced) == {
        "not_all_covered": ["DEPOSITS_NOT_COVERING"],
        "money_after_the_liquidation": ["DEPOSIT_AFTER_LIQUIDATION"],
    }.get(path.stem, [])


def _one(value: int) -> Int64s:
    """One number as an array."""
    return np.array([value], np.int64)
