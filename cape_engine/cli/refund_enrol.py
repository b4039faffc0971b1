"""`cape refund enrol`: who is enrolled for ACH refunds goes into the ledger."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import click

from cape_engine.cli import common
from cape_engine.cli.refund_common import importers_option, ledger_option, settings_options, shared, tell

EXAMPLE = """Examples:

\b
  cape refund enrol --ledger claims.ledger --importers importers.csv --on 2026-06-22

The ledger keeps the last four characters of an account and a digest, never the number. Two accounts for one importer,
and bad routing numbers, are findings: the importer is not enrolled. The same command again changes nothing."""


@click.command("enrol", epilog=EXAMPLE, short_help="Record who is enrolled for ACH refunds.")
@ledger_option
@importers_option(required=True)
@click.option("--on", required=True, type=common.Day(), help="Day from which the facts hold.")
@settings_options
def command(
    *,
    ledger: str,
    importers: tuple[Path, ...],
    on: dt.date,
    changes: tuple[str, ...],
    settings_file: Path | None,
    rules_folder: Path | None,
    as_json: bool,
    quiet: bool,
) -> int:
    """Record from importers files who is enrolled, with which account."""
    import cape_engine

    options = shared(changes, settings_file, rules_folder)
    result = cape_engine.refund_enrol(importers, ledger=ledger, on=on, **options)
    return tell("enrolled", result, as_json=as_json, quiet=quiet)
