"""Shapes of lines in a store: what is kept is what stands in the tables, and never what stood there before."""

from __future__ import annotations

import dataclasses
import datetime as dt
import shutil
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cape_engine.bridge import LineShapes, Partition
from cape_engine.errors import StoreError
from cape_engine.intake.picking import in_entry_order, picked
from cape_engine.schema import facts as f
from cape_engine.schema import rows as s
from cape_engine.store import Source, Store, StoreWriter, pick_entries, shape_files
from cape_engine.store.adding import Addition
from cape_engine.store.shape_files import SHAPES_FILE
from cape_engine.store.shapes import derived, shapes_of
from mass.builders import entry, line, partition, tariff

NAME = "made"
ENTRIES = ("ABC00000012", "ABC00000020", "ABC00000038", "ABC00000046")


def same(one: LineShapes | None, other: LineShapes | None) -> bool:
    """Whether all that two say is equal."""
    if one is None or other is None:
        return one is other
    return all(_same(getattr(one, field.name), getattr(other, field.name)) for field in dataclasses.fields(LineShapes))


def _same(one: object, other: object) -> bool:
    if isinstance(one, np.ndarray):
        return not one.flags.writeable and np.array_equal(one, np.asarray(other))
    if isinstance(one, tuple) and isinstance(other, tuple):
        return all(map(_same, one, other)) and len(one) == len(other)
    return one == other


def story(*, country: str = "CN", value: int | None = 0) -> Partition:
    """Four entries: plain lines, a value beside, a privileged date, a line without numbers."""
    ieepa = [tariff("99030124", 3), tariff("3923900080", 5, 70)]
    facts = {s.COUNTRY_OF_ORIGIN: country}
    lines = [
        [line(*ieepa, **facts), line(*ieepa, **facts, **{s.SPI_CODE: "S"})],
        [line(tariff("99030124", 3, value), tariff("3923900080", 5, 7))],
        [line(*ieepa, **{s.PRIVILEGED_DATE: dt.date(2025, 3, 4), s.FTZ_STATUS: "P"}), line()],
        [line(tariff("3923900080", 5, None))],
    ]
    return partition(*(entry(*own, **{f.ENTRY_NUMBER: name}) for name, own in zip(ENTRIES, lines, strict=True)))


def written(folder: Path, *partitions: Partition) -> Store:
    """A store of some partitions."""
    writer = StoreWriter(folder)
    for one in partitions:
        writer.write(one)
    return writer.finish([Source("made.csv", "0" * 64, 10, 3, "es003 csv")], [])


def kept(store: Store, name: str) -> LineShapes:
    """The shapes of a partition, which are those of its tables."""
    opened = store.opened(name)
    assert opened.kept_shapes is not None
    found = opened.kept_shapes()
    assert found is not None
    assert same(found, derived(opened.lines, opened.tariffs))
    return found


NUMBERS = st.tuples(st.sampled_from(["0101", "3923900080", "99030124"]), st.sampled_from([None, 0, 0, 9, 2**31]))
LINES = st.lists(
    st.tuples(
        st.lists(NUMBERS, max_size=3), st.sampled_from([None, "CN", "VN"]), st.none() | st.dates(dt.date(2020, 1, 1))
    ),
    max_size=8,
)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(LINES)
def test_store__kept_is_derived(
    tmp_path: Path, lines: Sequence[tuple[list[tuple[str, int | None]], str | None, dt.date | None]]
) -> None:
    """What a store keeps is what is found in its tables, whatever they say."""
    shutil.rmtree(tmp_path / "store", ignore_errors=True)
    told = [
        line(
            *(tariff(number, 1, value) for number, value in numbers),
            **{s.COUNTRY_OF_ORIGIN: word, s.PRIVILEGED_DATE: day},
        )
        for numbers, word, day in lines
    ]
    store = written(tmp_path / "store", partition(entry(*told)))
    kept(store, NAME)
    assert same(shapes_of(store.read(NAME)), shapes_of(store.opened(NAME)))


def test_store__some_columns_read(tmp_path: Path) -> None:
    """Shapes are kept whichever columns are read."""
    store = written(tmp_path / "store", story())
    assert same(shapes_of(store.read(NAME, [str(s.DUTY_CENTS)])), kept(store, NAME))


@pytest.mark.parametrize("value", [0, None, 12, s.MAX_VALUE_DOLLARS])
def test_store__values_beside(tmp_path: Path, value: int | None) -> None:
    """Values beside the numbers before the last come back, also those of more than 32 bits."""
    found = kept(written(tmp_path / "store", story(value=value)), NAME)
    expected = [] if value == 0 else [(4, -1 if value is None else value)]
    assert list(zip(found.beside_tariff.tolist(), found.beside_value.tolist(), strict=True)) == expected
    assert found.value.tolist() == [70, 70, 7, 70, -1, -1]
    assert found.size.tolist() == [2, 2, 2, 2, 0, 1]
    assert found.dated_line.tolist() == [3]


@pytest.mark.parametrize("empty", [partition(), partition(entry()), partition(entry(line()))])
def test_store__nothing(tmp_path: Path, empty: Partition) -> None:
    """Partitions without entries, lines or numbers have shapes too, if only none."""
    assert len(kept(written(tmp_path / "store", empty), NAME).key) == empty.lines.num_rows


def test_store__without_the_file(tmp_path: Path) -> None:
    """A store written before is as good: it keeps nothing, and its tables say the same."""
    store = written(tmp_path / "store", story())
    before = kept(store, NAME)
    (store.folder / NAME / SHAPES_FILE).unlink()
    opened = Store.open(store.folder).opened(NAME)
    assert opened.kept_shapes is not None
    assert opened.kept_shapes() is None
    assert same(shapes_of(opened), before)


