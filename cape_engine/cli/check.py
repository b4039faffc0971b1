"""`cape check`: the claim portal's answer to declarations."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

import click

from cape_engine.cli import common

EXAMPLE = """Examples:

\b
  cape check claim.csv --store store --as-filer ABC --as-of 2026-05-04 --out answers
  cape check *.csv --source export.csv --headers headers.csv --as-importer 12-345678900 --out answers
  cape check claim.csv --store store --as-filer ABC --account broker --ledger ledger.db --out answers

Writes NAME.claim-details.csv (CBP's columns), NAME.validation.csv and NAME.html for each declaration, and
declarations.parquet, claimed_entries.parquet, findings.parquet and manifest.json. With --ledger every declaration is
remembered: the same file again changes nothing and says so, and an entry lives in one claim only.
Exit codes: 0 done; 1 done, and a file or an entry failed or findings exist; 2 cannot run, nothing written;
3 stopped part-way, run the same command again."""


@click.command("check", epilog=EXAMPLE, short_help="The claim portal's answer to declarations.")
@click.argument("files", nargs=-1, required=True, type=common.FILE, metavar="FILE...")
@click.option("--store", type=common.FILE, help="Store that holds the entries.")
@click.option(
    "--source",
    "sources",
    multiple=True,
    type=common.FILE,
    help="Exports that hold them, instead of a store; may be repeated.",
)
@click.option("--out", type=common.FILE, help="Folder for the answers; without it they are only shown.")
@click.option("--ledger", metavar="PATH|URL", help="Ledger: a file, or a PostgreSQL URL; made if it is not there.")
@click.option("--as-filer", metavar="CODE", help="Filer code of the account that files.")
@click.option("--as-importer", metavar="NUMBER", help="Importer of record number of the account that files.")
@click.option("--account", metavar="KIND", help="Kind of account: importer, filer or broker.")
@click.option(
    "--filer-type", metavar="TYPE", help="Filer Type of a filer account (default importer; no other may file)."
)
@click.option("--as-of", type=common.Day(), help="Filing day: rules of that day apply (default today).")
@click.option("--accepted-on", type=common.Day(), help="Acceptance day (default filing day).")
@click.option("--importers", multiple=True, type=common.FILE, help="Importers file; may be repeated.")
@click.option("--column1", type=common.FILE, help="Your own column 1 rates.")
@common.input_options
@click.option("--text-guards", is_flag=True, help='Write numbers in the Claim Details as Excel text, ="ABC12345676".')
@click.option("--threads", type=click.IntRange(1), help="Worker threads (default: all cores).")
@common.output_options
def command(
    files: tuple[Path, ...],
    *,
    store: Path | None,
    sources: tuple[Path, ...],
    out: Path | None,
    as_of: dt.date | None,
    changes: tuple[str, ...],
    as_json: bool,
    quiet: bool,
    **options: Any,
) -> int:
    """Check FILE, declarations in CBP's template, against the entries of a store or of exports."""
    from cape_kernels import ahead

    ahead.compile_all()
    import cape_engine
    from cape_engine.cli import show_check

    with common.watching(as_json=as_json, quiet=quiet) as progress:
        result = cape_engine.check(
            files,
            store=store,
            source=sources or None,
            out=out,
            as_of=as_of,
            settings=common.parsed_settings(changes),
            progress=progress,
            command="cape check",
            **options,
        )
    if not quiet:
        show_check.result(result, out, as_json=as_json or not common.is_terminal())
    return result.exit_code
