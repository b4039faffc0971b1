"""Tables in memory are put together when somebody asks for them, and are what they were."""

from __future__ import annotations

import pickle
from concurrent.futures import ThreadPoolExecutor

import pyarrow as pa
import pytest

from cape_engine.pipeline.collecting import GROWING, Assembled
from cape_engine.schema import results as r
from cape_engine.schema.facts import ENTRY_NUMBER


def part(*numbers: str, words: bool = True) -> pa.Table:
    """Changed numbers of some entries, texts as words of a dictionary, as partitions give them."""
    rows = [
        {
            str(ENTRY_NUMBER): number,
            "line_number": 1,
            "ordinal": place,
            "hts_number": "99030124",
            "change": "removed",
            "filed_duty_cents": place,
            "recalculated_duty_cents": 0,
            "gap_cents": None,
            "rule": f"rule {number[-1]}",
            "source": "a.csv",
            "source_row": place,
        }
        for place, number in enumerate(numbers)
    ]
    table = pa.Table.from_pylist(rows, schema=r.RESULT_CHANGES_SCHEMA)
    if not words:
        return table
    columns = {name: table.column(name) for name in table.column_names}
    for name in (str(ENTRY_NUMBER), "rule", "source"):
        columns[name] = columns[name].dictionary_encode()
    return pa.table(columns)


def test_assembled__parts_in_order__rows_as_they_came() -> None:
    """Words are spelt out, and nothing moves."""
    parts = [part("ABC1", "ABC1", "ABC2"), part(), part("ABC3", "ABC3")]
    table = Assembled({"changes": parts}, {})["changes"]
    assert table.schema == r.RESULT_CHANGES_SCHEMA
    assert table.equals(
        pa.concat_tables([part("ABC1", "ABC1", "ABC2", words=False), part("ABC3", "ABC3", words=False)])
    )


@pytest.mark.parametrize(
    "numbers", [[["ABC3", "ABC3"], ["ABC1"]], [["ABC2", "ABC1"], ["ABC3"]], [["ABC1", "ABC3"], ["ABC2", "ABC3"]]]
)
def test_assembled__parts_out_of_order__by_entry_and_else_as_they_came(numbers: list[list[str]]) -> None:
    """Partitions may come in any order, also with one entry in two of them."""
    table = Assembled({"changes": [part(*some) for some in numbers]}, {})["changes"]
    rows = [row for some in numbers for row in part(*some, words=False).to_pylist()]
    assert table.to_pylist() == sorted(rows, key=lambda row: str(row[str(ENTRY_NUMBER)]))


def test_assembled__nothing__no_rows() -> None:
    """Tables without rows have their columns."""
    held = Assembled({"changes": [part()], "entries": [], "findings": []}, {})
    assert all(held[name].schema == schema and not len(held[name]) for name, schema in GROWING.items())


def test_assembled__a_mapping_of_all_names() -> None:
    """Tables in parts and whole ones answer alike."""
    held = Assembled({"changes": [part("ABC1")]}, {"refunds": r.RESULT_REFUNDS_SCHEMA.empty_table()})
    assert sorted(held) == ["changes", "refunds"]
    assert len(held) == len(set(held))
    assert "payments" not in held
    with pytest.raises(KeyError):
        held["payments"]


def test_assembled__to_another_process__whole_tables() -> None:
    """Results travel as they did when all tables were made at once."""
    held = Assembled({"changes": [part("ABC1")]}, {"refunds": r.RESULT_REFUNDS_SCHEMA.empty_table()})
    assert dict(pickle.loads(pickle.dumps(held))) == dict(held)  # noqa: S301 - our own bytes


def test_assembled__asked_by_several_threads__made_once() -> None:
    """Nobody gets a second copy."""
    held = Assembled({"changes": [part(*(f"ABC{number:05d}" for number in range(2_000)))]}, {})
    with ThreadPoolExecutor(4) as pool:
        tables = list(pool.map(lambda _: held["changes"], range(16)))
    assert all(table is tables[0] for table in tables)
