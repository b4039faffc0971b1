"""`cape schedule`: what a run decided about accepted entries becomes their place in the schedule."""

from __future__ import annotations

from pathlib import Path

import click

from cape_engine.cli import common

EXAMPLE = """Examples:

\b
  cape run store --as-of 2026-05-04 --out results
  cape schedule --results results --store store --ledger claims.db
  cape advance --ledger claims.db --to 2026-06-30

Entries that the run accepted and the ledger knows as ACCEPTED come to SCHEDULED, STRIPPED_WAITING, IN_REVIEW or
WINDOW_MISSED, by the rules of the run. Give the same --headers, --importers and --deposits as to the run. The same
command again changes nothing. Exit codes: 0 done; 1 done, and there are findings; 2 cannot run; 3 stopped, run it
again."""


@click.command("schedule", epilog=EXAMPLE, short_help="Give accepted entries their place in the schedule.")
@click.option("--results", required=True, type=common.FILE, help="Folder that `cape run --out` wrote.")
@click.option("--store", type=common.FILE, help="Store that the run read.")
@click.option(
    "--source",
    "sources",
    multiple=True,
    type=common.FILE,
    help="Files that the run read, without a store; may be repeated.",
)
@click.option("--ledger", required=True, metavar="URL", help="Ledger that knows the claims.")
@click.option("--importers", multiple=True, type=common.FILE, help="Importers file, as for the run; may be repeated.")
@click.option("--deposits", multiple=True, type=common.FILE, help="Deposits file, as for the run; may be repeated.")
@click.option("--headers", multiple=True, type=common.FILE, help="Entry header file, as for the run; may be repeated.")
@click.option("--mapping", type=common.FILE, help="TOML with exact header names of another export.")
@click.option(
    "--set", "changes", multiple=True, metavar="NAME=VALUE", help="Change one setting of the run; may be repeated."
)
@click.option("--rules", "rules_folder", type=common.FILE, help="Folder of rule files instead of the built-in ones.")
@common.output_options
def command(  # noqa: PLR0913 - one argument per option
    *,
    results: Path,
    store: Path | None,
    sources: tuple[Path, ...],
    ledger: str,
    importers: tuple[Path, ...],
    deposits: tuple[Path, ...],
    headers: tuple[Path, ...],
    mapping: Path | None,
    changes: tuple[str, ...],
    rules_folder: Path | None,
    as_json: bool,
    quiet: bool,
) -> int:
    """Take what a run decided into the ledger: facts, plans and states of accepted entries."""
    import cape_engine
    from cape_engine.errors import UsageError

    if store is None and not sources:
        raise UsageError("give either --store DIR or --source FILE [--source FILE ...]: what the run read")
    result = cape_engine.schedule(
        results,
        sources if store is None else (store, *sources),
        ledger=ledger,
        headers=headers,
        importers=importers,
        deposits=deposits,
        mapping=mapping,
        settings=common.parsed_settings(changes),
        rules_folder=rules_folder,
    )
    common.emit_findings("schedule", result.counts, result.findings, result.exit_code, as_json=as_json, quiet=quiet)
    return result.exit_code
