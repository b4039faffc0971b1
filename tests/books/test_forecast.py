"""Forecasts: exact means and drawn ranges equal to a twin in fractions, honest about what nobody observed."""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import cape_engine
from books.by_hand import positions_of
from cape_engine import cli, rules
from cape_engine.bridge import NO_DAY
from cape_engine.dates import WEEKDAYS, day_number
from cape_engine.errors import InputError, UsageError
from cape_engine.findings import Findings
from cape_engine.ledger import Ledger
from cape_engine.pipeline.books import forecasting
from cape_engine.pipeline.books.forecasting import Cash, Roads, forecast_cash, grouped
from cape_engine.pipeline.books.lags import History as Rows
from cape_engine.pipeline.books.lags import Lag, Lags, from_file, lags
from cape_engine.pipeline.books.positions import DECIDED, PLANNED
from cape_engine.rules import calendars
from living.made import AS_OF, Made, accepted, accepted_numbers
from reference.books import Entry, History, means, ranges
from reference.interest import DAY

RULES = rules.load()
DEPOSIT = dt.date(2025, 11, 3)
CASES = 50


def observed(most: int) -> st.SearchStrategy[tuple[int, ...]]:
    """Days of a few entries."""
    return st.lists(st.integers(0, most), max_size=4).map(tuple)


HISTORIES = st.builds(History, observed(90), observed(90), observed(20), observed(6))
PLANNED_ENTRIES = st.lists(
    st.builds(
        Entry,
        st.just("12-345678900"),
        st.tuples(st.tuples(st.integers(1, 10**10), st.just(DEPOSIT))),
        st.dates(AS_OF, AS_OF + 60 * DAY),
        st.sampled_from(["corporate", "noncorporate"]),
        st.dates(AS_OF - 40 * DAY, AS_OF),
        st.booleans(),
    ),
    min_size=1,
    max_size=4,
)


def roads_of(history: History) -> Roads:
    """Roads of observed days."""
    liquidate, reliquidate, issue, settle = (
        Lag.of(np.array(days, np.int64))
        for days in (history.liquidate, history.reliquidate, history.issue, history.settle)
    )
    return Roads(
        Lags(liquidate, reliquidate, issue, settle, "a test"),
        day_number(AS_OF),
        calendars.cbp(RULES).runs(WEEKDAYS[:5]),
        calendars.fed(RULES).runs(WEEKDAYS[:5]),
    )


def cash_of(entries: list[Entry], history: History, weeks: int, standing: int) -> tuple[Cash, list[list[Entry]]]:
    """Cash of the engine, and its groups as entries."""
    positions = positions_of(entries, standing=standing)
    groups = grouped(positions, np.arange(len(entries)), positions.day)
    cash = forecast_cash(positions, groups, roads_of(history), weeks, 7)
    return cash, [[entries[row] for row in group.rows.tolist()] for group in groups]


@settings(max_examples=40)
@given(PLANNED_ENTRIES, HISTORIES, st.integers(1, 12))
def test_forecast_cash__twin(entries: list[Entry], history: History, weeks: int) -> None:
    """Means by all ways in fractions, ranges case by case with the same words, for any history and none."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(forecasting, "CASES", CASES)
        cash, groups = cash_of(entries, history, weeks, PLANNED)
    assert list(zip(cash.principal.tolist(), cash.interest.tolist(), strict=True)) == means(
        groups, history, AS_OF, weeks
    )
    by_week, to_date = ranges(groups, history, AS_OF, weeks, 7, CASES)
    assert cash.ranges.tolist() == by_week
    assert cash.to_date.tolist() == to_date


DECIDED_ENTRIES = st.lists(
    st.builds(
        Entry,
        st.just("12-345678900"),
        st.tuples(st.tuples(st.integers(1, 10**10), st.just(DEPOSIT))),
        st.dates(AS_OF - 25 * DAY, AS_OF),
        decided=st.just(value=True),
    ),
    min_size=1,
    max_size=4,
)


@settings(max_examples=40)
@given(DECIDED_ENTRIES, HISTORIES, st.integers(1, 4))
def test_forecast_cash__twin_of_what_is_decided(entries: list[Entry], history: History, weeks: int) -> None:
    """Money that is under way, and known not to have come: as the twin has it, step by step."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(forecasting, "CASES", CASES)
        cash, groups = cash_of(entries, history, weeks, DECIDED)
    found = list(zip(cash.principal.tolist(), cash.interest.tolist(), strict=True))
    assert found == means(groups, history, AS_OF, weeks)
    assert cash.ranges.tolist() == ranges(groups, history, AS_OF, weeks, 7, CASES)[0]


