"""Writing a reconciliation: tables, page and workbook in one folder, whole or not at all, the manifest last."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pyarrow as pa

from cape_engine.outputs.files import (
    MANIFEST,
    replace_results,
    sha256_of,
    staged,
    write_bytes,
    write_json,
    write_tables,
)
from cape_engine.pipeline.packing.writing import write_csv
from cape_engine.report.reconciliation_book import write_book
from cape_engine.report.reconciliation_page import reconciliation_page
from cape_engine.rules import Ruleset

PAGE, BOOK = "report.html", "reconciliation.xlsx"
FILES = {
    "entries": "reconciliation_entries",
    "cohorts": "reconciliation_cohorts",
    "bank": "reconciliation_bank",
    "summary": "reconciliation_summary",
    "findings": "findings",
}
"""File of each table, without its ending."""


def write_reconciliation(
    folder: Path, tables: Mapping[str, pa.Table], manifest: dict[str, Any], ruleset: Ruleset
) -> dict[str, Any]:
    """Write everything; what an earlier reconciliation left in the folder is replaced.

    Args:
        folder: made if it is missing.
        tables: by name.
        manifest: completed with `files`.
        ruleset: words of the causes.

    Raises:
        OutputError: the disk is full or the folder cannot be written.
    """
    with staged(folder) as staging:
        # Tables are encoded without the interpreter, page and workbook by it: both at once.
        with ThreadPoolExecutor(1, thread_name_prefix="cape-tables") as pool:
            written = pool.submit(write_tables, staging, {FILES[name]: table for name, table in tables.items()})
            page = reconciliation_page(tables, manifest, ruleset.cause_codes)
            write_book(staging / BOOK, tables, manifest, ruleset.cause_codes)
            files = written.result()
        summary = staging / f"{FILES['summary']}.csv"
        write_csv(summary, tables["summary"])
        files[summary.name] = {"sha256": sha256_of(summary), "rows": tables["summary"].num_rows}
        files[PAGE] = write_bytes(staging / PAGE, page.encode())
        files[BOOK] = {"sha256": sha256_of(staging / BOOK)}
        whole = {**manifest, "files": files}
        write_json(staging / MANIFEST, whole)
        replace_results(staging, folder, list(files), str(manifest["command"]))
    return whole
