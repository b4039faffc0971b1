"""Accounts: every bad one is a finding with file, row, column, masked value and remedy; its payments are held."""

from __future__ import annotations

import copy
import csv
import pickle
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cape_engine import intake
from cape_engine.errors import InputError
from cape_engine.intake.masking import hidden, hidden_texts, masked_texts
from cape_engine.pipeline.paying import FilesResult
from cape_engine.refund.payment_files import Accounts, Instructing, masked, read_accounts
from cape_engine.schema import results as r
from cape_engine.settings import Settings
from payment_files.made import (
    DAY,
    GOOD,
    PLAIN,
    ROUTING,
    SAVINGS,
    account,
    importers_file,
    made_files,
    payments,
    routing,
)

BAD = "44-444444400"
ROW = 3
"""Row of the bad importer: the heading, the good one, the bad one."""

CASES: list[tuple[str, dict[str, str], str | None, str | None]] = [
    ("ROUTING_CHECK_DIGIT", {"routing_number": "123456781"}, "routing_number", "****6781"),
    ("ROUTING_LENGTH", {"routing_number": "12345678"}, "routing_number", "****5678"),
    ("ROUTING_NOT_DIGITS", {"routing_number": "12345678O"}, "routing_number", "****678O"),
    ("ROUTING_RANGE", {"routing_number": routing("50000000")}, "routing_number", f"****{routing('50000000')[-4:]}"),
    ("ACCOUNT_FOREIGN", {"routing_number": "DEUTDEFF"}, "routing_number", "****DEFF"),
    ("ACCOUNT_FOREIGN", {"account_number": "DE89 3704 0044 0532 0130 00"}, "account_number", "****3000"),
    ("ACCOUNT_TOO_LONG", {"account_number": "123456789012345678"}, "account_number", "****5678"),
    ("ACCOUNT_CHARACTERS", {"account_number": "1234*56789"}, "account_number", "****6789"),
    ("ACCOUNT_CHARACTERS", {"account_number": "ABCDEFGH"}, "account_number", "****EFGH"),
    ("ACCOUNT_MISSING", {"account_number": ""}, "account_number", BAD),
    ("ACCOUNT_MISSING", {"routing_number": ""}, "routing_number", BAD),
    ("ACCOUNT_NOT_ENROLLED", {"ach_enrolled": "N"}, "ach_enrolled", BAD),
]


def held(result: FilesResult) -> list[dict[str, Any]]:
    """held.csv as it was written."""
    with (result.folder / "held.csv").open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


def errors(result: FilesResult) -> list[dict[str, Any]]:
    """Findings above info."""
    found: list[dict[str, Any]] = result.findings.to_pylist()
    return [one for one in found if one[r.SEVERITY] != "info"]


@pytest.mark.parametrize(("code", "changes", "column", "value"), CASES)
def test_accounts__bad_one_is_held(tmp_path: Path, code: str, changes: dict[str, str], column: str, value: str) -> None:
    """The good payments are written, those of the bad account are held, and the finding says where and what to do."""
    rows = [account(GOOD), account(BAD, **changes)]
    table = payments([(GOOD, 100, "ready"), (BAD, 23, "ready"), (BAD, 4, "ready")])
    result = made_files(tmp_path, table, importers=rows, format="both")
    [finding] = errors(result)
    assert (finding[r.CODE], finding[r.ROW], finding[r.COLUMN], finding[r.VALUE]) == (code, ROW, column, value)
    assert finding[r.FINDING_SOURCE].endswith("importers.csv")
    assert BAD in finding[r.MESSAGE]
    assert finding[r.REMEDY]
    assert [(one["amount_cents"], one["status"], one["held_reason"]) for one in held(result)] == [
        ("23", "held_no_ach", code),
        ("4", "held_no_ach", code),
    ]
    assert result.manifest["totals_cents"] == {"given": 127, "written": 100, "held": 27, "waiting": 0}
    assert result.exit_code == 1


@pytest.mark.parametrize(
    ("column", "other"),
    [("account_number", "5556667778"), ("routing_number", routing("12000001")), ("account_kind", "savings")],
)
def test_accounts__two_for_one_importer(tmp_path: Path, column: str, other: str) -> None:
    """Two rows that name two accounts: neither is chosen, both rows are named, no number is shown."""
    rows = [account(GOOD), account(BAD), account("44444444400", **{column: other})]
    result = made_files(tmp_path, payments([(BAD, 23, "ready"), (GOOD, 1, "ready")]), importers=rows)
    [finding] = errors(result)
    assert (finding[r.CODE], finding[r.ROW], finding[r.COLUMN]) == ("ACCOUNT_CONFLICT", 4, column)
    assert "row 4 and row 3" in finding[r.MESSAGE]
    assert other not in str(finding)
    assert [one["held_reason"] for one in held(result)] == ["ACCOUNT_CONFLICT"]


