"""The road of a reconciliation: mappings, reports, what is expected, causes, tables, page and workbook."""

from __future__ import annotations

from typing import Any

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
from cape_engine.outputs.result_hash import result_hash
from cape_engine.pipeline.reconciling.request import ReconcileRequest, ReconcileResult
from cape_engine.pipeline.reconciling.sources import expectation
from cape_engine.pipeline.reconciling.writing import write_reconciliation
from cape_engine.refund import reconciliation as rec
from cape_engine.schema import reconciliation as c
from cape_engine.schema import results as r

_OPEN = frozenset({"MISSING_IN_REPORT", "UNKNOWN_IN_REPORT", "UNEXPLAINED"})


def execute_reconcile(request: ReconcileRequest, *, progress: Progress | None = None) -> ReconcileResult:
    """Carry out a reconciliation; see `reconcile`."""
    refuse_other_results(request.out, "reconcile")
    if request.ledger is not None:
        Ledger.look(request.ledger)
    watcher = progress or Silent()
    ruleset = rules.load(request.rules)
    findings, words = Findings(), rec.Vocabularies()
    mapped = rec.mappings(request.columns, request.settings, ruleset)
    watcher.stage("reading reports", len(request.reports))
    reports = {}
    for name, paths in request.reports.items():
        reports[name] = rec.read_report(name, paths, mapped.get(name), words, findings)
        watcher.advance()
    watcher.stage("reading what is expected")
    expected, under, origin = expectation(request, words)
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
    manifest = _manifest_of(request, tables, reports, origin, ruleset.hash)
    if request.out is None:
        return ReconcileResult(manifest, tables)
    watcher.stage("writing")
    return ReconcileResult(write_reconciliation(request.out, tables, manifest, ruleset), tables, request.out)


def _manifest_of(
    request: ReconcileRequest,
    tables: dict[str, pa.Table],
    reports: dict[str, rec.Rows],
    origin: dict[str, Any],
    ruleset_hash: str,
) -> dict[str, Any]:
    """What went in, which law and settings were in force, and what came out."""
    summary = tables["summary"].to_pylist()
    levels: dict[str, dict[str, int]] = {}
    for row in summary:
        causes = levels.setdefault(row[str(c.LEVEL)], {})
        causes[row[str(c.CAUSE)]] = row[str(c.ITEMS)]
    inputs = [
        {"kind": name, "name": path.name, "sha256": sha256_of(path)}
        for name, paths in request.reports.items()
        for path in paths
    ]
    if request.columns is not None:
        inputs.append({"kind": "columns", "name": request.columns.name, "sha256": sha256_of(request.columns)})
    return {
        "engine": "cape_engine",
        "engine_version": cape_engine.__version__,
        "command": request.command,
        "as_of": request.as_of.isoformat(),
        "settings": request.settings.in_force(),
        "inputs": inputs,
        "expected_from": origin,
        "ruleset_hash": ruleset_hash,
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
        "result_hash": result_hash({name: tables[name] for name in ("entries", "cohorts", "bank")}),
    }
