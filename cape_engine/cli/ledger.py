"""`cape ledger`: what was ever filed, decided and paid; shown, proved, carried away, brought forward."""

from __future__ import annotations

import dataclasses
import datetime as dt
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

import click

from cape_engine.cli import common
from cape_engine.errors import UsageError

F = TypeVar("F", bound=Callable[..., Any])
MOST_DECLARATIONS = 20
VARIABLE = "CAPE_LEDGER"
ENTRY_DIGITS = 11

EXAMPLE = """Examples:

\b
  cape ledger show claims.ledger
  cape ledger history ABC12345676 claims.ledger
  cape ledger verify postgresql://cape@db/claims
  cape ledger backup claims.ledger --out claims-2026-05-04.ledger

A ledger is a file (SQLite) or a PostgreSQL URL; --ledger or the variable CAPE_LEDGER may name it too.
Exit codes: 0 done; 1 verified, and something is wrong; 2 cannot be used, nothing changed; 3 locked, read-only or disk
full: nothing of the transaction counts, run the same command again."""


def ledger_options(function: F) -> F:
    """The ledger, as last argument, as option or from the environment, and how long to wait for a writer."""
    function = click.option("--timeout", type=float, default=30.0, show_default=True, help="Seconds to wait.")(function)
    function = click.option("--ledger", "named", envvar=VARIABLE, help="The ledger, instead of the argument.")(function)
    return click.argument("url", required=False, metavar="LEDGER")(function)


def _place(url: str | None, named: str | None) -> str:
    """Which ledger is meant.

    Raises:
        UsageError: none is named.
    """
    found = url or named
    if not found:
        raise UsageError(f"name a ledger: a file or a PostgreSQL URL, as argument, with --ledger, or in {VARIABLE}")
    return found


@click.group("ledger", epilog=EXAMPLE, short_help="What was ever filed, decided and paid.")
def command() -> None:
    """Declarations, claims on entries and every step of each, in a hash chain."""


@command.command(
    "show", epilog="Examples: cape ledger show claims.ledger; cape ledger show claims.ledger --as-of 2026-06-30"
)
@click.option("--as-of", type=common.Day(), help="Entries by state at the end of a past day.")
@ledger_options
@common.output_options
def show(
    url: str | None, *, as_of: dt.date | None, named: str | None, timeout: float, as_json: bool, quiet: bool
) -> int:
    """Show what stands in LEDGER: declarations, entries by state, and the hash of its last link."""
    from cape_engine.ledger import Ledger
    from cape_engine.money import cents_text
    from cape_engine.schema import ledger as c
    from cape_engine.schema.results import PRINCIPAL_CENTS

    if as_of is not None:
        return _show_as_of(_place(url, named), as_of, timeout, as_json=as_json, quiet=quiet)
    with Ledger.open(_place(url, named), read_only=True, timeout_seconds=timeout) as ledger:
        summary, declared = dataclasses.asdict(ledger.show()), ledger.declared()
    if quiet:
        return 0
    last = declared.slice(max(0, declared.num_rows - MOST_DECLARATIONS)).to_pylist()
    if as_json:
        common.emit("ledger", **summary)
        for row in declared.to_pylist():
            common.emit("declaration", **row)
        return 0
    summary[str(PRINCIPAL_CENTS).removesuffix("_cents")] = cents_text(summary.pop(str(PRINCIPAL_CENTS)))
    _pairs({name: value for name, value in summary.items() if not isinstance(value, Mapping)})
    for title in ("states", "statuses"):
        click.echo(f"{title}:")
        _pairs(summary[title], indent="  ")
    if len(last) < declared.num_rows:
        click.echo(f"the last {len(last)} of {declared.num_rows:,} declarations:")
    for row in last:
        words = f"{row[c.DECLARATION]:>6}  {row[c.FILED_ON]}  {row[c.FILE_NAME]}  {row[c.SUBMITTER]} ({row[c.ACCOUNT]})"
        status = f"{row[c.DECLARATION_STATUS]}, {row[c.CLAIM_NUMBER] or 'no claim'}"
        count = row[c.DECLARED_ENTRIES]
        click.echo(f"{words}  {count:,} {'entry' if count == 1 else 'entries'}  {status}")
    return 0


def _show_as_of(place: str, day: dt.date, timeout: float, *, as_json: bool, quiet: bool) -> int:
    """Entries by state at the end of a past day, rebuilt from the steps."""
    from cape_engine.ledger import Ledger
    from cape_engine.schema import ledger as c

    with Ledger.open(place, read_only=True, timeout_seconds=timeout) as ledger:
        states = ledger.as_of(day).column(c.STATE).value_counts().to_pylist()
    counts = {row["values"]: row["counts"] for row in states}
    if as_json:
        common.emit("as_of", day=day, states=counts)
    elif not quiet:
        click.echo(f"entries by state at the end of {day}:")
        _pairs(counts, indent="  ")
    return 0


