"""Whether a tariff row costs the same at every size: stores run to files one after the other in one process.

`python benchmarks/scales.py FOLDER...` takes folders that `cape bench generate --out FOLDER` wrote. The first of them
is run once before anything is measured, so that what a process does once (start, rules, first partitions) is not
counted; `cape run` by the clock has it too.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
import time
from pathlib import Path

import cape_engine
from cape_engine.store import Store

AS_OF = "2026-05-04"
THREADS = 2


def seconds_of(folder: Path, results: Path) -> float:
    """Time of one run of the store in `folder` by the clock, its results written anew."""
    begin = time.perf_counter()
    cape_engine.run(
        folder / "store",
        importers=folder / "importers.csv",
        as_of=AS_OF,
        detail="none",
        threads=THREADS,
        out=results,
        full=True,
    )
    return time.perf_counter() - begin


def main() -> int:
    """Measure and print."""
    asked = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    asked.add_argument("folders", nargs="+", type=Path, help="folders of `cape bench generate`, the smallest first")
    asked.add_argument("--rounds", type=int, default=3)
    asked.add_argument("--scratch", type=Path, help="where results are written and removed (default: temporary files)")
    options = asked.parse_args()
    nanoseconds = []
    with tempfile.TemporaryDirectory(prefix="cape-scales-", dir=options.scratch) as scratch:
        seconds_of(options.folders[0], Path(scratch) / "first")
        for place, folder in enumerate(options.folders):
            rows = Store.open(folder / "store").manifest["totals"]["tariffs"]
            runs = [seconds_of(folder, Path(scratch) / str(place)) for _ in range(options.rounds)]
            nanoseconds.append(statistics.median(runs) / rows * 1e9)
            each = ", ".join(f"{seconds:.2f}" for seconds in runs)
            print(f"{rows:>15,} tariff rows  {nanoseconds[-1]:5.1f} ns a row  ({each} s)", flush=True)
    print(f"dearest row / cheapest row: {max(nanoseconds) / min(nanoseconds):.2f}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
