"""`cape refund send`: certified payments go to Treasury, with files."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import click

from cape_engine.cli import common
from cape_engine.cli.refund_common import importers_option, ledger_option, on_option, settings_options, shared, tell

EXAMPLE = """Examples:

\b
  cape refund send --ledger claims.ledger --on 2026-06-22 --out payments
  cape refund send --ledger claims.ledger --on 2026-06-22 --importers importers.csv --format nacha \\
      --originator originator.toml --out payments
  cape refund send --ledger claims.ledger --on 2026-08-07 --out payments --set refund.late_interest=true

The format request is a list for Treasury without accounts. Nothing is sent twice: the database refuses it. The same
command again writes and sends nothing. With refund.late_interest = true, payments that are to settle more than 30 days
after the (re)liquidation bring interest for it (19 USC 1505(d)), as payments of their own."""


@click.command("send", epilog=EXAMPLE, short_help="Send certified payments to Treasury, with files.")
@ledger_option
@on_option
@click.option("--out", required=True, type=common.FILE, help="Folder for the files.")
@importers_option(required=False)
@click.option("--format", "form", default="request", show_default=True, help="request, nacha or pain.001.")
@click.option("--originator", type=common.FILE, help="TOML with who pays, for formats of banks.")
@settings_options
def command(  # noqa: PLR0913 - one argument per option
    *,
    ledger: str,
    on: dt.date,
    out: Path,
    importers: tuple[Path, ...],
    form: str,
    originator: Path | None,
    changes: tuple[str, ...],
    settings_file: Path | None,
    rules_folder: Path | None,
    as_json: bool,
    quiet: bool,
) -> int:
    """Send what is certified and, where it is large, announced long enough."""
    import cape_engine

    options = shared(changes, settings_file, rules_folder)
    result = cape_engine.refund_send(
        ledger=ledger, on=on, out=out, importers=importers, file_format=form, originator=originator, **options
    )
    return tell("sent", result, as_json=as_json, quiet=quiet)
