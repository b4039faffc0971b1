"""Files to a store: rows read into a pool, grouped bucket by bucket, and written partition by partition."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import numpy as np
import pyarrow as pa

from cape_engine.errors import UsageError
from cape_engine.findings import Findings
from cape_engine.intake import files
from cape_engine.intake.entries import keys_of_texts
from cape_engine.intake.group import Context, grouped, repeated_in
from cape_engine.intake.headers import Overlay, read_headers
from cape_engine.intake.headings import ColumnMapping, read_mapping, row_headings
from cape_engine.intake.memory import Budget, budget_of, give_back
from cape_engine.intake.ordered import beside, in_order
from cape_engine.intake.reading import Intake
from cape_engine.intake.spill import Pool
from cape_engine.intake.strangers import refuse_strangers
from cape_engine.intake.tables import Cutter, Piece, partition_of
from cape_engine.rules import Ruleset
from cape_engine.schema import facts as f
from cape_engine.schema import rows as s
from cape_engine.schema.column import Column
from cape_engine.settings import Settings
from cape_engine.store import Source, Store, StoreWriter


class Watcher(Protocol):
    """Whoever wants to know how far the reading is."""

    def stage(self, name: str, total: int | None = None) -> None:
        """A stage begins."""

    def advance(self, steps: int = 1) -> None:
        """Some steps of it are done."""


class SilentWatcher:
    """Nobody wants to know."""

    def stage(self, name: str, total: int | None = None) -> None:
        """Say nothing."""

    def advance(self, steps: int = 1) -> None:
        """Say nothing."""


@dataclass(frozen=True, slots=True)
class Order:
    """How an import is carried out.

    Attributes:
        ruleset: report columns and status words.
        settings: claim.check_digit and mass.max_tariffs_per_line count here.
        headers: header files whose facts beat those of the rows.
        mapping: column mapping for other exports, or the file of one.
        partition_lines: lines after which a partition is full.
        only: key of the one entry wanted, or None.
        memory_limit: bytes that the process may hold; None: what the machine has free.
        watcher: told about files and partitions.
    """

    ruleset: Ruleset
    settings: Settings
    headers: Sequence[Path | str] = ()
    mapping: Path | str | ColumnMapping | None = None
    partition_lines: int = 1_000_000
    only: int | None = None
    memory_limit: int | None = None
    watcher: Watcher = field(default_factory=SilentWatcher)


def build_store(  # noqa: PLR0913 - the options of the import command
    sources: Iterable[Path | str],
    folder: Path | str,
    *,
    headers: Sequence[Path | str] = (),
    mapping: Path | str | ColumnMapping | None = None,
    ruleset: Ruleset,
    settings: Settings,
    partition_lines: int = 1_000_000,
    only_entry: str | None = None,
    memory_limit: int | None = None,
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
        memory_limit: bytes that the process may hold; rows beyond are sorted through the disk. None: what is free.
        progress: told about files and partitions.

    Returns:
        The store, and everything found in the files.

    Raises:
        InputError: none of the sources can be read.
        MappingError: the mapping is not valid, or names headings that no file has.
        UsageError: `only_entry` is not an entry number, a source is a store or the results of a run, or the memory
            limit is below what the engine itself needs.
        StoreError: `folder` holds something else.
        OutputError: the store cannot be written.
    """
    only = None if only_entry is None else key_of(only_entry)
    watcher = progress or SilentWatcher()
    order = Order(ruleset, settings, headers, mapping, partition_lines, only, memory_limit, watcher)
    return carry_out(order, sources, Path(folder))


def carry_out(
    order: Order, sources: Iterable[Path | str], folder: Path, older: Sequence[Source] = ()
) -> tuple[Store, Findings]:
    """Read files and write a store of them; see `build_store`.

    Args:
        order: how.
        sources: files and folders.
        folder: where the store goes.
        older: files of another store, to which this one will be added; they are counted first.
    """
    sources, findings = tuple(sources), Findings()
    refuse_strangers(sources)
    mapping = read_mapping(order.mapping) if isinstance(order.mapping, (str, Path)) else order.mapping
    header_table, found = read_headers(order.headers, order.ruleset) if order.headers else (None, Findings())
    findings.extend(found)
    budget = budget_of(order.memory_limit, max(os.cpu_count() or 1, 1), order.partition_lines)
    pool = Pool(_existing(folder), budget.held_bytes, budget.process_bytes, budget.threads)
    intake = Intake(pool, list(older), len(older))
    try:
        paths = files.expand(sources, findings)
        order.watcher.stage("reading files", len(paths))
        for path in paths:
            intake.read(path, row_headings(order.ruleset, mapping), order.ruleset, order.only, findings)
            order.watcher.advance()
        intake.finish(mapping, findings)
        overlay = None if header_table is None else Overlay(header_table)
        writer = StoreWriter(folder)
        _write(intake, order, budget, overlay, writer, findings)
    finally:
        pool.close()
    given = {str(column) for column in intake.given} | {str(f.FILER_CODE)}
    if overlay is not None:
        given |= overlay.facts_given()
        if order.only is None:
            findings.extend(overlay.without_rows())
    return writer.finish(intake.sources, given), findings