@pytest.mark.parametrize("share", [0.0, 0.3, 0.9, 0.999])
def test_store__torn_file(tmp_path: Path, share: float) -> None:
    """A file that ends early is an error that names it; nothing else is touched by it."""
    store = written(tmp_path / "store", story())
    path = store.folder / NAME / SHAPES_FILE
    path.write_bytes(path.read_bytes()[: int(path.stat().st_size * share)])
    opened = store.opened(NAME)
    with pytest.raises(StoreError, match=r"shapes\.parquet cannot be read"):
        shapes_of(opened)
    assert opened.tariffs.column(str(s.HTS_NUMBER))


def test_store__other_lines(tmp_path: Path) -> None:
    """The shapes of other lines are refused, however alike they are."""
    store = written(tmp_path / "one", story())
    other = written(tmp_path / "other", story(country="VN"))
    shutil.copy(other.folder / NAME / SHAPES_FILE, store.folder / NAME / SHAPES_FILE)
    with pytest.raises(StoreError, match="belongs to other lines"):
        shapes_of(store.opened(NAME))


def _spoiled(path: Path, change: tuple[str, object]) -> None:
    """Write the file again with one thing changed: a cell of the keys, or an array or word of what shapes say."""
    with pq.ParquetFile(path) as file:
        texts, table = dict(file.metadata.metadata), file.read()
    name, value = change
    if name == "key":
        keys = table.column(str(s.SHAPE_KEY)).to_pylist()
        keys[0] = value
        table = table.set_column(0, table.schema.field(0), pa.array(keys, table.schema.field(0).type))
    else:
        texts[f"cape.shapes{name}".encode()] = value
    with pq.ParquetWriter(path, table.schema, store_schema=False) as writer:
        writer.write_table(table)
        writer.add_key_value_metadata(texts)


@pytest.mark.parametrize(
    "change",
    [
        ("key", -4),
        ("key", 4),
        ("key", 3),
        ("", b"[]"),
        ("", b"{"),
        (".size", b""),
        (".size", b"AAAA"),
        (".before", b"////fw=="),
        (".words", b"!"),
        (".valued", b""),
    ],
)
def test_store__spoiled_file(tmp_path: Path, change: tuple[str, object]) -> None:
    """Contents that do not hold together are refused, so that nothing in them points behind the end of anything."""
    numbers = [line(tariff("1", 0), tariff("2", 0), tariff("3", 0))]
    store = written(tmp_path / "store", partition(entry(*numbers)))
    assert kept(store, NAME).bits == 2
    _spoiled(store.folder / NAME / SHAPES_FILE, change)
    with pytest.raises(StoreError, match=r"shapes\.parquet cannot be read"):
        shapes_of(store.opened(NAME))


def test_store__too_much_to_say(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where shapes would fill the metadata, nothing is kept, and the tables say it all."""
    monkeypatch.setattr(shape_files, "MOST_TEXT", 100)
    store = written(tmp_path / "store", story())
    assert not (store.folder / NAME / SHAPES_FILE).exists()
    assert same(shapes_of(store.opened(NAME)), derived(store.opened(NAME).lines, store.opened(NAME).tariffs))


def test_store__wide_keys(tmp_path: Path) -> None:
    """A file with keys or values of 64 bits says the same."""
    store = written(tmp_path / "store", story())
    before = kept(store, NAME)
    path = store.folder / NAME / SHAPES_FILE
    with pq.ParquetFile(path) as file:
        texts, table = file.metadata.metadata, file.read()
    wide = pa.schema([pa.field(name, pa.int64(), nullable=False) for name in table.column_names])
    with pq.ParquetWriter(path, wide, store_schema=False) as writer:
        writer.write_table(table.cast(wide))
        writer.add_key_value_metadata(texts)
    assert same(kept(store, NAME), before)


def test_store__replaced(tmp_path: Path) -> None:
    """A store in the place of another has shapes of its own, and no others."""
    written(tmp_path / "store", story())
    store = written(tmp_path / "store", story(country="VN"))
    assert kept(store, NAME).word_lists[0] == ["VN"]


def test_partition__taken_apart(tmp_path: Path) -> None:
    """Whoever takes entries out of a partition, or puts partitions together, leaves the shapes of the whole behind."""
    store = written(tmp_path / "store", story())
    whole = store.read(NAME)
    some = picked(whole, np.array([1, 3]))
    assert some.kept_shapes is None
    assert in_entry_order("all", [some], ("made.csv",)).kept_shapes is None
    asked = pick_entries(store, [ENTRIES[1], ENTRIES[3]])
    assert asked.kept_shapes is None
    assert shapes_of(asked).value.tolist() == shapes_of(some).value.tolist() == [7, -1]


def test_addition__rewritten_partition(tmp_path: Path) -> None:
    """A partition that an addition rewrites or adopts keeps the shapes of its new lines."""
    first = dataclasses.replace(story(), name="part-00000")
    store = written(tmp_path / "store", first)
    addition = Addition(store.folder)
    fewer = dataclasses.replace(picked(store.read("part-00000"), np.array([0, 2])), name="new-part-00000")
    merged = written(addition.staging / "merged", fewer, dataclasses.replace(story(country="VN"), name="fresh"))
    after = addition.finish(
        [(merged, "fresh")], {"part-00000": (merged, "new-part-00000")}, store.sources, store.facts_given
    )
    addition.close()
    assert sorted(len(kept(after, name).key) for name in after.partitions) == [4, 6]
