"""The public Python calls `accrual` and `statement`: the options of the commands, by name."""

from __future__ import annotations

import datetime as dt
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TypedDict, Unpack

import pyarrow as pa
import pyarrow.compute as pc

from cape_engine.dates import date_of
from cape_engine.errors import UsageError
from cape_engine.findings import Findings
from cape_engine.money import cents_text
from cape_engine.pipeline.arguments import PathLike, Sources, day_of, path_of, paths_of
from cape_engine.pipeline.books.accruing import LENGTHS, accrue
from cape_engine.pipeline.books.paid import Paid
from cape_engine.pipeline.books.request import BooksRequest, BooksResult
from cape_engine.pipeline.books.source import opened
from cape_engine.pipeline.books.stating import Stated, state
from cape_engine.pipeline.books.writing import finished
from cape_engine.refund.register import key_of
from cape_engine.report.statement_page import statement_page
from cape_engine.report.workbook import MOST_ROWS, write_workbook
from cape_engine.schema import books as b
from cape_engine.schema.facts import IMPORTER_NUMBER

MOST_PAGES = 2_000
"""Importers that get pages without being named."""
MOST_UNTIED = 20
"""Refunds named that their entries do not add up to."""


class BooksOptions(TypedDict, total=False):
    """The options that accruals, statements and forecasts share, each optional.

    Attributes:
        results: folder of a finished run; this or a ledger.
        ledger: path (SQLite) or URL of a ledger.
        as_of: day of the report: what was known that evening; that of the run, or the last day played.
        out: folder for tables and pages; nothing is written without it.
        deposits: deposits files of the run, where entries have several deposits.
        settings: settings by name.
        settings_file: settings as TOML.
        rules_folder: another folder of rule files than the built-in one.
    """

    results: PathLike | None
    ledger: PathLike | None
    as_of: dt.date | str | None
    out: PathLike | None
    deposits: Sources | None
    settings: Mapping[str, object] | None
    settings_file: PathLike | None
    rules_folder: PathLike | None


def requested(command: str, options: BooksOptions) -> BooksRequest:
    """The request that options describe.

    Raises:
        UsageError: there is no such option.
    """
    unknown = set(options) - set(BooksOptions.__annotations__)
    if unknown:
        raise UsageError(f"there is no option {min(unknown)!r}; known: {', '.join(BooksOptions.__annotations__)}")
    ledger = options.get("ledger")
    return BooksRequest(
        command=command,
        results=path_of(options.get("results")),
        ledger=None if ledger is None else os.fspath(ledger),
        as_of=day_of(options.get("as_of")),
        out=path_of(options.get("out")),
        deposits=paths_of(options.get("deposits")),
        settings=dict(options.get("settings") or {}),
        settings_file=path_of(options.get("settings_file")),
        rules=path_of(options.get("rules_folder")),
    )


def accrual(*, cut_off: dt.date | str | None = None, by: str = "month", **options: Unpack[BooksOptions]) -> BooksResult:
    """Principal and interest earned by period up to a cut-off, in all and by importer.

    Args:
        cut_off: last day that counts; the day of the report if not given.
        by: week, month or quarter.
        options: see `BooksOptions`.

    Returns:
        Tables `periods`, `importers`, `without_day` and `findings`.

    Raises:
        CapeError: see `cape_engine.errors`; bad data is a finding instead.
    """
    if by not in LENGTHS:
        raise UsageError(f"a period is a {', '.join(LENGTHS)}, not {by!r}")
    request, findings = requested("accrual", options), Findings()
    source = opened(request, findings)
    last = day_of(cut_off) or source.as_of
    made = accrue(source.positions, last, by)
    if made.unknown:
        findings.add("BOOKS_RATE_MISSING", value=made.unknown)
    tables = {"periods": made.periods, "importers": made.importers, "without_day": made.without_day}
    counts = {
        "entries": len(source.positions),
        "cut_off": last.isoformat(),
        "by": by,
        str(b.EARNED): pc.sum(made.periods.column(str(b.EARNED)), min_count=0).as_py(),
        str(b.DUE_PRINCIPAL): pc.sum(made.periods.column(str(b.DUE_PRINCIPAL)), min_count=0).as_py(),
    }
    return finished(request, source, tables, counts, findings)


def statement(*, importers: str | Iterable[str] = (), **options: Unpack[BooksOptions]) -> BooksResult:
    """What each importer is owed, entry by entry; the totals tie to the refunds to the cent.

    Args:
        importers: numbers whose statements are wanted, with or without dashes; all of them if none is named.
        options: see `BooksOptions`.

    Returns:
        Tables `entries`, `importers` and `findings`; of a ledger also `payments` and `money`, which add up to what
        `refund_show` says of that evening. The folder has a page and a workbook of each importer.

    Raises:
        CapeError: see `cape_engine.errors`; bad data is a finding instead.
    """
    wanted = (importers,) if isinstance(importers, str) else tuple(importers)
    request, findings = requested("statement", options), Findings()
    source = opened(request, findings)
    made = state(source.positions, source.refunds, wanted)
    for recipient, day, refund, entries in made.untied[:MOST_UNTIED]:
        findings.add(
            "STATEMENT_NOT_TIED",
            value=f"{recipient} on {date_of(day)}",
            refund=cents_text(refund),
            entries=cents_text(entries),
        )
    words = made.importers.column(str(IMPORTER_NUMBER)).cast(pa.string()).to_pylist()
    met = {key_of(word) for word in words}
    for number in wanted:
        if key_of(number) not in met:
            findings.add("STATEMENT_NOBODY", value=number)
    tables = {"entries": made.entries, "importers": made.importers}
    counts = {"entries": made.entries.num_rows, "importers": len(words), "untied_refunds": len(made.untied)}
    paid = source.paid
    if paid is not None:
        paid = paid.of(pa.array(words, pa.string())) if wanted else paid
        tables |= {"payments": paid.payments, "money": paid.money}
        counts["payments"] = paid.payments.num_rows

    many = not wanted and len(words) > MOST_PAGES
    if many:
        findings.add("STATEMENT_PAGES_LEFT_OUT", value=len(words))

    def pages(folder: Path) -> dict[str, int]:
        return _pages(folder, made, paid, (source.as_of, source.named))

    return finished(request, source, tables, counts, findings, more=None if many else pages, sheets=())


def _pages(folder: Path, made: Stated, paid: Paid | None, told: tuple[dt.date, str]) -> dict[str, int]:
    """A page and a workbook of each importer; rows by name of the file."""
    files: dict[str, int] = {}
    begin = 0
    for place, row in enumerate(made.importers.to_pylist()):
        count = row[str(b.POSITION_ENTRIES)]
        mine = made.entries.slice(begin, count)
        begin += count
        number = row[str(IMPORTER_NUMBER)]
        own = None if paid is None else paid.of(pa.array([number], pa.string()))
        stem = f"statement-{''.join(mark if mark.isalnum() or mark == '-' else '_' for mark in number)}"
        (folder / f"{stem}.html").write_text(statement_page(row, mine, *told, own), encoding="utf-8")
        files[f"{stem}.html"] = count
        if count <= MOST_ROWS:
            sheets = {"statement": mine, "total": made.importers.slice(place, 1)}
            if own is not None and own.payments.num_rows <= MOST_ROWS:
                sheets |= {"payments": own.payments, "money": own.money}
            write_workbook(folder / f"{stem}.xlsx", sheets)
            files[f"{stem}.xlsx"] = count
    return files
