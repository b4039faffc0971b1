"""Declarations into the ledger: once, whole, and nothing claimed twice."""

from __future__ import annotations

import dataclasses
import datetime as dt
from collections.abc import Callable, Sequence
from pathlib import Path

import pyarrow as pa
import pytest

from cape_engine.errors import UsageError
from cape_engine.ledger import Ledger, Status, Submission

Numbers = Callable[..., list[str]]
Submit = Callable[..., Submission]
LATER = dt.date(2026, 6, 1)


def _states(ledger: Ledger, declaration: int) -> dict[str, str]:
    """State of each entry on a declaration."""
    found = ledger.claims(declaration=declaration)
    return dict(zip(found["entry_number"].to_pylist(), found["state"].to_pylist(), strict=True))


def test_record__new(url: str, numbers: Numbers, submit: Submit) -> None:
    """A declaration gets a number and a claim number of 12 digits, its entries their states and every step there."""
    entries = numbers(4)
    with Ledger.open(url) as ledger:
        made = ledger.record(submit(entries, ["ACCEPTED", "ENTRY_FAILED", "ACCEPTED", "DECLARED"]))
        assert (made.declaration, made.new, made.claim_number, made.entries) == (1, True, "100000000001", 4)
        assert made.duplicates.num_rows == 0
        assert _states(ledger, 1) == dict(
            zip(entries, ["ACCEPTED", "ENTRY_FAILED", "ACCEPTED", "DECLARED"], strict=True)
        )
        assert ledger.live()["entry_number"].to_pylist() == sorted([entries[0], entries[2], entries[3]])
        assert sorted(ledger.live_numbers().to_pylist()) == ledger.live()["entry_number"].to_pylist()
        steps = ledger.history(entries[1])
        assert steps["from_state"].to_pylist() == ["FILED", "DECLARED", "CLAIMED"]
        assert steps["to_state"].to_pylist() == ["DECLARED", "CLAIMED", "ENTRY_FAILED"]
        assert ledger.verify().ok


def test_record__same_again(url: str, numbers: Numbers, submit: Submit) -> None:
    """The same file of the same filer and account changes nothing, adds no link, and says so."""
    with Ledger.open(url) as ledger:
        ledger.record(submit(numbers(3)))
        before = ledger.show()
        again = ledger.record(submit(numbers(3)))
        assert (again.new, again.declaration, again.claim_number) == (False, 1, "100000000001")
        assert "nothing changed" in again.message
        assert ledger.show() == before


def test_record__same_again_on_another_day(url: str, numbers: Numbers, submit: Submit) -> None:
    """While an entry of it is on a live claim, the same file stays the same declaration on every later day."""
    with Ledger.open(url) as ledger:
        ledger.record(submit(numbers(3), ["ACCEPTED", "ENTRY_FAILED", "ENTRY_FAILED"]))
        assert not ledger.record(submit(numbers(3), "ACCEPTED", on_day=LATER)).new


def test_record__new_attempt(url: str, numbers: Numbers, submit: Submit) -> None:
    """A file whose entries all failed may come again on a later day: a declaration and a claim of its own."""
    with Ledger.open(url) as ledger:
        ledger.record(submit(numbers(2), "ENTRY_FAILED", status="Rejected"))
        assert not ledger.record(submit(numbers(2), "ENTRY_FAILED", status="Rejected")).new
        again = ledger.record(submit(numbers(2), "ACCEPTED", on_day=LATER))
        assert (again.new, again.declaration, again.claim_number) == (True, 2, "100000000002")
        assert ledger.history(numbers(1)[0])["declaration"].to_pylist() == [1, 1, 1, 2, 2, 2]
        assert ledger.verify().ok


def test_record__other_filer(url: str, numbers: Numbers, submit: Submit) -> None:
    """The same bytes from another filer are another declaration, and its entries are held already."""
    with Ledger.open(url) as ledger:
        ledger.record(submit(numbers(3)))
        other = ledger.record(submit(numbers(3), filer="XYZ"))
        assert other.new
        assert other.duplicates["declaration"].to_pylist() == [1, 1, 1]
        assert set(_states(ledger, 2).values()) == {"ENTRY_FAILED"}
        assert ledger.history(numbers(1)[0])["reason"].to_pylist()[-1] == "DUPLICATE_CLAIM"


