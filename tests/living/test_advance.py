"""Days played in the ledger: the refunds of the run, day by day as in one go, again without effect, whole or not."""

from __future__ import annotations

import datetime as dt
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pacsv
import pyarrow.parquet as pq
import pytest

import cape_engine
from cape_engine import cli, rules
from cape_engine.errors import InputError, LedgerError, UsageError
from cape_engine.ledger import Ledger
from cape_engine.outputs.files import sha256_of
from cape_engine.pipeline.living import road
from living import year
from living.made import AS_OF, Made, accepted, accepted_numbers
from reference.liquidation import DAY, is_run_day

LAST = year.FIRST + 60 * DAY
COUNT = 400


@pytest.fixture(scope="module")
def population(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, pa.Table]:
    """A ledger with scheduled claims of every kind, and events for them."""
    place = tmp_path_factory.mktemp("population") / "l"
    entries = year.populate(place, COUNT)
    return place, year.events(entries, 0.5, last=LAST)


@pytest.fixture
def fresh(population: tuple[Path, pa.Table], tmp_path: Path) -> Callable[[str], Path]:
    """A copy of that ledger."""

    def copy(name: str) -> Path:
        return Path(shutil.copy(population[0], tmp_path / name))

    return copy


def _head(place: Path) -> tuple[int, str]:
    with Ledger.open(place) as ledger:
        assert ledger.verify().problems == ()
        return ledger.head()


def test_advance__refunds_of_the_run(run: Made, tmp_path: Path) -> None:
    """Without events, what a run planned happens: refunds, interest and payments to the cent, with the same keys."""
    place = tmp_path / "l"
    with Ledger.open(place) as ledger:
        accepted(ledger, accepted_numbers(pq.read_table(run.results / "entries.parquet")))
    cape_engine.schedule(run.results, run.store, ledger=place, **run.beside)
    result = cape_engine.advance(ledger=place, to="2026-12-31")
    with Ledger.open(place) as ledger:
        cohorts, paid = ledger.refunds().to_pylist(), ledger.payments().to_pylist()
        states = ledger.show().states
        assert ledger.verify().ok
    names = ("recipient", "liquidation_date", "entries", "principal_cents", "interest_cents", "amount_cents")
    planned = pq.read_table(run.results / "refunds.parquet").to_pylist()
    assert sorted(tuple(row[name] for name in names) for row in cohorts) == sorted(
        tuple(row[name] for name in names) for row in planned
    )
    payments = pq.read_table(run.results / "payments.parquet").to_pylist()
    assert sorted((row["payment"], row["amount_cents"]) for row in paid) == sorted(
        (row["payment_id"], row["amount_cents"]) for row in payments
    )
    assert result.counts["refunds"] == len(planned) > 100
    assert {"SCHEDULED", "LIQUIDATED", "RELIQUIDATED"}.isdisjoint(states)


def test_advance__day_by_day_as_in_one_go(
    population: tuple[Path, pa.Table], fresh: Callable[[str], Path], tmp_path: Path
) -> None:
    """The same chain to the last hash; and every past day can be rebuilt as it was that evening."""
    events = tmp_path / "events.csv"
    pacsv.write_csv(population[1], events)
    once, daily = fresh("once"), fresh("daily")
    cape_engine.advance(ledger=once, to=LAST, events=events)
    evenings: dict[dt.date, list[Any]] = {}
    day = year.FIRST
    while day <= LAST:
        cape_engine.advance(ledger=daily, to=day, events=events)
        with Ledger.open(daily) as ledger:
            claims = ledger.claims().to_pylist()
        evenings[day] = [(row["entry_number"], row["state"]) for row in claims]
        day += DAY
    assert _head(once) == _head(daily)
    with Ledger.open(once) as ledger:
        for day in (year.FIRST, year.FIRST + 25 * DAY, year.FIRST + 46 * DAY, LAST):
            then = {row["entry_number"]: row["state"] for row in ledger.as_of(day).to_pylist()}
            late = {number for number, _ in evenings[day] if number not in then}  # accepted on a later day
            assert late if day == year.FIRST else not late
            for number, state in evenings[day]:
                if number in then and day >= year.FIRST + year.DAYS * DAY:
                    assert then[number] == state
        assert ledger.days().num_rows == 61


def test_advance__again_changes_nothing(population: tuple[Path, pa.Table], fresh: Callable[[str], Path]) -> None:
    """Days that were played stay; events that are known are known."""
    place = fresh("again")
    first = cape_engine.advance(ledger=place, to=LAST, events=population[1])
    head = _head(place)
    again = cape_engine.advance(ledger=place, to=LAST, events=population[1])
    assert _head(place) == head
    assert (first.days.num_rows, again.days.num_rows, dict(again.counts)) == (61, 0, {})


