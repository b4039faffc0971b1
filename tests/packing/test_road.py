"""`pack` and `answers` on files: what is packed, what stays behind and why, what the ledger remembers."""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pytest

import cape_engine
from cape_engine.errors import InputError, LedgerError, MappingError, UsageError
from cape_engine.ledger import Ledger
from packing.world import AS_OF, Portal, World, uploaded, world

NEXT = AS_OF + dt.timedelta(days=1)


class Watcher:
    """Keeps what it is told."""

    def __init__(self) -> None:
        self.said: list[object] = []

    def stage(self, name: str, total: int | None = None) -> None:
        """A stage begins."""
        self.said.append(name if total is None else (name, total))

    def advance(self, steps: int = 1) -> None:
        """Some steps are done."""
        self.said.append(steps)


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> World:
    """Entries with every fault."""
    return world(tmp_path_factory.mktemp("world"), 400)


def packed(files: World, out: Path | None = None, **options: object) -> cape_engine.PackResult:
    """A packing of the entries."""
    asked: dict[str, object] = {"as_of": AS_OF, "threads": 1, "headers": files.headers, **options}
    return cape_engine.pack(files.rows, out=out, **asked)  # type: ignore[arg-type] # a test's own options


def numbers(table: pa.Table) -> list[str]:
    """Its entry numbers."""
    found: list[str] = table.column("entry_number").to_pylist()
    return found


def test_pack__packs_what_a_run_accepts(files: World) -> None:
    """With every fact known, packed are the entries that the run of that day accepts, and all others are listed."""
    run = cape_engine.run(files.rows, headers=files.headers, as_of=AS_OF, detail="none", threads=1)
    result = packed(files)
    accepted = run.entries.filter(pc.equal(run.entries.column("disposition").cast(pa.string()), "accepted"))
    rejected = run.entries.filter(pc.equal(run.entries.column("disposition").cast(pa.string()), "rejected"))
    assert sorted(numbers(result.packed_entries)) == sorted(numbers(accepted))
    assert numbers(result.left_out) == sorted(numbers(rejected))
    reasons = dict(zip(numbers(rejected), rejected.column("reason_codes").to_pylist(), strict=True))
    assert result.left_out.column("reason_codes").to_pylist() == [reasons[n] for n in numbers(result.left_out)]
    assert all(result.left_out.column("what_to_do").to_pylist())
    assert result.exit_code == 1


def test_pack__same_bytes(files: World, tmp_path: Path) -> None:
    """The same command writes the same bytes, with one thread or two."""
    packed(files, tmp_path / "one")
    packed(files, tmp_path / "two", threads=2)
    names = sorted(path.relative_to(tmp_path / "one") for path in (tmp_path / "one").rglob("*") if path.is_file())
    assert names == sorted(
        path.relative_to(tmp_path / "two") for path in (tmp_path / "two").rglob("*") if path.is_file()
    )
    for name in names:
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes(), name


def test_pack__declarations_pass_the_portal(files: World, tmp_path: Path) -> None:
    """CBP's checks, replayed on the files, refuse no file and fail no entry."""
    result = packed(files, tmp_path / "out")
    checked = cape_engine.check(
        uploaded(tmp_path / "out", result), source=files.rows, headers=files.headers, as_of=AS_OF
    )
    assert set(checked.declarations.column("upload_status").to_pylist()) == {"passed"}
    assert set(checked.claimed_entries.column("disposition").to_pylist()) == {"accepted"}


def test_pack__unknown_facts_fail(files: World) -> None:
    """Without the header file nothing is known of drawback or statement: nothing is packed, and the list says why."""
    result = packed(files, headers=None)
    assert result.packed_entries.num_rows == 0
    said = " ".join(result.left_out.column("messages").to_pylist()[0])
    assert "statement_complete" in said
    assert result.manifest["counts"]["reasons"]["FACT_UNKNOWN"] == result.left_out.num_rows
    assert packed(files, headers=None, settings={"claim.unknown_facts": "pass"}).packed_entries.num_rows > 0


def test_pack__twice_against_the_ledger(files: World, tmp_path: Path) -> None:
    """The second packing gives nothing, keeps the files of the first, and names the claim that holds each entry."""
    ledger = tmp_path / "claims.db"
    first = packed(files, tmp_path / "out", ledger=ledger)
    before = {path.name: path.read_bytes() for path in (tmp_path / "out" / "declarations").iterdir()}
    second = packed(files, tmp_path / "out", ledger=ledger)
    assert first.packed_entries.num_rows > 0
    assert second.packed_entries.num_rows == 0
    assert {path.name: path.read_bytes() for path in (tmp_path / "out" / "declarations").iterdir()} == before
    held = second.left_out.filter(pc.is_valid(second.left_out.column("declaration")))
    assert sorted(numbers(held)) == sorted(numbers(first.packed_entries))
    assert second.left_out.num_rows == first.left_out.num_rows + first.packed_entries.num_rows
    with Ledger.open(ledger) as book:
        assert book.verify().ok
        assert book.show().live == first.packed_entries.num_rows
        assert book.show().runs == 2
        head = book.show().head
    packed(files, tmp_path / "out", ledger=ledger)
    with Ledger.open(ledger) as book:
        assert book.show().head == head, "a packing that finds nothing new changed the ledger again"


