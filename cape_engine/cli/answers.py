"""`cape answers`: CBP's answers come back into the ledger."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import click

from cape_engine.cli import common

EXAMPLE = """Examples:

\b
  cape answers claim-details.csv --ledger claims.db --out answers
  cape answers result.csv --ledger claims.db --declaration CAPE_ABC_12345678900_2026-05-04_001.csv --out answers \\
    --set "reports.columns.validation_result=entry_number=Entry Number,error_message=Reason"
  cape pack --store store --ledger claims.db --hold answers/routed.csv --out packed

Matches Claim Details and Validation Result files to what was sent, moves the states, and writes answers.parquet,
routed.csv (what failed and what to do) and differences.csv (our answer against CBP's, by rule). The same file again
changes nothing. Exit codes: 0 done; 1 done, and CBP failed entries; 2 cannot run; 3 stopped, run it again."""


@click.command("answers", epilog=EXAMPLE, short_help="Take CBP's answers into the ledger.")
@click.argument("files", nargs=-1, required=True, type=common.FILE, metavar="FILE...")
@click.option("--ledger", required=True, metavar="URL", help="Ledger that knows what was sent.")
@click.option("--out", type=common.FILE, help="Folder for the lists; without it only the ledger changes.")
@click.option("--as-of", type=common.Day(), help="Day of the answers (default today).")
@click.option("--declaration", metavar="NAME", help="Declaration that a Validation Result File speaks of.")
@click.option("--set", "changes", multiple=True, metavar="NAME=VALUE", help="Change one setting; may be repeated.")
@click.option("--settings", "settings_file", type=common.FILE, help="TOML file with settings.")
@click.option("--rules", "rules_folder", type=common.FILE, help="Folder of rule files instead of the built-in ones.")
@common.output_options
def command(  # noqa: PLR0913 - one argument per option
    files: tuple[Path, ...],
    *,
    ledger: str,
    out: Path | None,
    as_of: dt.date | None,
    declaration: str | None,
    changes: tuple[str, ...],
    settings_file: Path | None,
    rules_folder: Path | None,
    as_json: bool,
    quiet: bool,
) -> int:
    """Take FILE (Claim Details or Validation Result files of CBP) into the ledger."""
    import cape_engine

    with common.watching(as_json=as_json, quiet=quiet) as progress:
        result = cape_engine.answers(
            files,
            ledger=ledger,
            progress=progress,
            out=out,
            as_of=as_of,
            declaration=declaration,
            settings=common.parsed_settings(changes),
            settings_file=settings_file,
            rules_folder=rules_folder,
        )
    if quiet:
        return result.exit_code
    counts = result.manifest["counts"]
    if as_json or not common.is_terminal():
        for one in result.differences.to_pylist():
            common.emit("difference", **one)
        for code, count in counts["findings_by_code"].items():
            common.emit("findings", code=code, count=count)
        common.emit("answers", exit_code=result.exit_code, out=None if out is None else str(out), counts=counts)
    else:
        click.echo(f"{counts['answers']:,} answers: {counts['updated']:,} updated, {counts['failed']:,} failed")
        for one in result.differences.to_pylist():
            values = tuple(one.values())
            click.echo(f"  we said {values[0]}, CBP says {values[1]}: {values[2]:,} entries, such as {values[3]}")
        for one in result.findings.to_pylist()[:20]:
            click.echo(f"  {one['severity']} {one['code']}: {one['message']}")
    return result.exit_code
