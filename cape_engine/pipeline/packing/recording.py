"""What the ledger remembers of a packing: every declaration with its entries, in the transaction of the files."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import numpy as np
import pyarrow as pa

from cape_engine import bridge
from cape_engine.claim_portal.packing import Packed
from cape_engine.ledger import Ledger, Submission
from cape_engine.pipeline.packing.precheck import Arrays, Importers
from cape_engine.pipeline.packing.request import PackRequest
from cape_engine.schema import ledger as l
from cape_engine.schema.facts import ENTRY_NUMBER, IMPORTER_NUMBER

DECLARED, NOT_STARTED = "DECLARED", "not started"
BY_IMPORTER = "importer"
"""Kind of account that files under its importer number; the others file under their filer code (handbook 4.1)."""
WHO = "filer"


def ledger_name(url: str | None) -> str | None:
    """A ledger as manifests name it: its full path, or its URL without user and password."""
    if url is None or "://" not in url:
        return None if url is None else str(Path(url).resolve())
    parts = urlsplit(url)
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", ""))


def record_files(
    ledger: Ledger,
    request: PackRequest,
    packed: Packed,
    hashes: dict[str, str],
    candidates: Arrays,
    importers: Importers,
) -> None:
    """Record each declaration as packed: its entries are held by it until CBP answers.

    Args:
        ledger: inside a transaction.
        request: day and account.
        packed: the declarations.
        hashes: SHA-256 by file name.
        candidates: what was packed, in the order in which it was given to `pack`.
        importers: how importer numbers are shown.
    """
    if not packed.files:
        return
    numbers = packed.entry_numbers()
    cents = pa.array(candidates.principal_cents[packed.order])
    for file in packed.files:
        shown = importers.shown[file.importer]
        size = file.entries
        entries = pa.table(
            {
                str(ENTRY_NUMBER): numbers.slice(file.first, size),
                str(l.STATE): _same(DECLARED, size),
                str(IMPORTER_NUMBER): _same(shown, size),
                str(l.SUBMITTED_PRINCIPAL): cents.slice(file.first, size),
            }
        )
        ledger.record(
            Submission(
                file_name=file.name,
                file_sha256=hashes[file.name],
                account=request.account,
                submitter=shown if request.account == BY_IMPORTER else file.filer_code,
                filed_on=request.as_of,
                received_at=request.received_at,
                status=NOT_STARTED,
                entries=entries,
                who=WHO,
            )
        )


def _same(word: str, count: int) -> pa.DictionaryArray:
    """One word on every row."""
    return bridge.words(np.zeros(count, np.int32), [word])