def test_accounts__two_names_are_one_account(tmp_path: Path) -> None:
    """Rows that differ in the name only are one account: it is paid, under the importer's number."""
    rows = [account(GOOD), account(GOOD, name="Acme Imports Incorporated")]
    result = made_files(tmp_path, payments([(GOOD, 1, "ready")]), importers=rows)
    assert sorted(one[r.CODE] for one in errors(result)) == ["IMPORTER_CONFLICT", "PAYMENT_NAME_MISSING"]
    assert result.manifest["counts"]["payments"]["written"] == 1


@pytest.mark.parametrize(("column", "word"), [("account_kind", "loan"), ("ach_enrolled", "perhaps")])
def test_accounts__unknown_word_is_held(tmp_path: Path, column: str, word: str) -> None:
    """A word that nobody knows is not the same as a blank cell: nothing is sent on a guess."""
    rows = [account(GOOD), account(BAD, **{column: word})]
    result = made_files(tmp_path, payments([(GOOD, 1, "ready"), (BAD, 2, "ready")]), importers=rows)
    found = {one[r.CODE]: one for one in errors(result)}
    assert sorted(found) == ["ACCOUNT_WORD_UNKNOWN", "WORD_UNKNOWN"]
    assert (found["ACCOUNT_WORD_UNKNOWN"][r.ROW], found["ACCOUNT_WORD_UNKNOWN"][r.COLUMN]) == (ROW, column)
    assert [one["held_reason"] for one in held(result)] == ["ACCOUNT_WORD_UNKNOWN"]


def test_accounts__same_one_twice_is_one(tmp_path: Path) -> None:
    """A repeated row, its numbers grouped by blanks and the importer without dashes, is the same account."""
    rows = [account(GOOD), account("12345678900", account_number="0001 2345 678", name=account(GOOD)["name"])]
    result = made_files(tmp_path, payments([(GOOD, 1, "ready")]), importers=rows)
    assert errors(result) == []
    assert result.manifest["counts"]["payments"]["written"] == 1


def test_accounts__unknown_recipient(tmp_path: Path) -> None:
    """Who stands in no importers file is held, said once, however many payments."""
    table = payments([("77-1", 5, "ready"), ("77-1", 6, "ready"), (GOOD, 1, "ready")])
    result = made_files(tmp_path, table)
    [finding] = errors(result)
    assert (finding[r.CODE], finding[r.COLUMN], finding[r.VALUE]) == ("ACCOUNT_NOT_LISTED", "recipient", "77-1")
    assert [one["held_reason"] for one in held(result)] == ["ACCOUNT_NOT_LISTED"] * 2


def test_accounts__none_at_all(tmp_path: Path) -> None:
    """An importers file without rows holds everything and breaks nothing."""
    result = made_files(tmp_path, payments([(GOOD, 5, "ready")]), importers=[], format="both")
    assert [one[r.CODE] for one in errors(result)] == ["ACCOUNT_NOT_LISTED"]
    assert result.manifest["totals_cents"] == {"given": 5, "written": 0, "held": 5, "waiting": 0}


def test_run__without_payments(tmp_path: Path) -> None:
    """A run that pays nothing gives no bank file, an empty list and exit code 0."""
    result = made_files(tmp_path, payments([]), format="both")
    assert (held(result), result.exit_code) == ([], 0)
    assert sorted(path.name for path in result.folder.iterdir()) == [
        "findings.parquet",
        "held.csv",
        "instructions.parquet",
        "manifest.json",
    ]


def test_accounts__not_needed_is_not_said(tmp_path: Path) -> None:
    """An importer without account to whom nothing is paid is no finding."""
    rows = [account(GOOD), account(BAD, account_number=""), account(SAVINGS, ach_enrolled="N")]
    result = made_files(tmp_path, payments([(GOOD, 1, "ready"), (BAD, 2, "held_no_ach")]), importers=rows)
    assert errors(result) == []
    assert [one["held_reason"] for one in held(result)] == ["held_no_ach"]


