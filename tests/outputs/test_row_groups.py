"""Row groups encoded apart are one Parquet file that every reader understands, whatever their number and kinds."""

from __future__ import annotations

import datetime as dt
import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import duckdb
import polars as pl
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cape_engine.outputs.footer import FooterError, GroupPiece, Range, Template, _Reader, footer_length
from cape_engine.outputs.row_groups import RowGroups, write_joined
from cape_engine.schema import results as r

SCHEMA = pa.schema(
    [
        pa.field("key", pa.string(), nullable=False),
        pa.field("cents", pa.int64(), nullable=False),
        pa.field("maybe", pa.int64()),
        pa.field("day", pa.date32()),
        pa.field("word", pa.dictionary(pa.int32(), pa.string())),
        pa.field("few", pa.string()),
        pa.field("words", pa.list_(pa.string()), nullable=False),
        pa.field("yes", pa.bool_()),
    ]
)
GROUPS = RowGroups(SCHEMA, ordered_by="key", few=["few"])


def _table(first: int, count: int) -> pa.Table:
    """Rows `first` to `first + count` of a table with nulls, empty lists and a dictionary of its own."""
    rows = range(first, first + count)
    columns = [
        [f"{row:011d}" for row in rows],
        [row * 7919 for row in rows],
        [None if row % 3 == 0 else -row for row in rows],
        [None if row % 5 == 0 else dt.date(2025, 2, 4) + dt.timedelta(row % 400) for row in rows],
        [None if row % 7 == 0 else f"word {first}-{row % 4}" for row in rows],
        [f"few {row % 2}" for row in rows],
        [[f"R{n}" for n in range(row % 4)] for row in rows],
        [None if row % 2 else True for row in rows],
    ]
    return pa.table([pa.array(c, f.type) for c, f in zip(columns, SCHEMA, strict=True)], schema=SCHEMA)


def _joined(path: Path, tables: Sequence[pa.Table], groups: RowGroups = GROUPS) -> Path:
    with path.open("wb") as stream:
        rows = write_joined(stream, groups, [groups.encode(table) for table in tables])
    assert rows == sum(table.num_rows for table in tables)
    return path


def _asked(query: str) -> list[dict[str, Any]]:
    """What DuckDB answers."""
    with duckdb.connect() as connection:
        answer = connection.sql(query)
        assert answer is not None
        rows: list[dict[str, Any]] = answer.to_arrow_table().to_pylist()
    return rows


@pytest.mark.parametrize("counts", [[5], [5, 0, 1, 40], [0, 0, 3], list(range(40))], ids=str)
def test_write_joined__three_readers_agree(tmp_path: Path, counts: list[int]) -> None:
    """Arrow, DuckDB and Polars read all rows in order, with nulls, lists, dictionaries; empty parts leave no trace."""
    tables = [_table(sum(counts[:place]), count) for place, count in enumerate(counts)]
    path = _joined(tmp_path / "t.parquet", tables)
    whole = pa.concat_tables(tables)
    read = pq.read_table(path)
    assert read.schema.equals(SCHEMA)
    assert read.to_pylist() == whole.to_pylist()
    assert _asked(f"select * from '{path}'") == whole.to_pylist()
    assert pl.read_parquet(path).to_dicts() == whole.to_pylist()
    assert pl.scan_parquet(path).select("words", "maybe").collect().to_dicts() == (
        whole.select(["words", "maybe"]).to_pylist()
    )
    assert pq.ParquetFile(path).num_row_groups == sum(1 for count in counts if count)


def test_write_joined__nothing(tmp_path: Path) -> None:
    """No part at all, or only empty ones, is a valid table without rows."""
    for tables in ([], [_table(0, 0)]):
        path = _joined(tmp_path / "t.parquet", tables)
        assert pq.read_table(path).equals(SCHEMA.empty_table())
        assert _asked(f"select count(*) n from '{path}'") == [{"n": 0}]
        assert pl.read_parquet(path).height == 0


def test_write_joined__thousands_of_parts(tmp_path: Path) -> None:
    """Forty thousand row groups (more than an ordinal of 16 bits can count) are one readable file."""
    groups = RowGroups(pa.schema([SCHEMA.field("cents")]))
    part = groups.encode(_table(0, 3).select(["cents"]))
    path = tmp_path / "t.parquet"
    with path.open("wb") as stream:
        write_joined(stream, groups, (part for _ in range(40_000)))
    assert pq.ParquetFile(path).num_row_groups == 40_000
    assert _asked(f"select count(*) n, sum(cents) cents from '{path}'") == [{"n": 120_000, "cents": 40_000 * 3 * 7919}]


