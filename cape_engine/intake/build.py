"""Files to a store: each file read in parts by threads, all rows grouped at once, partitions written one by one."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import numpy as np
import pyarrow as pa

from cape_engine.bridge import Int64s
from cape_engine.errors import MappingError, UsageError
from cape_engine.findings import Findings
from cape_engine.intake import files
from cape_engine.intake.block import Table
from cape_engine.intake.bulk import add_rows
from cape_engine.intake.cells import STORED
from cape_engine.intake.chunk import Reading, RowChunk, row_chunk
from cape_engine.intake.entries import key_texts, keys_of_texts, wanted_check_digits
from cape_engine.intake.entry_facts import entry_facts, line_facts
from cape_engine.intake.gather import Rows, drop_duplicates, gather
from cape_engine.intake.headers import headers_without_rows, overlay_headers, read_headers
from cape_engine.intake.headings import ColumnMapping, Headings, read_mapping, row_headings
from cape_engine.intake.lines import check_lengths, settle_repeats, split_lines
from cape_engine.intake.opening import in_parallel, open_table
from cape_engine.intake.tables import Grouped, partitions
from cape_engine.intake.words import Vocabularies
from cape_engine.rules import Ruleset
from cape_engine.schema import facts as f
from cape_engine.schema import rows as s
from cape_engine.schema.column import Column
from cape_engine.settings import Settings
from cape_engine.store import Source, Store, StoreWriter

_REQUIRED = frozenset({s.LINE_NUMBER, s.ORDINAL, s.HTS_NUMBER, s.VALUE_DOLLARS, s.DUTY, s.DUTY_CENTS})
_CHECK_DIGIT_BASE = 36


class Watcher(Protocol):
    """Whoever wants to know how far the reading is."""

    def stage(self, name: str, total: int | None = None) -> None:
        """A stage begins."""

    def advance(self, steps: int = 1) -> None:
        """Some steps of it are done."""


class _Silent:
    """Nobody wants to know."""

    def stage(self, name: str, total: int | None = None) -> None:
        """Say nothing."""

    def advance(self, steps: int = 1) -> None:
        """Say nothing."""


@dataclass(slots=True)
class _Intake:
    """What has been read so far."""

    vocabularies: Vocabularies = field(default_factory=Vocabularies)
    chunks: list[RowChunk] = field(default_factory=list)
    sources: list[Source] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)
    given: set[Column] = field(default_factory=set)
    repeats: dict[Column, set[int]] = field(default_factory=dict)
    labels: dict[Column, dict[int, str]] = field(default_factory=dict)
    troubles: list[files.Unreadable] = field(default_factory=list)
    absent: list[tuple[str, tuple[str, ...]]] = field(default_factory=list)
    hashes: dict[str, str] = field(default_factory=dict)


def build_store(
    sources: Iterable[Path | str],
    folder: Path | str,
    *,
    headers: Sequence[Path | str] = (),
    mapping: Path | str | ColumnMapping | None = None,
    ruleset: Ruleset,
    settings: Settings,
    partition_lines: int = 1_000_000,
    only_entry: str | None = None,
    progress: Watcher | None = None,
) -> tuple[Store, Findings]:
    """Read exports and write a store of them.

    Args:
        sources: ES-003 exports or canonical rows, as files or folders, each CSV, .xlsx or Parquet.
        folder: where the store goes (new, empty or an old store).
        headers: header files whose facts beat those of the rows.
        mapping: column mapping for other exports, or the file of one.
        ruleset: report columns and status words.
        settings: claim.check_digit and mass.max_tariffs_per_line count here.
        partition_lines: lines after which a partition is full.
        only_entry: keep this entry alone.
        progress: told about files and partitions.

    Returns:
        The store, and everything found in the files.

    Raises:
        InputError: none of the sources can be read.
        MappingError: the mapping is not valid, or names headings that no file has.
        UsageError: `only_entry` is not an entry number.
        StoreError: `folder` holds something else.
        OutputError: the store cannot be written.
    """
    findings = Findings()
    if isinstance(mapping, (str, Path)):
        mapping = read_mapping(mapping)
    only = None if only_entry is None else _key_of(only_entry)
    header_table, found = read_headers(headers, ruleset) if headers else (None, Findings())
    findings.extend(found)
    watcher = progress or _Silent()
    intake = _Intake()
    paths = files.expand(sources, findings)
    watcher.stage("reading files", len(paths))
    for path in paths:
        _read_file(path, intake, row_headings(ruleset, mapping), ruleset, only, findings)
        watcher.advance()
    _finish_reading(intake, mapping, findings)
    grouped = _group(intake, settings, findings)
    given = {str(column) for column in intake.given} | {str(f.FILER_CODE)}
    if header_table is not None:
        given |= _header_facts(header_table)
        if only is None:
            findings.extend(headers_without_rows(header_table, [key_texts(grouped.rows.keys)]))
    writer = StoreWriter(folder)
    watcher.stage("writing partitions")
    for partition in partitions(grouped, partition_lines):
        whole, found = (partition, Findings()) if header_table is None else overlay_headers(partition, header_table)
        findings.extend(found)
        writer.write(whole)
        watcher.advance()
    return writer.finish(intake.sources, given), findings


def _key_of(text: str) -> int:
    """The key of an entry number that a person typed.

    Raises:
        UsageError: it is not one.
    """
    keys, _status = keys_of_texts(pa.array([text], pa.string()))
    if keys[0] < 0:
        raise UsageError(f"{text!r} is not an entry number: 11 letters and digits, such as ABC12345676")
    return int(keys[0])


def _read_file(
    path: Path, intake: _Intake, headings: Headings, ruleset: Ruleset, only: int | None, findings: Findings
) -> None:
    """Read one file into `intake`; a file that cannot be read becomes a finding."""
    number = len(intake.sources)
    chunks: list[RowChunk] = []
    own = Findings()
    try:
        kind, table = open_table(path, headings, own)
        digest = files.sha256_of(path)
        if digest in intake.hashes:
            findings.add("FILE_TWICE", source=str(path), other_source=intake.hashes[digest])
            return
        reading = Reading(number, str(path), table.layout, _REQUIRED, intake.vocabularies, ruleset, only)
        chunks = list(in_parallel(table.blocks(), lambda block: row_chunk(block, reading)))
    except files.Unreadable as trouble:
        intake.troubles.append(trouble)
        return
    intake.hashes[digest] = str(path)
    findings.extend(own)
    for chunk in chunks:
        findings.extend(chunk.findings)
    rows = sum(len(chunk.rows) for chunk in chunks)
    if rows == 0 and only is None:
        findings.add("FILE_WITHOUT_ROWS", source=str(path))
    intake.chunks.extend(chunks)
    intake.refused.extend(table.refused_entries)
    intake.sources.append(Source(str(path), digest, path.stat().st_size, rows, f"{table.layout.kind} {kind}"))
    _note_layout(intake, number, table, findings)


def _note_layout(intake: _Intake, number: int, table: Table, findings: Findings) -> None:
    """Remember what the columns of a file give, and name those that nobody knows."""
    layout = table.layout
    if layout.unknown:
        findings.add("COLUMN_UNKNOWN", source=table.source, value=", ".join(layout.unknown))
    if layout.absent:
        intake.absent.append((table.source, layout.absent))
    for column in layout.positions:
        intake.labels.setdefault(STORED.get(str(column), column), {})[number] = layout.heading(column)
        if column in f.ENTRY_FACTS:
            intake.given.add(column)
    for column in layout.repeats:
        intake.repeats.setdefault(column, set()).add(number)


def _finish_reading(intake: _Intake, mapping: ColumnMapping | None, findings: Findings) -> None:
    """Findings about whole files.

    Raises:
        InputError: nothing could be read.
        MappingError: a heading of the mapping stands in no file.
    """
    if not intake.sources:
        raise files.nothing_readable(intake.troubles)
    for trouble in intake.troubles:
        trouble.add_to(findings)
    if mapping is None:
        return
    lacking = dict(intake.absent)
    for heading in mapping.columns:
        if all(heading in lacking.get(source.name, ()) for source in intake.sources):
            raise MappingError(f"{mapping.path}: no file has a column {heading!r}; write it exactly as it stands there")
    for source, headings in intake.absent:
        findings.add("MAPPING_HEADER_MISSING", source=source, value=", ".join(headings))


def _group(intake: _Intake, settings: Settings, findings: Findings) -> Grouped:
    """All rows as entries and lines."""
    keys, _status = keys_of_texts(pa.array(intake.refused, pa.string()))
    rows = gather(intake.chunks, [source.name for source in intake.sources], np.unique(keys))
    rows.labels = intake.labels
    _check_digits(rows, settings, findings)
    kept = drop_duplicates(rows, findings)
    lines = split_lines(rows, kept)
    check_lengths(rows, lines, settings, findings)
    settle_repeats(rows, lines, intake.repeats, intake.vocabularies, findings)
    of_entries = entry_facts(rows, intake.vocabularies, findings)
    of_lines = line_facts(rows, lines.starts, intake.vocabularies, findings)
    return Grouped(rows, lines, of_entries, of_lines, intake.vocabularies)


def _check_digits(rows: Rows, settings: Settings, findings: Findings) -> None:
    """Test the check digits (Appendix E): a warning by default, because CBP may add to the digit."""
    policy = settings.text("claim.check_digit")
    if policy == "off" or len(rows.keys) == 0:
        return
    wanted = wanted_check_digits(rows.keys)
    has_rows = rows.entry_starts[1:] > rows.entry_starts[:-1]
    wrong = np.flatnonzero((rows.keys % _CHECK_DIGIT_BASE != wanted) & has_rows)
    if len(wrong) == 0:
        return
    first: Int64s = rows.order[rows.entry_starts[wrong]]
    add_rows(
        findings,
        "ENTRY_CHECK_DIGIT" if policy == "warn" else "ENTRY_CHECK_DIGIT_REFUSED",
        len(first),
        source=rows.names_of(first),
        row=rows.row[first],
        column=rows.label(f.ENTRY_NUMBER, first),
        value=key_texts(rows.keys[wrong]),
        entry=key_texts(rows.keys[wrong]),
        wanted=wanted[wrong],
    )
    if policy == "reject":
        rows.refused[wrong] = True


def _header_facts(table: pa.Table) -> set[str]:
    """The facts that a header file says something about."""
    return {str(column) for column in f.ENTRY_FACTS if table.column(str(column)).null_count < table.num_rows}
