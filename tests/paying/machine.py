"""Commands of payments and their repetitions in any order, with everything that must hold after each of them."""

from __future__ import annotations

import csv
import datetime as dt
import shutil
import tempfile
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

import cape_engine
from cape_engine.ledger import Ledger
from paying import world
from paying.world import Cohort

A, B, C = "12-345678900", "98-765432100", "11-111111100"
LATER = world.LIQUIDATED + dt.timedelta(days=7)
COHORTS = (
    Cohort(A, 25_000_000_123, 77, importers=(A, "33-333333300")),  # three payments, announced two days ahead
    Cohort(A, 4_321, 0, day=LATER),
    Cohort(B, 90_000, 1_000),
    Cohort(B, 500, 5, day=LATER),
    Cohort(C, 19_999_999_998, 0),  # two full payments
)
DEBTS = (
    f"{B},CBP-1,cbp,30000,", f"{B},FED-1,federal,100000,2", f"{B},FED-0,federal,500,1",
    f"{A},T-1,treasury,10000000000,",
)  # fmt: skip
HOLIDAYS = {
    dt.date(2026, 6, 19), dt.date(2026, 7, 3), dt.date(2026, 9, 7), dt.date(2026, 10, 12), dt.date(2026, 11, 11),
    dt.date(2026, 11, 26),
}  # fmt: skip


def working(day: dt.date) -> bool:
    """Whether CBP and the Federal Reserve work, as the calendars of this half-year say."""
    return day.weekday() < 5 and day not in HOLIDAYS


