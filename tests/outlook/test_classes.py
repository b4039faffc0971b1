"""Classes: an entry judged through its class comes to what it comes to by itself, on every day."""

from __future__ import annotations

import datetime as dt
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from cape_engine import rules
from cape_engine.dates import day_number
from cape_engine.errors import UsageError
from cape_engine.pipeline.outlook.classes import Kinds, Reach, class_keys, kinds_of
from cape_engine.pipeline.outlook.days import Law, answers, classes_of, judged
from cape_engine.schema import facts as f
from cape_engine.schema import rows
from cape_engine.schema.codes import Trial
from cape_engine.settings import Settings
from reference.entry_tables import entry_table

RULESET = rules.load()
OPENED = dt.date(2026, 4, 20)


def optional(strategy: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """A fact that is often unknown."""
    return st.one_of(st.none(), strategy)


days = st.dates(dt.date(2024, 1, 1), dt.date(2029, 12, 31)) | st.dates(dt.date(2026, 1, 1), dt.date(2026, 12, 31))
said = optional(st.booleans())
facts = st.fixed_dictionaries(
    {
        str(f.ENTRY_TYPE): optional(st.sampled_from(["01", "03", "06", "09", "11", "21", "22", "31", "86", "ZZ"])),
        str(f.ENTRY_DATE): optional(days),
        str(f.LIQUIDATION_STATUS): optional(st.sampled_from([*f.LIQUIDATION_STATUS.words, "Unheard of"])),
        str(f.LIQUIDATION_DATE): optional(days),
        str(f.ORIGINAL_LIQUIDATION_DATE): optional(days),
        str(f.SCHEDULED_LIQUIDATION_DATE): optional(days),
        str(f.LAST_WITHDRAWAL_DATE): optional(days),
        str(f.EXTENSION_SUSPENSION_CODE): optional(st.sampled_from(["", "43", "66", "99"])),
        str(f.SUMMARY_STATUS): st.sampled_from([None, "Accepted", "Accepted", "Cancelled"]),
        str(f.PROTEST_STATUS): st.sampled_from([None, "", "Open", "Denied"]),
        str(f.RECONCILIATION_FLAG): said,
        str(f.RECONCILIATION_ENTRY_FILED): said,
        str(f.CIT_PLAINTIFF): said,
        str(f.IMPORTER_NUMBER): optional(st.sampled_from(["12-345678900", "98-765432100"])),
        str(rows.INPUT_REFUSED): st.sampled_from([False] * 9 + [True]),
    }
)
settings = st.fixed_dictionaries(
    {},
    optional={
        "schedule.reliq_limit": st.sampled_from([60, 100]),
        "schedule.reliq_limit_inclusive": st.just(False),
        "schedule.accept_window": st.sampled_from([0, 120]),
        "claim.accept_window_inclusive": st.just(False),
        "schedule.reliq_basis": st.just("original"),
        "schedule.days_unliquidated": st.sampled_from([0, 10, 400]),
        "schedule.unliquidated_rule": st.just("within"),
        "schedule.review_days": st.sampled_from([1, 30]),
        "schedule.deemed_margin_days": st.sampled_from([0, 20]),
        "schedule.run_days": st.sampled_from(["MON", "FRI"]),
        "phase.hold_policy": st.just("reject"),
        "phase.3_enabled": st.just(True),
        "phase.3_start": st.sampled_from(["2026-05-01", "2026-06-27"]),
        "phase.3_importers": st.just("12345678900"),
        "claim.under_review_message": st.just(True),
    },
)
trials = st.sampled_from([0, 0, 0, *(int(bit) for bit in Trial)])


def through_classes(
    entries: list[dict[str, Any]], trial: list[int], picked: list[bool], law: Law
) -> list[tuple[list[int], list[int]]]:
    """(state, liquidation day) of each entry on every day, by way of its class."""
    table, kinds, reach = entry_table(entries), Kinds(), law.reach()
    kind, dated = kinds_of(table, np.array(trial, np.uint32), np.array(picked), law.settings, kinds)
    classes = classes_of(class_keys(table, kind, dated, reach, law.settings), kinds, law, reach)
    found = answers(classes, law, threads=1)
    return [
        (found.state[day, classes.place].tolist(), found.day[day, classes.place].tolist())
        for day in range(len(law.days))
    ]


@given(
    entries=st.lists(st.tuples(facts, trials, st.booleans()), min_size=1, max_size=12),
    changed=settings,
    first=st.dates(OPENED, dt.date(2026, 12, 20)),
    ahead=st.integers(0, 25),
)
@example(  # the anniversary that ends behind a leap day, on the edge of what matters
    entries=[({"entry_date": dt.date(2027, 2, 28), "liquidation_status": "Unliquidated"}, 0, False)],
    changed={},
    first=dt.date(2027, 12, 1),
    ahead=25,
)
@example(  # anniversaries and booked liquidations on both sides of the farthest run day, Thursday 2026-12-17
    entries=[
        ({"entry_date": dt.date(2025, 12, 17), "liquidation_status": "Unliquidated"}, 0, False),
        ({"entry_date": dt.date(2025, 12, 18), "liquidation_status": "Unliquidated"}, 0, False),
        ({"scheduled_liquidation_date": dt.date(2026, 12, 17), "liquidation_status": "Unliquidated"}, 0, False),
        ({"scheduled_liquidation_date": dt.date(2026, 12, 18), "liquidation_status": "Unliquidated"}, 0, False),
    ],
    changed={},
    first=dt.date(2026, 11, 2),
    ahead=0,
)
@example(  # the calendar ends before the liquidation
    entries=[({"entry_date": dt.date(2029, 12, 20), "liquidation_status": "Unliquidated"}, 0, False)],
    changed={"schedule.days_unliquidated": 60},
    first=dt.date(2030, 11, 15),
    ahead=20,
)
def test_classes__equal_entries_by_themselves(
    entries: list[tuple[dict[str, Any], int, bool]], changed: dict[str, object], first: dt.date, ahead: int
) -> None:
    """Whatever facts, faults, settings and days: state and liquidation day of an entry are those of its class."""
    law = Law(RULESET, Settings.build(changed), day_number(first), day_number(first) + ahead)
    given_facts, trial, picked = (list(column) for column in zip(*entries, strict=True))
    table = entry_table(given_facts)
    alone = [judged(table, np.array(trial, np.uint32), np.array(picked), law, day) for day in law.days]
    expected = [(one.state.tolist(), one.day.tolist()) for one in alone]
    assert through_classes(given_facts, trial, picked, law) == expected


def test_classes__merge_what_makes_no_difference() -> None:
    """Entries that no day asked for can tell apart are one class; those that one day tells apart are two."""
    law = Law(RULESET, Settings.build(), day_number(dt.date(2026, 5, 4)), day_number(dt.date(2026, 6, 24)))
    later = Law(RULESET, Settings.build(), law.first, day_number(dt.date(2026, 6, 29)))
    free = {"liquidation_status": "Unliquidated", "summary_status": "Accepted"}
    same = [
        {**free, "entry_date": dt.date(2026, 1, 5)},
        {**free, "entry_date": dt.date(2026, 2, 20), "scheduled_liquidation_date": dt.date(2027, 1, 4)},
        {"liquidation_status": "Open", "entry_date": dt.date(2025, 12, 1), "drawback_flag": False},
    ]
    flagged = {**free, "entry_date": dt.date(2026, 1, 5), "reconciliation_flag": True}
    cancelled = {**free, "entry_date": dt.date(2025, 3, 3), "summary_status": "Cancelled"}
    for asked, expected in ((law, 2), (later, 3)):
        table, kinds, reach = entry_table([*same, flagged, cancelled]), Kinds(), asked.reach()
        kind, dated = kinds_of(table, np.zeros(5, np.uint32), np.zeros(5, np.bool_), asked.settings, kinds)
        classes = classes_of(class_keys(table, kind, dated, reach, asked.settings), kinds, asked, reach)
        assert len(classes) == expected
        assert len({*classes.place[:3].tolist()}) == 1


def test_turning_points__are_the_changes_of_law() -> None:
    """Between the opening and the year's end the answers change on the days of CSMS 69056483, 69035485 and 69127837."""
    law = Law(RULESET, Settings.build(), day_number(OPENED), day_number(dt.date(2026, 12, 31)))
    days = (OPENED, dt.date(2026, 6, 25), dt.date(2026, 6, 29), dt.date(2026, 7, 7))
    assert law.turning_points() == [day_number(day) for day in days]


def test_reach__refuses_decades() -> None:
    """Dates of more than twenty years do not fit the key of a class, and are refused rather than mixed up."""
    with pytest.raises(UsageError, match="too far apart"):
        Reach(20_000, 20_090, 19_000, 27_500, 1)
