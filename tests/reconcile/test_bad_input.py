"""Report and bank files as they should not be: each bad row a finding with row, column, value and what to do."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner

import cape_engine
from cape_engine.cli import cape, invoke
from cape_engine.errors import InputError, MappingError, UsageError
from cape_engine.pipeline.reconciling import ReconcileResult
from cape_engine.refund.reconciliation.rows import Vocabulary
from cape_fixtures.reconciliation import MadeRun, make_run
from cape_fixtures.reconciliation.files import HEADINGS, money, toml

TRACE = "091000012345678"


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> MadeRun:
    """A run of 60 entries."""
    return make_run(tmp_path_factory.mktemp("made") / "run", 60)


@pytest.fixture(scope="module")
def columns(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The headings."""
    path = tmp_path_factory.mktemp("columns") / "headings.toml"
    path.write_text(toml(), encoding="utf-8")
    return path


def paid(run: MadeRun, place: int = 0) -> dict[str, Any]:
    """One entry that is paid."""
    rows: list[dict[str, Any]] = [row for row in run.entries.to_pylist() if row["payment_id"]]
    return rows[place]


def line(entry: dict[str, Any], **changed: str) -> str:
    """A row of ES-022 that says what we expect."""
    cells = {
        "entry_number": entry["entry_number"],
        "claim_number": "100000000001",
        "refund_number": "R1",
        "refund_principal": money(entry["principal_cents"]),
        "refund_interest": money(entry["interest_cents"]),
        "prior_refund": "",
        "netted_amount": "",
        "refund_date": entry["liquidation_date"].isoformat(),
        "recipient": entry["recipient"],
        "ignore": "2704",
    } | changed
    return ",".join(f'"{cells[ours]}"' for ours in HEADINGS["es022"].values())


def es022(folder: Path, *rows: str, head: str = "") -> Path:
    """An ES-022 file."""
    path = folder / "es022.csv"
    text = "\n".join([*([head] if head else []), ",".join(HEADINGS["es022"]), *rows, ""])
    path.write_text(text, encoding="utf-8")
    return path


def bank(folder: Path, *rows: str) -> Path:
    """A bank file."""
    path = folder / "bank.csv"
    path.write_text("\n".join([",".join(HEADINGS["bank"]), *rows, ""]), encoding="utf-8")
    return path


def reconcile(run: MadeRun, columns: Path, **files: Any) -> ReconcileResult:
    """A reconciliation long after all liquidations."""
    return cape_engine.reconcile(results=run.folder, columns=columns, as_of="2026-12-31", **files)


def found(result: ReconcileResult, code: str) -> list[dict[str, Any]]:
    """Findings of a kind."""
    return [row for row in result.findings.to_pylist() if row["code"] == code]


@pytest.mark.parametrize(
    ("changed", "code", "column"),
    [
        ({"refund_principal": "-12.00"}, "REPORT_NEGATIVE", "Duty Refund"),
        ({"refund_principal": "(12.00)"}, "REPORT_NEGATIVE", "Duty Refund"),
        ({"refund_principal": "12.00-"}, "REPORT_NEGATIVE", "Duty Refund"),
        ({"refund_interest": "CAD 12.00"}, "REPORT_CURRENCY", "Interest Refund"),
        ({"refund_interest": "€12.00"}, "REPORT_CURRENCY", "Interest Refund"),
        ({"refund_interest": "12.345"}, "REPORT_AMOUNT_UNREADABLE", "Interest Refund"),
        ({"refund_interest": "", "refund_principal": ""}, "REPORT_AMOUNT_MISSING", None),
        ({"refund_date": "31/12/2026"}, "REPORT_DATE_UNREADABLE", "Liquidation"),
        ({"entry_number": "100000000001", "claim_number": "ABC"}, "REPORT_ROW_SHIFTED", "Entry Summary Number"),
        ({"entry_number": ""}, "REPORT_KEY_MISSING", "Entry Summary Number"),
        ({"entry_number": "Total"}, "REPORT_TOTALS_ROW", None),
        ({"entry_number": "", "refund_number": "Grand Total"}, "REPORT_TOTALS_ROW", None),
    ],
)
def test_bad_row__one_finding_and_the_rest_counts(
    changed: dict[str, str], code: str, column: str | None, run: MadeRun, columns: Path, tmp_path: Path
) -> None:
    """A row that cannot be used is named with its line and left out; the good row beside it counts."""
    good, bad = paid(run), paid(run, 1)
    result = reconcile(run, columns, es022=es022(tmp_path, line(good), line(bad, **changed)))
    (one,) = found(result, code)
    assert (one["row"], one["column"], one["source"]) == (3, column, str(tmp_path / "es022.csv"))
    assert one["remedy"]
    causes = dict(
        zip(result.entries.column("entry_number").to_pylist(), result.entries.column("cause").to_pylist(), strict=True)
    )
    assert (causes[good["entry_number"]], causes[bad["entry_number"]]) == ("MATCH", "MISSING_IN_REPORT")
    assert result.manifest["counts"]["report_rows"]["es022"] == {"read": 2, "used": 1, "left_out": 1}


