"""Manual review: who waits and until when, assignments, decisions, and what the days make of them."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

import cape_engine
from cape_engine import rules
from cape_engine.dates import date_of
from cape_engine.errors import LedgerError, UsageError
from cape_engine.ledger import Ledger, Submission
from cape_engine.pipeline.living.world import load
from cape_engine.pipeline.reviewing.deciding import kept
from cape_engine.schema import life
from ledger.officers import LIQUIDATED, put_in_review

Numbers = Callable[..., list[str]]
Submit = Callable[..., Submission]
DAY = dt.date(2026, 10, 20)
LEE, KIM = "A. Lee", "B. Kim"


@pytest.fixture
def entries(url: str, numbers: Numbers, submit: Submit) -> list[str]:
    """Four entries in review: unliquidated, unliquidated and large, liquidated, unliquidated with an early schedule."""
    found = numbers(4)
    own: tuple[dict[str, object], ...] = (
        {},
        {"principal_cents": 500_000},
        LIQUIDATED,
        {"scheduled_liquidation_date": dt.date(2026, 11, 12)},
    )
    put_in_review(url, submit, dict(zip(found, own, strict=True)))
    return found


def codes(result: cape_engine.ReviewResult) -> list[str]:
    """Codes of the findings."""
    return list(result.findings.column("code").to_pylist())


def states(url: str) -> dict[str, str]:
    """State of each entry."""
    with Ledger.open(url) as ledger:
        rows = ledger.claims()
        assert ledger.verify().ok, ledger.verify().problems
    return dict(zip(rows["entry_number"].to_pylist(), rows["state"].to_pylist(), strict=True))


def head(url: str) -> tuple[int, str]:
    """Last link of the chain."""
    with Ledger.open(url) as ledger:
        return ledger.head()


def decide(url: str, entry: str, decision: str, **more: object) -> cape_engine.ReviewResult:
    """One decision of Lee on the day."""
    row = {"entry_number": entry, "decision": decision, "reason": "checked", **more}
    return cape_engine.review_decide([row], ledger=url, officer=LEE, on=DAY)


def test_list__urgent_first(url: str, entries: list[str]) -> None:
    """The shortest window stands first, then the larger amount; each entry says why it was picked and until when."""
    rows = cape_engine.review_list(ledger=url, on=DAY).queue.to_pylist()
    told = [
        (row["entry_number"], row["picked_by"], row["last_run_date"], row["days_left"], row["released_to_date"])
        for row in rows
    ]
    day = dt.date
    assert told == [
        (entries[3], "mode_gap", day(2026, 11, 10), 20, day(2026, 11, 10)),  # Veterans Day lies between
        (entries[2], "bill", day(2026, 12, 3), 43, day(2026, 10, 21)),
        (entries[1], "mode_gap", day(2027, 2, 9), 111, day(2026, 11, 23)),
        (entries[0], "mode_gap", day(2027, 2, 9), 111, day(2026, 11, 23)),
    ]
    assert all(row["decide_by_date"] == row["last_run_date"] - dt.timedelta(1) for row in rows)
    assert {row["since"] for row in rows} == {dt.date(2026, 10, 6)}


def test_list__rules_of_its_settings(url: str, entries: list[str]) -> None:
    """Rules that settings switch on are named; without any, the reason of the step into review is."""
    amount = cape_engine.review_list(ledger=url, on=DAY, settings={"schedule.review_amount_cents": 500_000})
    picked = {row["entry_number"]: row["picked_by"] for row in amount.queue.to_pylist()}
    assert picked[entries[1]] == "mode_gap;amount"
    other = cape_engine.review_list(ledger=url, on=DAY, settings={"schedule.review_rules": ["displaced_232"]})
    assert set(other.queue.column("picked_by").to_pylist()) == {"IN_REVIEW"}


def test_list__plans_count(url: str, entries: list[str]) -> None:
    """What a later plan says of liquidation and limit counts; with a limit the ordinary liquidation is gone."""
    said = [(entries[0], dt.date(2026, 10, 9), None), (entries[3], None, dt.date(2026, 12, 24))]
    with Ledger.open(url) as ledger:
        rows = [
            {
                "declaration": 1,
                "entry_number": entry,
                "action": "wait",
                "basis_date": basis,
                "limit_date": limit,
                "reason": "x",
            }
            for entry, basis, limit in said
        ]
        ledger.record_plans(pa.Table.from_pylist(rows, schema=life.PLANS_SCHEMA), on_day=DAY)
    last = {row["entry_number"]: row["last_run_date"] for row in again_list(url)}
    assert last[entries[0]] == dt.date(2027, 1, 7)  # day 90 of 2026-10-09, a Thursday
    assert last[entries[3]] == dt.date(2026, 12, 23)  # not the one before 2026-11-12


def test_assign__recorded_once(url: str, entries: list[str]) -> None:
    """An assignment is in the chain; the same again changes nothing; another officer takes over; `first` is urgent."""
    done = cape_engine.review_assign([entries[0], "ABC-0000000-0"], ledger=url, officer=LEE, on=DAY)
    assert (done.counts["assigned"], done.counts["refused"]) == (1, 1)
    assert codes(done) == ["REVIEW_NOT_WAITING"]
    before = head(url)
    again = cape_engine.review_assign([entries[0]], ledger=url, officer=LEE, on=DAY)
    assert (again.counts["unchanged"], again.exit_code, head(url)) == (1, 0, before)
    cape_engine.review_assign([entries[0]], ledger=url, officer=KIM, on=DAY)
    cape_engine.review_assign(ledger=url, officer=LEE, first=2, on=DAY)
    officers = {row["entry_number"]: row["officer"] for row in again_list(url)}
    assert officers == {entries[0]: KIM, entries[1]: None, entries[2]: LEE, entries[3]: LEE}
    assert set(states(url).values()) == {"IN_REVIEW"}


def again_list(url: str) -> list[dict[str, object]]:
    """The queue as rows."""
    return list(cape_engine.review_list(ledger=url, on=DAY).queue.to_pylist())


@pytest.mark.parametrize(("officer", "first"), [(" ", 1), (LEE, 0)])
def test_assign__refused(url: str, entries: list[str], officer: str, first: int) -> None:
    """Nobody, or nothing, cannot be assigned."""
    assert entries
    with pytest.raises(UsageError, match="name"):
        cape_engine.review_assign(ledger=url, officer=officer, first=first, on=DAY)


def test_release__next_played_day(url: str, entries: list[str]) -> None:
    """A released entry waits for the next played day, comes back with a day of its window, and is decided then."""
    done = decide(url, entries[0], "release")
    assert (done.counts["released"], done.exit_code) == (1, 0)
    assert states(url)[entries[0]] == "IN_REVIEW"
    (row,) = [row for row in again_list(url) if row["entry_number"] == entries[0]]
    assert row["decided"] == "release"
    cape_engine.advance(ledger=url, to=DAY)
    assert states(url)[entries[0]] == "SCHEDULED"
    with Ledger.open(url) as ledger:
        assert ledger.plans().to_pylist()[-1]["liquidation_date"] == row["released_to_date"] == dt.date(2026, 11, 23)
    cape_engine.advance(ledger=url, to=dt.date(2026, 11, 23))
    assert states(url)[entries[0]] == "CONSOLIDATED"
    with Ledger.open(url) as ledger:
        (refund,) = ledger.refunds().to_pylist()
        assert (refund["liquidation_date"], refund["principal_cents"]) == (dt.date(2026, 11, 23), 100_000)


def test_release__leaves_its_cohort(url: str, entries: list[str]) -> None:
    """Released after its day, an entry joins the cohort of a later run; its window stays as it was set."""
    late = dt.date(2026, 11, 25)
    row = {"entry_number": entries[0], "decision": "release"}
    cape_engine.advance(ledger=url, to=dt.date(2026, 11, 24))
    cape_engine.review_decide([row], ledger=url, officer=LEE, on=late)
    cape_engine.advance(ledger=url, to=dt.date(2026, 11, 30))
    with Ledger.open(url) as ledger:
        decisions = ledger.decisions().to_pylist()
        assert [(one["entry_number"], one["on_day"]) for one in decisions] == [(entries[0], dt.date(2026, 11, 30))]
        assert ledger.facts().to_pylist()[0]["year_end_date"] == dt.date(2027, 2, 10)
    assert states(url)[entries[0]] == "CONSOLIDATED"


def test_release__keeps_the_ordinary_liquidation(url: str, entries: list[str]) -> None:
    """A liquidation that CBP had scheduled limits a released entry as before, also for who reads the ledger anew."""
    decide(url, entries[3], "release")
    cape_engine.advance(ledger=url, to=DAY)
    with Ledger.open(url) as ledger:
        alive = load(ledger, rules.load()).alive
    assert date_of(int(alive.booked[3])) == dt.date(2026, 11, 12)
    assert date_of(int(alive.day[3])) == dt.date(2026, 11, 10)


def test_release__after_day_90(url: str, entries: list[str]) -> None:
    """A liquidated entry released too late is warned about, and ends as WINDOW_MISSED."""
    cape_engine.advance(ledger=url, to=dt.date(2026, 12, 1))
    row = {"entry_number": entries[2], "decision": "release"}
    done = cape_engine.review_decide([row], ledger=url, officer=LEE, on=dt.date(2026, 12, 3))
    assert codes(done) == ["REVIEW_TOO_LATE"]
    cape_engine.advance(ledger=url, to=dt.date(2026, 12, 4))
    assert states(url)[entries[2]] == "WINDOW_MISSED"


def test_change__lowers_what_is_paid(url: str, entries: list[str]) -> None:
    """A lowered principal is what the cohort pays, from the deposits it still consumes: the latest first."""
    done = decide(url, entries[0], "change", principal_cents=80_000)
    assert (done.counts["changed"], codes(done)) == (1, [])
    cape_engine.advance(ledger=url, to=dt.date(2026, 11, 23))
    with Ledger.open(url) as ledger:
        (facts,) = [row for row in ledger.facts().to_pylist() if row["entry_number"] == entries[0]]
        assert (facts["principal_cents"], facts["deposit_amounts_cents"]) == (80_000, [10_000, 70_000])
        (decision,) = ledger.decisions().to_pylist()
        (refund,) = ledger.refunds().to_pylist()
        (act,) = ledger.reviews().to_pylist()
    assert decision["principal_cents"] == refund["principal_cents"] == 80_000
    assert (act["before_cents"], act["principal_cents"], act["officer"], act["reason"]) == (
        100_000, 80_000, LEE, "checked",
    )  # fmt: skip
    assert states(url)[entries[0]] == "CONSOLIDATED"


def test_change__to_nothing(url: str, entries: list[str]) -> None:
    """A principal of nothing is decided and pays nothing."""
    decide(url, entries[0], "change", principal_cents=0)
    cape_engine.advance(ledger=url, to=dt.date(2026, 11, 23))
    assert states(url)[entries[0]] == "ZERO_REFUND"


def test_change__never_above(url: str, entries: list[str]) -> None:
    """An officer may not give back more than the removal does: the row does not count, nothing is written."""
    before = head(url)
    done = decide(url, entries[0], "change", principal_cents=100_001)
    assert (codes(done), done.counts["refused"], head(url)) == (["REVIEW_AMOUNT_TOO_HIGH"], 1, before)
    assert decide(url, entries[0], "change", principal_cents=100_000).counts["changed"] == 1


def test_reject__frees_the_entry(url: str, entries: list[str], submit: Submit) -> None:
    """A rejected entry left its claim with the officer's reason, and may be declared again."""
    done = decide(url, entries[0], "reject", reason="wrong country")
    assert done.counts["rejected"] == 1
    assert states(url)[entries[0]] == "ENTRY_FAILED"
    with Ledger.open(url) as ledger:
        last = ledger.history(entries[0]).to_pylist()[-1]
        assert (last["who"], last["reason"], last["on_day"]) == (LEE, "REVIEW_REJECTED: wrong country", DAY)
        assert ledger.record(submit([entries[0]], file="b")).duplicates.num_rows == 0
    assert [row["entry_number"] for row in again_list(url)].count(entries[0]) == 0


