"""What is declared is used, and what is used is declared: settings and kinds of findings."""

from __future__ import annotations

import ast
import re
import tomllib
from pathlib import Path

import pytest

import cape_engine
from cape_engine import findings, settings

FOLDER = Path(next(iter(cape_engine.__path__)))


@pytest.fixture(scope="module")
def words() -> set[str]:
    """Every string constant of the engine's own code."""
    trees = (ast.parse(file.read_text(encoding="utf-8")) for file in FOLDER.rglob("*.py"))
    return {
        node.value
        for tree in trees
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }


def data_words() -> str:
    """The text of the rule files, which name kinds of findings too."""
    return "\n".join(file.read_text(encoding="utf-8") for file in (FOLDER / "rules" / "data").glob("*.csv"))


def test_settings__each_is_read_or_fixed(words: set[str]) -> None:
    """A setting that nothing reads would promise what does not happen; a fixed one says why it is fixed."""
    text = (Path(__file__).parent / "exceptions.toml").read_text(encoding="utf-8")
    allowed = set(tomllib.loads(text)["idle_settings"])
    idle = {
        name
        for name, setting in settings.catalogue().items()
        if name not in words and not setting.only_default and len(setting.choices) != 1
    }
    assert idle - allowed == set()
    assert allowed - idle == set(), "an exception that is no longer needed"


def test_settings__read_ones_are_declared(words: set[str]) -> None:
    """Every dotted name of a settings group that the code spells is a setting."""
    groups = {name.split(".", maxsplit=1)[0] for name in settings.catalogue()}
    spelled = {word for word in words if re.fullmatch(r"[a-z]+(\.[a-z0-9_]+)+", word)}
    unknown = {word for word in spelled if word.split(".", maxsplit=1)[0] in groups} - set(settings.catalogue())
    assert unknown == set()


def test_findings__each_kind_is_used(words: set[str]) -> None:
    """Every kind in the catalogue is named by the code or by a rule file, or put together from a beginning or end."""
    data = data_words().lower()
    starts = tuple(word for word in words if re.fullmatch(r"[A-Z][A-Z_]+_", word))
    ends = tuple(word for word in words if re.fullmatch(r"_[A-Z_]+", word))
    unused = [
        code
        for code in findings.catalogue()
        if code not in words and code.lower() not in data and not code.startswith(starts) and not code.endswith(ends)
    ]
    assert unused == []


def test_findings__added_ones_are_declared() -> None:
    """Every kind that the code adds by name stands in the catalogue."""
    unknown = [
        f"{file.relative_to(FOLDER)}:{node.lineno}: {first.value}"
        for file in sorted(FOLDER.rglob("*.py"))
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr in {"add", "add_entries"}
        and node.args
        and isinstance(first := node.args[0], ast.Constant)
        and isinstance(first.value, str)
        and re.fullmatch(r"[A-Z][A-Z0-9_]{3,}", first.value)
        and first.value not in findings.catalogue()
    ]
    assert unknown == []
