"""`cape refund accrual`: principal and interest by period up to a cut-off, in all and by importer."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any

import click

from cape_engine.cli import common
from cape_engine.cli.books import books_options, emit_books

if TYPE_CHECKING:
    from cape_engine.pipeline.books import BooksResult

MOST_PERIODS = 40
EXAMPLE = """Examples:

\b
  cape refund accrual --results results --deposits deposits.csv --cut-off 2026-06-30 --out books
  cape refund accrual --ledger claims.db --as-of 2026-06-15 --by quarter --out books
  cape refund accrual --ledger claims.db --json

Writes periods, importers and without_day as Parquet and CSV, accrual.xlsx and manifest.json. The periods of an entry
add up to its interest to the cent. With a ledger and --as-of only what was known that evening counts.
Exit codes: 0 done; 1 done, with findings; 2 cannot run; 3 locked or disk full."""


@click.command("accrual", epilog=EXAMPLE, short_help="Principal and interest earned by period.")
@click.option("--cut-off", type=common.Day(), help="Last day that counts (default: the day of the report).")
@click.option(
    "--by", type=click.Choice(["month", "week", "quarter"]), default="month", show_default=True, help="Length."
)
@books_options
@common.output_options
def command(
    *, cut_off: dt.date | None, by: str, changes: tuple[str, ...], as_json: bool, quiet: bool, **options: Any
) -> int:
    """Principal deposited and due, interest earned by the days of each period, and what is open at its end."""
    import cape_engine

    result = cape_engine.accrual(cut_off=cut_off, by=by, settings=common.parsed_settings(changes), **options)
    if not quiet:
        if as_json or not common.is_terminal():
            for row in result.table("periods").to_pylist():
                common.emit("period", **row)
            for row in result.table("without_day").to_pylist():
                common.emit("without_day", **row)
            emit_books("accrual", result)
        else:
            _tables(result)
    return result.exit_code


def _tables(result: BooksResult) -> None:
    """The answer as tables for people."""
    from rich.console import Console

    from cape_engine.cli.books import money_table, tell_findings
    from cape_engine.schema import books as b
    from cape_engine.schema.results import PRINCIPAL_CENTS

    console = Console()
    rows = result.table("periods").to_pylist()
    columns = {
        "from": b.PERIOD_START,
        "to": b.PERIOD_END,
        "deposited": b.DEPOSITED,
        "earned": b.EARNED,
        "principal due": b.DUE_PRINCIPAL,
        "interest due": b.DUE_INTEREST,
        "open principal": b.OPEN_PRINCIPAL,
        "open interest": b.OPEN_INTEREST,
    }
    console.print(money_table("Books of refunds", columns, rows[-MOST_PERIODS:]))
    without = result.table("without_day").to_pylist()
    if without:
        sums: dict[tuple[str, str], list[int]] = {}
        for row in without:
            total = sums.setdefault((row[b.STANDING], row[b.POSITION_STATE]), [0, 0])
            total[0] += row[b.POSITION_ENTRIES]
            total[1] += row[PRINCIPAL_CENTS]
        listed = [
            {"standing": key[0], "state": key[1], "entries": total[0], PRINCIPAL_CENTS: total[1]}
            for key, total in sorted(sums.items())
        ]
        names = {"standing": "standing", "state": "state", "entries": "entries", "principal": PRINCIPAL_CENTS}
        console.print(money_table("Without a day: nothing is promised", names, listed))
    tell_findings(console, result)
