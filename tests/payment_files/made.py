"""Made-up accounts, payments, originators and runs for tests of payment files; no number is anybody's."""

from __future__ import annotations

import csv
import datetime as dt
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa

import cape_engine
from cape_engine.outputs.files import write_results
from cape_engine.pipeline.paying import FilesResult
from cape_engine.schema import results as r
from cape_engine.schema.facts import IMPORTERS_FILE

ON = dt.date(2026, 6, 22)
DAY = dt.date(2026, 6, 18)
ROUTING = "123456780"
GOOD, SAVINGS, ACCENTED = "12-345678900", "98-765432100", "55-555555500"
PLAIN = {GOOD: "00012345678", SAVINGS: "9876543210-1", ACCENTED: "4455667788"}
"""Account numbers of the three recipients that can be paid."""
NAMES = {GOOD: "Acme Imports", SAVINGS: "Widgets & Sons Incorporated of Delaware", ACCENTED: "Müller Straße Łódź 株"}
ORIGINATOR = """\
[nacha]
destination = "123456780"
destination_name = "TEST RECEIVING BANK"
origin = "1999999999"
origin_name = "TEST ORIGINATOR"
company_name = "TEST PAYER"
company_id = "1999999999"
description = "REFUND"
originator_status = "2"
odfi = "87654321"

[pain]
initiating_party = "Test Payer"
debtor_name = "Test Payer"
debtor_routing = "123456780"
debtor_account = "000111222333"
"""
Payment = tuple[str, int, str]
"""Recipient, cents and status."""


def routing(first: str) -> str:
    """A routing number that passes: eight digits and their check digit."""
    return first + str(-sum(int(d) * w for d, w in zip(first, (3, 7, 1) * 3, strict=False)) % 10)


def importers_file(path: Path, rows: Sequence[Mapping[str, str]] | None = None) -> Path:
    """An importers file; without rows, the three recipients that can be paid."""
    if rows is None:
        rows = [account(number) for number in PLAIN]
    with path.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.DictWriter(stream, [str(column) for column in IMPORTERS_FILE])
        writer.writeheader()
        writer.writerows(rows)
    return path


def account(number: str, **changes: str) -> dict[str, str]:
    """A row of the importers file, by default one that can be paid to."""
    row = {
        "importer_number": number,
        "importer_kind": "corporate",
        "ach_enrolled": "Y",
        "routing_number": ROUTING,
        "account_number": PLAIN.get(number, "000777888999"),
        "account_kind": "savings" if number == SAVINGS else "checking",
        "name": NAMES.get(number, "Some Importer"),
    }
    return row | changes


def payments(rows: Sequence[Payment], *, parts: Sequence[tuple[int, int]] | None = None) -> pa.Table:
    """Payments of a run, in order."""
    parts = parts or [(1, 1)] * len(rows)
    columns = (
        [f"{place:020X}" for place in range(len(rows))],
        [recipient for recipient, _, _ in rows],
        [DAY] * len(rows),
        [part for part, _ in parts],
        [of for _, of in parts],
        [cents for _, cents, _ in rows],
        [status for _, _, status in rows],
    )
    fields = r.RESULT_PAYMENTS_SCHEMA
    return pa.table([pa.array(column) for column in columns], names=fields.names).cast(fields)


def many(count: int, recipients: int, *, seed: int = 6) -> tuple[list[dict[str, str]], pa.Table]:
    """(rows of an importers file, payments): made by rule, all of them ready."""
    random = np.random.default_rng(seed)
    digits = random.integers(0, 10, (recipients, 6))
    rows = [
        account(
            f"12-{place:07d}00",
            routing_number=routing("12" + "".join(map(str, digits[place].tolist()))),
            account_number=str(100_000_000 + place * 7),
            account_kind="savings" if place % 3 == 0 else "checking",
            name=f"{place} Importers Incorporated",
        )
        for place in range(recipients)
    ]
    who = pa.array(random.integers(0, recipients, count).astype(np.int32))
    table = pa.table(
        [
            pa.array([f"{place:020X}" for place in range(count)]),
            pa.DictionaryArray.from_arrays(who, pa.array([row["importer_number"] for row in rows])),
            pa.array(np.full(count, (DAY - dt.date(1970, 1, 1)).days, np.int32)).cast(pa.date32()),
            pa.array(np.ones(count, np.int32)),
            pa.array(np.ones(count, np.int32)),
            pa.array(random.integers(1, 20_000_000, count)),
            pa.DictionaryArray.from_arrays(pa.array(np.zeros(count, np.int32)), pa.array(["ready"])),
        ],
        schema=r.RESULT_PAYMENTS_SCHEMA,
    )
    return rows, table


def run_folder(folder: Path, table: pa.Table) -> Path:
    """A finished run with these payments."""
    write_results(folder, {"payments": table}, {"command": "cape_engine.run", "result_hash": "0" * 64})
    return folder


def originator_file(path: Path, text: str = ORIGINATOR) -> Path:
    """The originator's facts."""
    path.write_text(text, encoding="utf-8")
    return path


def made_files(
    folder: Path,
    table: pa.Table,
    *,
    importers: Sequence[Mapping[str, str]] | None = None,
    originator: str = ORIGINATOR,
    on: dt.date = ON,
    **options: object,
) -> FilesResult:
    """Payment files of a made-up run, in `folder / "out"`."""
    return cape_engine.refund_files(
        run_folder(folder / "run", table),
        importers=importers_file(folder / "importers.csv", importers),
        originator=originator_file(folder / "originator.toml", originator),
        on=on,
        out=folder / "out",
        **options,  # type: ignore[arg-type]  # what each takes is the test's business
    )


def bank_files(result: FilesResult, format_: str = "nacha") -> list[Path]:
    """Bank files of a format, in order."""
    return [result.folder / name for name, about in result.manifest["files"].items() if about.get("format") == format_]
