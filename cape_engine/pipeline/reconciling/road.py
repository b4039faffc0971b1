"""The road of a reconciliation: mappings, reports, what is expected, causes, tables, page and workbook."""

from __future__ import annotations

from concurrent.futures import Executor, ThreadPoolExecutor
from itertools import chain
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

import cape_engine
from cape_engine import rules
from cape_engine.findings import Findings
from cape_engine.ledger import Ledger
from cape_engine.outputs import manifest as counting
from cape_engine.outputs.files import refuse_other_results, sha256_of
from cape_engine.outputs.progress import Progress, Silent
from cape_engine.outputs.result_hash import combined, partial
from cape_engine.pipeline.reconciling.request import ReconcileRequest, ReconcileResult
from cape_engine.pipeline.reconciling.sources import expectation, read_run
from cape_engine.refund import reconciliation as rec
from cape_engine.schema import reconciliation as c
from cape_engine.schema import results as r

_BESIDE = 2
"""Threads beside those that read reports."""
_HASHED = 1 << 18
"""Rows that are hashed at once."""
_OPEN = frozenset({"MISSING_IN_REPORT", "UNKNOWN_IN_REPORT", "UNEXPLAINED"})


def execute_reconcile(request: ReconcileRequest, *, progress: Progress | None = None) -> ReconcileResult:
    """Carry out a reconciliation; see `reconcile`."""
    refuse_other_results(request.out, "reconcile")
    if request.ledger is not None:
        Ledger.look(request.ledger)
    with ThreadPoolExecutor(_BESIDE) as pool:
        try:
            return _carried_out(request, progress or Silent(), pool)
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise


def _carried_out(request: ReconcileRequest, watcher: Progress, pool: Executor) -> ReconcileResult:
    """The reconciliation, with threads for what does not wait for the reports."""
    # Arrow imports pandas at its first conversion, to ask whether something is a frame (0.4 s): while files are read.
    pool.submit(pa.array, ())
    reading = None if request.results is None else pool.submit(read_run, request.results)
    hashes = {
        path: pool.submit(sha256_of, path)
        for path in (*chain.from_iterable(request.reports.values()), *([request.columns] if request.columns else []))
    }
    ruleset = rules.load(request.rules)
    findings, words = Findings(), rec.Vocabularies()
    mapped = rec.mappings(request.columns, request.settings, ruleset)
    watcher.stage("reading reports", len(request.reports))
    reports = rec.read_reports(request.reports, mapped, words, findings, watcher.advance)
    watcher.stage("reading what is expected")
    expected, under, said = expectation(request, reading, words)
    watcher.stage("finding causes")
    answer = rec.reconcile(
        expected,
        reports,
        words,
        under=under,
        as_of=request.as_of,
        ruleset=ruleset,
        settings=request.settings,
        findings=findings,
    )
    tables = {
        "entries": answer.entries,
        "cohorts": answer.cohorts,
        "bank": answer.bank,
        "summary": answer.summary,
        "findings": findings.to_table(),
    }
    origin = _Origin(
        ruleset.hash, said, {path: found.result() for path, found in hashes.items()}, _hash_of(tables, pool)
    )
    manifest = _manifest_of(request, tables, reports, origin)
    if request.out is None:
        return ReconcileResult(manifest, tables)
    from cape_engine.pipeline.reconciling.writing import write_reconciliation  # noqa: PLC0415 - page and workbook

    watcher.stage("writing")
    return ReconcileResult(write_reconciliation(request.out, tables, manifest, ruleset), tables, request.out)


class _Origin(NamedTuple):
    """Hashes of what went in and came out, and where the expectation is from."""

    ruleset: str
    expected: dict[str, Any]
    inputs: dict[Path, str]
    result: str


def _hash_of(tables: dict[str, pa.Table], pool: Executor) -> str:
    """The result hash, of parts that are hashed side by side."""
    parts = {
        name: [
            pool.submit(partial, tables[name].slice(begin, _HASHED))
            for begin in range(0, tables[name].num_rows, _HASHED)
        ]
        for name in ("entries", "cohorts", "bank")
    }
    return combined({name: [one.result() for one in found] for name, found in parts.items()})


def _manifest_of(
    request: ReconcileRequest,
    tables: dict[str, pa.Table],
    reports: dict[str, rec.Rows],
    origin: _Origin,
) -> dict[str, Any]:
    """What went in, which law and settings were in force, and what came out."""
    summary = tables["summary"].to_pylist()
    levels: dict[str, dict[str, int]] = {}
    for row in summary:
        causes = levels.setdefault(row[str(c.LEVEL)], {})
        causes[row[str(c.CAUSE)]] = row[str(c.ITEMS)]
    inputs = [
        {"kind": name, "name": path.name, "sha256": origin.inputs[path]}
        for name, paths in request.reports.items()
        for path in paths
    ]
    if request.columns is not None:
        inputs.append({"kind": "columns", "name": request.columns.name, "sha256": origin.inputs[request.columns]})
    return {
        "engine": "cape_engine",
        "engine_version": cape_engine.__version__,
        "command": request.command,
        "as_of": request.as_of.isoformat(),
        "settings": request.settings.in_force(),
        "inputs": inputs,
        "expected_from": origin.expected,
        "ruleset_hash": origin.ruleset,
        "counts": {
            "rows": {name: table.num_rows for name, table in tables.items()},
            "report_rows": {
                name: {"read": rows.read, "used": len(rows), "left_out": rows.read - len(rows)}
                for name, rows in reports.items()
            },
            "causes": levels,
            "open": sum(count for causes in levels.values() for cause, count in causes.items() if cause in _OPEN),
            "findings_by_severity": counting.tally(tables["findings"], r.SEVERITY),
            "findings_by_code": counting.tally(tables["findings"], r.CODE),
        },
        "totals_cents": {
            level: {
                str(column): int(np.sum([row[str(column)] for row in summary if row[str(c.LEVEL)] == level]))
                for column in (c.EXPECTED, c.PAID, c.DIFFERENCE, c.EXPLAINED, c.LEFT)
            }
            for level in pc.unique(tables["summary"].column(str(c.LEVEL))).to_pylist()
        },
        "result_hash": origin.result,
    }
