"""The whole loop: pack, CBP answers with failures, re-pack, until nothing is left; every entry ends explained."""

from __future__ import annotations

import csv
import datetime as dt
import os
import random
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pytest

import cape_engine
import cape_fixtures
from cape_engine import intake, rules
from cape_engine.ledger import Ledger
from cape_engine.settings import Settings
from cape_fixtures.scenarios import SCENARIOS
from packing.world import AS_OF, Portal, uploaded
from reference.liquidation import standing

pytestmark = pytest.mark.heavy

ENTRIES = int(os.environ.get("CAPE_TEST_ENTRIES", "100000"))
FAILING = 0.18
BELIEVED = {
    "summary_status": ("SUMMARY_NOT_ACCEPTED", "Accepted"),
    "statement_complete": ("STATEMENT_NOT_COMPLETE", True),
    "drawback_flag": ("ON_DRAWBACK", False),
    "adcvd_pending": ("ADCVD_PENDING", False),
    "surety_paid": ("SURETY_PAID", False),
}
"""Facts that CBP knows and the filer takes for granted, with the reason for which an entry then fails."""
SAID = {
    "SUMMARY_NOT_ACCEPTED": "ENTRY SUMMARY IS CANCELLED/REJECTED",
    "STATEMENT_NOT_COMPLETE": "STATEMENT PROCESSING NOT COMPLETE",
    "ON_DRAWBACK": "ENTRY ON DRAWBACK",
    "ADCVD_PENDING": "AD/CVD LIQUIDATION IS PENDING",
    "SURETY_PAID": "REFUND BELONGS TO THE SURETY",
}
"""CBP's words; the engine knows the first three, the others are new to it."""
LEARNED = {
    SAID["SUMMARY_NOT_ACCEPTED"]: ("summary_status", "Cancelled"),
    SAID["ON_DRAWBACK"]: ("drawback_flag", "Y"),
    SAID["ADCVD_PENDING"]: ("adcvd_pending", "Y"),
}
"""Words from which the filer learns a fact for the header file; an open statement is paid at once instead."""
LARGEST = 99_999_999_99
"""The largest duty that the record of a line holds; a few of the giant entries are above it, and cannot be read."""
RETRIED = "UNABLE TO CALCULATE DUTY"
MOST_ROUNDS = 6
CHECKED = 60
MAPPING = "file_name=File, entry_number=Entry Number, error_message=Reason"


@dataclass
class Truth:
    """What is so, whoever knows it: the generator's construction, and the 80 days counted by the slow twin.

    Attributes:
        made: the entries.
        paid: entries whose statement was paid since.
    """

    made: cape_fixtures.Generated
    paid: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        """Look up scenario and facts by entry number."""
        facts = self.made.headers.to_pylist()
        self.facts = {row["entry_number"]: row for row in facts}
        scenarios = {one.name: one for one in SCENARIOS}
        rows = self.made.expected.select(["entry_number", "scenario"]).to_pylist()
        self.scenario = {row["entry_number"]: scenarios[row["scenario"]] for row in rows}
        large = self.made.rows.filter(pc.greater(self.made.rows.column("duty_cents"), LARGEST))
        self.unread = set(large.column("entry_number").to_pylist())

    def reasons(self, entry: str, day: dt.date) -> set[str]:
        """Why CBP refuses an entry on a filing day; nothing for one that it accepts."""
        found = set(self.scenario[entry].reasons(day))
        liquidated = standing(self.facts[entry], day, day).liquidated
        if liquidated is not None and (day - liquidated).days > 80:
            found.add("FINAL_LIQUIDATION")
        found |= {"INPUT_REFUSED"} if entry in self.unread else set()
        return found - {"STATEMENT_NOT_COMPLETE"} if entry in self.paid else found


