"""`cape import`: exports into a store."""

from __future__ import annotations

from pathlib import Path

import click

from cape_engine.cli import common

EXAMPLE = """Examples:

\b
  cape import exports/*.csv --headers headers.csv --store store
  cape import history/ --store store --memory-limit 2GiB
  cape import june.csv --into store
  cape run store --as-of 2026-05-04 --out results

An import that was stopped or killed is repeated with the same command. With --into, new entries come in new
partitions; an entry that is there already is replaced by a higher version, kept if it says the same, and otherwise
kept with a finding. Partitions without a replaced entry are not touched, so that a later run computes only the others.
Exit codes: 0 done; 1 done, with findings; 2 cannot run; 3 stopped, run the same command again."""


@click.command("import", epilog=EXAMPLE, short_help="Read exports into a store.")
@click.argument("sources", nargs=-1, required=True, type=common.FILE, metavar="SOURCE...")
@click.option("--store", "--out", "folder", type=common.FILE, help="Folder of the new store; an old one is replaced.")
@click.option("--into", type=common.FILE, help="A store that is there, to which SOURCE is added.")
@click.option(
    "--partition-lines", type=click.IntRange(1), default=1_000_000, show_default=True, help="Lines per partition."
)
@click.option(
    "--memory-limit",
    metavar="SIZE",
    help="Memory to stay within, such as 2GiB; what does not fit is sorted through the disk (default: what is free).",
)
@common.input_options
@common.output_options
def command(  # noqa: PLR0913 - one argument per option
    sources: tuple[Path, ...],
    *,
    folder: Path | None,
    into: Path | None,
    partition_lines: int,
    memory_limit: str | None,
    headers: tuple[Path, ...],
    mapping: Path | None,
    changes: tuple[str, ...],
    settings_file: Path | None,
    rules_folder: Path | None,
    as_json: bool,
    quiet: bool,
) -> int:
    """Read SOURCE (ES-003 or canonical rows, headers beside) into a store that runs read again and again."""
    from cape_kernels import ahead

    ahead.compile_all()
    from cape_engine import intake, rules
    from cape_engine.cli import show
    from cape_engine.errors import UsageError
    from cape_engine.pipeline.api import memory_bytes
    from cape_engine.settings import Settings

    place = folder or into
    if place is None or (folder is not None and into is not None):
        raise UsageError("give either --store DIR for a new store, or --into STORE to add to one")
    build = intake.build_store if into is None else intake.add_to_store
    with common.watching(as_json=as_json, quiet=quiet) as progress:
        store, findings = build(
            sources,
            place,
            headers=headers,
            mapping=mapping,
            ruleset=rules.load(rules_folder),
            settings=Settings.build(common.parsed_settings(changes), settings_file),
            partition_lines=partition_lines,
            memory_limit=memory_bytes(memory_limit),
            progress=progress,
        )
    table = findings.to_table()
    if not quiet:
        show.imported(store, table, place, as_json=as_json or not common.is_terminal())
    return show.findings_exit_code(table)
