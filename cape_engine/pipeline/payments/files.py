"""Files of a sending: the payment request, or files of a bank format; written beside, then given their names."""

from __future__ import annotations

import datetime as dt
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from cape_engine import bridge
from cape_engine.errors import OutputError, UsageError
from cape_engine.outputs.files import sha256_of, writing
from cape_engine.pipeline.packing.writing import write_csv
from cape_engine.pipeline.paying.request import FORMATS as BANK_FORMATS
from cape_engine.pipeline.paying.request import NACHA, FilesRequest
from cape_engine.pipeline.paying.writing import Writers
from cape_engine.pipeline.payments.result import Call
from cape_engine.refund.payment_files import Accounts, Instructing, PaymentInstructions
from cape_engine.refund.payment_files.originator import read_originator
from cape_engine.schema import life
from cape_engine.schema import payment_files as pf
from cape_engine.schema import payments as p
from cape_engine.schema import results as r

REQUEST = "request"
FORMATS: tuple[str, ...] = (REQUEST, *BANK_FORMATS)
_AGENCY = "20000000"
"""First eight digits of a trace where no bank gives its own: those of a Treasury payment request."""
_READY = "ready"


@dataclass(frozen=True, slots=True)
class Target:
    """Where files go, and what they are made from.

    Attributes:
        folder: for all files.
        file_format: of `FORMATS`.
        importers: files with accounts.
        originator: TOML with the facts of who pays; formats of banks need it.
    """

    folder: Path
    file_format: str
    importers: tuple[Path, ...]
    originator: Path | None

    def check(self) -> None:
        """Refuse a format that does not exist, or lacks what it needs.

        Raises:
            UsageError: with what to do.
        """
        if self.file_format not in FORMATS:
            raise UsageError(f"there is no format {self.file_format!r}; known: {', '.join(FORMATS)}")
        if self.file_format != REQUEST and not (self.importers and self.originator):
            raise UsageError(
                f"files of the format {self.file_format} need accounts and who pays: name importers files "
                "(--importers) and the originator's facts (--originator)"
            )


@dataclass(frozen=True, slots=True)
class Batch:
    """A sending to be written.

    Attributes:
        number: of the sending, from 1.
        day: of the sending.
        effective: day on which the payments are to be settled.
        rows: columns `schema.payments.REQUEST`, and the key and version of the refund.
        before: payments sent before, by all sendings.
        files_before: NACHA files of earlier sendings of the day.
    """

    number: int
    day: dt.date
    effective: dt.date
    rows: pa.Table
    before: int
    files_before: int

    @property
    def name(self) -> str:
        """Of its file or folder."""
        return f"payments-{self.day.isoformat()}-{self.number:04d}"


def write_files(batch: Batch, target: Target, accounts: Accounts | None, call: Call) -> tuple[pa.Array, dict[str, str]]:
    """Write the files of a sending.

    If the process dies before the transaction ends they do not count, and the same command writes them again.

    Returns:
        The trace of each payment; hashes by name, below the folder.

    Raises:
        OutputError: the disk is full, the folder cannot be written, or the files do not hold every payment.
    """
    with writing(target.folder):
        target.folder.mkdir(parents=True, exist_ok=True)
        if target.file_format == REQUEST or accounts is None:
            return _request(batch, target.folder)
        return _bank(batch, target, accounts, call)


def own_traces(before: int, count: int) -> pa.Array:
    """Traces of 15 digits: eight of the agency, and seven that count on through all sendings.

    More than ten million payments count on into the eighth.
    """
    numbers = np.arange(before + 1, before + count + 1, dtype=np.int64) + int(_AGENCY) * 10**7
    return pc.cast(pa.array(numbers), pa.string())


def _request(batch: Batch, folder: Path) -> tuple[pa.Array, dict[str, str]]:
    """The payment request."""
    traces = own_traces(batch.before, batch.rows.num_rows)
    place = batch.rows.column_names.index(str(pf.TRACE))
    rows = batch.rows.set_column(place, pf.TRACE.field, traces).select(p.REQUEST_SCHEMA.names)
    name = f"{batch.name}.csv"
    beside = folder / f".{name}.part"
    write_csv(beside, rows)
    made = sha256_of(beside)
    if (folder / name).exists() and sha256_of(folder / name) != made:
        beside.unlink()
        _refuse_other(folder / name)
    beside.replace(folder / name)
    return traces, {name: made}


def _refuse_other(path: Path) -> None:
    """Refuse to replace files of another ledger, or of a sending that was to hold something else.

    Raises:
        OutputError: always.
    """
    raise OutputError(
        f"{path}: stands there already, with other payments. Name another folder; or, if it is of a sending that "
        "died and never counted, remove it and run the same command again."
    )


def _bank(batch: Batch, target: Target, accounts: Accounts, call: Call) -> tuple[pa.Array, dict[str, str]]:
    """Files of a bank format, in a folder of their own."""
    if target.originator is None:  # pragma: no cover - `Target.check` has seen to it
        raise AssertionError
    nothing = Path()
    request = FilesRequest(
        results=nothing, importers=target.importers, originator=target.originator, on=batch.day,
        effective=batch.effective, out=target.folder, formats=(target.file_format,), settings=call.settings,
        first_trace=batch.before + 1, first_file=batch.files_before,
    )  # fmt: skip
    payments = _instructions(batch, accounts)
    staging, place = target.folder / f".{batch.name}.part", target.folder / batch.name
    shutil.rmtree(staging, ignore_errors=True)
    staging.mkdir(mode=0o700)
    originator: Any = read_originator(target.originator)
    try:
        with Writers(request, staging, accounts, originator, batch.effective) as writers:
            written = writers.add(payments)
            files = writers.finish()[target.file_format]
        writers.tell_names(call.findings)
        if sum(file.total_cents for file in files) != payments.total_cents or len(payments) != batch.rows.num_rows:
            raise OutputError("the payment files do not add up to the payments of the sending; nothing was sent")
        hashes = {file.name: file.sha256 for file in files}
        if place.exists():  # of a process that died before its sending counted
            if {file.name: sha256_of(file) for file in sorted(place.iterdir())} != hashes:
                _refuse_other(place)
        else:
            staging.replace(place)
    finally:
        shutil.rmtree(staging, ignore_errors=True)
    traces = bridge.single(written, pf.TRACE)
    if target.file_format != NACHA:
        traces = own_traces(batch.before, len(payments))
    return traces, {f"{batch.name}/{name}": sha256 for name, sha256 in hashes.items()}


def _instructions(batch: Batch, accounts: Accounts) -> PaymentInstructions:
    """The payments as instructions."""
    rows = batch.rows
    count = rows.num_rows
    columns = {
        str(r.PAYMENT_KEY): rows.column(str(life.PAYMENT)),
        str(r.RECIPIENT): rows.column(str(r.RECIPIENT)),
        str(r.RESULT_LIQUIDATION_DATE): rows.column(str(r.RESULT_LIQUIDATION_DATE)),
        str(r.PART): rows.column(str(r.PART)).cast(pa.int32()),
        str(r.PARTS): rows.column(str(r.PARTS)).cast(pa.int32()),
        str(r.AMOUNT_CENTS): rows.column(str(r.AMOUNT_CENTS)),
        str(r.STATUS): bridge.words(np.zeros(count, np.int32), [_READY]),
        str(pf.COHORT): rows.column(str(life.REFUND)),
        str(pf.COHORT_VERSION): rows.column(str(life.COHORT_VERSION)).cast(pa.int32()),
    }
    return Instructing(accounts).take(pa.table(columns))[0]
