"""NACHA files of a load: made-up accounts of every recipient, and the payments as a bank takes them."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pv
import pyarrow.parquet as pq

from cape_engine import rules
from cape_engine.dates import WEEKDAYS, date_of
from cape_engine.refund.payment_files.accounts import Accounts, read_accounts
from cape_engine.refund.payment_files.bank_file import WrittenFile
from cape_engine.refund.payment_files.instructions import Instructing
from cape_engine.refund.payment_files.nacha import NachaWriter
from cape_engine.refund.payment_files.nacha_records import cells
from cape_engine.refund.payment_files.names import NACHA, spelt
from cape_engine.refund.payment_files.originator import NachaOriginator
from cape_engine.rules import calendars
from cape_engine.schema import facts as f
from cape_engine.schema.results import RESULT_PAYMENTS_SCHEMA
from cape_engine.settings import Settings
from cape_fixtures.consolidation_load import FIRST_DAY, Load, numbers

IMPORTERS = "importers.csv"
ROUTING = "123456780"
"""Nobody's, with the right check digit (weights 3-7-1, handbook 7.5)."""
ORIGINATOR = NachaOriginator(
    destination=ROUTING,
    destination_name="MADE-UP RECEIVING BANK",
    origin="1999999999",
    origin_name="MADE-UP ORIGINATOR",
    company_name="MADE-UP PAYER",
    company_id="1999999999",
    description="REFUND",
    originator_status="2",
    odfi="87654321",
)
_FIRST_ACCOUNT = 7_000_000_000
_BATCH = 1 << 17


def write_importers(path: Path, load: Load) -> int:
    """Write an importers file with a made-up account of every number of a load; its rows."""
    words = pa.array(numbers(load.numbers))
    count = len(words)
    accounts = pc.cast(pa.array(range(_FIRST_ACCOUNT, _FIRST_ACCOUNT + count), pa.int64()), pa.string())
    columns = {
        str(f.IMPORTER_NUMBER): words,
        str(f.ACH_ENROLLED): pa.repeat("Y", count),
        str(f.ROUTING_NUMBER): pa.repeat(ROUTING, count),
        str(f.ACCOUNT_NUMBER): accounts,
        str(f.ACCOUNT_KIND): pa.repeat(f.ACCOUNT_KIND.words[0], count),
        str(f.NAME): pc.binary_join_element_wise("Importer", words, " "),
    }
    pv.write_csv(pa.table(columns), path)
    return count


def write_nacha(folder: Path, load: Load, payments: Path) -> tuple[list[WrittenFile], dict[str, Any]]:
    """Write the payments of a load as NACHA files.

    Args:
        folder: holds the importers file; the files go there.
        load: whose payments they are.
        payments: the written payments.

    Returns:
        The files, and figures for the record: payments, cents, and how long it took.
    """
    accounts, _ = read_accounts([folder / IMPORTERS], settings=Settings.build(None, None))
    begun, cores = time.perf_counter(), time.process_time()
    files = _written(folder, load, payments, accounts)
    taken = time.perf_counter() - begun
    count = sum(file.payments for file in files)
    return files, {
        "files": len(files),
        "payments": count,
        "cents": sum(file.total_cents for file in files),
        "seconds": round(taken, 3),
        "cpu_seconds": round(time.process_time() - cores, 3),
        "payments_per_second": round(count / taken),
    }


def _written(folder: Path, load: Load, payments: Path, accounts: Accounts) -> list[WrittenFile]:
    """The files: created on the day behind the last liquidation, to arrive on the next day of the Fed."""
    created = FIRST_DAY + load.days
    fed = calendars.fed(rules.load()).runs(WEEKDAYS[:5])
    arrives = int(fed.following[created + 1 - fed.first])
    texts = spelt(accounts.names, NACHA).texts
    writer = NachaWriter(folder, ORIGINATOR, cells(accounts, texts), on=date_of(created), effective=date_of(arrives))
    instructing = Instructing(accounts)
    try:
        with pq.ParquetFile(payments) as file:
            for batch in file.iter_batches(_BATCH, columns=RESULT_PAYMENTS_SCHEMA.names):
                ready, _ = instructing.take(pa.Table.from_batches([batch]).cast(RESULT_PAYMENTS_SCHEMA))
                writer.add(ready)
        return writer.finish()
    except BaseException:
        writer.give_up()
        raise
