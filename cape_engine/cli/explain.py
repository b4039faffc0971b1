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

_WITH_RESULTS = frozenset({"results", "rules_folder", "as_json", "quiet"})


@click.command("explain", epilog=EXAMPLE, short_help="Say why one entry comes out as it does.")
@click.argument("entry")
@click.argument("sources", nargs=-1, type=common.FILE, metavar="[SOURCE...]")
@click.option(
    "--results", type=common.FILE, help="Folder of an earlier run, instead of sources; only --rules goes with it."
)
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
    """Explain ENTRY: each number, rule, source, row, rounding and date.

    SOURCE is what `cape run` takes: files or folders of ES-003 or canonical rows, or one store. With --results the
    answer of an earlier run is told as it is: of the options about days, files and settings only --rules goes with it.
    """
    from cape_engine import rules
    from cape_engine.pipeline import explain, requested

    if bool(sources) == bool(results):
        raise click.UsageError(
            "name either sources or --results; for example: cape explain ABC12345676 --results results"
        )
    number = explain.plain_number(entry)
    if results:
        _refuse_ignored()
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


def _refuse_ignored() -> None:
    """Refuse options that an earlier run has decided for good.

    Raises:
        click.UsageError: one of them is given.
    """
    context = click.get_current_context()
    given = [
        option.opts[0]
        for option in context.command.params
        if isinstance(option, click.Option)
        and option.name not in _WITH_RESULTS
        and context.params.get(option.name or "")
    ]
    if given:
        raise click.UsageError(
            f"{', '.join(given)}: these go with SOURCE; --results tells what its run decided. Run it anew with them, "
            "or leave them out"
        )
