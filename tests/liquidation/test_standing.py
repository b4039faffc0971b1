"""Edges of standing that the schedule alone would not show."""

from __future__ import annotations

import datetime as dt

import pytest

from cape_engine import liquidation, rules
from cape_engine.bridge import NO_DAY
from cape_engine.dates import date_of
from cape_engine.schema.codes import Standing
from cape_engine.settings import Settings
from reference.entry_tables import entry_table

RULESET = rules.load()
FILED, ACCEPTED = dt.date(2026, 10, 1), dt.date(2026, 10, 6)


def standing(**facts: object) -> Standing:
    """The standing of one entry filed on 2026-10-01 and accepted on 2026-10-06."""
    table = entry_table([facts])
    found, _ = liquidation.standing(
        table, ruleset=RULESET, settings=Settings.build(), as_of=FILED, accepted_on=ACCEPTED
    )
    return found


@pytest.mark.parametrize(
    ("entered", "deemed"),
    [(dt.date(2025, 10, 5), True), (dt.date(2025, 10, 6), True), (dt.date(2025, 10, 7), False)],
)
def test_standing__year_ends_by_acceptance(entered: dt.date, deemed: bool) -> None:
    """A year that ends on or before the day of acceptance has liquidated the entry; one that ends after has not."""
    found = standing(liquidation_status="Unliquidated", entry_date=entered)
    assert found.deemed.tolist() == [deemed]
    day = int(found.liquidated_day[0])
    assert (None if day == NO_DAY else date_of(day)) == (entered.replace(year=2026) if deemed else None)


def test_standing__words_as_reports_print_them() -> None:
    """Aliases of the status table are read like the accepted words, whatever their case."""
    assert standing(liquidation_status="UNLIQ").refused.tolist() == [False]
    assert standing(liquidation_status="suspended ").held.tolist() == [True]


def test_standing__refused_entries_say_nothing_else() -> None:
    """A refused entry has no day, no hold and no status, so that no other rule speaks of it."""
    found = standing(
        liquidation_status="Extended", liquidation_date=dt.date(2026, 9, 1), entry_date=dt.date(2025, 1, 1)
    )
    assert found.refused.tolist() == [True]
    assert found.liquidated_day.tolist() == [NO_DAY]
    assert not (found.held | found.deemed | found.no_status | found.held_by_plan).any()
