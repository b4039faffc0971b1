"""What `cape refund accrual`, `cape refund statement` and `cape forecast` share: options, tables, JSON lines."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import click

from cape_engine.cli import common
from cape_engine.cli.common import F

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

    from cape_engine.pipeline.books import BooksResult

_KINDS = 10


def books_options(function: F) -> F:
    """Where the figures come from and where they go."""
    options = (
        click.option("--results", type=common.FILE, help="Folder of a finished run."),
        click.option("--ledger", metavar="URL", help="Ledger, as a path or URL."),
        click.option("--as-of", type=common.Day(), help="What was known that day (default: run, or last day played)."),
        click.option("--deposits", multiple=True, type=common.FILE, help="Deposits file of the run; may be repeated."),
        click.option("--out", type=common.FILE, help="Folder for tables and pages."),
        click.option(
            "--set", "changes", multiple=True, metavar="NAME=VALUE", help="Change one setting; may be repeated."
        ),
        click.option("--settings", "settings_file", type=common.FILE, help="TOML file with settings."),
        click.option("--rules", "rules_folder", type=common.FILE, help="Folder of rule files, not the built-in ones."),
    )
    for option in reversed(options):
        function = option(function)
    return function


def emit_books(event: str, result: BooksResult) -> None:
    """Findings and the summary as JSON lines."""
    for row in result.table("findings").to_pylist():
        common.emit("finding", **row)
    common.emit(
        event,
        exit_code=result.exit_code,
        as_of=result.manifest["as_of"],
        out=None if result.folder is None else str(result.folder),
        result_hash=result.manifest["result_hash"],
        counts=result.manifest["counts"],
    )


def money_table(title: str, columns: Mapping[str, str], rows: Sequence[Mapping[str, Any]]) -> Table:
    """Rows as a table: cents as dollars, days and words to the left.

    Args:
        title: stands above it.
        columns: name of the column in each row, by heading.
        rows: what is shown.
    """
    from rich.table import Table

    from cape_engine.money import cents_text

    table = Table(title=title, title_justify="left")
    for heading, name in columns.items():
        left = all(isinstance(row[name], str | dt.date) for row in rows)
        table.add_column(heading, justify="left" if left else "right")
    for row in rows:
        cells = []
        for name in columns.values():
            value = row[name]
            if value is None:
                cells.append("-")
            elif str(name).endswith("_cents"):
                cells.append(cents_text(value))
            else:
                cells.append(f"{value:,}" if isinstance(value, int) else str(value))
        table.add_row(*cells)
    return table


def tell_findings(console: Console, result: BooksResult) -> None:
    """The first findings in words, and where the files are."""
    rows = result.table("findings").to_pylist()
    for row in rows[:_KINDS]:
        console.print(f"{row['severity']}: {row['message']}. {row['remedy']}", markup=False)
    if len(rows) > _KINDS:
        console.print(f"and {len(rows) - _KINDS:,} more findings (--json lists them all)")
    if result.folder is not None:
        console.print(f"Files in [bold]{result.folder}[/bold]")
