"""The road as a user walks it: reading exports, running a store, and whole processes from the shell.

Other engines are measured beside ours on the files of the same `lots`, so that every contender reads the same bytes.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import cape_engine
from cape_engine import intake, rules
from cape_engine.settings import Settings

PROCESS_ROUNDS = 7


@pytest.mark.parametrize("form", ["csv", "parquet"])
def test_import(lots: Any, measure: Callable[..., Any], tmp_path: Path, form: str) -> None:
    """An ES-003 export to a store."""
    lot = getattr(lots, form)
    ruleset, settings = rules.load(), Settings.build(None, None)

    def read() -> int:
        store, _found = intake.build_store(
            lot.files.rows, tmp_path / "store", headers=[lot.files.headers], ruleset=ruleset, settings=settings
        )
        return int(store.manifest["totals"]["tariffs"])

    assert 0 < measure(lot.rows, read, rounds=3) <= lot.rows


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("detail", ["none", "changes"])
def test_run_store(lots: Any, measure: Callable[..., Any], detail: str, threads: int) -> None:
    """All components over the whole store: claim checks, removal, schedule, refunds, result hash; nothing written."""

    def run() -> cape_engine.RunResult:
        importers = lots.whole.files.importers
        return cape_engine.run(lots.store.folder, importers=importers, as_of=lots.as_of, detail=detail, threads=threads)

    result = measure(lots.whole.rows, run, rounds=3)
    assert result.entries.num_rows > 0


def _process(*arguments: object) -> Callable[[], int]:
    """A command in a process of its own, the start of Python included; findings (1) are no failure."""
    command = [sys.executable, "-m", "cape_engine", *map(str, arguments)]

    def call() -> int:
        return subprocess.run(command, check=False, capture_output=True).returncode  # noqa: S603 - our own command

    return call


def test_process_run(lots: Any, measure: Callable[..., Any], tmp_path: Path) -> None:
    """`cape run` on a CSV of 10,000 rows with a warm kernel cache; held to 1.5 s."""
    files = lots.small.files
    beside = ("--headers", files.headers, "--importers", files.importers)
    call = _process("run", *files.rows, *beside, "--as-of", lots.as_of, "--out", tmp_path / "out", "--quiet")
    assert measure(lots.small.rows, call, rounds=PROCESS_ROUNDS) in {0, 1}


@pytest.mark.parametrize("arguments", ["--help", "run --help", "rules show 9903.01.25", "rules check"])
def test_process(benchmark: Any, arguments: str) -> None:
    """Small commands; `cape --help` is held to 0.2 s."""
    assert benchmark.pedantic(_process(*arguments.split()), rounds=PROCESS_ROUNDS, warmup_rounds=1) == 0
