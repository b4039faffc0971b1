"""The check of declarations: accounts, statuses, files written, several declarations, and the ledger behind them."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

import cape_engine
from cape_engine import intake, rules
from cape_engine.errors import UsageError
from cape_engine.ledger import Ledger
from cape_engine.outputs import files as outputs
from cape_engine.settings import Settings
from portal import shapes
from road import es003

DAY = "2026-05-04"
GOOD = [shapes.number(serial) for serial in range(1, 7)]
BAD = [shapes.number(serial) for serial in (11, 12)]
OTHER = "98-765432100"
OTHERS = [shapes.number(21), shapes.number(22, "XYZ")]
ABSENT = shapes.number(99)
Capture = pytest.CaptureFixture[str]


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Six good entries and two without IEEPA duty of one importer, filed by ABC; two of another, one filed by XYZ."""
    folder = tmp_path_factory.mktemp("check")
    entries: dict[str, dict[str, Any]] = {number: {} for number in GOOD}
    entries |= {number: {"goods": "exempt_only"} for number in BAD}
    entries |= {number: {"importer": OTHER} for number in OTHERS}
    intake.build_store(
        [shapes.export(folder / "rows.csv", entries)],
        folder / "store",
        headers=(),
        ruleset=rules.load(),
        settings=Settings.build(),
        partition_lines=3,
    )
    return folder / "store"


def check(files: Path | list[Path], store: Path, **options: Any) -> cape_engine.CheckResult:
    """Declarations on the day of these tests."""
    return cape_engine.check(files, store=store, **{"as_of": DAY, **options})


def statuses(result: cape_engine.CheckResult) -> list[tuple[str, str | None]]:
    """Upload and claim status of each declaration."""
    return [(row["upload_status"], row["claim_status"]) for row in result.declarations.to_pylist()]


ACCOUNTS: dict[str, tuple[list[str], dict[str, str], list[str]]] = {
    "importer, own entries": (GOOD, {"as_importer": shapes.IMPORTER}, []),
    "importer, number without dashes": (GOOD, {"as_importer": "12345678900", "account": "importer"}, []),
    "importer, another's entry": ([*GOOD, OTHERS[0]], {"as_importer": shapes.IMPORTER}, ["FILE_SUBMITTER_MISMATCH"]),
    "broker, entries he filed": ([*GOOD, OTHERS[0]], {"as_filer": "ABC", "account": "broker"}, []),
    "broker, lower case": (GOOD, {"as_filer": "abc"}, []),
    "broker, entry of another filer": ([*GOOD, OTHERS[1]], {"as_filer": "ABC"}, ["FILE_SUBMITTER_MISMATCH"]),
    "filer, either way": (
        [*GOOD, *OTHERS],
        {"as_filer": "ABC", "as_importer": OTHER, "account": "filer"},
        [],
    ),
    "filer of another Filer Type": (
        GOOD,
        {"as_filer": "ABC", "account": "filer", "filer_type": "broker"},
        ["FILE_ACCOUNT_KIND"],
    ),
    "carrier": (GOOD, {"as_filer": "ABC", "account": "carrier"}, ["FILE_ACCOUNT_KIND"]),
    "organizational broker": (GOOD, {"as_filer": "ABC", "account": "Organizational Broker"}, []),
    "nobody said": ([*GOOD, *OTHERS], {}, []),
}
"""Who files: the entries, the account, and the reasons that refuse the file."""


@pytest.mark.parametrize("name", ACCOUNTS)
def test_check__account(name: str, store: Path, tmp_path: Path) -> None:
    """Only the importer of record and the broker that filed may declare an entry, from accounts that may file."""
    numbers, account, reasons = ACCOUNTS[name]
    result = check(shapes.declaration(tmp_path / "claim.csv", numbers), store, **account)
    row = result.declarations.to_pylist()[0]
    assert row["reason_codes"] == reasons
    wanted = "passed" if not reasons else "Rejected by batch validation"
    assert row["upload_status"] == ("Failed initial validation" if reasons == ["FILE_ACCOUNT_KIND"] else wanted)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"account": "importer", "as_filer": "ABC"}, "--as-importer"),
        ({"account": "broker", "as_importer": shapes.IMPORTER}, "--as-filer"),
        ({"account": "filer"}, "--as-filer or --as-importer"),
        ({"as_filer": "ABCD"}, "filer code"),
        ({"as_importer": " "}, "importer number"),
        ({"store": None}, "--store"),
        ({"nonsense": 1}, "nonsense"),
    ],
)
def test_check__usage(options: dict[str, Any], words: str, store: Path, tmp_path: Path) -> None:
    """Options that do not fit together are refused with the option to give."""
    path = shapes.declaration(tmp_path / "claim.csv", GOOD)
    with pytest.raises(UsageError, match=words):
        cape_engine.check(path, **{"store": store, "as_of": DAY, **options})


