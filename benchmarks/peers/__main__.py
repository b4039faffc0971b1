"""`python -m benchmarks.peers`: the same job in five engines, on the same rows, each in a process of its own."""

from __future__ import annotations

import argparse
import datetime as dt
import json
import os
import platform
import statistics
import subprocess
import sys
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path

import pyarrow.parquet as pq

from benchmarks.peers.answer import Answer, same
from benchmarks.peers.contender import ENGINES
from benchmarks.peers.layout import write_layout

AS_OF = dt.date(2026, 5, 4)
NATION_ROWS = 3_540_832_300
"""Tariff rows of `cape bench generate --scale 1`, by which a scale is chosen for a number of rows."""
HEADER = """The same job, to the cent, on the same rows: removal, column 1 restored, principal, entry checks of the
filing day, schedule, interest, refunds by recipient and day. The opponents do less than cape: no findings, messages,
flags or versions, no second computation (mode B) beside the first, no payments, no result hash. Medians of {rounds}
rounds after one that warms up; each engine in a process of its own with {threads} threads (pandas computes in
one), from files to an answer in memory. store: the store's own files; best: flat rows with keys, made for them.
ratio: seconds by those of cape."""


@dataclass(frozen=True)
class Measured:
    """One line of the table.

    Attributes:
        rows: tariff rows.
        engine, layout: who, and on which files.
        seconds: median of the rounds.
        cpu_seconds: median processor time of all its threads.
        rows_per_second: rows by seconds.
        ratio: seconds by those of cape on the same rows; 0 where cape was not measured.
        peak_bytes: most memory it held.
        equal: whether its answer is the reference's; the reference is cape, else the first engine.
        rounds: the seconds of all rounds.
    """

    rows: int
    engine: str
    layout: str
    seconds: float
    cpu_seconds: float
    rows_per_second: int
    ratio: float
    peak_bytes: int
    equal: bool
    rounds: list[float]


def _command(*arguments: object) -> subprocess.CompletedProcess[str]:
    """A command of this Python, its output caught."""
    command = [sys.executable, "-m", *map(str, arguments)]
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)  # noqa: S603 - our own commands


def data(folder: Path, rows: int, seed: int) -> tuple[Path, Path]:
    """A generated store of about so many rows and its importers file, made once."""
    place = folder / f"rows-{rows}"
    if not (place / "store" / "manifest.json").is_file():
        scale = max(rows / NATION_ROWS, 1e-7)
        _command(
            *("cape_engine", "bench", "generate", "--scale", f"{scale:.9f}", "--seed", seed, "--out", place),
            *("--as-of", AS_OF, "--quiet"),
        )
    return place / "store", place / "importers.csv"


def measured(
    engine: str, layout: str, folder: Path, importers: Path, out: Path, given: argparse.Namespace
) -> dict[str, object]:
    """The figures of one contender."""
    done = _command(
        *("benchmarks.peers.contender", engine, layout, folder, importers, out, "--as-of", given.as_of),
        *("--rounds", given.rounds, "--threads", given.threads),
    )
    found: dict[str, object] = json.loads(done.stdout.splitlines()[-1])
    return found


def _answer(folder: Path) -> Answer:
    return Answer(pq.read_table(folder / "entries.parquet"), pq.read_table(folder / "refunds.parquet"))


