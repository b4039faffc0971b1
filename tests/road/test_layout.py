"""Results with a file for each partition say what results in one file say, to people and to all commands."""

from __future__ import annotations

import datetime as dt
import shutil
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

import cape_engine
import cape_fixtures
from cape_engine import intake, rules
from cape_engine.cli import invoke
from cape_engine.errors import InputError, UsageError
from cape_engine.pipeline import explain
from cape_engine.pipeline.comparing import CompareRequest, compare_run
from cape_engine.pipeline.reconciling import sources
from cape_engine.pipeline.request import RunResult
from cape_engine.refund.reconciliation import Vocabularies
from cape_engine.settings import Settings

AS_OF = dt.date(2026, 5, 4)
LAYOUTS = ("files", "parts")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Any]:
    """A store of several partitions with results in both layouts."""
    folder = tmp_path_factory.mktemp("layout")
    lot = cape_fixtures.generate(240, 12, as_of=AS_OF, mix="all_rules", several_deposits=True)
    files = cape_fixtures.write(lot, folder, format="parquet", layout="canonical")
    intake.build_store(
        files.rows,
        folder / "store",
        headers=[files.headers],
        ruleset=rules.load(),
        settings=Settings.build(None, None),
        partition_lines=900,
    )
    beside: dict[str, Any] = {"importers": files.importers, "deposits": files.deposits}
    found = {
        layout: cape_engine.run(
            folder / "store", as_of=AS_OF, detail="full", layout=layout, out=folder / layout, **beside
        )
        for layout in LAYOUTS
    }
    return {"folder": folder, "store": folder / "store", "rows": files.rows[0], "beside": beside, **found}


def test_layout__same_tables_and_hash(made: Mapping[str, Any]) -> None:
    """Every table has the same rows in the same order; hash, counts and totals are the same."""
    files, parts = (made[layout] for layout in LAYOUTS)
    for name, table in files.tables().items():
        assert parts.table(name).to_pylist() == table.to_pylist(), name
    for said in ("result_hash", "counts", "totals_cents", "settings", "facts_unknown"):
        assert parts.manifest[said] == files.manifest[said]
    assert (files.manifest["layout"], parts.manifest["layout"]) == LAYOUTS
    count = parts.manifest["partitions"]
    names = sorted(path.name for path in (made["folder"] / "parts" / "entries.parquet").iterdir())
    assert names == [*(f"part-{number:06}.parquet" for number in range(count)), "rest.parquet"]
    said = parts.manifest["files"]["entries.parquet"]
    assert sorted(said["parts"]) == names
    assert said["rows"] == files.manifest["files"]["entries.parquet"]["rows"]


def test_layout__each_file_is_a_table(made: Mapping[str, Any]) -> None:
    """Files of a folder have one schema, the last as well, which has no rows here."""
    for name in ("entries", "changes", "findings"):
        whole = pq.read_schema(made["folder"] / "files" / f"{name}.parquet")
        for file in (made["folder"] / "parts" / f"{name}.parquet").iterdir():
            assert pq.read_schema(file).equals(whole), file.name


def test_layout__same_bytes_again(made: Mapping[str, Any], tmp_path: Path) -> None:
    """The same inputs give byte-identical files, made at once or after a run that had other settings for a part."""
    asked: dict[str, Any] = {
        "as_of": AS_OF,
        "detail": "full",
        "layout": "parts",
        "out": tmp_path / "out",
        **made["beside"],
    }
    cape_engine.run(made["store"], **asked)
    again = cape_engine.run(made["store"], **asked, full=True)
    assert again.manifest["files"] == made["parts"].manifest["files"]


