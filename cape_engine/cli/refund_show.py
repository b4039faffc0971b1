"""`cape refund show`: where the money of refunds is."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

import click

from cape_engine.cli import common
from cape_engine.cli.refund_common import ledger_option

if TYPE_CHECKING:
    from cape_engine.pipeline.payments import PaymentsShown

EXAMPLE = """Examples:

\b
  cape refund show --ledger claims.ledger
  cape refund show --ledger claims.ledger --recipient 12-345678900 --as-of 2026-06-30

Interest for late payment stands in refunds of its own, without entries: --json tells for which payment each cent is.
Paid, held, offset, returned and on the way add up to principal and interest. Exit codes: 0 they do; 1 they do not:
`cape ledger verify` looks further; 2 cannot be shown."""
MOST_REFUNDS = 20


@click.command("show", epilog=EXAMPLE, short_help="Refunds and payments with their state, and the balance.")
@ledger_option
@click.option("--recipient", help="Only refunds of this importer or 4811 party.")
@click.option("--as-of", type=common.Day(), help="As it was at the end of a past day.")
@common.output_options
def command(*, ledger: str, recipient: str | None, as_of: dt.date | None, as_json: bool, quiet: bool) -> int:
    """Show refunds, payments, what each importer has in them, and where the money is."""
    import cape_engine

    found = cape_engine.refund_show(ledger=ledger, recipient=recipient, as_of=as_of)
    if quiet:
        return found.exit_code
    if as_json or not common.is_terminal():
        tables = {
            "refund": found.refunds,
            "payment": found.payments,
            "share": found.shares,
            "late_interest": found.late,
        }
        for name, table in tables.items():
            for batch in table.to_batches(max_chunksize=10_000):
                for row in batch.to_pylist():
                    common.emit(name, **row)
        common.emit("balance", exit_code=found.exit_code, **found.balance)
    else:
        _say(found)
    return found.exit_code


def _say(found: PaymentsShown) -> None:
    """Refunds, what importers share, and the balance, in words."""
    from cape_engine.money import cents_text
    from cape_engine.schema import facts as f
    from cape_engine.schema import life
    from cape_engine.schema import payments as p
    from cape_engine.schema import results as r

    for row in found.refunds.slice(0, MOST_REFUNDS).to_pylist():
        amount = cents_text(row[r.PRINCIPAL_CENTS] + row[r.INTEREST_CENTS])
        words = f"{row[r.RESULT_LIQUIDATION_DATE]}  {row[r.RECIPIENT]}  {amount}  {row[p.REFUND_STATE]}"
        click.echo(f"{row[life.REFUND]}  {words}")
    if found.refunds.num_rows > MOST_REFUNDS:
        click.echo(f"and {found.refunds.num_rows - MOST_REFUNDS:,} more refunds (--json lists them all)")
    several = found.shares.column(str(life.REFUND)).value_counts().to_pylist()
    shared = {row["values"] for row in several if row["counts"] > 1}
    for row in found.shares.to_pylist() if len(shared) <= MOST_REFUNDS else ():
        if row[life.REFUND] in shared:
            amount = cents_text(row[r.PRINCIPAL_CENTS] + row[r.INTEREST_CENTS])
            click.echo(f"  {row[life.REFUND]}  of {row[f.IMPORTER_NUMBER]}: {amount}")
    if found.late.num_rows:
        late = cents_text(found.balance["late_interest"])
        click.echo(f"of the interest {late} for late payment of {found.late.num_rows:,} payments (19 USC 1505(d))")
    told = {name.replace("_", " "): cents_text(cents) for name, cents in found.balance.items()}
    parts = " + ".join(f"{name} {told[name]}" for name in ("paid", "held", "offset", "returned", "on the way"))
    click.echo(f"{parts} = principal {told['principal']} + interest {told['interest']}")
