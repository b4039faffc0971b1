"""`cape rules`: show, check and compare the dated rules."""

from __future__ import annotations

import dataclasses
import datetime as dt
from pathlib import Path
from typing import Any

import click

from cape_engine.cli import common

RULES = click.option(
    "--rules", "rules_folder", type=common.FILE, help="Folder of rule files instead of the built-in ones."
)

EXAMPLE = """Examples:

\b
  cape rules show 9903.01.25 --on 2025-08-07
  cape rules show final_liquidation
  cape rules diff 2026-06-24 2026-06-25
  cape rules check"""


@click.group("rules", epilog=EXAMPLE, short_help="Show, check and compare the dated rules.")
def command() -> None:
    """The law as dated data: every value with its source."""


@command.command("show", epilog="Example: cape rules show 8544.42.90 --on 2025-09-01")
@click.argument("key", metavar="NUMBER|RULE")
@click.option("--on", type=common.Day(), help="Only what is in force on this day.")
@RULES
@common.output_options
def show_rule(key: str, *, on: dt.date | None, rules_folder: Path | None, as_json: bool, quiet: bool) -> int:
    """Show everything the rule files say about a tariff number, a rule or a setting."""
    from cape_engine import rules
    from cape_engine.rules import show

    found = show.show(rules.load(rules_folder), key, on)
    return _print([record.as_dict() for record in found], as_json=as_json, quiet=quiet)


@command.command("diff", epilog="Example: cape rules diff 2025-11-09 2025-11-10")
@click.argument("day1", type=common.Day())
@click.argument("day2", type=common.Day())
@RULES
@common.output_options
def diff_rules(day1: dt.date, day2: dt.date, *, rules_folder: Path | None, as_json: bool, quiet: bool) -> int:
    """Show what differs in the law between two days."""
    from cape_engine import rules
    from cape_engine.rules import show

    found = show.diff(rules.load(rules_folder), day1, day2)
    return _print([difference.as_dict() for difference in found], as_json=as_json, quiet=quiet)


@command.command("check", epilog="Example: cape rules check --rules my-rules")
@RULES
@common.output_options
def check_rules(*, rules_folder: Path | None, as_json: bool, quiet: bool) -> int:
    """Check every rule file: columns, values, duplicates, gaps and overlaps, counts and coverage."""
    from cape_engine.rules.check import check

    report = check(rules_folder)
    if as_json:
        common.emit("rules_check", ok=report.ok, **dataclasses.asdict(report))
    elif not quiet:
        for name, rows in report.rows.items():
            click.echo(f"{rows:>7,} rows  {name}")
        for name, value in report.facts:
            click.echo(f"{name}: {value}")
        for note in report.notes:
            click.echo(f"note: {note}")
        click.echo(f"ruleset hash {report.hash}" if report.ok else "the rules cannot be used:")
    for problem in report.problems:
        click.echo(f"problem: {problem}", err=True)
    return 0 if report.ok else 2


def _print(records: list[dict[str, Any]], *, as_json: bool, quiet: bool) -> int:
    """Records as JSON lines or as short blocks for people."""
    if quiet:
        return 0
    if as_json:
        for record in records:
            common.emit("rule", **record)
        return 0
    for record in records:
        width = max(len(name) for name in record)
        for name, value in record.items():
            if value not in (None, ""):
                click.echo(f"{name:<{width}}  {value}")
        click.echo()
    return 0
