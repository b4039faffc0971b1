"""`cape refund bank`: what the bank and Treasury say of payments."""

from __future__ import annotations

from pathlib import Path

import click

from cape_engine.cli import common
from cape_engine.cli.refund_common import ledger_option, settings_options, shared, tell

EXAMPLE = """Examples:

\b
  cape refund bank --ledger claims.ledger treasury-2026-06-24.csv bank-2026-06-25.csv

A file has the columns kind (issued, settled, returned), date, amount_cents, and payment or trace; reason (of a return,
such as R03) and currency may be there. Lines that cannot be are findings with file, row, column and value; the good
ones count. The same file again changes nothing."""


@click.command("bank", epilog=EXAMPLE, short_help="Record what was issued, settled, returned.")
@ledger_option
@click.argument("files", nargs=-1, required=True, type=common.FILE, metavar="FILE...")
@settings_options
def command(
    *,
    ledger: str,
    files: tuple[Path, ...],
    changes: tuple[str, ...],
    settings_file: Path | None,
    rules_folder: Path | None,
    as_json: bool,
    quiet: bool,
) -> int:
    """Record the lines of FILE... of the bank or Treasury."""
    import cape_engine

    result = cape_engine.refund_bank(files, ledger=ledger, **shared(changes, settings_file, rules_folder))
    return tell("bank", result, as_json=as_json, quiet=quiet)
