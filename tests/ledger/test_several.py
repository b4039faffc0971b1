"""Several at once, and writers that die: nothing lost, nothing half there, nobody waits without being told."""

from __future__ import annotations

import datetime as dt
import json
import os
import random
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pyarrow as pa
import pytest

from cape_engine.errors import LedgerLockedError
from cape_engine.ledger import Ledger, Submission, reading
from reference.ledger_story import STEPS, tell

Numbers = Callable[..., list[str]]
Submit = Callable[..., Submission]
DAY = dt.date(2026, 5, 5)
ROOT = [path for path in sys.path if path]


def test_reader__sees_one_moment(url: str, numbers: Numbers, submit: Submit) -> None:
    """A reader goes on while another writes, sees nothing of what is not committed, and all of it afterwards."""
    with Ledger.open(url) as writer, Ledger.open(url, read_only=True) as reader:
        writer.record(submit(numbers(3)))
        with writer.transaction():
            writer.record(submit(numbers(3, start=50), file="b"))
            assert writer.live().num_rows == 6
            assert reader.live().num_rows == 3
            assert reader.verify().ok
        assert reader.live().num_rows == 6


def test_reader__asks_about_some(url: str, numbers: Numbers, submit: Submit) -> None:
    """A ledger opened for reading answers about some entries as about all, time and again."""
    with Ledger.open(url) as writer, Ledger.open(url, read_only=True) as reader:
        writer.record(submit(numbers(3)))
        for wanted in (numbers(2), numbers(1), [], numbers(3)):
            asked = pa.array(wanted, pa.string())
            assert reader.live(asked)["entry_number"].to_pylist() == wanted
            assert reader.claims(entry_numbers=asked).num_rows == len(wanted)


def test_reader__snapshot_of_several_questions(url: str, numbers: Numbers, submit: Submit, tmp_path: Path) -> None:
    """An export that begins before a commit carries nothing of it, in no table."""
    with Ledger.open(url) as writer, Ledger.open(url) as reader:
        writer.record(submit(numbers(3)))
        with reader._reading() as database:
            before = database.rows("SELECT count(*) FROM links")
            writer.record(submit(numbers(3, start=50), file="b"))
            assert database.rows("SELECT count(*) FROM links") == before
            assert database.rows("SELECT max(entries) FROM declarations") == [(3,)]
            assert reading.live_numbers(database).to_pylist() == sorted(numbers(3))
        assert reader.show().links == 2


