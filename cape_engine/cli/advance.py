"""`cape advance`: days are played, one transaction of the ledger each."""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path

import click

from cape_engine.cli import common

EXAMPLE = """Examples:

\b
  cape advance --ledger claims.db --to 2026-06-30
  cape advance --ledger claims.db --to 2026-06-30 --events events.csv --notices notices
  cape advance --ledger claims.db --to 2026-12-31 --set schedule.daily_capacity=440000

Plays every day after the last one that was played: events, entries due, windows that close, refunds. A file of events
has the columns entry_number, kind, effective_date and, where they are known, liquidation_date and note; kinds stand in
event_kinds.csv. The same command again changes nothing. Exit codes: 0 done; 1 done, and there are findings; 2 cannot
run; 3 stopped: whole days count, run the same command again."""


@click.command("advance", epilog=EXAMPLE, short_help="Play the days of the ledger up to a day.")
@click.option("--ledger", required=True, metavar="URL", help="Ledger with scheduled entries.")
@click.option("--to", required=True, type=common.Day(), help="Last day to play.")
@click.option(
    "--from", "start", type=common.Day(), help="First day, where none was played (default: first acceptance)."
)
@click.option("--events", multiple=True, type=common.FILE, help="File of events, CSV or Parquet; may be repeated.")
@click.option("--notices", type=common.FILE, help="Folder for the bulletin notices of run days.")
@click.option("--who", default="cbp", show_default=True, help="Who brought the events.")
@click.option("--set", "changes", multiple=True, metavar="NAME=VALUE", help="Change one setting; may be repeated.")
@click.option("--settings", "settings_file", type=common.FILE, help="TOML file with settings.")
@click.option("--rules", "rules_folder", type=common.FILE, help="Folder of rule files instead of the built-in ones.")
@common.output_options
def command(  # noqa: PLR0913 - one argument per option
    *,
    ledger: str,
    to: dt.date,
    start: dt.date | None,
    events: tuple[Path, ...],
    notices: Path | None,
    who: str,
    changes: tuple[str, ...],
    settings_file: Path | None,
    rules_folder: Path | None,
    as_json: bool,
    quiet: bool,
) -> int:
    """Play every day after the last played one, up to --to."""
    import cape_engine
    from cape_engine.schema import life

    result = cape_engine.advance(
        ledger=ledger,
        to=to,
        start=start,
        events=events,
        notices=notices,
        who=who,
        settings=common.parsed_settings(changes),
        settings_file=settings_file,
        rules_folder=rules_folder,
    )
    if as_json or not common.is_terminal():
        for row in () if quiet else result.days.to_pylist():
            common.emit("day", **{**row, str(life.DAY_COUNTS): json.loads(row[life.DAY_COUNTS])})
    elif not quiet:
        for row in result.days.to_pylist():
            if row[life.DAY_COUNTS] != "{}":
                click.echo(f"{row[life.PLAYED_DAY]}  {common.told(row[life.DAY_COUNTS])}")
        click.echo(f"played {result.days.num_rows:,} days; the last one is {result.last}")
    common.emit_findings("advance", result.counts, result.findings, result.exit_code, as_json=as_json, quiet=quiet)
    return result.exit_code
