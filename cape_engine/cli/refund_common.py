"""What the commands of payments share: the ledger, settings, and how their answers are shown."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from cape_engine.cli import common
from cape_engine.cli.ledger import VARIABLE

if TYPE_CHECKING:
    from cape_engine.pipeline.payments import RefundResult

F = TypeVar("F", bound=Callable[..., Any])

ledger_option = click.option("--ledger", required=True, envvar=VARIABLE, metavar="URL", help="Ledger: a file or a URL.")
on_option = click.option("--on", required=True, type=common.Day(), help="The day, a working day of CBP and the Fed.")


def importers_option(*, required: bool) -> Callable[[F], F]:
    """Files with the accounts of recipients."""
    return click.option("--importers", multiple=True, required=required, type=common.FILE,
                        help="Importers file with accounts; may be repeated.")  # fmt: skip


def settings_options(function: F) -> F:
    """Settings, rules and output."""
    options = (
        click.option(
            "--set", "changes", multiple=True, metavar="NAME=VALUE", help="Change one setting; may be repeated."
        ),
        click.option("--settings", "settings_file", type=common.FILE, help="TOML file with settings."),
        click.option("--rules", "rules_folder", type=common.FILE, help="Folder of rule files instead of ours."),
    )
    for option in reversed(options):
        function = option(function)
    return common.output_options(function)


def shared(changes: tuple[str, ...], settings_file: Path | None, rules_folder: Path | None) -> dict[str, Any]:
    """The options that every call takes."""
    return {
        "settings": common.parsed_settings(changes), "settings_file": settings_file, "rules_folder": rules_folder,
    }  # fmt: skip


def tell(event: str, result: RefundResult, *, as_json: bool, quiet: bool) -> int:
    """Counts, findings and tables of a command; its exit code."""
    for name, table in result.tables.items():
        for row in () if quiet else table.to_pylist():
            if as_json or not common.is_terminal():
                common.emit(name.removesuffix("s"), **row)
            else:
                click.echo(f"{name.removesuffix('s')}: " + ", ".join(f"{key} {cell}" for key, cell in row.items()))
    common.emit_findings(event, result.counts, result.findings, result.exit_code, as_json=as_json, quiet=quiet)
    return result.exit_code