def test_advance__invariants(population: tuple[Path, pa.Table], fresh: Callable[[str], Path]) -> None:
    """Invariants 11 and 13 after every day, and nothing is decided that waits."""
    place = fresh("invariants")
    cape_engine.advance(ledger=place, to=LAST + 60 * DAY, events=population[1])
    check_invariants(place)


def check_invariants(place: Path) -> None:
    """Decisions against refunds and payments of their day, and against calendar and law."""
    with Ledger.open(place) as ledger:
        facts = {row["entry_number"]: row for row in ledger.facts().to_pylist()}
        decisions = ledger.decisions()
        refunds, payments = ledger.refunds(), ledger.payments()
        plans, states = ledger.plans().to_pylist(), ledger.claims().to_pylist()
    basis: dict[str, dt.date] = {number: row["basis_date"] for number, row in facts.items()}
    for row in plans:
        basis[row["entry_number"]] = row["basis_date"] or basis.get(row["entry_number"])  # type: ignore[assignment]
    entries: dict[str, int] = {}
    for row in decisions.to_pylist():
        number, day = row["entry_number"], row["on_day"]
        assert is_run_day(day)
        assert day > facts[number]["accepted_date"]
        if row["action"] == "reliquidate":
            assert basis[number] < day <= basis[number] + 90 * DAY
        elif facts[number]["hold"] is None:
            assert day < facts[number]["year_end_date"]
        if row["refund"] is not None:
            entries[row["refund"]] = entries.get(row["refund"], 0) + row["principal_cents"] + row["interest_cents"]
    assert entries == dict(zip(refunds["refund"].to_pylist(), refunds["amount_cents"].to_pylist(), strict=True))
    paid = payments.group_by("refund").aggregate([("amount_cents", "sum")])
    assert entries == dict(zip(paid["refund"].to_pylist(), paid["amount_cents_sum"].to_pylist(), strict=True))
    decided = set(decisions["entry_number"].to_pylist())
    for row in states:
        ends = {"LIQUIDATED", "RELIQUIDATED", "CONSOLIDATED", "ZERO_REFUND"}
        assert (row["state"] in ends) == (row["entry_number"] in decided)


