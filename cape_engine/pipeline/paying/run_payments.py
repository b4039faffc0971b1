"""The payments of a finished run: read as the run wrote them, batch after batch."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from cape_engine.errors import InputError, UsageError
from cape_engine.outputs.files import MANIFEST, sha256_of
from cape_engine.schema.results import RESULT_PAYMENTS_SCHEMA

PAYMENTS = "payments.parquet"
_BATCH = 1 << 17


class RunPayments:
    """Payments of a run whose bytes are those that its manifest lists.

    Args:
        folder: that `cape run --out` wrote.

    Raises:
        UsageError: the folder holds no finished run.
        InputError: the payments were changed since.
    """

    def __init__(self, folder: Path) -> None:
        self.path = folder / PAYMENTS
        try:
            manifest: dict[str, Any] = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
            self.sha256 = str(manifest["files"][PAYMENTS]["sha256"])
            self.result_hash = str(manifest["result_hash"])
        except (OSError, ValueError, KeyError, TypeError):
            raise UsageError(f"{folder} holds no finished run: give the folder that `cape run --out` wrote") from None
        try:
            found = sha256_of(self.path)
        except OSError as error:
            raise InputError(f"{self.path}: cannot be read: {error.strerror or error}") from error
        if found != self.sha256:
            raise InputError(
                f"{self.path} is not what its manifest lists: somebody changed it. Run `cape run` again before paying"
            )

    def batches(self) -> Iterator[pa.Table]:
        """The payments, some at a time, in the order of the run."""
        with pq.ParquetFile(self.path) as file:
            for batch in file.iter_batches(_BATCH):
                yield pa.Table.from_batches([batch]).cast(RESULT_PAYMENTS_SCHEMA)