def key_of(text: str) -> int:
    """The key of an entry number that a person typed.

    Raises:
        UsageError: it is not one.
    """
    keys, _status = keys_of_texts(pa.array([text], pa.string()))
    if keys[0] < 0:
        raise UsageError(f"{text!r} is not an entry number: 11 letters and digits, such as ABC12345676")
    return int(keys[0])


def _existing(folder: Path) -> Path:
    """The folder, or the nearest one above it that is there: spilled rows go to the disk of the store."""
    return next((place for place in (folder, *folder.absolute().parents) if place.is_dir()), Path())


def _write(
    intake: Intake, order: Order, budget: Budget, overlay: Overlay | None, writer: StoreWriter, findings: Findings
) -> None:
    """Group the rows bucket by bucket and write them partition by partition, the one while the other goes on."""
    pool = intake.pool
    if pool.spilled or pool.held_bytes > budget.kept_bytes:
        pool.flush()
    names = [source.name for source in intake.sources]
    context = Context(names, intake.labels, intake.vocabularies, order.settings, intake.repeats)
    buckets = pool.cut(budget.bucket_rows)
    refused = np.unique(keys_of_texts(pa.array(intake.refused, pa.string()))[0])
    repeated = _repeated(intake, buckets, budget, context)
    order.watcher.stage("writing partitions")

    def group(number: int) -> tuple[Piece, dict[int, int], Findings]:
        return grouped(pool.bucket(number), pool.keys_within(number, refused), repeated, context)

    def write(part: tuple[int, list[Piece]]) -> Findings:
        number, pieces = part
        found = Findings()
        partition = partition_of(f"part-{number:05d}", pieces, names, intake.vocabularies, hands.map)
        if overlay is not None:
            partition, found = overlay.over(partition)
        writer.write(partition)
        if pool.spilled:
            give_back()
        return found

    settled: dict[int, int] = {}
    pieces = _pieces(in_order(group, range(buckets), budget.threads), settled, findings)
    with ThreadPoolExecutor(budget.threads, thread_name_prefix="cape-columns") as hands:
        for found in beside(write, enumerate(_cut(pieces, order.partition_lines))):
            findings.extend(found)
            order.watcher.advance()
    for column, source in sorted(repeated):
        if column == s.VALUE_DOLLARS:
            heading = intake.labels[column][source]
            findings.add("LINE_VALUE_REPEATED", source=names[source], column=heading, value=settled.get(source, 0))


def _pieces(
    buckets: Iterator[tuple[Piece, dict[int, int], Findings]], settled: dict[int, int], findings: Findings
) -> Iterator[Piece]:
    """The entries of each bucket; what else is said about them is added to `settled` and `findings`."""
    for piece, kept, found in buckets:
        findings.extend(found)
        for source, count in kept.items():
            settled[source] = settled.get(source, 0) + count
        yield piece


def _cut(pieces: Iterator[Piece], partition_lines: int) -> Iterator[list[Piece]]:
    """The pieces of each partition."""
    cutter = Cutter(partition_lines)
    for piece in pieces:
        yield from cutter.add(piece)
    yield from cutter.rest()


def _repeated(intake: Intake, buckets: int, budget: Budget, context: Context) -> set[tuple[Column, int]]:
    """Older headings and files whose amount is repeated on every row of every line that could tell."""
    if not intake.repeats:
        return set()
    said: dict[tuple[Column, int], bool] = {}

    def ask(number: int) -> dict[tuple[Column, int], bool]:
        return repeated_in(intake.pool.bucket(number), context)

    for found in in_order(ask, range(buckets), budget.threads):
        for key, same in found.items():
            said[key] = said.get(key, True) and same
    return {key for key, same in said.items() if same}
