"""Reading the files of an import into a pool of rows, each file in parts by threads."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from cape_engine.errors import InputError, MappingError
from cape_engine.findings import Findings
from cape_engine.intake import files
from cape_engine.intake.block import Block, Table
from cape_engine.intake.cells import STORED
from cape_engine.intake.chunk import Reading, row_chunk
from cape_engine.intake.headings import ColumnMapping, Headings
from cape_engine.intake.opening import in_parallel, open_table
from cape_engine.intake.spill import Pool
from cape_engine.intake.stretch import Stretch, stretch_of
from cape_engine.intake.words import Vocabularies
from cape_engine.rules import Ruleset
from cape_engine.schema import facts as f
from cape_engine.schema import rows as s
from cape_engine.schema.column import Column
from cape_engine.store import Source

MOST_FILES = 1 << 15
"""Files of a store, which each of its rows names by a number of 16 bits."""
_REQUIRED = frozenset({s.LINE_NUMBER, s.ORDINAL, s.HTS_NUMBER, s.VALUE_DOLLARS, s.DUTY, s.DUTY_CENTS})


@dataclass(slots=True)
class Intake:
    """What has been read so far.

    Attributes:
        pool: the rows.
        sources: the files; those of an older store, to which these are added, come first.
        older: how many of them are of that store.
        vocabularies: words of all columns.
        refused: entries that are refused because a row of theirs cannot be told apart.
        given: entry facts that a file gives.
        repeats: older headings, and the files that use them.
        labels: for each stored column and file, the file's own heading.
        troubles: files that cannot be read.
        absent: headings of the mapping that a file lacks.
    """

    pool: Pool
    sources: list[Source] = field(default_factory=list)
    older: int = 0
    vocabularies: Vocabularies = field(default_factory=Vocabularies)
    refused: list[str] = field(default_factory=list)
    given: set[Column] = field(default_factory=set)
    repeats: dict[Column, set[int]] = field(default_factory=dict)
    labels: dict[Column, dict[int, str]] = field(default_factory=dict)
    troubles: list[files.Unreadable] = field(default_factory=list)
    absent: list[tuple[str, tuple[str, ...]]] = field(default_factory=list)
    _hashes: dict[str, str] = field(default_factory=dict)
    _sizes: set[int] = field(default_factory=set)

    def read(self, path: Path, headings: Headings, ruleset: Ruleset, only: int | None, findings: Findings) -> None:
        """Read one file; a file that cannot be read becomes a finding.

        Args:
            path: the file.
            headings: names it may use.
            ruleset: knows the words of statuses.
            only: key of the one entry wanted, or None.
            findings: takes what was found.

        Raises:
            InputError: there are more files than a store can tell apart.
        """
        own = Findings()
        number = len(self.sources)
        if number >= MOST_FILES:
            step = "put the rows of many files together, or import them into several stores"
            raise InputError(f"{path}: a store remembers {MOST_FILES:,} files at most; {step}")
        try:
            kind, table = open_table(path, headings, own)
            with ThreadPoolExecutor(1) as beside:  # hashing keeps a core busy a third as long as reading does
                hashing = beside.submit(files.sha256_of, path)
                if self._twice(path, hashing, findings):
                    return
                rows = self._rows(
                    table, Reading(number, str(path), table.layout, _REQUIRED, self.vocabularies, ruleset, only), own
                )
                digest = hashing.result()
        except files.Unreadable as trouble:
            self.pool.forget(number)
            self.troubles.append(trouble)
            return
        self._hashes[digest] = str(path)
        self._sizes.add(path.stat().st_size)
        findings.extend(own)
        if rows == 0 and only is None:
            findings.add("FILE_WITHOUT_ROWS", source=str(path))
        self.refused.extend(table.refused_entries)
        self.sources.append(Source(str(path), digest, path.stat().st_size, rows, f"{table.layout.kind} {kind}"))
        self._note_layout(number, table, findings)

    def _twice(self, path: Path, hashing: Future[str], findings: Findings) -> bool:
        """Whether the same bytes have been read before; only a file of the same length makes reading wait for it."""
        if path.stat().st_size not in self._sizes:
            return False
        other = self._hashes.get(hashing.result())
        if other is not None:
            findings.add("FILE_TWICE", source=str(path), other_source=other)
        return other is not None

    def _rows(self, table: Table, reading: Reading, own: Findings) -> int:
        """Read the rows of a file into the pool; how many there are."""

        def work(block: Block) -> tuple[Stretch, Findings]:
            chunk = row_chunk(block, reading)
            return stretch_of(chunk), chunk.findings

        rows = 0
        for stretch, found in in_parallel(table.blocks(), work):
            self.pool.add(stretch)
            own.extend(found)
            rows += len(stretch)
        return rows

    def _note_layout(self, number: int, table: Table, findings: Findings) -> None:
        """Remember what the columns of a file give, and name those that nobody knows."""
        layout = table.layout
        if layout.unknown:
            findings.add("COLUMN_UNKNOWN", source=table.source, value=", ".join(layout.unknown))
        if layout.absent:
            self.absent.append((table.source, layout.absent))
        for column in layout.positions:
            self.labels.setdefault(STORED.get(str(column), column), {})[number] = layout.heading(column)
            if column in f.ENTRY_FACTS:
                self.given.add(column)
        for column in layout.repeats:
            self.repeats.setdefault(column, set()).add(number)

    def finish(self, mapping: ColumnMapping | None, findings: Findings) -> None:
        """Findings about whole files.

        Raises:
            InputError: nothing could be read.
            MappingError: a heading of the mapping stands in no file.
        """
        read: Sequence[Source] = self.sources[self.older :]
        if not read:
            raise files.nothing_readable(self.troubles)
        for trouble in self.troubles:
            trouble.add_to(findings)
        if mapping is None:
            return
        lacking = dict(self.absent)
        for heading in mapping.columns:
            if all(heading in lacking.get(source.name, ()) for source in read):
                raise MappingError(
                    f"{mapping.path}: no file has a column {heading!r}; write it exactly as it stands there"
                )
        for source, headings in self.absent:
            findings.add("MAPPING_HEADER_MISSING", source=source, value=", ".join(headings))