@given(PLANNED_ENTRIES, HISTORIES)
def test_forecast_cash__adds_up(entries: list[Entry], history: History) -> None:
    """No dollar is lost or doubled: means add up to all principal, ranges grow to date, low is never above high."""
    cash, _ = cash_of(entries, history, 6, PLANNED)
    assert int(cash.principal.sum()) == sum(entry.principal for entry in entries)
    assert int(cash.planned.sum()) == sum(entry.principal + entry.earned(entry.day) for entry in entries)
    assert (np.diff(cash.to_date, axis=1) >= 0).all()
    assert (np.diff(cash.ranges, axis=0) >= 0).all()
    if not history.liquidate and not history.reliquidate:
        assert int(cash.to_date[1, -1]) == int(cash.principal.sum() + cash.interest.sum())


def test_forecast_cash__decided_money_comes_ahead() -> None:
    """Not issued within three weeks of the liquidation: it comes as those that took longer."""
    entry = Entry("12-345678900", ((100_000, DEPOSIT),), AS_OF - 21 * DAY)
    history = History((), (), (5, 10, 30), (1,))
    cash, _ = cash_of([entry], history, 6, DECIDED)
    arrival = AS_OF - 21 * DAY + 31 * DAY
    week = (arrival - AS_OF).days // 7
    assert cash.principal.tolist() == [100_000 * (place == week) for place in range(7)]
    assert cash.ranges[0].tolist() == cash.ranges[2].tolist()


def test_forecast_cash__interest_of_the_shifted_day() -> None:
    """An entry that slips from May into August earns until August: 10,000.00 at 5 %, then 6 % from July."""
    entry = Entry("12-345678900", ((1_000_000, DEPOSIT),), dt.date(2026, 5, 19), accepted=AS_OF)
    cash, _ = cash_of([entry], History((92,), (), (), ()), 20, PLANNED)
    assert int(cash.interest.sum()) == entry.interest_on(AS_OF + 92 * DAY) > entry.earned(entry.day)
    assert int(cash.planned.sum()) == 1_000_000 + entry.earned(entry.day)


def test_lags__rows_that_run_backwards() -> None:
    """A liquidation before its acceptance is left out and counted; half rows count where both days are known."""
    found = Findings()
    day = np.array([20_000, 20_010, 20_020], np.int32)
    none = np.full(3, NO_DAY, np.int32)
    made = lags(Rows(day, np.array([20_045, 20_000, NO_DAY], np.int32), none, none, None), "x", found)
    assert (made.liquidate.days.tolist(), made.liquidate.counts.tolist()) == ([45], [1])
    assert [row["code"] for row in found.to_table().to_pylist()] == ["FORECAST_HISTORY_ROW"] * 2


def test_from_file__settled_without_issue(tmp_path: Path) -> None:
    """Where nobody knows when Treasury paid, the days from liquidation to bank count as one step."""
    path = tmp_path / "history.csv"
    path.write_text("liquidated_date,settled_date,action\n2026-03-02,2026-03-09,liquidate\n2026-03-02,,reliquidate\n")
    made = lags(from_file(path), "x", Findings())
    assert made.settle.days.tolist() == [7]
    assert made.issue.observed == made.liquidate.observed == 0


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("accepted_date\n2026-03-02\n", "two of the columns accepted_date, .*_date and settled_date,"),
        ("accepted_date,action\n2026-03-02,liquidate\n", "days; action may stand beside them"),
        ("accepted_date,settled_date\n2026-03-02,yesterday\n", "cannot be read as a history"),
        ("accepted_date,settled_date,action\n2026-03-02,2026-03-03,paid\n", "liquidate or reliquidate, not 'paid'"),
    ],
)
def test_from_file__bad(text: str, words: str, tmp_path: Path) -> None:
    """Too few columns, cells that are no days and unknown actions stop with the reason."""
    path = tmp_path / "history.csv"
    path.write_text(text)
    with pytest.raises(InputError, match=words):
        from_file(path)


def test_forecast__of_a_run(run: Made, tmp_path: Path) -> None:
    """Without a history the plan and one or two Fed days, said in words; all dollars are in a week, later, or apart."""
    result = cape_engine.forecast(results=run.results, deposits=run.beside["deposits"], weeks=4, out=tmp_path / "f")
    codes = [row["code"] for row in result.table("findings").to_pylist()]
    assert codes == ["FORECAST_NO_HISTORY"] * 4
    assert result.exit_code == 0
    refunds = pq.read_table(run.results / "refunds.parquet")
    ready = refunds.filter(pc.equal(refunds.column("status").cast(pa.string()), "ready"))
    counts = result.manifest["counts"]
    assert counts["expected_principal_cents"] == pc.sum(ready.column("principal_cents")).as_py()
    assert counts["expected_interest_cents"] == pc.sum(ready.column("interest_cents")).as_py()
    weeks = result.table("weeks")
    shown = sum(pc.sum(weeks.column(f"expected_{name}_cents")).as_py() for name in ("principal", "interest"))
    assert shown + counts["later_expected_cents"] == pc.sum(ready.column("amount_cents")).as_py()
    apart = {row["position_state"]: row["principal_cents"] for row in result.table("apart").to_pylist()}
    held = refunds.filter(pc.equal(refunds.column("status").cast(pa.string()), "held_no_ach"))
    assert apart["held_no_ach"] == pc.sum(held.column("principal_cents")).as_py()
    assert {"held", "in_review"} <= set(apart)
    assert {path.name for path in (tmp_path / "f").iterdir()} >= {"chart.svg", "weeks.csv", "forecast.xlsx"}
    again = cape_engine.forecast(results=run.results, deposits=run.beside["deposits"], weeks=4)
    assert again.manifest["result_hash"] == result.manifest["result_hash"]