def test_layout__readers(made: Mapping[str, Any]) -> None:
    """Explanations, interest by convention, what-if, accrual and reconciliation read both alike."""
    folders = [made["folder"] / layout for layout in LAYOUTS]
    accepted = [row for row in made["files"].entries.to_pylist() if row["disposition"] == "accepted"]
    number = accepted[len(accepted) // 2]["entry_number"]
    first, second = (explain.from_results(number, folder) for folder in folders)
    assert replace(first, manifest={}) == replace(second, manifest={})
    asked: dict[str, Any] = {"store": made["store"], "deposits": (made["beside"]["deposits"],), "paid": AS_OF}
    for entry in (None, number):
        one, other = (compare_run(CompareRequest(folder, rules.load(), entry=entry, **asked)) for folder in folders)
        assert one.conventions.equals(other.conventions)
        assert (one.entries is None) == (entry is None)
        assert one.entries is None or one.entries.equals(other.entries)
    days: dict[str, Any] = {"accept_from": AS_OF, "accept_to": AS_OF + dt.timedelta(40), **made["beside"]}
    hashes = {cape_engine.whatif(made["store"], results=folder, **days).manifest["result_hash"] for folder in folders}
    assert hashes == {cape_engine.whatif(made["store"], **days).manifest["result_hash"]}
    books = [cape_engine.accrual(results=folder, deposits=made["beside"]["deposits"]) for folder in folders]
    for name, table in books[0].tables.items():
        assert books[1].tables[name].equals(table)
    under, same = (sources._underpaid(folder / "changes.parquet") for folder in folders)
    assert len(under[0]) > 0
    assert [column.tolist() for column in under] == [column.tolist() for column in same]


def test_layout__parts_of_the_manifest(made: Mapping[str, Any], tmp_path: Path) -> None:
    """With a part missing or one too many no command that reads results adds up what is there; a run mends it."""
    folder = tmp_path / "out"
    shutil.copytree(made["folder"] / "parts", folder)
    number = made["files"].entries.column("entry_number")[0].as_py()
    days: dict[str, Any] = {"accept_from": AS_OF, "accept_to": AS_OF + dt.timedelta(3), **made["beside"]}
    schedule = ["schedule", "--results", folder, "--store", made["store"], "--ledger", tmp_path / "claims.ledger"]
    calls: list[Callable[[], object]] = [
        lambda: explain.from_results(number, folder),
        lambda: compare_run(CompareRequest(folder, rules.load(), paid=AS_OF)),
        lambda: cape_engine.whatif(made["store"], results=folder, **days),
        lambda: cape_engine.accrual(results=folder, deposits=made["beside"]["deposits"]),
        lambda: sources._of_run(folder, Vocabularies()),
        lambda: RunResult(made["parts"].manifest, {}, folder).table("entries"),
    ]
    (folder / "entries.parquet" / ".hidden").write_text("of the system", encoding="utf-8")
    for call in calls:
        call()
    lost, stray = folder / "entries.parquet" / "part-000001.parquet", folder / "entries.parquet" / "part-copy.parquet"
    shutil.copy(lost, stray)
    for call in calls:
        with pytest.raises(InputError, match=r"part-copy.parquet is no part that the manifest lists; take it away"):
            call()
    assert invoke([str(word) for word in schedule]) == 2
    stray.unlink()
    lost.unlink()
    for call in calls:
        with pytest.raises(InputError, match=r"part-000001.parquet, which the manifest lists, is missing; run"):
            call()
    asked: dict[str, Any] = {"as_of": AS_OF, "detail": "full", "layout": "parts", "out": folder, **made["beside"]}
    assert cape_engine.run(made["store"], **asked).manifest["files"] == made["parts"].manifest["files"]
    for call in calls:
        call()


def test_layout__results_among_sources(made: Mapping[str, Any], tmp_path: Path) -> None:
    """The folder of the sources is not taken for results, which the next run would read as sources."""
    shutil.copy(made["rows"], tmp_path)
    before = sorted(tmp_path.iterdir())
    for call in (
        lambda: cape_engine.run(tmp_path, out=tmp_path / ".." / tmp_path.name),
        lambda: cape_engine.risk(tmp_path, as_of=AS_OF, out=tmp_path),
    ):
        with pytest.raises(UsageError, match=r"is the folder that is read: choose another folder with --out"):
            call()
    assert sorted(tmp_path.iterdir()) == before


@pytest.mark.parametrize("name", ["entries.parquet", "refunds.parquet"])
@pytest.mark.parametrize("folder", [False, True])
def test_layout__files_of_others(made: Mapping[str, Any], tmp_path: Path, name: str, folder: bool) -> None:
    """What somebody else put where a table would stand is not replaced, nor is a part of a store."""
    if folder:
        (tmp_path / name).mkdir()
    mine = tmp_path / name / "mine" if folder else tmp_path / name
    mine.write_text("precious", encoding="utf-8")
    with pytest.raises(UsageError, match=rf"holds {name}, which no run wrote: take it away, or choose another folder"):
        cape_engine.run(made["store"], out=tmp_path)
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == [mine]
    part = next(made["store"].glob("part-*"))
    before = sorted(part.iterdir())
    with pytest.raises(UsageError, match=r"is a part of the store .*: choose another folder with --out"):
        cape_engine.run(made["store"], out=part)
    assert sorted(part.iterdir()) == before
    beside = made["store"] / "results"
    assert cape_engine.run(made["store"], out=beside).manifest["result_hash"]
    shutil.rmtree(beside)


def test_layout__unknown(made: Mapping[str, Any], tmp_path: Path) -> None:
    """Another layout is refused with those that there are."""
    with pytest.raises(UsageError, match="layout is one of files, parts, not 'folders'"):
        cape_engine.run(made["store"], layout="folders", out=tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_layout__from_one_to_the_other(made: Mapping[str, Any], tmp_path: Path) -> None:
    """The same folder takes the other layout: nothing of the first is left, and the reason for a full run is told."""
    asked: dict[str, Any] = {"as_of": AS_OF, "detail": "full", "out": tmp_path / "out", **made["beside"]}
    for layout, reason in (("files", None), ("parts", "layout"), ("files", "layout")):
        found = cape_engine.run(made["store"], layout=layout, **asked)
        assert found.manifest["files"] == made[layout].manifest["files"]
        assert found.manifest["partitions_reused"] == 0
        told = found.manifest["earlier_results_not_used"]
        assert told is None if reason is None else reason in str(told)
