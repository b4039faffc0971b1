"""Calls made in order in a thread beside: nothing is lost, and after a failure nothing follows."""

from __future__ import annotations

import os
import threading
from pathlib import Path

import pytest

from cape_engine.outputs.growing import READ_BYTES, GrowingFile, InOrder


def test_in_order__one_after_the_other_in_one_thread() -> None:
    """Calls keep their order and share a thread that is not the caller's; `wait` ends once they were made."""
    line, made = InOrder(), list[tuple[int, int]]()
    for number in range(100):
        line.add(lambda n: made.append((n, threading.get_ident())), number)
    line.wait()
    assert [number for number, _ in made] == list(range(100))
    assert len({thread for _, thread in made} - {threading.get_ident()}) == 1
    line.close()


def test_in_order__waits_until_few_are_left() -> None:
    """With a number, `wait` returns while the last of them still wait."""
    line, gate, made = InOrder(), threading.Event(), list[int]()
    line.add(made.append, 1)
    line.add(gate.wait, 10)
    line.add(made.append, 2)
    line.wait(2)
    assert made == [1]
    gate.set()
    line.close()
    assert made == [1, 2]


def test_in_order__a_failure_shows_and_nothing_follows() -> None:
    """What a call raised comes out of `wait`; calls behind it are refused, not made."""
    line, made = InOrder(), list[int]()

    def fails() -> None:
        raise OSError("disk full")

    line.add(made.append, 1)
    line.add(fails)
    behind = line.add(made.append, 2)
    with pytest.raises(OSError, match="disk full"):
        line.wait()
    line.close()
    assert made == [1]
    assert isinstance(behind.exception(), RuntimeError)


@pytest.mark.parametrize("trouble", [None, OSError("no such advice"), AttributeError("posix_fadvise")])
def test_copy__range_whole_and_forgotten(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, trouble: Exception | None
) -> None:
    """The bytes are those of the range; the system is told of just these, and may refuse to listen."""
    content = os.urandom(2 * READ_BYTES + 100)
    (tmp_path / "old").write_bytes(content)
    told: list[tuple[int, int]] = []

    def advise(_handle: int, start: int, length: int, _advice: int) -> None:
        if trouble is not None:
            raise trouble
        told.append((start, length))

    monkeypatch.setattr(os, "posix_fadvise", advise, raising=False)
    monkeypatch.setattr(os, "POSIX_FADV_DONTNEED", 4, raising=False)
    file = GrowingFile(tmp_path / "new")
    with (tmp_path / "old").open("rb") as source:
        file.copy(source.fileno(), 50, len(content) - 100, lambda _block: None)
    file.close()
    assert (tmp_path / "new").read_bytes() == content[50:-50]
    assert told == ([(50, len(content) - 100)] if trouble is None else [])
