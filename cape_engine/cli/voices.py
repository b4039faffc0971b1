"""Standard output and error where nobody takes them: closed, on a full disk, or left by their reader."""

from __future__ import annotations

import contextlib
import errno
import os
import sys
from collections.abc import Iterator
from typing import Any, TextIO, cast

from cape_engine.errors import OutputError


class Voice:
    """A standard stream that may always be written to: a command ends its work whether or not it is heard.

    Args:
        stream: to which everything goes until it is refused.
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._refused: OSError | None = None

    def __getattr__(self, name: str) -> Any:
        """What asks about the stream (its encoding, whether it is a terminal) asks the stream itself."""
        return getattr(self._stream, name)

    def write(self, text: str) -> int:
        """Write; what nobody takes is dropped."""
        try:
            return self._stream.write(text)
        except OSError as error:
            self._give_up(error)
            return len(text)

    def flush(self) -> None:
        """Hand on what was written."""
        try:
            self._stream.flush()
        except OSError as error:
            self._give_up(error)

    def lost(self) -> OutputError | None:
        """What to say when something was not taken; a reader that had enough and left, as `head` does, is no loss."""
        self.flush()
        if self._refused is None or self._refused.errno == errno.EPIPE:
            return None
        why = self._refused.strerror or str(self._refused)
        return OutputError(
            f"standard output could not be written ({why}); what went into folders is whole: free the disk, or send "
            "the output elsewhere, and run the same command again"
        )

    def _give_up(self, error: OSError) -> None:
        """Remember the first refusal, and let all that follows go nowhere, also what the stream still holds."""
        self._refused = self._refused or error
        with contextlib.suppress(OSError, ValueError):
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, self._stream.fileno())
            os.close(nowhere)


@contextlib.contextmanager
def voices() -> Iterator[Voice]:
    """Standard streams that refuse nothing; gives that of standard output."""
    _reopen()
    before = sys.stdout, sys.stderr
    out, err = (Voice(stream or _nowhere()) for stream in before)
    sys.stdout, sys.stderr = cast("TextIO", out), cast("TextIO", err)
    try:
        yield out
    finally:
        sys.stdout, sys.stderr = before


def _reopen() -> None:
    """Open closed standard streams to nowhere: the next file of results would take their numbers, and our words."""
    for number in (0, 1, 2):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # takes the lowest number that is free


def _nowhere() -> TextIO:
    """A stream that nobody reads."""
    return os.fdopen(os.open(os.devnull, os.O_WRONLY), "w", encoding="utf-8")