def test_forecast__history_of_the_ledger(run: Made, tmp_path: Path) -> None:
    """A ledger that played to June observed its liquidations: the rest is forecast from them."""
    place = tmp_path / "l"
    with Ledger.open(place) as ledger:
        accepted(ledger, accepted_numbers(pq.read_table(run.results / "entries.parquet")))
    cape_engine.schedule(run.results, run.store, ledger=place, **run.beside)
    cape_engine.advance(ledger=place, to="2026-06-08")
    result = cape_engine.forecast(ledger=place, weeks=12)
    lag = {row["lag_step"]: row for row in result.table("lags").to_pylist()}
    with Ledger.open(place) as ledger:
        decided = ledger.decisions().to_pylist()
    for action in ("liquidate", "reliquidate"):
        mine = sorted((row["on_day"] - AS_OF).days for row in decided if row["action"] == action)
        assert lag[action]["observed"] == len(mine)
        if mine:
            assert lag[action]["middle_days"] == mine[-(-len(mine) * 5 // 10) - 1]
    waiting = cape_engine.forecast(ledger=place, as_of=AS_OF)
    assert all(row["observed"] == 0 for row in waiting.table("lags").to_pylist())


def test_forecast__command(run: Made, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """JSON lines with weeks, lags and what is apart; unusable histories and lengths end with 2."""
    history = tmp_path / "history.csv"
    history.write_text("accepted_date,liquidated_date\n" + "2026-01-05,2026-02-19\n" * 40)
    words = ["forecast", "--results", str(run.results), "--deposits", str(run.beside["deposits"]), "--weeks", "9"]
    assert cli.invoke([*words, "--history", str(history), "--json"]) == 0
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [line["event"] for line in lines[:9]] == ["week"] * 9
    assert lines[-1]["counts"]["history"]["name"] == "history.csv"
    assert cli.invoke([*words, "--quiet"]) == 0
    assert capsys.readouterr().out == ""
    assert cli.invoke([*words, "--history", str(tmp_path / "none.csv")]) == 2
    assert cli.invoke([*words[:-1], "521"]) == 2
    with pytest.raises(UsageError, match="1 to 520 weeks"):
        cape_engine.forecast(results=run.results, weeks=0)


def test_forecast__issued_and_settled_money(run: Made, tmp_path: Path) -> None:
    """What Treasury paid comes one or two Fed days later; what the bank showed has come; both make a history."""
    place = tmp_path / "l"
    with Ledger.open(place) as ledger:
        accepted(ledger, accepted_numbers(pq.read_table(run.results / "entries.parquet")))
    cape_engine.schedule(run.results, run.store, ledger=place, **run.beside)
    cape_engine.advance(ledger=place, to="2026-07-31")
    before = cape_engine.forecast(ledger=place, as_of="2026-08-04")
    with Ledger.open(place) as ledger:
        standing = ledger.as_of(dt.date(2026, 7, 31))
        mine = standing.filter(pc.equal(standing.column("state").cast(pa.string()), "CONSOLIDATED"))
        numbers = mine.column("entry_number").combine_chunks()
        roads = {"CERTIFIED": 3, "SENT_TO_TREASURY": 3, "ISSUED": 3}
        for state, day in roads.items():
            moved = ledger.move(numbers[:40], state, on_day=dt.date(2026, 8, day), who="treasury")
            assert moved.refused.num_rows == 0
        ledger.move(numbers[:10], "SETTLED", on_day=dt.date(2026, 8, 4), who="bank")
    result = cape_engine.forecast(ledger=place, as_of="2026-08-04")
    lag = {row["lag_step"]: row for row in result.table("lags").to_pylist()}
    assert (lag["issue"]["observed"], lag["settle"]["observed"], lag["settle"]["middle_days"]) == (40, 10, 1)
    settled = set(numbers[:10].to_pylist())
    with Ledger.open(place) as ledger:
        gone = sum(row["principal_cents"] for row in ledger.decisions().to_pylist() if row["entry_number"] in settled)
    expected = "expected_principal_cents"
    assert result.manifest["counts"][expected] == before.manifest["counts"][expected] - gone
    # Known not to have come in the one day that was observed: the thirty others are due on the next Fed day.
    paid = set(numbers[10:40].to_pylist())
    with Ledger.open(place) as ledger:
        due = sum(row["principal_cents"] for row in ledger.decisions().to_pylist() if row["entry_number"] in paid)
    assert result.table("weeks").column(expected)[0].as_py() >= due > 0