def test_decide__same_again(url: str, entries: list[str]) -> None:
    """The same decisions again change nothing, before and after they were played; another one is refused."""
    rows = [{"entry_number": entries[0], "decision": "release"}]
    rows.append({"entry_number": entries[1], "decision": "reject", "reason": "x"})
    for _ in range(2):
        cape_engine.review_decide(rows, ledger=url, officer=LEE, on=DAY)
        before = head(url)
        again = cape_engine.review_decide(rows, ledger=url, officer=LEE, on=DAY)
        assert (again.counts["unchanged"], again.exit_code, head(url)) == (2, 0, before)
        if states(url)[entries[0]] == "IN_REVIEW":
            assert codes(decide(url, entries[0], "reject")) == ["REVIEW_DECIDED_ALREADY"]
        cape_engine.advance(ledger=url, to=DAY)


def test_decide__in_review_once_more(url: str, entries: list[str]) -> None:
    """An entry that an event sends back to review is decided anew, with the same words too."""
    decide(url, entries[0], "release")
    cape_engine.advance(ledger=url, to=DAY)
    event = {"entry_number": [entries[0]], "kind": ["CORRECTED"], "effective_date": ["2026-10-21"]}
    cape_engine.advance(ledger=url, to=DAY + dt.timedelta(1), events=pa.table(event))
    (row,) = [row for row in again_list(url) if row["entry_number"] == entries[0]]
    assert (row["since"], row["decided"]) == (DAY + dt.timedelta(1), None)
    again = {"entry_number": entries[0], "decision": "release", "reason": "checked"}
    done = cape_engine.review_decide([again], ledger=url, officer=LEE, on=dt.date(2026, 10, 22))
    assert done.counts["released"] == 1
    cape_engine.advance(ledger=url, to=dt.date(2026, 10, 22))
    assert states(url)[entries[0]] == "SCHEDULED"


