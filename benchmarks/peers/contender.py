"""One engine in a process of its own: several rounds over one input, its seconds, its peak memory, and its answer."""

from __future__ import annotations

import argparse
import datetime as dt
import importlib
import json
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from benchmarks.peers.answer import ENTRIES, Answer, tidy
from benchmarks.peers.inputs import open_best, open_store

ENGINES = ("cape", "duckdb", "polars", "datafusion", "pandas")


def call_of(engine: str, layout: str, folder: Path, importers: Path, as_of: dt.date, threads: int) -> Callable[[], Any]:
    """What is measured: from files to every entry and refund in memory."""
    if engine == "cape":
        if layout != "store":
            raise ValueError("cape reads its own store")
        cape = importlib.import_module("cape_engine")
        return lambda: cape.run(folder, importers=importers, as_of=as_of, detail="none", threads=threads)
    given = open_store(folder, importers) if layout == "store" else open_best(folder, importers)
    peer = importlib.import_module(f"benchmarks.peers.{engine}_peer")
    return lambda: peer.run(given, as_of, as_of, threads)


def answer_of(found: Any) -> Answer:
    """The answer of any engine in the same columns; ours has more of them."""
    if isinstance(found, Answer):
        return found
    entries = found.entries
    accepted = pc.equal(entries["disposition"].cast(pa.string()), "accepted")
    names = [name for name in ENTRIES if name != "accepted"]
    return tidy(entries.select(names).append_column("accepted", accepted), found.refunds)


def peak_bytes() -> int:
    """Most memory this process ever held (VmHWM, which an exec starts anew; else what the system counts)."""
    status = Path("/proc/self/status")
    if status.is_file():
        for line in status.read_text(encoding="ascii").splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
    resource = importlib.import_module("resource")
    return int(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss) * 1024


def main() -> None:
    """Measure, write the answer to a folder, print the figures as JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("engine", choices=ENGINES)
    parser.add_argument("layout", choices=("store", "best"))
    parser.add_argument("folder", type=Path)
    parser.add_argument("importers", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--as-of", type=dt.date.fromisoformat, required=True)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=2)
    given = parser.parse_args()
    os.environ["POLARS_MAX_THREADS"] = str(given.threads)
    call = call_of(given.engine, given.layout, given.folder, given.importers, given.as_of, given.threads)
    seconds, processor = [], []
    found: Any = None
    for _ in range(given.rounds + 1):  # the first one warms up: imports, page cache, compiled kernels
        found = None
        start, used = time.perf_counter(), time.process_time()
        found = call()
        seconds.append(time.perf_counter() - start)
        processor.append(time.process_time() - used)
    peak = peak_bytes()
    answer = answer_of(found)
    given.out.mkdir(parents=True, exist_ok=True)
    pq.write_table(answer.entries, given.out / "entries.parquet")
    pq.write_table(answer.refunds, given.out / "refunds.parquet")
    print(json.dumps({"seconds": seconds[1:], "first": seconds[0], "cpu": processor[1:], "peak_bytes": peak}))


if __name__ == "__main__":
    main()
