"""`cape explain`: why one entry comes out as it does."""

from __future__ import annotations

import dataclasses
import datetime as dt
from pathlib import Path

import click

from cape_engine.cli import common

EXAMPLE = """Examples:

\b
  cape explain ABC12345676 export.csv --headers headers.csv --as-of 2026-05-04
  cape explain ABC-1234567-6 --results results"""


@click.command("explain", epilog=EXAMPLE, short_help="Say why one entry comes out as it does.")
@click.argument("entry")
@click.argument("sources", nargs=-1, type=common.FILE, metavar="[SOURCE...]")
@click.option("--results", type=common.FILE, help="Folder of an earlier run, instead of sources.")
@common.run_options
@common.input_options
@common.output_options
def command(  # noqa: PLR0913 - one argument per option
    entry: str,
    sources: tuple[Path, ...],
    *,
    results: Path | None,
    as_of: dt.date | None,
    accepted_on: dt.date | None,
    importers: tuple[Path, ...],
    deposits: tuple[Path, ...],
    column1: Path | None,
    headers: tuple[Path, ...],
    mapping: Path | None,
    changes: tuple[str, ...],
    settings_file: Path | None,
    rules_folder: Path | None,
    as_json: bool,
    quiet: bool,
) -> int:
    """Explain ENTRY: each number, rule, source, row, rounding and date, from SOURCE or from an earlier run."""
    from cape_engine import rules
    from cape_engine.pipeline import explain, requested

    if bool(sources) == bool(results):
        raise click.UsageError(
            "name either sources or --results; for example: cape explain ABC12345676 --results results"
        )
    number = explain.plain_number(entry)
    if results:
        told = explain.from_results(number, results)
    else:
        request = requested(
            sources,
            as_of=as_of,
            accepted_on=accepted_on,
            importers=importers,
            deposits=deposits,
            column1=column1,
            headers=headers,
            mapping=mapping,
            settings=common.parsed_settings(changes),
            settings_file=settings_file,
            rules_folder=rules_folder,
        )
        told = explain.from_sources(number, request)
    sections = explain.story(told, rules.load(rules_folder))
    if as_json:
        for section in sections:
            common.emit("section", **dataclasses.asdict(section))
    elif not quiet:
        from cape_engine.cli import show

        show.sections(sections)
    return 0
