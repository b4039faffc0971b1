"""How long a what-if over 90 days and a risk report take for ten million entries (wall and processor seconds).

Only entries are made up, without lines: their principal comes from a facts file, as it does for the second question
about a real store. `python benchmarks/outlook_ten_million.py FOLDER` makes the store in FOLDER, or takes it from there.
"""

from __future__ import annotations

import argparse
import datetime as dt
import time
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

import cape_engine
from cape_engine import bridge
from cape_engine.bridge import Partition
from cape_engine.dates import day_number
from cape_engine.pipeline.outlook import outlook_request
from cape_engine.pipeline.outlook.known import FACTS, METADATA_KEY, key_of, key_text
from cape_engine.rules import load
from cape_engine.schema import facts as f
from cape_engine.schema import rows
from cape_engine.store import Store, StoreWriter

IMPORTERS, FILERS, PART = 66_000, 200, 32_768
FIRST, LAST = dt.date(2026, 5, 4), dt.date(2026, 8, 1)


def words(draw: np.random.Generator, count: int, shares: dict[str, float]) -> pa.DictionaryArray:
    """Words by their shares."""
    codes = draw.choice(len(shares), count, p=list(shares.values())).astype(np.int32)
    return pa.DictionaryArray.from_arrays(pa.array(codes), pa.array(list(shares), pa.string()))


def entries(draw: np.random.Generator, first: int, count: int) -> pa.Table:
    """Entries of the shape of spring 2026: three in five liquidated, many of them within 80 days."""
    opened, closed = day_number(dt.date(2025, 2, 4)), day_number(dt.date(2026, 2, 23))
    entered = draw.integers(opened, closed + 1, count).astype(np.int32)
    ordinary = entered + 314
    status = draw.choice(3, count, p=[0.90, 0.07, 0.03])  # as the cycle has it, held, contradictory or without status
    liquidated = (ordinary <= day_number(FIRST)) & (status == 0)
    word = np.where(liquidated, 1, np.where(status == 1, 2, np.where(status == 2, 3, 0))).astype(np.int32)
    numbers = [f"{place:011d}" for place in range(first, first + count)]
    known = ["Unliquidated", "Liquidated", "Suspended", ""]
    columns: dict[str, Any] = {
        f.ENTRY_NUMBER: pa.array(numbers),
        f.IMPORTER_NUMBER: bridge.words(
            np.minimum(draw.zipf(1.3, count), IMPORTERS).astype(np.int32) - 1,
            [f"{place // 100:02d}-{place:09d}" for place in range(IMPORTERS)],
        ),
        f.FILER_CODE: bridge.words(np.full(count, first // PART % FILERS, np.int32), [f"F{n:02X}" for n in range(256)]),
        f.ENTRY_TYPE: words(draw, count, {"01": 0.8, "11": 0.1, "03": 0.05, "06": 0.04, "21": 0.01}),
        f.ENTRY_DATE: bridge.dates(entered),
        f.DEPOSIT_DATE: bridge.dates(entered + draw.integers(8, 40, count).astype(np.int32)),
        f.SUMMARY_STATUS: words(draw, count, {"Accepted": 0.995, "Cancelled": 0.005}),
        f.STATEMENT_COMPLETE: pa.array(draw.random(count) < 0.999),
        f.LIQUIDATION_STATUS: bridge.words(word, known),
        f.LIQUIDATION_DATE: bridge.dates(np.where(liquidated, ordinary, np.int32(bridge.NO_DAY))),
        f.SCHEDULED_LIQUIDATION_DATE: bridge.dates(
            np.where(~liquidated & (draw.random(count) < 0.3), ordinary, np.int32(bridge.NO_DAY))
        ),
        f.RECONCILIATION_FLAG: pa.array(draw.random(count) < 0.03),
        f.DRAWBACK_FLAG: pa.array(draw.random(count) < 0.01),
        f.PROTEST_STATUS: words(draw, count, {"": 0.98, "Open": 0.01, "Denied": 0.01}),
        rows.SOURCE_IDX: pa.array(np.zeros(count, np.int32)),
        rows.LINE_COUNT: pa.array(np.zeros(count, np.int32)),
        rows.INPUT_REFUSED: pa.array(np.zeros(count, np.bool_)),
    }
    arrays = [
        columns[field.name].cast(field.type) if field.name in columns else pa.nulls(count, field.type)
        for field in rows.STORE_ENTRIES_SCHEMA
    ]
    return pa.table(arrays, schema=rows.STORE_ENTRIES_SCHEMA)


def make(folder: Path, count: int) -> None:
    """The store, and the file with principal and faults of its entries."""
    draw = np.random.default_rng(1)
    writer = StoreWriter(folder / "store")
    places = range(0, count, PART)
    nothing = rows.STORE_LINES_SCHEMA.empty_table(), rows.STORE_TARIFFS_SCHEMA.empty_table()
    for number, first in enumerate(places):
        table = entries(draw, first, min(PART, count - first))
        writer.write(Partition(f"part-{number:05d}", table, *nothing, ("made up",)))
    writer.finish([], [])
    request = outlook_request(folder / "store", FIRST, LAST, "benchmark")
    key = key_text(key_of(request, load(), Store.open(folder / "store")))
    schema = pa.schema([column.field for column in FACTS], metadata={METADATA_KEY: key})
    with pq.ParquetWriter(folder / "facts", schema, compression="lz4", use_dictionary=False) as facts:
        for first in places:
            size = min(PART, count - first)
            trial = np.where(draw.random(size) < 0.02, 1, 0).astype(np.uint32)
            cents = np.where(trial == 1, 0, draw.pareto(1.2, size) * 20_000).clip(max=10**11).astype(np.int64)
            facts.write_table(pa.table([trial, np.zeros(size, np.uint32), cents], schema=schema))


def measured(name: str, ask: Any) -> None:
    """Ask three times and print each."""
    for _ in range(3):
        wall, cpu = time.perf_counter(), time.process_time()
        found = ask()
        wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
        print(f"{name}: {wall:.2f} s, {cpu:.2f} s of processor time, {found.manifest['seconds']}")


def main() -> None:
    """Make the data if need be, and measure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--entries", type=int, default=10_000_000)
    parser.add_argument("--threads", type=int, default=2)
    given = parser.parse_args()
    if not (given.folder / "facts").exists():
        given.folder.mkdir(parents=True, exist_ok=True)
        make(given.folder, given.entries)
    common: dict[str, Any] = {"facts": given.folder / "facts", "threads": given.threads}
    store = given.folder / "store"
    measured("what-if, 90 days", lambda: cape_engine.whatif(store, accept_from=FIRST, accept_to=LAST, **common))
    measured("risk, 90 days", lambda: cape_engine.risk(store, as_of=FIRST, days=90, **common))


if __name__ == "__main__":
    main()
