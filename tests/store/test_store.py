"""The store: what is written comes back, hashes say what it says, and anything else is refused."""

from __future__ import annotations

import gc
import json
import weakref
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from cape_engine import bridge
from cape_engine.bridge import Partition
from cape_engine.errors import OutputError, StoreError
from cape_engine.schema import rows as s
from cape_engine.schema.column import Column
from cape_engine.store import FORMAT_VERSION, Source, Store, StoreWriter, content_hash, is_store, shape_files, writer
from cape_engine.store.layout import groups_of, numbers_metadata
from cape_engine.store.measured import takes_quantity

SOURCE = Source("a.csv", "0" * 64, 10, 3, "es003 csv")


def column(declared: Column, values: list[object]) -> pa.Array:
    """A column with some values, the rest unknown."""
    array = pa.array(values, pa.string() if pa.types.is_dictionary(declared.type) else declared.type)
    return array.dictionary_encode() if pa.types.is_dictionary(declared.type) else array


def table(columns: tuple[Column, ...], **values: list[object]) -> pa.Table:
    """A table of the store's schema."""
    count = len(next(iter(values.values())))
    return pa.table(
        [column(declared, values.get(str(declared), [None] * count)) for declared in columns],
        schema=pa.schema([pa.field(str(c), c.type) for c in columns]),
    )


def partition(name: str = "part-00000", source_row: int = 2, words: tuple[str, str] = ("CN", "VN")) -> Partition:
    """Two entries, the second refused."""
    return Partition(
        name,
        table(
            s.STORE_ENTRIES,
            entry_number=["ABC12345676", "XYZ00000015"],
            entry_type=["01", None],
            source_idx=[0, 0],
            source_row=[source_row, 4],
            input_refused=[False, True],
            line_count=[2, 0],
        ),
        table(s.STORE_LINES, line_number=[1, 2], country_of_origin=list(words), tariff_count=[1, 2]),
        table(
            s.STORE_TARIFFS,
            ordinal=[1, 1, 2],
            hts_number=["3923900080", "99030124", "3923900080"],
            value_dollars=[5, None, 7],
            duty_cents=[1, 2, 3],
            source_idx=[0, 0, 0],
            source_row=[source_row, 3, 4],
        ),
        ("a.csv",),
    )


def written(folder: Path) -> Store:
    """A store of one partition."""
    writer = StoreWriter(folder)
    writer.write(partition())
    return writer.finish([SOURCE], ["entry_type"])


def test_store__round_trip(tmp_path: Path) -> None:
    """Tables come back equal, with their types and dictionaries; the manifest counts them."""
    store = written(tmp_path / "store")
    assert is_store(tmp_path / "store")
    assert store.partitions == ("part-00000",)
    again = Store.open(tmp_path / "store").read("part-00000")
    for name, schema in (
        ("entries", s.STORE_ENTRIES_SCHEMA),
        ("lines", s.STORE_LINES_SCHEMA),
        ("tariffs", s.STORE_TARIFFS_SCHEMA),
    ):
        found = getattr(again, name)
        assert found.schema.equals(schema)
        assert found.to_pylist() == getattr(partition(), name).to_pylist()
    assert again.sources == ("a.csv",)
    assert store.sources == (SOURCE,)
    assert store.sources_record()[0]["sha256"] == "0" * 64
    assert store.facts_given == {"entry_type"}
    assert store.manifest["totals"] == {"entries": 2, "lines": 2, "tariffs": 3}
    assert content_hash(again) == content_hash(partition()) == store.manifest["partitions"][0]["content_sha256"]


def test_store__some_columns(tmp_path: Path) -> None:
    """Columns can be chosen by name; the counts always come along."""
    part = written(tmp_path / "store").read("part-00000", {s.DUTY_CENTS, s.STORE_ENTRIES[0]})
    assert part.entries.column_names == ["entry_number", "line_count"]
    assert part.lines.column_names == ["tariff_count"]
    assert part.tariffs.column_names == ["duty_cents"]


