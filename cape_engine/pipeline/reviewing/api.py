"""The public Python calls of manual review: the options of `cape review`, by name."""

from __future__ import annotations

import datetime as dt
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypedDict, Unpack

import pyarrow as pa
import pyarrow.csv as pacsv
import pyarrow.parquet as pq

from cape_engine import rules
from cape_engine.errors import OutputError, UsageError
from cape_engine.ledger import Ledger
from cape_engine.pipeline.arguments import PathLike, day_of, path_of
from cape_engine.pipeline.reviewing.deciding import Done, assign, decide
from cape_engine.pipeline.reviewing.files import checked, read_decisions
from cape_engine.pipeline.reviewing.queue import urgent_first, waiting
from cape_engine.schema import review as c
from cape_engine.schema.facts import ENTRY_NUMBER
from cape_engine.schema.ledger import REASON
from cape_engine.settings import Settings


class ReviewOptions(TypedDict, total=False):
    """What every call of manual review takes, each optional.

    Attributes:
        on: the day; today if not given.
        settings: settings by name, those that the entries were scheduled with.
        settings_file: settings as TOML.
        rules_folder: another folder of rule files than the built-in one.
    """

    on: dt.date | str | None
    settings: Mapping[str, object] | None
    settings_file: PathLike | None
    rules_folder: PathLike | None


@dataclass(frozen=True)
class ReviewResult:
    """What a call did, and what waits afterwards.

    Attributes:
        queue: entries in review, the most urgent first: columns `schema.review.QUEUE`.
        findings: columns `schema.results.RESULT_FINDINGS`.
        counts: entries by what was done with them.
    """

    queue: pa.Table
    findings: pa.Table
    counts: Mapping[str, int] = field(default_factory=dict)

    @property
    def exit_code(self) -> int:
        """1 where something did not count, or a person should look at it; else 0."""
        return int(bool({"warning", "error"} & set(self.findings.column("severity").to_pylist())))


def review_list(*, ledger: PathLike, out: PathLike | None = None, **options: Unpack[ReviewOptions]) -> ReviewResult:
    """Entries in review with why they were picked and how long their window is open, the most urgent first.

    Args:
        ledger: path (SQLite) or URL.
        out: file for the list, `.csv` or `.parquet`, with empty columns for decisions, so that it can come back.
        options: see `ReviewOptions`.

    Raises:
        CapeError: see `cape_engine.errors`.
    """
    return _carry_out(ledger, options, None, out)


def review_assign(
    entries: Sequence[str] = (),
    *,
    ledger: PathLike,
    officer: str,
    first: int = 0,
    **options: Unpack[ReviewOptions],
) -> ReviewResult:
    """Give entries in review to an officer; each assignment is in the chain of the ledger.

    Args:
        entries: entry numbers.
        ledger: path (SQLite) or URL.
        officer: who looks at them.
        first: also so many of the most urgent entries that nobody has.
        options: see `ReviewOptions`.

    Raises:
        CapeError: see `cape_engine.errors`; an entry that is not in review is a finding.
    """
    numbers = ["".join(one.split()).replace("-", "").upper() for one in entries]
    if not numbers and first <= 0:
        raise UsageError("name entries, or say how many of the most urgent ones with --first")
    return _carry_out(ledger, options, _Assignment(numbers, officer, first))


def review_decide(
    decisions: PathLike | Sequence[Mapping[str, object]],
    *,
    ledger: PathLike,
    officer: str = "",
    **options: Unpack[ReviewOptions],
) -> ReviewResult:
    """Record decisions of officers: release, change of the principal, rejection.

    A release or change closes the review on the first day that is not played yet; the entry then gets a run day of a
    later cohort within its window. A rejection ends the claim on the entry.

    Args:
        decisions: a CSV or Parquet file, or rows, with the columns `schema.review.DECISIONS_FILE`.
        ledger: path (SQLite) or URL.
        officer: who decides where a row does not say.
        options: see `ReviewOptions`.

    Raises:
        CapeError: see `cape_engine.errors`; a row that does not count is a finding, the others count.
    """
    rows = decisions if isinstance(decisions, str | os.PathLike) else [dict(row) for row in decisions]
    return _carry_out(ledger, options, _Decisions(rows, officer))


@dataclass(frozen=True, slots=True)
class _Assignment:
    """Entries for an officer."""

    numbers: list[str]
    officer: str
    first: int


@dataclass(frozen=True, slots=True)
class _Decisions:
    """Decisions as they came."""

    rows: str | os.PathLike[str] | list[dict[str, object]]
    officer: str


def _carry_out(
    ledger: PathLike, options: ReviewOptions, act: _Assignment | _Decisions | None, out: PathLike | None = None
) -> ReviewResult:
    """One call: the entries in review, what is done with them, and how they stand afterwards."""
    unknown = set(options) - set(ReviewOptions.__annotations__)
    if unknown:
        raise UsageError(f"there is no option {min(unknown)!r}; known: {', '.join(ReviewOptions.__annotations__)}")
    on = day_of(options.get("on")) or dt.datetime.now(tz=dt.UTC).date()
    settings = Settings.build(options.get("settings"), path_of(options.get("settings_file")))
    ruleset = rules.load(path_of(options.get("rules_folder")))
    done = Done()
    url = os.fspath(ledger)
    with Ledger.open(url, create=False, read_only=act is None) as book:
        if act is not None:
            with book.transaction():
                _act(book, act, on, ruleset, settings, done)
        queue = urgent_first(waiting(book, on, ruleset, settings).queue)
    if out is not None:
        _write(queue, Path(os.fspath(out)))
    return ReviewResult(queue, done.findings.to_table(), done.counts if act is not None else {})


def _act(
    book: Ledger, act: _Assignment | _Decisions, on: dt.date, ruleset: rules.Ruleset, settings: Settings, done: Done
) -> None:
    """What an officer does, inside the transaction."""
    here = waiting(book, on, ruleset, settings)
    if isinstance(act, _Assignment):
        free = urgent_first(here.queue.filter(here.queue.column(c.OFFICER).is_null()))
        numbers = [*act.numbers, *free.column(ENTRY_NUMBER).to_pylist()[: act.first]]
        assign(book, numbers, act.officer.strip(), on, here, done)
        return
    if isinstance(act.rows, list):
        rows = [(0, {name: "" if cell is None else str(cell) for name, cell in row.items()}) for row in act.rows]
        decisions = checked(rows, officer=act.officer.strip(), findings=done.findings)
    else:
        decisions = read_decisions(Path(act.rows), officer=act.officer.strip(), findings=done.findings)
    done.counts["refused"] += len(done.findings)
    decide(book, decisions, on, here, settings, done)


def _write(queue: pa.Table, path: Path) -> None:
    """The queue as a file, with empty columns for what an officer decides."""
    plain = pa.schema(
        [field.with_type(pa.string()) if pa.types.is_dictionary(field.type) else field for field in queue.schema]
    )
    rows = queue.cast(plain)
    for column in (c.DECISION, REASON):
        rows = rows.append_column(pa.field(str(column), pa.string()), pa.nulls(rows.num_rows, pa.string()))
    try:
        if path.suffix.lower() == ".parquet":
            pq.write_table(rows, path)
        else:
            pacsv.write_csv(rows, path, pacsv.WriteOptions(quoting_style="needed"))
    except OSError as error:
        raise OutputError(f"{path}: the list cannot be written: {error.strerror or error}") from error
