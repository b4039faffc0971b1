"""Findings: rows of one table, in an order that depends on their content only."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cape_engine.findings import Findings, catalogue
from cape_engine.findings.columns import WORDS_SCHEMA
from cape_engine.findings.grouped import add_grouped
from cape_engine.schema import results as r


def test_catalogue__words_are_there() -> None:
    """Every kind of finding says what is wrong and what to do."""
    for kind in catalogue().values():
        assert kind.message, kind.code
        assert kind.remedy, kind.code
        assert kind.code == kind.code.upper()


def test_findings__to_table_order() -> None:
    """The same findings added in another order give the same table."""
    one, other = Findings(), Findings()
    for found, order in ((one, (1, 2, 3)), (other, (3, 1, 2))):
        for number in order:
            found.add("FACT_NOT_GIVEN", column=f"column {number}", value=number, default="x")
    assert one.to_table().equals(other.to_table())
    assert len(one) == 3


def test_findings__append_table() -> None:
    """A table of findings built in bulk stands beside the single ones."""
    first, second = Findings(), Findings()
    first.add("FACT_NOT_GIVEN", column="a", value=1, default="x")
    second.append_table(first.to_table())
    second.extend(first)
    assert second.to_table().num_rows == 2
    assert second.to_table().schema.equals(r.RESULT_FINDINGS_SCHEMA)


def test_findings__unknown_code() -> None:
    """A code that is not in the catalogue is a fault of the program."""
    with pytest.raises(KeyError):
        Findings().add("NO_SUCH_CODE")


def sorted_by_arrow(table: pa.Table) -> pa.Table:
    """The same rows in the order of Arrow's own sort of the texts."""
    plain = table.cast(pa.schema(list(PLAIN.items())))
    keys = (r.FINDING_ENTRY, r.CODE, r.FINDING_SOURCE, r.ROW, r.COLUMN, r.VALUE, r.MESSAGE)
    return plain.sort_by([(str(key), "ascending") for key in keys])


PLAIN = {
    field.name: pa.string() if pa.types.is_dictionary(field.type) else field.type for field in r.RESULT_FINDINGS_SCHEMA
}
ENTRY = st.one_of(st.none(), st.sampled_from(["ABC12345676", "ABC12345684", "9AZ76543214", "é", ""]))
SINGLE = st.tuples(
    st.sampled_from(["FACT_NOT_GIVEN", "HOLD_CODE_UNKNOWN"]),
    st.one_of(st.none(), st.sampled_from(["b.csv", "a.csv"])),
    st.one_of(st.none(), st.integers(2, 12)),
    st.one_of(st.none(), st.sampled_from(["x", "y"])),
    st.one_of(st.none(), st.integers(0, 12)),
    ENTRY,
)


@given(st.lists(SINGLE, max_size=30), st.lists(st.tuples(st.sampled_from([7, 3, 90_000]), ENTRY), max_size=20))
def test_findings__order_is_that_of_the_texts(
    single: list[tuple[Any, ...]], many: list[tuple[int, str | None]]
) -> None:
    """Singly, grouped or as tables, spelt out or as words: the rows are those of a plain sort of the texts."""
    found, batch = Findings(), Findings()
    for code, source, row, column, value, entry in single:
        found.add(code, source=source, row=row, column=column, value=value, entry=entry)
    numbers = pa.array([entry for _, entry in many], pa.string())
    values = np.array([value for value, _ in many], np.int64)
    add_grouped(batch, "HOLD_CODE_UNKNOWN", numbers, values, lambda value: {"column": "z", "value": value})
    found.append_table(batch.to_table(words=True))
    found.append_table(batch.to_table())
    found.extend(batch)
    table = found.to_table()
    table.validate(full=True)
    assert len(found) == table.num_rows == len(single) + 3 * len(many)
    assert sorted_by_arrow(table).equals(table.cast(pa.schema(list(PLAIN.items()))))
    words = found.to_table(words=True)
    assert words.schema.equals(WORDS_SCHEMA)
    assert words.cast(r.RESULT_FINDINGS_SCHEMA).equals(table)
    again = Findings()
    again.append_table(words)
    assert again.to_table(words=True).equals(words)


@given(st.lists(SINGLE, max_size=30), st.lists(st.tuples(st.sampled_from([7, 3, 90_000]), ENTRY), max_size=20))
def test_findings__by_group_as_by_row(single: list[tuple[Any, ...]], many: list[tuple[int, str | None]]) -> None:
    """Findings that are ordered by group, no table among them, make the very table that ordering by row makes."""
    found, by_row = Findings(), Findings()
    for code, source, row, column, value, entry in single:
        found.add(code, source=source, row=row, column=column, value=value, entry=entry)
    numbers = pa.array([entry for _, entry in many], pa.string())
    values = np.array([value for value, _ in many], np.int64)
    for code in ("HOLD_CODE_UNKNOWN", "LIQUIDATION_STATUS_UNKNOWN"):
        add_grouped(found, code, numbers, values, lambda value: {"column": "z", "value": value})
    table = found.to_table(words=True)
    table.validate(full=True)
    by_row.append_table(table.take(np.random.default_rng(len(single)).permutation(table.num_rows)))
    assert by_row.to_table(words=True).equals(table)
    assert sorted_by_arrow(table).equals(table.cast(pa.schema(list(PLAIN.items()))))
