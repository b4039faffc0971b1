"""Many payments: read back equal by two readers, every control total checked."""

from __future__ import annotations

import os
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from ach.parser import Parser

from payment_files.made import bank_files, made_files, many
from reference import nacha as reader

MANY = int(os.environ.get("CAPE_TEST_PAYMENTS", "1000000"))
COUNTS = [(3_000, 400), pytest.param(MANY, MANY // 10, marks=pytest.mark.heavy)]
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