def test_record__some_held(url: str, numbers: Numbers, submit: Submit) -> None:
    """Only the entries that another live claim holds fail; one that failed there is free."""
    first, second = numbers(4), numbers(6)
    with Ledger.open(url) as ledger:
        ledger.record(submit(first, ["ACCEPTED", "DECLARED", "ENTRY_FAILED", "FILE_REJECTED"]))
        made = ledger.record(submit(second, file="b"))
        assert made.duplicates["entry_number"].to_pylist() == sorted(first[:2])
        assert made.duplicates["claim_number"].to_pylist() == ["100000000001"] * 2
        states = _states(ledger, made.declaration)
        assert [states[entry] for entry in second] == ["ENTRY_FAILED"] * 2 + ["ACCEPTED"] * 4
        assert ledger.verify().ok


def test_record__refused_file(url: str, submit: Submit, numbers: Numbers) -> None:
    """A refused file may come without entries, gets no claim number, and is known when it comes again."""
    empty = dataclasses.replace(submit([]), entries=pa.table({}), status="Failed initial validation")
    with Ledger.open(url) as ledger:
        made = ledger.record(empty)
        assert (made.claim_number, made.entries, made.status) == (None, 0, "Failed initial validation")
        assert not ledger.record(empty).new
        refused = ledger.record(submit(numbers(2), "FILE_REJECTED", file="b", status="Rejected by batch validation"))
        assert refused.claim_number is None
        assert ledger.live().num_rows == 0
        assert ledger.show().statuses == {"Failed initial validation": 1, "Rejected by batch validation": 1}


def test_record__principal(url: str, numbers: Numbers, submit: Submit) -> None:
    """What live claims ask back adds up; an unknown principal counts as nothing and stays unknown."""
    with Ledger.open(url) as ledger:
        ledger.record(submit(numbers(3), ["ACCEPTED", "ENTRY_FAILED", "ACCEPTED"]))
        ledger.record(submit(numbers(2, start=50), file="b", cents=None))
        assert ledger.show().principal_cents == 2_000_00
        assert ledger.verify().ok


def test_record__claim_number_of_cbp(url: str, numbers: Numbers, submit: Submit) -> None:
    """A claim number of CBP's is kept, found again, and never shared by two declarations."""
    with Ledger.open(url) as ledger:
        ledger.record(submit(numbers(1), claim_number="100000000002"))
        assert ledger.declared(claim_number="100000000002")["declaration"].to_pylist() == [1]
        with pytest.raises(UsageError, match="claim number 100000000002 belongs to another declaration"):
            ledger.record(submit(numbers(1, start=9), file="b", claim_number="100000000002"))
        own = ledger.record(submit(numbers(1, start=9), file="b"))
        assert own.claim_number == "100000000003"


def test_declared__by_hash(url: str, numbers: Numbers, submit: Submit) -> None:
    """A declaration is found by the hash of its file, with its present status."""
    made = submit(numbers(2))
    with Ledger.open(url) as ledger:
        assert ledger.declared(made.file_sha256).num_rows == 0
        ledger.record(made)
        found = ledger.declared(made.file_sha256).to_pylist()
        assert [(row["file_name"], row["declared_entries"], row["filed_on"]) for row in found] == [
            ("a.csv", 2, dt.date(2026, 5, 4))
        ]
        assert ledger.declared("0" * 64).num_rows == 0


