"""The commands of payments killed between and within their steps: repeated, they leave what they leave undisturbed."""

from __future__ import annotations

import datetime as dt
import os
import random
import shutil
from dataclasses import dataclass
from pathlib import Path

import pytest

import cape_engine
from cape_engine.ledger import Ledger
from cape_engine.outputs.files import sha256_of
from paying import dying, lateness, world
from paying.machine import COHORTS, DEBTS, LATER, A, B, C
from portal.killing import new_database

PASSES = max(1, int(os.environ.get("CAPE_TEST_KILLS", "90")) // 9)
LEDGER = "claims.ledger"


@dataclass(frozen=True, slots=True)
class Step:
    """A command with what an undisturbed one leaves: head of the chain, and files; how many points it passes."""

    words: tuple[str, ...]
    head: tuple[int, str]
    files: dict[str, str]
    points: int


def _files(folder: Path) -> dict[str, str]:
    """Hashes of the files of sendings."""
    return {path.name: sha256_of(path) for path in sorted((folder / "out").glob("payments-*"))}


def _lines(url: str, path: Path, kinds: dict[str, str], day: dt.date) -> str:
    """A file of the bank about every payment in some states, kind by state; of settled ones the first comes back."""
    rows: list[tuple[object, ...]] = []
    for row in cape_engine.refund_show(ledger=url).payments.to_pylist():
        kind = kinds.get(row["payment_state"])
        if kind is not None:
            back = kind == "settled" and not rows and "returned" in kinds.values()
            kind, reason = ("returned", "R03") if back else (kind, "")
            rows.append(("", row["trace"], kind, day, row["amount_cents"], reason))
    assert rows
    return str(world.bank_file(path, rows))


JUNE = [dt.date(2026, 6, number) for number in (23, 25, 26, 29)] + [dt.date(2026, 7, 1), dt.date(2026, 7, 6)]
LATE = [dt.date(2026, 8, number) for number in (18, 20, 21, 24, 26)] + [dt.date(2026, 9, 22)]
Story = tuple[Path, list[Step]]


@pytest.fixture(scope="module")
def story(tmp_path_factory: pytest.TempPathFactory) -> Story:
    """A ledger to begin with, and nine commands from enrolment to the settlement of what was reissued."""
    return _story(tmp_path_factory.mktemp("story"), JUNE, ())


@pytest.fixture(scope="module")
def late_story(tmp_path_factory: pytest.TempPathFactory) -> Story:
    """The same two months later, with interest for late payment booked by both sendings."""
    found = _story(tmp_path_factory.mktemp("late"), LATE, ("--set", "refund.late_interest=true"))
    assert lateness.check(str(found[0].parent / "undisturbed" / LEDGER)) > 2
    return found


def _story(folder: Path, days: list[dt.date], late: tuple[str, ...]) -> Story:
    """The story on some days."""
    begun = folder / "begun.ledger"
    world.populate(begun, COHORTS)
    place = folder / "undisturbed"
    place.mkdir()
    shutil.copy(begun, place / LEDGER)
    url = str(place / LEDGER)
    first = str(world.importers(folder / "first.csv", {A: "100000000", B: "200000000"}))
    second = str(world.importers(folder / "second.csv", {A: "300000000", C: "400000000"}))
    debts = folder / "debts.csv"
    debts.write_text("recipient,debt,creditor,amount_cents,order\n" + "\n".join(DEBTS))
    ledger = ("--ledger", LEDGER)
    assert days[0] > LATER
    steps: list[Step] = []

    def do(*words: object) -> None:
        made = ("refund", *map(str, words), *ledger)
        points = dying.undisturbed(made, place)
        steps.append(Step(made, world.head(url), _files(place), points))

    do("enrol", "--importers", first, "--on", days[0])
    do("release", "--on", days[0], "--debts", debts)
    do("send", "--on", days[1], "--out", "out", "--importers", first, *late)
    do("bank", _lines(url, folder / "issued.csv", {"SENT_TO_TREASURY": "issued"}, days[2]))
    kinds = {"ISSUED": "settled", "none": "returned"}
    do("bank", _lines(url, folder / "settled.csv", kinds, days[3]))
    do("reissue", "--on", days[4], "--all", "--importers", second)
    do("release", "--on", days[4])
    do("send", "--on", days[5], "--out", "out", "--importers", second, *late)
    do("bank", _lines(url, folder / "again.csv", {"SENT_TO_TREASURY": "issued"}, days[5]))
    assert len({step.head for step in steps}) == len(steps)
    assert len(steps[-1].files) == 2
    return begun, steps


def _killed(steps: list[Step], place: Path, url: str, seed: int, *, every: int = 1) -> None:
    """Every command, or every few, dies once, at a point that hangs on the seed, and is given again."""
    draw = random.Random(seed)
    for number, step in enumerate(steps):
        words = tuple(url if word == LEDGER else word for word in step.words)
        before = steps[number - 1].head if number else world.head(place / url if "://" not in url else url)
        if number % every == every - 1:
            assert dying.killed(words, place, draw.randint(1, step.points))
        where = url if "://" in url else place / url
        with Ledger.open(where) as ledger:
            with ledger.transaction():
                pass  # what a server still does for a process that is dead comes to its end first
            assert ledger.head() in (before, step.head), "a transaction counts in part"
        dying.undisturbed(words, place)
        assert world.head(where) == step.head
        assert _files(place) == step.files
    world.states(where)


def test_killed__short(story: Story, tmp_path: Path) -> None:
    """Every third of nine commands dies at some point; given again, chain and files are those of undisturbed ones."""
    shutil.copy(story[0], tmp_path / LEDGER)
    _killed(story[1], tmp_path, LEDGER, 1, every=3)


def test_killed__late(late_story: Story, tmp_path: Path) -> None:
    """Sendings that book interest for late payment die, too: it is booked once, and the chain is the same."""
    shutil.copy(late_story[0], tmp_path / LEDGER)
    _killed(late_story[1], tmp_path, LEDGER, 3, every=3)
    lateness.check(str(tmp_path / LEDGER))


@pytest.mark.heavy
def test_killed__late_at_many_points(late_story: Story, tmp_path: Path) -> None:
    """Each command of the late story dies at many points."""
    for seed in range(PASSES):
        place = tmp_path / str(seed)
        place.mkdir()
        shutil.copy(late_story[0], place / LEDGER)
        _killed(late_story[1], place, LEDGER, 100 + seed)
        lateness.check(str(place / LEDGER))


@pytest.mark.heavy
def test_killed(story: Story, tmp_path: Path) -> None:
    """Each command dies at many points."""
    for seed in range(PASSES):
        place = tmp_path / str(seed)
        place.mkdir()
        shutil.copy(story[0], place / LEDGER)
        _killed(story[1], place, LEDGER, seed)


@pytest.mark.heavy
@pytest.mark.postgres
def test_killed__postgres(story: Story, server: str, tmp_path: Path) -> None:
    """The same on PostgreSQL, where the server goes on without its client: the same chain to the last hash."""
    with Ledger.open(story[0]) as begun:
        begun.export(tmp_path / "tables")
    for seed in range(-(-PASSES // 5)):
        url = new_database(server, f"payments_{seed}", "template1")
        with Ledger.open(url) as ledger:
            ledger.import_(tmp_path / "tables")
        place = tmp_path / str(seed)
        place.mkdir()
        _killed(story[1], place, url, seed)
