"""`cape bench consolidation`: right on any size, and able to say that something is wrong."""

from __future__ import annotations

import hashlib
import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pv
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner

from cape_engine.cli.bench_consolidation import consolidation
from cape_engine.cli.bench_measure import measured
from cape_engine.errors import InputError
from cape_fixtures.consolidation_load import Load, Totals

SMALL = ["--entries", "1500", "--recipients", "80", "--days", "9", "--seed", "3"]


def test_consolidation__json() -> None:
    """One JSON line with sizes, times and whether all is right."""
    result = CliRunner().invoke(consolidation, [*SMALL, "--json"], standalone_mode=False)
    record = json.loads(result.output)
    assert result.return_value == 0
    assert record["right"] is True
    assert (record["entries"], record["recipients"], record["days"]) == (1500, 80, 9)
    assert record["cohorts"] == Load(1500, 80, 9, 3).cohorts
    seconds = record["seconds"]
    assert all(seconds[name] > 0 for name in ("sums", "refunds", "payments"))
    assert seconds["sums_and_refunds"] == pytest.approx(seconds["sums"] + seconds["refunds"], abs=0.002)
    assert record["consolidated_in_seconds"] == pytest.approx(
        seconds["sums_and_refunds"] + seconds["payments"], abs=0.002
    )


def test_consolidation__people_and_quiet() -> None:
    """People read sentences; `--quiet` says nothing; a load that is none is a mistake of usage."""
    told = CliRunner().invoke(consolidation, SMALL, standalone_mode=False)
    assert "every cohort and payment is right" in told.output
    assert "sums and refunds without payments: by the clock 0." in told.output
    assert CliRunner().invoke(consolidation, [*SMALL, "--quiet"], standalone_mode=False).output == ""
    refused = CliRunner().invoke(consolidation, ["--entries", "5", "--recipients", "6"])
    assert refused.exit_code == 2
    assert "one entry for each recipient" in refused.output