def test_pack__attempt_that_nobody_recorded(files: World, tmp_path: Path) -> None:
    """Declarations of an attempt that died before the ledger had them go away; nobody can upload them."""
    folder = tmp_path / "out" / "declarations"
    folder.mkdir(parents=True)
    (folder / "CAPE_ABC_1_2026-05-04_001.csv").write_bytes(b"Entry Number\r\nABC12345676\r\n")
    (folder / "mine.txt").write_text("stays")
    result = packed(files, tmp_path / "out", ledger=tmp_path / "claims.db")
    assert {path.name for path in folder.iterdir()} == {
        *result.declarations.column("file_name").to_pylist(),
        "mine.txt",
    }


def test_pack__other_ledger_or_none(files: World, tmp_path: Path) -> None:
    """A folder of recorded declarations is not written to without its ledger."""
    packed(files, tmp_path / "out", ledger=tmp_path / "claims.db")
    with pytest.raises(UsageError, match="remembers"):
        packed(files, tmp_path / "out")
    with pytest.raises(UsageError, match="--out"):
        packed(files, ledger=tmp_path / "claims.db")


def test_pack__corrections_name_the_last_day(tmp_path: Path) -> None:
    """Edits of ACE are listed, the blocking ones first, each with the last day of a PSC or that there is none."""
    every = world(tmp_path, 600, mix="all_rules")
    result = packed(every)
    table = result.corrections
    assert {"GOODS_VALUE_ON_IEEPA", "HTS_RELATIONSHIP_SEQUENCE"} & set(table.column("edit").to_pylist())
    rows = table.to_pylist()
    assert [row["blocks"] for row in rows] == sorted((row["blocks"] for row in rows), reverse=True)
    for row in rows:
        days = [row["entry_date"] + dt.timedelta(days=300)]
        if row["scheduled_liquidation_date"]:
            days.append(row["scheduled_liquidation_date"] - dt.timedelta(days=15))
        assert row["psc_until"] <= min(days)
        assert not row["psc_possible"] or row["psc_until"] >= AS_OF
    later = packed(every, as_of=dt.date(2026, 6, 25))
    late = {
        row["entry_number"]
        for row in later.corrections.to_pylist()
        if row["edit"] == "GOODS_VALUE_ON_IEEPA" and row["blocks"]
    }
    assert not late, "the value checks ended on 2026-06-24"


def test_pack__held_back(files: World, tmp_path: Path) -> None:
    """Entries of a --hold list stay out; rows with N, strange rows and strange entries do not stop anything."""
    some = numbers(packed(files).packed_entries)[:3]
    rows = ["entry_number,hold", f"{some[0]},Y", f"{some[1]},N", f'"=""{some[2]}""",', "no number,Y", "ABC00000018,Y"]
    (tmp_path / "hold.csv").write_text("\n".join(rows))
    result = packed(files, hold=tmp_path / "hold.csv")
    held = [row for row in result.left_out.to_pylist() if "HELD_BACK" in row["reason_codes"]]
    assert sorted(row["entry_number"] for row in held) == sorted([some[0], some[2]])
    codes = result.findings.column("code").to_pylist()
    assert "HOLD_ROW_UNREAD" in codes
    assert "HOLD_NOT_IN_SOURCES" in codes
    (tmp_path / "strange.csv").write_text("a,b\n1,2\n")
    with pytest.raises(MappingError, match="a, b"):
        packed(files, hold=tmp_path / "strange.csv")


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"as_of": "2026-04-19"}, "portal opened"),
        ({"account": "surety"}, "no kind of account"),
        ({"nonsense": 1}, "no option"),
        ({"settings": {"claim.max_entries": 0}}, "no room"),
    ],
)
def test_pack__bad_requests(files: World, options: dict[str, object], words: str) -> None:
    """What cannot be packed is refused before anything is read or written."""
    with pytest.raises(UsageError, match=words):
        packed(files, None, **options)


def test_pack__not_a_ledger(files: World, tmp_path: Path) -> None:
    """A file that is no ledger is refused, and nothing is written."""
    (tmp_path / "claims.db").write_bytes(b"not a ledger, certainly" * 100)
    with pytest.raises(LedgerError):
        packed(files, tmp_path / "out", ledger=tmp_path / "claims.db")
    assert not (tmp_path / "out").exists()


