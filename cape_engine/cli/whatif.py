"""`cape whatif`: what the same entries come to if they are filed a day, a week or a quarter later."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from cape_engine.cli import common

if TYPE_CHECKING:
    from cape_engine.pipeline.outlook import OutlookResult

MOST_DAYS = 31
MOST_CHANGES = 15
EXAMPLE = """Examples:

\b
  cape whatif store --accept-from 2026-05-04 --accept-to 2026-08-01 --facts store.facts
  cape whatif store --results results --accept-from 2026-05-04 --accept-to 2026-05-31 --by importer --out later
  cape whatif export.csv --headers headers.csv --accept-from 2026-05-04 --accept-to 2026-05-08 --json

Every day equals `cape run --as-of` that day. Principal and faults of all entries are computed once; with --facts they
are kept for the next question, with --results those of a finished run are taken. Writes days, changes (and importers,
filers) as Parquet, the first two as CSV too, chart.svg and manifest.json.
Exit codes: 0 done; 1 done, with findings; 2 cannot run; 3 stopped, nothing written."""


@click.command("whatif", epilog=EXAMPLE, short_help="What each acceptance day leads to.")
@click.argument("sources", nargs=-1, required=True, type=common.FILE)
@click.option("--accept-from", type=common.Day(), required=True, help="First filing and acceptance day.")
@click.option("--accept-to", type=common.Day(), required=True, help="Last one.")
@common.outlook_options
@common.input_options
@common.output_options
def command(
    *,
    sources: tuple[Path, ...],
    changes: tuple[str, ...],
    as_json: bool,
    quiet: bool,
    **options: Any,
) -> int:
    """What each acceptance day leads to: eligible entries, principal, interest, refunds, first and last payment."""
    from cape_kernels import ahead

    ahead.compile_all()
    import cape_engine

    with common.watching(as_json=as_json, quiet=quiet) as progress, common.stop_on_signal() as stop:
        result = cape_engine.whatif(
            sources, settings=common.parsed_settings(changes), progress=progress, stop=stop, **options
        )
    if not quiet:
        (_lines if as_json or not common.is_terminal() else _tables)(result)
    return result.exit_code


def _lines(result: OutlookResult) -> None:
    """The answer as JSON lines: days, changes, then the summary."""
    for row in result.days.to_pylist():
        common.emit("day", **row)
    for row in result.table("changes").to_pylist():
        common.emit("change", **row)
    common.emit_outlook("whatif", result)


def _tables(result: OutlookResult) -> None:
    """The answer as tables for people."""
    from rich.console import Console
    from rich.table import Table

    from cape_engine.money import cents_text
    from cape_engine.schema import outlook as s
    from cape_engine.schema import results as r

    console = Console()
    rows = result.days.to_pylist()
    step = -(-len(rows) // MOST_DAYS)
    days = Table(title="If accepted on", title_justify="left")
    for name in ("day", "eligible", "principal", "paid", "interest", "refunds", "first", "last"):
        days.add_column(name, justify="left" if name in {"day", "first", "last"} else "right")
    for row in rows[::step]:
        first, last = row[s.FIRST_PAYMENT], row[s.LAST_PAYMENT]
        days.add_row(
            str(row[s.ACCEPTANCE_DATE]),
            f"{row[s.ELIGIBLE]:,}",
            cents_text(row[r.PRINCIPAL_CENTS]),
            cents_text(row[s.REFUND_PRINCIPAL_CENTS]),
            cents_text(row[r.INTEREST_CENTS]),
            f"{row[s.REFUNDS]:,}",
            str(first or "-"),
            str(last or "-"),
        )
    console.print(days)
    changes = result.table("changes").to_pylist()
    if changes:
        table = Table(title="Largest changes from one day to the next", title_justify="left")
        for name in ("day", "what", "why", "entries", "principal"):
            table.add_column(name, justify="right" if name in {"entries", "principal"} else "left")
        largest = sorted(changes, key=lambda row: -row[r.PRINCIPAL_CENTS])[:MOST_CHANGES]
        for row in sorted(largest, key=lambda row: row[s.ACCEPTANCE_DATE] or dt.date.min):
            table.add_row(
                str(row[s.ACCEPTANCE_DATE]),
                row[s.CHANGE_KIND],
                row[s.CHANGE_REASON],
                f"{row[s.CHANGED_ENTRIES]:,}",
                cents_text(row[r.PRINCIPAL_CENTS]),
            )
        console.print(table)
    if result.folder is not None:
        console.print(f"Tables and chart in [bold]{result.folder}[/bold]")