class Payments(RuleBasedStateMachine):
    """A ledger, what its owner does, and a bank that remembers every file it was given.

    Attributes:
        settings: of every release and sending.
        stride: working days of one day of waiting.
        last_day: nobody waits beyond it.
    """

    settings: ClassVar[dict[str, Any]] = {}
    stride = 1
    last_day = dt.date.max

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp())
        self.url = str(self.folder / "claims.ledger")
        self.day = world.DAY
        self.done: list[Callable[[], Any]] = []
        self.last = False
        self.serial = 0

    @initialize(depth=st.sampled_from([7, 6, 5, 7, 4, 3, 2, 1, 0]))
    def begin(self, depth: int) -> None:
        """Five refunds: nobody enrolled yet, or released, sent, issued, and some returned already."""
        world.populate(self.url, COHORTS)
        self.day = max(self.day, LATER + dt.timedelta(days=1))
        while not working(self.day):
            self.day += dt.timedelta(days=1)
        opening: tuple[Callable[[], None], ...] = (
            lambda: self.enrol([A, B, C], other=False),
            lambda: self.release({0, 1}, None),
            lambda: (self.wait(2), self.send())[-1],
            lambda: self._bank({"SENT_TO_TREASURY": ["issued"]}),
            lambda: self._bank({"ISSUED": ["settled", "returned", "returned"]}),
            lambda: self.reissue(one=False),
            lambda: (self.wait(2), self.send())[-1],
        )
        for act in opening[:depth]:
            act()

    def teardown(self) -> None:
        """Nothing stays."""
        shutil.rmtree(self.folder)

    def _do(self, command: Callable[[], Any]) -> None:
        """A command, to be repeated later."""
        command()
        self.done.append(command)
        self.last = True

    def _file(self, name: str) -> Path:
        """A new file."""
        self.serial += 1
        return self.folder / f"{self.serial}-{name}"

    @rule(who=st.lists(st.sampled_from([A, B, C]), unique=True, min_size=1), other=st.booleans())
    def enrol(self, who: list[str], other: bool) -> None:
        """Accounts arrive, perhaps other ones than before."""
        accounts = {one: f"{9 if other else 1}{place:08d}" for place, one in enumerate(who)}
        path, day = world.importers(self._file("importers.csv"), accounts), self.day
        self._do(lambda: cape_engine.refund_enrol(path, ledger=self.url, on=day))

    @rule(debts=st.sets(st.integers(0, len(DEBTS) - 1)), limit=st.sampled_from([None, None, 50_000, 20_000_000_000]))
    def release(self, debts: set[int], limit: int | None) -> None:
        """A release, with debts and a limit."""
        path = None
        if debts:
            path = self._file("debts.csv")
            path.write_text(
                "recipient,debt,creditor,amount_cents,order\n" + "\n".join(DEBTS[one] for one in sorted(debts))
            )
        settings = {**self.settings, **({"refund.daily_limit_cents": limit} if limit else {})}
        day = self.day
        self._do(lambda: cape_engine.refund_release(ledger=self.url, on=day, debts=path, settings=settings))

    @rule()
    def send(self) -> None:
        """Everything that may be sent is sent."""
        day = self.day
        out, settings = self.folder / "out", self.settings
        self._do(lambda: cape_engine.refund_send(ledger=self.url, on=day, out=out, settings=settings))

    def _bank(self, kinds: dict[str, list[str]]) -> None:
        """Lines about all payments in some states, kinds in turn."""
        rows: list[tuple[object, ...]] = []
        for row in cape_engine.refund_show(ledger=self.url).payments.to_pylist():
            if row["payment_state"] in kinds:
                own = kinds[row["payment_state"]]
                rows.append(("", row["trace"], own[len(rows) % len(own)], self.day, row["amount_cents"], "R03"))
        path = world.bank_file(self._file("bank.csv"), rows)
        self._do(lambda: cape_engine.refund_bank(path, ledger=self.url))

    @rule(draw=st.randoms(use_true_random=False), junk=st.booleans())
    def bank(self, draw: Any, junk: bool) -> None:
        """The bank issues, settles and returns some of what it was given; some lines are nonsense."""
        rows: list[tuple[object, ...]] = []
        for row in cape_engine.refund_show(ledger=self.url).payments.to_pylist():
            kinds = {"SENT_TO_TREASURY": ["issued"], "ISSUED": ["settled", "returned"], "SETTLED": ["returned"]}.get(
                row["payment_state"], []
            )
            if junk:
                kinds = [*kinds, "returned"]
            if kinds and draw.random() < 0.7:
                kind = draw.choice(kinds)
                name = row["payment"] if row["trace"] is None or draw.random() < 0.5 else ""
                cents = row["amount_cents"] + (draw.random() < 0.1 and junk)
                rows.append(
                    (name, "" if name else row["trace"], kind, self.day, cents, "R03" if kind == "returned" else "")
                )
        if junk:
            rows += [("", "999", "issued", self.day, 5, ""), ("Total", "", "", "", 5, ""), *rows[:1]]
        path = world.bank_file(self._file("bank.csv"), rows)
        self._do(lambda: cape_engine.refund_bank(path, ledger=self.url))

    @rule(one=st.booleans())
    def reissue(self, one: bool) -> None:
        """Returned payments are made anew: all, or the first."""
        found = [row["payment"] for row in cape_engine.refund_show(ledger=self.url).payments.to_pylist()
                 if row["payment_state"] == "RETURNED"]  # fmt: skip
        if found:
            day, chosen = self.day, found[:1] if one else []
            self._do(
                lambda: cape_engine.refund_reissue(ledger=self.url, on=day, payments=chosen, everything=not chosen)
            )

    @precondition(lambda self: self.last)
    @rule()
    def repeat(self) -> None:
        """The last command once more changes nothing at all."""
        before = world.head(self.url)
        self.done[-1]()
        assert world.head(self.url) == before

    @precondition(lambda self: len(self.done) > 1)
    @rule(which=st.integers(0, 30))
    def again(self, which: int) -> None:
        """Any earlier command once more, with its day and its files of then."""
        self.done[which % len(self.done)]()
        self.last = False

    @rule(days=st.integers(1, 3))
    def wait(self, days: int) -> None:
        """Working days go by."""
        days *= self.stride
        while days and self.day < self.last_day:
            self.day += dt.timedelta(days=1)
            days -= working(self.day)
        self.last = False

    @invariant()
    def balance(self) -> None:
        """Paid, held, offset, returned and on the way are principal and interest of every refund; nothing else is."""
        for row in cape_engine.refund_show(ledger=self.url).refunds.to_pylist():
            parts = ("paid_cents", "held_cents", "offset_cents", "returned_cents", "on_the_way_cents")
            assert sum(row[part] for part in parts) == row["principal_cents"] + row["interest_cents"], row

    @invariant()
    def nothing_twice(self) -> None:
        """What the bank was given, less what came back, is at most what is owed; no payment and no trace twice."""
        found = cape_engine.refund_show(ledger=self.url)
        owed = {row["refund"]: row["principal_cents"] + row["interest_cents"] - row["offset_cents"]
                for row in found.refunds.to_pylist()}  # fmt: skip
        payments = {row["payment"]: row for row in found.payments.to_pylist()}
        sent = given(self.folder / "out")
        assert len({row["payment"] for row in sent}) == len({row["trace"] for row in sent}) == len(sent)
        paid: Counter[str] = Counter()
        for row in sent:
            one = payments[row["payment"]]
            assert one["amount_cents"] == int(row["amount_cents"])
            if one["payment_state"] not in {"RETURNED", "REISSUED"}:
                paid[one["refund"]] += one["amount_cents"]
        assert all(paid[refund] <= owed[refund] for refund in paid), paid

    @invariant()
    def entries(self) -> None:
        """Entries stand where their refund stands, the ledger verifies, and no debt took more than it is."""
        with Ledger.open(self.url) as ledger:
            report = ledger.verify()
            assert report.ok, report.problems
            states = dict(
                zip(*(ledger.live().column(name).to_pylist() for name in ("entry_number", "state")), strict=True)
            )
            decided = ledger.decisions().select(["entry_number", "refund"]).to_pylist()
            taken: Counter[str] = Counter()
            for row in ledger.offsets().to_pylist():
                taken[row["debt"]] += row["amount_cents"]
            assert all(taken[row["debt"]] <= row["amount_cents"] for row in ledger.debts().to_pylist())
        shown = cape_engine.refund_show(ledger=self.url)
        stands = {row["refund"]: row["refund_state"] for row in shown.refunds.to_pylist()}
        for row in decided:
            assert states[row["entry_number"]] == stands[row["refund"]] == expected(shown, row["refund"])