def test_decide__beyond_the_calendar(url: str, numbers: Numbers, submit: Submit) -> None:
    """A release whose day lies beyond the table of holidays leaves the entry in review; it can be decided again."""
    (entry,) = numbers(1)
    put_in_review(url, submit, {entry: {"accepted_date": dt.date(2030, 12, 20), "year_end_date": None}})
    row = {"entry_number": entry, "decision": "release"}
    cape_engine.review_decide([row], ledger=url, officer=LEE, on=dt.date(2030, 12, 23))
    played = cape_engine.advance(ledger=url, to=dt.date(2030, 12, 23))
    assert played.findings.column("code").to_pylist() == ["EVENT_BEYOND_CALENDAR"]
    (here,) = cape_engine.review_list(ledger=url, on=dt.date(2030, 12, 24)).queue.to_pylist()
    assert (here["decided"], here["released_to_date"]) == (None, None)
    row |= {"decision": "reject", "reason": "x"}
    assert cape_engine.review_decide([row], ledger=url, officer=LEE, on=dt.date(2030, 12, 24)).counts["rejected"] == 1


def test_decide__day_was_played(url: str, entries: list[str]) -> None:
    """A decision of a day that was played happens on the next one: the past stays as it was."""
    cape_engine.advance(ledger=url, to=DAY)
    with Ledger.open(url) as ledger:
        past = ledger.as_of(DAY)
    done = decide(url, entries[0], "reject")
    assert codes(done) == ["REVIEW_PLAYED_LATER"]
    assert done.exit_code == 0
    cape_engine.advance(ledger=url, to=DAY + dt.timedelta(1))
    with Ledger.open(url) as ledger:
        assert ledger.as_of(DAY) == past
        assert ledger.history(entries[0]).to_pylist()[-1]["on_day"] == DAY + dt.timedelta(1)