def test_content_hash__what_counts() -> None:
    """Where rows came from and the order of dictionaries do not count; any fact does, and so does an unknown one."""
    base = content_hash(partition())
    assert content_hash(partition(source_row=99)) == base
    assert content_hash(partition(name="x")) == base
    assert content_hash(partition(words=("VN", "CN"))) != base
    changed = partition()
    place = changed.tariffs.schema.get_field_index("value_dollars")
    zero = changed.tariffs.set_column(place, "value_dollars", pa.array([5, 0, 7], pa.int64()))
    assert content_hash(Partition("p", changed.entries, changed.lines, zero, ("a",))) != base
    lines = changed.lines.set_column(
        changed.lines.schema.get_field_index("country_of_origin"),
        "country_of_origin",
        pa.DictionaryArray.from_arrays(pa.array(np.array([2, 1], np.int32)), pa.array(["XX", "VN", "CN"])),
    )
    assert content_hash(Partition("p", changed.entries, lines, changed.tariffs, ("a",))) == base


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (None, "there is no manifest.json in it"),
        ("{", "cannot be read"),
        ("[]", "belongs to something else"),
        ('{"format": "other"}', "belongs to something else"),
    ],
)
def test_store_open__not_a_store(tmp_path: Path, content: str | None, words: str) -> None:
    """A folder without our manifest is refused with a clear message, and is_store says no."""
    if content is not None:
        (tmp_path / "manifest.json").write_text(content)
    assert not is_store(tmp_path)
    with pytest.raises(StoreError, match=words):
        Store.open(tmp_path)


@pytest.mark.parametrize(
    ("version", "step"), [(FORMAT_VERSION + 1, "use the newer engine"), (1, "import the"), ("x", "import the")]
)
def test_store_open__other_version(tmp_path: Path, version: object, step: str) -> None:
    """A store of another format version is a store, and is refused with what to do."""
    written(tmp_path / "store")
    file = tmp_path / "store" / "manifest.json"
    file.write_text(json.dumps({**json.loads(file.read_text()), "version": version}))
    assert is_store(tmp_path / "store")
    with pytest.raises(StoreError, match=f"format version {version}, this engine reads {FORMAT_VERSION}: {step}"):
        Store.open(tmp_path / "store")


def test_store__missing_or_broken_file(tmp_path: Path) -> None:
    """A partition file that is missing or damaged is a clear error, and so is a partition that does not exist."""
    store = written(tmp_path / "store")
    with pytest.raises(StoreError, match="no partition 'part-9'"):
        store.read("part-9")
    file = store.file("part-00000", "lines")
    file.write_bytes(file.read_bytes()[:50])
    with pytest.raises(StoreError, match="cannot be read"):
        store.read("part-00000")
    file.unlink()
    with pytest.raises(StoreError, match=r"part-00000/lines\.parquet is missing"):
        Store.open(tmp_path / "store")


def test_store_writer__unfinished_is_no_store(tmp_path: Path) -> None:
    """Without its manifest a folder is not a store; writing again starts anew."""
    writer = StoreWriter(tmp_path / "store")
    writer.write(partition())
    writer.close()
    assert not is_store(tmp_path / "store")
    assert written(tmp_path / "store").partitions == ("part-00000",)
    again = written(tmp_path / "store")
    assert again.manifest["totals"]["entries"] == 2


def test_store_writer__same_bytes(tmp_path: Path) -> None:
    """The same partition gives the same bytes."""
    one, two = written(tmp_path / "one"), written(tmp_path / "two")
    for name in ("entries", "lines", "tariffs"):
        assert one.file("part-00000", name).read_bytes() == two.file("part-00000", name).read_bytes()


def test_store_writer__refuses_a_folder_with_other_things(tmp_path: Path) -> None:
    """A folder with anything else in it is left alone."""
    (tmp_path / "letters.txt").write_text("x")
    with pytest.raises(StoreError, match=r"letters\.txt"):
        StoreWriter(tmp_path)
    assert (tmp_path / "letters.txt").read_text() == "x"


def test_store_writer__cannot_write(tmp_path: Path) -> None:
    """A place that cannot be written is an output error."""
    (tmp_path / "file").write_text("x")
    with pytest.raises(OutputError, match="cannot be written"):
        StoreWriter(tmp_path / "file" / "store")


@pytest.mark.parametrize("table", ["entries", "lines", "tariffs", "quantities", "shapes"])
def test_store_writer__full_disk_while_a_file_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, table: str
) -> None:
    """Whichever file the disk does not take, and in whatever thread, the caller hears of it; the store is not one."""
    writes, shapes = writer._write_table, shape_files.write_shapes

    def refuse(path: Path) -> None:
        if path.stem == table:
            raise OSError(28, "No space left on device")

    def write_table(path: Path, *rest: Any) -> None:
        refuse(path)
        writes(path, *rest)

    def write_shapes(path: Path, *rest: Any) -> None:
        refuse(path)
        shapes(path, *rest)

    monkeypatch.setattr(writer, "_write_table", write_table)
    monkeypatch.setattr(writer, "write_shapes", write_shapes)
    with pytest.raises(OutputError, match="No space left on device"):
        StoreWriter(tmp_path / "store").write(partition())
    assert not is_store(tmp_path / "store")


