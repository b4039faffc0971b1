"""The road of payment files: payments of a run, accounts, files of each format, what is held, and the manifest."""

from __future__ import annotations

import datetime as dt
import threading
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

import cape_engine
from cape_engine import rules
from cape_engine.bridge import integers, single
from cape_engine.dates import date_of, day_number
from cape_engine.errors import InputError, OutputError, UsageError
from cape_engine.findings import Findings
from cape_engine.outputs import manifest as counting
from cape_engine.outputs.files import (
    MANIFEST,
    refuse_other_results,
    replace_results,
    sha256_of,
    staged,
    write_json,
    write_tables,
)
from cape_engine.outputs.progress import Progress, Silent, Stoppable
from cape_engine.outputs.row_groups import DELTA, DICTIONARY, encodings
from cape_engine.pipeline.outlook.known import files_below
from cape_engine.pipeline.packing.writing import write_csv
from cape_engine.pipeline.paying.request import FilesRequest, FilesResult
from cape_engine.pipeline.paying.run_payments import PAYMENTS, RunPayments
from cape_engine.pipeline.paying.writing import Writers
from cape_engine.refund.payment_files import Accounts, Instructing, read_accounts
from cape_engine.refund.payment_files.bank_file import WrittenFile
from cape_engine.refund.payment_files.instructions import exact_sum
from cape_engine.refund.payment_files.originator import read_originator
from cape_engine.rules import calendars
from cape_engine.schema import payment_files as p
from cape_engine.schema import results as r

INSTRUCTIONS = "instructions.parquet"
HELD = "held.csv"


@dataclass(slots=True)
class _Sums:
    """Payments and cents by what became of them."""

    payments: Counter[str] = field(default_factory=Counter)
    cents: Counter[str] = field(default_factory=Counter)

    def add(self, name: str, amounts: Any) -> None:
        """Count amounts."""
        self.payments[name] += len(amounts)
        self.cents[name] += exact_sum(amounts)


@dataclass(slots=True)
class _Made:
    """What was made in the staging folder.

    Attributes:
        files: written ones by format.
        held: payments that stand in no file.
        instructions: rows of instructions.parquet.
        sums: payments and cents given, written, held and waiting.
    """

    files: Mapping[str, list[WrittenFile]]
    held: pa.Table
    instructions: int
    sums: _Sums


def execute_files(
    request: FilesRequest, *, progress: Progress | None = None, stop: threading.Event | None = None
) -> FilesResult:
    """Carry out a request; see `refund_files`."""
    refuse_other_results(request.out, "files")
    watcher = Stoppable(progress or Silent(), stop)
    originator = read_originator(request.originator)
    effective = arrival(request)
    payments = RunPayments(request.results)
    watcher.stage("reading accounts")
    accounts, findings = read_accounts(request.importers, settings=request.settings)
    with staged(request.out) as staging:
        watcher.stage("writing payments")
        with Writers(request, staging, accounts, originator, effective) as writers:
            made = _make(request, payments, accounts, writers, findings, staging, watcher)
            writers.tell_names(findings)
        found = findings.to_table()
        manifest = _finish(request, payments, made, found, effective, staging)
    return FilesResult(manifest, made.held, found, request.out)


def arrival(request: FilesRequest) -> dt.date:
    """The day on which the money is to arrive: a day of the Federal Reserve, after the files are made.

    Raises:
        UsageError: the day asked for is closed or not after `on`, or lies beyond the calendar.
    """
    calendar = calendars.fed(rules.load(request.rules))
    wanted = day_number(request.on) + 1 if request.effective is None else day_number(request.effective)
    try:
        while not calendar.is_open(wanted):
            if request.effective is not None:
                raise UsageError(f"{request.effective} is no day of the Federal Reserve: give another --effective")
            wanted += 1
    except ValueError as error:
        raise UsageError(f"the day of arrival cannot be known: {error}") from error
    if wanted <= day_number(request.on):
        raise UsageError(f"{request.effective} is not after {request.on}, the day of the files")
    return date_of(wanted)