def test_answers__loop(files: World, tmp_path: Path) -> None:
    """Accepted entries are stripped, failed ones routed and packed again later; the same answers change nothing."""
    ledger = tmp_path / "claims.db"
    first = packed(files, tmp_path / "out", ledger=ledger)
    sent = numbers(first.packed_entries)
    portal = Portal(dict.fromkeys(sent[:5], "PROTEST ON ENTRY"))
    portal.failures |= {sent[5]: "UNABLE TO CALCULATE DUTY", sent[6]: "SOMETHING NEW"}
    details = tmp_path / "details.csv"
    assert portal.answer(uploaded(tmp_path / "out", first), details) == 7
    result = cape_engine.answers(details, ledger=ledger, out=tmp_path / "answers", as_of=NEXT)
    assert result.exit_code == 1
    assert result.manifest["counts"]["updated"] == len(sent) - 7
    assert result.differences.to_pylist()[0] == {
        "our_rule": "accepted",
        "cbp_rule": "PROTEST_OPEN",
        "differing_entries": 5,
        "example": min(sent[:5]),
    }
    routed = {row["entry_number"]: row for row in result.routed.to_pylist()}
    assert set(routed) == set(sent[:7])
    assert routed[sent[0]]["hold"]
    assert not routed[sent[5]]["hold"], "some of these clear on retry"
    assert "ANSWER_MESSAGE_UNKNOWN" in result.findings.column("code").to_pylist()
    with Ledger.open(ledger) as book:
        assert book.verify().ok
        assert book.show().states["STRIPPED"] == len(sent) - 7
        assert book.show().states["ENTRY_FAILED"] == 7
        assert set(book.show().statuses) <= {"Accepted", "Accepted with Error(s)", "Rejected"}
        events = book.show().events
    again = cape_engine.answers(details, ledger=ledger, as_of=NEXT)
    assert again.manifest["counts"]["answers"] == len(sent)
    with Ledger.open(ledger) as book:
        assert book.show().events == events
    more = packed(files, tmp_path / "out", ledger=ledger, as_of=NEXT, hold=tmp_path / "answers" / "routed.csv")
    assert numbers(more.packed_entries) == [sent[5]]
    same_day = packed(files, tmp_path / "other", ledger=ledger, as_of=NEXT)
    eligible = set(numbers(packed(files, as_of=NEXT).packed_entries))  # for one of them the 80 days may end in between
    assert set(numbers(same_day.packed_entries)) == {*sent[:5], sent[6]} & eligible


def test_answers__validation_result(files: World, tmp_path: Path) -> None:
    """A refused file sends all its entries back; its headings are mapped, and unknown ones stop the job."""
    ledger = tmp_path / "claims.db"
    first = packed(files, tmp_path / "out", ledger=ledger)
    name = first.declarations.column("file_name").to_pylist()[0]
    count = first.declarations.column("declared_entries").to_pylist()[0]
    (tmp_path / "result.csv").write_text(f"File,Entry Number,Reason\n{name},,Submitter is not the filer\n")
    with pytest.raises(MappingError, match="File, Entry Number, Reason"):
        cape_engine.answers(tmp_path / "result.csv", ledger=ledger, as_of=NEXT)
    mapping = "file_name=File, entry_number=Entry Number, error_message=Reason"
    settings = {"reports.columns.validation_result": mapping}
    watcher = Watcher()
    result = cape_engine.answers(
        tmp_path / "result.csv", ledger=ledger, as_of=NEXT, settings=settings, progress=watcher
    )
    assert watcher.said == ["reading answers", ("moving entries", 1), 1]
    assert result.answers.num_rows == count
    with Ledger.open(ledger) as book:
        assert book.show().states["FILE_REJECTED"] == count
        assert book.show().statuses["Rejected by batch validation"] == 1
        assert book.verify().ok
    assert packed(files, tmp_path / "out", ledger=ledger, as_of=NEXT).packed_entries.num_rows == count


def test_answers__several_refused_files(files: World, tmp_path: Path) -> None:
    """A Validation Result File with a row for each of three declarations refuses all three of them."""
    ledger = tmp_path / "claims.db"
    first = packed(files, tmp_path / "out", ledger=ledger)
    names = first.declarations.column("file_name").to_pylist()[:3]
    rows = ["File,Entry Number,Reason", *(f"{name},,Upload is damaged" for name in names)]
    (tmp_path / "result.csv").write_text("\n".join(rows))
    mapping = "file_name=File, entry_number=Entry Number, error_message=Reason"
    settings = {"reports.columns.validation_result": mapping}
    cape_engine.answers(tmp_path / "result.csv", ledger=ledger, as_of=NEXT, settings=settings)
    with Ledger.open(ledger) as book:
        assert book.show().statuses["Rejected by batch validation"] == 3
        assert book.show().states["FILE_REJECTED"] == sum(first.declarations.column("declared_entries").to_pylist()[:3])


