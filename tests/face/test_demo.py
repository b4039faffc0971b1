"""`cape demo` and `cape bench generate`: days the generator knows, places that cannot be written, and Ctrl-C."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

import cape_fixtures
from cape_engine.cli import demo
from cape_engine.errors import Stopped
from cape_fixtures import FIRST_FILING, LAST_FILING
from face.exports import DAY
from road import es003

Capture = pytest.CaptureFixture[str]


@pytest.mark.parametrize("day", ["2026-11-20", "2026-04-01"])
def test_demo__day_without_a_known_answer(day: str, tmp_path: Path, capsys: Capture) -> None:
    """A filing day the generator has no answer for is refused with the days it has, before anything is made."""
    said = es003.cape(capsys, "demo", "--as-of", day, "--out", tmp_path / "out")
    assert (said.code, said.out) == (2, "")
    assert f"from {FIRST_FILING} to {LAST_FILING}, not for {day}" in said.err
    assert not (tmp_path / "out").exists()


def test_demo__help_says_the_days(capsys: Capture) -> None:
    """The help names the first and the last filing day, as the generator has them."""
    said = es003.cape(capsys, "demo", "--help")
    assert f"Filing day, {FIRST_FILING} to {LAST_FILING}." in " ".join(said.out.split())
    for day in (FIRST_FILING, LAST_FILING):
        assert cape_fixtures.generate(1, as_of=day).as_of == day


def test_demo__negative_seed(tmp_path: Path, capsys: Capture) -> None:
    """A seed below 0 is refused as a wrong value of its option."""
    said = es003.cape(capsys, "demo", "--seed", "-1", "--out", tmp_path / "out")
    assert (said.code, "--seed" in said.err) == (2, True)


@pytest.mark.parametrize("words", [["demo", "--entries", "5"], ["bench", "generate", "--scale", "0.0001"]])
def test_generate__place_that_cannot_be_written(words: list[str], tmp_path: Path, capsys: Capture) -> None:
    """Files that cannot be written are exit code 3 with the next step, as for results of a run."""
    taken = tmp_path / "taken"
    taken.write_text("mine", encoding="utf-8")
    said = es003.cape(capsys, *words, "--out", taken / "below")
    assert said.code == 3
    assert "run the same command again" in said.err
    assert taken.read_text(encoding="utf-8") == "mine"


def test_generate__is_watched_between_blocks() -> None:
    """The watcher is asked before each 4,096 entries, and what it raises ends the generation."""
    asked: list[int] = []

    def watch() -> None:
        asked.append(len(asked))
        if len(asked) == 2:
            raise Stopped("enough")

    with pytest.raises(Stopped):
        cape_fixtures.generate(3 * 4_096, as_of=DAY, watch=watch)
    assert asked == [0, 1]


def test_demo__signal_while_entries_are_made() -> None:
    """A signal that came while entries are made ends the demo with the way on."""
    stop = threading.Event()
    stop.set()
    with pytest.raises(Stopped, match="run the same command again"):
        demo._generated(1, 1, DAY, stop)
