"""The table of changes: one row for each number that changed, as a person would list them."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from cape_engine.bridge import Partition
from cape_engine.outputs.changes import NOT_ACCEPTED, NumberOutcome, changes_table
from cape_engine.schema import facts as f
from cape_engine.schema import results as r
from cape_engine.schema import rows as s
from cape_engine.schema.column import arrow_schema

RULES = ("kept as filed", "removed", "restored")
CHANGES = ("kept", "removed", "restored", "moved_value")
SOURCES = ("first.csv", "second.csv")
NUMBER = st.tuples(st.sampled_from([0, 0, 1, 2, 3]), st.integers(0, 10**12), st.integers(0, 2))
LINE = st.tuples(st.lists(NUMBER, max_size=4), st.integers(-(10**6), 10**6), st.booleans())
ENTRIES = st.lists(st.tuples(st.booleans(), st.lists(LINE, max_size=4)), max_size=6)


def partition_of(
    entries: list[tuple[bool, list[tuple[list[tuple[int, int, int]], int, bool]]]], *, slim: bool, nulls: bool
) -> Partition:
    """A partition with as many entries, lines and numbers, and only the columns that the table takes.

    With `slim`, and without `nulls`, they are as a store mostly has them: 32 bits wide, and every row known.
    """
    lines = [line for _, found in entries for line in found]
    numbers = [number for line, _, _ in lines for number in line]
    places = range(len(numbers))
    tariffs = (s.ORDINAL, s.HTS_NUMBER, s.DUTY_CENTS, s.SOURCE_IDX, s.SOURCE_ROW)
    return Partition(
        "part-00000",
        pa.table(
            [pa.array([f"ABC{i:08}" for i in range(len(entries))], pa.string()), [len(found) for _, found in entries]],
            schema=arrow_schema((f.ENTRY_NUMBER, s.LINE_COUNT)),
        ),
        pa.table(
            [list(range(1, len(lines) + 1)), [len(line) for line, _, _ in lines]],
            schema=arrow_schema((s.LINE_NUMBER, s.TARIFF_COUNT)),
        ),
        pa.table(
            [
                [i % 7 + 1 for i in places],
                pa.array([f"99030{i % 3}" for i in places], s.HTS_NUMBER.type),
                [100 * i for i in places],
                [i % 2 for i in places],
                [None if unknown_row(i, nulls=nulls) else i + 2 for i in places],
            ],
            schema=narrow(arrow_schema(tariffs)) if slim else arrow_schema(tariffs),
        ),
        SOURCES,
    )


def unknown_row(place: int, *, nulls: bool) -> bool:
    """Whether it is not known on which row of its source a number stands."""
    return place % 5 == 0 and nulls


def narrow(schema: pa.Schema) -> pa.Schema:
    """The schema with all whole numbers 32 bits wide."""
    return pa.schema([field.with_type(pa.int32()) if pa.types.is_integer(field.type) else field for field in schema])


@given(ENTRIES, st.booleans(), st.booleans(), st.booleans())
def test_changes_table__as_a_person_would(
    entries: list[tuple[bool, list[tuple[list[tuple[int, int, int]], int, bool]]]], every: bool, slim: bool, nulls: bool
) -> None:
    """Changed numbers of accepted entries, or every number; those of other entries keep their duty and have no gap."""
    expected, place, at = [], 0, 0
    for entry, (accepted, lines) in enumerate(entries):
        for numbers, gap, known in lines:
            at += 1
            for change, duty, rule in numbers:
                if every or (accepted and change):
                    expected.append(
                        (
                            f"ABC{entry:08}",
                            at,
                            place % 7 + 1,
                            f"99030{place % 3}",
                            CHANGES[change if accepted else 0],
                            100 * place,
                            duty if accepted else 100 * place,
                            gap if accepted and known else None,
                            RULES[rule] if accepted else NOT_ACCEPTED,
                            SOURCES[place % 2],
                            None if unknown_row(place, nulls=nulls) else place + 2,
                        )
                    )
                place += 1
    lines_ = [line for _, found in entries for line in found]
    numbers_ = [number for line, _, _ in lines_ for number in line]
    outcome = NumberOutcome(
        change=np.array([change for change, _, _ in numbers_], np.int8),
        recalculated_duty_cents=np.array([duty for _, duty, _ in numbers_], np.int64),
        rule=np.array([rule for _, _, rule in numbers_], np.int8),
        rules=RULES,
        gap_cents=np.array([gap for _, gap, _ in lines_], np.int64),
        gap_known=np.array([known for _, _, known in lines_], np.bool_),
    )
    accepted_ = np.array([accepted for accepted, _ in entries], np.bool_)
    partition = partition_of(entries, slim=slim, nulls=nulls)
    table = changes_table(partition, outcome, accepted_, every_number=every)
    table.validate(full=True)
    assert table.schema.equals(r.RESULT_CHANGES_SCHEMA)
    assert [tuple(row.values()) for row in table.to_pylist()] == expected
    words = changes_table(partition, outcome, accepted_, every_number=every, words=True)
    assert pa.types.is_dictionary(words.schema.field(str(r.RULE)).type)
    assert words.cast(r.RESULT_CHANGES_SCHEMA).equals(table)