@pytest.mark.parametrize(
    ("entries", "states", "words"),
    [
        (["ABC12345676", "ABC12345676"], "ACCEPTED", "entry ABC12345676 stands twice"),
        (["ABC1234567"], "ACCEPTED", "'ABC1234567' is not an entry number of 11 characters"),
        (["abc12345676"], "ACCEPTED", "'abc12345676' is not an entry number"),
        (["АBC12345676"], "ACCEPTED", "is not an entry number"),  # noqa: RUF001 - a Cyrillic letter is the case
        (["ABC12345676"], "PAID", "'PAID' is not a state of an entry; the states are FILED, DECLARED"),
        (["ABC12345676"], "FILED", "no road leads from FILED to FILED"),
    ],
)
def test_record__refused(url: str, submit: Submit, entries: Sequence[str], states: str, words: str) -> None:
    """What cannot be an entry on a claim is refused by name, and nothing of the declaration stays."""
    with Ledger.open(url) as ledger:
        with pytest.raises(UsageError, match=words):
            ledger.record(submit(entries, states))
        assert ledger.show().links == 0
        assert ledger.declared().num_rows == 0


def test_record__odd_fields(url: str, submit: Submit, numbers: Numbers) -> None:
    """Account, hash, claim number and columns are tested at the door."""
    good = submit(numbers(1))
    bad = [
        (dataclasses.replace(good, account="agent"), "account 'agent' is not one of importer, filer, broker"),
        (dataclasses.replace(good, file_sha256="abc"), "not 64 hexadecimal digits"),
        (dataclasses.replace(good, claim_number="17"), "claim number '17' is not 12 digits"),
        (dataclasses.replace(good, entries=pa.table({"state": ["ACCEPTED"]})), "need the column entry_number"),
        (
            dataclasses.replace(good, entries=good.entries.append_column("note", pa.array(["x"]))),
            "unknown column note of a submission",
        ),
    ]
    with Ledger.open(url) as ledger:
        for submission, words in bad:
            with pytest.raises(UsageError, match=words):
                ledger.record(submission)


def test_record__control_characters(url: str, submit: Submit, numbers: Numbers) -> None:
    """Line feeds and separators in names and reasons become blanks, so that no text can pass for two rows."""
    made = dataclasses.replace(
        submit(numbers(1), "ENTRY_FAILED", reasons=["a\x1fb\nc"]), file_name="x\ny.csv", submitter="A\x1fBC"
    )
    with Ledger.open(url) as ledger:
        ledger.record(made)
        assert ledger.history(numbers(1)[0])["reason"].to_pylist()[-1] == "a b c"
        assert ledger.declared()["file_name"].to_pylist() == ["x y.csv"]
        assert ledger.verify().ok


def test_transaction__all_or_nothing(url: str, submit: Submit, numbers: Numbers) -> None:
    """Calls inside one transaction are one link; if the last one fails, none of them counts."""
    with Ledger.open(url) as ledger:
        with ledger.transaction():
            ledger.record(submit(numbers(2)))
            ledger.register_run(
                "out", kind="check", result_hash="r", manifest_sha256="m", totals={"entries": 2}, on_day=LATER
            )
        assert (ledger.show().links, ledger.show().runs) == (1, 1)

        def both() -> None:
            with ledger.transaction():
                ledger.record(submit(numbers(2, start=30), file="b"))
                ledger.move(pa.array(numbers(1)), "NOWHERE", on_day=LATER, who="test")

        with pytest.raises(UsageError, match="NOWHERE"):
            both()
        assert (ledger.show().links, ledger.show().declarations) == (1, 1)
        assert ledger.verify().ok


def test_register_run__once(url: str) -> None:
    """The same results are registered once; money that is no whole number of cents is refused."""
    with Ledger.open(url) as ledger:
        given = {"kind": "check", "result_hash": "r", "manifest_sha256": "m", "on_day": LATER}
        assert ledger.register_run("out", totals={"principal_cents": 12}, **given)  # type: ignore[arg-type]  # a mapping of keywords
        assert not ledger.register_run("elsewhere", totals={"principal_cents": 12}, **given)  # type: ignore[arg-type]  # as above
        with pytest.raises(UsageError, match="total cents is not a whole number"):
            ledger.register_run("out", totals={"cents": 1.5}, **{**given, "kind": "pack"})  # type: ignore[arg-type, dict-item]  # as above
        assert ledger.show().runs == 1