def test_check__mixed_importers(store: Path, tmp_path: Path) -> None:
    """A broker's file of two importers is a warning, or refused by setting."""
    path = shapes.declaration(tmp_path / "claim.csv", [*GOOD, OTHERS[0]])
    result = check(path, store, as_filer="ABC")
    assert result.findings.column("code").to_pylist() == ["DECLARATION_MIXED_IMPORTERS"]
    refused = check(path, store, as_filer="ABC", settings={"claim.allow_mixed_importers": False})
    assert refused.declarations.to_pylist()[0]["reason_codes"] == ["FILE_MIXED_IMPORTERS"]


def test_check__statuses(store: Path, tmp_path: Path) -> None:
    """All accepted, some, none: the claim's status says so; without an accepted entry by setting."""
    files = [
        shapes.declaration(tmp_path / f"{name}.csv", numbers)
        for name, numbers in (("all", GOOD[:2]), ("some", [GOOD[2], BAD[0]]), ("none", [BAD[1], ABSENT]))
    ]
    result = check(files, store, as_filer="ABC")
    assert statuses(result) == [("passed", "Accepted"), ("passed", "Accepted with Error(s)"), ("passed", "Rejected")]
    other = check(files[2], store, as_filer="ABC", settings={"claim.all_failed_status": "Accepted with Error(s)"})
    assert statuses(other) == [("passed", "Accepted with Error(s)")]


def test_check__an_entry_lives_in_one_claim(store: Path, tmp_path: Path) -> None:
    """A second declaration of the same call fails for an accepted entry; one that failed may be declared again."""
    first = shapes.declaration(tmp_path / "first.csv", [GOOD[0], BAD[0]])
    second = shapes.declaration(tmp_path / "second.csv", [GOOD[0], GOOD[1], BAD[0]])
    result = check([first, second], store, as_filer="ABC")
    rows = result.claimed_entries.to_pylist()
    assert [row["reason_codes"] for row in rows] == [[], ["NO_IEEPA_HTS"], ["DUPLICATE_CLAIM"], [], ["NO_IEEPA_HTS"]]
    assert rows[2]["live_claim"] == rows[0]["claim_number"]
    assert rows[2]["claim_number"] != rows[0]["claim_number"]


