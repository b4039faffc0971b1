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
    importer = np.repeat([file.importer for file in packed.files], [file.entries for file in packed.files])
    entries = pa.table(
        {
            str(ENTRY_NUMBER): packed.entry_numbers(),
            str(l.STATE): bridge.words(np.zeros(len(packed.order), np.int32), [DECLARED]).cast(pa.string()),
            str(IMPORTER_NUMBER): bridge.words(importer.astype(np.int32), importers.shown).cast(pa.string()),
            str(l.SUBMITTED_PRINCIPAL): pa.array(candidates.principal_cents[packed.order]),
        }
    )
    ledger.record_many(
        [
            Submission(
                file_name=file.name,
                file_sha256=hashes[file.name],
                account=request.account,
                submitter=importers.shown[file.importer] if request.account == BY_IMPORTER else file.filer_code,
                filed_on=request.as_of,
                received_at=request.received_at,
                status=NOT_STARTED,
                entries=entries.slice(file.first, file.entries),
                who=WHO,
            )
            for file in packed.files
        ]
    )
