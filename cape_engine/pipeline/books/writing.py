"""A report of the books in a folder: tables as Parquet, CSV and Excel, pages, and the manifest last."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa

import cape_engine
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
from cape_engine.outputs.result_hash import result_hash
from cape_engine.pipeline.books.request import BooksRequest, BooksResult
from cape_engine.pipeline.books.source import Source
from cape_engine.pipeline.packing.writing import write_csv
from cape_engine.report.workbook import MOST_ROWS, write_workbook
from cape_engine.schema import results as r

Extra = Callable[[Path], dict[str, int]]
"""Writes further files into a folder; rows by name."""


def finished(
    request: BooksRequest,
    source: Source,
    tables: Mapping[str, pa.Table],
    counts: Mapping[str, object],
    findings: Findings,
    *,
    more: Extra | None = None,
    sheets: Collection[str] | None = None,
) -> BooksResult:
    """The result, written to the folder of the request if it names one.

    Args:
        request: what was asked.
        source: what it was made from.
        tables: by name, without the findings.
        counts: for the manifest.
        findings: of the report.
        more: writes further files.
        sheets: tables of the workbook; all when not given, none when empty.

    Raises:
        OutputError: the folder cannot be written.
        UsageError: it holds the results of another command.
    """
    found = {**tables, "findings": findings.to_table()}
    manifest: dict[str, Any] = {
        "engine": "cape_engine",
        "engine_version": cape_engine.__version__,
        "command": request.command,
        "as_of": source.as_of.isoformat(),
        "source": source.record,
        "ruleset_hash": source.ruleset.hash,
        "settings": source.settings.in_force(),
        "counts": {
            **counts,
            "rows": {name: table.num_rows for name, table in found.items()},
            "findings_by_severity": counting.tally(found["findings"], r.SEVERITY),
            "findings_by_code": counting.tally(found["findings"], r.CODE),
        },
        "result_hash": result_hash(dict(tables)),
    }
    if request.out is None:
        return BooksResult(manifest, found)
    refuse_other_results(request.out, request.command)
    wanted = tables if sheets is None else {name: tables[name] for name in sheets}
    return BooksResult(_written(request.out, request.command, found, manifest, more, wanted), found, request.out)


def _written(
    folder: Path,
    command: str,
    tables: Mapping[str, pa.Table],
    manifest: dict[str, Any],
    more: Extra | None,
    sheets: Mapping[str, pa.Table],
) -> dict[str, Any]:
    """Write everything beside, then move it into place."""
    with staged(folder) as staging:
        files = write_tables(staging, tables)
        names: dict[str, int] = {}
        for name, table in tables.items():
            write_csv(staging / f"{name}.csv", table)
            names[f"{name}.csv"] = table.num_rows
        fitting = {name: table for name, table in sheets.items() if table.num_rows <= MOST_ROWS}
        if fitting:
            write_workbook(staging / f"{command}.xlsx", fitting)
            names[f"{command}.xlsx"] = sum(table.num_rows for table in fitting.values())
        names |= more(staging) if more else {}
        files |= {name: {"sha256": sha256_of(staging / name), "rows": rows} for name, rows in names.items()}
        whole = {**manifest, "files": dict(sorted(files.items()))}
        write_json(staging / MANIFEST, whole)
        replace_results(staging, folder, list(files), command)
    return whole
