"""The header file: facts of entries that the rows lack; they beat those of the rows, and contradictions are said."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from cape_engine.bridge import Bools, Int64s, Partition, integers, single
from cape_engine.findings import Findings
from cape_engine.intake import files
from cape_engine.intake.bulk import add_rows
from cape_engine.intake.chunk import Reading, row_chunk
from cape_engine.intake.columns import arrow_column
from cape_engine.intake.entries import key_texts, keys_of_texts
from cape_engine.intake.entry_facts import PLAIN_NUMBERS, entry_facts, plain_number
from cape_engine.intake.gather import gather
from cape_engine.intake.headings import header_headings
from cape_engine.intake.opening import in_parallel, open_table
from cape_engine.intake.stretch import Stretch, stretch_of
from cape_engine.intake.words import Vocabularies
from cape_engine.rules import Ruleset
from cape_engine.schema import facts as f
from cape_engine.schema import rows as s
from cape_engine.schema.column import Column, arrow_schema

_COLUMNS: tuple[Column, ...] = (*f.HEADER_FILE, s.INPUT_REFUSED)
_BLANK_WORDS = frozenset({f.LIQUIDATION_STATUS, f.PROTEST_STATUS})


def read_headers(paths: Sequence[Path | str], ruleset: Ruleset) -> tuple[pa.Table, Findings]:
    """Header files as one table, one row an entry, sorted by entry number.

    Args:
        paths: CSV, .xlsx or Parquet, keyed by `entry_number`; our names or the report's.
        ruleset: report columns and status words.

    Returns:
        The columns of `schema.facts.HEADER_FILE` (null: nothing is said) and `INPUT_REFUSED` (a cell cannot be read, or
        two rows contradict each other), and everything found.

    Raises:
        InputError: one of the files cannot be read.
    """
    findings = Findings()
    vocabularies = Vocabularies()
    stretches: list[Stretch] = []
    refused: list[str] = []
    headings = header_headings(ruleset)
    expanded = files.expand(paths, findings)
    labels: dict[Column, dict[int, str]] = {}
    for number, path in enumerate(expanded):
        try:
            _kind, table = open_table(path, headings, findings)
            reading = Reading(number, str(path), table.layout, (), vocabularies, ruleset)
            parts = list(in_parallel(table.blocks(), lambda block, reading=reading: row_chunk(block, reading)))  # type: ignore[misc]  # mypy cannot infer a default
        except files.Unreadable as trouble:
            raise files.nothing_readable([trouble]) from trouble
        for part in parts:
            findings.extend(part.findings)
        if table.layout.unknown:
            findings.add("COLUMN_UNKNOWN", source=table.source, value=", ".join(table.layout.unknown))
        for column in table.layout.positions:
            labels.setdefault(column, {})[number] = table.layout.heading(column)
        stretches.extend(stretch_of(part) for part in parts)
        refused.extend(table.refused_entries)
    keys, _status = keys_of_texts(pa.array(refused, pa.string()))
    rows = gather(stretches, [str(path) for path in expanded], np.unique(keys))
    rows.labels = labels
    found = entry_facts(rows, vocabularies, findings, code="HEADER_CONFLICT")
    words = {str(column): vocabularies.of(column).words for column in f.ENTRY_FACTS}
    count = len(rows.keys)
    arrays = [arrow_column(column, found.get(column), count, words).cast(column.type) for column in f.ENTRY_FACTS]
    columns = [key_texts(rows.keys), *arrays, pa.array(rows.refused)]
    return pa.table(columns, schema=arrow_schema(_COLUMNS)), findings


def header_entries(headers: pa.Table) -> Int64s:
    """The keys of the entries of a header table, ascending."""
    keys, _status = keys_of_texts(single(headers, f.ENTRY_NUMBER))
    return keys


def headers_without_rows(headers: pa.Table, entry_numbers: Iterable[pa.Array]) -> Findings:
    """A finding for every entry of the header file that stands in no source.

    Args:
        headers: as `read_headers` gives it.
        entry_numbers: the entries of the sources, one array a partition.
    """
    keys = header_entries(headers)
    lone = np.ones(len(keys), bool)
    for numbers in entry_numbers:
        place, there = _placed(keys, numbers)
        lone[place[there]] = False
    return _lone(keys[lone])


def _placed(keys: Int64s, numbers: pa.Array) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.bool_]]:
    """Where each entry number stands in ascending keys, and whether it does."""
    wanted, _status = keys_of_texts(numbers)
    place = np.searchsorted(keys, wanted)
    there = np.zeros(len(wanted), bool)
    inside = place < len(keys)
    there[inside] = keys[place[inside]] == wanted[inside]
    return place, there


def _lone(lone: Int64s) -> Findings:
    """A finding for each entry of the header file without rows."""
    findings = Findings()
    add_rows(findings, "HEADER_WITHOUT_ROWS", len(lone), entry=key_texts(lone))
    return findings


def overlay_headers(partition: Partition, headers: pa.Table) -> tuple[Partition, Findings]:
    """A partition with the facts of the header file over those of its rows (see `Overlay.over`).

    Args:
        partition: as read from a store.
        headers: as `read_headers` gives it.
    """
    return Overlay(headers).over(partition)


class Overlay:
    """Lays header files over the partitions of an import, and remembers which of their entries had rows.

    Args:
        headers: as `read_headers` gives it.
    """

    def __init__(self, headers: pa.Table) -> None:
        self._headers = headers
        self._keys = header_entries(headers)
        self._seen = np.zeros(len(self._keys), bool)

    def facts_given(self) -> set[str]:
        """The facts that a header file says something about."""
        table = self._headers
        return {str(column) for column in f.ENTRY_FACTS if table.column(str(column)).null_count < table.num_rows}

    def without_rows(self) -> Findings:
        """A finding for every entry of the header files that stands in none of the partitions."""
        return _lone(self._keys[~self._seen])

    def over(self, partition: Partition) -> tuple[Partition, Findings]:
        """A partition with the facts of the header file over those of its rows.

        A blank status does not beat a word; a fact that differs is a finding; entries whose header row cannot be read
        are refused, and lose their lines.
        """
        findings = Findings()
        place, there = _placed(self._keys, single(partition.entries, f.ENTRY_NUMBER))
        if not there.any():
            return partition, findings
        self._seen[place[there]] = True
        index = pa.array(np.where(there, place, 0), mask=~there)
        entries = partition.entries
        for column in f.ENTRY_FACTS:
            given = single(self._headers, column)
            if given.null_count < len(given):
                entries = _overlaid(entries, column, given.take(index), findings)
        broken = pc.fill_null(single(self._headers, s.INPUT_REFUSED).take(index), fill_value=False)
        refused = np.asarray(broken.to_numpy(zero_copy_only=False), bool)
        if refused.any():
            return _refused(partition, entries, refused, findings), findings
        return replace(partition, entries=entries), findings


def _overlaid(entries: pa.Table, column: Column, given: pa.Array, findings: Findings) -> pa.Table:
    """The entries with one fact of the header file over their own."""
    own = single(entries, column)
    words = pa.types.is_dictionary(own.type)
    if words:
        own, given = own.cast(pa.string()), given.cast(pa.string())
    if column in _BLANK_WORDS:
        silent = pc.and_kleene(pc.equal(given, ""), pc.is_valid(own))
        given = pc.if_else(pc.fill_null(silent, fill_value=False), pa.scalar(None, given.type), given)
    differs = pc.fill_null(pc.not_equal(compared(column, own), compared(column, given)), fill_value=False)
    if column in _BLANK_WORDS:
        differs = pc.and_(differs, pc.not_equal(pc.fill_null(own, ""), ""))
    chosen = pc.indices_nonzero(differs)
    add_rows(
        findings,
        "HEADER_FACT_DIFFERS",
        len(chosen),
        column=str(column),
        value=given.take(chosen).cast(pa.string()),
        entry=single(entries, f.ENTRY_NUMBER).take(chosen),
        other_value=own.take(chosen).cast(pa.string()),
    )
    result = pc.coalesce(given, own)
    if words:
        result = result.dictionary_encode()
    place = entries.schema.get_field_index(str(column))
    return entries.set_column(place, column.field, result.cast(column.type))


def compared(column: Column, values: pa.Array) -> pa.Array:
    """Values as they are compared; importer numbers without dashes and case (clarification 15)."""
    if column not in PLAIN_NUMBERS:
        return values
    return pa.array([None if text is None else plain_number(text) for text in values.to_pylist()], pa.string())


def _refused(partition: Partition, entries: pa.Table, refused: Bools, findings: Findings) -> Partition:
    """The partition with some more entries refused and without their lines."""
    add_rows(
        findings,
        "HEADER_CELL_REFUSED",
        int(refused.sum()),
        entry=single(entries, f.ENTRY_NUMBER).filter(pa.array(refused)),
    )
    line_counts = integers(entries, s.LINE_COUNT, 0)
    keep_line = np.repeat(~refused, line_counts)
    keep_tariff = np.repeat(keep_line, integers(partition.lines, s.TARIFF_COUNT, 0))
    quantities = partition.quantities
    if quantities is not None:
        rows = single(quantities, s.TARIFF).to_numpy()
        moved = (np.cumsum(keep_tariff, dtype=np.int32) - np.int32(1))[rows]
        place = quantities.schema.get_field_index(str(s.TARIFF))
        quantities = quantities.set_column(place, str(s.TARIFF), pa.array(moved)).filter(pa.array(keep_tariff[rows]))
    before = np.asarray(single(entries, s.INPUT_REFUSED).to_numpy(zero_copy_only=False), bool)
    for column, values in (
        (s.INPUT_REFUSED, pa.array(before | refused)),
        (s.LINE_COUNT, pa.array(np.where(refused, 0, line_counts), pa.int32())),
    ):
        entries = entries.set_column(entries.schema.get_field_index(str(column)), column.field, values)
    return Partition(
        partition.name,
        entries,
        partition.lines.filter(pa.array(keep_line)),
        partition.tariffs.filter(pa.array(keep_tariff)),
        partition.sources,
        quantities=quantities,
    )
