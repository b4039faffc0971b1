"""Reading exports beside the bare readers of the same files: `pyarrow.csv` with types found, fastexcel to Arrow.

The steps of a CSV import are measured apart: cells to numbers (what `pyarrow.csv` does, and more), and the whole import
with grouping, writing and hashing. The last test runs reader and import in turn and notes the ratio of their medians.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import fastexcel
import pyarrow as pa
import pyarrow.csv as pacsv
import pytest

import cape_fixtures
from cape_engine import intake, rules
from cape_engine.findings import Findings
from cape_engine.intake.chunk import Reading, row_chunk
from cape_engine.intake.headings import row_headings
from cape_engine.intake.opening import in_parallel, open_table
from cape_engine.intake.words import Vocabularies
from cape_engine.rules import Ruleset
from cape_engine.settings import Settings

_SHEET_ROWS = 100_000  # a workbook of a million rows takes its writer a minute
_ROWS_PER_ENTRY = 71  # as in conftest.py
_SEED = 2028
_TURNS = 5
_THREADS = 2


@pytest.fixture(scope="session")
def exports(lots: Any, request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """(rows, file) of one export in each form."""
    entries = min(_SHEET_ROWS, request.config.getoption("--rows")) // _ROWS_PER_ENTRY
    made = cape_fixtures.generate(max(entries, 1), _SEED, as_of=lots.as_of)
    book = cape_fixtures.write(made, tmp_path_factory.mktemp("book"), format="xlsx", layout="es003")
    return {"csv": (lots.csv.rows, lots.csv.files.rows[0]), "xlsx": (made.rows.num_rows, book.rows[0])}


def bare(form: str, path: Path) -> int:
    """The rows as the reader of the form alone gives them."""
    if form == "csv":
        pa.set_cpu_count(_THREADS)
        return int(pacsv.read_csv(path).num_rows)
    return int(fastexcel.read_excel(path).load_sheet("Main Report").to_arrow().num_rows)


def cells(path: Path, ruleset: Ruleset) -> int:
    """The rows as numbers, before they are grouped."""
    _kind, table = open_table(path, row_headings(ruleset), Findings())
    reading = Reading(0, str(path), table.layout, (), Vocabularies(), ruleset)
    return sum(len(chunk.rows) for chunk in in_parallel(table.blocks(), lambda block: row_chunk(block, reading)))


def whole(path: Path, ruleset: Ruleset, folder: Path) -> int:
    """The rows in a store."""
    store, _found = intake.build_store([path], folder, ruleset=ruleset, settings=Settings.build(None, None))
    return int(store.manifest["totals"]["tariffs"])


@pytest.mark.parametrize("form", ["csv", "xlsx"])
@pytest.mark.parametrize("step", ["bare", "cells", "import"])
def test_read(exports: Any, measure: Callable[..., Any], tmp_path: Path, form: str, step: str) -> None:
    """An export read by the bare reader, to numbers, and to a store."""
    rows, path = exports[form]
    ruleset = rules.load()
    calls = {
        "bare": lambda: bare(form, path),
        "cells": lambda: cells(path, ruleset),
        "import": lambda: whole(path, ruleset, tmp_path / "store"),
    }
    assert 0 < measure(rows, calls[step], rounds=3) <= rows


@pytest.mark.parametrize("form", ["csv", "xlsx"])
def test_share(exports: Any, benchmark: Any, tmp_path: Path, form: str) -> None:
    """The rows a second of the whole import as a share of those of the bare reader; csv is held to 0.6, xlsx to 0.8."""
    rows, path = exports[form]
    ruleset = rules.load()
    seconds: list[tuple[float, float]] = []

    def turn() -> None:
        begin = time.perf_counter()
        bare(form, path)
        between = time.perf_counter()
        whole(path, ruleset, tmp_path / "store")
        seconds.append((between - begin, time.perf_counter() - between))

    turn()
    seconds.clear()
    benchmark.pedantic(turn, rounds=_TURNS)
    reader, ours = (statistics.median(times) for times in zip(*seconds, strict=True))
    share = reader / ours
    benchmark.extra_info |= {"rows": rows, "share": round(share, 3)}
    print(f"{form}: import at {share:.0%} of the bare reader")
