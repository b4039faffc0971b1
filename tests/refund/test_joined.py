"""Batches put together are the rows of all of them in their order."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from cape_engine.refund.joined import joined

WORD = pa.dictionary(pa.int32(), pa.string())
SCHEMA = pa.schema([("who", WORD), ("status", WORD), ("id", pa.string()), ("cents", pa.int64())])
ROWS = st.lists(
    st.tuples(
        st.none() | st.sampled_from("abc"),
        st.sampled_from(["x", "y"]),
        st.none() | st.text(max_size=3),
        st.none() | st.integers(-(2**63), 2**63 - 1),
    ),
    max_size=6,
)


def batch(rows: list[tuple[str | None, str, str | None, int | None]], *, chunks: int = 1) -> pa.Table:
    """A batch whose first column has its own dictionary, and whose second has one that all share."""
    columns: list[Any] = list(zip(*rows, strict=True)) or [()] * 4
    status = pa.DictionaryArray.from_arrays(
        pa.array([("x", "y").index(word) for word in columns[1]], pa.int32()), ["x", "y"]
    )
    who = pa.array(columns[0], pa.string()).dictionary_encode()
    whole = pa.table([who, status, pa.array(columns[2], pa.string()), pa.array(columns[3], pa.int64())], schema=SCHEMA)
    return pa.concat_tables([whole.slice(0, chunks), whole.slice(chunks)]) if chunks > 1 else whole


@given(st.lists(ROWS, min_size=1, max_size=4))
def test_joined__rows_of_all(parts: list[list[tuple[str | None, str, str | None, int | None]]]) -> None:
    """Rows, nulls among them, stand in the order of the batches, and each word column has one dictionary."""
    whole = joined([batch(rows) for rows in parts])
    assert whole.to_pylist() == [row for rows in parts for row in batch(rows).to_pylist()]
    assert whole.schema.equals(SCHEMA)
    assert all(whole.column(name).num_chunks <= 1 for name in ("who", "status"))
    whole.validate(full=True)


def test_joined__batches_in_chunks() -> None:
    """A batch that comes in chunks is put together, too."""
    rows: list[tuple[str | None, str, str | None, int | None]] = [
        ("a", "x", "1", 1),
        ("b", "y", None, 2),
        (None, "x", "3", 3),
    ]
    for several in ([batch(rows, chunks=2)], [batch(rows, chunks=2), batch(rows)]):
        whole = joined(several)
        assert whole.to_pylist() == [row for one in several for row in one.to_pylist()]
        assert all(whole.column(name).num_chunks == 1 for name in ("who", "status"))
