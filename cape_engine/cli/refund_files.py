"""`cape refund files`: payments of a run as files for a bank."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import TYPE_CHECKING

import click

from cape_engine.cli import common

if TYPE_CHECKING:
    from cape_engine.pipeline.paying import FilesResult

EXAMPLE = """Examples:

\b
  cape run store --importers importers.csv --as-of 2026-05-04 --out results
  cape refund files --results results --importers importers.csv --originator originator.toml \\
    --on 2026-06-22 --out payments
  cape refund files --results results --importers importers.csv --originator originator.toml \\
    --on 2026-06-22 --format pain.001 --set refund.pain_version=09 --out payments

Payments with status ready go into the files; held.csv lists all others with the reason. The same inputs give the same
bytes. --format both writes the same payments twice: send one of the two. Exit codes: 0 done; 1 done, and there are
findings; 2 cannot run, nothing written; 3 stopped or disk full, run it again."""


@click.command("files", epilog=EXAMPLE, short_help="Payments of a run as NACHA or pain.001 files for a bank.")
@click.option("--results", required=True, type=common.FILE, help="Folder that `cape run --out` wrote.")
@click.option(
    "--importers",
    required=True,
    multiple=True,
    type=common.FILE,
    help="Importers file with the accounts; may be repeated.",
)
@click.option("--originator", required=True, type=common.FILE, help="TOML: who pays, from which bank.")
@click.option("--on", required=True, type=common.Day(), help="Creation day of the files.")
@click.option("--out", required=True, type=common.FILE, help="Folder for the files.")
@click.option("--format", "format_", type=click.Choice(["nacha", "pain.001", "both"]), default="nacha", help="Format.")
@click.option("--effective", type=common.Day(), help="Day of arrival (default the next day of the Federal Reserve).")
@click.option("--prenotes", is_flag=True, help="Write entries that test the accounts, and no money.")
@click.option("--first-trace", type=click.IntRange(1), default=1, help="First trace sequence of the day.")
@click.option("--first-file", type=click.IntRange(0), default=0, help="NACHA files of the day that exist already.")
@click.option("--account-key", type=common.FILE, help="File with the key for refund.account_numbers=encrypted.")
@click.option("--set", "changes", multiple=True, metavar="NAME=VALUE", help="Change one setting; may be repeated.")
@click.option("--settings", "settings_file", type=common.FILE, help="TOML file with settings.")
@click.option("--rules", "rules_folder", type=common.FILE, help="Folder of rule files instead of the built-in ones.")
@common.output_options
def command(  # noqa: PLR0913 - one argument per option
    *,
    results: Path,
    importers: tuple[Path, ...],
    originator: Path,
    on: dt.date,
    out: Path,
    format_: str,
    effective: dt.date | None,
    prenotes: bool,
    first_trace: int,
    first_file: int,
    account_key: Path | None,
    changes: tuple[str, ...],
    settings_file: Path | None,
    rules_folder: Path | None,
    as_json: bool,
    quiet: bool,
) -> int:
    """Write the payments of a run that are ready as files for a bank, and list the others with their reasons."""
    import cape_engine

    with common.stop_on_signal() as stop, common.watching(as_json=as_json, quiet=quiet) as progress:
        result = cape_engine.refund_files(
            results,
            importers=importers,
            originator=originator,
            on=on,
            out=out,
            format=format_,
            effective=effective,
            prenotes=prenotes,
            first_trace=first_trace,
            first_file=first_file,
            account_key=account_key,
            settings=common.parsed_settings(changes),
            settings_file=settings_file,
            rules_folder=rules_folder,
            progress=progress,
            stop=stop,
        )
    _say(result, as_json=as_json, quiet=quiet)
    return result.exit_code


def _say(result: FilesResult, *, as_json: bool, quiet: bool) -> None:
    """Files, sums and findings."""
    manifest = result.manifest
    bank = {name: about for name, about in manifest["files"].items() if "format" in about}
    counts = {f"payments_{name}": count for name, count in manifest["counts"]["payments"].items()}
    counts |= {f"cents_{name}": cents for name, cents in manifest["totals_cents"].items()}
    machine = as_json or not common.is_terminal()
    for name, about in bank.items() if machine and not quiet else ():
        common.emit("file", name=name, **about)
    common.emit_findings("files", counts, result.findings, result.exit_code, as_json=as_json, quiet=quiet)
    if machine or quiet:
        return
    for name, about in bank.items():
        cents = about["total_cents"]
        click.echo(f"  {result.folder / name}: {about['payments']:,} payments, ${cents // 100:,}.{cents % 100:02}")
