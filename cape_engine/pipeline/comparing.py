"""Interest by every named convention beside that of a run, entry by entry (`cape refund compare-interest`)."""

from __future__ import annotations

import datetime as dt
import json
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

import cape_engine
from cape_engine import bridge, intake, rules
from cape_engine.bridge import NO_DAY, NO_NUMBER, Bools, Int8s, Int32s, Int64s, readonly
from cape_engine.dates import day_number
from cape_engine.errors import InputError, UsageError
from cape_engine.findings import Findings
from cape_engine.outputs import manifest as counting
from cape_engine.outputs.files import (
    MANIFEST,
    move_results,
    refuse_other_results,
    sha256_of,
    staged,
    write_json,
    write_tables,
    writing,
)
from cape_engine.outputs.progress import Progress, Silent, Stoppable
from cape_engine.outputs.result_groups import ResultGroups, table_path
from cape_engine.refund import conventions
from cape_engine.refund.deposits import Slices, slices
from cape_engine.refund.rates import KINDS
from cape_engine.schema import conventions as s
from cape_engine.schema import facts as f
from cape_engine.schema import results as r
from cape_engine.schema.column import arrow_schema
from cape_engine.settings import Settings
from cape_engine.store import Store

COMMAND = "refund.compare-interest"
ENTRIES_FILE = "interest.parquet"
_READ = (f.ENTRY_NUMBER, f.ENTRY_DATE, r.PRINCIPAL_CENTS, r.INTEREST_CENTS, r.INTEREST_FROM, r.INTEREST_TO)


@dataclass(frozen=True)
class Compared:
    """Interest by every convention over the entries of a run.

    Attributes:
        conventions: rows of `schema.conventions.COMPARED_CONVENTIONS`.
        findings: what was noticed.
        manifest: as it was written.
        entries: rows of `compared_entries`, when one entry was asked for.
        folder: where the tables were written, if anywhere.
    """

    conventions: pa.Table
    findings: pa.Table
    manifest: dict[str, Any]
    entries: pa.Table | None = None
    folder: Path | None = None

    @property
    def exit_code(self) -> int:
        """1 when findings above `info` exist, else 0 (clarification 10)."""
        severities = counting.tally(self.findings, r.SEVERITY)
        return int(bool(severities.get("warning") or severities.get("error")))


@dataclass(slots=True)
class _Sums:
    """What the conventions come to, row group by row group."""

    names: list[str]
    computed: dict[str, int] = field(default_factory=dict)
    missing: dict[str, int] = field(default_factory=dict)
    unequal: dict[str, int] = field(default_factory=dict)
    cents: dict[str, int] = field(default_factory=dict)
    beside: dict[str, int] = field(default_factory=dict)
    strange: int = 0

    def add(self, found: Mapping[str, Int64s], run: Int64s) -> None:
        """Count one row group."""
        for name in self.names:
            known = found[name] != NO_NUMBER
            more = found[name][known] - run[known]
            for sums, value in (
                (self.computed, known.sum()),
                (self.missing, (~known).sum()),
                (self.unequal, np.count_nonzero(more)),
                (self.cents, found[name][known].sum()),
                (self.beside, more.sum()),
            ):
                sums[name] = sums.get(name, 0) + int(value)

    def table(self) -> pa.Table:
        """One row for each convention."""
        known = conventions.catalogue()
        columns = [
            self.names,
            [known[name].cause for name in self.names],
            *([sums.get(name, 0) for name in self.names] for sums in (self.computed, self.missing, self.unequal)),
            [self.cents.get(name, 0) for name in self.names],
            [self.beside.get(name, 0) for name in self.names],
            [known[name].words for name in self.names],
        ]
        schema = arrow_schema(s.COMPARED_CONVENTIONS)
        return pa.table([pa.array(one, fld.type) for one, fld in zip(columns, schema, strict=True)], schema=schema)


@dataclass(frozen=True)
class CompareRequest:
    """What is compared.

    Attributes:
        results: folder of a finished run.
        entry: one entry number; None for all.
        store: the store of the run, for prior refunds and deposit days.
        deposits: its deposits files.
        paid: day CBP paid, for the conventions that run to it.
        out: folder for the tables; None for nowhere.
        ruleset: the rates.
        names: the conventions; all when not given.
    """

    results: Path
    ruleset: rules.Ruleset
    entry: str | None = None
    store: Path | None = None
    deposits: tuple[Path, ...] = ()
    paid: dt.date | None = None
    out: Path | None = None
    names: Sequence[str] | None = None


