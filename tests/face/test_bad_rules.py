"""Rule files that break their contract: exit code 2 with file and place."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from cape_engine import rules
from face import exports
from face.exports import AS_OF
from face.judging import Capture
from road import es003


def _edited(folder: Path, name: str, change: Callable[[list[str]], list[str]]) -> Path:
    """A copy of the built-in rule files in which one file has other lines."""
    copy = folder / "rules"
    shutil.copytree(rules.load().folder, copy)
    lines = (copy / name).read_text(encoding="utf-8").splitlines()
    (copy / name).write_text("\n".join(change(lines)) + "\n", encoding="utf-8")
    return copy


def _unknown_column(lines: list[str]) -> list[str]:
    return [f"{line},{'colour' if place == 0 else 'blue'}" for place, line in enumerate(lines)]


def _without(place: int) -> Callable[[list[str]], list[str]]:
    return lambda lines: lines[:place] + lines[place + 1 :]


def _twice(lines: list[str]) -> list[str]:
    return [*lines, lines[3]]


def _renamed(lines: list[str]) -> list[str]:
    return [
        lines[0].replace("corporate_overpayment_rate", "corporate_rate").replace("quarter_start", "start"),
        *lines[1:],
    ]


def _letters(lines: list[str]) -> list[str]:
    return [*lines[:2], lines[2].replace("0.0", "0.O"), *lines[3:]]


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("interest_rates.csv", _unknown_column),
        ("interest_rates.csv", _without(4)),
        ("interest_rates.csv", _twice),
        ("interest_rates.csv", _renamed),
        ("interest_rates.csv", _letters),
        ("ieepa_numbers.csv", _unknown_column),
        ("ieepa_numbers.csv", _twice),
        ("hts_base.csv", _twice),
        ("entry_types.csv", lambda lines: lines[:1]),
        ("eligibility_rules.csv", _unknown_column),
    ],
)
def test_run__broken_rule_file(
    name: str, change: Callable[[list[str]], list[str]], tmp_path: Path, capsys: Capture
) -> None:
    """Law that breaks its own contract is exit code 2 with file and place; `rules check` says the same."""
    folder = _edited(tmp_path, name, change)
    export = exports.good_alone(tmp_path)
    said = es003.cape(capsys, "run", export, *AS_OF, "--rules", folder, "--quiet", "--out", tmp_path / "out")
    assert said.code == 2
    assert said.out == ""
    assert name in said.err
    assert not (tmp_path / "out").exists()
    checked = es003.cape(capsys, "rules", "check", "--rules", folder)
    assert checked.code == 2
    assert name in checked.err


def test_run__rule_folder_that_is_none(tmp_path: Path, capsys: Capture) -> None:
    """A folder without rule files, or none at all, is said so."""
    export = exports.good_alone(tmp_path)
    for folder in (tmp_path / "nowhere", tmp_path):
        said = es003.cape(capsys, "run", export, "--rules", folder)
        assert said.code == 2
        assert str(folder) in said.err