@dataclass
class Filer:
    """What the filer knows beside the export: facts learned from CBP's words, and entries to keep back."""

    folder: Path
    facts: dict[str, tuple[str, str]] = field(default_factory=dict)
    kept: set[str] = field(default_factory=set)

    def read(self, routed: pa.Table, truth: Truth) -> None:
        """Take in what failed: learn, pay, or keep back; the rest goes again as it is."""
        for row in routed.to_pylist():
            entry, message = row["entry_number"], row["message"]
            if message in LEARNED:
                self.facts[entry] = LEARNED[message]
            elif message == SAID["STATEMENT_NOT_COMPLETE"]:
                truth.paid.add(entry)
            elif row["hold"]:
                self.kept.add(entry)

    def files(self) -> tuple[Path | None, Path]:
        """The header file, if anything was learned, and the list of entries to keep back."""
        headers, hold = self.folder / "learned.csv", self.folder / "hold.csv"
        columns = sorted({column for column, _ in self.facts.values()})
        with headers.open("w", newline="") as stream:
            csv.writer(stream).writerows(
                [
                    ["entry_number", *columns],
                    *(
                        [entry, *(value if column == name else "" for column in columns)]
                        for entry, (name, value) in sorted(self.facts.items())
                    ),
                ]
            )
        hold.write_text("\n".join(["entry_number", *sorted(self.kept), ""]))
        return (headers if self.facts else None), hold


def store_of(made: cape_fixtures.Generated, folder: Path) -> Path:
    """The filer's store: the export as it is, the header file as he believes it."""
    headers = made.headers
    for name, (_, value) in BELIEVED.items():
        place = headers.column_names.index(name)
        headers = headers.set_column(place, name, pa.array([value] * headers.num_rows))
    believed = cape_fixtures.Generated(**{**vars(made), "headers": headers})
    files = cape_fixtures.write(believed, folder / "files", format="parquet", layout="canonical")
    intake.build_store(
        files.rows,
        folder / "store",
        headers=(files.headers,),
        mapping=None,
        ruleset=rules.load(),
        settings=Settings.build(),
    )
    return folder / "store"


def same_check(paths: list[Path], store: Path, headers: Path, ledger: Path, truth: Truth) -> None:
    """Our own check, with the facts that CBP has, says of packed declarations what is so by construction."""
    mine = [path for path in paths if path.name.startswith("CAPE_555_")][:CHECKED]
    result = cape_engine.check(mine, store=store, headers=headers, ledger=ledger, as_of=AS_OF, as_filer="555")
    assert set(result.declarations.column("recorded").to_pylist()) == {"packed"}
    rows = result.claimed_entries.select(["entry_number", "reason_codes"]).to_pylist()
    assert {row["entry_number"]: set(row["reason_codes"]) for row in rows} == {
        row["entry_number"]: truth.reasons(row["entry_number"], AS_OF) for row in rows
    }
    assert any(row["reason_codes"] for row in rows)


def refuse(paths: list[Path], path: Path) -> int:
    """CBP's Validation Result File that refuses declarations whole; how many entries they hold."""
    path.write_text("\n".join(["File,Entry Number,Reason", *(f"{one.name},,Upload is damaged" for one in paths)]))
    return sum(len(one.read_bytes().split(b"\r\n")) - 2 for one in paths)


