"""Bytes that pass by the memory of the system: the same files, whatever the sizes, and no error is lost."""

from __future__ import annotations

import errno
import hashlib
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from cape_engine import disk
from cape_engine.disk import BLOCK_BYTES
from cape_engine.errors import OutputError
from cape_engine.outputs.growing import GrowingFile
from cape_engine.outputs.journal import ResultJournal
from cape_engine.outputs.part_index import read_index
from cape_engine.outputs.part_sources import ATTEMPT, INDEX, RUN
from cape_engine.outputs.row_groups import EncodedPart, RowGroups
from cape_engine.outputs.straight import LARGE_BYTES, Rooms, Straight

MIB = 1 << 20


@pytest.fixture
def direct(tmp_path: Path) -> None:
    """A disk that takes such writes and reads."""
    path = tmp_path / "probe"
    path.write_bytes(b"")
    try:
        os.close(os.open(path, os.O_RDWR | os.O_DIRECT))
    except (AttributeError, OSError) as error:
        pytest.skip(f"the system or this disk knows no such writes ({error})")


def failing(call: Callable[..., int], code: int, after: int = 0) -> Callable[..., int]:
    """A call that fails for handles opened in this special way, from some call on."""
    calls = [0]

    def wrapped(handle: int, *rest: Any) -> int:
        if _is_direct(handle):
            calls[0] += 1
            if calls[0] > after:
                raise OSError(code, os.strerror(code))
        return call(handle, *rest)

    return wrapped


def _is_direct(handle: int) -> bool:
    """Whether a handle passes by the memory of the system."""
    flags = Path(f"/proc/self/fdinfo/{handle}").read_text(encoding="ascii").split("flags:")[1].split()[0]
    return bool(int(flags, 8) & os.O_DIRECT)


@pytest.mark.parametrize("known", [True, False])
@pytest.mark.parametrize("offset", [0, 1, 4095, 4096, 5000])
def test_write__any_sizes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, offset: int, known: bool) -> None:
    """Pieces below and above what goes straight, at and off the beginning of a block, hashed as they stand."""
    if not known:
        monkeypatch.setattr(disk, "STRAIGHT", 0)
    sizes = [offset, 100, LARGE_BYTES, LARGE_BYTES + 2 * BLOCK_BYTES - 1, 5 * MIB + 17, 3, 9 * MIB, BLOCK_BYTES]
    pieces = [os.urandom(size) for size in sizes]
    file = GrowingFile(tmp_path / "grown")
    for piece in pieces:
        file.write(memoryview(piece))
    file.settle()
    assert (tmp_path / "grown").read_bytes() == b"".join(pieces)
    assert file.size == sum(sizes)
    file.sync()
    assert file.sha256() == hashlib.sha256(b"".join(pieces)).hexdigest()
    file.close()
    again = GrowingFile(tmp_path / "grown", keep=offset + 100 + LARGE_BYTES)
    again.write(pieces[4])
    again.close()
    assert (tmp_path / "grown").read_bytes() == b"".join(pieces[:3]) + pieces[4]


@pytest.mark.parametrize("trouble", ["none", "not known", "refused at once", "refused later"])
@pytest.mark.parametrize(("start", "length"), [(0, 70 * MIB), (4097, 12 * MIB + 5), (1, 100), (8192, LARGE_BYTES)])
def test_copy__while_hashing_is_slow(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    request: pytest.FixtureRequest,
    start: int,
    length: int,
    trouble: str,
) -> None:
    """Memory is filled again only when its bytes are hashed; and what a disk refuses is copied in the usual way."""
    content = os.urandom(71 * MIB)
    (tmp_path / "old").write_bytes(content)
    if trouble == "not known":
        monkeypatch.setattr(disk, "STRAIGHT", 0)
    elif trouble != "none":
        request.getfixturevalue("direct")
        preadv = failing(os.preadv, errno.EINVAL, after=0 if trouble == "refused at once" else 2)
        monkeypatch.setattr(os, "preadv", preadv)

    class Slow:
        def __init__(self) -> None:
            self._hash = hashlib.sha256()

        def update(self, block: bytes | memoryview) -> None:
            time.sleep(0.01)
            self._hash.update(block)

        def hexdigest(self) -> str:
            return self._hash.hexdigest()

    file = GrowingFile(tmp_path / "new")
    assert file._digest is not None
    file._digest._hash = Slow()  # type: ignore[assignment]  # as one that is slow
    with (tmp_path / "old").open("rb") as source:
        file.write(b"before")
        seen = hashlib.sha256()
        file.copy(source.fileno(), start, length, seen.update)
    file.settle()
    expected = b"before" + content[start : start + length]
    assert file.sha256() == hashlib.sha256(expected).hexdigest()
    assert seen.hexdigest() == hashlib.sha256(content[start : start + length]).hexdigest()
    file.close()
    assert (tmp_path / "new").read_bytes() == expected


