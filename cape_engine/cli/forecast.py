"""`cape forecast`: cash by week with ranges, from the days that the filer's own entries took from state to state."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from cape_engine.cli import common
from cape_engine.cli.books import books_options, emit_books

EXAMPLE = """Examples:

\b
  cape forecast --results results --weeks 13 --out forecast
  cape forecast --ledger claims.db --weeks 26 --out forecast
  cape forecast --results results --history history.csv --json

A history has accepted_date, liquidated_date, issued_date, settled_date and action, one row an entry. Without it the
steps of the ledger count; without both planned days, and one or two Fed days to the bank, and the answer says so.
Means are exact, ranges come from 1,000 cases that are drawn alike on every machine. Writes weeks, lags and apart (what
nothing is promised for) as Parquet and CSV, forecast.xlsx, chart.svg and manifest.json.
Exit codes: 0 done; 1 done, with findings; 2 cannot run; 3 locked or disk full."""


@click.command("forecast", epilog=EXAMPLE, short_help="Cash by week with ranges.")
@click.option("--weeks", type=click.IntRange(1, 520), default=13, show_default=True, help="Weeks to look ahead.")
@click.option("--history", type=common.FILE, help="Days of earlier entries, CSV or Parquet.")
@click.option("--seed", type=click.IntRange(0), default=1, show_default=True, help="Of the drawn cases.")
@books_options
@common.output_options
def command(
    *,
    weeks: int,
    history: Path | None,
    seed: int,
    changes: tuple[str, ...],
    as_json: bool,
    quiet: bool,
    **options: Any,
) -> int:
    """Cash by week with its range, principal and interest apart, and what nothing is promised for."""
    import cape_engine

    result = cape_engine.forecast(
        weeks=weeks, history=history, seed=seed, settings=common.parsed_settings(changes), **options
    )
    if quiet:
        return result.exit_code
    if as_json or not common.is_terminal():
        for event, name in (("week", "weeks"), ("lag", "lags"), ("apart", "apart")):
            for row in result.table(name).to_pylist():
                common.emit(event, **row)
        emit_books("forecast", result)
        return result.exit_code
    from rich.console import Console

    from cape_engine.cli.books import money_table, tell_findings
    from cape_engine.schema import books as b
    from cape_engine.schema.results import PRINCIPAL_CENTS

    console = Console()
    columns: dict[str, str] = {
        "week of": b.WEEK,
        "principal": b.EXPECTED_PRINCIPAL,
        "interest": b.EXPECTED_INTEREST,
        **dict(zip(("low", "middle", "high"), b.WEEK_RANGE, strict=True)),
        **dict(zip(("low to date", "middle to date", "high to date"), b.TO_DATE_RANGE, strict=True)),
    }
    console.print(money_table("Cash by week", columns, result.table("weeks").to_pylist()))
    lags = {"step": b.LAG_STEP, "from": b.LAG_FROM, "observed": b.LAG_OBSERVED, "low": b.LAG_DAYS[0]}
    lags |= {"middle": b.LAG_DAYS[1], "high": b.LAG_DAYS[2]}
    console.print(money_table("Days of each step", lags, result.table("lags").to_pylist()))
    apart = result.table("apart").to_pylist()
    if apart:
        names = {"standing": b.STANDING, "state": b.POSITION_STATE, "entries": b.POSITION_ENTRIES}
        names |= {"principal": PRINCIPAL_CENTS, "interest": b.DATED_INTEREST}
        console.print(money_table("Nothing is promised for", names, apart))
    tell_findings(console, result)
    return result.exit_code
