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
_CELLS = dict(
    zip(
        kernels.Cells._fields,
        (s.LINE_NUMBER, s.ORDINAL, s.HTS_NUMBER, s.DUTY_CENTS, s.SOURCE_IDX, s.SOURCE_ROW),
        strict=True,
    )
)


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
    picked, taken = _picked(partition, outcome, accepted, every=every_number)
    filed = taken[s.DUTY_CENTS]
    duty = picked.duty
    if every_number:
        duty = np.where(accepted[picked.entry], duty, filed.to_numpy(zero_copy_only=False))
    columns = {
        **taken,
        f.ENTRY_NUMBER: _coded(picked.entry, bridge.single(partition.entries, f.ENTRY_NUMBER)),
        r.CHANGE: _coded(picked.change, pa.array(_CHANGES, pa.string())),
        r.FILED_DUTY_CENTS: filed,
        r.RECALCULATED_DUTY_CENTS: pa.array(duty),
        r.GAP_CENTS: bridge.known_only(picked.gap, picked.gap_known.view(np.bool_), pa.int64()),
        r.RULE: _coded(picked.rule, pa.array([*outcome.rules, NOT_ACCEPTED], pa.string())),
        r.SOURCE: _coded(taken[s.SOURCE_IDX].cast(pa.int32()), pa.array(partition.sources, pa.string())),
    }
    fields = [
        field.with_type(columns[column].type) if words else field
        for column, field in zip(r.RESULT_CHANGES, r.RESULT_CHANGES_SCHEMA, strict=True)
    ]
    arrays = [columns[column].cast(field.type) for column, field in zip(r.RESULT_CHANGES, fields, strict=True)]
    return pa.table(arrays, schema=pa.schema(fields))


def _picked(
    partition: bridge.Partition, outcome: NumberOutcome, accepted: Bools, *, every: bool
) -> tuple[kernels.Picked, dict[Column, pa.Array]]:
    """(The rows of the table as arrays, in the order of the partition; the columns that stand in the store)."""
    tables = {
        name: partition.lines if column is s.LINE_NUMBER else partition.tariffs for name, column in _CELLS.items()
    }
    plain = {name: _plain(tables[name], column) for name, column in _CELLS.items()}
    numbers = len(outcome.change)
    apart = any(cells is None for cells in plain.values())
    nothing = readonly(np.zeros(max(numbers, len(outcome.gap_cents)) if apart else 0, np.int32))
    room = (numbers if every else int(np.count_nonzero(outcome.change))) + 1
    picked = kernels.Picked._make(np.empty(room, kind) for kind in kernels.PICKED)
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
        kernels.Cells(**{name: nothing if cells is None else cells for name, cells in plain.items()}),
        len(outcome.rules),
        every,
        picked,
        count,
    )
    picked = kernels.Picked._make(array[: count[0]] for array in picked)
    taken = {}
    for name, column in _CELLS.items():
        if plain[name] is None:
            places = picked.line if column is s.LINE_NUMBER else picked.number
            taken[column] = _taken(tables[name], column, pa.array(places))
        elif column is s.HTS_NUMBER:
            taken[column] = _coded(getattr(picked, name), bridge.single(partition.tariffs, column).dictionary)
        else:
            taken[column] = pa.array(getattr(picked, name))
    return picked, taken


def _plain(table: pa.Table, column: Column) -> Int32s | None:
    """A column, or its words, as the kernel takes it; None where it is wider or not all known."""
    values = bridge.stored(table, column)
    if values is None or values.null_count:
        return None
    values = values.indices if pa.types.is_dictionary(values.type) else values
    return bridge.filled(values, np.int32, 0) if values.type == pa.int32() else None


def _counts(table: pa.Table, column: Column) -> Int32s:
    """A column of counts."""
    values = bridge.stored(table, column)
    return readonly(np.zeros(table.num_rows, np.int32)) if values is None else bridge.filled(values, np.int32, 0)


def _taken(table: pa.Table, column: Column, places: pa.Array) -> pa.Array:
    """Some cells of a column; widened to what is declared only after they are picked."""
    values = bridge.stored(table, column)
    return pa.nulls(len(places), column.type) if values is None else values.take(places).cast(column.type)


def _coded(codes: pa.Array | npt.NDArray[np.integer], vocabulary: pa.Array) -> pa.DictionaryArray:
    """Places in a vocabulary as a word column."""
    codes = pa.array(codes) if isinstance(codes, np.ndarray) else codes
    return pa.DictionaryArray.from_arrays(codes, vocabulary, safe=False)
