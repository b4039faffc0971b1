"""What is loaded of a partition is what its files hold, and what is not loaded is never taken from memory."""

from __future__ import annotations

import datetime as dt
import os
from collections.abc import Collection, Mapping
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import cape_engine
from cape_engine import disk
from cape_engine.bridge import raw_quantities, sparse_quantities
from cape_engine.disk import BLOCK_BYTES
from cape_engine.errors import StoreError
from cape_engine.pipeline import road
from cape_engine.schema import facts as f
from cape_engine.schema import rows as s
from cape_engine.store import Store, announcing, loading
from cape_engine.store.announcing import Announcer
from cape_engine.store.loading import Loaded, Room, load
from cape_engine.store.shape_files import SHAPES_FILE
from cape_fixtures.national import Shape, generate_store

AHEAD = {
    "entries": {str(f.ENTRY_NUMBER), str(s.LINE_COUNT)},
    "lines": {str(s.TARIFF_COUNT)},
    "tariffs": {str(s.DUTY_CENTS), str(s.HTS_NUMBER)},
}


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    """Entries of national shape, on a disk that can be read past the memory of the system."""
    folder = tmp_path_factory.mktemp("loaded")
    generate_store(Shape(scale=0.0002, part_entries=1_000), folder)
    found = Store.open(folder / "store")
    try:
        os.close(os.open(found.file(found.partitions[0], "entries"), os.O_RDONLY | os.O_DIRECT))
    except (AttributeError, OSError) as error:
        pytest.skip(f"the system or this disk cannot be read so ({error})")
    return found


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine with less memory than any store takes."""
    monkeypatch.setattr(announcing, "_memory_bytes", lambda: 1 << 10)


def loaded_of(announcer: Announcer, name: str) -> Mapping[str, Loaded]:
    """A partition, announced and awaited."""
    announcer.announce(name)
    return announcer.loaded(name)


def groups(metadata: pq.FileMetaData) -> int:
    """All row groups."""
    return int(metadata.num_row_groups)


@pytest.mark.parametrize("columns", [None, {"b"}, {"a", "c"}, set()])
@pytest.mark.parametrize("text", [1, 100_000])
@pytest.mark.parametrize("rows", [1, 50_000])
@pytest.mark.usefixtures("store")
def test_load__as_in_the_file(tmp_path: Path, rows: int, text: int, columns: Collection[str] | None) -> None:
    """Small files and large ones, with footers shorter and longer than what is read of the end at first."""
    path = tmp_path / "some.parquet"
    whole = pa.table({name: pa.array(range(place, place + rows)) for place, name in enumerate("abc")})
    pq.write_table(whole.replace_schema_metadata({"long": "x" * text}), path, row_group_size=20_000, compression="none")
    room = Room()
    for _again in range(2):  # memory that was used before
        room.clear(path.stat().st_size + BLOCK_BYTES)
        found = load(path, room, columns, groups)
        assert found.metadata == pq.read_metadata(path)
        assert found.has(set("abc") if columns is None else columns)
        for first, last in loading.spans(found.metadata, columns, found.groups):
            assert found.data.slice(first, last - first).to_pybytes() == path.read_bytes()[first:last]
        with loading.opened_file(path, found) as file:
            names = sorted(columns if columns is not None else "abc")
            assert file.read(columns=names).equals(whole.select(names))
        room.of(0)


def test_has__groups_and_columns(store: Store) -> None:
    """Columns or row groups that nobody loaded are not there."""
    path = store.file(store.partitions[0], "quantities")
    metadata = pq.read_metadata(path)
    part = Loaded(pa.py_buffer(b""), metadata, frozenset({"a", "b"}), metadata.num_row_groups - 1)
    assert part.has({"a"}, [0])
    assert part.has({"a", "b"}, [])
    assert not part.has({"a", "c"}, [0])
    assert not part.has({"a"}, [0, metadata.num_row_groups - 1])
    assert not part.has({"a"})


@pytest.mark.usefixtures("small")
def test_opened__from_memory__as_from_the_files(store: Store) -> None:
    """Every column is the same, loaded or fetched from its file, and stays so when the memory is used again."""
    with Announcer(store, AHEAD) as announcer:
        for name in store.partitions:
            found = loaded_of(announcer, name)
            assert set(found) == {"entries", "lines", "tariffs", "quantities", SHAPES_FILE}
            part, plain = store.opened(name, AHEAD, found), store.opened(name)
            tables = [table.whole() for table in (part.entries, part.lines, part.tariffs)]
            some, every = raw_quantities(part, set()), sparse_quantities(part)
            assert part.kept_shapes is not None
            assert plain.kept_shapes is not None
            shapes = part.kept_shapes()
            for file in found.values():  # as if the next partition came
                memoryview(file.data).cast("B")[:] = b"\xff" * file.data.size
            assert tables == [table.whole() for table in (plain.entries, plain.lines, plain.tariffs)]
            assert some.equals(raw_quantities(plain, set()))
            assert every.equals(sparse_quantities(plain))
            assert shapes is not None
            wanted = plain.kept_shapes()
            assert wanted is not None
            assert (shapes.vocabulary, shapes.word_lists, shapes.bits) == (
                wanted.vocabulary,
                wanted.word_lists,
                wanted.bits,
            )
            assert all(
                (getattr(shapes, key) == getattr(wanted, key)).all() for key in ("key", "value", "size", "before")
            )
            announcer.passed(name)


@pytest.mark.usefixtures("small")
def test_announcer__memory_used_again(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """A partition that was read leaves its memory to another one, and only then; the system has nothing to forget."""
    forgotten: list[str] = []
    monkeypatch.setattr(announcing, "forget", lambda _store, name: forgotten.append(name))
    with Announcer(store, AHEAD) as announcer:
        one, two = store.partitions[:2]
        first = loaded_of(announcer, one)["tariffs"].data.address
        assert loaded_of(announcer, two)["tariffs"].data.address != first
        announcer.passed(one)
        assert loaded_of(announcer, one)["entries"].data.size == store.file(one, "entries").stat().st_size
        assert len(announcer._rooms) == 2
        assert announcer.loaded("part-nobody-announced") == {}
        announcer._pool.shutdown(wait=True)
    assert forgotten == []


@pytest.mark.usefixtures("small")
def test_announcer__disk_refuses__read_as_ever(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where a disk cannot be read so, the system is told as before, and the run goes on."""
    opened = os.open

    def refuse(path: Path, flags: int) -> int:
        if flags & disk.STRAIGHT:
            raise OSError(22, "Invalid argument")
        return opened(path, flags)

    monkeypatch.setattr(os, "open", refuse)
    told: list[str] = []
    monkeypatch.setattr(announcing, "announce", lambda _store, name, _ahead: told.append(name))
    with Announcer(store, AHEAD) as announcer:
        assert loaded_of(announcer, store.partitions[0]) == {}
        assert loaded_of(announcer, store.partitions[1]) == {}
        assert announcer._told is not None
        announcer._told.result()
    assert told == [store.partitions[1]]


