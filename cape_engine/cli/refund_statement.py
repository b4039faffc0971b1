"""`cape refund statement`: what each importer is owed, entry by entry, with days and rates of the interest."""

from __future__ import annotations

from typing import Any

import click

from cape_engine.cli import common
from cape_engine.cli.books import books_options, emit_books

MOST_IMPORTERS = 25
EXAMPLE = """Examples:

\b
  cape refund statement --results results --out statements
  cape refund statement --results results --importer 12-345678900 --out statements
  cape refund statement --ledger claims.db --as-of 2026-06-15 --out statements

Writes entries and importers as Parquet and CSV, for each importer statement-NUMBER.html and .xlsx, and manifest.json.
The entries are added up and compared with the refunds, to the cent; a difference is an error.
Exit codes: 0 done; 1 done, with findings; 2 cannot run; 3 locked or disk full."""


@click.command("statement", epilog=EXAMPLE, short_help="What each importer is owed, entry by entry.")
@click.option("--importer", "importers", multiple=True, metavar="NUMBER", help="Only this importer; may be repeated.")
@books_options
@common.output_options
def command(*, importers: tuple[str, ...], changes: tuple[str, ...], as_json: bool, quiet: bool, **options: Any) -> int:
    """Entries, principal, interest with days and rates, refund, payment and state, one statement an importer."""
    import cape_engine

    result = cape_engine.statement(importers=importers, settings=common.parsed_settings(changes), **options)
    if quiet:
        return result.exit_code
    rows = result.table("importers").to_pylist()
    if as_json or not common.is_terminal():
        for row in rows:
            common.emit("statement_of", **row)
        emit_books("statement", result)
        return result.exit_code
    from rich.console import Console

    from cape_engine.cli.books import money_table, tell_findings
    from cape_engine.schema import books as b
    from cape_engine.schema.facts import IMPORTER_NUMBER
    from cape_engine.schema.results import AMOUNT_CENTS, PRINCIPAL_CENTS

    columns = {
        "importer": IMPORTER_NUMBER,
        "entries": b.POSITION_ENTRIES,
        "principal": PRINCIPAL_CENTS,
        "with a day": b.DATED_PRINCIPAL,
        "interest": b.DATED_INTEREST,
        "refund": AMOUNT_CENTS,
    }
    console = Console()
    largest = sorted(rows, key=lambda row: (-row[AMOUNT_CENTS], row[IMPORTER_NUMBER]))[:MOST_IMPORTERS]
    console.print(money_table(f"Statements of {len(rows):,} importers, the largest first", columns, largest))
    tell_findings(console, result)
    return result.exit_code
