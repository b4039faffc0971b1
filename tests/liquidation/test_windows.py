"""How long an entry in review has, against the slow twin."""

from __future__ import annotations

import datetime as dt

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from cape_engine import rules
from cape_engine.bridge import NO_DAY, Int32s
from cape_engine.dates import date_of, day_number
from cape_engine.liquidation.policy import in_force
from cape_engine.liquidation.releasing import Given
from cape_engine.liquidation.windows import windows
from cape_engine.settings import Settings
from reference import liquidation as twin

RULESET = rules.load()
DAYS = st.dates(dt.date(2026, 4, 20), dt.date(2027, 6, 30))
MAYBE = st.one_of(st.none(), DAYS)
FACTS = st.fixed_dictionaries({"accepted": DAYS, "basis": MAYBE, "limit": MAYBE, "booked": MAYBE})


def column(facts: list[dict[str, dt.date | None]], name: str) -> Int32s:
    """One fact of all entries."""
    days = [one.get(name) for one in facts]
    return np.array([NO_DAY if day is None else day_number(day) for day in days], np.int32)


def said(days: Int32s) -> list[dt.date | None]:
    """Day numbers as days."""
    return [None if day == NO_DAY else date_of(day) for day in days.tolist()]


@given(
    facts=st.lists(FACTS, min_size=1, max_size=8), on=DAYS, inclusive=st.booleans(), margin=st.sampled_from([0, 1, 5])
)
def test_windows__equal_the_twin(
    facts: list[dict[str, dt.date | None]], on: dt.date, *, inclusive: bool, margin: int
) -> None:
    """Last run day, last day for a release and its run day are those of the twin, whatever the entry's days."""
    changed: dict[str, object] = {"reliq_limit_inclusive": inclusive, "deemed_margin_days": margin}
    settings = Settings.build({f"schedule.{name}": value for name, value in changed.items()})
    laid = twin.Rules(reliq_limit_inclusive=inclusive, deemed_margin_days=margin)
    count = len(facts)
    nothing = np.full(count, NO_DAY, np.int32)
    basis, limit, booked = (column(facts, name) for name in ("basis", "limit", "booked"))
    given_ = Given(
        nothing, nothing, np.zeros(count, np.bool_), column(facts, "accepted"), nothing, basis, limit, booked
    )
    found = windows(given_, day_number(on), in_force(RULESET, settings, on))
    expected = [twin.window(one, on, laid) for one in facts]
    assert said(found.last_run) == [one.last_run for one in expected]
    assert said(found.decide_by) == [one.decide_by for one in expected]
    assert said(found.released_to) == [one.released_to for one in expected]


def test_windows__beyond_the_calendar() -> None:
    """Nothing is guessed beyond the table of holidays: a release then has no day, a limit there is none."""
    on, far = dt.date(2030, 12, 31), column([{"x": dt.date(2031, 5, 1)}], "x")
    nothing, accepted = np.full(1, NO_DAY, np.int32), column([{"x": dt.date(2030, 12, 2)}], "x")
    given_ = Given(nothing, nothing, np.zeros(1, np.bool_), accepted, nothing, nothing, far, nothing)
    found = windows(given_, day_number(on), in_force(RULESET, Settings.build(), on))
    assert (said(found.last_run), said(found.decide_by), said(found.released_to)) == ([None], [None], [None])
