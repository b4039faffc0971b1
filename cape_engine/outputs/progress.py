"""How a run says where it is: a small protocol that the command line turns into bars or JSON events."""

from __future__ import annotations

from typing import Protocol


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