@pytest.mark.parametrize(
    ("cents", "code"),
    [
        (10_000_000_000, "PAYMENT_AMOUNT_TOO_LARGE"),
        (0, "PAYMENT_AMOUNT_NOT_POSITIVE"),
        (-5, "PAYMENT_AMOUNT_NOT_POSITIVE"),
    ],
)
def test_amounts__beyond_the_format(tmp_path: Path, cents: int, code: str) -> None:
    """Eleven digits, nothing and less than nothing are held with a finding; 9,999,999,999 is written."""
    result = made_files(tmp_path, payments([(GOOD, cents, "ready"), (GOOD, 9_999_999_999, "ready")]), format="both")
    [finding] = errors(result)
    assert (finding[r.CODE], finding[r.COLUMN], finding[r.VALUE]) == (code, "amount_cents", str(cents))
    assert "00000000000000000000" in finding[r.MESSAGE]
    assert [one["held_reason"] for one in held(result)] == [code]
    assert result.manifest["totals_cents"]["held"] == cents


def test_accounts__kind_and_name_assumed(tmp_path: Path) -> None:
    """No kind counts as checking, no name as the importer's number; both are said."""
    rows = [account(GOOD, account_kind="", name="")]
    result = made_files(tmp_path, payments([(GOOD, 1, "ready")]), importers=rows)
    found = {one[r.CODE]: one for one in result.findings.to_pylist()}
    assert found["ACCOUNT_KIND_ASSUMED"][r.VALUE] == "checking"
    assert found["PAYMENT_NAME_MISSING"][r.ROW] == 2
    [file] = sorted(result.folder.glob("*.ach"))
    assert "62212345678000012345678      000000000112-345678900   12-345678900 " in file.read_text(encoding="ascii")
    other = made_files(
        tmp_path,
        payments([(GOOD, 1, "ready")]),
        importers=rows,
        settings={"refund.default_account_kind": "savings"},
    )
    assert "\n632123456780" in (other.folder / file.name).read_text(encoding="ascii")


def test_accounts__names_are_not_shown(tmp_path: Path) -> None:
    """Findings about names name the signs that were lost, not the name."""
    rows = [account(GOOD, name="Ärger Handels\u682a " + "x" * 30)]
    result = made_files(tmp_path, payments([(GOOD, 1, "ready")]), importers=rows)
    found = result.findings.to_pylist()
    assert sorted(one[r.CODE] for one in found) == ["PAYMENT_NAME_CUT", "PAYMENT_NAME_LETTERS"]
    assert [one[r.VALUE] for one in found if one[r.CODE] == "PAYMENT_NAME_LETTERS"] == ["\u682a"]
    assert "Handels" not in str(found)


@given(
    rows=st.lists(
        st.tuples(
            st.sampled_from([GOOD, SAVINGS, "77-1", BAD]),
            st.integers(-2, 10_000_000_002),
            st.sampled_from(["ready", "held_no_ach", "held_no_interest_rate", "offset"]),
        ),
        max_size=30,
    ),
    cut=st.integers(1, 30),
)
def test_instructing__written_and_held_are_all(
    tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[str, int, str]], cut: int
) -> None:
    """Every payment is either an instruction or held, whatever it is and in whatever pieces it comes."""
    folder = tmp_path_factory.mktemp("all")
    accounts, _ = read_accounts(
        [importers_file(folder / "i.csv", [account(GOOD), account(SAVINGS), account(BAD, routing_number="1")])],
        settings=Settings.build(),
    )
    instructing = Instructing(accounts)
    table = payments(rows)
    ready, back = [], []
    for begin in range(0, len(rows), cut):
        some, rest = instructing.take(table.slice(begin, cut))
        ready += [(one.payment_id, one.amount_cents) for one in some]
        back += [(one[r.PAYMENT_KEY], one[r.AMOUNT_CENTS]) for one in rest.to_pylist()]
    wanted = [(f"{place:020X}", cents) for place, (_, cents, _) in enumerate(rows)]
    assert sorted(ready + back) == wanted
    assert ready == [
        (f"{place:020X}", cents)
        for place, (name, cents, status) in enumerate(rows)
        if status == "ready" and name in PLAIN and 0 < cents <= 9_999_999_999
    ]


@given(digits=st.lists(st.integers(0, 9), min_size=6, max_size=6), place=st.integers(0, 8), other=st.integers(1, 9))
def test_routing__weights_3_7_1(
    tmp_path_factory: pytest.TempPathFactory, digits: list[int], place: int, other: int
) -> None:
    """A number with its check digit passes; with any one digit changed it does not."""
    good = routing("12" + "".join(map(str, digits)))
    bad = good[:place] + str((int(good[place]) + other) % 10) + good[place + 1 :]
    folder = tmp_path_factory.mktemp("weights")
    rows = [account(GOOD, routing_number=good), account(BAD, routing_number=bad)]
    accounts, _ = read_accounts([importers_file(folder / "i.csv", rows)], settings=Settings.build())
    assert [accounts.why(at) for at in accounts.places(pa.array([GOOD, BAD])).tolist()] == [None, "ROUTING_CHECK_DIGIT"]


