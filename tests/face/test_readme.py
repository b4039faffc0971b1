"""What the README shows is what the commands print."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

import cape_fixtures
from cape_engine import cli

ROOT = Path(__file__).resolve().parents[2]
BLOCKS = re.findall(r"```console\n(\$ cape .*?)```", (ROOT / "README.md").read_text(encoding="utf-8"), re.DOTALL)
SESSIONS = [re.findall(r"^\$ ((?:cape|cat) [^\n]+)\n((?:(?!\$ ).*\n)*)", block, re.MULTILINE) for block in BLOCKS]
SHOWN = [session[0] for session in SESSIONS if len(session) == 1]
TOLD = [session for session in SESSIONS if len(session) > 1]
IN_TREE = "fixtures/cape_fixtures/data/"


def test_readme__shows_two_explanations() -> None:
    """A real filing and a replacement line are explained in the README."""
    assert [shlex.split(command)[:2] for command, _ in SHOWN] == [["cape", "explain"]] * 2


@pytest.mark.parametrize(("command", "expected"), SHOWN, ids=[command.split()[2] for command, _ in SHOWN])
def test_readme__output_is_real(command: str, expected: str, capsys: pytest.CaptureFixture[str]) -> None:
    """The command prints exactly what stands below it, blanks at the ends of lines aside."""
    assert printed(command, capsys) == expected.rstrip().splitlines()


def test_readme__session_is_real(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The road from packing to the notice of a run day, command by command in one folder, prints what is shown."""
    monkeypatch.chdir(tmp_path)
    commands = [pair for session in TOLD for pair in session]
    words = [shlex.split(command)[1] for command, _ in commands]
    assert words[:-1] == ["import", "pack", "check", "answers", "ledger", "run", "schedule", "advance"]
    for command, expected in commands:
        assert printed(command, capsys) == expected.splitlines()


def printed(command: str, capsys: pytest.CaptureFixture[str]) -> list[str]:
    """What a command of the README prints, blanks at the ends of lines aside."""
    if command.startswith("cat "):
        return Path(command.removeprefix("cat ")).read_text(encoding="utf-8").splitlines()
    data = Path(cape_fixtures.__file__).parent / "data"
    arguments = [
        str(data / word.removeprefix(IN_TREE)) if word.startswith(IN_TREE) else word for word in shlex.split(command)
    ]
    assert cli.invoke(arguments[1:]) == 0
    return [line.rstrip() for line in capsys.readouterr().out.rstrip().splitlines()]
