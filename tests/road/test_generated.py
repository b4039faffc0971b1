"""Generated entries whose answer is known by construction: the whole road gives it, however the input comes."""

from __future__ import annotations

import datetime as dt
import os
from pathlib import Path
from typing import Any, Unpack

import pyarrow as pa
import pytest

import cape_engine
import cape_fixtures
from cape_engine.pipeline import Options
from cape_engine.schema import results as r
from oracle.duckdb_oracle import run_oracle
from road.comparing import KNOWN_COLUMNS, entry_differences, refund_differences

AS_OF = dt.date(2026, 5, 4)
ENTRIES = 1_500
MANY = int(os.environ.get("CAPE_TEST_ENTRIES", "200000"))


@pytest.fixture(scope="module")
def made() -> cape_fixtures.Generated:
    """A small lot of generated entries, with every reason to refuse among them."""
    return cape_fixtures.generate(ENTRIES, 11, as_of=AS_OF, mix="all_rules")


@pytest.fixture(scope="module")
def files(made: cape_fixtures.Generated, tmp_path_factory: pytest.TempPathFactory) -> cape_fixtures.Written:
    """The same as Parquet files with canonical names."""
    return cape_fixtures.write(made, tmp_path_factory.mktemp("made"), format="parquet", layout="canonical")


def run(files: cape_fixtures.Written, **options: Unpack[Options]) -> cape_engine.RunResult:
    """The whole road on written files."""
    usual: Options = {
        "headers": files.headers,
        "importers": files.importers,
        "as_of": AS_OF,
        "detail": "none",
        "threads": 1,
    }
    whole: Options = {**usual, **options}
    return cape_engine.run(files.rows, **whole)


def oracle_differences(ours: cape_engine.RunResult, known: dict[str, pa.Table]) -> list[str]:
    """Differences between a run and the SQL oracle, which sums rejected entries too and sorts reasons by name."""
    apart = (r.REASON_CODES, r.REMOVED_IEEPA_CENTS, r.RESTORED_COLUMN1_CENTS)
    columns = tuple(name for name in KNOWN_COLUMNS if name not in apart and str(name) in known["entries"].column_names)
    return entry_differences(ours.entries, known["entries"], columns) + refund_differences(
        ours.refunds, known["refunds"]
    )


@pytest.fixture(scope="module")
def result(files: cape_fixtures.Written) -> cape_engine.RunResult:
    """The run that the others are compared with."""
    return run(files)


def test_run__equals_the_known_answer(made: cape_fixtures.Generated, result: cape_engine.RunResult) -> None:
    """Disposition, reasons, every amount, date and recipient of every entry is the known one, to the cent."""
    assert entry_differences(result.entries, made.expected) == []
    assert refund_differences(result.refunds, made.expected_refunds) == []


@pytest.mark.parametrize("as_of", [dt.date(2026, 4, 20), dt.date(2026, 6, 24), dt.date(2026, 7, 7)], ids=str)
def test_run__equals_the_sql_oracle(as_of: dt.date, tmp_path: Path) -> None:
    """An independent computation in DuckDB SQL gives the same entries and refunds, with several deposits too."""
    lot = cape_fixtures.generate(1_000, 17, as_of=as_of, mix="all_rules", several_deposits=True)
    files = cape_fixtures.write(lot, tmp_path, format="parquet", layout="canonical")
    ours = run(files, as_of=as_of, deposits=files.deposits)
    assert oracle_differences(ours, run_oracle(lot.rows, lot.headers, lot.importers, as_of, as_of, lot.deposits)) == []


def test_run__every_entry_once(made: cape_fixtures.Generated, result: cape_engine.RunResult) -> None:
    """Nothing is lost: each entry is accepted or rejected, exactly once (invariant 10)."""
    numbers = result.entries.column("entry_number").to_pylist()
    assert sorted(numbers) == sorted(made.expected.column("entry_number").to_pylist())
    assert set(result.entries.column("disposition").unique().to_pylist()) == {"accepted", "rejected"}


@pytest.mark.parametrize(
    "options",
    [{"threads": 2}, {"partition_lines": 500}, {"partition_lines": 7_000, "threads": 2}, {"partition_lines": 40_000}],
    ids=str,
)
def test_run__same_hash_however_it_is_cut(
    files: cape_fixtures.Written, result: cape_engine.RunResult, options: Options
) -> None:
    """Threads and partition size do not change the answer (invariant 9)."""
    assert run(files, **options).manifest["result_hash"] == result.manifest["result_hash"]


@pytest.fixture(scope="module")
def export_hash(made: cape_fixtures.Generated, tmp_path_factory: pytest.TempPathFactory) -> object:
    """The answer from one clean ES-003 export; it has no zone columns, so flags about dates may differ from above."""
    written = cape_fixtures.write(made, tmp_path_factory.mktemp("es003"), format="parquet", layout="es003")
    exported = run(written)
    assert entry_differences(exported.entries, made.expected) == []
    return exported.manifest["result_hash"]


@pytest.mark.parametrize(
    ("form", "quirks"),
    [("csv", "clean"), ("csv", "dirty"), ("xlsx", "clean"), ("xlsx", "dirty"), ("parquet", "clean")],
)
def test_run__same_hash_from_every_export(
    made: cape_fixtures.Generated, export_hash: object, tmp_path: Path, form: str, quirks: str
) -> None:
    """ES-003 as CSV, Excel or Parquet, shuffled, split over files and full of quirks, gives the same answer."""
    files = cape_fixtures.write(
        made, tmp_path, format=form, layout="es003", dirty=quirks == "dirty", shuffle_seed=5, split_files=2
    )
    assert run(files).manifest["result_hash"] == export_hash


def test_run__same_bytes_again(files: cape_fixtures.Written, tmp_path: Path) -> None:
    """The same inputs give byte-identical tables."""
    for name in ("a", "b"):
        run(files, out=tmp_path / name)
    for table in ("entries", "changes", "refunds", "payments", "findings"):
        first, again = ((tmp_path / name / f"{table}.parquet").read_bytes() for name in ("a", "b"))
        assert first == again, table


@pytest.mark.heavy
def test_run__many_entries(tmp_path: Path) -> None:
    """200,000 entries: the known answer and that of the SQL oracle to the cent, and one hash however they come."""
    made = cape_fixtures.generate(MANY, 2026, as_of=AS_OF)
    first = cape_fixtures.write(made, tmp_path / "parquet", format="parquet", layout="es003")
    whole = run(first, threads=2)
    assert entry_differences(whole.entries, made.expected) == []
    assert refund_differences(whole.refunds, made.expected_refunds) == []
    totals: Any = whole.manifest["totals_cents"]
    known = {name: cents for name, cents in made.totals.items() if name in totals}
    assert {str(column) for column in KNOWN_COLUMNS if str(column).endswith("_cents")} <= set(known)
    assert {name: totals[name] for name in known} == known
    assert oracle_differences(whole, run_oracle(made.rows, made.headers, made.importers, AS_OF, AS_OF)) == []
    hashes = {whole.manifest["result_hash"]}
    hashes.add(run(first, threads=1, partition_lines=300_000).manifest["result_hash"])
    hashes.add(run(first, threads=2, partition_lines=3_000_000).manifest["result_hash"])
    shuffled = cape_fixtures.write(made, tmp_path / "csv", format="csv", layout="es003", shuffle_seed=3, split_files=3)
    del made
    hashes.add(run(shuffled, threads=2).manifest["result_hash"])
    assert len(hashes) == 1
