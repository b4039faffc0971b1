"""Entries from state to state: every step of the handbook, and no other."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cape_engine.errors import UsageError
from cape_engine.ledger import Ledger, Submission
from cape_engine.ledger.states import default_life
from reference import ledger as twin

Numbers = Callable[..., list[str]]
Submit = Callable[..., Submission]
DAY = dt.date(2026, 5, 5)


def test_states__as_the_handbook_draws_them() -> None:
    """States, steps and which states hold an entry are those of handbook 1.5, typed a second time."""
    life = default_life()
    assert set(life.guards) == twin.STEPS
    assert set(life.codes) == set(twin.STATES)
    assert set(life.codes) - life.live == twin.DEAD


def test_road__shortest_without_beginning_anew() -> None:
    """A road takes the fewest steps, never by way of FILED; nowhere and to itself there is none."""
    life = default_life()
    assert life.road("DECLARED", "STRIPPED") == ("CLAIMED", "ACCEPTED", "STRIPPED")
    assert life.road("ENTRY_FAILED", "STRIPPED") == ("ACCEPTED", "STRIPPED")
    assert life.road("ENTRY_FAILED", "DECLARED") == ()
    assert life.road("SETTLED", "ISSUED") == ("RETURNED", "REISSUED", "ISSUED")
    assert life.road("SETTLED", "SENT_TO_TREASURY") == ()
    assert life.road("ISSUED", "ISSUED") == ()


def test_move__one_step(url: str, numbers: Numbers, submit: Submit) -> None:
    """Entries take a step together; the history says when, by whom and why."""
    entries = numbers(5)
    with Ledger.open(url) as ledger:
        ledger.record(submit(entries))
        done = ledger.move(pa.array(entries[::-1]), "STRIPPED", on_day=DAY, who="mass_processing", reason="version 01")
        assert (done.moved, done.unchanged, done.refused.num_rows) == (5, 0, 0)
        last = ledger.history(entries[2]).to_pylist()[-1]
        assert (last["from_state"], last["to_state"], last["on_day"]) == ("ACCEPTED", "STRIPPED", DAY)
        assert (last["who"], last["reason"], last["claim_number"]) == ("mass_processing", "version 01", "100000000001")
        assert set(ledger.live()["since"].to_pylist()) == {DAY}
        assert ledger.verify().ok


def test_move__again(url: str, numbers: Numbers, submit: Submit) -> None:
    """A repeated command finds its entries there already, writes nothing, and adds no link."""
    with Ledger.open(url) as ledger:
        ledger.record(submit(numbers(5)))
        ledger.move(pa.array(numbers(5)), "STRIPPED", on_day=DAY, who="x")
        before = ledger.show()
        done = ledger.move(pa.array(numbers(5)), "STRIPPED", on_day=DAY, who="x")
        assert (done.moved, done.unchanged) == (0, 5)
        assert ledger.show() == before


def test_move__refused(url: str, numbers: Numbers, submit: Submit) -> None:
    """An illegal step and an entry without a claim come back with the reason; the others move."""
    entries = numbers(4)
    with Ledger.open(url) as ledger:
        ledger.record(submit(entries[:3], ["ACCEPTED", "DECLARED", "ENTRY_FAILED"]))
        done = ledger.move(pa.array(entries), "STRIPPED", on_day=DAY, who="x")
        assert done.moved == 1
        reasons = dict(zip(done.refused["entry_number"].to_pylist(), done.refused["reason"].to_pylist(), strict=True))
        assert reasons == {
            entries[1]: "no step leads from DECLARED to STRIPPED; open from DECLARED: FILE_REJECTED, CLAIMED",
            entries[2]: "no live claim holds the entry",
            entries[3]: "no live claim holds the entry",
        }
        other = ledger.move(pa.array(entries[3:]), "STRIPPED", on_day=DAY, who="x", declaration=1)
        assert other.refused["reason"].to_pylist() == ["the entry is not on this declaration"]


def test_move__by_road(url: str, numbers: Numbers, submit: Submit) -> None:
    """With `by_road` the steps between are taken and written too; the reason belongs to the last one."""
    entries = numbers(3)
    with Ledger.open(url) as ledger:
        ledger.record(submit(entries, ["DECLARED", "CLAIMED", "STRIPPED"]))
        done = ledger.move(pa.array(entries), "STRIPPED", on_day=DAY, who="cbp", reason="R", by_road=True)
        assert (done.moved, done.unchanged) == (2, 1)
        steps = ledger.history(entries[0])
        assert steps["to_state"].to_pylist() == ["DECLARED", "CLAIMED", "ACCEPTED", "STRIPPED"]
        assert steps["reason"].to_pylist() == ["", "", "", "R"]
        assert ledger.verify().ok


def test_move__reason_for_each(url: str, numbers: Numbers, submit: Submit) -> None:
    """Each entry may have its own reason, whatever the order in which they are given."""
    entries = numbers(6)
    given_ = entries[::-1]
    with Ledger.open(url) as ledger:
        ledger.record(submit(entries, "CLAIMED"))
        told = [f"why {number % 2}" for number in range(6)]
        ledger.move(pa.array(given_), "ENTRY_FAILED", on_day=DAY, who="portal", reason=pa.array(told))
        for entry, why in zip(given_, told, strict=True):
            assert ledger.history(entry)["reason"].to_pylist()[-1] == why
        with pytest.raises(UsageError, match="1 reasons for 6 entries"):
            ledger.move(pa.array(entries), "ACCEPTED", on_day=DAY, who="x", reason=pa.array(["x"]))
        assert ledger.verify().ok


def test_move__whole_declarations_and_parts(url: str, numbers: Numbers, submit: Submit) -> None:
    """Many entries of several declarations move at once, all of one and a part of another."""
    first, second = numbers(40), numbers(60, start=100, filer="XYZ")
    with Ledger.open(url) as ledger:
        ledger.record(submit(first))
        ledger.record(submit(second, file="b", filer="XYZ"))
        done = ledger.move(pa.array([*second[10:], *first]), "STRIPPED", on_day=DAY, who="x")
        assert done.moved == 90
        assert ledger.show().states == {"ACCEPTED": 10, "STRIPPED": 90}
        assert ledger.verify().ok


def test_move__awake_again(url: str, numbers: Numbers, submit: Submit) -> None:
    """CBP's answer brings a failed entry back to life, unless another claim holds it by then."""
    entries = numbers(2)
    with Ledger.open(url) as ledger:
        ledger.record(submit(entries, "ENTRY_FAILED"))
        ledger.record(submit(entries[:1], "ACCEPTED", file="b"))
        done = ledger.move(pa.array(entries), "ACCEPTED", on_day=DAY, who="cbp", declaration=1)
        assert done.moved == 1
        assert done.refused.to_pylist()[0]["reason"] == "another live claim holds the entry"
        assert ledger.live()["declaration"].to_pylist() == [2, 1]
        assert ledger.verify().ok