def test_advance__whole_days_only(
    population: tuple[Path, pa.Table], fresh: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A day that fails at its very end counts for nothing; the same command goes on from there, notices and all."""
    whole, broken = fresh("whole"), fresh("broken")
    cape_engine.advance(ledger=whole, to=LAST, events=population[1], notices=tmp_path / "a")
    stop = year.FIRST + 45 * DAY

    def full(path: Path) -> str:
        if path.name >= f"bulletin-{stop}":
            raise LedgerError("disk full")
        return sha256_of(path)

    with monkeypatch.context() as failing:
        failing.setattr("cape_engine.pipeline.living.notices.sha256_of", full)
        with pytest.raises(LedgerError, match="disk full"):
            cape_engine.advance(ledger=broken, to=LAST, events=population[1], notices=tmp_path / "b")
    with Ledger.open(broken) as ledger:
        last = ledger.last_day()
        assert last is not None
        assert last < stop + 7 * DAY
        assert set(ledger.as_of(dt.date.max)["since"].to_pylist()) <= {year.FIRST + n * DAY for n in range(60)}
    cape_engine.advance(ledger=broken, to=LAST, events=population[1], notices=tmp_path / "b")
    with Ledger.open(whole) as one, Ledger.open(broken) as other:
        assert one.days()["day_hash"] == other.days()["day_hash"]
        assert other.verify().ok
    names = sorted(path.name for path in (tmp_path / "a").iterdir())
    assert names == sorted(path.name for path in (tmp_path / "b").iterdir())
    assert all((tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes() for name in names)


def test_advance__notices(population: tuple[Path, pa.Table], fresh: Callable[[str], Path], tmp_path: Path) -> None:
    """One file for each run day that decided something: every decision of the day, with reason 36 and its version."""
    place = fresh("posted")
    cape_engine.advance(ledger=place, to=LAST, notices=tmp_path / "notices")
    with Ledger.open(place) as ledger:
        decisions, runs = ledger.decisions(), ledger.show().runs
    files = sorted((tmp_path / "notices").iterdir())
    assert len(files) == runs == len(pc.unique(decisions["on_day"]))
    rows = pa.concat_tables([pacsv.read_csv(file) for file in files])
    assert sorted(rows["entry_number"].to_pylist()) == sorted(decisions["entry_number"].to_pylist())
    assert set(rows["reason_code"].to_pylist()) == {36}
    assert files[0].name == f"bulletin-{rows['liquidation_date'][0].as_py()}.csv"


BAD = """entry_number,kind,effective_date,liquidation_date,note
{good},suspension_lifted,2026-06-01,,
{good},NO_SUCH,2026-06-01,,
ABC99999999,SUSPENSION_LIFTED,2026-06-01,,
{good},SUSPENSION_LIFTED,01.06.2026,,
{good},SUSPENSION_LIFTED,,,
{good},LIQUIDATED_BY_CBP,2026-06-01,,
{good},SUSPENSION_LIFTED,2026-06-01,2026-05-20,
{good},LIQUIDATED_BY_CBP,2026-06-01,2026-06-20,
{good},STATUS_CHANGED,2026-06-01,2026-06-20,
{good},SUSPENSION_LIFTED,2019-06-01,,
{good},COMMERCE_INSTRUCTIONS,2026-06-02,,
"""


def test_advance__bad_events(population: tuple[Path, pa.Table], fresh: Callable[[str], Path], tmp_path: Path) -> None:
    """Each bad row is a finding with file, line, column, value and remedy; the good ones count."""
    place, file = fresh("bad"), tmp_path / "events.csv"
    with Ledger.open(place) as ledger:
        held = ledger.facts()
    good = held.filter(pc.equal(held["hold"].cast(pa.string()), "suspended"))["entry_number"][0].as_py()
    file.write_bytes(BAD.format(good=f"{good[:3]}-{good[3:10]}-{good[10]}").encode())
    result = cape_engine.advance(ledger=place, to="2026-06-10", events=file)
    found = [(row["row"], row["code"], row["column"]) for row in result.findings.to_pylist()]
    assert sorted(found) == [
        (3, "EVENT_KIND_UNKNOWN", "kind"),
        (4, "EVENT_ENTRY_UNKNOWN", "entry_number"),
        (5, "EVENT_DATE_INVALID", "effective_date"),
        (6, "EVENT_DATE_INVALID", "effective_date"),
        (7, "EVENT_DATE_INVALID", "liquidation_date"),
        (8, "EVENT_DATE_IMPOSSIBLE", "liquidation_date"),
        (9, "EVENT_DATE_IMPOSSIBLE", "liquidation_date"),
        (10, "EVENT_DATE_IMPOSSIBLE", "liquidation_date"),
        (11, "EVENT_DATE_IMPOSSIBLE", "effective_date"),
        (12, "EVENT_DOES_NOT_FIT", "kind"),
    ]
    assert all(row["source"] == "events.csv" and row["remedy"] for row in result.findings.to_pylist())
    with Ledger.open(place) as ledger:
        steps = ledger.history(good).to_pylist()
    assert [(row["to_state"], row["on_day"], row["reason"]) for row in steps][-1] == (
        "SCHEDULED", dt.date(2026, 6, 1), "SUSPENSION_LIFTED",
    )  # fmt: skip


def test_advance__bad_files(fresh: Callable[[str], Path], tmp_path: Path) -> None:
    """A file without a needed column, or that is none, is refused, and no day is played."""
    place = fresh("files")
    (tmp_path / "a.csv").write_text("entry_number,kind\n")
    (tmp_path / "b.parquet").write_bytes(b"no parquet")
    for name, words in (("a.csv", "column effective_date is missing"), ("b.parquet", "events cannot be read")):
        with pytest.raises(InputError, match=words):
            cape_engine.advance(ledger=place, to=LAST, events=tmp_path / name)
    with Ledger.open(place) as ledger:
        assert ledger.last_day() is None


def test_advance__late_event(population: tuple[Path, pa.Table], fresh: Callable[[str], Path]) -> None:
    """An event of a day that was played already happens on the first day to come; its own day stays written."""
    place = fresh("late")
    cape_engine.advance(ledger=place, to="2026-06-10")
    with Ledger.open(place) as ledger:
        facts = ledger.facts()
    held = facts.filter(pc.equal(facts["hold"].cast(pa.string()), "adcvd"))["entry_number"][0].as_py()
    event = {"entry_number": [held], "kind": ["COMMERCE_INSTRUCTIONS"], "effective_date": [dt.date(2026, 6, 1)]}
    cape_engine.advance(ledger=place, to="2026-06-12", events=pa.table(event))
    with Ledger.open(place) as ledger:
        last = ledger.history(held).to_pylist()[-1]
        plan = [row for row in ledger.plans().to_pylist() if row["entry_number"] == held][-1]
    assert (last["to_state"], last["on_day"]) == ("SCHEDULED", dt.date(2026, 6, 11))
    assert plan["liquidation_date"] == dt.date(2026, 7, 16)  # 1 June + 45
    assert plan["limit_date"] == dt.date(2026, 12, 1)


def test_advance__another_writer_between_days(fresh: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch) -> None:
    """What another process decides between two days, a review here, counts from the next day on."""
    place, day = fresh("shared"), dt.date(2026, 5, 20)
    with Ledger.open(place) as ledger:
        facts = ledger.facts()
    reviewed = facts.filter(
        pc.and_(facts["picked"], pc.and_(pc.is_null(facts["hold"]), pc.is_null(facts["basis_date"])))
    )
    number, home = reviewed["entry_number"][0].as_py(), reviewed["declaration"][0].as_py()
    one_day = road._one_day

    def and_another(*arguments: Any) -> None:
        one_day(*arguments)
        if arguments[2] == day:
            plan = {"declaration": [home], "entry_number": [number], "liquidation_date": [day + DAY], "reason": [""]}
            known = {"action": ["liquidate"], "basis_date": [None], "limit_date": [None]}
            with Ledger.open(place) as other, other.transaction():
                other.record_plans(pa.table({**plan, **known}), on_day=day)
                other.move(pa.array([number]), "SCHEDULED", on_day=day + DAY, who="officer")

    monkeypatch.setattr(road, "_one_day", and_another)
    cape_engine.advance(ledger=place, to=day + 5 * DAY)
    with Ledger.open(place) as ledger:
        steps = ledger.history(number).to_pylist()
        assert ("LIQUIDATED", day + DAY) in [(row["to_state"], row["on_day"]) for row in steps]
        assert ledger.verify().ok


def test_advance__interest_waits_for_its_rate(run: Made, tmp_path: Path) -> None:
    """Decided on a day whose rates nobody knows: not consolidated, named; once the rates are there, it is paid."""
    place, folder = tmp_path / "l", tmp_path / "rules"
    shutil.copytree(rules.default_folder(), folder)
    table = (folder / "interest_rates.csv").read_text().splitlines(keepends=True)
    short = [line for line in table if not line.startswith(("2026-04", "2026-07", "2026-10"))]
    (folder / "interest_rates.csv").write_text("".join(short))
    with Ledger.open(place) as ledger:
        accepted(ledger, accepted_numbers(pq.read_table(run.results / "entries.parquet")))
    cape_engine.schedule(run.results, run.store, ledger=place, **run.beside)
    late = dt.date(2026, 5, 20)
    first = cape_engine.advance(ledger=place, to=late, start=AS_OF, rules_folder=folder)
    with Ledger.open(place) as ledger:
        states = ledger.show().states
    waiting = states.get("LIQUIDATED", 0) + states.get("RELIQUIDATED", 0)
    assert waiting == first.counts["interest_waits"] > 0
    assert "INTEREST_WAITS" in first.findings["code"].to_pylist()
    second = cape_engine.advance(ledger=place, to=late + DAY)
    assert second.counts["consolidated"] + second.counts.get("zero_refund", 0) >= waiting
    cape_engine.advance(ledger=place, to="2026-12-31")
    planned = pq.read_table(run.results / "refunds.parquet")
    with Ledger.open(place) as ledger:
        cohorts = ledger.refunds()
        assert ledger.verify().ok
    for name in ("principal_cents", "interest_cents"):
        assert pc.sum(cohorts[name]) == pc.sum(planned[name])


def test_advance__asks_for_what_cannot_be(fresh: Callable[[str], Path], tmp_path: Path) -> None:
    """Days beyond the calendar, a gap between days, and a ledger where nothing is scheduled are refused."""
    place = fresh("asked")
    with pytest.raises(UsageError, match="the calendar ends on"):
        cape_engine.advance(ledger=place, to="2035-01-01")
    cape_engine.advance(ledger=place, to=year.FIRST)
    with pytest.raises(UsageError, match="the next one is 2026-04-21, not 2026-05-01"):
        cape_engine.advance(ledger=place, to=LAST, start="2026-05-01")
    Ledger.open(tmp_path / "empty").close()
    with pytest.raises(UsageError, match="no entry is scheduled there"):
        cape_engine.advance(ledger=tmp_path / "empty", to=LAST)


def test_commands__people_and_machines(run: Made, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """`cape schedule`, `cape advance` and `cape ledger show --as-of` say what they did; exit codes of the contract."""
    place = tmp_path / "l"
    with Ledger.open(place) as ledger:
        accepted(ledger, accepted_numbers(pq.read_table(run.results / "entries.parquet")))
    words = ["--results", run.results, "--store", run.store, "--ledger", place]
    for name, files in run.beside.items():
        for file in files if isinstance(files, tuple | list) else [files]:
            words += [f"--{name}", file]
    assert cli.invoke(["schedule", *map(str, words), "--json"]) in {0, 1}
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert lines[-1]["counts"]["SCHEDULED"] > 0
    assert cli.invoke(["advance", "--ledger", str(place), "--to", "2026-06-30"]) == 0
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert (lines[-1]["event"], lines[0]["played_day"]) == ("advance", "2026-05-04")
    assert cli.invoke(["ledger", "show", str(place), "--as-of", "2026-05-04", "--json"]) == 0
    states = json.loads(capsys.readouterr().out)["states"]
    assert states["SCHEDULED"] > 0
    assert "CONSOLIDATED" not in states
