"""How far a run is from the limits of the machine: memory bandwidth, bare decoding of its columns, and each stage.

`make bench-limits` generates entries; `python benchmarks/limits.py --store FOLDER --importers FILE` takes a store.
Every figure is a median; stages are measured in one thread by the processor time they take. On a machine that others
share the clock that reaches us may be a third of the one on the label, so stages are given in its cycles too.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import numba
import numpy as np

import cape_engine
from cape_engine import rules
from cape_engine.bridge import Partition, codes, raw_quantities
from cape_engine.findings import Findings
from cape_engine.outputs.row_groups import result_row_groups
from cape_engine.pipeline import road
from cape_engine.pipeline.api import requested
from cape_engine.pipeline.stages import Context, processed
from cape_engine.schema.rows import HTS_NUMBER
from cape_engine.store import Store
from cape_engine.store.measured import takes_quantity
from cape_fixtures.national import Shape, generate_store

AS_OF = "2026-05-04"
NATION_ROWS = 3_500_000_000
TRIAD_NUMBERS = 8_000_000
STEPS, STEP_CYCLES = 20_000_000, 6  # a step of xorshift is three shifts and three xors, each waiting for the one before
THREADS = 2


@numba.njit(nogil=True)
def _triad(a: Any, b: Any, c: Any) -> None:
    """The triad: a = b + 3 c."""
    for i in range(a.shape[0]):
        a[i] = b[i] + 3.0 * c[i]


@numba.njit(nogil=True)
def _steps(count: Any, state: Any) -> Any:
    """Steps of xorshift, each of which needs the result of the one before."""
    for _ in range(count):
        state ^= state << np.uint64(13)
        state ^= state >> np.uint64(7)
        state ^= state << np.uint64(17)
    return state


def gigahertz(rounds: int) -> float:
    """The clock that reaches us: cycles of a chain of dependent instructions in a second of processor time."""
    _steps(1, np.uint64(1))
    found = []
    for _ in range(rounds):
        begin = time.thread_time()
        _steps(STEPS, np.uint64(88172645463325252))
        found.append(STEPS * STEP_CYCLES / (time.thread_time() - begin) / 1e9)
    return statistics.median(found)


def median_seconds(call: Callable[[], object], rounds: int) -> float:
    """Median wall time of a call, after one round to warm up."""
    call()
    times = []
    for _ in range(rounds):
        begin = time.perf_counter()
        call()
        times.append(time.perf_counter() - begin)
    return statistics.median(times)


def triad_gigabytes_per_second(rounds: int) -> float:
    """Bandwidth of the triad a = b + 3 c over arrays far larger than the caches, with all threads."""
    arrays = [tuple(np.ones(TRIAD_NUMBERS) for _ in range(3)) for _ in range(THREADS)]
    _triad(*(array[:1] for array in arrays[0]))
    with ThreadPoolExecutor(THREADS) as pool:
        seconds = median_seconds(lambda: list(pool.map(lambda one: _triad(*one), arrays)), rounds)
    return 3 * 8 * TRIAD_NUMBERS * THREADS / seconds / 1e9


def bare_decode_seconds(store: Store, ahead: dict[str, set[str]], rounds: int) -> float:
    """Wall time of decoding what a run asks for, and nothing else, with all threads."""
    measured: dict[str, list[str]] = {}
    for name in store.partitions:
        numbers = codes(store.opened(name).tariffs, HTS_NUMBER)[1]
        measured[name] = [number for number in numbers if takes_quantity(number)]

    def decode(name: str) -> None:
        partition = store.opened(name, ahead)
        raw_quantities(partition, measured[name])
        if partition.kept_shapes is not None:
            partition.kept_shapes()

    with ThreadPoolExecutor(THREADS) as pool:
        return median_seconds(lambda: list(pool.map(decode, store.partitions)), rounds)


def context_of(store: Store, importers: Path | None, detail: str) -> Context:
    """What all partitions of a run share."""
    request = requested(store.folder, importers=importers, as_of=AS_OF, detail=detail)
    context, _declarations = road._context(request, rules.load(), store, Findings())  # noqa: SLF001 - measured from inside
    return context


def with_shapes(partition: Partition) -> Partition:
    """The partition with the shapes of its lines read, so that mass processing does not read them."""
    if partition.kept_shapes is None:
        return partition
    kept = partition.kept_shapes()
    return replace(partition, kept_shapes=lambda: kept)


def stage_nanoseconds(store: Store, context: Context, rounds: int) -> dict[str, float]:
    """Processor time of each stage in nanoseconds for each tariff row, in one thread."""
    groups = result_row_groups()
    spent: dict[str, list[float]] = defaultdict(list)
    for _ in range(rounds + 1):
        seconds: dict[str, float] = defaultdict(float)
        rows = 0
        for name in store.partitions[:8]:
            since = time.thread_time()

            def lap(stage: str) -> None:
                nonlocal since
                now = time.thread_time()
                seconds[stage] += now - since  # noqa: B023 - called within this round
                since = now

            partition = with_shapes(store.opened(name, context.ahead))
            lap("decode")
            part = processed(partition, context, lap)
            for table, values in part.tables.items():
                groups[table].encode(values)
            lap("encode for files")
            context.learn(partition)
            rows += partition.tariffs.num_rows
        for stage, value in seconds.items():
            spent[stage].append(value / rows * 1e9)
    # The first round reads from disk and does not know yet which columns will be asked for.
    return {stage: statistics.median(values[1:]) for stage, values in spent.items()}


def measured(store: Store, importers: Path | None, rounds: int) -> dict[str, Any]:
    """All figures as one record."""
    rows = store.manifest["totals"]["tariffs"]
    found: dict[str, Any] = {
        "tariff_rows": rows,
        "threads": THREADS,
        "cores": os.cpu_count(),
        "gigahertz": round(gigahertz(rounds), 2),
        "triad_gigabytes_per_second": round(triad_gigabytes_per_second(rounds), 1),
        "bytes_per_row_on_disk": round(sum(file.stat().st_size for file in store.folder.rglob("*.parquet")) / rows, 2),
    }
    for detail in ("none", "changes"):
        context = context_of(store, importers, detail)
        stages = stage_nanoseconds(store, context, rounds)

        def run(detail: str = detail) -> None:
            cape_engine.run(store.folder, importers=importers, as_of=AS_OF, detail=detail, threads=THREADS)

        with tempfile.TemporaryDirectory() as folder:

            def written(detail: str = detail, folder: str = folder) -> None:
                out = Path(folder) / "out"
                cape_engine.run(
                    store.folder, importers=importers, as_of=AS_OF, detail=detail, threads=THREADS, out=out, full=True
                )

            wall, to_files = median_seconds(run, rounds), median_seconds(written, rounds)
        decode = bare_decode_seconds(store, context.ahead, rounds)
        found[detail] = {
            "run_seconds": round(wall, 3),
            "run_rows_per_second": round(rows / wall),
            "run_to_files_seconds": round(to_files, 3),
            "run_to_files_rows_per_second": round(rows / to_files),
            "bare_decode_seconds": round(decode, 3),
            "bare_decode_rows_per_second": round(rows / decode),
            "run_over_bare_decode": round(wall / decode, 2),
            "stage_nanoseconds_per_row": {stage: round(value, 2) for stage, value in stages.items()},
        }
    return found


def shown(found: dict[str, Any]) -> str:
    """The record as a table for people."""
    lines = [
        f"{found['tariff_rows']:,} tariff rows of {found['bytes_per_row_on_disk']} bytes on disk",
        f"{found['threads']} threads on {found['cores']} cores",
        f"{'clock that reaches us':32} {found['gigahertz']:>12} GHz",
        f"{'memory bandwidth (triad)':32} {found['triad_gigabytes_per_second']:>12} GB/s",
    ]
    for detail in ("none", "changes"):
        one = found[detail]
        lines += [
            "",
            f"detail {detail}",
            f"{'  bare decode':32} {one['bare_decode_rows_per_second'] / 1e6:>12.1f} M rows/s",
            f"{'  run, results in memory':32} {one['run_rows_per_second'] / 1e6:>12.1f} M rows/s",
            f"{'  run, results to files':32} {one['run_to_files_rows_per_second'] / 1e6:>12.1f} M rows/s",
            f"{'  run over bare decode':32} {one['run_over_bare_decode']:>12} times",
        ]
        lines += [
            f"{'    ' + stage:32} {value:>12} ns a row {value * found['gigahertz']:>8.0f} cycles"
            for stage, value in one["stage_nanoseconds_per_row"].items()
        ]
    return "\n".join(lines)


def main() -> int:
    """Measure and print."""
    asked = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    asked.add_argument("--rows", type=int, default=20_000_000, help="tariff rows to generate (default: %(default)s)")
    asked.add_argument("--store", type=Path, help="a store that is there already")
    asked.add_argument("--importers", type=Path, help="its importers file")
    asked.add_argument("--rounds", type=int, default=5)
    asked.add_argument("--json", type=Path, help="also write the figures here")
    options = asked.parse_args()
    with tempfile.TemporaryDirectory(prefix="cape-limits-") as folder:
        place, importers = options.store, options.importers
        if place is None:
            generate_store(Shape(options.rows / NATION_ROWS, 1), Path(folder))
            place, importers = Path(folder) / "store", Path(folder) / "importers.csv"
        found = measured(Store.open(place), importers, options.rounds)
    print(shown(found))
    if options.json:
        options.json.write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
