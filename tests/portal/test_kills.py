"""`cape check`, `cape pack` and `cape answers` killed at random moments: all counts or nothing."""

from __future__ import annotations

import datetime as dt
import os
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import count
from pathlib import Path

import pytest

from cape_engine import intake, rules
from cape_engine.cli import invoke
from cape_engine.settings import Settings
from packing.world import Portal
from portal import shapes
from portal.killing import AIMS, LEDGER, Command, Place, State, Times, claims, finished, killed, part_way, state

pytestmark = pytest.mark.heavy

KILLS = int(os.environ.get("CAPE_TEST_KILLS", "105"))  # on SQLite, a third of each command; a fifth on PostgreSQL
AT_ONCE = 2
DAY = dt.date(2026, 5, 4)
NEXT = DAY + dt.timedelta(days=1)
OTHER = "98-765432100"
GOOD = [shapes.number(serial) for serial in range(1, 301)]
THEIRS = [shapes.number(serial, "XYZ") for serial in range(1, 151)]
BAD = [shapes.number(serial) for serial in range(401, 431)]
ABSENT = shapes.number(999)
FAILING = {
    number: "UNABLE TO CALCULATE DUTY" if place % 2 else "SOMETHING NEW" for place, number in enumerate(GOOD[::5])
}
RESULT_HEADINGS = "reports.columns.validation_result=file_name=File,entry_number=Entry Number,error_message=Reason"
PACK = ("pack", "--threads", "1", "--set", "claim.max_entries=60", "--set", "claim.unknown_facts=pass")


@dataclass(frozen=True, slots=True)
class Scene:
    """A command, where it begins, and what undisturbed calls leave.

    Attributes:
        command: its words.
        times: how long it takes undisturbed.
        start: where it begins.
        stages: what stands there at first, after the command, and after its repetition.
    """

    command: Command
    times: Times
    start: Place
    stages: tuple[State, State, State]


def run(words: tuple[object, ...], place: Place) -> None:
    """A command in this process, undisturbed."""
    assert invoke([*map(str, words), *place.words, "--quiet"]) in {0, 1}


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Entries of two importers, each with a filer of its own, and some without IEEPA duty."""
    folder = tmp_path_factory.mktemp("entries")
    goods: dict[str, dict[str, str]] = {number: {} for number in GOOD}
    goods |= {number: {"importer": OTHER} for number in THEIRS} | {number: {"goods": "exempt_only"} for number in BAD}
    rows = [shapes.export(folder / "rows.csv", goods)]
    place = folder / "store"
    intake.build_store(rows, place, headers=(), ruleset=rules.load(), settings=Settings.build(), partition_lines=100)
    return place


def _new(folder: Path, name: str) -> Place:
    """A place where nothing stands."""
    (folder / name / "out").mkdir(parents=True)
    return Place.of(folder / name)


def _checks(store: Path, folder: Path) -> tuple[Command, list[Place]]:
    """Four declarations; some of their entries stand twice, fail, are unknown or belong to others, one file is none."""
    common = ("--store", str(store), "--as-of", str(DAY), "--as-filer", "ABC", "--threads", "1")
    listed = {
        "first": [*GOOD[:150], *BAD[:10]],
        "second": [*GOOD[130:280], ABSENT],
        "strange": [*GOOD[280:], *THEIRS[:20]],
        "old": [*GOOD[:5], *GOOD[290:], *BAD[20:]],
    }
    paths = {name: str(shapes.declaration(folder / f"{name}.csv", entries)) for name, entries in listed.items()}
    (folder / "broken.csv").write_text("Entry\n1\n", encoding="utf-8")
    empty, later = _new(folder, "check_empty"), _new(folder, "check_later")
    run(("check", paths.pop("old"), *common), later)
    return Command(("check", *paths.values(), str(folder / "broken.csv"), *common), "answering"), [empty, later]


def _packs(store: Path, folder: Path) -> tuple[Command, list[Place]]:
    """Two importers' entries; later those that were held back or failed since."""
    common = (*PACK, "--store", str(store), "--as-of")
    held = shapes.declaration(folder / "held.csv", GOOD[200:260])
    empty, later = _new(folder, "pack_empty"), _new(folder, "pack_later")
    run((*common, DAY - dt.timedelta(days=2), "--hold", held), later)
    Portal(FAILING).answer(sorted((later.out / "declarations").iterdir()), folder / "details.csv")
    words = ["answers", str(folder / "details.csv"), "--as-of", str(DAY - dt.timedelta(days=1))]
    assert invoke([*words, "--ledger", later.url, "--quiet"]) == 1
    return Command((*common, str(DAY)), "packing declarations"), [empty, later]


