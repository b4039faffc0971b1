"""What the tests of bad input share: a run into a folder, one finding, and the good rows compared."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest

import cape_engine
from face import exports
from face.exports import AS_OF, GOOD
from road import es003

Capture = pytest.CaptureFixture[str]
Answer = dict[str, list[dict[str, Any]]]


@cache
def alone() -> Answer:
    """The answer for the good rows alone."""
    with TemporaryDirectory() as folder:
        result = cape_engine.run(exports.good_alone(Path(folder)), as_of=AS_OF[1])
    assert result.exit_code == 0
    return {name: table.to_pylist() for name, table in result.tables().items()}


def run(capsys: Capture, folder: Path, *arguments: object) -> tuple[es003.Said, Answer]:
    """`cape run` into a folder, and what it wrote."""
    out = folder / "out"
    said = es003.cape(capsys, "run", *arguments, *AS_OF, "--out", out)
    return said, es003.tables(out)


def finding(answer: Answer, code: str) -> dict[str, Any]:
    """The one finding of that code; its file is shown as it was given, here by its name alone."""
    [found] = [row for row in answer["findings"] if row["code"] == code]
    return {**found, "source": found["source"] and Path(found["source"]).name}


def unaffected(answer: Answer) -> None:
    """The good entries came out as they do alone, and are the only ones paid."""
    assert exports.of_entries(answer, GOOD) == exports.of_entries(alone(), GOOD)
    assert answer["refunds"] == alone()["refunds"]
    assert answer["payments"] == alone()["payments"]
