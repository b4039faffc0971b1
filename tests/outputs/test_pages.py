"""Pages written by our own kernels hold exactly the rows that Arrow's writer would have written."""

from __future__ import annotations

import datetime as dt
import io
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cape_engine.outputs import row_groups
from cape_engine.outputs.row_groups import EncodedPart, FooterError, RowGroups, write_joined
from cape_engine.outputs.thrift import binary, i32, listed, structure, unsigned

_WORDS = st.sampled_from(["", "a", "bc", "äöü", "long word " * 20, *"defghijklmnopq"])
_KINDS: dict[str, tuple[pa.DataType, st.SearchStrategy[Any]]] = {
    "int64": (pa.int64(), st.integers(-(2**63), 2**63 - 1) | st.integers(0, 5000)),
    "int32": (pa.int32(), st.integers(-(2**31), 2**31 - 1) | st.just(7)),
    "int16": (pa.int16(), st.integers(-(2**15), 2**15 - 1)),
    "day": (pa.date32(), st.dates(dt.date(1970, 1, 1), dt.date(2060, 1, 1))),
    "text": (pa.string(), _WORDS),
    "few": (pa.string(), _WORDS),
    "word": (pa.dictionary(pa.int32(), pa.string()), _WORDS),
}


def _field(name: str, *, nullable: bool) -> pa.Field:
    return pa.field(name, _KINDS[name][0], nullable=nullable)


def _own(groups: RowGroups, table: pa.Table, monkeypatch: pytest.MonkeyPatch) -> EncodedPart:
    """The table as our own pages."""
    monkeypatch.setattr(row_groups, "_OWN_ROWS", 1)
    monkeypatch.setattr(RowGroups, "_written", None)  # Arrow's writer is not to be asked
    part = groups.encode(table)
    monkeypatch.undo()
    return part


def _read(groups: RowGroups, *parts: EncodedPart) -> pa.Table:
    sink = io.BytesIO()
    write_joined(sink, groups, parts)
    return pq.read_table(io.BytesIO(sink.getvalue()))


@pytest.mark.kernel
@pytest.mark.parametrize("nullable", [True, False])
@pytest.mark.parametrize("name", _KINDS)
@given(data=st.data())
@settings(max_examples=40, deadline=None)
def test_encode__any_column(name: str, nullable: bool, data: st.DataObject) -> None:
    """Whatever stands in a column, also in a slice that begins in the middle, comes back."""
    kind, cells = _KINDS[name]
    values = data.draw(st.lists(cells | st.none() if nullable else cells, min_size=1, max_size=300))
    values *= data.draw(st.sampled_from([1, 1, 3, 40]))
    start = data.draw(st.integers(0, min(len(values) - 1, 20)))
    field = _field(name, nullable=nullable)
    groups = RowGroups(pa.schema([field]), few=["few"], ordered_by=name if pa.types.is_string(kind) else None)
    table = pa.table([pa.array(values, kind)], schema=groups.schema).slice(start)
    with pytest.MonkeyPatch.context() as patch:
        part = _own(groups, table, patch)
    assert _read(groups, part, part).column(0).to_pylist() == values[start:] * 2


@pytest.mark.kernel
@given(st.lists(st.lists(_WORDS, max_size=4), min_size=1, max_size=80), st.integers(0, 5), st.booleans())
@settings(max_examples=60, deadline=None)
def test_encode__lists(lists: list[list[str]], start: int, coded: bool) -> None:
    """Lists of words come back, empty ones too, given as texts or as places in a dictionary."""
    start = min(start, len(lists) - 1)
    groups = RowGroups(pa.schema([pa.field("lists", pa.list_(pa.string()), nullable=False)]))
    column = pa.array(lists, pa.list_(pa.string()))
    if coded:
        column = pa.ListArray.from_arrays(column.offsets, column.values.dictionary_encode())
    with pytest.MonkeyPatch.context() as patch:
        part = _own(groups, pa.table({"lists": column}).slice(start), patch)
    assert _read(groups, part).column(0).to_pylist() == lists[start:]


def _table(count: int) -> pa.Table:
    """Rows with every kind of column, as a large part has them."""
    choice = np.random.default_rng(5)
    known = choice.random(count) < 0.7
    schema = pa.schema(
        [_field(name, nullable=name not in {"text", "int64"}) for name in _KINDS]
        + [pa.field("lists", pa.list_(pa.string()), nullable=False)]
    )
    words = [f"word {n}" for n in range(3000)]
    columns: list[Any] = [
        pa.array(choice.integers(0, 10**9, count)),
        pa.array(choice.integers(-9, 9, count), mask=~known).cast(pa.int32()),
        pa.array(np.repeat(5, count), mask=~known).cast(pa.int16()),
        pa.array(choice.integers(20000, 20400, count).astype(np.int32), mask=~known).cast(pa.date32()),
        pa.array([f"{n:011d}" for n in range(count)]),
        pa.array(["same"] * count),
        pa.DictionaryArray.from_arrays(pa.array(choice.integers(0, 2000, count).astype(np.int32), mask=known), words),
        pa.array([[f"F{n % 3}"] * (n % 4) for n in range(count)], pa.list_(pa.string())),
    ]
    return pa.table(columns, schema=schema)


def test_encode__three_readers_agree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Arrow, DuckDB and Polars read many rows of all kinds as they are; types and the range of the key are kept."""
    table = _table(20_000)
    groups = RowGroups(table.schema, ordered_by="text", few=["few"])
    part = _own(groups, table, monkeypatch)
    path = tmp_path / "t.parquet"
    with path.open("wb") as stream:
        write_joined(stream, groups, [part, part])
    wanted = pa.concat_tables([table, table])
    read = pq.read_table(path)
    assert read.schema.equals(table.schema)
    with duckdb.connect() as connection:
        answer = connection.sql(f"select * from '{path}'")
        assert answer is not None
        found = answer.to_arrow_table()
    for name in table.column_names:
        cells = wanted[name].to_pylist()
        assert read[name].to_pylist() == cells
        assert found[name].to_pylist() == cells
        assert pl.read_parquet(path, columns=[name]).to_arrow()[name].to_pylist() == cells
    described = pq.ParquetFile(path).metadata.row_group(1)
    key = described.column(4).statistics
    assert (key.min, key.max) == (f"{0:011d}", f"{19_999:011d}")
    assert described.total_byte_size >= sum(described.column(n).total_compressed_size for n in range(8))
    assert pq.read_table(path, filters=[("text", "==", f"{77:011d}")]).num_rows == 2


def test_encode__own_pages_are_not_larger_than_arrows(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same table takes about the same room, so that nothing is lost by speed."""
    table = _table(30_000)
    groups = RowGroups(table.schema, ordered_by="text", few=["few"])
    own = _own(groups, table, monkeypatch)
    monkeypatch.setattr(row_groups, "_OWN_ROWS", 1 << 60)
    assert len(own.data) < 1.05 * len(groups.encode(table).data)


def test_encode__large_parts_use_own_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    """Parts of a usual size never come to Arrow's writer; odd columns do, and come back all the same."""
    table = _table(1 << 14)
    groups = RowGroups(table.schema)
    odd = table.set_column(7, "lists", pa.array([["a", None]] * (1 << 14), pa.list_(pa.string())))
    assert _read(groups, groups.encode(odd)).column("lists").to_pylist() == [["a", None]] * (1 << 14)
    monkeypatch.setattr(RowGroups, "_written", None)
    groups.encode(table)
    with pytest.raises(TypeError):
        groups.encode(odd)


@pytest.mark.kernel
def test_encode__null_where_none_may_stand(monkeypatch: pytest.MonkeyPatch) -> None:
    """A cell without a value in a column that must have one is refused."""
    groups = RowGroups(pa.schema([pa.field("int64", pa.int64(), nullable=False)]))
    with pytest.raises((FooterError, ValueError), match=r"null|without a value"):
        _own(groups, pa.table({"int64": [1, None]}), monkeypatch)


@pytest.mark.kernel
def test_encode__only_words_that_occur(monkeypatch: pytest.MonkeyPatch) -> None:
    """The bytes of a part depend on its own words only, not on how many others share its dictionary."""
    groups = RowGroups(pa.schema([("word", pa.dictionary(pa.int32(), pa.string()))]))
    few = pa.DictionaryArray.from_arrays(pa.array([0, 1, None, 1], pa.int32()), ["b", "d"])
    many = pa.DictionaryArray.from_arrays(pa.array([1, 3, None, 3], pa.int32()), ["a", "b", "c", "d"])
    first, second = (_own(groups, pa.table({"word": column}), monkeypatch) for column in (few, many))
    assert (bytes(first.data), first.piece) == (bytes(second.data), second.piece)


def test_thrift__as_the_protocol_says() -> None:
    """Varints, zigzag, short and long lists and field ids are those of Thrift's compact protocol."""
    assert unsigned(300) == b"\xac\x02"
    assert unsigned(-1) == b"\xff" * 9 + b"\x01"
    assert i32(150) == (5, b"\xac\x02")
    assert binary(b"ab") == (8, b"\x02ab")
    assert listed([i32(1)] * 2) == (9, b"\x25\x02\x02")
    assert listed([i32(1)] * 15)[1][:2] == b"\xf5\x0f"
    assert structure([(1, i32(1)), (4, binary(b""))]) == (12, b"\x15\x02\x38\x00\x00")
