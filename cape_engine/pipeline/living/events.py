"""Events from outside: files and tables of them, tested row by row; what cannot be is a finding and stays out."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pacsv
import pyarrow.parquet as pq

from cape_engine import bridge
from cape_engine.bridge import NO_DAY, Bools, Int32s
from cape_engine.dates import date_of, day_number
from cape_engine.errors import InputError
from cape_engine.findings import Findings
from cape_engine.liquidation.life import Events
from cape_engine.pipeline.living.world import World
from cape_engine.rules import Ruleset
from cape_engine.rules.rows import EventKind
from cape_engine.schema import facts as f
from cape_engine.schema import life

FIRST = dt.date(2025, 2, 4)
"""Day of the first IEEPA number: no event about an entry of CAPE lies before it."""
_NEEDED = (f.ENTRY_NUMBER, life.EVENT_KIND, life.EFFECTIVE_DATE)
_SPACE = r"[\s\-]"


class Bounds(NamedTuple):
    """What the days of an event are held against.

    Attributes:
        first: first day that was not played yet.
        last: last day of the calendar.
    """

    first: dt.date
    last: int


def read_files(paths: Sequence[Path], findings: Findings) -> list[tuple[str, pa.Table]]:
    """Files of events as text, by name.

    Raises:
        InputError: a file cannot be read, or lacks a column.
    """
    found = []
    for path in paths:
        try:
            table = pq.read_table(path) if path.suffix == ".parquet" else _csv(path)
        except (OSError, pa.ArrowException) as error:
            words = str(error).splitlines()[0]
            raise InputError(f"{path}: events cannot be read ({words}). Save them as CSV or Parquet.") from error
        found.append((path.name, as_text(table, path.name, findings)))
    return found


def _csv(path: Path) -> pa.Table:
    """A CSV file, every cell as text."""
    with path.open("rb") as stream:
        head = stream.readline().decode("utf-8-sig", "replace").strip()
    names = [name.strip().strip('"') for name in head.split(",")]
    options = pacsv.ConvertOptions(column_types=dict.fromkeys(names, pa.string()), strings_can_be_null=False)
    return pacsv.read_csv(path, convert_options=options)


def as_text(table: pa.Table, source: str, findings: Findings) -> pa.Table:
    """The columns of a table of events as text without blanks around; a null as nothing.

    Raises:
        InputError: a column is missing.
    """
    named = table.rename_columns([name.strip().lower() for name in table.column_names])
    missing = [str(column) for column in _NEEDED if str(column) not in named.column_names]
    if missing:
        raise InputError(f"{source}: column {missing[0]} is missing. Events need {', '.join(_NEEDED)}.")
    odd = [name for name in named.column_names if name not in life.EVENTS_FILE]
    if odd:
        findings.add("COLUMN_UNKNOWN", source=source, value=", ".join(odd))
    made = {}
    for column in life.EVENTS_FILE:
        there = str(column) in named.column_names
        cells = named.column(str(column)).combine_chunks() if there else pa.nulls(named.num_rows, pa.string())
        if pa.types.is_timestamp(cells.type):
            cells = cells.cast(pa.date32())
        made[str(column)] = pc.utf8_trim_whitespace(pc.fill_null(cells.cast(pa.string()), ""))
    return pa.table(made)


class _Reading:
    """Rows of one source, with those that are still good."""

    def __init__(self, source: str, rows: pa.Table, findings: Findings) -> None:
        self.source = source
        self.rows = rows
        self.findings = findings
        self.good = np.ones(rows.num_rows, np.bool_)
        self.line = np.arange(2, rows.num_rows + 2)

    def refuse(self, where: Bools, code: str, column: str, more: Callable[[int], dict[str, object]]) -> None:
        """Leave rows out, each with a finding."""
        for place in np.flatnonzero(where & self.good).tolist():
            cells = {"row": int(self.line[place]), "column": column, "value": self.cell(column, place)}
            entry = self.cell(str(f.ENTRY_NUMBER), place)
            self.findings.add(code, source=self.source, entry=entry, **cells, **more(place))  # type: ignore[arg-type]
        self.good &= ~where

    def cell(self, column: str, place: int) -> str:
        """One cell."""
        text: str = self.rows.column(column)[place].as_py()
        return text


def tested(source: str, rows: pa.Table, world: World, ruleset: Ruleset, bounds: Bounds, findings: Findings) -> pa.Table:
    """The good rows of a source, with the day on which each is played: columns `schema.life.OCCURRENCES` less `who`.

    Args:
        source: name of the file.
        rows: as text, columns `schema.life.EVENTS_FILE`.
        world: the entries that events may speak of.
        ruleset: the kinds of events.
        bounds: days.
        findings: what is wrong is added, with file, row, column and value.
    """
    reading = _Reading(source, rows, findings)
    kinds = {kind.kind: kind for kind in ruleset.event_kinds}
    words = pc.utf8_upper(rows.column(str(life.EVENT_KIND))).combine_chunks()
    numbers = pc.utf8_upper(pc.replace_substring_regex(rows.column(str(f.ENTRY_NUMBER)), _SPACE, "")).combine_chunks()
    kind_names = np.array(words.to_pylist(), object)
    known = pc.is_in(words, value_set=pa.array(list(kinds))).to_numpy(zero_copy_only=False)
    reading.refuse(~known, "EVENT_KIND_UNKNOWN", str(life.EVENT_KIND), lambda _: {"known": ", ".join(kinds)})
    held = pc.is_in(numbers, value_set=world.known).to_numpy(zero_copy_only=False)
    reading.refuse(~held, "EVENT_ENTRY_UNKNOWN", str(f.ENTRY_NUMBER), lambda _: {})
    effective, bad = _days(rows.column(str(life.EFFECTIVE_DATE)).combine_chunks())

    def about(place: int) -> dict[str, object]:
        return {"kind": str(kind_names[place])}

    reading.refuse(bad | (effective == NO_DAY), "EVENT_DATE_INVALID", str(life.EFFECTIVE_DATE), about)
    given, bad = _days(rows.column(str(life.EVENT_LIQUIDATION_DATE)).combine_chunks())
    needs = np.isin(kind_names, [name for name, kind in kinds.items() if kind.liquidation_date == "required"])
    column = str(life.EVENT_LIQUIDATION_DATE)
    reading.refuse(bad | (needs & (given == NO_DAY)), "EVENT_DATE_INVALID", column, about)
    _impossible(reading, kinds, kind_names, (effective, given), bounds, _entered(world, numbers))
    keep = pa.array(np.flatnonzero(reading.good))
    played = np.maximum(effective, day_number(bounds.first)).astype(np.int32)
    made = {
        str(f.ENTRY_NUMBER): numbers,
        str(life.EVENT_KIND): words,
        str(life.EFFECTIVE_DATE): bridge.dates(effective),
        column: bridge.known_only(given, given != NO_DAY, pa.date32()),
        str(life.NOTE): rows.column(str(life.NOTE)),
        str(life.RECEIVED_DATE): bridge.dates(played),
        str(life.EVENT_SOURCE): pa.array([source] * rows.num_rows, pa.string()),
        str(life.EVENT_ROW): pa.array(reading.line),
    }
    return pa.table(made).take(keep)


def _entered(world: World, numbers: pa.Array) -> Int32s:
    """Entry dates, `NO_DAY` where not known."""
    whole = pc.equal(pc.utf8_length(numbers), 11)  # others were left out already
    place = world.places(pc.if_else(whole, numbers, "0" * 11))
    return np.where(place >= 0, np.append(world.alive.entered, np.int32(NO_DAY))[place], np.int32(NO_DAY))


def _days(cells: pa.Array) -> tuple[Int32s, Bools]:
    """Days of text, `NO_DAY` where blank, and where the text is no day."""
    encoded = cells.dictionary_encode()
    days, wrong = [], []
    for word in encoded.dictionary.to_pylist():
        try:
            days.append(day_number(dt.date.fromisoformat(word)) if word else NO_DAY)
            wrong.append(False)
        except ValueError:
            days.append(NO_DAY)
            wrong.append(True)
    place = encoded.indices.to_numpy()
    return np.array([*days, NO_DAY], np.int32)[place], np.array([*wrong, False], np.bool_)[place]


def _impossible(
    reading: _Reading,
    kinds: dict[str, EventKind],
    names: npt.NDArray[np.object_],
    days: tuple[Int32s, Int32s],
    bounds: Bounds,
    entered: Int32s,
) -> None:
    """Leave out rows whose days cannot be."""
    effective, given = days
    dated = given != NO_DAY

    def of(effect: str) -> Bools:
        return np.isin(names, [name for name, kind in kinds.items() if kind.effect == effect])

    none = np.isin(names, [name for name, kind in kinds.items() if kind.liquidation_date == "none"])
    first, last = date_of(day_number(FIRST)), date_of(bounds.last)
    outside = f"it lies outside {first} to {last}"
    column, other = str(life.EFFECTIVE_DATE), str(life.EVENT_LIQUIDATION_DATE)
    for name, where, why in (
        (column, (effective < day_number(FIRST)) | (effective > bounds.last), outside),
        (other, dated & ((given < day_number(FIRST)) | (given > bounds.last)), outside),
        (other, dated & none, "events of this kind give none"),
        (other, dated & of("release") & (given < effective), "it lies before the effective date"),
        (other, dated & of("basis") & (given > effective), "it lies after the effective date"),
        (other, dated & (entered != NO_DAY) & (given < entered), "it lies before the entry date"),
    ):
        reading.refuse(where, "EVENT_DATE_IMPOSSIBLE", name, lambda _, why=why: {"why": why})  # type: ignore[misc]


def events_of(occurrences: pa.Table, world: World, ruleset: Ruleset) -> Events:
    """What is played on a day, as arrays; entries that are not alive any more have the place -1."""
    numbers = bridge.single(occurrences, f.ENTRY_NUMBER)
    words = pa.array([kind.kind for kind in ruleset.event_kinds])
    kind = pc.index_in(bridge.single(occurrences, life.EVENT_KIND).cast(pa.string()), value_set=words)
    return Events(
        world.places(numbers),
        pc.fill_null(kind, -1).to_numpy(zero_copy_only=False).astype(np.int64),
        bridge.days(occurrences, life.EFFECTIVE_DATE),
        bridge.days(occurrences, life.EVENT_LIQUIDATION_DATE),
        np.arange(occurrences.num_rows),
    )