def test_shifted_row__other_number_of_cells(run: MadeRun, columns: Path, tmp_path: Path) -> None:
    """A comma in an unquoted cell shifts the row: named and left out."""
    path = es022(tmp_path, line(paid(run)), line(paid(run, 1)) + ",17")
    result = reconcile(run, columns, es022=path)
    assert [one["row"] for one in found(result, "REPORT_ROW_SHIFTED")] == [3]
    assert result.manifest["counts"]["report_rows"]["es022"] == {"read": 2, "used": 1, "left_out": 1}


def test_repeated_row__counts_once(run: MadeRun, columns: Path, tmp_path: Path) -> None:
    """A row that stands there twice is not paid twice."""
    result = reconcile(run, columns, es022=es022(tmp_path, line(paid(run)), line(paid(run))))
    (one,) = found(result, "REPORT_ROW_REPEATED")
    assert one["row"] == 3
    assert "row 2" in one["message"]
    (entry,) = [row for row in result.entries.to_pylist() if row["reported_cents"] is not None]
    assert (entry["cause"], entry["reported_cents"]) == ("MATCH", entry["expected_cents"])
    assert result.manifest["counts"]["report_rows"]["es022"] == {"read": 2, "used": 1, "left_out": 1}


def test_title_rows_and_dollar_forms__are_read(run: MadeRun, columns: Path, tmp_path: Path) -> None:
    """Titles above the headings, $ and thousands, days with the month first: all of it is read."""
    entry = paid(run)
    day, principal = entry["liquidation_date"], entry["principal_cents"]
    row = line(entry, refund_principal=f"${principal // 100:,}.{principal % 100:02d}", refund_date=f"{day:%m/%d/%Y}")
    result = reconcile(run, columns, es022=es022(tmp_path, row, line(paid(run, 1)), head="ES-022 CAPE Refunds"))
    assert result.entries.column("cause").to_pylist().count("MATCH") >= 2
    assert [one["column"] for one in found(result, "REPORT_DATE_FORMS")] == ["Liquidation"]


def test_status_and_bank_rows__bad_ones_named(run: MadeRun, columns: Path, tmp_path: Path) -> None:
    """Unknown status, foreign currency, withdrawal and unexpected deposit are findings; the deposit has a cause."""
    rev603 = tmp_path / "rev603.csv"
    rev603.write_text(
        f"{','.join(HEADINGS['rev603'])}\nR1,Lost in the post,12.00,2026-06-01,{TRACE},\n", encoding="utf-8"
    )
    rows = ("06/03/2026,12.00,,,,EUR", "06/03/2026,-5.00,,,,USD", "06/03/2026,77.77,T9,,,USD")
    result = reconcile(run, columns, rev603=rev603, bank=bank(tmp_path, *rows))
    codes = result.manifest["counts"]["findings_by_code"]
    assert {"REPORT_STATUS_UNKNOWN", "REPORT_CURRENCY", "REPORT_NEGATIVE", "DEPOSIT_UNEXPECTED"} <= set(codes)
    assert result.bank.select(["cause", "left_cents", "how"]).to_pylist() == [
        {"cause": "UNKNOWN_IN_REPORT", "left_cents": 7777, "how": "none"}
    ]