@pytest.mark.parametrize("column", ["entries", "principal_cents", "interest_cents"])
def test_measured__a_wrong_cent_is_seen(column: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """One cohort that comes to one more is enough to be wrong."""
    right = Load.expected

    def wrong(load: Load, recipient: np.ndarray, day: np.ndarray, *, late: bool = False) -> Totals:
        totals = right(load, recipient, day, late=late)
        getattr(totals, column)[-1] += 1
        return totals

    monkeypatch.setattr(Load, "expected", wrong)
    assert measured(Load(500, 40, 5, seed=1), 1)["right"] is False


LARGE = [*SMALL, "--parties", "3", "--late", "2", "--skew", "2.5"]


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A load with its files."""
    folder = tmp_path_factory.mktemp("load")
    assert CliRunner().invoke(consolidation, [*LARGE, "--write", str(folder)], standalone_mode=False).return_value == 0
    return folder


def test_write__inputs_lead_to_outputs(written: Path) -> None:
    """Whoever adds the input files up by recipient and day has the refunds, their payments and the subtotals."""
    load = Load(1500, 80, 9, 3, skew=2.5, parties=3, late=2)
    refunds, payments, subtotals = (
        pq.read_table(written / f"{name}.parquet") for name in ("refunds", "payments", "subtotals")
    )
    assert refunds.num_rows == load.cohorts
    assert subtotals.num_rows == load.subtotals > 0
    sums: dict[tuple[object, ...], list[int]] = {}
    shares: dict[tuple[object, ...], list[int]] = {}
    known: set[tuple[object, ...]] = set()
    numbers: list[str] = []
    for name in ("entry_refunds", "late_entry_refunds"):
        rows = pq.read_table(written / f"{name}.parquet").to_pylist()
        assert rows
        numbers += [row["entry_number"] for row in rows]
        before = set(known)
        for row in rows:
            key: tuple[object, ...] = (row["recipient"], row["liquidation_date"])
            version = 2 if name.startswith("late") and key in before else 1
            known.add(key)
            for whole, of in ((sums, key), (shares, (*key, row["importer_number"]))):
                money = whole.setdefault((*of, version), [0, 0, 0])
                money[0] += 1
                money[1] += row["principal_cents"]
                money[2] += row["interest_cents"]
    assert len(set(numbers)) == 1500
    assert {
        (row["recipient"], row["liquidation_date"], row["version"]): [
            row["entries"], row["principal_cents"], row["interest_cents"]
        ]
        for row in refunds.to_pylist()
    } == sums  # fmt: skip
    assert {
        (row["recipient"], row["liquidation_date"], row["importer_number"], row["version"]): [
            row["entries"], row["principal_cents"], row["interest_cents"]
        ]
        for row in subtotals.to_pylist()
    } == {key: row for key, row in shares.items() if key[0] != key[2]}  # fmt: skip
    assert max(row["version"] for row in refunds.to_pylist()) == 2
    paid: dict[tuple[object, ...], int] = {}
    for row in payments.to_pylist():
        key = (row["recipient"], row["liquidation_date"], row["version"])
        paid[key] = paid.get(key, 0) + row["amount_cents"]
    assert paid == {key: row[1] + row[2] for key, row in sums.items()}
    assert len(set(payments.column("payment_id").to_pylist())) == payments.num_rows


def test_write__manifest_and_again(written: Path, tmp_path: Path) -> None:
    """Every file is hashed in the manifest, and the same load gives the same bytes with other threads."""
    manifest = json.loads((written / "manifest.json").read_text())
    assert manifest["totals"]["cohorts"] == Load(1500, 80, 9, 3, skew=2.5, parties=3, late=2).cohorts
    for name, about in manifest["files"].items():
        assert hashlib.sha256((written / name).read_bytes()).hexdigest() == about["sha256"]
    words = [*LARGE, "--threads", "1", "--write", str(tmp_path / "again")]
    assert CliRunner().invoke(consolidation, words, standalone_mode=False).return_value == 0
    assert (tmp_path / "again" / "manifest.json").read_bytes() == (written / "manifest.json").read_bytes()
    assert sorted(path.name for path in written.iterdir()) == sorted([*manifest["files"], "manifest.json"])


def test_write__wrong_answers_are_not_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the engine's files differ from the answer, nothing is left behind that one could take for the answer."""
    monkeypatch.setattr(Load, "cohorts", 1)
    result = CliRunner().invoke(consolidation, [*SMALL, "--write", str(tmp_path)], standalone_mode=False)
    assert result.return_value == 1
    assert list(tmp_path.iterdir()) == []


def check(theirs: Path, written: Path) -> tuple[int, list[dict[str, Any]], dict[str, Any]]:
    """Exit code, differences and summary of a comparison."""
    words = ["--check", str(theirs), "--against", str(written), "--json"]
    result = CliRunner().invoke(consolidation, words, standalone_mode=False)
    assert result.exception is None, result.exception
    lines = [json.loads(line) for line in result.output.splitlines()]
    return result.return_value, lines[:-1], lines[-1]


@pytest.mark.parametrize("kind", ["parquet", "csv"])
def test_check__equal_in_any_order_and_spelling(kind: str, written: Path, tmp_path: Path) -> None:
    """Other order, numbers without dashes, no versions and no keys: right all the same."""
    rows = pq.read_table(written / "payments.parquet", columns=["amount_cents", "recipient", "liquidation_date"])
    rows = rows.take(np.random.default_rng(1).permutation(rows.num_rows))
    plain = pc.replace_substring(rows.column("recipient").cast(pa.string()), "-", "")
    rows = rows.set_column(1, "recipient", plain)
    path = tmp_path / f"theirs.{kind}"
    (pq.write_table if kind == "parquet" else pv.write_csv)(rows, path)
    assert check(path, written)[0] == 0


def test_check__says_what_differs(written: Path, tmp_path: Path) -> None:
    """One refund of each kind is spoilt: each is named with recipient, day and cents, and no other one."""
    rows = pq.read_table(written / "payments.parquet").to_pylist()
    first = {key: place for place, key in reversed(list(enumerate((r["recipient"], r["version"]) for r in rows)))}
    missing, cents, split, repeated = (rows[place] for place in sorted(first.values())[3:7])
    spoilt = [dict(row) for row in rows if row is not missing]
    for row in spoilt:
        if row["payment_id"] == cents["payment_id"]:
            row["amount_cents"] += 1
        if row["payment_id"] == split["payment_id"]:
            row["amount_cents"] -= 100
    spoilt += [{**split, "amount_cents": 100, "payment_id": "X"}, dict(repeated)]
    spoilt += [{**rows[0], "recipient": "99-999999900", "payment_id": "Y"}]
    theirs = tmp_path / "theirs.parquet"
    pq.write_table(pa.Table.from_pylist(spoilt, pq.read_schema(written / "payments.parquet")), theirs)
    code, differences, summary = check(theirs, written)
    assert code == 1
    found = {row["kind"]: (row["recipient"], row["liquidation_date"], row["version"]) for row in differences}
    assert found == {
        kind: (str(row["recipient"]).replace("-", ""), str(row["liquidation_date"]), row["version"])
        for kind, row in (
            ("missing", missing),
            ("cents", cents),
            ("split", split),
            ("repeated", repeated),
            ("unexpected", {**rows[0], "recipient": "99-999999900"}),
        )
    }
    assert summary["counts"] == dict.fromkeys(found, 1)
    (wrong,) = (row for row in differences if row["kind"] == "cents")
    assert wrong["found_cents"] == wrong["expected_cents"] + 1
    told = CliRunner().invoke(consolidation, ["--check", str(theirs), "--against", str(written)], standalone_mode=False)
    assert "another sum" in told.output


def test_check__what_cannot_be_compared(written: Path, tmp_path: Path) -> None:
    """Missing columns, empty cells, changed answers and folders that hold no load are refused with the reason."""
    theirs = tmp_path / "theirs.parquet"
    rows = pq.read_table(written / "payments.parquet")

    def refused(words: str, folder: Path = written) -> None:
        result = CliRunner().invoke(consolidation, ["--check", str(theirs), "--against", str(folder)])
        assert isinstance(result.exception, InputError), result.output
        assert words in str(result.exception)

    refused("cannot be read")
    pq.write_table(rows.drop_columns(["amount_cents"]), theirs)
    refused("lacks amount_cents")
    pq.write_table(rows.set_column(5, "amount_cents", pa.nulls(rows.num_rows, pa.int64())), theirs)
    refused("amount_cents is empty")
    pq.write_table(rows.set_column(5, "amount_cents", pa.array(["one"] * rows.num_rows)), theirs)
    refused("another kind")
    pq.write_table(rows, theirs)
    refused("holds no load", tmp_path)
    shutil.copytree(written, tmp_path / "changed")
    pq.write_table(rows.slice(1), tmp_path / "changed" / "payments.parquet")
    refused("not what the manifest says", tmp_path / "changed")


def test_write__nacha(tmp_path: Path) -> None:
    """With --files nacha the same payments stand in a bank file, one entry record each, to the accounts of the file."""
    words = [*SMALL, "--write", str(tmp_path), "--files", "nacha", "--json"]
    result = CliRunner().invoke(consolidation, words, standalone_mode=False)
    record = json.loads(result.output)
    assert result.return_value == 0
    (path,) = tmp_path.glob("*.ach")
    entries = [line for line in path.read_text().splitlines() if line.startswith("6")]
    payments = pq.read_table(tmp_path / "payments.parquet")
    assert [int(line[29:39]) for line in entries] == payments.column("amount_cents").to_pylist()
    accounts = pv.read_csv(tmp_path / "importers.csv").to_pylist()
    known = {row["importer_number"]: str(row["account_number"]) for row in accounts}
    recipients = payments.column("recipient").to_pylist()
    assert [line[12:29].strip() for line in entries] == [known[number] for number in recipients]
    assert record["bank_files"]["cents"] == record["total_cents"]
    assert path.name in json.loads((tmp_path / "manifest.json").read_text())["files"]
    refused = CliRunner().invoke(consolidation, [*SMALL, "--files", "nacha"])
    assert refused.exit_code == 2


def test_write__refunds_above_the_cap(tmp_path: Path) -> None:
    """An importer with most of 60,000 entries on one day is paid in full parts first, in any order."""
    words = ["--entries", "60000", "--recipients", "3", "--days", "1", "--skew", "3", "--write", str(tmp_path)]
    assert CliRunner().invoke(consolidation, words, standalone_mode=False).return_value == 0
    payments = pq.read_table(tmp_path / "payments.parquet")
    rows = payments.to_pylist()
    parts = [row["amount_cents"] for row in rows if row["recipient"] == rows[0]["recipient"]]
    assert len(parts) == rows[0]["parts"] > 2
    assert set(parts[:-1]) == {9_999_999_999}
    assert 0 < parts[-1] <= 9_999_999_999
    theirs = tmp_path / "theirs.parquet"
    pq.write_table(payments.take(np.arange(payments.num_rows)[::-1]), theirs)
    assert check(theirs, tmp_path)[0] == 0
    halves = [{**rows[0], "amount_cents": cents} for cents in (9_999_999_998, 1)]
    pq.write_table(pa.Table.from_pylist([*halves, *rows[1:]], payments.schema).drop_columns(["payment_id"]), theirs)
    code, differences, _ = check(theirs, tmp_path)
    assert (code, [row["kind"] for row in differences]) == (1, ["split"])
