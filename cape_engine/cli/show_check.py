"""The answer of a check for people (tables) and for machines (JSON lines)."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

from cape_engine.cli.common import emit
from cape_engine.money import cents_text
from cape_engine.pipeline.checking import CheckResult
from cape_engine.schema import claims as c
from cape_engine.schema import results as r
from cape_engine.schema.ledger import CLAIM_NUMBER, FILE_NAME

_MOST = 12


def result(answer: CheckResult, out: Path | None, *, as_json: bool) -> None:
    """Print the answer: JSON lines, or tables."""
    if as_json:
        lines(answer, out)
    else:
        tables(answer, out)


def lines(answer: CheckResult, out: Path | None) -> None:
    """One line per declaration and per kind of finding, without a folder per finding too, then the summary."""
    for row in answer.declarations.to_pylist():
        emit("declaration", **row)
    found = answer.manifest["counts"]
    for code, count in found["findings_by_code"].items():
        emit("findings", code=code, count=count)
    if out is None:  # no file says where they are
        for row in answer.findings.to_pylist():
            emit("finding", **row)
    emit(
        "result",
        exit_code=answer.exit_code,
        out=None if out is None else str(out),
        result_hash=answer.manifest["result_hash"],
        counts=found,
        totals_cents=answer.manifest["totals_cents"],
        seconds=answer.manifest["seconds"],
    )


def tables(answer: CheckResult, out: Path | None) -> None:
    """The declarations, why entries failed and what to do, and the findings about files."""
    from rich.console import Console
    from rich.table import Table

    from cape_engine.cli.show import PIPED_WIDTH
    from cape_engine.report.summary import finding_kinds

    console = Console(width=None if Console().is_terminal else PIPED_WIDTH)
    first = Table(title="Declarations", title_justify="left")
    for name in ("file", "upload", "claim", "claim number", "entries", "accepted", "failed", "to give back"):
        first.add_column(name, justify="right" if name in {"entries", "accepted", "failed", "to give back"} else "left")
    for row in answer.declarations.to_pylist():
        counts = [f"{row[column]:,}" for column in (c.LISTED, c.ACCEPTED_ENTRIES, c.FAILED_ENTRIES)]
        words = [row[FILE_NAME], row[c.UPLOAD_STATUS], row[c.CLAIM_STATUS] or "-", row[CLAIM_NUMBER] or "-"]
        first.add_row(*words, *counts, cents_text(row[c.ASKED_CENTS]))
    console.print(first)
    reasons = _reasons(answer)
    if reasons:
        second = Table(title="Why entries failed", title_justify="left")
        for name in ("entries", "first message", "what to do", "by"):
            second.add_column(name, justify="right" if name == "entries" else "left", overflow="fold")
        for (message, what), (count, day) in reasons[:_MOST]:
            second.add_row(f"{count:,}", message, what, str(day or ""))
        console.print(second)
    kinds = finding_kinds(answer.findings)
    if kinds:
        third = Table(title=f"Findings ({answer.findings.num_rows:,})", title_justify="left")
        for name in ("severity", "code", "count", "for example", "what to do"):
            third.add_column(name, justify="right" if name == "count" else "left", overflow="fold")
        for kind in kinds[:_MOST]:
            third.add_row(kind.severity, kind.code, f"{kind.count:,}", kind.message, kind.remedy)
        console.print(third)
    if out is not None:
        console.print(f"Answers in [bold]{out}[/bold]; open the page of each declaration, NAME.html")


def _reasons(answer: CheckResult) -> list[tuple[tuple[str, str], tuple[int, Any]]]:
    """First message and what to do of failed entries, how often, and the first day, the most frequent first."""
    names = [str(column) for column in (r.MESSAGES, c.WHAT_TO_DO, c.DO_BY)]
    count: Counter[tuple[str, str]] = Counter()
    days: dict[tuple[str, str], Any] = {}
    for messages, what, day in zip(*(answer.claimed_entries.column(name).to_pylist() for name in names), strict=True):
        if messages:
            key = (messages[0], what or "")
            count[key] += 1
            if day is not None:
                days[key] = min(day, days.get(key, day))
    return [(key, (number, days.get(key))) for key, number in count.most_common()]
