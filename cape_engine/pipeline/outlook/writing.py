"""The answer of a what-if or a risk report with its manifest, in memory and in a folder."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import pyarrow as pa

import cape_engine
from cape_engine.outputs import manifest as counting
from cape_engine.outputs.files import (
    MANIFEST,
    move_results,
    sha256_of,
    staged,
    write_bytes,
    write_json,
)
from cape_engine.outputs.result_hash import result_hash
from cape_engine.pipeline.outlook.gather import Bench
from cape_engine.pipeline.outlook.known import files_below
from cape_engine.pipeline.outlook.request import OutlookRequest, OutlookResult
from cape_engine.pipeline.packing.writing import write_spelt_out
from cape_engine.schema import results as r

CHART = "chart.svg"
SPELT_OUT = frozenset({"days", "changes", "entries"})
"""Tables that are written as CSV too, for people."""


def finished(
    bench: Bench, tables: dict[str, pa.Table], counts: dict[str, Any], seconds: dict[str, float], chart: str = ""
) -> OutlookResult:
    """The result, written to the folder of the request if it names one.

    Args:
        bench: what was asked, and what was found about files.
        tables: by name, without the findings.
        counts: for the manifest.
        seconds: spent in each stage.
        chart: SVG.

    Raises:
        OutputError: the folder cannot be written.
    """
    request = bench.request
    found = {**tables, "findings": bench.findings.to_table()}
    manifest: dict[str, Any] = {
        "engine": "cape_engine",
        "engine_version": cape_engine.__version__,
        "command": request.command,
        "first": request.first.isoformat(),
        "last": request.last.isoformat(),
        "settings": request.settings.in_force(),
        "inputs": [*(asdict(source) for source in bench.store.sources), *_file_records(request)],
        "principal_from": bench.provider.source,
        "ruleset_hash": bench.law.ruleset.hash,
        "counts": {
            **counts,
            "rows": {name: table.num_rows for name, table in found.items()},
            "findings_by_severity": counting.tally(found["findings"], r.SEVERITY),
            "findings_by_code": counting.tally(found["findings"], r.CODE),
        },
        "result_hash": result_hash(tables),
        "seconds": seconds,
        "threads": request.threads,
        "peak_memory_bytes": counting.peak_memory_bytes(),
    }
    if request.out is None:
        return OutlookResult(manifest, found)
    return OutlookResult(_written(request, found, manifest, chart), found, request.out)


def _file_records(request: OutlookRequest) -> list[dict[str, object]]:
    """Name and hash of every file beside the sources."""
    kinds = {
        "headers": request.headers,
        "importers": request.importers,
        "deposits": request.deposits,
        "column1": () if request.column1 is None else (request.column1,),
    }
    return [
        {"kind": kind, "name": file.name, "sha256": sha256_of(file)}
        for kind, paths in kinds.items()
        for path in paths
        for file in files_below(path)
    ]


def _written(
    request: OutlookRequest, tables: dict[str, pa.Table], manifest: dict[str, Any], chart: str
) -> dict[str, Any]:
    """Write tables, chart and manifest, the manifest last; what stands in the folder is whole or not there."""
    folder = request.out
    assert folder is not None  # noqa: S101 - asked by the caller
    with staged(folder) as staging:
        files = write_spelt_out(staging, tables, sorted(SPELT_OUT & tables.keys()))
        if chart:
            files[CHART] = write_bytes(staging / CHART, chart.encode())
        whole = {**manifest, "files": files}
        write_json(staging / MANIFEST, whole)
        move_results(staging, folder, list(files))
    return whole
