"""Writing what answers changed: tables as Parquet, lists for people as CSV, the manifest last."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa

from cape_engine.outputs.files import MANIFEST, move_results, sha256_of, staged, write_json, write_tables
from cape_engine.pipeline.packing.writing import write_csv

SPELT_OUT = ("routed", "differences")
"""Tables that are written as CSV too; `routed.csv` is also what `cape pack --hold` takes."""


def write_answers(folder: Path, tables: Mapping[str, pa.Table], manifest: dict[str, Any]) -> dict[str, Any]:
    """Write the tables and the manifest, whole or not at all.

    Args:
        folder: made if it is missing.
        tables: by name.
        manifest: completed with `files`.

    Raises:
        OutputError: the disk is full or the folder cannot be written.
    """
    with staged(folder) as staging:
        files = write_tables(staging, tables)
        for name in SPELT_OUT:
            path = staging / f"{name}.csv"
            write_csv(path, tables[name])
            files[path.name] = {"sha256": sha256_of(path), "rows": tables[name].num_rows}
        whole = {**manifest, "files": files}
        write_json(staging / MANIFEST, whole)
        move_results(staging, folder, list(files))
    return whole
