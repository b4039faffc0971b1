"""Many payments: read back equal by two readers, every control total checked, within the time and memory promised."""

from __future__ import annotations

import datetime as dt
import time
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from ach.parser import Parser

from cape_engine.refund.payment_files import Instructing, nacha, nacha_records, names, read_accounts
from cape_engine.refund.payment_files.originator import read_originator
from cape_engine.settings import Settings
from payment_files.made import ON, bank_files, importers_file, made_files, many, originator_file
from reference import nacha as reader

COUNTS = [(3_000, 400), pytest.param(1_000_000, 100_000, marks=pytest.mark.heavy)]
Row = tuple[str, int, str, str, str, str]
"""Trace, cents, routing number, account, name and reference."""


def by_carta(file: Path) -> list[Row]:
    """What carta-ach reads."""
    found = Parser(file.read_text(encoding="ascii")).as_dict()
    return [
        (
            one["entry_detail"]["trace_num"],
            int(one["entry_detail"]["amount"]),
            one["entry_detail"]["recv_dfi_id"] + one["entry_detail"]["check_digit"],
            one["entry_detail"]["dfi_acnt_num"].rstrip(),
            one["entry_detail"]["ind_name"].rstrip(),
            one["addenda"][0]["pmt_rel_info"].rstrip(),
        )
        for batch in found["batches"]
        for one in batch["entries"]
    ]


def by_us(file: Path) -> list[Row]:
    """What the strict reader of the handbook reads."""
    return [
        (one.trace, one.cents, one.routing, one.account, one.name, str(one.addenda))
        for one in reader.read(file.read_bytes()).entries()
    ]


@pytest.mark.parametrize(("count", "recipients"), COUNTS)
def test_files__read_back_equal(tmp_path: Path, count: int, recipients: int) -> None:
    """Traces, amounts, accounts, names and references of every payment come back from both readers."""
    rows, table = many(count, recipients)
    result = made_files(tmp_path, table, importers=rows)
    at = {row["importer_number"]: row for row in rows}
    shown = pq.read_table(result.folder / "instructions.parquet", columns=["trace", "reference", "nacha_file"])
    wanted = zip(
        shown.column("trace").to_pylist(),
        table.column("amount_cents").to_pylist(),
        (at[name] for name in table.column("recipient").to_pylist()),
        shown.column("reference").to_pylist(),
        strict=True,
    )
    files = bank_files(result)
    assert len(files) == -(-sum(table.column("amount_cents").to_pylist()) // 999_999_999_999)
    in_files = shown.column("nacha_file").cast(pa.string()).to_pylist()
    place = 0
    for file in files:
        ours = by_us(file)
        assert by_carta(file) == ours
        assert in_files[place : place + len(ours)] == [file.name] * len(ours)
        place += len(ours)
        for found, (trace, cents, who, reference) in zip(ours, wanted, strict=False):
            name = who["name"].upper()[:22].rstrip()
            assert found == (trace, cents, who["routing_number"], who["account_number"], name, reference)
    assert place == count


@pytest.mark.heavy
def test_writer__a_million_in_ten_seconds(tmp_path: Path) -> None:
    """A million payments to 100,000 accounts, read before, are NACHA files within ten processor seconds."""
    rows, table = many(1_000_000, 100_000)
    accounts, _ = read_accounts([importers_file(tmp_path / "i.csv", rows)], settings=Settings.build())
    originator = read_originator(originator_file(tmp_path / "o.toml")).nacha
    assert originator is not None
    begin = time.process_time()
    cells = nacha_records.cells(accounts, names.spelt(accounts.names, names.NACHA).texts)
    writer = nacha.NachaWriter(tmp_path, originator, cells, on=ON, effective=ON + dt.timedelta(days=1))
    instructing = Instructing(accounts)
    for batch in range(0, table.num_rows, 1 << 17):
        writer.add(instructing.take(table.slice(batch, 1 << 17))[0])
    written = writer.finish()
    seconds = time.process_time() - begin
    assert sum(file.payments for file in written) == 1_000_000
    assert sum(file.total_cents for file in written) == int(np.asarray(table.column("amount_cents")).sum())
    assert seconds < 10
