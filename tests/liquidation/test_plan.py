"""What plan does beside the days: who gets one, what a filer is told, and what it refuses."""

from __future__ import annotations

import datetime as dt

import numpy as np
import pytest

from cape_engine import liquidation, rules
from cape_engine.bridge import NO_DAY
from cape_engine.dates import date_of, day_number
from cape_engine.errors import SettingError, UsageError
from cape_engine.liquidation.policy import in_force
from cape_engine.schema.codes import Action, Flag
from cape_engine.settings import Settings
from reference import liquidation as twin
from reference.entry_tables import entry_table

RULESET = rules.load()
ACCEPTED_ON = dt.date(2026, 10, 6)
UNLIQUIDATED: dict[str, object] = {"liquidation_status": "Unliquidated", "entry_date": dt.date(2026, 2, 10)}
LIQUIDATED: dict[str, object] = {"liquidation_status": "Liquidated", "liquidation_date": dt.date(2026, 9, 4)}
MISSED: dict[str, object] = {"liquidation_status": "Liquidated", "liquidation_date": dt.date(2026, 7, 3)}
EXTENDED: dict[str, object] = {"liquidation_status": "Extended"}


def plan(
    entries: list[dict[str, object]],
    *,
    accepted: list[bool] | None = None,
    flags: list[int] | None = None,
    principal: list[int] | None = None,
    settings: dict[str, object] | None = None,
    accepted_on: dt.date = ACCEPTED_ON,
) -> liquidation.Plan:
    """The plan of these entries."""
    built = Settings.build(settings)
    table = entry_table(entries)
    standing, _ = liquidation.standing(
        table, ruleset=RULESET, settings=built, as_of=accepted_on, accepted_on=accepted_on
    )
    return liquidation.plan(
        table,
        standing,
        accepted=np.array(accepted or [True] * len(entries), np.bool_),
        flags=np.array(flags or [0] * len(entries), np.uint32),
        principal_cents=np.array(principal or [0] * len(entries), np.int64),
        ruleset=RULESET,
        settings=built,
        accepted_on=accepted_on,
    )


def test_plan__only_accepted_entries() -> None:
    """A refused or unclaimed entry has action none, no day, no flag and no finding."""
    found = plan([UNLIQUIDATED, LIQUIDATED, MISSED, EXTENDED], accepted=[False] * 4)
    assert found.action.tolist() == [Action.NONE] * 4
    assert found.liquidation_day.tolist() == [NO_DAY] * 4
    assert found.flags.tolist() == [0] * 4
    assert not found.payable.any()
    assert len(found.findings) == 0


def test_plan__no_entries() -> None:
    """An empty partition gives an empty plan."""
    found = plan([])
    assert len(found.action) == len(found.flags) == 0


def test_plan__picked_entry_waits() -> None:
    """A picked entry waits without a date (clarification 4); an entry that only carries a note does not."""
    found = plan([UNLIQUIDATED, UNLIQUIDATED, LIQUIDATED], flags=[Flag.BILL_FLAG, Flag.CHAPTER_98, Flag.MODE_GAP])
    assert found.action.tolist() == [Action.WAIT, Action.LIQUIDATE, Action.WAIT]
    assert found.flags.tolist() == [Flag.IN_REVIEW, 0, Flag.IN_REVIEW]
    assert found.payable.tolist() == [False, True, False]
    assert found.liquidation_day[0] == found.liquidation_day[2] == NO_DAY


def test_plan__picked_and_held() -> None:
    """A held entry may be picked too; it waits for both."""
    found = plan([EXTENDED], flags=[Flag.BILL_FLAG])
    assert found.action.tolist() == [Action.WAIT]
    assert found.flags.tolist() == [Flag.HELD | Flag.IN_REVIEW]


def test_plan__picked_and_missed() -> None:
    """A review cannot bring back a window that has passed: WINDOW_MISSED, action none (clarification 5)."""
    found = plan([MISSED], flags=[Flag.BILL_FLAG])
    assert found.action.tolist() == [Action.NONE]
    assert found.flags.tolist() == [Flag.WINDOW_MISSED]


def test_plan__missed_window_prints_the_protest_deadline() -> None:
    """The filer is told the last day of a protest, 180 days after the liquidation (6.6; 8.1, fault 16)."""
    row = plan([MISSED]).findings.to_table().to_pylist()[0]
    assert row["code"] == "WINDOW_MISSED"
    assert row["value"] == "2026-07-03"
    assert "2026-12-30" in row["remedy"]
    assert dt.date(2026, 7, 3) + dt.timedelta(days=180) == dt.date(2026, 12, 30)


def test_plan__deemed_entry_is_told() -> None:
    """The filer of an entry liquidated by law reads the day, the last day of reliquidation and of a protest."""
    entry: dict[str, object] = {"liquidation_status": "Unliquidated", "entry_date": dt.date(2025, 10, 1)}
    found = plan([entry]).findings.to_table().to_pylist()[0]
    assert (found["code"], found["value"]) == ("DEEMED_LIMIT", "2026-10-01")
    assert "2026-12-30" in found["remedy"]
    assert "2027-03-30" in found["remedy"]


def test_plan__findings_name_their_entries() -> None:
    """Entries that share a day share the words, and each keeps its number."""
    entries = [{**MISSED, "entry_number": number} for number in ("ABC12345676", "XYZ00000015", "9AZ76543214")]
    table = plan(entries).findings.to_table()
    assert table.column("entry_number").to_pylist() == ["9AZ76543214", "ABC12345676", "XYZ00000015"]
    assert len(set(table.column("message").to_pylist())) == 1


def test_plan__does_not_depend_on_order() -> None:
    """Reversed entries give the reversed plan."""
    entries: list[dict[str, object]] = [
        UNLIQUIDATED,
        LIQUIDATED,
        MISSED,
        EXTENDED,
        {"entry_date": dt.date(2025, 10, 7)},
    ]
    one, other = plan(entries), plan(entries[::-1])
    assert one.action.tolist() == other.action.tolist()[::-1]
    assert one.liquidation_day.tolist() == other.liquidation_day.tolist()[::-1]
    assert one.flags.tolist() == other.flags.tolist()[::-1]


def test_plan__before_the_portal() -> None:
    """There is no policy before 2026-04-20, and nothing is scheduled by guess."""
    with pytest.raises(UsageError, match="2026-04-19"):
        in_force(RULESET, Settings.build(), dt.date(2026, 4, 19))
    in_force(RULESET, Settings.build(), dt.date(2026, 4, 20))


def test_plan__no_run_day_left() -> None:
    """Settings that leave no run day at all are refused with the setting's name."""
    with pytest.raises(SettingError, match=r"schedule\.run_days"):
        plan([UNLIQUIDATED], settings={"schedule.run_days": ["SAT"]})


def test_plan__calendar_edges_against_the_twin() -> None:
    """For every day of acceptance from the opening to the end of 2029 the next run day and the 45th are the twin's."""
    policy = in_force(RULESET, Settings.build(), dt.date(2026, 4, 20))
    first, last = day_number(dt.date(2026, 4, 20)), day_number(dt.date(2029, 12, 31))
    days = np.arange(first, last + 1)
    following, preceding = policy.from_day(days).tolist(), policy.up_to_day(days).tolist()
    for place, number in enumerate(days.tolist()):
        assert date_of(following[place]) == twin.run_day_from(date_of(number))
        assert date_of(preceding[place]) == twin.run_day_to(date_of(number))
