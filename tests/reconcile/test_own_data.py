"""Causes that our own data tells, whatever a report says: earlier refunds, and lines on which too little was paid."""

from __future__ import annotations

import csv
from importlib.resources import files
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

import cape_engine
from cape_fixtures.reconciliation.files import HEADINGS

ENTRY, PRIOR_CENTS = "S4R01020305", 100_000
SHOWN = ("Entry Summary Number", "Refund No.", "Duty Refund", "Interest Refund")


def _text(name: str) -> str:
    """A file of the golden entry RF-03."""
    return files("cape_fixtures").joinpath("data", name).read_text(encoding="utf-8")


def _headers(folder: Path, prior_cents: int) -> Path:
    """Its facts, with what was given back before."""
    head, facts = _text("RF-03.headers.csv").splitlines()
    path = folder / f"headers-{prior_cents}.csv"
    path.write_text(f"{head},prior_refund_cents\n{facts},{prior_cents or ''}\n", encoding="utf-8")
    return path


def _rows(folder: Path, base_duties: list[str]) -> Path:
    """Its line, once for each duty filed on the number of chapters 1 to 97."""
    head, *line = list(csv.reader(_text("RF-03.csv").splitlines()))
    number, duty = head.index("Entry Summary Line Number"), head.index("Line Tariff Duty Amount")
    path = folder / f"rows-{len(base_duties)}.csv"
    with path.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(head)
        for place, filed in enumerate(base_duties, 1):
            for row in line[:4]:
                new = list(row)
                new[number] = str(place)
                new[duty] = filed if row is line[3] else row[duty]
                writer.writerow(new)
    return path


def _entry(rows: Path, headers: Path, out: Path) -> dict[str, Any]:
    """What a run says of the entry."""
    cape_engine.run(rows, headers=headers, as_of="2026-05-04", out=out, detail="changes")
    (entry,) = pq.read_table(out / "entries.parquet").to_pylist()
    return dict(entry)


def _answer(results: Path, paid: dict[str, Any], principal_cents: int) -> dict[str, Any]:
    """What the entry ends as when CBP pays so much principal, with the interest of `paid`."""
    es022, columns = results / "es022.csv", results / "headings.toml"
    cents = (principal_cents, paid["interest_cents"])
    amounts = [f"{amount // 100}.{amount % 100:02d}" for amount in cents]
    es022.write_text(f"{','.join(SHOWN)}\n{ENTRY},R1,{','.join(amounts)}\n", encoding="utf-8")
    mapping = [f'"{heading}" = "{HEADINGS["es022"][heading]}"' for heading in SHOWN]
    columns.write_text("\n".join(["[es022]", *mapping, ""]), encoding="utf-8")
    done = cape_engine.reconcile(results=results, es022=es022, columns=columns, as_of="2026-09-01")
    (entry,) = done.tables["entries"].to_pylist()
    return dict(entry)


def test_prior_refund__from_our_facts(tmp_path: Path) -> None:
    """We took an earlier refund off, the report knows of none and CBP pays the whole: PRIOR_REFUND, to the cent."""
    rows = _rows(tmp_path, ["$13,648.10"])
    whole = _entry(rows, _headers(tmp_path, 0), tmp_path / "whole")
    ours = _entry(rows, _headers(tmp_path, PRIOR_CENTS), tmp_path / "ours")
    assert whole["principal_cents"] - ours["principal_cents"] == PRIOR_CENTS
    found = _answer(tmp_path / "ours", whole, whole["principal_cents"])
    surplus = PRIOR_CENTS + whole["interest_cents"] - ours["interest_cents"]
    assert (found["cause"], found["difference_cents"], found["explained_cents"]) == ("PRIOR_REFUND", surplus, surplus)
    cent_more = _answer(tmp_path / "ours", whole, whole["principal_cents"] + 1_00)
    assert cent_more["cause"] != "PRIOR_REFUND"


def test_netted__from_our_lines(tmp_path: Path) -> None:
    """$1,000.00 too little on one line, $300.00 too much on another: CBP sets off the first, which no mode explains."""
    rows = _rows(tmp_path, ["$12,648.10", "$13,948.10"])
    ours = _entry(rows, _headers(tmp_path, 0), tmp_path / "ours")
    less = _entry(rows, _headers(tmp_path, PRIOR_CENTS), tmp_path / "less")
    assert ours["filed_duty_cents"] - ours["recomputed_duty_cents"] == ours["principal_cents"] - 70_000
    found = _answer(tmp_path / "ours", less, less["principal_cents"])
    short = -PRIOR_CENTS + less["interest_cents"] - ours["interest_cents"]
    assert (found["cause"], found["difference_cents"], found["explained_cents"]) == ("NETTED", short, short)
