"""`cape review`: entries that wait for an officer; list, assign, decide."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from cape_engine.cli import common
from cape_engine.cli.ledger import VARIABLE

if TYPE_CHECKING:
    from cape_engine.pipeline.reviewing import ReviewResult

F = TypeVar("F", bound=Callable[..., Any])
MOST_ENTRIES = 30

EXAMPLE = """Examples:

\b
  cape review list --ledger claims.ledger --out queue.csv
  cape review assign --ledger claims.ledger --officer "A. Lee" --first 50
  cape review decide --ledger claims.ledger --file queue.csv --officer "A. Lee"
  cape review decide ABC12345676 --ledger claims.ledger --change 120000 --reason "value moved" --officer "A. Lee"

Exit codes: 0 done; 1 done, and some rows did not count or need a look; 2 cannot run, nothing changed; 3 locked,
read-only or disk full: nothing of the transaction counts, run the same command again."""


def review_options(function: F) -> F:
    """The ledger, the day, and what the entries were scheduled with."""
    options = (
        click.option("--ledger", required=True, envvar=VARIABLE, metavar="URL", help="Ledger: a file or a URL."),
        click.option("--on", type=common.Day(), help="The day (default today)."),
        click.option(
            "--set", "changes", multiple=True, metavar="NAME=VALUE", help="Change one setting; may be repeated."
        ),
        click.option("--settings", "settings_file", type=common.FILE, help="TOML file with settings."),
        click.option("--rules", "rules_folder", type=common.FILE, help="Folder of rule files instead of ours."),
    )
    for option in reversed(options):
        function = option(function)
    return common.output_options(function)


def _shared(on: dt.date | None, changes: tuple[str, ...], file: Path | None, folder: Path | None) -> dict[str, Any]:
    """The options that every call takes."""
    return {"on": on, "settings": common.parsed_settings(changes), "settings_file": file, "rules_folder": folder}


@click.group("review", epilog=EXAMPLE, short_help="Entries that wait for an officer: list, assign, decide.")
def command() -> None:
    """Manual review: what was picked and why, who looks at it, and what was decided."""


@command.command("list", epilog="Example: cape review list --ledger claims.ledger --officer 'A. Lee'")
@click.option("--officer", help="Only the entries of this officer.")
@click.option(
    "--out", type=common.FILE, help="File for the whole list (.csv or .parquet), to be filled in and decided."
)
@review_options
def list_(
    *,
    officer: str | None,
    out: Path | None,
    ledger: str,
    on: dt.date | None,
    changes: tuple[str, ...],
    settings_file: Path | None,
    rules_folder: Path | None,
    as_json: bool,
    quiet: bool,
) -> int:
    """Show the entries in review, the most urgent first."""
    import cape_engine

    result = cape_engine.review_list(ledger=ledger, out=out, **_shared(on, changes, settings_file, rules_folder))
    _show(result, officer, as_json=as_json, quiet=quiet)
    return result.exit_code


@command.command("assign", epilog="Example: cape review assign ABC12345676 --ledger claims.ledger --officer 'A. Lee'")
@click.argument("entries", nargs=-1, metavar="ENTRY...")
@click.option("--officer", required=True, help="Who looks at them.")
@click.option("--first", type=click.IntRange(min=0), default=0, help="Also so many of the most urgent unassigned ones.")
@review_options
def assign(  # noqa: PLR0913 - one argument per option
    entries: tuple[str, ...],
    *,
    officer: str,
    first: int,
    ledger: str,
    on: dt.date | None,
    changes: tuple[str, ...],
    settings_file: Path | None,
    rules_folder: Path | None,
    as_json: bool,
    quiet: bool,
) -> int:
    """Give entries in review to an officer."""
    import cape_engine

    shared = _shared(on, changes, settings_file, rules_folder)
    result = cape_engine.review_assign(entries, ledger=ledger, officer=officer, first=first, **shared)
    return _say(result, as_json=as_json, quiet=quiet)


@command.command("decide", epilog="Example: cape review decide --file decided.csv --ledger claims.ledger")
@click.argument("entries", nargs=-1, metavar="[ENTRY]...")
@click.option("--file", "files", multiple=True, type=common.FILE, help="Decisions as CSV or Parquet; may be repeated.")
@click.option("--release", is_flag=True, help="Release the entries as they are.")
@click.option("--change", metavar="CENTS", help="Release them with this lower principal.")
@click.option("--reject", is_flag=True, help="Reject the claim on the entries; they may be declared again.")
@click.option("--reason", default="", help="Why; needed for --change and --reject.")
@click.option("--officer", default="", help="Who decides, where the file does not say.")
@review_options
def decide(  # noqa: PLR0913 - one argument per option
    entries: tuple[str, ...],
    *,
    files: tuple[Path, ...],
    release: bool,
    change: str | None,
    reject: bool,
    reason: str,
    officer: str,
    ledger: str,
    on: dt.date | None,
    changes: tuple[str, ...],
    settings_file: Path | None,
    rules_folder: Path | None,
    as_json: bool,
    quiet: bool,
) -> int:
    """Decide about entries in review: those named, or those of a file."""
    import cape_engine
    from cape_engine.schema import review as c

    chosen = [
        word for word, given in (("release", release), ("change", change is not None), ("reject", reject)) if given
    ]
    if bool(entries) == bool(files) or len(chosen) != bool(entries):
        raise click.UsageError("name entries with one of --release, --change CENTS and --reject; or give --file")
    shared = _shared(on, changes, settings_file, rules_folder)
    names = tuple(map(str, c.DECISIONS_FILE[:-1]))
    rows = [dict(zip(names, (entry, "".join(chosen), change, reason), strict=True)) for entry in entries]
    sources: list[Any] = [*files, *([rows] if rows else [])]
    code = 0
    for source in sources:
        result = cape_engine.review_decide(source, ledger=ledger, officer=officer, **shared)
        code = max(code, _say(result, as_json=as_json, quiet=quiet))
    return code


def _say(result: ReviewResult, *, as_json: bool, quiet: bool) -> int:
    """What was done, and what did not count."""
    counts = {**result.counts, "waiting": result.queue.num_rows}
    common.emit_findings("review", counts, result.findings, result.exit_code, as_json=as_json, quiet=quiet)
    return result.exit_code


def _show(result: ReviewResult, officer: str | None, *, as_json: bool, quiet: bool) -> None:
    """The queue, for people or machines."""
    from cape_engine.schema import review as c
    from cape_engine.schema.facts import ENTRY_NUMBER
    from cape_engine.schema.results import PRINCIPAL_CENTS

    rows = [row for row in result.queue.to_pylist() if officer is None or row[c.OFFICER] == officer]
    if as_json:
        for row in rows:
            common.emit("entry", **row)
        common.emit("review", waiting=len(rows))
        return
    if quiet:
        return
    click.echo(f"{len(rows):,} entries in review, {_dollars(sum(row[PRINCIPAL_CENTS] or 0 for row in rows))}")
    for row in rows[:MOST_ENTRIES]:
        left = "no limit"
        if row[c.DAYS_LEFT] is not None:
            left = f"decide by {row[c.DECIDE_BY_DATE]} ({row[c.DAYS_LEFT]} days)"
        done = f", decided: {row[c.DECIDED]}" if row[c.DECIDED] else ""
        who = row[c.OFFICER] or "nobody"
        amount = _dollars(row[PRINCIPAL_CENTS] or 0)
        click.echo(f"  {row[ENTRY_NUMBER]}  {amount:>16}  {left}  {row[c.PICKED_BY]}  {who}{done}")
    if len(rows) > MOST_ENTRIES:
        click.echo(f"  and {len(rows) - MOST_ENTRIES:,} more; --json or --out gives all")


def _dollars(cents: int) -> str:
    """Cents as people read them."""
    return f"${cents // 100:,}.{cents % 100:02}"
