"""The result hash: equal for equal answers in any order or encoding, different when one cell differs."""

from __future__ import annotations

import pyarrow as pa
import pytest

from cape_engine.outputs.result_hash import result_hash, row_sums

TABLE = pa.table(
    {
        "entry_number": ["ABC12345676", "XYZ00000015", "9AZ76543214"],
        "principal_cents": pa.array([1, None, 3], pa.int64()),
        "action": pa.array(["wait", "none", "wait"]).dictionary_encode(),
        "flags": pa.array([["A", "B"], [], ["A"]]),
        "day": pa.array([1, None, 3], pa.int32()).cast(pa.date32()),
        "name": pa.array(["short", "rather longer than the others", None]),
    }
)


def test_result_hash__order_does_not_matter() -> None:
    """Rows in another order give the same hash."""
    assert result_hash({"t": TABLE}) == result_hash({"t": TABLE.take([2, 0, 1])})


def test_result_hash__chunks_and_encoding_do_not_matter() -> None:
    """The same values in chunks, or as dictionary and as plain text, give the same hash."""
    chunked = pa.concat_tables([TABLE.slice(0, 1), TABLE.slice(1)])
    plain = TABLE.set_column(2, "action", TABLE.column("action").cast(pa.string()))
    assert result_hash({"t": TABLE}) == result_hash({"t": chunked}) == result_hash({"t": plain})


def test_row_sums__partitions_add_up() -> None:
    """The sums of two parts add up to the sums of the whole, modulo 2^64."""
    parts = [row_sums(TABLE.slice(0, 2)), row_sums(TABLE.slice(2))]
    assert row_sums(TABLE) == tuple((a + b) % 2**64 for a, b in zip(*parts, strict=True))


@pytest.mark.parametrize("column", TABLE.column_names)
def test_result_hash__every_column_counts(column: str) -> None:
    """A value moved to another row changes the hash, for each column."""
    index = TABLE.column_names.index(column)
    moved = TABLE.set_column(index, column, TABLE.column(column).take(pa.array([1, 0, 2])))
    assert result_hash({"t": moved}) != result_hash({"t": TABLE})


def test_result_hash__null_is_not_zero() -> None:
    """An unknown amount is not the amount zero."""
    zero = pa.table({"cents": pa.array([0], pa.int64())})
    null = pa.table({"cents": pa.array([None], pa.int64())})
    assert result_hash({"t": zero}) != result_hash({"t": null})


def test_row_sums__texts_that_hardly_repeat() -> None:
    """Long texts that hardly repeat, nulls among them, give what they give as words of a dictionary."""
    texts = [None if row % 97 == 5 else f"a text of more than eight bytes {row % 4_990}" for row in range(5_000)]
    plain = pa.table({"payment_id": pa.array(texts), "cents": list(range(5_000))})
    coded = plain.set_column(0, "payment_id", plain.column(0).dictionary_encode())
    assert row_sums(plain) == row_sums(coded)
    few = pa.table({"payment_id": [f"a text of more than eight bytes {row % 7}" for row in range(5_000)]})
    assert row_sums(few) == row_sums(few.set_column(0, "payment_id", few.column(0).dictionary_encode()))