def compare_run(
    request: CompareRequest, *, progress: Progress | None = None, stop: threading.Event | None = None
) -> Compared:
    """Every convention for the entries of a run that bear interest.

    Raises:
        InputError: no results of a run are there, or the store holds other entries.
        UsageError: the entry is not among them, or bears no interest; `out` holds other results.
        OutputError: the folder cannot be written.
        Stopped: `stop` was set.
    """
    refuse_other_results(request.out, "compare-interest")
    run = _manifest(request.results)
    known = conventions.catalogue()
    wanted = conventions.wanted_names(request.names)
    names = [name for name in wanted if request.paid is not None or known[name].end != "payment"]
    findings = Findings()
    if request.paid is None:
        findings.add("PAYMENT_DAY_NOT_GIVEN")
    sums, whole = _Sums(names), _Whole.of(request, run, names)
    with nullcontext() if request.out is None else staged(request.out) as staging:
        groups = _row_groups(whole, sums, Stoppable(progress or Silent(), stop), staging)
        kept = [table for table in groups if table.num_rows and request.entry is not None]
        if request.entry is not None and not kept:
            raise UsageError(f"{request.entry} is not among the entries with interest of the run in {request.results}")
        if sums.strange:
            findings.add("RUN_INTEREST_NOT_REPRODUCED", value=f"{sums.strange:,}", kind=KINDS[0])
        tables = {"conventions": sums.table(), "findings": findings.to_table()}
        manifest = _record(request, run, tables)
        if request.out is not None and staging is not None:
            manifest = _finished(request.out, staging, tables, manifest)
    entries = pa.concat_tables(kept) if kept else None
    return Compared(tables["conventions"], tables["findings"], manifest, entries, request.out)


def _row_groups(whole: _Whole, sums: _Sums, progress: Progress, staging: Path | None) -> Iterator[pa.Table]:
    """The compared entries of each row group, written on the way where there is a folder."""
    writer, request_entry = None, whole.request.entry
    schema = arrow_schema(s.compared_entries(sums.names))
    try:
        groups = ResultGroups.of(whole.file)
        progress.stage("interest by every convention", len(groups.rows))
        if staging is not None:
            with writing(staging.parent):
                writer = pq.ParquetWriter(staging / ENTRIES_FILE, schema, compression="zstd")
        for group in range(len(groups.rows)):
            if request_entry is not None and not _may_hold(groups, group, request_entry):
                progress.advance()
                continue
            table = whole.of_group(group, groups.read(group, [str(column) for column in _READ]), sums)
            if writer is not None and staging is not None:
                with writing(staging.parent):
                    writer.write_table(table)
            progress.advance()
            yield table
    except (OSError, pa.ArrowException) as error:
        raise InputError(f"{whole.file} cannot be read ({error}); run it again") from error
    finally:
        if writer is not None and staging is not None:
            with writing(staging.parent):
                writer.close()


def _may_hold(groups: ResultGroups, group: int, entry: str) -> bool:
    """Whether an entry number lies between the smallest and the largest of a row group, as far as it says."""
    found = groups.range_of(group, str(f.ENTRY_NUMBER))
    return found is None or found[0] <= entry <= found[1]


