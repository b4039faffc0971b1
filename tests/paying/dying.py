"""A command in a process of its own that kills itself at a chosen point: before or after any word to the database."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from cape_engine.cli import invoke
from cape_engine.ledger.sqlite import SQLite

_WATCHED = ("run", "insert", "commit")


class Points:
    """Counts the points that a process passes, and ends it at one of them as a power cut would."""

    def __init__(self, last: int | None) -> None:
        self.passed = 0
        self._last = last

    def reached(self) -> None:
        """One more point."""
        self.passed += 1
        if self.passed == self._last:
            os.kill(os.getpid(), signal.SIGKILL)

    def watch(self, owner: type, name: str) -> None:
        """Points before and after every call of a method."""
        method: Callable[..., Any] = getattr(owner, name)

        def watched(*args: Any, **more: Any) -> Any:
            self.reached()
            found = method(*args, **more)
            self.reached()
            return found

        setattr(owner, name, watched)


def main(words: Sequence[str]) -> int:
    """Run a command; the first word is the point at which it dies."""
    points = Points(int(words[0]))
    databases: list[type] = [SQLite]
    if any("://" in word for word in words):
        from cape_engine.ledger.postgresql import Postgres

        databases.append(Postgres)
    for database in databases:
        for name in _WATCHED:
            points.watch(database, name)
    points.watch(type(Path()), "replace")
    return invoke([*words[1:], "--quiet"])


def undisturbed(words: Sequence[str], folder: Path) -> int:
    """A command in a folder, in this process; how many points it passes."""
    points = Points(None)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        for owner, names in ((SQLite, _WATCHED), (type(Path()), ("replace",))):
            for name in names:
                patch.setattr(owner, name, getattr(owner, name))  # so that it is put back
                points.watch(owner, name)
        assert invoke([*words, "--quiet"]) in {0, 1}
    return points.passed


def killed(words: Sequence[str], folder: Path, point: int) -> bool:
    """A command in a folder, in a process of its own, which dies at a point; whether it did.

    Args:
        words: of the command.
        folder: where it works.
        point: where it dies, from 1.
    """
    paths = os.pathsep.join(str(Path(path).resolve()) for path in sys.path if path)
    done = subprocess.run(
        [sys.executable, "-m", "paying.dying", str(point), *words], cwd=folder, stdin=subprocess.DEVNULL,
        capture_output=True, text=True, check=False, timeout=600, env={**os.environ, "PYTHONPATH": paths},
    )  # fmt: skip
    return done.returncode == -signal.SIGKILL


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