def test_check__files_written(store: Path, tmp_path: Path) -> None:
    """Claim Details have CBP's columns and line ends; validation, page, tables and manifest stand beside them."""
    out = tmp_path / "out"
    path = shapes.declaration(tmp_path / "claim.csv", [GOOD[0], BAD[0], ABSENT])
    result = check(path, store, as_filer="ABC", out=out)
    claim = result.declarations.to_pylist()[0]["claim_number"]
    assert len(claim) == 12
    assert claim.isdigit()
    assert (out / "claim.claim-details.csv").read_bytes().decode().split("\r\n") == [
        "ENTRY_NUMBER,CLAIM_NUMBER,STATUS,ERROR_DESCRIPTION",
        f"{GOOD[0]},{claim},Entry Summary Updated,",
        f"{BAD[0]},{claim},Failed,NO IEEPA HTS ON ENTRY",
        f"{ABSENT},{claim},Failed,The entry number was not found in ACE.",
        "",
    ]
    with (out / "claim.validation.csv").open(encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert [(row["level"], row["row"], row["code"]) for row in rows] == [
        ("entry", "3", "NO_IEEPA_HTS"),
        ("entry", "4", "NOT_IN_ACE"),
    ]
    assert rows[0]["do_by"] == "2026-07-05"
    page = (out / "claim.html").read_text(encoding="utf-8")
    assert all(words in page for words in (claim, BAD[0], "2026-07-05", "NO IEEPA HTS ON ENTRY"))
    manifest = json.loads((out / "manifest.json").read_text(encoding="utf-8"))
    assert set(manifest["files"]) | {"manifest.json"} == {item.name for item in out.iterdir()}
    for name in ("declarations", "claimed_entries", "findings"):
        assert pq.read_table(out / f"{name}.parquet").to_pylist() == result.table(name).to_pylist()


def test_check__text_guards_and_all_messages(store: Path, tmp_path: Path) -> None:
    """Numbers as Excel text, every message of a failed entry, and plain line ends, by option and setting."""
    path = shapes.declaration(tmp_path / "claim.csv", [BAD[0]])
    options = {"claim.report_errors": "all", "claim.newline": "lf", "claim.presence_rule": "kind_duty"}
    result = check(path, store, out=tmp_path / "out", text_guards=True, settings=options)
    claim = result.declarations.to_pylist()[0]["claim_number"]
    text = (tmp_path / "out" / "claim.claim-details.csv").read_bytes().decode()
    assert text.split("\n")[1] == f'="{BAD[0]}",="{claim}",Failed,NO IEEPA HTS ON ENTRY'


def test_check__same_again_is_byte_identical(store: Path, tmp_path: Path) -> None:
    """The same check gives the same bytes, whatever the threads; files of an earlier check do not stay."""
    out = tmp_path / "out"
    path = shapes.declaration(tmp_path / "claim.csv", [*GOOD, *BAD])
    check(path, store, out=out, threads=1)
    first = {item.name: item.read_bytes() for item in out.iterdir() if item.name != "manifest.json"}
    check(path, store, out=out, threads=2)
    assert first == {item.name: item.read_bytes() for item in out.iterdir() if item.name != "manifest.json"}
    check(shapes.declaration(tmp_path / "other.csv", GOOD), store, out=out)
    assert not (out / "claim.html").exists()
    assert (out / "other.html").exists()


@pytest.mark.parametrize("moved", [False, True])
def test_check__died_while_files_were_replaced(
    moved: bool, store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Files of an earlier check go away even if the first check after it died, before or after its files were moved."""
    out, move = tmp_path / "out", outputs.move_results
    check(shapes.declaration(tmp_path / "old.csv", GOOD[:2]), store, out=out)
    path = shapes.declaration(tmp_path / "claim.csv", GOOD)

    def die(staging: Path, folder: Path, names: Iterable[str]) -> None:
        (folder / "manifest.json").unlink()
        if moved:
            move(staging, folder, names)
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(outputs, "move_results", die)
        with pytest.raises(KeyboardInterrupt):
            check(path, store, out=out)
    manifest = check(path, store, out=out).manifest
    assert {item.name for item in out.iterdir()} == {*manifest["files"], "manifest.json"}


def test_check__same_names_in_two_folders(store: Path, tmp_path: Path) -> None:
    """Two declarations of one name have files of their own."""
    files = []
    for folder, number in (("a", GOOD[0]), ("b", GOOD[1])):
        (tmp_path / folder).mkdir()
        files.append(shapes.declaration(tmp_path / folder / "claim.csv", [number]))
    check(files, store, out=tmp_path / "out")
    names = {item.name for item in (tmp_path / "out").glob("*.html")}
    assert names == {"claim.html", "claim-2.html"}


def test_check__agrees_with_a_run(store: Path, tmp_path: Path) -> None:
    """A check and a run with the same declaration accept the same entries and ask the same duty back."""
    path = shapes.declaration(tmp_path / "claim.csv", [*GOOD, *BAD])
    checked = check(path, store).claimed_entries.to_pylist()
    ran = cape_engine.run(store, declaration=path, as_of=DAY).entries.to_pylist()
    known = {row["entry_number"]: row for row in ran}
    for row in checked:
        other = known[row["entry_number"]]
        for name in ("disposition", "reason_codes", "messages", "principal_cents", "action", "liquidation_date"):
            assert row[name] == other[name]


def test_check__from_exports(tmp_path: Path) -> None:
    """Exports with a header file do as well as a store."""
    rows = shapes.export(tmp_path / "rows.csv", {GOOD[0]: {}, GOOD[1]: {}})
    facts = es003.write_facts([{"entry_number": GOOD[1], "drawback_flag": "Y"}], tmp_path / "headers.csv")
    path = shapes.declaration(tmp_path / "claim.csv", GOOD[:2])
    result = cape_engine.check(path, source=rows, headers=facts, as_of=DAY)
    assert result.claimed_entries.column("reason_codes").to_pylist() == [[], ["ON_DRAWBACK"]]
    assert result.to_pandas("claimed_entries").shape[0] == 2


def test_ledger__same_file_again_changes_nothing(store: Path, tmp_path: Path) -> None:
    """The same declaration again keeps its claim number and its answer, also on a later day, and says so."""
    ledger = tmp_path / "ledger.db"
    path = shapes.declaration(tmp_path / "claim.csv", [*GOOD, *BAD])
    first = check(path, store, as_filer="ABC", ledger=ledger, out=tmp_path / "first")
    with Ledger.open(ledger) as opened:
        head = opened.show().head
        assert opened.show().states == {"ACCEPTED": 6, "ENTRY_FAILED": 2}
    again = check(path, store, as_filer="ABC", ledger=ledger, as_of="2026-08-01", out=tmp_path / "again")
    with Ledger.open(ledger) as opened:
        assert opened.show().head == head
        assert opened.verify().ok
    assert again.declarations.column("recorded").to_pylist() == ["already_recorded"]
    assert "DECLARATION_ALREADY_FILED" in again.findings.column("code").to_pylist()
    assert again.claimed_entries.equals(first.claimed_entries)
    assert (tmp_path / "again" / "claim.claim-details.csv").read_bytes() == (
        tmp_path / "first" / "claim.claim-details.csv"
    ).read_bytes()


def test_ledger__entry_on_another_claim(store: Path, tmp_path: Path) -> None:
    """An entry that a claim of anybody holds fails on the next declaration; a failed one may be declared again."""
    ledger = tmp_path / "ledger.db"
    mine = check(
        shapes.declaration(tmp_path / "first.csv", [GOOD[0], BAD[0]]), store, as_filer="ABC", ledger=ledger
    ).declarations.to_pylist()[0]
    second = shapes.declaration(tmp_path / "second.csv", [GOOD[0], GOOD[1], BAD[0]])
    for _ in range(2):  # the repetition gives the same answer
        result = check(second, store, as_importer=shapes.IMPORTER, ledger=ledger)
        rows = result.claimed_entries.to_pylist()
        assert [row["reason_codes"] for row in rows] == [["DUPLICATE_CLAIM"], [], ["NO_IEEPA_HTS"]]
        assert rows[0]["live_claim"] == mine["claim_number"]
        assert rows[1]["claim_number"] != mine["claim_number"]
    with Ledger.open(ledger) as opened:
        assert (opened.show().live, opened.show().declarations, opened.verify().ok) == (2, 2, True)


def test_ledger__refused_files_hold_nothing(store: Path, tmp_path: Path) -> None:
    """A file that fails either validation is remembered, and its entries may be declared again."""
    ledger = tmp_path / "ledger.db"
    broken = tmp_path / "broken.csv"
    broken.write_text("Entry\n" + GOOD[0], encoding="utf-8")
    strange = shapes.declaration(tmp_path / "strange.csv", [GOOD[0], OTHERS[1]])
    good = shapes.declaration(tmp_path / "good.csv", [GOOD[0]])
    result = check([broken, strange, good], store, as_filer="ABC", ledger=ledger)
    assert statuses(result) == [
        ("Failed initial validation", None),
        ("Rejected by batch validation", None),
        ("passed", "Accepted"),
    ]
    with Ledger.open(ledger) as opened:
        found = opened.show()
        assert (found.declarations, found.live) == (3, 1)
        assert opened.verify().ok


def test_ledger__results_are_registered_once(store: Path, tmp_path: Path) -> None:
    """The folder of answers counts in the transaction that records the declarations; a repetition adds nothing."""
    ledger = tmp_path / "ledger.db"
    path = shapes.declaration(tmp_path / "claim.csv", GOOD)
    for _ in range(2):
        check(path, store, as_filer="ABC", ledger=ledger, out=tmp_path / "out")
        with Ledger.open(ledger) as opened:
            assert opened.show().runs == 1


def test_command__json_and_exit_codes(store: Path, tmp_path: Path, capsys: Capture) -> None:
    """0 when every entry is accepted, 1 when one fails; JSON lines for machines."""
    good = shapes.declaration(tmp_path / "good.csv", GOOD)
    said = es003.cape(capsys, "check", good, "--store", store, "--as-filer", "ABC", "--as-of", DAY, "--json")
    assert said.code == 0
    assert said.lines[0]["event"] == "declaration"
    assert said.result["counts"]["dispositions"] == {"accepted": 6}
    bad = shapes.declaration(tmp_path / "bad.csv", BAD)
    assert es003.cape(capsys, "check", bad, "--store", store, "--as-of", DAY, "--quiet").code == 1
    assert es003.cape(capsys, "check", bad, "--as-of", DAY).code == 2


def test_show__tables_for_people(store: Path, tmp_path: Path, capsys: Capture) -> None:
    """A person sees the declaration, why entries failed, what to do and by when."""
    from cape_engine.cli import show_check

    result = check(shapes.declaration(tmp_path / "claim.csv", [*GOOD, *BAD]), store, as_filer="ABC")
    show_check.result(result, tmp_path, as_json=False)
    said = capsys.readouterr().out
    assert all(
        words in said for words in ("claim.csv", "NO IEEPA HTS ON ENTRY", "2026-07-05", "Accepted with Error(s)")
    )