def test_store_opened__reads_when_asked(tmp_path: Path) -> None:
    """Columns come from the file when they are asked for, and say what the whole tables say; quantities spread out."""
    given = partition()
    place = given.tariffs.schema.get_field_index("quantity_2_e2")
    tariffs = given.tariffs.set_column(place, "quantity_2_e2", pa.array([None, 12, None], pa.int64()))
    writer = StoreWriter(tmp_path / "store")
    writer.write(Partition(given.name, given.entries, given.lines, tariffs, given.sources))
    store = writer.finish([SOURCE], [])
    lazy = store.opened("part-00000", {"tariffs": ["duty_cents"]})
    assert bridge.integers(lazy.tariffs, s.DUTY_CENTS).tolist() == [1, 2, 3]
    assert bridge.integers(lazy.tariffs, s.VALUE_DOLLARS).tolist() == [5, -1, 7]
    narrow = bridge.stored(lazy.tariffs, s.VALUE_DOLLARS)
    assert narrow is not None
    assert narrow.type == pa.int32()  # narrower in the file
    assert bridge.stored(lazy.lines, s.SPI_CODE) is None  # nothing known: not in the file at all
    assert lazy.tariffs.asked == {"duty_cents", "value_dollars"}
    assert bridge.sparse_quantities(lazy).to_pydict() == {"tariff": [1], "quantity_2_e2": [12]}
    assert bridge.integers(lazy.tariffs, s.QUANTITIES_E2[1]).tolist() == [-1, 12, -1]
    assert bridge.codes(lazy.lines, s.COUNTRY_OF_ORIGIN)[0].tolist() == [0, 1]
    assert lazy.entries.column("entry_type").to_pylist() == ["01", None]
    assert lazy.entries.to_pylist() == store.read("part-00000").entries.to_pylist()
    assert bridge.sparse_quantities(store.read("part-00000")).to_pydict() == {"tariff": [1], "quantity_2_e2": [12]}


def test_store_writer__wide_numbers_and_unused_words(tmp_path: Path) -> None:
    """Amounts beyond int32 come back; dictionary words that no row uses are not written."""
    given = partition()
    place = given.tariffs.schema.get_field_index("duty_cents")
    tariffs = given.tariffs.set_column(place, "duty_cents", pa.array([1, 2**31, 3], pa.int64()))
    place = given.lines.schema.get_field_index("country_of_origin")
    words = pa.DictionaryArray.from_arrays(pa.array([3, 1], pa.int32()), pa.array(["AA", "CN", "ZZ", "VN"]))
    lines = given.lines.set_column(place, "country_of_origin", words)
    writer = StoreWriter(tmp_path / "store")
    writer.write(Partition(given.name, given.entries, lines, tariffs, given.sources))
    lazy = writer.finish([SOURCE], []).opened("part-00000")
    assert bridge.integers(lazy.tariffs, s.DUTY_CENTS).tolist() == [1, 2**31, 3]
    assert bridge.codes(lazy.lines, s.COUNTRY_OF_ORIGIN)[1] == ["CN", "VN"]


@pytest.mark.parametrize("words", [["CN", None], ["", "CN"], ["", None], [None, "CN"], ["", ""]])
def test_store__unknown_words_and_empty_words(tmp_path: Path, words: list[str | None]) -> None:
    """An unknown word and an empty word stay apart, though the file has a word for what is unknown."""
    given = partition()
    place = given.lines.schema.get_field_index("spi_code")
    lines = given.lines.set_column(place, "spi_code", pa.array(words, pa.string()).dictionary_encode())
    writer = StoreWriter(tmp_path / "store")
    writer.write(Partition(given.name, given.entries, lines, given.tariffs, given.sources))
    store = writer.finish([SOURCE], [])
    assert store.read("part-00000").lines.column("spi_code").to_pylist() == words
    codes, vocabulary = bridge.codes(store.opened("part-00000").lines, s.SPI_CODE)
    assert [None if code < 0 else vocabulary[code] for code in codes.tolist()] == words
    raw, vocabulary = bridge.raw_codes(store.opened("part-00000").lines, s.SPI_CODE)
    spelt = [(vocabulary[code] if code >= 0 else "") or None for code in raw.tolist()]
    assert spelt == [word or None for word in words]


