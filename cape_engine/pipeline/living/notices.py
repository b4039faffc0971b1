"""The bulletin notice of a run day: the public posting whose date is the liquidation date (19 CFR 159.9)."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from pathlib import Path

import pyarrow as pa

from cape_engine.ledger import Ledger
from cape_engine.outputs.files import sha256_of, writing
from cape_engine.pipeline.packing.writing import write_csv

KIND = "bulletin"


def write_notice(
    ledger: Ledger, folder: Path, rows: pa.Table, day: dt.date, counts: Mapping[str, int], day_hash: str
) -> None:
    """Write the notice of a day and register it, inside the day's transaction.

    If the process dies before the transaction ends, the file does not count, and the same command writes it again.

    Args:
        ledger: inside a transaction.
        folder: made if it is missing.
        rows: what was decided.
        day: the day.
        counts: of the day.
        day_hash: hash of what the day decided.

    Raises:
        OutputError: the disk is full or the folder cannot be written.
    """
    path = folder / f"bulletin-{day.isoformat()}.csv"
    with writing(folder):
        folder.mkdir(parents=True, exist_ok=True)
        beside = folder / f".{path.name}.part"
        write_csv(beside, rows)
        beside.replace(path)
    sha256 = sha256_of(path)
    ledger.register_run(
        folder, kind=KIND, result_hash=day_hash, manifest_sha256=sha256, totals=counts, on_day=day,
        files={path.name: sha256},
    )  # fmt: skip