def _answers(store: Path, folder: Path) -> tuple[Command, list[Place]]:
    """Claim Details of two lots of declarations, and a Validation Result File; later the first lot is known."""
    sent = _new(folder, "answers_sent")
    run((*PACK, "--store", store, "--as-of", DAY), sent)
    files = sorted((sent.out / "declarations").iterdir())
    portal, details = Portal(FAILING), [folder / "one.csv", folder / "two.csv"]
    portal.answer(files[:4], details[0])
    portal.answer(files[4:-1], details[1])
    (folder / "result.csv").write_text(f"File,Entry Number,Reason\n{files[-1].name},,Submitter is not the filer\n")
    empty = Place.of(sent.folder.with_name("answers_empty"))
    empty.out.mkdir(parents=True)
    Path(sent.url).rename(empty.url)
    later = empty.copy("answers_later")
    common = ("--as-of", str(NEXT), "--set", RESULT_HEADINGS)
    run(("answers", details[0], *common), later)
    words = ("answers", *map(str, details), str(folder / "result.csv"), *common)
    return Command(words, "moving entries"), [empty, later]


SCENES: dict[str, Callable[[Path, Path], tuple[Command, list[Place]]]] = {
    "check": _checks,
    "pack": _packs,
    "answers": _answers,
}


@pytest.fixture(scope="module", params=SCENES)
def scenes(request: pytest.FixtureRequest, store: Path, tmp_path_factory: pytest.TempPathFactory) -> list[Scene]:
    """A command on two places, timed on the first; its repetition leaves all claims alone, and the next everything."""
    folder = tmp_path_factory.mktemp(request.param)
    command, starts = SCENES[request.param](store, folder)
    timed = starts[0].copy(f"{request.param}_timed")
    times = finished(command, timed)
    found = []
    for start in starts:
        place = start.copy(f"{start.folder.name}_whole")
        states = [state(place)]
        for _ in range(3):
            run(command.words, place)
            states.append(state(place))
        before, once, twice, thrice = states
        assert claims(before.ledger) != claims(once.ledger) == claims(twice.ledger)
        assert twice == thrice
        found.append(Scene(command, times, start, (before, once, twice)))
    assert state(timed) == found[0].stages[1]
    return found


def _disturbed(scene: Scene, start: Place, seed: int) -> tuple[Place, str]:
    """Kill the command and give it again; a kill that comes too late does not count.

    Returns:
        Where, and what the kill left.
    """
    before, once, twice = scene.stages
    for attempt in count():
        place = start.copy(f"{start.folder.name}_{seed}_{attempt}")
        if not killed(scene.command, place, scene.times, seed, attempt):
            continue
        left = part_way(place, state(place), before, once)
        finished(scene.command, place)
        assert state(place) == (twice if left == "recorded" else once), left
        beside = {item.name for item in place.folder.iterdir() if not item.name.startswith(f".{LEDGER}.new-")}
        assert beside == {"out", LEDGER} - ({LEDGER} if "://" in place.url else set())
        return place, left
    raise AssertionError


def _kill(scenes: list[Scene], starts: list[Place], kills: int) -> Counter[str]:
    """Kill on both places in turn, then repeat each command once more; how often a kill left what."""
    chosen = [(seed + seed // len(AIMS)) % 2 for seed in range(kills)]
    with ThreadPoolExecutor(AT_ONCE) as pool:
        found = list(pool.map(lambda seed: _disturbed(scenes[chosen[seed]], starts[chosen[seed]], seed), range(kills)))
    for which, (place, _) in zip(chosen, found, strict=True):
        run(scenes[which].command.words, place)
        assert state(place) == scenes[which].stages[2]
    left = Counter(word for _, word in found)
    print(scenes[0].command.words[0], dict(left))  # noqa: T201 - shown with -s
    assert sum(left.values()) - left["untouched"] - left["recorded"] >= max(1, kills // 5), left
    return left


def test_killed(scenes: list[Scene]) -> None:
    """On SQLite all or nothing of a killed command counts; given again it leaves what it leaves undisturbed.

    Files that do not count lie in a staging folder, in a folder without a manifest, or are whole and not recorded yet.
    """
    left = _kill(scenes, [scene.start for scene in scenes], max(2, KILLS // 3))
    assert left["recorded"] or KILLS < 60, "no kill came between the commit and the end"


@pytest.mark.postgres
def test_killed__postgres(scenes: list[Scene], server: str, tmp_path: Path) -> None:
    """The same on PostgreSQL, where the server goes on without its client."""
    starts = [scene.start.on_server(server, tmp_path) for scene in scenes]
    _kill(scenes, starts, max(1, KILLS // 15))