def test_deposits__sum_and_ambiguity(run: MadeRun, columns: Path, tmp_path: Path) -> None:
    """A deposit without numbers is tied to the only sum of refunds that fits."""
    refunds = [row for row in run.refunds.to_pylist() if row["recipient"] == run.refunds.column("recipient")[0].as_py()]
    first, second = refunds[:2]
    day = max(first["liquidation_date"], second["liquidation_date"])
    cents = first["amount_cents"] + second["amount_cents"]
    row = f"{day:%m/%d/%Y},{money(cents)},,,{first['recipient']},USD"
    result = reconcile(run, columns, bank=bank(tmp_path, row))
    (one,) = result.bank.to_pylist()
    assert (one["how"], one["cause"], one["expected_cents"], one["left_cents"]) == ("sum", "SPLIT_PAYMENT", cents, 0)
    assert one["cohorts"].count("+") == 1


def test_ambiguous_deposit__nothing_is_guessed(columns: Path, tmp_path: Path) -> None:
    """Two refunds of one amount and one deposit without numbers: it stays untied, and says so."""
    run = make_run(tmp_path / "run", 60)
    twice = run.refunds.to_pylist()
    same = {**twice[0], "liquidation_date": twice[1]["liquidation_date"]}
    payments = run.payments.to_pylist()
    refunds = [twice[0], same, *twice[2:]]
    parts = [{**payments[1], "amount_cents": payments[0]["amount_cents"], "recipient": payments[0]["recipient"]}]
    pq.write_table(pa.Table.from_pylist(refunds, schema=run.refunds.schema), run.folder / "refunds.parquet")
    parts = [payments[0], *parts, *payments[2:]]
    pq.write_table(pa.Table.from_pylist(parts, schema=run.payments.schema), run.folder / "payments.parquet")
    day = max(twice[0]["liquidation_date"], twice[1]["liquidation_date"])
    row = f"{day:%m/%d/%Y},{money(twice[0]['amount_cents'])},,,{twice[0]['recipient']},USD"
    result = reconcile(run, columns, bank=bank(tmp_path, row))
    (one,) = result.bank.to_pylist()
    assert (one["how"], one["cause"], one["cohorts"]) == ("ambiguous", "UNEXPLAINED", None)
    assert "2 refunds or sums" in found(result, "DEPOSIT_AMBIGUOUS")[0]["message"]


def test_no_mapping__stops_with_all_headings_and_a_toml(run: MadeRun, tmp_path: Path) -> None:
    """Without a mapping nothing is guessed: the message lists the headings and can be saved as the mapping."""
    with pytest.raises(MappingError) as error:
        cape_engine.reconcile(results=run.folder, es022=es022(tmp_path, line(paid(run))))
    said = str(error.value)
    for heading in HEADINGS["es022"]:
        assert f'"{heading}" = ""' in said
    assert "[es022]" in said


def test_unknown_heading__stops(run: MadeRun, columns: Path, tmp_path: Path) -> None:
    """One heading more than the mapping knows stops the job; mapped ones are filled in already."""
    path = es022(tmp_path, line(paid(run)) + ",1")
    path.write_text(
        path.read_text(encoding="utf-8").replace("Port of Entry", "Port of Entry,Refund Amt"), encoding="utf-8"
    )
    with pytest.raises(MappingError, match=r"heading 'Refund Amt' is not mapped") as error:
        reconcile(run, columns, es022=path)
    assert '"Refund No." = "refund_number"' in str(error.value)


@pytest.mark.parametrize(
    ("text", "match"),
    [
        ('[es022]\n"A" = "refund_total"\n', "no column of ES-022"),
        ('[es022]\n"A" = "entry_number"\n"B" = "entry_number"\n', "two headings"),
        ('[es022]\n"A" = "entry_number"\n', "needs a heading for refund_principal or refund_amount"),
        ('[es023]\n"A" = "entry_number"\n', "is no report"),
        ('[es022]\n"A" = ""\n', "mapped to nothing yet"),
        ("[es022\n", "not a readable column mapping"),
    ],
)
def test_bad_mapping__says_what_is_wrong(text: str, match: str, run: MadeRun, tmp_path: Path) -> None:
    """A mapping that cannot be is refused before anything is read."""
    path = tmp_path / "bad.toml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(MappingError, match=match):
        cape_engine.reconcile(results=run.folder, columns=path, es022=es022(tmp_path, line(paid(run))))


