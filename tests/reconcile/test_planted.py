"""Reports with every cause planted: all found, none false, at every level; sums tie to the cent."""

from __future__ import annotations

import shutil
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pacsv
import pyarrow.parquet as pq
import pytest
import xlsxwriter

import cape_engine
from cape_engine.pipeline.reconciling import ReconcileResult
from cape_engine.schema.reconciliation import CAUSES
from cape_fixtures.reconciliation import MadeRun, Planted, make_run, plant


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[MadeRun, Planted]:
    """A run of 6,000 entries, and reports about it."""
    folder = tmp_path_factory.mktemp("planted")
    run = make_run(folder / "run", 6_000)
    return run, plant(run, folder / "reports")


@pytest.fixture(scope="module")
def result(made: tuple[MadeRun, Planted], tmp_path_factory: pytest.TempPathFactory) -> ReconcileResult:
    """Its reconciliation, written."""
    return reconciled(made, out=tmp_path_factory.mktemp("out") / "reconciled")


def reconciled(made: tuple[MadeRun, Planted], out: Path | None = None, **changed: Path) -> ReconcileResult:
    """A reconciliation of all files, some of them others."""
    run, planted = made
    files = {**planted.files, **changed}
    return cape_engine.reconcile(
        results=run.folder,
        columns=planted.columns,
        as_of=planted.as_of,
        out=out,
        **files,  # type: ignore[arg-type]
    )


def causes(table: pa.Table, key: str) -> dict[object, str]:
    """Cause by key."""
    return dict(zip(table.column(key).to_pylist(), table.column("cause").to_pylist(), strict=True))


def test_entries__every_planted_cause_found(made: tuple[MadeRun, Planted], result: ReconcileResult) -> None:
    """Each entry, ours or not, has the cause that was planted, and every cause code occurs."""
    found = causes(result.entries, "entry_number")
    assert found == made[1].entries
    assert set(found.values()) == set(CAUSES)


def test_cohorts__every_planted_cause_found(made: tuple[MadeRun, Planted], result: ReconcileResult) -> None:
    """Each refund has the cause that its entries, its statuses or its deposits give it."""
    table = result.cohorts
    keys = pc.coalesce(table.column("cohort"), table.column("refund_numbers"))
    found = dict(zip(keys.to_pylist(), table.column("cause").to_pylist(), strict=True))
    assert found == made[1].cohorts


def test_bank__every_planted_cause_found(made: tuple[MadeRun, Planted], result: ReconcileResult) -> None:
    """Each deposit is tied by trace, reference, amount or sum, and has the cause of its refund."""
    assert causes(result.bank, "bank_row") == made[1].bank
    assert set(result.bank.column("how").to_pylist()) == {"trace", "reference", "amount", "sum", "none"}


def test_totals__tie_line_for_line(result: ReconcileResult) -> None:
    """Expected + difference = paid and difference = explained + left: in every row, and in the sums of every level."""
    summary = result.summary.to_pylist()
    for name in ("entries", "cohorts", "bank"):
        table = result.table(name)
        expected, difference, explained, left = (
            table.column(f"{column}_cents").to_numpy() for column in ("expected", "difference", "explained", "left")
        )
        paid = table.column("bank_amount_cents" if name == "bank" else "paid_cents").to_numpy()
        assert (expected + difference == paid).all()
        assert (explained + left == difference).all()
        rows = [row for row in summary if row["reconciled"] == name]
        assert sum(row["expected_cents"] for row in rows) == expected.sum()
        assert sum(row["paid_cents"] for row in rows) == paid.sum()
        assert sum(row["left_cents"] for row in rows) == left.sum()
        assert sum(row["items"] for row in rows) == table.num_rows
    entries, cohorts = result.entries, result.cohorts
    deposited = cohorts.filter(pc.greater(cohorts.column("bank_lines"), 0))
    assert pc.sum(deposited.column("expected_cents")) == pc.sum(result.bank.column("expected_cents"))
    inside = entries.filter(pc.is_valid(entries.column("cohort")))
    assert pc.sum(inside.column("expected_cents")) == pc.sum(cohorts.column("expected_cents"))


def test_explained__closed_causes_leave_nothing(result: ReconcileResult) -> None:
    """Planted differences are explained to the last cent; only what is missing, unknown or unexplained is left."""
    entries = result.entries
    left = entries.filter(pc.not_equal(entries.column("left_cents"), 0))
    assert set(left.column("cause").to_pylist()) == {"MISSING_IN_REPORT", "UNKNOWN_IN_REPORT", "UNEXPLAINED"}