BAD = {
    "nothing": (b"", MappingError, "headings"),
    "binary": (b"\x00\x01\xff\xfe" * 99, InputError, "CSV"),
    "quote": (b'ENTRY_NUMBER,CLAIM_NUMBER,STATUS,ERROR_DESCRIPTION\n"ABC', InputError, "CSV"),
    "another column": (b"ENTRY_NUMBER,CLAIM_NUMBER,STATUS,ERROR_DESCRIPTION,X\n", MappingError, "X"),
    "German": (b"Nummer;Status\n", MappingError, "Nummer;Status"),
}


@pytest.mark.parametrize("case", BAD)
def test_answers__bad_files(case: str, tmp_path: Path) -> None:
    """A file that is not CBP's is refused with what was found; the ledger is not touched."""
    content, error, words = BAD[case]
    (tmp_path / "details.csv").write_bytes(content)
    with pytest.raises(error, match=words):
        cape_engine.answers(tmp_path / "details.csv", ledger=tmp_path / "claims.db")
    assert not (tmp_path / "claims.db").exists()


def test_answers__bad_rows(files: World, tmp_path: Path) -> None:
    """Rows that cannot be read or fit no declaration are findings; the others count."""
    ledger = tmp_path / "claims.db"
    first = packed(files, tmp_path / "out", ledger=ledger)
    number = numbers(first.packed_entries)[0]
    rows = [
        "ENTRY_NUMBER,CLAIM_NUMBER,STATUS,ERROR_DESCRIPTION",
        f"{number},100000000001,entry summary  updated,",
        f"{number},100000000001,Failed,ENTRY ON DRAWBACK",
        "ABC00000018,100000000002,Failed,ENTRY ON DRAWBACK",
        f"{number},1E+11,Entry Summary Updated,",
        f"{number},100000000001,Pending,",
        "short,row",
        "12345,100000000001,Failed,X",
    ]
    (tmp_path / "details.csv").write_text("\n".join(rows))
    result = cape_engine.answers(tmp_path / "details.csv", ledger=ledger, out=tmp_path / "answers", as_of=NEXT)
    assert set(result.findings.column("code").to_pylist()) >= {
        "ANSWER_TWICE",
        "ANSWER_ROW_UNREAD",
        "ANSWER_CLAIM_NUMBER",
        "ANSWER_STATUS_UNKNOWN",
        "ANSWER_NOT_DECLARED",
    }
    assert json.loads((tmp_path / "answers" / "manifest.json").read_text())["counts"]["failed"] == 0
    with Ledger.open(ledger) as book:
        assert book.show().states["STRIPPED"] == 1


def test_answers__one_entry_on_two_claims(files: World, tmp_path: Path) -> None:
    """A report that shows an entry failed on one claim and updated on the next says both, each of its own claim."""
    ledger = tmp_path / "claims.db"
    first = packed(files, tmp_path / "out", ledger=ledger)
    entry = numbers(first.packed_entries)[0]
    portal = Portal({entry: "UNABLE TO CALCULATE DUTY"})
    portal.answer(uploaded(tmp_path / "out", first), tmp_path / "one.csv")
    cape_engine.answers(tmp_path / "one.csv", ledger=ledger, as_of=NEXT)
    second = packed(files, tmp_path / "out", ledger=ledger, as_of=NEXT)
    assert numbers(second.packed_entries) == [entry]
    portal.failures = {}
    portal.answer(uploaded(tmp_path / "out", second), tmp_path / "two.csv")
    both = (tmp_path / "one.csv").read_text() + (tmp_path / "two.csv").read_text().split("\n", 1)[1]
    (tmp_path / "both.csv").write_text(both)
    told = cape_engine.answers(tmp_path / "both.csv", ledger=ledger, as_of=NEXT)
    rows = [row for row in told.answers.to_pylist() if row["entry_number"] == entry]
    assert [row["state"] for row in rows] == ["ENTRY_FAILED", "STRIPPED"]
    assert rows[0]["declaration"] < rows[1]["declaration"]
    with Ledger.open(ledger) as book:
        assert book.live(pa.array([entry]))["declaration"].to_pylist() == [rows[1]["declaration"]]
        assert book.show().states == {"STRIPPED": first.packed_entries.num_rows, "ENTRY_FAILED": 1}
        assert book.verify().ok
