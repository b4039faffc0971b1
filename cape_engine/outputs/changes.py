"""The table of changed numbers, from what mass processing decided for each of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from cape_engine import bridge
from cape_engine.bridge import Bools, Int8s, Int32s, Int64s, readonly
from cape_engine.schema import facts as f
from cape_engine.schema import results as r
from cape_engine.schema import rows as s
from cape_engine.schema.codes import Change
from cape_engine.schema.column import Column
from cape_kernels import changes as kernels

NOT_ACCEPTED = "entry not accepted: nothing changes"
"""Rule of the numbers of an entry that keeps its version."""

_CHANGES = [change.name.lower() for change in Change]


@dataclass(frozen=True, slots=True)
class NumberOutcome:
    """What a run did to each tariff number of a partition; arrays of one value per number (gap: per line)."""

    change: Int8s
    recalculated_duty_cents: Int64s
    rule: npt.NDArray[np.integer]
    rules: Sequence[str]
    gap_cents: Int64s
    gap_known: Bools


def changes_table(
    partition: bridge.Partition, outcome: NumberOutcome, accepted: Bools, *, every_number: bool, words: bool = False
) -> pa.Table:
    """One row for each number that changed (all with `every_number`), with rule, file and row (`RESULT_CHANGES`).

    Args:
        partition: entries, lines and numbers.
        outcome: what mass processing decided.
        accepted: whether the portal accepted each entry; the others keep their numbers.
        every_number: also the numbers that were kept.
        words: leave texts that repeat (entry number, rule, source) as words into a dictionary. A file of the promised
            schema takes them as they are; spelt out for each row they cost more than all other columns.
    """
    picked = _picked(partition, outcome, accepted, every=every_number)
    line, number = pa.array(picked.line), pa.array(picked.number)
    filed = _taken(partition.tariffs, s.DUTY_CENTS, number)
    duty = picked.duty
    if every_number:
        duty = np.where(accepted[picked.entry], duty, filed.to_numpy(zero_copy_only=False))
    source = _taken(partition.tariffs, s.SOURCE_IDX, number).cast(pa.int32())
    columns = {
        f.ENTRY_NUMBER: _coded(pa.array(picked.entry), bridge.single(partition.entries, f.ENTRY_NUMBER)),
        s.LINE_NUMBER: _taken(partition.lines, s.LINE_NUMBER, line),
        s.ORDINAL: _taken(partition.tariffs, s.ORDINAL, number),
        s.HTS_NUMBER: bridge.single(partition.tariffs, s.HTS_NUMBER).take(number),
        r.CHANGE: _coded(pa.array(picked.change), pa.array(_CHANGES, pa.string())),
        r.FILED_DUTY_CENTS: filed,
        r.RECALCULATED_DUTY_CENTS: pa.array(duty),
        r.GAP_CENTS: bridge.known_only(picked.gap, picked.gap_known.view(np.bool_), pa.int64()),
        r.RULE: _coded(pa.array(picked.rule), pa.array([*outcome.rules, NOT_ACCEPTED], pa.string())),
        r.SOURCE: _coded(source, pa.array(partition.sources, pa.string())),
        s.SOURCE_ROW: _taken(partition.tariffs, s.SOURCE_ROW, number),
    }
    fields = [
        field.with_type(columns[column].type) if words else field
        for column, field in zip(r.RESULT_CHANGES, r.RESULT_CHANGES_SCHEMA, strict=True)
    ]
    arrays = [columns[column].cast(field.type) for column, field in zip(r.RESULT_CHANGES, fields, strict=True)]
    return pa.table(arrays, schema=pa.schema(fields))


def _picked(partition: bridge.Partition, outcome: NumberOutcome, accepted: Bools, *, every: bool) -> kernels.Picked:
    """The rows of the table as arrays, in the order of the partition."""
    numbers = len(outcome.change)
    room = (numbers if every else int(np.count_nonzero(outcome.change))) + 1
    kinds = (np.int32, np.int32, np.int32, np.int8, np.int8, np.int64, np.int64, np.uint8)
    picked = kernels.Picked._make(np.empty(room, kind) for kind in kinds)
    count = np.zeros(1, np.int64)
    kernels.pick_changes(
        _counts(partition.entries, s.LINE_COUNT),
        _counts(partition.lines, s.TARIFF_COUNT),
        kernels.Outcome(
            accepted=readonly(accepted).view(np.uint8),
            gap=readonly(outcome.gap_cents),
            gap_known=readonly(outcome.gap_known).view(np.uint8),
            change=readonly(outcome.change),
            rule=readonly(outcome.rule.astype(np.int8, copy=False)),
            duty=readonly(outcome.recalculated_duty_cents),
        ),
        len(outcome.rules),
        every,
        picked,
        count,
    )
    return kernels.Picked._make(array[: count[0]] for array in picked)


def _counts(table: pa.Table, column: Column) -> Int32s:
    """A column of counts."""
    values = bridge.stored(table, column)
    return readonly(np.zeros(table.num_rows, np.int32)) if values is None else bridge.filled(values, np.int32, 0)


def _taken(table: pa.Table, column: Column, places: pa.Array) -> pa.Array:
    """Some cells of a column; widened to what is declared only after they are picked."""
    values = bridge.stored(table, column)
    return pa.nulls(len(places), column.type) if values is None else values.take(places).cast(column.type)


def _coded(codes: pa.Array, vocabulary: pa.Array) -> pa.DictionaryArray:
    """Places in a vocabulary as a word column."""
    return pa.DictionaryArray.from_arrays(codes, vocabulary, safe=False)
