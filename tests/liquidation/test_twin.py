"""Standing and schedule against the slow twin, over made-up entries, days and settings."""

from __future__ import annotations

import datetime as dt
from typing import Any

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from cape_engine import liquidation, rules
from cape_engine.bridge import NO_DAY
from cape_engine.dates import date_of
from cape_engine.schema import facts as f
from cape_engine.schema.codes import Action, Flag
from cape_engine.settings import Settings
from reference import liquidation as twin
from reference.entry_tables import entry_table

RULESET = rules.load()
OPENED = dt.date(2026, 4, 20)


def optional(strategy: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """A fact that is often unknown."""
    return st.one_of(st.none(), strategy)


days = st.dates(dt.date(2025, 2, 4), dt.date(2026, 12, 31))
facts = st.fixed_dictionaries(
    {
        str(f.ENTRY_TYPE): optional(st.sampled_from(["01", "03", "06", "07", "11", "21", "31", "34", "38"])),
        str(f.ENTRY_DATE): optional(st.dates(dt.date(2025, 2, 4), dt.date(2026, 2, 23))),
        str(f.LIQUIDATION_STATUS): optional(st.sampled_from(f.LIQUIDATION_STATUS.words)),
        str(f.LIQUIDATION_DATE): optional(days),
        str(f.ORIGINAL_LIQUIDATION_DATE): optional(days),
        str(f.SCHEDULED_LIQUIDATION_DATE): optional(days),
        str(f.LAST_WITHDRAWAL_DATE): optional(days),
        str(f.EXTENSION_SUSPENSION_CODE): optional(st.sampled_from(["", "43", "46", "49", "66"])),
    }
)
changes = st.fixed_dictionaries(
    {
        "reliq_limit": st.sampled_from([90, 60]),
        "reliq_limit_inclusive": st.booleans(),
        "reliq_basis": st.sampled_from(["latest", "original"]),
        "days_unliquidated": st.sampled_from([45, 0, 1, 90]),
        "unliquidated_rule": st.sampled_from(["exact", "within"]),
        "review_days": st.sampled_from([0, 1, 10, 60]),
        "deemed_margin_days": st.sampled_from([1, 0, 5]),
        "run_days": st.sampled_from([["MON", "TUE", "WED", "THU"], ["FRI"], ["TUE", "WED", "SAT"]]),
    }
)


@given(
    entries=st.lists(facts, min_size=1, max_size=12),
    changed=changes,
    as_of=st.dates(OPENED, dt.date(2027, 1, 31)),
    wait=st.integers(0, 40),
)
def test_schedule__equals_the_twin(
    entries: list[dict[str, object]], changed: dict[str, Any], as_of: dt.date, wait: int
) -> None:
    """Standing, action, day and flags equal those of the twin for whatever facts, days and settings."""
    accepted_on = as_of + dt.timedelta(days=wait)
    settings = Settings.build({f"schedule.{name}": value for name, value in changed.items()})
    laid = twin.Rules(**changed)
    table = entry_table(entries)
    standing, _ = liquidation.standing(table, ruleset=RULESET, settings=settings, as_of=as_of, accepted_on=accepted_on)
    expected = [twin.standing(entry, as_of, accepted_on, laid) for entry in entries]
    answer = list(
        zip(
            [None if day == NO_DAY else date_of(day) for day in standing.liquidated_day.tolist()],
            standing.deemed.tolist(),
            standing.held.tolist(),
            standing.held_by_plan.tolist(),
            standing.no_status.tolist(),
            standing.refused.tolist(),
            strict=True,
        )
    )
    left_out = [
        e.held or (not e.refused and entry.get("entry_type") in {"21", "22", "31", "32", "34", "38"})
        for e, entry in zip(expected, entries, strict=True)
    ]
    assert answer == [
        (e.liquidated, e.deemed, e.held, out, e.no_status, e.refused) for e, out in zip(expected, left_out, strict=True)
    ]

    plan = liquidation.plan(
        table,
        standing,
        accepted=~standing.refused,
        flags=np.zeros(len(entries), np.uint32),
        principal_cents=np.zeros(len(entries), np.int64),
        ruleset=RULESET,
        settings=settings,
        accepted_on=accepted_on,
    )
    for place, entry in enumerate(entries):
        if expected[place].refused:
            assert plan.action[place] == Action.NONE
            assert plan.flags[place] == 0
            continue
        planned = twin.plan(entry, expected[place], accepted_on, laid)
        day = int(plan.liquidation_day[place])
        assert Action(int(plan.action[place])).name.lower() == planned.action
        assert (None if day == NO_DAY else date_of(day)) == planned.day
        assert {flag.name for flag in Flag if int(plan.flags[place]) & flag} == planned.flags
        assert bool(plan.payable[place]) is (planned.day is not None)


@given(
    entries=st.lists(facts, min_size=1, max_size=12),
    as_of=st.dates(OPENED, dt.date(2027, 1, 31)),
    wait=st.integers(0, 40),
)
def test_schedule__keeps_invariant_13(entries: list[dict[str, object]], as_of: dt.date, wait: int) -> None:
    """Planned days are run days after acceptance, reliquidations by day 90, first ones before the year ends (5.11)."""
    accepted_on = as_of + dt.timedelta(days=wait)
    settings = Settings.build()
    table = entry_table(entries)
    standing, _ = liquidation.standing(table, ruleset=RULESET, settings=settings, as_of=as_of, accepted_on=accepted_on)
    plan = liquidation.plan(
        table,
        standing,
        accepted=~standing.refused,
        flags=np.zeros(len(entries), np.uint32),
        principal_cents=np.zeros(len(entries), np.int64),
        ruleset=RULESET,
        settings=settings,
        accepted_on=accepted_on,
    )
    for place, entry in enumerate(entries):
        if not plan.payable[place]:
            assert plan.liquidation_day[place] == NO_DAY
            continue
        day = date_of(int(plan.liquidation_day[place]))
        assert twin.is_run_day(day)
        assert day > accepted_on
        assert not standing.held[place]
        start = entry[str(f.LAST_WITHDRAWAL_DATE)] or entry[str(f.ENTRY_DATE)]
        if plan.action[place] == Action.LIQUIDATE and isinstance(start, dt.date):
            assert day < twin.one_year_later(start)
        if plan.action[place] == Action.RELIQUIDATE and standing.liquidated_day[place] != NO_DAY:
            assert (day - date_of(int(standing.liquidated_day[place]))).days <= 90
