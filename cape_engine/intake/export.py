"""A store as plain rows: one a tariff number with the facts of its line and entry, for any reader of Parquet or CSV."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pacsv
import pyarrow.parquet as pq

from cape_engine.bridge import Partition, offsets, single
from cape_engine.errors import OutputError, UsageError
from cape_engine.intake.build import SilentWatcher, Watcher
from cape_engine.intake.headings import row_headings
from cape_engine.rules import Ruleset
from cape_engine.schema import facts as f
from cape_engine.schema import rows as s
from cape_engine.schema.column import Column
from cape_engine.store import Store

FORMATS = ("parquet", "csv")
LAYOUTS = ("canonical", "es003")

_BATCH_ROWS = 1 << 18
_AMOUNT = pa.decimal128(18, 2)


@dataclass(frozen=True, slots=True)
class _Exported:
    """A column of the export.

    Attributes:
        name: its heading.
        table: entries, lines or tariffs.
        stored: the column of the store.
        type: as it is written.
    """

    name: str
    table: str
    stored: Column
    type: pa.DataType

    def of(self, table: pa.Table, rows: npt.NDArray[np.int64] | None) -> pa.Array:
        """The cells of some rows (None: all)."""
        values = single(table, self.stored)
        if rows is not None:
            values = values.take(pa.array(rows))
        if pa.types.is_decimal(self.type):
            return _decimals(values)
        return values.cast(self.type)


def export_store(
    store: Store,
    folder: Path | str,
    *,
    form: str = "parquet",
    layout: str = "canonical",
    ruleset: Ruleset,
    progress: Watcher | None = None,
) -> dict[str, int]:
    """Write the rows and the entries of a store as two flat files, partition by partition.

    `rows` holds one row a tariff number, with every column that the store knows anything of; `entries` one row an
    entry, refused ones included, in the form of a header file. Importing `rows` again gives the same contents,
    entries without lines excepted.

    Args:
        store: the store.
        folder: where the files go; files of the same names are replaced.
        form: parquet or csv.
        layout: `canonical`, our own names; or `es003`, the headings of the report and nothing that it lacks.
        ruleset: the headings of the report.
        progress: told about partitions.

    Returns:
        The rows of each file, by its name.

    Raises:
        UsageError: an unknown form or layout.
        OutputError: the files cannot be written.
        StoreError: the store cannot be read.
    """
    if form not in FORMATS or layout not in LAYOUTS:
        raise UsageError(f"a store is exported as {' or '.join(FORMATS)} and laid out as {' or '.join(LAYOUTS)}")
    watcher = progress or SilentWatcher()
    place = Path(folder)
    columns = _columns(store, row_headings(ruleset).printed if layout == "es003" else None)
    facts = [column for column in columns["entries"] if layout == "canonical" or column.stored in f.HEADER_FILE]
    facts.append(_Exported(str(s.INPUT_REFUSED), "entries", s.INPUT_REFUSED, pa.bool_()))
    watcher.stage("exporting partitions", len(store.partitions))
    counts: dict[str, int] = {}
    try:
        place.mkdir(parents=True, exist_ok=True)
        names = [place / f"rows.{form}", place / f"entries.{form}"]
        every = [each for group in columns.values() for each in group]
        with _File(names[0], _schema(every)) as rows, _File(names[1], _schema(facts)) as entries:
            for name in store.partitions:
                partition = store.read(name)
                entries.write(pa.table([each.of(partition.entries, None) for each in facts], entries.schema))
                for batch in _rows(partition, columns):
                    rows.write(batch.cast(rows.schema))
                watcher.advance()
        for file in (rows, entries):
            file.keep()
            counts[file.path.name] = file.rows
    except OSError as error:
        raise OutputError(f"the export {place} cannot be written: {error}") from error
    return counts


def _columns(store: Store, printed: Mapping[Column, str] | None) -> dict[str, list[_Exported]]:
    """The columns of the export by table, those left out of which the store knows nothing.

    A blank status says something else than no status at all (clarification 34): a column that no file gave must not
    come out as one of blanks.
    """
    known = store.facts_given | {str(f.ENTRY_NUMBER)}
    used = _used(store)
    found: dict[str, list[_Exported]] = {"entries": [], "lines": [], "tariffs": []}
    for table, declared in (
        ("entries", (f.ENTRY_NUMBER, *f.ENTRY_FACTS)),
        ("lines", (s.LINE_NUMBER, *s.LINE_FACTS)),
        ("tariffs", (s.ORDINAL, *s.TARIFF_FACTS)),
    ):
        for column in declared:
            needed = column in {s.LINE_NUMBER, s.ORDINAL, s.HTS_NUMBER, s.VALUE_DOLLARS, s.DUTY_CENTS}
            if not (needed or (str(column) in known if table == "entries" else str(column) in used)):
                continue
            if printed is None:
                name: str | None = str(_SPOKEN.get(column, column))
                money = column in s.QUANTITIES_E2
            else:
                name = printed.get(s.DUTY if column == s.DUTY_CENTS else _SPOKEN.get(column, column))
                money = column in s.QUANTITIES_E2 or column == s.DUTY_CENTS
            if name is not None:
                found[table].append(_Exported(name, table, column, _AMOUNT if money else _type(column)))
    return found


_SPOKEN: Mapping[Column, Column] = dict(zip(s.QUANTITIES_E2, s.QUANTITIES, strict=True))


def _type(column: Column) -> pa.DataType:
    """How a column is written: words as text (Parquet makes its own dictionaries), the rest as the store has it."""
    return pa.string() if pa.types.is_dictionary(column.type) else column.type


def _used(store: Store) -> set[str]:
    """Columns of lines and numbers of which the store knows anything."""
    found: set[str] = set()
    for name in store.partitions:
        for table, declared in (("lines", s.LINE_FACTS), ("tariffs", s.TARIFF_FACTS)):
            for column in declared:
                if str(column) not in found:
                    values = getattr(store.read(name, [str(column)]), table).column(str(column))
                    if values.null_count < len(values):
                        found.add(str(column))
    return found


def _schema(columns: Sequence[_Exported]) -> pa.Schema:
    """The schema of a file."""
    return pa.schema([pa.field(column.name, column.type) for column in columns])


def _rows(partition: Partition, columns: Mapping[str, Sequence[_Exported]]) -> Iterator[pa.Table]:
    """The rows of a partition, some hundred thousand at a time."""
    lines, tariffs = offsets(partition.entries, s.LINE_COUNT), offsets(partition.lines, s.TARIFF_COUNT)
    entry_of_line = np.repeat(np.arange(partition.entries.num_rows), np.diff(lines))
    for begin in range(0, partition.tariffs.num_rows, _BATCH_ROWS):
        end = min(begin + _BATCH_ROWS, partition.tariffs.num_rows)
        rows = np.arange(begin, end, dtype=np.int64)
        line = np.searchsorted(tariffs, rows, side="right") - 1
        places = {"entries": entry_of_line[line], "lines": line, "tariffs": rows}
        tables = {"entries": partition.entries, "lines": partition.lines, "tariffs": partition.tariffs}
        found = {each.name: each.of(tables[name], places[name]) for name, group in columns.items() for each in group}
        yield pa.table(found)


def _decimals(values: pa.Array) -> pa.Array:
    """Whole hundredths as decimals with two places, exactly: Arrow holds a decimal as the whole number."""
    known = values.is_valid()
    numbers = pc.fill_null(values.cast(pa.int64()), 0).to_numpy(zero_copy_only=False)
    halves = np.zeros((len(numbers), 2), np.int64)
    halves[:, 0] = numbers
    whole = pa.Array.from_buffers(_AMOUNT, len(numbers), [None, pa.py_buffer(halves)])
    return whole if not values.null_count else pc.if_else(known, whole, pa.scalar(None, _AMOUNT))


class _File:
    """One file of an export, written beside and put in place when all is done.

    Args:
        path: its final name; the ending says the form.
        schema: its columns.
    """

    def __init__(self, path: Path, schema: pa.Schema) -> None:
        self.path = path
        self.schema = schema
        self.rows = 0
        self._beside = path.with_name(f"{path.name}.part")
        make: Callable[..., Any] = pq.ParquetWriter if path.suffix == ".parquet" else pacsv.CSVWriter
        self._writer = make(str(self._beside), schema)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: object, error: object, trace: object) -> None:
        """Close the file; take it away if it is not whole."""
        self._writer.close()
        if kind is not None:
            self._beside.unlink(missing_ok=True)

    def write(self, table: pa.Table) -> None:
        """Add rows."""
        if table.num_rows:
            self._writer.write_table(table)
            self.rows += table.num_rows

    def keep(self) -> None:
        """Give the file its name."""
        self._beside.replace(self.path)
