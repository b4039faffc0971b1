"""`cape import`: exports into a store."""

from __future__ import annotations

from pathlib import Path

import click

from cape_engine.cli import common

EXAMPLE = """Example:

\b
  cape import exports/*.csv --headers headers.csv --store store
  cape run store --as-of 2026-05-04 --out results"""


@click.command("import", epilog=EXAMPLE, short_help="Read exports into a store.")
@click.argument("sources", nargs=-1, required=True, type=common.FILE, metavar="SOURCE...")
@click.option("--store", "folder", required=True, type=common.FILE, help="Folder of the new store.")
@click.option(
    "--partition-lines", type=click.IntRange(1), default=1_000_000, show_default=True, help="Lines per partition."
)
@common.input_options
@common.output_options
def command(  # noqa: PLR0913 - one argument per option
    sources: tuple[Path, ...],
    *,
    folder: Path,
    partition_lines: int,
    headers: tuple[Path, ...],
    mapping: Path | None,
    changes: tuple[str, ...],
    settings_file: Path | None,
    rules_folder: Path | None,
    as_json: bool,
    quiet: bool,
) -> int:
    """Read SOURCE (ES-003 or canonical rows, headers beside) into a store that runs read again and again."""
    from cape_engine import intake, rules
    from cape_engine.cli import show
    from cape_engine.settings import Settings

    with common.watching(as_json=as_json, quiet=quiet) as progress:
        store, findings = intake.build_store(
            sources,
            folder,
            headers=headers,
            mapping=mapping,
            ruleset=rules.load(rules_folder),
            settings=Settings.build(common.parsed_settings(changes), settings_file),
            partition_lines=partition_lines,
            progress=progress,
        )
    table = findings.to_table()
    if not quiet:
        show.imported(store, table, folder, as_json=as_json or not common.is_terminal())
    return show.findings_exit_code(table)
