"""The answer of a run for people (tables) and for machines (JSON lines)."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from cape_engine.cli.common import emit
from cape_engine.money import cents_text
from cape_engine.report.summary import finding_kinds, weeks
from cape_engine.schema import results as r

if TYPE_CHECKING:  # machines get JSON lines, and are not made to wait for the tables of people
    from rich.console import Console

    from cape_engine.pipeline import RunResult
    from cape_engine.pipeline.explain import Section

MOST_FINDINGS = 8
PIPED_WIDTH = 118
"""Columns of a table that no terminal limits."""
NUMERIC = {"filed", "new", "dollars", "days", "rate", "balance"}


def result(answer: RunResult, out: Path | None, *, as_json: bool) -> None:
    """Print the answer: JSON lines, or tables."""
    if as_json:
        lines(answer, out)
    else:
        tables(answer, out)


def lines(answer: RunResult, out: Path | None) -> None:
    """The answer as JSON lines: findings by code, refunds by week, then the summary."""
    found: Any = answer.manifest["counts"]
    for code, count in found["findings_by_code"].items():
        emit("findings", code=code, count=count)
    for week in weeks(answer.refunds):
        emit(
            "refunds_week",
            week=week.monday.isoformat(),
            payments=week.payments,
            principal_cents=week.principal_cents,
            interest_cents=week.interest_cents,
            amount_cents=week.amount_cents,
        )
    emit(
        "result",
        exit_code=answer.exit_code,
        out=None if out is None else str(out),
        result_hash=answer.manifest["result_hash"],
        partitions_reused=answer.manifest["partitions_reused"],
        earlier_results_not_used=answer.manifest["earlier_results_not_used"],
        counts=found,
        totals_cents=answer.manifest["totals_cents"],
        seconds=answer.manifest["seconds"],
    )


def tables(answer: RunResult, out: Path | None) -> None:
    """The answer as tables for people."""
    from rich.console import Console
    from rich.table import Table

    console = Console(width=None if Console().is_terminal else PIPED_WIDTH)
    found: Any = answer.manifest["counts"]
    totals: Any = answer.manifest["totals_cents"]
    first = Table(title="Entries", title_justify="left")
    first.add_column("disposition")
    first.add_column("entries", justify="right")
    for word, count in found["dispositions"].items():
        first.add_row(word, f"{count:,}")
    console.print(first)
    if found["reasons"]:
        reasons = Table(title="Why entries were rejected", title_justify="left")
        reasons.add_column("rule")
        reasons.add_column("entries", justify="right")
        for word, count in sorted(found["reasons"].items(), key=lambda item: -item[1]):
            reasons.add_row(word, f"{count:,}")
        console.print(reasons)
    findings(answer, console)
    money = Table(title="Money", title_justify="left")
    money.add_column("")
    money.add_column("dollars", justify="right")
    for words, key in (
        ("duty paid as filed", r.FILED_DUTY_CENTS),
        ("IEEPA duty removed", r.REMOVED_IEEPA_CENTS),
        ("column 1 duty restored", r.RESTORED_COLUMN1_CENTS),
        ("principal to give back", r.PRINCIPAL_CENTS),
        ("interest", r.INTEREST_CENTS),
    ):
        money.add_row(words, cents_text(totals[str(key)]))
    money.add_row(
        "refunds scheduled (principal and interest)", cents_text(totals["refunds_amount_cents"]), style="bold"
    )
    console.print(money)
    by_week = Table(title="Refunds by week of liquidation", title_justify="left")
    for name in ("week of", "payments", "principal", "interest", "refund"):
        by_week.add_column(name, justify="left" if name == "week of" else "right")
    for week in weeks(answer.refunds):
        money_columns = (week.principal_cents, week.interest_cents, week.amount_cents)
        by_week.add_row(week.monday.isoformat(), f"{week.payments:,}", *(cents_text(cents) for cents in money_columns))
    console.print(by_week)
    if out is not None:
        reused, why = (answer.manifest[key] for key in ("partitions_reused", "earlier_results_not_used"))
        if reused:
            console.print(f"{reused:,} of {answer.manifest['partitions']:,} partitions are as an earlier run left them")
        elif why:
            console.print(f"Nothing was taken over from the earlier run in this folder: {why}")
        console.print(f"Results in [bold]{out}[/bold]; result hash {str(answer.manifest['result_hash'])[:16]}")


def findings(answer: RunResult, console: Console) -> None:
    """The most frequent kinds of findings, the serious ones first, with one example each."""
    from rich.table import Table

    kinds = finding_kinds(answer.findings)
    if not kinds:
        return
    table = Table(title=f"Findings ({answer.findings.num_rows:,})", title_justify="left")
    for name in ("severity", "code", "count", "for example", "what to do"):
        table.add_column(name, justify="right" if name == "count" else "left", overflow="fold")
    for kind in kinds[:MOST_FINDINGS]:
        table.add_row(kind.severity, kind.code, f"{kind.count:,}", kind.message, kind.remedy)
    console.print(table)
    if len(kinds) > MOST_FINDINGS:
        console.print(f"... and {len(kinds) - MOST_FINDINGS} more kinds; all are in the findings table")


def findings_exit_code(table: Any) -> int:
    """1 when a finding above `info` stands in the table, else 0 (clarification 10)."""
    return int(any(word in {"warning", "error"} for word in table.column(str(r.SEVERITY)).unique().to_pylist()))


def imported(store: Any, table: Any, folder: Path, *, as_json: bool) -> None:
    """What an import wrote, and each finding."""
    names = [str(c) for c in (r.CODE, r.SEVERITY, r.FINDING_SOURCE, r.ROW, r.COLUMN, r.VALUE, r.MESSAGE, r.REMEDY)]
    rows = table.select(names).to_pylist()
    if as_json:
        for row in rows:
            emit("finding", **row)
        emit("store", store=str(folder), partitions=len(store.partitions), manifest=store.manifest)
        return
    from rich.console import Console

    console = Console()
    for row in rows[: 4 * MOST_FINDINGS]:
        where = " ".join(
            str(part) for part in (row["source"], row["row"] and f"row {row['row']}", row["column"]) if part
        )
        console.print(f"{row['severity']} {row['code']} {where}: {row['message']} {row['remedy']}", markup=False)
    if len(rows) > 4 * MOST_FINDINGS:
        console.print(f"... and {len(rows) - 4 * MOST_FINDINGS} more findings")
    console.print(f"Store [bold]{folder}[/bold]: {len(store.partitions)} partitions")


def agrees(answer: RunResult, known: dict[str, int]) -> bool:
    """Whether the totals of a run equal the known ones, to the cent."""
    totals: Any = answer.manifest["totals_cents"]
    return all(totals[name] == cents for name, cents in known.items() if name in totals)


def known_answer(answer: RunResult, known: dict[str, int], *, as_json: bool) -> None:
    """Say whether the engine's totals equal the generator's."""
    totals: Any = answer.manifest["totals_cents"]
    wrong = {name: totals[name] - cents for name, cents in known.items() if name in totals and totals[name] != cents}
    if as_json:
        emit("known_answer", agrees=not wrong, differences_cents=wrong)
    elif wrong:
        click.echo(f"DIFFERS from the generator's known answer: {wrong}")
    else:
        click.echo("Equal to the generator's known answer, to the cent.")


def said(words: str, *, as_json: bool) -> None:
    """A closing sentence for people."""
    if not as_json:
        click.echo(words)


def sections(story: list[Section]) -> None:
    """The story of an entry for a person."""
    from rich.console import Console
    from rich.padding import Padding
    from rich.table import Table
    from rich.text import Text

    console = Console(width=None if Console().is_terminal else PIPED_WIDTH)
    for section in story:
        console.print(f"[bold]{section.title}[/bold]")
        for sentence in section.sentences:
            console.print(Padding(Text(sentence), (0, 0, 0, 2)))
        if section.rows:
            table = Table(box=None, padding=(0, 1, 0, 2), header_style="dim")
            for name in section.head:
                table.add_column(name, justify="right" if name in NUMERIC else "left", overflow="fold")
            for row in section.rows:
                table.add_row(*row)
            console.print(table)
        console.print()
