"""`cape refund release`: refunds are certified, held, or taken for debts."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import click

from cape_engine.cli import common
from cape_engine.cli.refund_common import ledger_option, on_option, settings_options, shared, tell

EXAMPLE = """Examples:

\b
  cape refund release --ledger claims.ledger --on 2026-06-22
  cape refund release --ledger claims.ledger --on 2026-06-22 --debts debts.csv
  cape refund release --ledger claims.ledger --on 2026-06-22 --set refund.daily_limit_cents=50000000000

A file of debts has the columns recipient, debt, creditor (cbp, federal, treasury), amount_cents and, if wanted, order.
Debts are served first, then who is enrolled is certified, the oldest refunds first. The same command again changes
nothing."""


@click.command("release", epilog=EXAMPLE, short_help="Certify refunds, hold them, or take what is owed.")
@ledger_option
@on_option
@click.option("--debts", type=common.FILE, help="File of debts of recipients, CSV or Parquet.")
@settings_options
def command(
    *,
    ledger: str,
    on: dt.date,
    debts: Path | None,
    changes: tuple[str, ...],
    settings_file: Path | None,
    rules_folder: Path | None,
    as_json: bool,
    quiet: bool,
) -> int:
    """Release everything that is consolidated, or was held and is enrolled now."""
    import cape_engine

    options = shared(changes, settings_file, rules_folder)
    result = cape_engine.refund_release(ledger=ledger, on=on, debts=debts, **options)
    return tell("released", result, as_json=as_json, quiet=quiet)
