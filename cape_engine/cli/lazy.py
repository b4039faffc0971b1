"""Groups whose commands are imported when one is called: `cape --help` loads neither Arrow nor a compiler."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from typing import Any

import click


class LazyGroup(click.Group):
    """A group that knows its commands by name only.

    Args:
        arguments: those of a group.
        rooms: module and one line of help of each command, in the order in which they are usually needed.
        options: those of a group.
    """

    def __init__(self, *arguments: Any, rooms: Mapping[str, tuple[str, str]], **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._rooms = rooms

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The commands in their order."""
        del ctx
        return list(self._rooms)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import the command's module and take its `command`."""
        del ctx
        if cmd_name not in self._rooms:
            return None
        command: click.Command = importlib.import_module(self._rooms[cmd_name][0]).command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the commands without importing them."""
        del ctx
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, text) in self._rooms.items()])
