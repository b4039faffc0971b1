"""What all benchmarks share: generated entries as exports and as a store, made once, and a table of rows a second."""

from __future__ import annotations

import datetime as dt
import os
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

import cape_fixtures
from cape_engine import intake, rules
from cape_engine.settings import Settings
from cape_engine.store import Store

ROOT = str(Path(__file__).parents[1])
if ROOT not in sys.path:
    sys.path.append(ROOT)  # for `benchmarks.kernel_cases`; last, after an installed wheel

AS_OF = dt.date(2026, 5, 4)
SEED = 2026
_ROWS_PER_ENTRY = 71  # of the realistic mix, measured over 200,000 entries
_SMALL_ENTRIES = 100  # about 10,000 rows, with its seed


def pytest_addoption(parser: pytest.Parser) -> None:
    """`--rows N`, or CAPE_BENCH_ROWS: how many tariff rows the whole runs take."""
    most = int(os.environ.get("CAPE_BENCH_ROWS", "5000000"))
    parser.addoption("--rows", type=int, default=most, help="tariff rows of the whole runs (default: %(default)s)")


@dataclass(frozen=True, slots=True)
class Lot:
    """Generated entries in files; every contender of a comparison reads the same ones.

    Attributes:
        rows: tariff rows.
        files: the export, its header file and its importers file.
    """

    rows: int
    files: cape_fixtures.Written


@dataclass(frozen=True, slots=True)
class Lots:
    """All lots of a session.

    Attributes:
        small: about 10,000 rows as CSV.
        csv, parquet: a fifth of `--rows`, as ES-003.
        whole: all rows, as ES-003 Parquet.
        store: the same as a store.
        as_of: the filing day for which they were made.
    """

    small: Lot
    csv: Lot
    parquet: Lot
    whole: Lot
    store: Store
    as_of: dt.date = AS_OF


def _lot(folder: Path, entries: int, form: str, seed: int) -> Lot:
    """So many entries written as one export."""
    made = cape_fixtures.generate(max(entries, 1), seed, as_of=AS_OF)
    return Lot(made.rows.num_rows, cape_fixtures.write(made, folder, format=form, layout="es003"))


@pytest.fixture(scope="session")
def lots(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Lots:
    """The generated data, in a temporary folder of this session."""
    entries = request.config.getoption("--rows") // _ROWS_PER_ENTRY
    folder = tmp_path_factory.mktemp("lots")
    whole = _lot(folder / "whole", entries, "parquet", SEED)
    store, _found = intake.build_store(
        whole.files.rows,
        folder / "store",
        headers=[whole.files.headers],
        ruleset=rules.load(),
        settings=Settings.build(None, None),
    )
    return Lots(
        small=_lot(folder / "small", _SMALL_ENTRIES, "csv", SEED + 1),
        csv=_lot(folder / "csv", entries // 5, "csv", SEED + 2),
        parquet=_lot(folder / "parquet", entries // 5, "parquet", SEED + 2),
        whole=whole,
        store=store,
    )


@pytest.fixture
def measure(benchmark: Any) -> Callable[..., Any]:
    """Measure a call that works through so many rows, and note its rows a second."""

    def run(rows: int, call: Callable[..., Any], *arguments: Any, rounds: int = 5) -> Any:
        answer = benchmark.pedantic(call, arguments, rounds=rounds, warmup_rounds=1)
        benchmark.extra_info["rows"] = rows
        if benchmark.stats is not None:
            benchmark.extra_info["rows_per_second"] = round(rows / benchmark.stats.stats.median)
        return answer

    return run


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """One line for each benchmark: rows, median, rows a second."""
    session = getattr(config, "_benchmarksession", None)
    measured = [bench for bench in getattr(session, "benchmarks", []) if bench.stats.data]
    if not measured:
        return
    width = max(len(bench.name) for bench in measured)
    terminalreporter.section("rows a second")
    terminalreporter.write_line(f"{'':{width}}  {'rows':>11}  {'median ms':>11}  {'rows/s':>13}")
    for bench in measured:
        rows, speed = (bench.extra_info.get(name) for name in ("rows", "rows_per_second"))
        counts = f"{rows:11,}" if rows else " " * 11
        terminalreporter.write_line(
            f"{bench.name:{width}}  {counts}  {bench.stats.median * 1000:11,.1f}  {f'{speed:,}' if speed else '':>13}"
        )