def test_set_status__history(url: str, submit: Submit, numbers: Numbers) -> None:
    """A new status or CBP's claim number stands beside the old one; the same again changes nothing."""
    with Ledger.open(url) as ledger:
        ledger.record(submit(numbers(2), "DECLARED", status="not started"))
        first = ledger.declared().to_pylist()[0]
        assert (first["declaration_status"], first["claim_number"]) == ("not started", None)
        told = {"on_day": LATER, "who": "cbp", "claim_number": "300000000001"}
        assert ledger.set_status(1, "Accepted", **told)  # type: ignore[arg-type]  # a mapping of keywords
        assert not ledger.set_status(1, "Accepted", **told)  # type: ignore[arg-type]  # as above
        assert ledger.live()["claim_number"].to_pylist() == ["300000000001"] * 2
        with pytest.raises(UsageError, match="there is no declaration 7"):
            ledger.set_status(7, "Accepted", on_day=LATER, who="cbp")
        assert ledger.verify().ok


def test_set_statuses__together(url: str, submit: Submit, numbers: Numbers) -> None:
    """Many statuses are one link; a claim number is never given to two, and a declaration stands once."""
    with Ledger.open(url) as ledger:
        ledger.record_many([submit([entry], "DECLARED", file=str(at)) for at, entry in enumerate(numbers(100))])
        wanted = [Status(home, "Accepted", f"3{home:011d}") for home in range(1, 101)]
        assert ledger.set_statuses(wanted, on_day=LATER, who="cbp") == [True] * 100
        assert ledger.show().links == 2
        assert ledger.set_statuses([*wanted[:2], Status(3, "Rejected")], on_day=LATER, who="cbp") == [
            False,
            False,
            True,
        ]
        assert ledger.declared()["claim_number"].to_pylist() == [one.claim_number for one in wanted]
        for bad, words in (
            ([wanted[0], wanted[0]], "stands twice"),
            ([Status(1, "Accepted", "300000000002")], "belongs to another"),
            ([Status(101, "Accepted")], "there is no declaration 101"),
            ([Status(1, "x", "400000000001"), Status(2, "x", "400000000001")], "belongs to another"),
        ):
            with pytest.raises(UsageError, match=words):
                ledger.set_statuses(bad, on_day=LATER, who="cbp")
        assert ledger.show().statuses == {"Accepted": 99, "Rejected": 1}
        assert ledger.verify().ok


def test_claims__of_entries(tmp_path: Path, submit: Submit, numbers: Numbers) -> None:
    """Every claim of entries is found, whether few are asked, or so many that all claims are read."""
    with Ledger.open(tmp_path / "claims.db") as ledger:
        for day in range(4, 9):
            one = submit(numbers(40), "ENTRY_FAILED", on_day=dt.date(2026, 5, day))
            assert ledger.record(one).new
        for size in (1, 39, 40):
            found = ledger.claims(entry_numbers=pa.array(numbers(size)))
            assert found.num_rows == 5 * size
            assert set(found["entry_number"].to_pylist()) == set(numbers(size))


def test_live__looks_only_for_the_entries(tmp_path: Path, numbers: Numbers, submit: Submit) -> None:
    """Ten entries are looked up, dead claims too, without a walk over the ledger: SQLite counts its own steps."""
    with Ledger.open(tmp_path / "claims.ledger") as ledger:
        ledger.record(submit(numbers(9_999)))
        wanted, steps = pa.array(numbers(10)), [0]

        def step() -> int:
            steps[0] += 1
            return 0

        connection = ledger._database._connection  # type: ignore[attr-defined]  # nothing else counts steps
        connection.set_progress_handler(step, 10)
        assert (ledger.live(wanted).num_rows, ledger.claims(entry_numbers=wanted).num_rows) == (10, 10)
        connection.set_progress_handler(None, 0)
    assert steps[0] < 300, "a walk takes 9,999 steps and more"
