"""What is announced to the system is what a run will read: the columns asked for, whole, and no other."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from cape_engine.schema import facts as f
from cape_engine.schema import rows as s
from cape_engine.store import Store, announcing
from cape_engine.store.announcing import Announcer, announce
from cape_engine.store.layout import measured_groups_of
from cape_engine.store.shape_files import SHAPES_FILE
from cape_fixtures.national import Shape, generate_store

Ranges = dict[Path, set[int]]
"""Bytes by file."""

pytestmark = pytest.mark.skipif(not hasattr(os, "posix_fadvise"), reason="the system cannot be told")


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    """Entries of national shape, with quantities in several row groups."""
    folder = tmp_path_factory.mktemp("announced")
    generate_store(Shape(scale=0.0002, part_entries=4_000), folder)
    return Store.open(folder / "store")


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> Ranges:
    """Takes down what the system is told."""
    ranges: Ranges = {}

    def advise(handle: int, offset: int, length: int, advice: int) -> None:
        assert advice == os.POSIX_FADV_WILLNEED
        assert 0 < length <= announcing._AT_ONCE
        path = Path(f"/proc/self/fd/{handle}").readlink()
        ranges.setdefault(path, set()).update(range(offset, offset + length))

    monkeypatch.setattr(os, "posix_fadvise", advise)
    monkeypatch.setattr(announcing, "_at_hand", lambda _path: False)
    return ranges


def chunks(path: Path, columns: set[str] | None, groups: int | None = None) -> set[int]:
    """Bytes of the chunks of some columns in the first row groups."""
    metadata = pq.read_metadata(path)
    found: set[int] = set()
    for group in range(metadata.num_row_groups if groups is None else groups):
        for place in range(metadata.num_columns):
            chunk = metadata.row_group(group).column(place)
            if columns is None or chunk.path_in_schema in columns:
                begin = chunk.dictionary_page_offset or chunk.data_page_offset
                found.update(range(begin, begin + chunk.total_compressed_size))
    return found


def parts(store: Store) -> Iterator[str]:
    """All partitions, of which there are several."""
    assert len(store.partitions) > 1
    yield from store.partitions


def test_announce__columns_asked_for_and_no_other(store: Store, told: Ranges, monkeypatch: pytest.MonkeyPatch) -> None:
    """In pieces that the system takes, of every partition."""
    monkeypatch.setattr(announcing, "_AT_ONCE", 1_000)
    ahead = {"entries": {str(f.ENTRY_NUMBER), str(s.LINE_COUNT)}, "lines": set(), "tariffs": {str(s.DUTY_CENTS)}}
    for name in parts(store):
        announce(store, name, ahead)
        quantities = store.file(name, "quantities")
        metadata = pq.read_metadata(quantities)
        measured = measured_groups_of(metadata.metadata, metadata.num_row_groups)
        assert 0 < measured <= metadata.num_row_groups
        expected = {
            store.file(name, "entries"): chunks(store.file(name, "entries"), ahead["entries"]),
            store.file(name, "tariffs"): chunks(store.file(name, "tariffs"), ahead["tariffs"]),
            quantities: chunks(quantities, None, measured),
            store.folder / name / SHAPES_FILE: chunks(store.folder / name / SHAPES_FILE, None),
        }
        assert told == {path.resolve(): places for path, places in expected.items() if places}
        told.clear()


def test_announce__in_memory_already__nothing_told(store: Store, told: Ranges, monkeypatch: pytest.MonkeyPatch) -> None:
    """A store that fits the memory costs nothing."""
    monkeypatch.setattr(announcing, "_at_hand", lambda path: path == store.file(store.partitions[0], "tariffs"))
    announce(store, store.partitions[0], {"tariffs": {str(s.DUTY_CENTS)}})
    assert told == {}
    announce(store, store.partitions[1], {"tariffs": {str(s.DUTY_CENTS)}})
    assert told


@pytest.mark.skipif(not hasattr(os, "RWF_NOWAIT"), reason="the system cannot be asked")
def test_at_hand__read_just_now__yes(store: Store, tmp_path: Path) -> None:
    """A file that is missing is not at hand."""
    path = store.file(store.partitions[0], "tariffs")
    path.read_bytes()
    try:
        with path.open("rb") as file:
            os.preadv(file.fileno(), [bytearray(1)], 0, os.RWF_NOWAIT)
    except OSError as error:
        pytest.skip(f"the file system cannot be asked ({error})")
    assert announcing._at_hand(path)
    assert not announcing._at_hand(tmp_path / "missing")


def test_announce__nothing_known_yet__nothing_told(store: Store, told: Ranges) -> None:
    """Before the first partition nobody knows what will be asked for."""
    announce(store, store.partitions[0], {})
    assert told == {}


def test_announce__files_that_cannot_be_read__passed_over(store: Store, told: Ranges, tmp_path: Path) -> None:
    """Whoever reads them in earnest says what is wrong."""
    name = store.partitions[0]
    broken = Store(tmp_path, store.manifest)
    (tmp_path / name).mkdir()
    (tmp_path / name / "entries.parquet").write_bytes(b"PAR1 and nothing behind")
    announce(broken, name, {"entries": {str(f.ENTRY_NUMBER)}, "tariffs": {str(s.DUTY_CENTS)}})
    assert told == {}


@pytest.mark.parametrize(("memory", "expected"), [(1 << 40, False), (1 << 10, True)])
def test_announcer__passed__forgotten_only_where_the_store_is_larger_than_the_memory(
    store: Store, monkeypatch: pytest.MonkeyPatch, memory: int, expected: bool
) -> None:
    """What fits stays for the next run; what does not would only push other parts out."""
    forgotten: set[Path] = set()

    def advise(handle: int, offset: int, length: int, advice: int) -> None:
        assert (offset, length, advice) == (0, 0, os.POSIX_FADV_DONTNEED)
        forgotten.add(Path(f"/proc/self/fd/{handle}").readlink())

    monkeypatch.setattr(os, "posix_fadvise", advise)
    monkeypatch.setattr(announcing, "_memory_bytes", lambda: memory)
    announcer = Announcer(store, {})
    announcer.passed(store.partitions[0])
    announcer._pool.shutdown(wait=True)
    files = set((store.folder / store.partitions[0]).resolve().iterdir())
    assert forgotten == (files if expected else set())


def test_memory__of_this_machine() -> None:
    """More than a test takes, less than anybody has."""
    assert 1 << 28 < announcing._memory_bytes() <= 1 << 62


def test_announcer__tells_in_a_thread_of_its_own(store: Store, told: Ranges) -> None:
    """The caller goes on at once."""
    ahead = {"tariffs": {str(s.DUTY_CENTS)}}
    with Announcer(store, ahead) as announcer:
        announcer.announce(store.partitions[1])
        assert announcer._told is not None
        announcer._told.result()
    assert store.file(store.partitions[1], "tariffs").resolve() in told
