"""`cape bench`: data of national size with a known answer, and measurements of single stages on it."""

from __future__ import annotations

import importlib

import click

SUBCOMMANDS: dict[str, tuple[str, str, str]] = {
    "generate": (
        "cape_engine.cli.bench_generate",
        "generate",
        "Write a store (or ES-003 files) shaped like the nation's, with its answer.",
    ),
    "consolidation": (
        "cape_engine.cli.bench_consolidation",
        "consolidation",
        "Time entry refunds to payments alone, with a known answer.",
    ),
}
"""Name of each subcommand: module, function, one line of help."""

EPILOG = """Examples:

\b
  cape bench generate --scale 0.01 --seed 1 --out n001
  cape run n001/store --importers n001/importers.csv --as-of 2026-05-04 --out results
  cape bench consolidation"""


class Subcommands(click.Group):
    """A group whose subcommands are imported when one is called: the generator compiles kernels of its own."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The subcommands in the order in which they are usually needed."""
        del ctx
        return list(SUBCOMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import the subcommand's module and take its function."""
        del ctx
        if cmd_name not in SUBCOMMANDS:
            return None
        module, function, _ = SUBCOMMANDS[cmd_name]
        command: click.Command = getattr(importlib.import_module(module), function)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the subcommands without importing them."""
        del ctx
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, _, text) in SUBCOMMANDS.items()])


@click.group("bench", cls=Subcommands, epilog=EPILOG, short_help="Data of national size, and measurements.")
def command() -> None:
    """Data of national size whose answer is known, and measurements of single stages."""
