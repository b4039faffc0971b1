"""Calls made in order in a thread beside: nothing is lost, and after a failure nothing follows."""

from __future__ import annotations

import threading

import pytest

from cape_engine.outputs.growing import InOrder


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
