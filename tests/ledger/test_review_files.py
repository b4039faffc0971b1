"""Files of decisions: every bad row is a finding, the good ones count; the list comes back filled in."""

from __future__ import annotations

import csv
import datetime as dt
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import cape_engine
from cape_engine.errors import InputError, MappingError
from cape_engine.ledger import Ledger, Submission
from ledger.officers import LIQUIDATED, put_in_review

Numbers = Callable[..., list[str]]
Submit = Callable[..., Submission]
DAY = dt.date(2026, 10, 20)
LEE = "A. Lee"


@pytest.fixture
def entries(url: str, numbers: Numbers, submit: Submit) -> list[str]:
    """Four entries in review."""
    found = numbers(4)
    put_in_review(url, submit, {entry: LIQUIDATED if entry == found[2] else {} for entry in found})
    return found


def head(url: str) -> tuple[int, str]:
    """Last link of the chain."""
    with Ledger.open(url) as ledger:
        return ledger.head()


def codes(result: cape_engine.ReviewResult) -> list[str]:
    """Codes of the findings."""
    return list(result.findings.column("code").to_pylist())


BAD = [
    ("{3}", "release", "", "", LEE, None),
    ("ABC", "release", "", "", LEE, "REVIEW_NO_ENTRY"),
    ("{3}", "release", "", "", LEE, "REVIEW_TWICE"),
    ("{0}", "maybe", "", "", LEE, "REVIEW_DECISION_UNKNOWN"),
    ("{0}", "change", "", "x", LEE, "REVIEW_AMOUNT_MISSING"),
    ("{0}", "change", "12.50", "x", LEE, "REVIEW_AMOUNT_UNREADABLE"),
    ("{0}", "change", "-5", "x", LEE, "REVIEW_AMOUNT_UNREADABLE"),
    ("{0}", "change", "5", "", LEE, "REVIEW_REASON_MISSING"),
    ("{0}", "reject", "", " ", LEE, "REVIEW_REASON_MISSING"),
    ("{0}", "release", "", "", "", "REVIEW_OFFICER_MISSING"),
    ("ABC99999995", "release", "", "", LEE, "REVIEW_NOT_WAITING"),
    ("{1}", "release", "7", "", LEE, "REVIEW_AMOUNT_UNUSED"),
    ("{2}", "reject", "", "with a\nbreak", LEE, None),
]


@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_decide__file(url: str, entries: list[str], tmp_path: Path, kind: str) -> None:
    """In a file of decisions each bad row is a finding with its row; the good rows count."""
    names = ["entry_number", "decision", "principal_cents", "reason", "officer"]
    rows = [[cell.format(*entries) for cell in row[:5]] for row in BAD]
    path = tmp_path / f"d.{kind}"
    if kind == "csv":
        with path.open("w", newline="", encoding="utf-8-sig") as file:
            csv.writer(file).writerows([names, *rows])
    else:
        pq.write_table(pa.table(dict(zip(names, zip(*rows, strict=True), strict=True))), path)
    done = cape_engine.review_decide(path, ledger=url, on=DAY)
    first = 2 if kind == "csv" else 1
    expected = sorted((line, row[5]) for line, row in enumerate(BAD, first) if row[5] is not None)
    assert sorted(zip(done.findings.column("row").to_pylist(), codes(done), strict=True)) == expected
    assert (done.counts["released"], done.counts["rejected"], done.counts["refused"]) == (1, 1, len(expected))
    assert set(done.findings.column("source").to_pylist()) == {path.name}
    with Ledger.open(url) as ledger:
        assert ledger.history(entries[2]).to_pylist()[-1]["reason"] == "REVIEW_REJECTED: with a break"
    before = head(url)
    again = cape_engine.review_decide(path, ledger=url, on=DAY)
    assert (again.counts["unchanged"], head(url)) == (2, before)


def test_decide__the_list_comes_back(url: str, entries: list[str], tmp_path: Path) -> None:
    """The list written as CSV or Parquet, filled in, is a file of decisions; amounts left as they were say nothing."""
    cape_engine.review_list(ledger=url, on=DAY, out=tmp_path / "q.parquet")
    cape_engine.review_list(ledger=url, on=DAY, out=tmp_path / "q.csv")
    with (tmp_path / "q.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [row["entry_number"] for row in rows] == pq.read_table(tmp_path / "q.parquet")["entry_number"].to_pylist()
    for row in rows:
        row["decision"] = "release"
    with (tmp_path / "q.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    done = cape_engine.review_decide(tmp_path / "q.csv", ledger=url, officer=LEE, on=DAY)
    assert (done.counts["released"], codes(done)) == (len(entries), [])


@pytest.mark.parametrize(
    ("content", "error", "why"),
    [
        (b"entry_number,choice\n", MappingError, "unknown column choice; the columns are entry_number, decision"),
        (b"entry_number\n", MappingError, "missing column decision"),
        (b"entry_number,decision,decision\n", MappingError, "repeated column decision"),
        (b'entry_number,decision\n"ABC', InputError, "not CSV in UTF-8"),
        (b"entry_number,decision\n\xff\xfe", InputError, "not CSV in UTF-8"),
        (b"PAR1PAR1", InputError, "the Parquet file cannot be read"),
        (None, InputError, "the file cannot be opened"),
    ],
)
def test_decide__unreadable_file(
    url: str, entries: list[str], tmp_path: Path, content: bytes | None, error: type[Exception], why: str
) -> None:
    """A file that is none, or lacks a column, changes nothing and says what is wrong."""
    assert entries
    path = tmp_path / "d.csv"
    if content is not None:
        path.write_bytes(content)
    before = head(url)
    with pytest.raises(error, match=why):
        cape_engine.review_decide(path, ledger=url, officer=LEE, on=DAY)
    assert head(url) == before
