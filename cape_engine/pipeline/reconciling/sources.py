"""What a reconciliation expects, read from a run, from a ledger, or from both."""

from __future__ import annotations

import json
from concurrent.futures import Future
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from cape_engine.bridge import Int64s, integers
from cape_engine.errors import InputError
from cape_engine.intake.entries import keys_of_texts
from cape_engine.ledger import Ledger
from cape_engine.outputs.files import MANIFEST
from cape_engine.outputs.result_groups import ResultGroups, table_path
from cape_engine.pipeline.reconciling.request import ReconcileRequest
from cape_engine.refund import reconciliation as rec
from cape_engine.schema import facts as f
from cape_engine.schema import results as r
from cape_engine.schema import rows as s
from cape_engine.schema.column import Column

_ENTRIES: tuple[Column, ...] = (
    f.ENTRY_NUMBER,
    f.ENTRY_DATE,
    r.DISPOSITION,
    r.FILED_DUTY_CENTS,
    r.RESTORED_COLUMN1_CENTS,
    r.RECALCULATED_DUTY_CENTS,
    r.RECOMPUTED_DUTY_CENTS,
    r.PRINCIPAL_CENTS,
    r.INTEREST_CENTS,
    r.INTEREST_FROM,
    r.ACTION,
    r.RESULT_LIQUIDATION_DATE,
    r.RECIPIENT,
    r.PAYMENT_ID,
)
_GAPS: tuple[Column, ...] = (f.ENTRY_NUMBER, s.LINE_NUMBER, r.GAP_CENTS)
Under = tuple[Int64s, Int64s]


class ReadRun(NamedTuple):
    """What a run expects, read without knowing the reports.

    Attributes:
        expected: with recipients numbered by `words`.
        under: underpaid duty of lines by entry.
        words: its own vocabularies.
        origin: what the manifest says of it.
    """

    expected: rec.Expected
    under: Under
    words: rec.Vocabularies
    origin: dict[str, Any]


def read_run(folder: Path) -> ReadRun:
    """Read a finished run; in any thread, while the reports are read in others.

    Raises:
        InputError: no results of a run are there, or they cannot be read.
    """
    manifest = _manifest(folder)
    origin = {"result_hash": manifest["result_hash"], "as_of": manifest.get("as_of"), "name": folder.name}
    words = rec.Vocabularies()
    return ReadRun(*_of_run(folder, words), words, origin)


def expectation(
    request: ReconcileRequest, reading: Future[ReadRun] | None, words: rec.Vocabularies
) -> tuple[rec.Expected, Under, dict[str, Any]]:
    """(what is expected, underpaid duty of lines by entry, what the manifest says of the origin).

    Args:
        request: what is asked.
        reading: the run that is read elsewhere, if there is one.
        words: vocabularies of all reports.

    Raises:
        InputError: see `read_run`.
        LedgerError: the ledger cannot be used.
    """
    origin: dict[str, Any] = {"results": None, "ledger": None}
    run, under = None, (np.empty(0, np.int64), np.empty(0, np.int64))
    if reading is not None:
        found = reading.result()
        origin["results"], under = found.origin, found.under
        run = rec.renumbered(found.expected, found.words, words)
    if request.ledger is None:
        assert run is not None  # noqa: S101 - one of both is given
        return run, under, origin
    with Ledger.open(request.ledger, create=False) as ledger:
        number, head = ledger.head()
        origin["ledger"] = {"link": number, "head": head}
        claims = ledger.live()
        expected = rec.of_ledger(ledger.decisions(), ledger.refunds(), ledger.payments(), ledger.facts(), claims, words)
    return (expected if run is None else rec.with_run(expected, run)), under, origin


def _manifest(folder: Path) -> dict[str, Any]:
    """The manifest of a finished run.

    Raises:
        InputError: the folder holds none.
    """
    try:
        found = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InputError(
            f"{folder}: no results of a run are there; give the folder that `cape run --out` wrote"
        ) from error
    names = {"entries.parquet", "refunds.parquet", "payments.parquet"}
    if not isinstance(found, dict) or not names <= set(found.get("files", {})) or "result_hash" not in found:
        raise InputError(f"{folder}: these are no results of a run; give the folder that `cape run --out` wrote")
    return found


def _of_run(folder: Path, words: rec.Vocabularies) -> tuple[rec.Expected, Under]:
    """What a run expects, and the duty that its lines were underpaid by."""
    try:
        entries = pq.read_table(table_path(folder, "entries"), columns=[str(column) for column in _ENTRIES])
        refunds, payments = (pq.read_table(folder / name) for name in ("refunds.parquet", "payments.parquet"))
        changes = table_path(folder, "changes")
        under = _underpaid(changes) if changes.exists() else (np.empty(0, np.int64), np.empty(0, np.int64))
    except (OSError, pa.ArrowException, KeyError) as error:
        raise InputError(f"{folder}: the results cannot be read ({str(error).splitlines()[0]}); run again") from error
    return rec.of_results(entries, refunds, payments, words), under


def _underpaid(file: Path) -> Under:
    """Duty that lines were underpaid by (mode B asks for more), by entry; partition by partition."""
    parts = []
    groups = ResultGroups.of(file)
    for place in range(len(groups.rows)):
        rows = groups.read(place, [str(column) for column in _GAPS])
        below = rows.filter(pc.fill_null(pc.less(rows.column(str(r.GAP_CENTS)), 0), fill_value=False))
        if below.num_rows:
            parts.append(below)
    if not parts:
        return np.empty(0, np.int64), np.empty(0, np.int64)
    names = [str(column) for column in _GAPS]
    lines = pa.concat_tables(parts).group_by(names[:2]).aggregate([(names[2], "min")])
    sums = lines.group_by(names[:1]).aggregate([(f"{names[2]}_min", "sum")])
    keys, _status = keys_of_texts(sums.column(names[0]).combine_chunks().cast(pa.string()))
    cents = -integers(sums.rename_columns([names[0], names[2]]), r.GAP_CENTS, 0)
    order = np.argsort(keys)
    return keys[order], cents[order]
