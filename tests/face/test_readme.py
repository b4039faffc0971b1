"""What the README shows is what the commands print."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

import cape_fixtures
from cape_engine import cli

ROOT = Path(__file__).resolve().parents[2]
SHOWN = re.findall(
    r"```console\n\$ (cape [^\n]+)\n(.*?)```", (ROOT / "README.md").read_text(encoding="utf-8"), re.DOTALL
)
IN_TREE = "fixtures/cape_fixtures/data/"


def test_readme__shows_two_explanations() -> None:
    """A real filing and a replacement line are explained in the README."""
    assert [shlex.split(command)[:2] for command, _ in SHOWN] == [["cape", "explain"]] * 2


@pytest.mark.parametrize(("command", "expected"), SHOWN, ids=[command.split()[2] for command, _ in SHOWN])
def test_readme__output_is_real(command: str, expected: str, capsys: pytest.CaptureFixture[str]) -> None:
    """The command prints exactly what stands below it, blanks at the ends of lines aside."""
    data = Path(cape_fixtures.__file__).parent / "data"
    arguments = [
        str(data / word.removeprefix(IN_TREE)) if word.startswith(IN_TREE) else word for word in shlex.split(command)
    ]
    assert cli.invoke(arguments[1:]) == 0
    printed = [line.rstrip() for line in capsys.readouterr().out.rstrip().splitlines()]
    assert printed == expected.rstrip().splitlines()
