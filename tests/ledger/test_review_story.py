"""Any sequence of assignments, decisions and days, against a dictionary."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import cape_engine
from cape_engine.ledger import Ledger, Submission
from ledger.officers import ACCEPTED, LIQUIDATED, put_in_review

Numbers = Callable[..., list[str]]
Submit = Callable[..., Submission]
MOST = 3
LEE, KIM = "A. Lee", "B. Kim"
WHO = st.sampled_from([LEE, KIM])
ENTRY = st.integers(0, MOST - 1)
CENTS = st.sampled_from([0, 99_999, 100_000, 100_001])
ASSIGN = st.tuples(st.just("assign"), ENTRY, WHO, st.none())
DECIDE = st.tuples(st.sampled_from(["release", "reject"]), ENTRY, WHO, st.none())
CHANGE = st.tuples(st.just("change"), ENTRY, WHO, CENTS)
DAY = st.tuples(st.just("day"), ENTRY, WHO, st.none())


@dataclass
class Twin:
    """One entry as an officer would keep it on paper."""

    state: str = "IN_REVIEW"
    officer: str | None = None
    principal: int = 100_000
    waits: bool = False
    last: tuple[object, ...] | None = None

    def act(self, word: str, who: str, cents: int | None) -> str:
        """What becomes of an act: the word of its count."""
        if word == "assign":
            if self.state != "IN_REVIEW":
                return "refused"
            same, self.officer = self.officer == who, who
            return "unchanged" if same else "assigned"
        if self.waits or self.state != "IN_REVIEW":
            return "unchanged" if self.last == (word, who, cents) else "refused"
        if cents is not None and cents > self.principal:
            return "refused"
        self.last = (word, who, cents)
        if word == "reject":
            self.state = "ENTRY_FAILED"
            return "rejected"
        self.waits, self.principal = True, self.principal if cents is None else cents
        return "released" if word == "release" else "changed"

    def day(self) -> None:
        """A day is played: what was decided happens."""
        if self.waits:
            self.state, self.waits = "SCHEDULED", False


@settings(max_examples=20)
@given(acts=st.lists(st.one_of(ASSIGN, DECIDE, CHANGE, DAY), max_size=12))
def test_review__as_the_twin(
    tmp_path_factory: pytest.TempPathFactory,
    numbers: Numbers,
    submit: Submit,
    acts: list[tuple[str, int, str, int | None]],
) -> None:
    """Each act is counted as the dictionary says; states, officers and principals agree, and the chain verifies."""
    entries = numbers(MOST)
    url = str(tmp_path_factory.mktemp("story") / "l")
    put_in_review(url, submit, {entry: LIQUIDATED if entry == entries[0] else {} for entry in entries})
    twins = [Twin() for _ in entries]
    today = ACCEPTED
    for word, place, who, cents in acts:
        if word == "day":
            cape_engine.advance(ledger=url, to=today)
            today += dt.timedelta(1)
            for twin in twins:
                twin.day()
            continue
        if word == "assign":
            done = cape_engine.review_assign([entries[place]], ledger=url, officer=who, on=today)
        else:
            row = {"entry_number": entries[place], "decision": word, "principal_cents": cents, "reason": "x"}
            done = cape_engine.review_decide([row], ledger=url, officer=who, on=today)
        assert {name for name, count in done.counts.items() if count} == {twins[place].act(word, who, cents)}
    queue = {row["entry_number"]: row for row in cape_engine.review_list(ledger=url, on=today).queue.to_pylist()}
    with Ledger.open(url) as ledger:
        assert ledger.verify().ok
        states = {row["entry_number"]: row["state"] for row in ledger.claims().to_pylist()}
    assert set(queue) == {entry for entry, state in states.items() if state == "IN_REVIEW"}
    for entry, twin in zip(entries, twins, strict=True):
        # Released, the liquidated one is decided on the next run day; the others are due in November.
        gone = {"CONSOLIDATED", "ZERO_REFUND"} if twin.state == "SCHEDULED" and entry == entries[0] else set()
        assert states[entry] in {twin.state} | gone
        if entry in queue:
            row = queue[entry]
            assert (row["officer"], row["principal_cents"]) == (twin.officer, twin.principal)
            assert (row["decided"] is not None) is twin.waits