def test_instructing__parts_share_cohort_and_reference(tmp_path: Path) -> None:
    """All parts name the key of part 1, also where a batch ends between them."""
    accounts, _ = read_accounts([importers_file(tmp_path / "i.csv")], settings=Settings.build())
    instructing = Instructing(accounts)
    table = payments([(GOOD, 5, "ready")] * 4, parts=[(1, 1), (1, 3), (2, 3), (3, 3)])
    found = [one for cut in (table.slice(0, 3), table.slice(3)) for one in instructing.take(cut)[0]]
    assert [one.cohort[-1] for one in found] == ["0", "1", "1", "1"]
    assert len({one.reference for one in found[1:]}) == 1
    assert (found[3].part, found[3].parts, found[3].liquidation_date, found[3].cohort_version) == (3, 3, DAY, 1)


def test_account__shows_the_last_four_only(tmp_path: Path) -> None:
    """Text, errors and pickles of accounts show no number; printing instructions does not either."""
    accounts, _ = read_accounts([importers_file(tmp_path / "i.csv")], settings=Settings.build())
    one = accounts.at(0)
    assert repr(one) == str(one) == "Account(routing ****6780, checking ****5678)"
    ready, _ = Instructing(accounts).take(payments([(GOOD, 5, "ready")]))
    for thing in (accounts, ready, next(iter(ready)), [one], ready.table):
        assert PLAIN[GOOD] not in f"{thing} {thing!r}"
        assert ROUTING not in f"{thing} {thing!r}"
    for secret in (one, accounts):
        with pytest.raises(TypeError, match="not written anywhere"):
            pickle.dumps(secret)
        with pytest.raises(TypeError, match="not written anywhere"):
            copy.deepcopy(secret)


@pytest.mark.parametrize(
    ("number", "shown"),
    [
        ("123456789", "****6789"),
        ("1234567", "****567"),
        ("12345", "****45"),
        ("123", "****3"),
        ("1", "****"),
        ("", "****"),
        (None, None),
    ],
)
def test_masked__at_most_half(number: str | None, shown: str | None) -> None:
    """The last four, and never more than half of a number; many at once alike."""
    assert masked(number) == shown
    assert masked_texts(pa.array([number], pa.string())).to_pylist() == [shown]


def test_places__any_spelling(tmp_path: Path) -> None:
    """Recipients are found without dashes, blanks and case; nobody is found by nothing."""
    accounts, _ = read_accounts([importers_file(tmp_path / "i.csv")], settings=Settings.build())
    assert isinstance(accounts, Accounts)
    wanted = pa.array(["12 345678900", GOOD, "9-87654321-00", None, ""])
    assert accounts.places(wanted).tolist() == accounts.places(wanted.dictionary_encode()).tolist()
    assert accounts.places(wanted)[:3].tolist() == [0, 0, 2]
    assert accounts.places(wanted)[3:].tolist() == [-1, -1]


SHIFTED = "12-345678900,corporate,Y,,123456780,00012345678,Acme\n"


@pytest.mark.parametrize(
    "text",
    [
        SHIFTED,
        "importer_number,importer_kind,ach_enrolled,routing_number,account_number,account_kind,name\n" + SHIFTED,
        "importer_number,00012345678,123456780\n" + SHIFTED,
        "importer_number,ach_enrolled\n12-345678900,00012345678\n",
        "account_number,00012345678\n123456780,1\n",
    ],
)
def test_importers__shifted_columns_show_no_number(tmp_path: Path, text: str) -> None:
    """A file without headings, or with cells in other columns: what is said masks what looks like an account."""
    path = tmp_path / "importers.csv"
    path.write_text(text, encoding="utf-8")
    for where in ("accounts", "importers"):
        try:
            if where == "accounts":
                _, findings = read_accounts([path], settings=Settings.build())
            else:
                _, findings = intake.read_importers([path])
            said = str(findings.to_table().to_pylist())
        except InputError as error:
            said = str(error)
        assert "00012345678" not in said
        assert "123456780" not in said
        assert "****" in said, "something is said about it"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("123456789", "****6789"),
        ("a 12 34-56 78 b", "a ****-56 78 b"),
        ("DE89370400440532013000", "****3000"),
        ("12345", "****45"),
        ("1234", "1234"),
        ("checking", "checking"),
    ],
)
def test_hidden__long_numbers_only(text: str, shown: str) -> None:
    """Eight digits keep four, five keep two, fewer are no account; many at once alike."""
    assert hidden(text) == shown
    assert hidden_texts(pa.array([text, None], pa.string())).to_pylist() == [shown, None]
