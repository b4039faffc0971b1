"""Files of a sending: the payment request, or files of a bank format; written beside, then given their names."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from cape_engine.errors import UsageError
from cape_engine.outputs.files import writing
from cape_engine.pipeline.packing.writing import write_csv
from cape_engine.pipeline.payments.result import Call
from cape_engine.refund.payment_files import Accounts
from cape_engine.schema import payments as p

REQUEST = "request"
FORMATS: tuple[str, ...] = (REQUEST,)
_AGENCY = "20000000"
"""First eight digits of a trace where no bank gives its own: those of a Treasury payment request."""


@dataclass(frozen=True, slots=True)
class Batch:
    """A sending to be written.

    Attributes:
        number: of the sending, from 1.
        day: of the sending.
        effective: day on which the payments are to be settled.
        rows: columns `schema.payments.REQUEST`, and the key and version of the refund.
        before: payments sent before, by all sendings.
    """

    number: int
    day: dt.date
    effective: dt.date
    rows: pa.Table
    before: int


def check_format(file_format: str, importers: Sequence[Path]) -> None:
    """Refuse a format that does not exist, or lacks the accounts that it needs.

    Raises:
        UsageError: with what to do.
    """
    if file_format not in FORMATS:
        raise UsageError(f"there is no format {file_format!r}; known: {', '.join(FORMATS)}")
    if file_format != REQUEST and not importers:
        raise UsageError(f"files of the format {file_format} need accounts: name importers files (--importers)")


def write_files(
    batch: Batch, folder: Path, file_format: str, accounts: Accounts | None, call: Call
) -> tuple[pa.Array, list[str]]:
    """Write the files of a sending; the trace of each payment, and the names of the files.

    Raises:
        OutputError: the disk is full, or the folder cannot be written.
    """
    del file_format, accounts, call
    traces = own_traces(batch.before, batch.rows.num_rows)
    place = batch.rows.column_names.index(str(p.TRACE))
    rows = batch.rows.set_column(place, p.TRACE.field, traces).select(p.REQUEST_SCHEMA.names)
    name = f"payments-{batch.day.isoformat()}-{batch.number:04d}.csv"
    with writing(folder):
        folder.mkdir(parents=True, exist_ok=True)
        beside = folder / f".{name}.part"
        write_csv(beside, rows)
        beside.replace(folder / name)
    return traces, [name]


def own_traces(before: int, count: int) -> pa.Array:
    """Traces of 15 digits: eight of the agency, and seven that count on through all sendings (more than ten million
    payments count on into the eighth).
    """
    numbers = np.arange(before + 1, before + count + 1, dtype=np.int64) + int(_AGENCY) * 10**7
    return pc.cast(pa.array(numbers), pa.string())
