"""NACHA files: every position and control total, several files and batches, prenotes, read back by another reader."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import pyarrow as pa
import pytest
from ach.parser import Parser
from hypothesis import given
from hypothesis import strategies as st

import cape_engine
from cape_engine.errors import UsageError
from cape_engine.refund.payment_files import Instructing, names, read_accounts
from cape_engine.refund.payment_files.bank_file import WrittenFile
from cape_engine.refund.payment_files.nacha import MODIFIERS, Limits, NachaWriter
from cape_engine.refund.payment_files.nacha_records import cells
from cape_engine.refund.payment_files.originator import read_originator
from cape_engine.settings import Settings
from payment_files.made import (
    ACCENTED,
    DAY,
    GOOD,
    ON,
    ORIGINATOR,
    PLAIN,
    ROUTING,
    SAVINGS,
    account,
    bank_files,
    importers_file,
    made_files,
    originator_file,
    payments,
)
from reference import nacha as reader


def writer(folder: Path, **options: object) -> tuple[NachaWriter, Instructing]:
    """A writer to the three recipients that can be paid, and what makes instructions for it."""
    accounts, _ = read_accounts([importers_file(folder / "importers.csv")], settings=Settings.build())
    originator = read_originator(originator_file(folder / "originator.toml")).nacha
    assert originator is not None
    made = cells(accounts, names.spelt(accounts.names, names.NACHA).texts)
    effective = dt.date(2026, 6, 23)
    out = NachaWriter(folder, originator, made, on=ON, effective=effective, **options)  # type: ignore[arg-type]
    return out, Instructing(accounts)


def read(folder: Path, files: list[WrittenFile]) -> list[reader.File]:
    """The files by the strict reader."""
    return [reader.read((folder / file.name).read_bytes()) for file in files]


def test_files__every_position(tmp_path: Path) -> None:
    """Two parts of 107,135,690.90 (D14), one to a savings account: records exactly as the handbook lays them out."""
    table = payments(
        [(GOOD, 9_999_999_999, "ready"), (GOOD, 713_569_091, "ready"), (SAVINGS, 5, "ready")],
        parts=[(1, 2), (2, 2), (1, 1)],
    )
    result = made_files(tmp_path, table)
    [file] = bank_files(result)
    one = "CAPE REFUND 12-345678900 2026-06-18 00000000000000000000"
    two = "CAPE REFUND 98-765432100 2026-06-18 00000000000000000002"
    lines = [
        "101 12345678019999999992606220000A094101TEST RECEIVING BANK    TEST ORIGINATOR        " + " " * 8,
        "5220TEST PAYER                          1999999999CCDREFUND    260622260623   2876543210000001",
        "62212345678000012345678      999999999912-345678900   ACME IMPORTS            1876543210000001",
        f"705{one:<80}00010000001",
        "62212345678000012345678      071356909112-345678900   ACME IMPORTS            1876543210000002",
        f"705{one:<80}00010000002",
        "6321234567809876543210-1     000000000598-765432100   WIDGETS & SONS INCORPO  1876543210000003",
        f"705{two:<80}00010000003",
    ]
    found = file.read_text(encoding="ascii").split("\n")
    assert found[:8] == lines
    # 3 entries with addenda, hash 3 x 12,345,678, credits 107,135,690.95
    assert found[8] == f"8220{6:06d}{3 * 12_345_678:010d}{0:012d}{10_713_569_095:012d}1999999999{'':25}876543210000001"
    assert found[9] == f"9{1:06d}{1:06d}{6:08d}{3 * 12_345_678:010d}{0:012d}{10_713_569_095:012d}{'':39}"
    assert found[10:] == [""], "ten records are one block: no filling"
    assert [entry.cents for entry in reader.read(file.read_bytes()).entries()] == [9_999_999_999, 713_569_091, 5]


def test_files__blocks_are_filled_with_nines(tmp_path: Path) -> None:
    """Six records and four lines of 9 make a block of ten."""
    [file] = bank_files(made_files(tmp_path, payments([(GOOD, 1, "ready")])))
    assert file.read_text(encoding="ascii").split("\n")[6:] == ["9" * 94] * 4 + [""]
    assert file.stat().st_mode & 0o077 == 0, "only its owner reads a bank file"


@given(
    amounts=st.lists(st.integers(1, 500) | st.just(1000), min_size=8, max_size=60),
    batch=st.integers(1, 7),
    most=st.integers(2, 30),
    cut=st.integers(1, 9),
)
def test_writer__limits_and_controls(
    tmp_path_factory: pytest.TempPathFactory, amounts: list[int], batch: int, most: int, cut: int
) -> None:
    """However payments come and whatever fits: every total is right, no limit is passed, no file closes too early."""
    folder = tmp_path_factory.mktemp("limits")
    out, instructing = writer(folder, limits=Limits(total_cents=1500, batch_entries=batch, file_entries=most))
    who = [(GOOD, SAVINGS, ACCENTED)[place % 3] for place in range(len(amounts))]
    table = payments([(name, cents, "ready") for name, cents in zip(who, amounts, strict=True)])
    traces: list[str] = []
    for begin in range(0, len(amounts), cut):
        traces += out.add(instructing.take(table.slice(begin, cut))[0]).texts().to_pylist()
    written = out.finish()
    files = read(folder, written)
    entries = [entry for file in files for entry in file.entries()]
    assert [(one.cents, one.account) for one in entries] == [
        (cents, PLAIN[name]) for cents, name in zip(amounts, who, strict=True)
    ]
    assert [one.trace for one in entries] == traces == [f"87654321{place + 1:07d}" for place in range(len(amounts))]
    sums = [sum(one.cents for one in file.entries()) for file in files]
    assert sums == [file.total_cents for file in written]
    for place, (file, total) in enumerate(zip(files, sums, strict=True)):
        assert total <= 1500
        assert len(file.entries()) <= most
        assert all(len(one.entries) <= batch for one in file.batches)
        assert all(len(one.entries) == batch for one in file.batches[:-1]), "a batch ends when it is full"
        if place + 1 < len(files):
            following = files[place + 1].entries()[0].cents
            assert total + following > 1500 or len(file.entries()) == most, "a file ends when the next does not fit"
    assert [file.modifier for file in files] == list((MODIFIERS * 2)[: len(files)])


def test_writer__real_caps(tmp_path: Path) -> None:
    """A new file begins before the credits pass 9,999,999,999.99."""
    out, instructing = writer(tmp_path)
    table = payments([(GOOD, 9_999_999_999, "ready")] * 201)
    out.add(instructing.take(table)[0])
    files = read(tmp_path, out.finish())
    assert [len(file.entries()) for file in files] == [100, 100, 1]


@pytest.mark.parametrize(
    ("amounts", "files"), [((1000, 500), 1), ((1000, 501), 2), ((1000, 500, 1), 2), ((1500, 1500), 2)]
)
def test_writer__a_total_may_reach_the_cap(tmp_path: Path, amounts: tuple[int, ...], files: int) -> None:
    """The last cent that the total can hold is used, and not one more."""
    out, instructing = writer(tmp_path, limits=Limits(total_cents=1500))
    out.add(instructing.take(payments([(GOOD, cents, "ready") for cents in amounts]))[0])
    assert len(read(tmp_path, out.finish())) == files


def test_writer__modifiers_then_minutes(tmp_path: Path) -> None:
    """The 37th file of a day begins with A again, one minute later; a call may go on where another ended."""
    out, instructing = writer(tmp_path, limits=Limits(file_entries=1), first_file=34, first_trace=500)
    out.add(instructing.take(payments([(GOOD, 1, "ready")] * 3))[0])
    written = out.finish()
    files = read(tmp_path, written)
    assert [(file.modifier, file.created[-4:]) for file in files] == [("8", "0000"), ("9", "0000"), ("A", "0001")]
    assert [file.entries()[0].trace[-7:] for file in files] == ["0000500", "0000501", "0000502"]
    assert [file.facts["first_trace"] for file in written] == [file.facts["last_trace"] for file in written]
    assert [file.name for file in written] == [f"nacha-20260622-0{number}.ach" for number in (35, 36, 37)]


def test_writer__traces_end(tmp_path: Path) -> None:
    """Seven digits number the entries of a day; what does not fit is refused, not numbered twice."""
    out, instructing = writer(tmp_path, first_trace=9_999_999)
    ready, _ = instructing.take(payments([(GOOD, 1, "ready")] * 2))
    with pytest.raises(UsageError, match="9,999,999 trace numbers"):
        out.add(ready)


def test_files__prenotes_carry_no_money(tmp_path: Path) -> None:
    """One entry over nothing for each account, codes 23 and 33; the payments wait, and the manifest says so."""
    table = payments([(GOOD, 5, "ready"), (SAVINGS, 6, "ready"), (GOOD, 7, "ready"), ("77-1", 9, "ready")])
    result = made_files(tmp_path, table, prenotes=True)
    [file] = bank_files(result)
    entries = reader.read(file.read_bytes()).entries()
    assert [(one.code, one.cents, one.addenda) for one in entries] == [("23", 0, None), ("33", 0, None)]
    assert result.manifest["totals_cents"] == {"given": 27, "written": 0, "held": 9, "waiting": 18}


@pytest.mark.parametrize(("word", "end"), [("lf", b"\n"), ("crlf", b"\r\n"), ("none", b"")])
def test_files__line_ends(tmp_path: Path, word: str, end: bytes) -> None:
    """Banks differ on line ends; records stay 94 characters."""
    text = ORIGINATOR.replace('odfi = "87654321"', f'odfi = "01234567"\nline_end = "{word}"')
    result = made_files(tmp_path, payments([(GOOD, 1, "ready")]), originator=text)
    [file] = bank_files(result)
    [entry] = reader.read(file.read_bytes(), end).entries()
    assert entry.trace == "012345670000001", "a bank's leading zero stays"
    shown = pa.parquet.read_table(result.folder / "instructions.parquet").column("trace").to_pylist()
    assert shown == [entry.trace]


def test_files__another_reader_agrees(tmp_path: Path) -> None:
    """carta-ach reads the same amounts, accounts, traces, names and references."""
    rows = [(GOOD, 9_999_999_999, "ready"), (SAVINGS, 12, "ready"), (ACCENTED, 345, "ready")]
    [file] = bank_files(made_files(tmp_path, payments(rows)))
    found = Parser(file.read_text(encoding="ascii")).as_dict()
    entries = [entry["entry_detail"] for batch in found["batches"] for entry in batch["entries"]]
    assert [int(one["amount"]) for one in entries] == [cents for _, cents, _ in rows]
    assert [one["dfi_acnt_num"].rstrip() for one in entries] == [PLAIN[name] for name, _, _ in rows]
    assert [one["recv_dfi_id"] + one["check_digit"] for one in entries] == [ROUTING] * 3
    assert [one["trace_num"] for one in entries] == [f"87654321{place:07d}" for place in (1, 2, 3)]
    assert [one["ind_name"].rstrip() for one in entries] == [
        "ACME IMPORTS",
        "WIDGETS & SONS INCORPO",
        "MULLER STRASSE LODZ .",
    ]
    notes = [one["addenda"][0]["pmt_rel_info"].rstrip() for batch in found["batches"] for one in batch["entries"]]
    assert notes[1] == f"CAPE REFUND {SAVINGS} {DAY} 00000000000000000001"
    assert int(found["file_control"]["credit_amount"]) == sum(cents for _, cents, _ in rows)
    assert int(found["file_control"]["entry_hash"]) == 3 * 12_345_678


def test_reader__finds_a_changed_byte(tmp_path: Path) -> None:
    """The strict reader is strict: an amount, a hash or a missing line is noticed."""
    [file] = bank_files(made_files(tmp_path, payments([(GOOD, 1234, "ready")])))
    good = file.read_bytes()
    reader.read(good)
    for bad in (
        good.replace(b"0000001234", b"0000001235", 1),
        good.replace(b"220000002", b"220000003", 1),
        good[95:],
        good[:-95],
        good.replace(b"12345678000012345678", b"12345678100012345678", 1),
    ):
        with pytest.raises(reader.Wrong):
            reader.read(bad)


def test_effective__next_day_of_the_federal_reserve(tmp_path: Path) -> None:
    """2026-07-02 is a Thursday: Friday the 3rd is open (a Saturday holiday is not moved); Monday the 6th comes next."""
    for on, expected in ((dt.date(2026, 7, 2), "260703"), (dt.date(2026, 7, 3), "260706")):
        result = made_files(tmp_path, payments([(GOOD, 1, "ready")]), on=on)
        assert reader.read(bank_files(result)[0].read_bytes()).batches[0].effective == expected
    for bad in ("2026-07-05", "2026-06-19", "2026-06-18", "2099-01-01"):
        with pytest.raises(UsageError, match=r"Federal Reserve|not after|calendar"):
            made_files(tmp_path, payments([(GOOD, 1, "ready")]), effective=bad)


def test_files__nothing_to_pay_makes_no_file(tmp_path: Path) -> None:
    """A run whose payments are all held gives held.csv and no bank file."""
    result = made_files(tmp_path, payments([(GOOD, 3, "held_no_interest_rate")]), importers=[account(GOOD)])
    assert bank_files(result) == []
    assert result.manifest["totals_cents"] == {"given": 3, "written": 0, "held": 3, "waiting": 0}
    assert cape_engine.FilesResult is type(result)
