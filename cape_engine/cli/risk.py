"""`cape risk`: dollars and entries that leave the windows of claim, reliquidation, protest and suit, day by day."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from cape_engine.cli import common

if TYPE_CHECKING:
    from cape_engine.pipeline.outlook import OutlookResult

EXAMPLE = """Examples:

\b
  cape risk store --as-of 2026-05-04 --facts store.facts
  cape risk store --as-of 2026-05-04 --days 30 --by importer --by filer --out risk
  cape risk store --results results --ledger claims.db --as-of 2026-05-04 --json

Writes days, entries (to file first: by last day, then dollars) and, with --by, importers and filers as Parquet, the
first two as CSV too, chart.svg and manifest.json. Dates are those of the law as the handbook reads it, no advice.
Exit codes: 0 done; 1 done, with findings; 2 cannot run; 3 stopped, nothing written."""


@click.command("risk", epilog=EXAMPLE, short_help="What leaves which window when, and what to file first.")
@click.argument("sources", nargs=-1, required=True, type=common.FILE)
@click.option("--as-of", type=common.Day(), help="Day of the report (default today).")
@click.option("--days", type=click.IntRange(0), default=90, show_default=True, help="Days to look ahead.")
@click.option("--ledger", metavar="URL", help="Ledger: what is on a live claim is not to be filed again.")
@click.option("--top", type=click.IntRange(0), default=10, show_default=True, help="Entries shown on the terminal.")
@common.outlook_options
@common.input_options
@common.output_options
def command(
    *,
    sources: tuple[Path, ...],
    as_of: dt.date | None,
    changes: tuple[str, ...],
    top: int,
    as_json: bool,
    quiet: bool,
    **options: Any,
) -> int:
    """Dollars and entries that leave the 80-, 90- and 180-day and two-year windows, and the entries to file first."""
    from cape_kernels import ahead

    ahead.compile_all()
    import cape_engine

    with common.watching(as_json=as_json, quiet=quiet) as progress, common.stop_on_signal() as stop:
        result = cape_engine.risk(
            sources, as_of=as_of, settings=common.parsed_settings(changes), progress=progress, stop=stop, **options
        )
    if not quiet:
        (_lines if as_json or not common.is_terminal() else _tables)(result, top)
    return result.exit_code


def _lines(result: OutlookResult, top: int) -> None:
    """The answer as JSON lines: days, the first entries, then the summary."""
    for row in result.days.to_pylist():
        common.emit("day", **row)
    for row in result.table("entries").slice(0, top).to_pylist():
        common.emit("entry", **row)
    common.emit_outlook("risk", result)


def _tables(result: OutlookResult, top: int) -> None:
    """The answer as tables for people."""
    from rich.console import Console
    from rich.table import Table

    from cape_engine.money import cents_text
    from cape_engine.schema import outlook as s
    from cape_engine.schema import results as r
    from cape_engine.schema.claims import WINDOW_UNTIL
    from cape_engine.schema.facts import ENTRY_NUMBER, IMPORTER_NUMBER

    console = Console()
    windows = Table(title=f"Windows from {result.manifest['first']}", title_justify="left")
    for name in ("window", "left before", "leave", "dollars", "leave later"):
        windows.add_column(name, justify="left" if name == "window" else "right")
    for word, counts in result.manifest["counts"]["windows"].items():
        windows.add_row(
            word,
            f"{counts['left_before_entries']:,}",
            f"{counts['leave_entries']:,}",
            cents_text(counts["leave_cents"]),
            f"{counts['leave_later_entries']:,}",
        )
    console.print(windows)
    entries = result.table("entries")
    if entries.num_rows and top:
        table = Table(title=f"To file first ({entries.num_rows:,})", title_justify="left")
        for name in ("entry", "importer", "last day", "days left", "dollars"):
            table.add_column(name, justify="right" if name in {"days left", "dollars"} else "left")
        for row in entries.slice(0, top).to_pylist():
            table.add_row(
                row[ENTRY_NUMBER],
                row[IMPORTER_NUMBER] or "-",
                str(row[WINDOW_UNTIL]),
                str(row[s.DAYS_LEFT]),
                cents_text(row[r.PRINCIPAL_CENTS]),
            )
        console.print(table)
    if result.folder is not None:
        console.print(f"Tables and chart in [bold]{result.folder}[/bold]")