def compare(store: Path, importers: Path, work: Path, given: argparse.Namespace) -> list[Measured]:
    """All engines on one store."""
    rows = int(json.loads((store / "manifest.json").read_text(encoding="utf-8"))["totals"]["tariffs"])
    best = work / "best"
    if "best" in given.layout and not (best / "layout.json").is_file():
        write_layout(store, best, importers)
    pairs = [(engine, layout) for engine in given.engines for layout in given.layout if engine != "cape"]
    pairs = ([("cape", "store")] if "cape" in given.engines else []) + pairs
    reference: Answer | None = None
    ours = 0.0
    found: list[Measured] = []
    for engine, layout in pairs:
        out = work / "answers" / f"{engine}-{layout}"
        figures = measured(engine, layout, store if layout == "store" else best, importers, out, given)
        seconds, cpu = ([float(each) for each in figures[name]] for name in ("seconds", "cpu"))  # type: ignore[attr-defined]
        median = statistics.median(seconds)
        ours = median if engine == "cape" else ours
        answer = _answer(out)
        reference = answer if reference is None else reference
        found.append(
            Measured(
                rows=rows,
                engine=engine,
                layout=layout,
                seconds=median,
                cpu_seconds=statistics.median(cpu),
                rows_per_second=round(rows / median),
                ratio=median / ours if ours else 0.0,
                peak_bytes=int(str(figures["peak_bytes"])),
                equal=same(answer, reference),
                rounds=seconds,
            )
        )
        print(line(found[-1]), flush=True)
    return found


def heading() -> str:
    """The names of the columns."""
    return (
        f"{'rows':>13} {'engine':<10} {'layout':<6} {'seconds':>8} {'cpu s':>8} {'rows/s':>12} {'ratio':>7} "
        f"{'peak MiB':>9} equal"
    )


def line(one: Measured) -> str:
    """One measurement as a line of the table."""
    ratio = f"{one.ratio:.2f}" if one.ratio else "-"
    return (
        f"{one.rows:>13,} {one.engine:<10} {one.layout:<6} {one.seconds:>8.2f} {one.cpu_seconds:>8.2f} "
        f"{one.rows_per_second:>12,} {ratio:>7} {one.peak_bytes >> 20:>9,} {'yes' if one.equal else 'NO'}"
    )


def _words(known: tuple[str, ...], text: str) -> list[str]:
    """A list of words with commas between, each of them known."""
    words = text.split(",")
    for word in words:
        if word not in known:
            raise argparse.ArgumentTypeError(f"{word!r} is none of {', '.join(known)}")
    return words


def arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(prog="make bench-peers ARGS=...", description=__doc__)
    parser.add_argument("--rows", default="20000000", help="sizes, with commas between (default: %(default)s)")
    parser.add_argument("--engines", type=lambda text: _words(ENGINES, text), default=list(ENGINES))
    parser.add_argument("--layout", type=lambda text: _words(("best", "store"), text), default=["best", "store"])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=min(os.cpu_count() or 1, 2))
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--folder", type=Path, default=Path("build/bench-peers"), help="for data and answers; kept")
    parser.add_argument("--store", type=Path, help="a store of yours instead of generated ones; with --importers")
    parser.add_argument("--importers", type=Path)
    parser.add_argument("--as-of", type=dt.date.fromisoformat, default=AS_OF)
    parser.add_argument("--json", type=Path, help="also write the figures here (default: FOLDER/figures.json)")
    given = parser.parse_args()
    if (given.store is None) != (given.importers is None):
        parser.error("--store and --importers belong together")
    return given


def main() -> int:
    """Compare at every size; 1 when an answer differs."""
    given = arguments()
    print(HEADER.format(rounds=given.rounds, threads=given.threads))
    versions = {name: version(name) for name in ("cape-engine", "duckdb", "polars", "datafusion", "pandas", "pyarrow")}
    print(", ".join(f"{name} {number}" for name, number in versions.items()))
    print(heading(), flush=True)
    found: list[Measured] = []
    if given.store is not None:
        found += compare(given.store, given.importers, given.folder / f"of-{given.store.resolve().parent.name}", given)
    else:
        for rows in (int(text) for text in given.rows.split(",")):
            store, importers = data(given.folder, rows, given.seed)
            found += compare(store, importers, given.folder / f"rows-{rows}", given)
    record = {
        "machine": {"processors": os.cpu_count(), "platform": platform.platform(), "python": platform.python_version()},
        "versions": versions,
        "as_of": given.as_of.isoformat(),
        "measurements": [asdict(one) for one in found],
    }
    path = given.json or given.folder / "figures.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
    return 0 if all(one.equal for one in found) else 1


if __name__ == "__main__":
    sys.exit(main())