@dataclass(frozen=True)
class _Whole:
    """What all row groups share."""

    request: CompareRequest
    file: Path
    settings: Settings
    in_force: str
    names: list[str]
    deposits: pa.Table | None
    store: Store | None
    partitions: list[str]

    @classmethod
    def of(cls, request: CompareRequest, run: Mapping[str, Any], names: list[str]) -> _Whole:
        """Settings, deposits and store of the run."""
        wanted = ("refund.deposit_allocation", "refund.interest_rounding", "refund.large_corporate_cut")
        settings = Settings.build({name: run["settings"].get(name) for name in wanted if name in run["settings"]})
        rounding = settings.text("refund.interest_rounding")
        in_force = "exact" if rounding == "final" else rounding
        if settings.switch("refund.large_corporate_cut"):
            in_force = "large_cut"
        deposits = intake.read_deposits(request.deposits)[0] if request.deposits else None
        store = None if request.store is None else Store.open(request.store)
        partitions = []
        if store is not None:
            records = zip(store.partitions, store.manifest["partitions"], strict=True)
            partitions = [name for name, record in records if int(record["entries"])]
        return cls(
            request, table_path(request.results, "entries"), settings, in_force, names, deposits, store, partitions
        )

    def of_group(self, group: int, rows: pa.Table, sums: _Sums) -> pa.Table:
        """The compared entries of one row group, counted."""
        known = pc.and_(pc.is_valid(rows.column(str(r.INTEREST_FROM))), pc.is_valid(rows.column(str(r.INTEREST_CENTS))))
        if self.request.entry is not None:
            known = pc.and_(known, pc.equal(rows.column(str(f.ENTRY_NUMBER)), self.request.entry))
        rows = rows.filter(known)
        facts = self._facts(group, rows)
        principal, run = bridge.integers(rows, r.PRINCIPAL_CENTS, 0), bridge.integers(rows, r.INTEREST_CENTS, 0)
        paid = np.ones(rows.num_rows, np.bool_)
        parts = slices(facts, principal, paid, deposits=self.deposits, settings=self.settings)
        end, entered = bridge.days(rows, r.INTEREST_TO), bridge.days(rows, f.ENTRY_DATE)
        kind, strange = self._kinds(parts, end, run)
        sums.strange += int(strange.sum())
        found = self._interest(parts, end, kind, entered, self.names)
        sums.add(found, run)
        return pa.table(
            [
                rows.column(str(f.ENTRY_NUMBER)),
                pa.DictionaryArray.from_arrays(pa.array(kind, pa.int32()), list(KINDS)),
                pa.array(principal),
                rows.column(str(r.INTEREST_FROM)),
                rows.column(str(r.INTEREST_TO)),
                pa.array(run),
                *(bridge.maybe_integers(found[name], found[name] != NO_NUMBER) for name in self.names),
            ],
            schema=arrow_schema(s.compared_entries(self.names)),
        )

    def _facts(self, group: int, rows: pa.Table) -> pa.Table:
        """Number, deposit day and earlier refunds of each entry, as `slices` reads them."""
        columns = (f.ENTRY_NUMBER, f.ENTRY_DATE, f.DEPOSIT_DATE, f.PRIOR_REFUND_CENTS)
        numbers = bridge.single(rows, f.ENTRY_NUMBER)
        prior = pa.nulls(rows.num_rows, f.PRIOR_REFUND_CENTS.type)
        if self.store is not None and rows.num_rows and group < len(self.partitions):
            entries = self.store.read(self.partitions[group]).entries
            place = pc.index_in(numbers, value_set=bridge.single(entries, f.ENTRY_NUMBER))
            if place.null_count:
                raise InputError(f"{self.store.folder} does not hold the entries of {self.file}; give the run's store")
            prior = bridge.single(entries, f.PRIOR_REFUND_CENTS).take(place)
        taken = (numbers, bridge.single(rows, f.ENTRY_DATE), bridge.single(rows, r.INTEREST_FROM), prior)
        return pa.table([one.cast(c.type) for one, c in zip(taken, columns, strict=True)], schema=arrow_schema(columns))

    def _kinds(self, parts: Slices, end: Int32s, run: Int64s) -> tuple[Int8s, Bools]:
        """The importer kind that gives each amount of the run, and where none does (it is not written down)."""
        name = self.in_force
        corporate, other = (
            self._interest(parts, end, np.full(len(end), kind, np.int8), end, [name])[name] for kind in range(2)
        )
        kind = ((corporate != run) & (other == run)).astype(np.int8)
        return kind, (corporate != run) & (other != run)

    def _interest(
        self, parts: Slices, end: Int32s, kind: Int8s, entered: Int32s, names: list[str]
    ) -> dict[str, Int64s]:
        """Each convention added up over the deposits of each entry; -1 where one of them is open."""
        of = parts.entry
        paid = NO_DAY if self.request.paid is None else day_number(self.request.paid)
        by_slice = conventions.interest(
            parts.amount_cents,
            parts.day,
            readonly(end[of]),
            readonly(kind[of]),
            ruleset=self.request.ruleset,
            names=names,
            entry_day=readonly(entered[of]),
            payment_day=readonly(np.full(len(of), paid, np.int32)),
            owner=of,
        )
        added = {}
        for name, cents in by_slice.items():
            whole, open_ = np.zeros(len(end), np.int64), np.zeros(len(end), np.bool_)
            np.add.at(whole, of, cents)
            open_[of[cents == NO_NUMBER]] = True
            added[name] = np.where(open_, NO_NUMBER, whole)
        return added


def _manifest(folder: Path) -> dict[str, Any]:
    """The manifest of a run.

    Raises:
        InputError: there is none.
    """
    try:
        found = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
        if {"settings", "result_hash", "as_of"} <= found.keys():
            return dict(found)
    except (OSError, ValueError, AttributeError) as error:
        raise InputError(f"{folder} holds no results of a run ({error}); give the --out of `cape run`") from error
    raise InputError(f"{folder} holds no results of a run; give the --out of `cape run`")


def _record(request: CompareRequest, run: Mapping[str, Any], tables: Mapping[str, pa.Table]) -> dict[str, Any]:
    """The manifest: what was compared with which rules."""
    return {
        "engine": "cape_engine",
        "engine_version": cape_engine.__version__,
        "command": COMMAND,
        "run_result_hash": run["result_hash"],
        "settings": run["settings"],
        "ruleset_hash": request.ruleset.hash,
        "paid": None if request.paid is None else request.paid.isoformat(),
        "entry": request.entry,
        "deposits": [{"name": file.name, "sha256": sha256_of(file)} for file in request.deposits],
        "conventions": tables["conventions"].column(str(s.CONVENTION)).to_pylist(),
    }


def _finished(folder: Path, staging: Path, tables: Mapping[str, pa.Table], manifest: dict[str, Any]) -> dict[str, Any]:
    """Write the small tables and the manifest beside the entries, and move all into place."""
    with writing(folder):
        files = write_tables(staging, tables)
        path = staging / ENTRIES_FILE
        files[ENTRIES_FILE] = {"sha256": sha256_of(path), "rows": pq.read_metadata(path).num_rows}
        whole = {**manifest, "files": files}
        write_json(staging / MANIFEST, whole)
        move_results(staging, folder, list(files))
    return whole