@command.command("history", epilog="Example: cape ledger history ABC12345676 claims.ledger")
@click.argument("entry", metavar="ENTRY")
@ledger_options
@common.output_options
def history(entry: str, url: str | None, *, named: str | None, timeout: float, as_json: bool, quiet: bool) -> int:
    """Show every step of ENTRY on every claim in LEDGER, oldest first."""
    from cape_engine.ledger import Ledger
    from cape_engine.schema import ledger as c

    number = "".join(character for character in entry.upper() if character.isalnum())
    if len(number) != ENTRY_DIGITS:
        raise UsageError(f"{entry!r} is not an entry number: it has 11 letters and digits, such as ABC-1234567-6")
    with Ledger.open(_place(url, named), read_only=True, timeout_seconds=timeout) as ledger:
        steps = ledger.history(number).to_pylist()
    if as_json:
        for row in steps:
            common.emit("step", **row)
    elif not quiet:
        for row in steps:
            claim = f"declaration {row[c.DECLARATION]}, claim {row[c.CLAIM_NUMBER] or 'none'}"
            why = f": {row[c.REASON]}" if row[c.REASON] else ""
            click.echo(f"{row[c.ON_DAY]}  {row[c.FROM_STATE]} -> {row[c.TO_STATE]}  by {row[c.WHO]}  ({claim}){why}")
        if not steps:
            click.echo(f"{number}: never declared in this ledger")
    return 0


@command.command("verify", epilog="Example: cape ledger verify claims.ledger")
@ledger_options
@common.output_options
def verify(url: str | None, *, named: str | None, timeout: float, as_json: bool, quiet: bool) -> int:
    """Recompute the chain, every state, every sum and the uniqueness of live claims in LEDGER."""
    from cape_engine.ledger import Ledger

    with Ledger.open(_place(url, named), read_only=True, timeout_seconds=timeout) as ledger:
        report = ledger.verify()
    if as_json:
        common.emit("verified", ok=report.ok, **dataclasses.asdict(report))
    else:
        for problem in report.problems:
            click.echo(f"problem: {problem}", err=True)
        if not quiet:
            counted = f"{report.links:,} links, {report.events:,} steps of entries, {report.claims:,} claims"
            click.echo(f"{counted}: {'everything agrees' if report.ok else f'{len(report.problems):,} problems'}")
            click.echo(f"head {report.head or 'none: the ledger is empty'}")
    return 0 if report.ok else 1


@command.command("export", epilog="Example: cape ledger export claims.ledger --out ledger-parquet")
@ledger_options
@click.option("--out", required=True, type=common.FILE, help="New folder for the Parquet files.")
@common.output_options
def export(url: str | None, *, named: str | None, timeout: float, out: Path, as_json: bool, quiet: bool) -> int:
    """Write every table of LEDGER as Parquet, as of one moment."""
    from cape_engine.ledger import Ledger

    with Ledger.open(_place(url, named), read_only=True, timeout_seconds=timeout) as ledger:
        counts = ledger.export(out)
    return _counted(counts, str(out), as_json=as_json, quiet=quiet)


@command.command("import", epilog="Example: cape ledger import ledger-parquet postgresql://cape@db/claims")
@click.argument("folder", type=common.FILE, metavar="FOLDER")
@ledger_options
@common.output_options
def import_(folder: Path, url: str | None, *, named: str | None, timeout: float, as_json: bool, quiet: bool) -> int:
    """Read an exported FOLDER into a new LEDGER; it counts only when it verifies."""
    from cape_engine.ledger import Ledger
    from cape_engine.ledger.carrying import refuse_other_folder

    place = _place(url, named)
    refuse_other_folder(folder)
    with Ledger.open(place, timeout_seconds=timeout) as ledger:
        counts = ledger.import_(folder)
    return _counted(counts, str(folder), as_json=as_json, quiet=quiet)


@command.command("backup", epilog="Example: cape ledger backup claims.ledger --out copy.ledger")
@ledger_options
@click.option("--out", required=True, type=common.FILE, help="New file for the copy.")
@common.output_options
def backup(url: str | None, *, named: str | None, timeout: float, out: Path, as_json: bool, quiet: bool) -> int:
    """Copy LEDGER, as of one moment, into a new SQLite file, and verify the copy; writers may go on meanwhile."""
    from cape_engine.ledger import Ledger

    with Ledger.open(_place(url, named), read_only=True, timeout_seconds=timeout) as ledger:
        ledger.backup(out)
        head = ledger.show().head
    if as_json:
        common.emit("backup", file=str(out), head=head)
    elif not quiet:
        click.echo(f"{out}: verified copy")
    return 0


@command.command("migrate", epilog="Example: cape ledger migrate claims.ledger")
@ledger_options
@common.output_options
def migrate(url: str | None, *, named: str | None, timeout: float, as_json: bool, quiet: bool) -> int:
    """Bring an older LEDGER forward to the schema of this engine, in one transaction."""
    from cape_engine.ledger import Ledger

    before, after = Ledger.migrate(_place(url, named), timeout_seconds=timeout)
    if as_json:
        common.emit("migrated", before=before, after=after)
    elif not quiet:
        words = "is of this engine's schema already" if before == after else f"was {before}, is now"
        click.echo(f"schema version {words} {after}" if before != after else f"schema version {after} {words}")
    return 0


def _pairs(values: Mapping[str, object], indent: str = "") -> None:
    """Names and values below each other."""
    width = max((len(name) for name in values), default=0)
    for name, value in values.items():
        click.echo(
            f"{indent}{name:<{width}}  {value:,}" if isinstance(value, int) else f"{indent}{name:<{width}}  {value}"
        )


def _counted(counts: Mapping[str, int], place: str, *, as_json: bool, quiet: bool) -> int:
    """Rows by table."""
    if as_json:
        common.emit("tables", place=place, rows=dict(counts))
    elif not quiet:
        _pairs(counts)
    return 0