def given(folder: Path) -> list[dict[str, str]]:
    """Everything that stands in files of sendings."""
    rows = []
    for path in sorted(folder.glob("payments-*.csv")):
        with path.open(newline="", encoding="utf-8") as stream:
            rows += list(csv.DictReader(stream))
    return rows


def expected(shown: cape_engine.PaymentsShown, refund: str) -> str:
    """Where a refund stands, told from its payments one by one (docs/payments.md)."""
    own = [row for row in shown.payments.to_pylist() if row["refund"] == refund]
    stands = {row["payment"]: row["payment_state"] for row in own}
    live = [row for row in own if row["payment_state"] not in {"REISSUED", "REPLACED"}]
    states = {row["payment_state"] for row in live}
    offset = any(row["refund"] == refund and row["offset_cents"] for row in shown.refunds.to_pylist())
    if not live:
        return "OFFSET"
    if "RETURNED" in states:
        return "RETURNED"
    if states <= {"ISSUED", "SETTLED"}:
        return "SETTLED" if states == {"SETTLED"} else "ISSUED"
    if any(stands.get(row["replaces"]) == "REISSUED" for row in live):
        return "REISSUED"
    for order in (("SENT_TO_TREASURY", "ISSUED", "SETTLED"), ("CERTIFIED", "SENT_TO_TREASURY", "ISSUED", "SETTLED")):
        if states <= set(order):
            return order[0]
    if offset:
        return "OFFSET"
    return "HELD_NO_ACH" if states == {"HELD_NO_ACH"} else "CONSOLIDATED"