def test_writers__queue(url: str, numbers: Numbers, submit: Submit) -> None:
    """Four writers at once: each waits for the others, every declaration counts, and the chain is one."""
    Ledger.open(url).close()
    wrong: list[BaseException] = []

    def write(name: int) -> None:
        try:
            with Ledger.open(url) as ledger:
                for turn in range(3):
                    start = 1 + 1000 * name + 10 * turn
                    ledger.record(submit(numbers(4, start=start), file=f"{name}-{turn}"))
                    ledger.move(pa.array(numbers(2, start=start)), "STRIPPED", on_day=DAY, who=f"w{name}")
        except BaseException as error:  # noqa: BLE001 - told below
            wrong.append(error)

    threads = [threading.Thread(target=write, args=(name,)) for name in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []
    with Ledger.open(url) as ledger:
        shown = ledger.show()
        assert (shown.declarations, shown.links, shown.states) == (12, 24, {"ACCEPTED": 24, "STRIPPED": 24})
        assert ledger.verify().ok


def test_writers__same_entry(url: str, numbers: Numbers, submit: Submit) -> None:
    """Two that claim the same entries at the same moment: one gets each entry, the other is told."""
    Ledger.open(url).close()
    made: dict[str, int] = {}
    ready = threading.Barrier(2)

    def claim(name: str) -> None:
        with Ledger.open(url) as ledger:
            ready.wait()
            made[name] = ledger.record(submit(numbers(50), file=name, filer=name)).duplicates.num_rows

    threads = [threading.Thread(target=claim, args=(name,)) for name in ("ABC", "XYZ")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(made.values()) == [0, 50]
    with Ledger.open(url) as ledger:
        assert ledger.live().num_rows == 50
        assert ledger.verify().ok


def test_writer__lock_times_out(url: str, numbers: Numbers, submit: Submit) -> None:
    """Who waits in vain is told how long it waited, that nothing changed, and what to do; exit code 3."""
    with Ledger.open(url) as holder, Ledger.open(url, timeout_seconds=0.3) as waiting:
        holder.record(submit(numbers(1)))
        with holder.transaction():
            begun = time.monotonic()
            with pytest.raises(LedgerLockedError, match=r"writing for 0\.3 s\. Nothing was changed") as caught:
                waiting.record(submit(numbers(1, start=9), file="b"))
            assert 0.2 < time.monotonic() - begun < 10
            assert caught.value.exit_code == 3
            assert waiting.live().num_rows == 1
        assert waiting.record(submit(numbers(1, start=9), file="b")).new


# --- killed -----------------------------------------------------------------------------------------------------------

WORKER = """
import json, os, signal, sys
sys.path[:0] = json.loads(sys.argv[1])
from reference.ledger_story import tell
jobs = json.loads(sys.argv[2])
for url, left in jobs:
    child = os.fork()
    if child == 0:
        tell(url, left)
        os._exit(0)
    os.waitpid(child, 0)
"""


def _killed(jobs: list[tuple[str, int]]) -> None:
    """Tell the story to each ledger in a process that kills itself after so many steps of the database."""
    command = [sys.executable, "-c", WORKER, json.dumps(ROOT), json.dumps(jobs)]
    # Another seed than ours: what a set is walked in must not reach the chain.
    subprocess.run(command, check=True, timeout=900, env={**os.environ, "PYTHONHASHSEED": "3"})


def _completes(url: str, head: str) -> None:
    """What a dead writer left verifies; the same story again ends where the undisturbed one did."""
    with Ledger.open(url) as ledger:
        report = ledger.verify()
        assert report.ok, report.problems
    tell(url)
    with Ledger.open(url) as ledger:
        report = ledger.verify()
        assert report.ok, report.problems
        assert report.head == head


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, int]:
    """Head of the ledger after the whole story, and how many steps of the database it takes."""
    place = str(tmp_path_factory.mktemp("story") / "whole.ledger")
    steps = tell(place)
    assert tell(place) < steps
    with Ledger.open(place) as ledger:
        report = ledger.verify()
        assert report.ok, report.problems
        return report.head, steps


def test_killed__between_steps(tmp_path: Path, undisturbed: tuple[str, int]) -> None:
    """A writer that dies between two steps leaves a whole ledger, and the same command again completes."""
    head, steps = undisturbed
    places = sorted(random.Random(4).sample(range(steps), int(os.environ.get("CAPE_TEST_KILLS", "6"))))
    jobs = [(str(tmp_path / f"{place}.ledger"), place) for place in places]
    _killed(jobs)
    for url, _ in jobs:
        _completes(url, head)


@pytest.mark.heavy
def test_killed__between_any_two_steps(tmp_path: Path, undisturbed: tuple[str, int]) -> None:
    """The same for every single step of the story."""
    head, steps = undisturbed
    jobs = [(str(tmp_path / f"{place}.ledger"), place) for place in range(steps)]
    _killed(jobs)
    for url, _ in jobs:
        _completes(url, head)


@contextmanager
def _teller(url: str) -> Iterator[subprocess.Popen[bytes]]:
    """The story, told over and over with new files by a process of its own."""
    code = (
        "import json, sys; sys.path[:0] = json.loads(sys.argv[1]); "
        "from reference.ledger_story import tell_on; tell_on(sys.argv[2])"
    )
    process = subprocess.Popen([sys.executable, "-c", code, json.dumps(ROOT), url], stdout=subprocess.PIPE)
    try:
        yield process
    finally:
        process.kill()
        process.wait()
        if process.stdout is not None:
            process.stdout.close()


def _kill_at_random(url: str, times: int) -> None:
    """Kill a writer again and again while it writes; after each, the ledger verifies."""
    chance = random.Random(17)
    for _ in range(times):
        with _teller(url) as process:
            assert process.stdout is not None
            process.stdout.readline()
            time.sleep(chance.random() * 0.25)
            process.kill()
            process.wait()
        with Ledger.open(url) as ledger:
            report = ledger.verify()
            assert report.ok, report.problems
            live = ledger.live()["entry_number"].to_pylist()
            assert len(set(live)) == len(live)


@pytest.mark.heavy
def test_killed__at_random(tmp_path: Path) -> None:
    """SIGKILL at random moments, in the middle of pages too: the one ledger stays whole through all of them."""
    _kill_at_random(str(tmp_path / "l"), int(os.environ.get("CAPE_TEST_KILLS", "25")))


@pytest.mark.heavy
@pytest.mark.postgres
def test_killed__postgres(postgres: str, undisturbed: tuple[str, int]) -> None:
    """The same on PostgreSQL: between steps, and at random moments."""
    head, steps = undisturbed
    _kill_at_random(postgres, int(os.environ.get("CAPE_TEST_KILLS", "20")))
    assert steps >= STEPS
    assert head
