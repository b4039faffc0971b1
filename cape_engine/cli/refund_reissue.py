"""`cape refund reissue`: payments that came back are made anew."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import click

from cape_engine.cli.refund_common import importers_option, ledger_option, on_option, settings_options, shared, tell

EXAMPLE = """Examples:

\b
  cape refund reissue --ledger claims.ledger --on 2026-07-01 --all
  cape refund reissue --ledger claims.ledger --on 2026-07-01 --payment 0123456789ABCDEF0123 --importers importers.csv

The new payment has a key of its own and says which one it replaces; `cape refund send` sends it under a new trace. The
same command again changes nothing."""


@click.command("reissue", epilog=EXAMPLE, short_help="Make payments that came back anew.")
@ledger_option
@on_option
@click.option("--payment", "payments", multiple=True, metavar="KEY", help="A payment that came back; may be repeated.")
@click.option("--all", "everything", is_flag=True, help="Everything that came back.")
@importers_option(required=False)
@settings_options
def command(  # noqa: PLR0913 - one argument per option
    *,
    ledger: str,
    on: dt.date,
    payments: tuple[str, ...],
    everything: bool,
    importers: tuple[Path, ...],
    changes: tuple[str, ...],
    settings_file: Path | None,
    rules_folder: Path | None,
    as_json: bool,
    quiet: bool,
) -> int:
    """Make new payments for those that came back; new accounts (--importers) are enrolled first."""
    import cape_engine

    options = shared(changes, settings_file, rules_folder)
    result = cape_engine.refund_reissue(
        ledger=ledger, on=on, payments=payments, everything=everything, importers=importers, **options
    )
    return tell("reissued", result, as_json=as_json, quiet=quiet)