def _make(
    request: FilesRequest,
    payments: RunPayments,
    accounts: Accounts,
    writers: Writers,
    findings: Findings,
    staging: Path,
    watcher: Stoppable,
) -> _Made:
    """Files and instructions, batch after batch."""
    instructing = Instructing(accounts)
    sums, rows = _Sums(), 0
    held: list[pa.Table] = [p.HELD_SCHEMA.empty_table()]
    keys: list[pa.Array] = []
    tested = np.zeros(len(accounts), np.bool_)
    with _instructions_writer(staging / INSTRUCTIONS) as table:
        for batch in payments.batches():
            ready, back = instructing.take(batch, source=str(payments.path))
            keys.append(single(batch, r.PAYMENT_KEY))
            held.append(back)
            sums.add("given", integers(batch, r.AMOUNT_CENTS))
            sums.add("held", integers(back, r.AMOUNT_CENTS))
            sums.add("waiting" if request.prenotes else "written", ready.amounts)
            if request.prenotes:
                tested[ready.place] = True
            else:
                table.write_table(writers.add(ready))
                rows += len(ready)
            watcher.advance()
    if request.prenotes:
        writers.prenotes(np.flatnonzero(tested).astype(np.int32))
    _refuse_repeated(pa.chunked_array(keys, pa.string()), payments.path)
    findings.extend(instructing.findings)
    files = writers.finish()
    _refuse_gaps(request, sums, files)
    return _Made(files, pa.concat_tables(held).unify_dictionaries().combine_chunks(), rows, sums)


def _instructions_writer(path: Path) -> pq.ParquetWriter:
    """instructions.parquet: numbers as differences, dictionaries for words only."""
    how = encodings(p.WRITTEN_SCHEMA)
    return pq.ParquetWriter(
        path,
        p.WRITTEN_SCHEMA,
        compression="zstd",
        use_dictionary=[name for name, kind in how.items() if kind == DICTIONARY],
        column_encoding={name: kind for name, kind in how.items() if kind == DELTA},
    )


def _refuse_repeated(keys: pa.ChunkedArray, path: Path) -> None:
    """Refuse payments of which one would be paid twice."""
    if len(keys.unique()) != len(keys):
        raise InputError(f"{path}: a payment_id stands there twice, and its money would be paid twice")


def _refuse_gaps(request: FilesRequest, sums: _Sums, files: Mapping[str, list[WrittenFile]]) -> None:
    """Refuse to hand over files that do not hold every cent given exactly once, whatever the reason."""
    cents, wanted = sums.cents, sums.cents["written"]
    whole = cents["given"] == wanted + cents["held"] + cents["waiting"]
    if not whole or any(sum(file.total_cents for file in files[name]) != wanted for name in request.formats):
        raise OutputError("the payment files do not add up to the payments of the run; nothing was written")


def _finish(
    request: FilesRequest, payments: RunPayments, made: _Made, found: pa.Table, effective: dt.date, staging: Path
) -> dict[str, Any]:
    """Tables and manifest, and everything moved into place."""
    files: dict[str, dict[str, object]] = {
        file.name: {
            "sha256": file.sha256,
            "format": name,
            "payments": file.payments,
            "total_cents": file.total_cents,
            **file.facts,
        }
        for name, written in made.files.items()
        for file in written
    }
    write_csv(staging / HELD, made.held)
    files[HELD] = {"sha256": sha256_of(staging / HELD), "rows": made.held.num_rows}
    files[INSTRUCTIONS] = {"sha256": sha256_of(staging / INSTRUCTIONS), "rows": made.instructions}
    files |= write_tables(staging, {"findings": found})
    manifest: dict[str, Any] = {
        "engine": "cape_engine",
        "engine_version": cape_engine.__version__,
        "command": request.command,
        "on": request.on.isoformat(),
        "effective": effective.isoformat(),
        "formats": list(request.formats),
        "prenotes": request.prenotes,
        "first_trace": request.first_trace,
        "first_file": request.first_file,
        "settings": request.settings.in_force(),
        "inputs": _inputs(request, payments),
        "run_result_hash": payments.result_hash,
        "counts": {
            "payments": {name: made.sums.payments[name] for name in ("given", "written", "held", "waiting")},
            "held_by_reason": counting.tally(made.held, p.HELD_REASON),
            "findings_by_severity": counting.tally(found, r.SEVERITY),
            "findings_by_code": counting.tally(found, r.CODE),
        },
        "totals_cents": {name: made.sums.cents[name] for name in ("given", "written", "held", "waiting")},
        "files": files,
    }
    write_json(staging / MANIFEST, manifest)
    replace_results(staging, request.out, list(files), request.command)
    return manifest


def _inputs(request: FilesRequest, payments: RunPayments) -> list[dict[str, object]]:
    """Name and hash of every file that went in."""
    kinds: dict[str, tuple[Path, ...]] = {"importers": request.importers, "originator": (request.originator,)}
    found: list[dict[str, object]] = [{"kind": "payments", "name": PAYMENTS, "sha256": payments.sha256}]
    return found + [
        {"kind": kind, "name": file.name, "sha256": sha256_of(file)}
        for kind, paths in kinds.items()
        for path in paths
        for file in files_below(path)
    ]