def test_mode_gap__with_the_other_kinds_interest(result: ReconcileResult) -> None:
    """Two differences at once are recognised: mode B principal with interest of the other importer kind on it."""
    entries = result.entries
    rows = entries.filter(pc.equal(entries.column("cause"), "MODE_GAP"))
    assert {None, "other_kind"} <= set(rows.column("detail").to_pylist())


def test_rows__read_is_used_and_left_out(result: ReconcileResult) -> None:
    """Every row of every report is counted."""
    for rows in result.manifest["counts"]["report_rows"].values():
        assert rows["read"] == rows["used"] + rows["left_out"]
        assert rows["left_out"] == 0


def test_again__same_bytes(made: tuple[MadeRun, Planted], result: ReconcileResult, tmp_path: Path) -> None:
    """The same inputs give the same files, page and workbook too."""
    again = reconciled(made, out=tmp_path / "again")
    names = {name: one["sha256"] for name, one in result.manifest["files"].items()}
    assert {name: one["sha256"] for name, one in again.manifest["files"].items()} == names
    assert {"report.html", "reconciliation.xlsx", "reconciliation_entries.parquet"} <= set(names)


def test_page__totals_signature_and_hashes(made: tuple[MadeRun, Planted], result: ReconcileResult) -> None:
    """The page shows each cause, the sums, who signs, and the hash of every input."""
    assert result.folder is not None
    page = (result.folder / "report.html").read_text(encoding="utf-8")
    for text in ("UNEXPLAINED", "controller, date", made[1].as_of, result.manifest["result_hash"], "<svg"):
        assert text in page
    for one in result.manifest["inputs"]:
        assert one["sha256"] in page


@pytest.mark.parametrize("kind", ["xlsx", "parquet"])
def test_forms__workbook_and_parquet_equal_csv(
    kind: str, made: tuple[MadeRun, Planted], result: ReconcileResult, tmp_path: Path
) -> None:
    """The same report as a workbook with title rows, or as Parquet, gives the same answer."""
    table = pacsv.read_csv(
        made[1].files["es022"],
        convert_options=pacsv.ConvertOptions(
            column_types=dict.fromkeys(_heads(made[1].files["es022"]), pa.string()), strings_can_be_null=False
        ),
    )
    path = tmp_path / f"es022.{kind}"
    if kind == "parquet":
        pq.write_table(table, path)
    else:
        book = xlsxwriter.Workbook(str(path), {"strings_to_numbers": False})
        sheet = book.add_worksheet("Report 1")
        sheet.write_row(0, 0, ["ES-022 CAPE Refunds"])
        sheet.write_row(2, 0, table.column_names)
        for place, name in enumerate(table.column_names):
            sheet.write_column(3, place, table.column(name).to_pylist())
        book.close()
    again = reconciled(made, es022=path)
    assert causes(again.entries, "entry_number") == causes(result.entries, "entry_number")
    assert again.entries.drop_columns(["report_row"]).equals(result.entries.drop_columns(["report_row"]))


def _heads(path: Path) -> list[str]:
    """Headings of a CSV file."""
    return path.read_text(encoding="utf-8").split("\n", 1)[0].replace('"', "").split(",")


def test_without_entry_reports__causes_of_refunds(made: tuple[MadeRun, Planted]) -> None:
    """REV-603 and the bank alone: refunds are found by recipient and amount, entries take the cause of their refund."""
    run, planted = made
    files = {name: planted.files[name] for name in ("rev603", "rev613", "bank")}
    found = cape_engine.reconcile(
        results=run.folder,
        columns=planted.columns,
        as_of=planted.as_of,
        **files,  # type: ignore[arg-type]
    )
    wanted = {key: cause for key, cause in planted.cohorts.items() if cause == "MATCH"}
    got = causes(found.cohorts, "cohort")
    assert {key: got[key] for key in wanted} == wanted
    assert found.manifest["counts"]["findings_by_code"]["NO_ENTRY_REPORT"] == 1


def test_out__of_a_run_is_refused(made: tuple[MadeRun, Planted], tmp_path: Path) -> None:
    """The folder of a run is not written over."""
    folder = tmp_path / "run"
    shutil.copytree(made[0].folder, folder)
    with pytest.raises(cape_engine.errors.UsageError, match="holds the results of"):
        reconciled(made, out=folder)
