"""Writing results: beside, fsynced, renamed, the manifest last; what stands in a folder is whole or not there."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Mapping
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from cape_engine.errors import OutputError

MANIFEST = "manifest.json"
_CHUNK = 1 << 20


def sha256_of(path: Path) -> str:
    """SHA-256 (hex) of a file's bytes."""
    digest = hashlib.sha256()
    with path.open("rb") as stream:
        while block := stream.read(_CHUNK):
            digest.update(block)
    return digest.hexdigest()


def write_results(folder: Path, tables: Mapping[str, pa.Table], manifest: dict[str, object]) -> dict[str, object]:
    """Write the tables as Parquet and the manifest last; an old manifest is removed before anything is replaced.

    Args:
        folder: made if it is missing; tables of an earlier run are replaced.
        tables: by name; each becomes `<name>.parquet`.
        manifest: completed with `files` (sha256 and rows of each file).

    Returns:
        The manifest as written.

    Raises:
        OutputError: the disk is full or the folder cannot be written; the earlier manifest, if any, is gone then.
    """
    staging = folder / ".staging"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        shutil.rmtree(staging, ignore_errors=True)
        staging.mkdir()
        files: dict[str, object] = {}
        for name, table in tables.items():
            path = staging / f"{name}.parquet"
            with path.open("wb") as stream:
                pq.write_table(table, stream, compression="zstd", write_statistics=True)
                stream.flush()
                os.fsync(stream.fileno())
            files[path.name] = {"sha256": sha256_of(path), "rows": table.num_rows}
        whole = {**manifest, "files": files}
        with (staging / MANIFEST).open("w", encoding="utf-8") as text:
            json.dump(whole, text, indent=2, sort_keys=True)
            text.write("\n")
            text.flush()
            os.fsync(text.fileno())
        (folder / MANIFEST).unlink(missing_ok=True)
        for name in files:
            (staging / name).replace(folder / name)
        (staging / MANIFEST).replace(folder / MANIFEST)
        _sync_folder(folder)
    except OSError as error:
        raise OutputError(
            f"{folder}: results could not be written ({error.strerror or error}); free the disk or choose another "
            "--out and run the same command again"
        ) from error
    finally:
        shutil.rmtree(staging, ignore_errors=True)
    return whole


def _sync_folder(folder: Path) -> None:
    """Make the renames themselves durable, where the system can."""
    if hasattr(os, "O_DIRECTORY"):
        handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
