"""Payment files of a million payments to 100,000 accounts; held to ten seconds."""

from __future__ import annotations

import datetime as dt
import itertools
from pathlib import Path
from typing import Any

import numpy as np

from cape_engine.refund.payment_files import Instructing, nacha, nacha_records, names, read_accounts
from cape_engine.refund.payment_files.originator import read_originator
from cape_engine.settings import Settings
from payment_files.made import ON, importers_file, many, originator_file

PAYMENTS, ACCOUNTS, AT_ONCE = 1_000_000, 100_000, 1 << 17


def test_nacha__a_million_payments(benchmark: Any, tmp_path: Path) -> None:
    """Instructions and NACHA records of payments whose accounts were read before."""
    rows, table = many(PAYMENTS, ACCOUNTS)
    accounts, _ = read_accounts([importers_file(tmp_path / "i.csv", rows)], settings=Settings.build())
    originator = read_originator(originator_file(tmp_path / "o.toml")).nacha
    assert originator is not None
    cells = nacha_records.cells(accounts, names.spelt(accounts.names, names.NACHA).texts)
    rounds = itertools.count()

    def write() -> int:
        folder = tmp_path / str(next(rounds))
        folder.mkdir()
        writer = nacha.NachaWriter(folder, originator, cells, on=ON, effective=ON + dt.timedelta(days=1))
        instructing = Instructing(accounts)
        for batch in range(0, table.num_rows, AT_ONCE):
            writer.add(instructing.take(table.slice(batch, AT_ONCE))[0])
        return sum(file.total_cents for file in writer.finish())

    total = benchmark.pedantic(write, rounds=3)
    assert total == int(np.asarray(table.column("amount_cents")).sum())
    benchmark.extra_info |= {"rows": PAYMENTS, "rows_per_second": round(PAYMENTS / benchmark.stats.stats.median)}