def test_move__free_again(url: str, numbers: Numbers, submit: Submit) -> None:
    """An entry that leaves its claim may be declared anew, and only then."""
    with Ledger.open(url) as ledger:
        ledger.record(submit(numbers(1), "CLAIMED"))
        assert ledger.record(submit(numbers(1), file="b")).duplicates.num_rows == 1
        ledger.move(pa.array(numbers(1)), "ENTRY_FAILED", on_day=DAY, who="portal", reason="PROTEST ON ENTRY")
        assert ledger.record(submit(numbers(1), file="c")).duplicates.num_rows == 0
        assert ledger.verify().ok


@pytest.mark.parametrize("entries", [["ABC12345676", "ABC12345676"], ["short"]])
def test_move__odd_numbers(url: str, entries: list[str]) -> None:
    """Entry numbers that stand twice or are none are refused as a whole."""
    with Ledger.open(url) as ledger, pytest.raises(UsageError, match=r"twice|is not an entry number"):
        ledger.move(pa.array(entries), "STRIPPED", on_day=DAY, who="x")


MOST = 12
MADE = [f"XYZ{number:08d}" for number in range(MOST)]
FILES = st.dictionaries(st.sampled_from(MADE), st.sampled_from(sorted(twin.FIRST_STATES)), min_size=1)
MOVES = st.tuples(st.lists(st.sampled_from(MADE), unique=True, min_size=1), st.sampled_from(twin.STATES))
ROAD = ["STRIPPED", "SCHEDULED", "LIQUIDATED", "CONSOLIDATED", "CERTIFIED", "SENT_TO_TREASURY", "ISSUED", "RETURNED"]
LIKELY = st.tuples(st.just(MADE), st.sampled_from(ROAD))


