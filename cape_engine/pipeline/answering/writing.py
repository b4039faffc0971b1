"""Writing what answers changed: tables as Parquet, lists for people as CSV, the manifest last."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa

from cape_engine.outputs.files import MANIFEST, move_results, staged, write_json
from cape_engine.pipeline.packing.writing import write_spelt_out

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
        files = write_spelt_out(staging, tables, SPELT_OUT)
        whole = {**manifest, "files": files}
        write_json(staging / MANIFEST, whole)
        move_results(staging, folder, list(files))
    return whole
