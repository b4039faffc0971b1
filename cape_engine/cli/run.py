"""`cape run`: the whole road on exports or a store."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

import click

from cape_engine.cli import common, places

EXAMPLE = """Examples:

\b
  cape run export.csv --out results
  cape run *.xlsx --headers headers.csv --importers importers.csv --as-of 2026-05-04 --out results
  cape run store --declaration claim.csv --set phase.hold_policy=reject --json
  cape run store --out results --layout parts

Writes entries, changes, refunds, payments and findings as Parquet and a manifest.json. A run that was stopped is
continued by the same command; a later run into the same folder runs only the partitions that something changed.
Exit codes: 0 done; 1 done, with findings or rejected entries; 2 cannot run; 3 stopped, run it again."""


@click.command("run", epilog=EXAMPLE, short_help="Claim checks, removal, schedule and refunds.")
@click.argument("sources", nargs=-1, required=True, type=common.FILE, metavar="SOURCE...")
@click.option("--out", type=common.FILE, help="Folder for the results; without it they are only shown.")
@click.option(
    "--declaration",
    "declarations",
    multiple=True,
    type=common.FILE,
    help="CAPE declaration, may be repeated; only their entries are claimed.",
)
@common.run_options
@common.input_options
@click.option("--detail", type=click.Choice(["none", "changes", "full"]), default="changes", show_default=True)
@click.option(
    "--layout",
    type=click.Choice(["files", "parts"]),
    default="files",
    show_default=True,
    help="parts: a file for each partition of the store; a later run replaces only those that changed.",
)
@click.option("--threads", type=click.IntRange(1), help="Worker threads (default: all cores).")
@click.option(
    "--engine", type=click.Choice(["threads"]), default="threads", show_default=True, help="Carrier of the work."
)
@click.option("--memory-limit", metavar="SIZE", help="Memory to stay within, such as 2GiB; fewer threads if need be.")
@click.option("--full", is_flag=True, help="Run every partition anew, also those an earlier run into --out finished.")
@common.output_options
def command(  # noqa: PLR0913 - one argument per option
    sources: tuple[Path, ...],
    *,
    out: Path | None,
    declarations: tuple[Path, ...],
    as_of: dt.date | None,
    accepted_on: dt.date | None,
    importers: tuple[Path, ...],
    deposits: tuple[Path, ...],
    column1: Path | None,
    changes: tuple[str, ...],
    engine: str,
    as_json: bool,
    quiet: bool,
    **options: Any,
) -> int:
    """Run the whole road on SOURCE: files or folders of ES-003 or canonical rows, or one store."""
    places.refuse_unwritable(out)
    from cape_kernels import ahead

    ahead.compile_all()
    import cape_engine

    del engine
    with common.watching(as_json=as_json, quiet=quiet) as progress, common.stop_on_signal() as stop:
        result = cape_engine.run(
            sources,
            out=out,
            declaration=declarations,
            as_of=as_of,
            accepted_on=accepted_on,
            importers=importers,
            deposits=deposits,
            column1=column1,
            settings=common.parsed_settings(changes),
            progress=progress,
            stop=stop,
            **options,
        )
    if not quiet:
        from cape_engine.cli import show

        show.result(result, out, as_json=as_json or not common.is_terminal())
    return result.exit_code