@settings(max_examples=40)
@given(st.lists(st.one_of(FILES, MOVES, LIKELY), max_size=14))
def test_ledger__as_the_twin(
    tmp_path_factory: pytest.TempPathFactory, submit: Submit, acts: list[dict[str, str] | tuple[list[str], str]]
) -> None:
    """Any sequence of declarations and moves gives the claims, duplicates and histories of the plain dictionary."""
    book = twin.Book()
    with Ledger.open(tmp_path_factory.mktemp("twin") / "l") as ledger:
        for number, act in enumerate(acts):
            if isinstance(act, dict):
                name = f"f{number % 5}"
                new, twice = book.record(name, act)
                made = ledger.record(submit(list(act), list(act.values()), file=name))
                assert (made.new, set(made.duplicates["entry_number"].to_pylist())) == (new, twice)
            else:
                done = ledger.move(pa.array(act[0]), act[1], on_day=DAY, who="x")
                found = (done.moved, done.unchanged, set(done.refused["entry_number"].to_pylist()))
                assert found == book.move(act[0], act[1])
        held = ledger.live()
        assert dict(zip(held["entry_number"].to_pylist(), held["declaration"].to_pylist(), strict=True)) == book.live()
        for entry in MADE:
            told = ledger.history(entry)
            assert sorted(zip(told["declaration"].to_pylist(), told["to_state"].to_pylist(), strict=True)) == sorted(
                (home, state) for (home, name), steps in book.claims.items() if name == entry for state in steps
            )
        report = ledger.verify()
        assert report.ok, report.problems
        assert report.events == sum(len(steps) for steps in book.claims.values())


def test_move__each_on_its_declaration(url: str, numbers: Numbers, submit: Submit) -> None:
    """With a declaration for each entry the claims meant move, dead ones too, and what stands elsewhere is refused."""
    entries = numbers(4)
    with Ledger.open(url) as ledger:
        ledger.record(submit(entries[:2], ["DECLARED", "ENTRY_FAILED"]))
        ledger.record(submit(entries[1:3], "DECLARED", file="b"))
        homes = pa.array([2, 1, 1, 2])
        done = ledger.move(
            pa.array([entries[1], entries[0], entries[2], entries[3]]),
            "STRIPPED",
            on_day=DAY,
            who="cbp",
            reason=pa.array(["second", "first", "", ""]),
            declaration=homes,
            by_road=True,
        )
        assert done.moved == 2
        assert done.refused["entry_number"].to_pylist() == entries[2:]
        assert set(done.refused["reason"].to_pylist()) == {"the entry is not on this declaration"}
        assert [row["reason"] for row in ledger.history(entries[1]).to_pylist()][-1] == "second"
        assert dict(
            zip(*(ledger.live()[name].to_pylist() for name in ("entry_number", "declaration")), strict=True)
        ) == {
            entries[0]: 1,
            entries[1]: 2,
            entries[2]: 2,
        }
        assert ledger.claims(declaration=[1, 2]).num_rows == 4
        woken = ledger.move(pa.array([entries[1]]), "ACCEPTED", on_day=DAY, who="cbp", declaration=pa.array([1]))
        assert woken.refused["reason"].to_pylist() == ["another live claim holds the entry"]
        with pytest.raises(UsageError, match="1 declarations for 2 entries"):
            ledger.move(pa.array(entries[:2]), "STRIPPED", on_day=DAY, who="cbp", declaration=pa.array([1]))
        nowhere = ledger.move(pa.array(entries[:1]), "STRIPPED", on_day=DAY, who="cbp", declaration=pa.array([9]))
        assert nowhere.refused.num_rows == 1
        assert ledger.verify().ok
