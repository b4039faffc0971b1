"""One process at a time writes to a store."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from pathlib import Path

import pytest

from cape_engine.errors import OutputError
from cape_engine.store import Store, StoreWriter
from cape_engine.store.adding import Addition
from cape_engine.store.claim import LOCK, claim

fcntl = pytest.importorskip("fcntl", reason="this system has no such locks")

HOLD = """
import sys, time
from pathlib import Path
from cape_engine.store.claim import claim
held = claim(Path(sys.argv[1]))
print("held", flush=True)
time.sleep(600)
"""


def made(folder: Path) -> Store:
    """A store without entries."""
    return StoreWriter(folder).finish([], [])


def test_two_writers__the_second_is_refused(tmp_path: Path) -> None:
    """What the first wrote stays; when it is done, the folder is free, with nothing left behind."""
    first = StoreWriter(tmp_path / "store")
    with pytest.raises(OutputError, match=r"another import writes this store; run the same command when it is done"):
        StoreWriter(tmp_path / "store")
    first.finish([], [])
    assert not (tmp_path / "store" / LOCK).exists()
    made(tmp_path / "store")


def test_two_additions__the_second_is_refused_and_reads_what_the_first_wrote(tmp_path: Path) -> None:
    """Both would write a manifest of their own, and the partitions of one of them would be lost."""
    made(tmp_path / "store")
    first = Addition(tmp_path / "store")
    for writer in (Addition, StoreWriter):
        with pytest.raises(OutputError, match="another import writes this store"):
            writer(tmp_path / "store")
    first.finish([], {}, [], [])
    first.close()
    second = Addition(tmp_path / "store")
    assert second.generation == first.generation + 1
    second.close()
    assert not (tmp_path / "store" / LOCK).exists()


def test_held_by_a_process_that_is_killed(tmp_path: Path) -> None:
    """The claim of another process counts, and ends with it; the file that it leaves is no stranger."""
    made(tmp_path / "store")
    with subprocess.Popen([sys.executable, "-c", HOLD, str(tmp_path / "store")], stdout=subprocess.PIPE) as other:
        assert other.stdout is not None
        other.stdout.readline()
        with pytest.raises(OutputError, match="another import writes this store"):
            StoreWriter(tmp_path / "store")
        other.kill()
    assert (tmp_path / "store" / LOCK).exists()
    made(tmp_path / "store")


def test_strangers__no_lock_is_left(tmp_path: Path) -> None:
    """A folder that is no store is left as it was."""
    (tmp_path / "letter.txt").write_text("x")
    with pytest.raises(Exception, match="is not a store"):
        StoreWriter(tmp_path)
    assert [item.name for item in tmp_path.iterdir()] == ["letter.txt"]


def test_taken_away_in_between(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A lock on a file that its holder took away while another opened it holds nothing: it is made again."""
    real = fcntl.flock
    opened: list[int] = []

    def late(handle: int, how: int) -> None:
        if not opened:
            opened.append(handle)
            (tmp_path / LOCK).unlink()  # the holder closes right now
        real(handle, how)

    monkeypatch.setattr(fcntl, "flock", late)
    held = claim(tmp_path)
    with pytest.raises(OutputError):
        claim(tmp_path)
    held.close()


def test_without_locks__everybody_may(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file system that knows no locks is no reason not to work; any other trouble is told."""

    def refused(_handle: int, _how: int) -> None:
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    monkeypatch.setattr(fcntl, "flock", refused)
    made(tmp_path / "store")

    def broken(_handle: int, _how: int) -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    monkeypatch.setattr(fcntl, "flock", broken)
    with pytest.raises(OutputError, match="cannot be written"):
        made(tmp_path / "store")