def test_write_joined__statistics_of_the_key(tmp_path: Path) -> None:
    """Each group keeps the range of the ordering column, and only that one has statistics."""
    path = _joined(tmp_path / "t.parquet", [_table(0, 10), _table(10, 10)])
    groups = pq.ParquetFile(path).metadata
    ranges = [groups.row_group(n).column(0).statistics for n in range(2)]
    assert [(s.min, s.max) for s in ranges] == [(f"{0:011d}", f"{9:011d}"), (f"{10:011d}", f"{19:011d}")]
    assert not groups.row_group(1).column(1).is_stats_set
    found = pq.read_table(path, filters=[("key", "==", f"{13:011d}")])
    assert found.column("cents").to_pylist() == [13 * 7919]


@given(st.lists(st.text(max_size=40), min_size=1, max_size=6, unique=True), st.data())
def test_encode__statistics_of_words_are_those_of_arrow(words: list[str], data: st.DataObject) -> None:
    """The key given as words, some of them not used, has the range that Arrow finds in the same key as text."""
    codes = data.draw(st.lists(st.integers(0, len(words) - 1), min_size=1, max_size=8))
    table = _table(0, len(codes))
    key = pa.DictionaryArray.from_arrays(pa.array(codes, pa.int32()), pa.array(words, pa.string()))
    for schema, place in ((SCHEMA, 0), (pa.schema([*list(SCHEMA)[1:], SCHEMA.field(0)]), len(SCHEMA) - 1)):
        given_ = table.set_column(0, "key", key).select(schema.names)
        groups = RowGroups(schema, ordered_by="key", few=["few"])
        found = []
        for one in (given_, given_.set_column(place, "key", key.cast(pa.string()))):
            stream = io.BytesIO()
            write_joined(stream, groups, [groups.encode(one)])
            read = pq.ParquetFile(stream)
            chunk = read.metadata.row_group(0).column(read.metadata.num_columns - 1 if place else 0)
            found.append((chunk.path_in_schema, chunk.statistics.to_dict(), _fields(stream.getvalue(), place)))
            assert read.read().column("key").to_pylist() == [words[code] for code in codes]
        assert found[0] == found[1]
        assert found[0][1]["min"] == min((words[code] for code in codes), key=str.encode)


def _fields(file: bytes, column: int) -> list[tuple[int, int, bytes]]:
    """Id and type of each field that describes a column of a file with one row group; of statistics the bytes, too."""
    data = bytes(memoryview(file)[len(file) - footer_length(memoryview(file)) : -8])
    reader, found = _Reader(data), list[tuple[int, int, bytes]]()

    def described(field: int, kind: int, start: int) -> int:
        end = reader.skip(kind, start)
        found.append((field, kind, data[start:end] if field == 12 else b""))
        return end

    def chunk(field: int, _kind: int, start: int) -> int:
        return reader.walk(start, described) if field == 3 else 0

    def group(field: int, _kind: int, start: int) -> int:
        if field == 1:
            _, _, place = reader.items(start)
            for _ in range(column):
                place = reader.end(place)
            reader.walk(place, chunk)
        return 0

    def whole(field: int, _kind: int, start: int) -> int:
        return reader.walk(reader.items(start)[2], group) if field == 4 else 0

    reader.walk(0, whole)
    assert [field for field, _, _ in found] == sorted({field for field, _, _ in found})
    return found


def test_encode__statistics_where_a_word_is_null() -> None:
    """A null among the words, which rows hold, is not said to be none."""
    schema = pa.schema([pa.field("key", pa.dictionary(pa.int32(), pa.string()))])
    key = pa.DictionaryArray.from_arrays(pa.array([0, 1, 2], pa.int32()), pa.array(["b", None, "a"], pa.string()))
    assert RowGroups(schema, ordered_by="key")._range(pa.table([key], schema=schema)) is None


def test_encode__statistics_of_words_with_nulls_come_from_arrow() -> None:
    """A key of words with a null keeps its statistics, the count of nulls among them."""
    schema = pa.schema([pa.field("key", pa.dictionary(pa.int32(), pa.string()))])
    groups = RowGroups(schema, ordered_by="key")
    stream = io.BytesIO()
    write_joined(stream, groups, [groups.encode(pa.table([pa.array(["b", None, "a"], schema[0].type)], schema=schema))])
    found = pq.ParquetFile(stream).metadata.row_group(0).column(0).statistics
    assert (found.min, found.max, found.null_count) == ("a", "b", 1)