def test_usage__nothing_to_reconcile(run: MadeRun, tmp_path: Path) -> None:
    """A run or a ledger, and at least one report, are needed; the folder must be a run's."""
    path = es022(tmp_path, line(paid(run)))
    with pytest.raises(UsageError, match="nothing to reconcile with"):
        cape_engine.reconcile(es022=path)
    with pytest.raises(UsageError, match="nothing to reconcile:"):
        cape_engine.reconcile(results=run.folder)
    with pytest.raises(UsageError, match="Claim Details go beside one of them"):
        cape_engine.reconcile(results=run.folder, claim_details=path)
    with pytest.raises(InputError, match="no results of a run"):
        cape_engine.reconcile(results=tmp_path, es022=path, settings=_as_setting())


def _as_setting() -> dict[str, object]:
    """The mapping of ES-022 as a setting."""
    return {"reports.columns.es022": [f"{ours}={heading}" for heading, ours in HEADINGS["es022"].items()]}


def test_mapping_by_setting__equals_the_file(run: MadeRun, columns: Path, tmp_path: Path) -> None:
    """`reports.columns.es022` and the TOML give the same answer."""
    path = es022(tmp_path, line(paid(run)))
    by_file = reconcile(run, columns, es022=path)
    by_setting = cape_engine.reconcile(results=run.folder, as_of="2026-12-31", es022=path, settings=_as_setting())
    assert by_setting.manifest["result_hash"] == by_file.manifest["result_hash"]


def test_command__json_lines_files_and_exit_codes(
    run: MadeRun, columns: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """The command prints JSON lines, writes everything, and ends with 1 for open items and 2 without a mapping."""
    path, out = es022(tmp_path, line(paid(run))), tmp_path / "out"
    words = ["reconcile", "--results", str(run.folder), "--es022", str(path), "--as-of", "2026-12-31", "--json"]
    assert invoke([*words, "--columns", str(columns), "--out", str(out)]) == 1
    lines = [json.loads(text) for text in capfd.readouterr().out.splitlines()]
    assert lines[-1]["event"] == "reconcile"
    assert {one["cause"] for one in lines if one["event"] == "cause"} >= {"MATCH", "MISSING_IN_REPORT"}
    assert {"manifest.json", "report.html", "reconciliation.xlsx"} <= {item.name for item in out.iterdir()}
    assert invoke(words) == 2
    assert "money columns are never matched by likeness" in capfd.readouterr().err
    told = CliRunner().invoke(cape, ["reconcile", "--help"])
    assert (told.exit_code, "beside another report" in " ".join(told.output.split())) == (0, True)


def test_two_bad_files__the_first_is_named(run: MadeRun, columns: Path, tmp_path: Path) -> None:
    """Files are read side by side, and what is wrong with the first one is said, whichever is found first."""
    entry = paid(run)
    strange = es022(tmp_path, line(entry)).rename(tmp_path / "strange.csv")
    strange.write_text(strange.read_text("utf-8").replace("Entry", "Number of the entry"), "utf-8")
    torn = tmp_path / "torn.parquet"
    torn.write_bytes(b"PAR1 and no more")
    for files, wrong in (([strange, torn], strange), ([torn, strange], torn)):
        with pytest.raises((MappingError, InputError), match=wrong.name):
            cape_engine.reconcile(results=run.folder, es022=files, columns=columns)


def test_recipients__numbered_as_if_read_one_after_the_other() -> None:
    """A run that is read beside the reports has the numbers that it would have had behind them."""
    one, other = Vocabulary(), Vocabulary()
    one.codes(pa.array(["12-345678900", "B"]))
    own = other.codes(pa.array(["C", "B", "D", None]))
    assert one.adopt(other)[own].tolist() == [2, 1, 3, -1]
    assert one.words.to_pylist()[1:] == ["B", "C", "D"]