def test_groups_of__wanted_numbers() -> None:
    """Only row groups whose span holds a wanted number are read; without a record of spans, all."""
    metadata = numbers_metadata([("0101", "2203"), ("2203", "3923"), ("8471", "9903")])
    assert groups_of(metadata, 3, None) == [0, 1, 2]
    assert groups_of(metadata, 3, {"2203"}) == [0, 1]
    assert groups_of(metadata, 3, {"5001"}) == []
    assert groups_of(metadata, 3, {"9903", "0101"}) == [0, 2]
    assert groups_of(None, 2, {"9903"}) == [0, 1]


def test_groups_of__measured_apart() -> None:
    """Numbers whose quantities all stand in the first row groups are not looked for in the others."""
    metadata = numbers_metadata([("0703", "2204"), ("0101", "9706")], {"0703", "2204"}, 1)
    assert groups_of(metadata, 2, {"0703"}) == [0]
    assert groups_of(metadata, 2, {"8471"}) == [1]
    assert groups_of(metadata, 2, {"2204", "8471"}) == [0, 1]
    assert groups_of(metadata, 2, None) == [0, 1]


def test_store__measured_quantities_first(tmp_path: Path) -> None:
    """Quantities of numbers with a rate per unit are found without reading those of the others."""
    given = partition()
    tariffs = given.tariffs
    words = pa.array(["8471704065", "0703102000", "8471704065"], pa.string()).dictionary_encode()
    for name, values in (("hts_number", words), ("quantity_1_e2", pa.array([10, 20, 30], pa.int64()))):
        tariffs = tariffs.set_column(tariffs.schema.get_field_index(name), name, values)
    assert takes_quantity("0703102000")
    assert not takes_quantity("8471704065")
    writer = StoreWriter(tmp_path / "store")
    writer.write(Partition(given.name, given.entries, given.lines, tariffs, given.sources))
    lazy = writer.finish([SOURCE], []).opened("part-00000")
    assert bridge.sparse_quantities(lazy, {"0703102000"}).to_pydict() == {"tariff": [1], "quantity_1_e2": [20]}
    assert bridge.sparse_quantities(lazy, {"8471704065"}).column("tariff").to_pylist() == [0, 2]
    assert bridge.integers(lazy.tariffs, s.QUANTITIES_E2[0]).tolist() == [10, 20, 30]


def test_store__quantities_by_number(tmp_path: Path) -> None:
    """Quantities stand in the order of their tariff numbers and keep the rows they belong to."""
    given = partition()
    place = given.tariffs.schema.get_field_index("quantity_1_e2")
    tariffs = given.tariffs.set_column(place, "quantity_1_e2", pa.array([10, 20, 30], pa.int64()))
    writer = StoreWriter(tmp_path / "store")
    writer.write(Partition(given.name, given.entries, given.lines, tariffs, given.sources))
    lazy = writer.finish([SOURCE], []).opened("part-00000")
    assert bridge.sparse_quantities(lazy).to_pydict() == {"tariff": [0, 2, 1], "quantity_1_e2": [10, 30, 20]}
    assert bridge.sparse_quantities(lazy, {"0101010101"}).num_rows == 0
    assert bridge.integers(lazy.tariffs, s.QUANTITIES_E2[0]).tolist() == [10, 20, 30]


def test_store_parties__every_spelling(tmp_path: Path) -> None:
    """Importer and party numbers stand in a file of their own; without its record they are gathered."""
    given = partition()
    entries = given.entries
    for name, words in (("importer_number", ["12-3456789", "12-3456789AB"]), ("notify_party", [None, "98-7654321"])):
        place = entries.schema.get_field_index(name)
        entries = entries.set_column(place, name, pa.array(words, pa.string()).dictionary_encode())
    writer = StoreWriter(tmp_path / "store")
    writer.write(Partition(given.name, entries, given.lines, given.tariffs, given.sources))
    store = writer.finish([SOURCE], [])
    assert store.parties().to_pylist() == ["12-3456789", "12-3456789AB", "98-7654321"]
    bare = Store(store.folder, {key: value for key, value in store.manifest.items() if key != "parties"})
    assert bare.parties().to_pylist() == store.parties().to_pylist()


def test_store_opened__freed_at_once(tmp_path: Path) -> None:
    """A partition that is done with leaves the memory by itself: a run does not wait for the garbage collector."""
    writer = StoreWriter(tmp_path / "store")
    writer.write(partition())
    opened = writer.finish([SOURCE], []).opened("part-00000", {"tariffs": {"hts_number"}})
    bridge.sparse_quantities(opened)
    gone = weakref.ref(opened.tariffs)
    gc.disable()
    try:
        del opened
        assert gone() is None
    finally:
        gc.enable()