def test_piece__no_place_for_statistics() -> None:
    """A range for a column that has statistics is refused, not written twice."""
    table = _table(0, 3)
    sink = pa.BufferOutputStream()
    pq.write_table(table, sink, store_schema=False)
    template = Template.of(_empty(table.schema))
    with pytest.raises(FooterError, match="without statistics"):
        template.piece(sink.getvalue(), 4, Range(0, b"a", b"b"))


def _empty(schema: pa.Schema) -> pa.Buffer:
    """The file of a table without rows."""
    sink = pa.BufferOutputStream()
    pq.write_table(schema.empty_table(), sink, store_schema=False)
    return sink.getvalue()


def test_encode__words_may_come_as_text_and_text_as_words(tmp_path: Path) -> None:
    """A dictionary given for plain text, within lists too, or text given for a dictionary, gives the same schema."""
    table = _table(0, 9)
    lists = table["words"].combine_chunks()
    other = table
    for name, column in (
        ("word", table["word"].cast(pa.string())),
        ("few", table["few"].combine_chunks().dictionary_encode()),
        ("words", pa.ListArray.from_arrays(lists.offsets, lists.values.dictionary_encode())),
    ):
        other = other.set_column(other.schema.get_field_index(name), name, column)
    read = pq.read_table(_joined(tmp_path / "t.parquet", [table, other]))
    assert read.schema.equals(SCHEMA)
    assert read.to_pylist() == table.to_pylist() * 2


@pytest.mark.parametrize(
    "table",
    [
        _table(0, 3).drop_columns(["yes"]),
        _table(0, 3).rename_columns([*SCHEMA.names[:-1], "no"]),
        _table(0, 3).set_column(1, "cents", pa.array(["a", "b", "c"])),
        _table(0, 3).set_column(1, "cents", pa.array([1, None, 3])),
    ],
    ids=["column missing", "column renamed", "other type", "null where none may stand"],
)
def test_encode__another_schema_is_refused(table: pa.Table) -> None:
    """Columns that are not those of the file are one clear error, not a broken file."""
    with pytest.raises(FooterError, match=r"another schema|null"):
        GROUPS.encode(table)


def test_template__row_group_of_another_file_is_refused() -> None:
    """The bytes of a row group are only taken when the schema in its footer is the same, byte for byte."""
    sink = io.BytesIO()
    pq.write_table(_table(0, 3).drop_columns(["yes"]), sink)
    with pytest.raises(FooterError, match="another schema"):
        GROUPS.template.piece(sink.getvalue(), 4)


@given(
    st.lists(st.integers(0, 2**40), min_size=0, max_size=8),
    st.lists(st.binary(max_size=200), min_size=9, max_size=9),
)
@settings(max_examples=100, deadline=None)
def test_group_piece__packed_and_back(offsets: list[int], literals: list[bytes]) -> None:
    """A piece survives its journey through the index."""
    piece = GroupPiece(len(offsets), tuple(literals[: len(offsets) + 1]), tuple(offsets))
    assert GroupPiece.unpacked(piece.packed()) == piece


def test_encode__same_table_same_bytes() -> None:
    """A table gives the same bytes each time, also as a slice of a larger one and in several chunks."""
    first, second = GROUPS.encode(_table(0, 50)), GROUPS.encode(_table(0, 50))
    assert (bytes(first.data), first.piece) == (bytes(second.data), second.piece)
    plain = [f.name for f in SCHEMA if not pa.types.is_dictionary(f.type)]
    groups = RowGroups(pa.schema([SCHEMA.field(name) for name in plain]))
    table = _table(0, 50).select(plain)
    chunked = pa.concat_tables([table.slice(0, 20), table.slice(20)])
    assert bytes(groups.encode(chunked).data) == bytes(groups.encode(table).data)


def test_encode__one_group_even_when_large() -> None:
    """A part of more rows than Arrow puts into one group by default is still one group."""
    count = (1 << 20) + 10
    groups = RowGroups(pa.schema([pa.field("n", pa.int64())]))
    assert groups.encode(pa.table({"n": pc.cast(pa.nulls(count), pa.int64())})).rows == count


@pytest.mark.parametrize("schema", [r.RESULT_ENTRIES_SCHEMA, r.RESULT_CHANGES_SCHEMA, r.RESULT_FINDINGS_SCHEMA])
def test_row_groups__result_schemas(tmp_path: Path, schema: pa.Schema) -> None:
    """The schemas of the promised tables come back from a file as they are declared."""
    assert pq.read_schema(_joined(tmp_path / "t.parquet", [], RowGroups(schema))).equals(schema)
