"""Damaged files of every form: an answer, a finding or one clear error; never anything else."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import xlsxwriter

from cape_engine.errors import InputError

from .conftest import ES003, GOOD, csv_text

_PIECES = [b'"', b",", b"\n", b"\r", b"\xff", b"\0", b"=", b"-", b"$", b"9" * 30, b"\xc2\xa0", b"", b"NaN", b";"]


def as_csv(path: Path) -> None:
    """The good rows as text."""
    path.write_text(csv_text(GOOD * 3))


def as_xlsx(path: Path) -> None:
    """The good rows as a workbook."""
    with xlsxwriter.Workbook(path) as book:
        page = book.add_worksheet()
        for number, row in enumerate((ES003, *GOOD)):
            page.write_row(number, 0, row)


def as_parquet(path: Path) -> None:
    """The good rows as Parquet."""
    pq.write_table(pa.table(dict(zip(ES003, zip(*GOOD, strict=True), strict=True))), path, compression="none")


@pytest.mark.parametrize(("make", "tries"), [(as_csv, 60), (as_xlsx, 40), (as_parquet, 40)])
def test_build_store__damaged_bytes(
    read: Callable[..., Any], tmp_path: Path, make: Callable[[Path], None], tries: int
) -> None:
    """Bytes cut out, put in or replaced at random never end in a traceback, and what is read obeys the schema."""
    whole = tmp_path / "whole"
    make(whole)
    data = whole.read_bytes()
    chance = random.Random(20260504)
    stores = unnamed = 0
    for number in range(tries):
        begin = chance.randrange(len(data))
        end = min(len(data), begin + chance.choice([0, 1, 1, 5, 40]))
        path = tmp_path / f"damaged-{number}"
        path.write_bytes(data[:begin] + chance.choice(_PIECES) + data[end:])
        try:
            result = read(path)
        except InputError as error:
            unnamed += str(path) not in str(error)
            continue
        stores += 1
        for row in result.table("tariffs"):
            assert len(row["hts_number"]) in (8, 10)
            assert row["duty_cents"] >= 0
    assert stores > 0
    assert unnamed == 0
