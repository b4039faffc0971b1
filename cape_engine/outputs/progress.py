"""How a run says where it is: a small protocol that the command line turns into bars or JSON events."""

from __future__ import annotations

import threading
from typing import Protocol

from cape_engine.errors import Stopped


class Progress(Protocol):
    """What a long piece of work reports to whoever watches."""

    def stage(self, name: str, total: int | None = None) -> None:
        """A stage begins; `total` is the number of steps, if known."""

    def advance(self, steps: int = 1) -> None:
        """Some steps of the current stage are done."""


class Silent:
    """Nobody watches."""

    def stage(self, name: str, total: int | None = None) -> None:
        """Say nothing."""

    def advance(self, steps: int = 1) -> None:
        """Say nothing."""


class Stoppable:
    """Passes on what is reported, and ends the work at the next report once a signal has come."""

    def __init__(self, watcher: Progress, stop: threading.Event | None) -> None:
        self._watcher = watcher
        self._stop = stop or threading.Event()

    def stage(self, name: str, total: int | None = None) -> None:
        """Begin a stage, unless the work is to stop."""
        self._end_if_asked()
        self._watcher.stage(name, total)

    def advance(self, steps: int = 1) -> None:
        """Say that steps are done, and stop there if asked to."""
        self._watcher.advance(steps)
        self._end_if_asked()

    def _end_if_asked(self) -> None:
        if self._stop.is_set():
            raise Stopped("stopped by a signal; nothing half-written counts: run the same command again")