def test_decide__before_it_was_picked(url: str, entries: list[str]) -> None:
    """Nobody decides about an entry before it came to review."""
    row = {"entry_number": entries[0], "decision": "release"}
    done = cape_engine.review_decide([row], ledger=url, officer=LEE, on=dt.date(2026, 10, 5))
    assert (codes(done), done.counts["refused"]) == (["REVIEW_TOO_EARLY"], 1)


def test_decide__another_officer(url: str, entries: list[str]) -> None:
    """Whoever decides an entry of somebody else is warned, and the decision counts."""
    cape_engine.review_assign([entries[0]], ledger=url, officer=KIM, on=DAY)
    done = decide(url, entries[0], "release")
    assert (codes(done), done.counts["released"], done.exit_code) == (["REVIEW_OTHER_OFFICER"], 1, 1)


def test_decide__all_or_nothing(url: str, entries: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """If the last of its writes fails, nothing of a set of decisions stands in the ledger."""

    def fail(*_: object, **__: object) -> None:
        raise LedgerError("the disk is full")

    before = head(url)
    acts: tuple[dict[str, object], ...] = (
        {"decision": "change", "principal_cents": 5},
        {"decision": "release"},
        {"decision": "reject"},
    )
    rows = [{"entry_number": entry, "reason": "x", **act} for entry, act in zip(entries, acts, strict=False)]
    with monkeypatch.context() as broken:
        broken.setattr(Ledger, "move", fail)
        with pytest.raises(LedgerError, match="disk"):
            cape_engine.review_decide(rows, ledger=url, officer=LEE, on=DAY)
    assert head(url) == before
    assert {row["decided"] for row in again_list(url)} == {None}
    assert sum(cape_engine.review_decide(rows, ledger=url, officer=LEE, on=DAY).counts.values()) == 3


def test_review__no_ledger_and_no_option(tmp_path: Path, url: str, entries: list[str]) -> None:
    """A ledger that is not there is not made, and an option that does not exist is named."""
    assert entries
    with pytest.raises(LedgerError):
        cape_engine.review_list(ledger=tmp_path / "none.ledger", on=DAY)
    with pytest.raises(UsageError, match="there is no option 'day'"):
        cape_engine.review_list(ledger=url, day=DAY)  # type: ignore[call-arg]


SLICES = st.lists(st.tuples(st.dates(dt.date(2025, 2, 4), dt.date(2025, 12, 31)), st.integers(1, 1000)), max_size=6)


@given(slices=SLICES, share=st.integers(0, 100), last_first=st.booleans())
def test_kept__consumes_in_order(slices: list[tuple[dt.date, int]], share: int, *, last_first: bool) -> None:
    """A lowered principal is made up of the deposits consumed first, whole but for one, to the cent."""
    wanted = sum(cents for _, cents in slices) * share // 100
    found = kept(slices, wanted, last_first=last_first)
    assert sum(cents for _, cents in found) == wanted
    left, expected = wanted, []
    for day, cents in sorted(slices, key=lambda one: one[0], reverse=last_first):
        if left:
            expected.append((day, min(cents, left)))
            left -= min(cents, left)
    assert sorted(found) == sorted(expected)
