"""`cape refund`: what decided refunds become; interest side by side, payment files, and the life of payments."""

from __future__ import annotations

import click

from cape_engine.cli.lazy import LazyGroup

COMMANDS: dict[str, tuple[str, str]] = {
    "compare-interest": ("cape_engine.cli.refund_interest", "Interest by every known convention, side by side."),
    "enrol": ("cape_engine.cli.refund_enrol", "Record who is enrolled for ACH refunds."),
    "release": ("cape_engine.cli.refund_release", "Certify refunds, hold them, or take what is owed."),
    "send": ("cape_engine.cli.refund_send", "Send certified payments to Treasury, with files."),
    "bank": ("cape_engine.cli.refund_bank", "Record what was issued, settled, returned."),
    "reissue": ("cape_engine.cli.refund_reissue", "Make payments that came back anew."),
    "show": ("cape_engine.cli.refund_show", "Refunds and payments with their state, and the balance."),
    "files": ("cape_engine.cli.refund_files", "Payments of a run as NACHA or pain.001 files for a bank."),
    "statement": ("cape_engine.cli.refund_statement", "What each importer is owed, entry by entry."),
    "accrual": ("cape_engine.cli.refund_accrual", "Principal and interest earned by period, up to a cut-off."),
}

EXAMPLE = """Examples:

\b
  cape refund show --ledger claims.ledger
  cape refund compare-interest --entry 100000.00 2025-03-14 2026-05-08 --cbp 703595

Exit codes: 0 done; 1 done, and findings exist; 2 cannot run, nothing written; 3 locked, read-only or disk
full: nothing of the transaction counts, run the same command again."""


@click.group(
    "refund",
    cls=LazyGroup,
    rooms=COMMANDS,
    epilog=EXAMPLE,
    short_help="Interest, payment files and the life of payments.",
)
def command() -> None:
    """Refunds after they were decided: interest by every convention, payments, files for banks, statements."""