def test_copy__file_ends_too_early(tmp_path: Path) -> None:
    """A range that is not there is an error, not a shorter file."""
    (tmp_path / "old").write_bytes(bytes(3 * MIB))
    file = GrowingFile(tmp_path / "new")
    with (tmp_path / "old").open("rb") as source, pytest.raises(OSError, match="ends before"):
        file.copy(source.fileno(), 0, 4 * MIB, lambda _block: None)
    file.close()


@pytest.mark.usefixtures("direct")
def test_write__refused__in_the_usual_way(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file system that opens such files and then takes no such writes gets them otherwise."""
    monkeypatch.setattr(os, "pwrite", failing(os.pwrite, errno.EINVAL))
    data = os.urandom(9 * MIB + 3)
    file = GrowingFile(tmp_path / "grown")
    file.write(data)
    file.close()
    assert (tmp_path / "grown").read_bytes() == data


@pytest.mark.usefixtures("direct")
def test_settle__an_error_is_never_lost(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever asks hears of it, each time; nothing is written behind it."""
    monkeypatch.setattr(os, "pwrite", failing(os.pwrite, errno.ENOSPC, after=1))
    file = GrowingFile(tmp_path / "grown")
    file.write(bytes(4 * MIB))
    file.settle()
    file.write(bytes(4 * MIB))
    for ask in (file.settle, file.sync, file.settle):
        with pytest.raises(OSError, match="No space left"):
            ask()
    monkeypatch.undo()
    file.write(b"x" * (4 * MIB))
    with pytest.raises(OSError, match="No space left"):
        file.settle()
    file.close()
    assert b"x" not in (tmp_path / "grown").read_bytes()


def finished(out: Path, groups: dict[str, RowGroups], part: EncodedPart) -> None:
    """A run of one part, which nobody knew before."""
    with ResultJournal(out, groups, ["one"]) as journal:
        assert not journal.holds("one")
        journal.append("one", {"entries": part}, b"record")
        journal.finish({}, {})


@pytest.mark.usefixtures("direct")
def test_journal__part_on_its_way__not_yet_in_the_index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The index names a part when its bytes are written, not while they may still fail."""
    groups = {"entries": RowGroups(pa.schema([pa.field("number", pa.string(), nullable=False)]))}
    table = pa.table({"number": [os.urandom(64).hex() for _row in range(40_000)]}, schema=groups["entries"].schema)
    part = groups["entries"].encode(table)
    assert len(part.data) > LARGE_BYTES
    written = Straight._written

    def fails(self: Straight, view: memoryview, place: int) -> None:
        time.sleep(0.2)
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(Straight, "_written", fails)
    with pytest.raises(OutputError, match="No space left"):
        finished(tmp_path, groups, part)
    index = read_index(tmp_path / RUN / ATTEMPT / INDEX)
    assert index is not None
    assert index.parts == ()
    monkeypatch.setattr(Straight, "_written", written)
    finished(tmp_path, groups, part)
    assert bytes(part.data) in (tmp_path / "entries.parquet").read_bytes()


def test_rooms__used_in_turn() -> None:
    """A room comes again when all others have been given."""
    rooms = Rooms(3)
    given = [rooms.one() for _time in range(6)]
    for number, room in enumerate(given[:3]):
        room[:1] = bytes([number])
    assert [bytes(room[:1]) for room in given] == [b"\0", b"\1", b"\2"] * 2