@pytest.mark.parametrize("left", [0, 7, 1_000])
@pytest.mark.usefixtures("small")
def test_announcer__file_cut_off__said_by_whoever_reads_it(store: Store, tmp_path: Path, left: int) -> None:
    """Nothing is taken from memory, and the error names the file."""
    name = store.partitions[0]
    broken = Store(tmp_path, store.manifest)
    (tmp_path / name).mkdir()
    for path in (store.folder / name).iterdir():
        data = path.read_bytes()
        (tmp_path / name / path.name).write_bytes(data[:left] if path.stem == "tariffs" else data)
    with Announcer(broken, AHEAD) as announcer:
        found = loaded_of(announcer, name)
        assert found == {}
        with pytest.raises(StoreError, match=r"tariffs\.parquet cannot be read"):
            broken.opened(name, AHEAD, found)


@pytest.mark.usefixtures("small")
def test_run__store_larger_than_the_memory__same_results(store: Store, tmp_path: Path) -> None:
    """Partitions that come past the memory of the system give the files that they give otherwise."""
    taken: list[str] = []

    class Counting(Announcer):
        def loaded(self, name: str) -> Mapping[str, Loaded]:
            found = super().loaded(name)
            taken.extend([name] * bool(found))
            return found

    results = []
    for number, announcer in enumerate((Announcer, Counting)):
        with pytest.MonkeyPatch.context() as patched:
            patched.setattr(road, "Announcer", announcer)
            if announcer is Announcer:
                patched.setattr(announcing, "_memory_bytes", lambda: 1 << 60)
            out = tmp_path / str(number)
            cape_engine.run([store.folder], out=out, as_of=dt.date(2026, 5, 4), threads=2, detail="changes")
            results.append({path.name: path.read_bytes() for path in out.glob("*.parquet")})
    assert taken
    assert set(taken) <= set(store.partitions[1:])
    assert results[0] == results[1]