def test_round_trip__until_nothing_is_left(tmp_path: Path) -> None:
    """Every entry ends stripped on one live claim, or left out for exactly the reasons that are so; nothing eligible.

    CBP judges by construction: facts that the filer does not know fail an entry, and up to 18 % of the entries fail as
    `UNABLE TO CALCULATE DUTY`, of which three in four clear on retry.
    """
    made = cape_fixtures.generate(ENTRIES, seed=5, as_of=AS_OF, mix="all_rules")
    store, truth, filer, draw = store_of(made, tmp_path), Truth(made), Filer(tmp_path), random.Random(4)
    known = cape_fixtures.write(made, tmp_path / "known", format="parquet", layout="canonical").headers
    ledger, out, portal = tmp_path / "claims.db", tmp_path / "out", Portal()
    stuck: set[str] = set()
    sent: Counter[str] = Counter()
    rounds, day = 0, AS_OF
    for rounds in range(MOST_ROUNDS):
        day = AS_OF + dt.timedelta(days=rounds)
        headers, hold = filer.files()
        result = cape_engine.pack(store, ledger=ledger, out=out, as_of=day, headers=headers, hold=hold)
        listed = result.packed_entries.column("entry_number").to_pylist()
        if not listed:
            break
        assert len(set(listed)) == len(listed)
        paths = uploaded(out, result)
        portal.failures = {number: SAID[min(why)] for number in listed if (why := truth.reasons(number, day))}
        if rounds == 0:
            same_check(paths, store, known, ledger, truth)
            fine = [number for number in listed if number not in portal.failures]
            missing = int(FAILING * len(listed)) - len(portal.failures)
            unable = draw.sample(fine, missing)
            stuck = set(unable[: missing // 4])
            portal.failures |= dict.fromkeys(unable, RETRIED)
            assert len(portal.failures) == int(FAILING * len(listed))
            damaged, paths = paths[:3], paths[3:]
            settings = {"reports.columns.validation_result": MAPPING}
            count = refuse(damaged, tmp_path / "refused.csv")
            told = cape_engine.answers(tmp_path / "refused.csv", ledger=ledger, as_of=day, settings=settings)
            assert told.answers.num_rows == count
        else:
            portal.failures |= dict.fromkeys(stuck & set(listed), RETRIED)
        failed = portal.answer(paths, tmp_path / "details.csv")
        told = cape_engine.answers(tmp_path / "details.csv", ledger=ledger, out=tmp_path / "answers", as_of=day)
        assert told.manifest["counts"]["failed"] == told.routed.num_rows == failed
        filer.read(told.routed, truth)
        sent.update(listed)
    assert 2 <= rounds < MOST_ROUNDS - 1
    assert max(sent.values()) == 2
    assert {"HELD_BACK", "FINAL_LIQUIDATION"} <= set(result.manifest["counts"]["reasons"])
    explained(result, truth, filer, day, ledger)


def explained(last: cape_engine.PackResult, truth: Truth, filer: Filer, day: dt.date, ledger: Path) -> None:
    """Each entry is once in the last list: held by one live claim, or with the reasons of that day and a way on."""
    every = truth.made.expected.column("entry_number").to_pylist()
    rows = {row["entry_number"]: row for row in last.left_out.to_pylist()}
    assert last.packed_entries.num_rows == 0
    assert last.left_out.num_rows == len(rows) == len(every) == ENTRIES
    assert set(rows) == set(every)
    with Ledger.open(ledger) as book:
        report, shown, live = book.verify(), book.show(), book.live()
    assert report.ok, report.problems
    claims = dict(zip(*(live.column(name).to_pylist() for name in ("entry_number", "declaration")), strict=True))
    assert len(claims) == live.num_rows == shown.live == shown.states["STRIPPED"]
    assert set(shown.states) == {"STRIPPED", "ENTRY_FAILED", "FILE_REJECTED"}
    wrong = {}
    for entry, row in rows.items():
        reasons = set(row["reason_codes"])
        if entry in claims:
            found = (row["state"], row["declaration"], "DUPLICATE_CLAIM" in reasons)
            right = found == ("STRIPPED", claims[entry], True) and entry not in filer.kept
        else:
            unknown = {reason for reason, _ in BELIEVED.values()}
            learned = {reason for name, (reason, _) in BELIEVED.items() if filer.facts.get(entry, ("",))[0] == name}
            wanted = truth.reasons(entry, day) - unknown | learned | ({"HELD_BACK"} if entry in filer.kept else set())
            right = bool(reasons) and reasons == wanted and row["state"] is None
        if not (right and row["route"] and row["what_to_do"]):
            wrong[entry] = (truth.scenario[entry].name, row)
    assert not wrong, list(wrong.items())[:5]
    assert pc.all(pc.is_valid(last.left_out.column("messages"))).as_py()
