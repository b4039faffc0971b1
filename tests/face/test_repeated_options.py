"""Options that may be repeated: the help says so, and so do the messages of commands that lack their source."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from cape_engine import cli
from cape_engine.cli import cape


def commands(command: click.Command, context: click.Context, name: str) -> Iterator[tuple[str, click.Command]]:
    """Every command below one, by its words."""
    if not isinstance(command, click.Group):
        yield name, command
        return
    for word in command.list_commands(context):
        below = command.get_command(context, word)
        assert below is not None
        yield from commands(below, context, f"{name} {word}")


EVERY = dict(commands(cape, click.Context(cape, info_name="cape"), "cape"))


@pytest.mark.parametrize("name", EVERY)
def test_help__says_what_may_be_repeated(name: str) -> None:
    """Of every option that is taken more than once the help says it, and of no other one."""
    options = [option for option in EVERY[name].params if isinstance(option, click.Option)]
    said = {option.name for option in options if "may be repeated" in (option.help or "")}
    assert said == {option.name for option in options if option.multiple}


@pytest.mark.parametrize(
    "words",
    [("pack", "--out", "out"), ("schedule", "--results", "results", "--ledger", "claims.ledger")],
    ids=["pack", "schedule"],
)
def test_sources__missing(
    words: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A command without store or files names both options as they are written, and nothing is made."""
    monkeypatch.chdir(tmp_path)
    assert cli.invoke([*words]) == 2
    assert "give either --store DIR or --source FILE [--source FILE ...]" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []
