"""Standard output and error that nobody takes: a full disk, closed streams, and a reader that goes away."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from cape_engine.cli.voices import Voice, voices
from face import exports
from face.exports import AS_OF, BAD, entry
from road import es003

FULL = Path("/dev/full")
needs_full = pytest.mark.skipif(not FULL.exists(), reason="this system has no device that is always full")


@pytest.fixture
def export(tmp_path: Path) -> Path:
    """The good rows as an export."""
    return exports.good_alone(tmp_path)


def process(*arguments: object, **options: Any) -> subprocess.CompletedProcess[str]:
    """`python -m cape_engine` to its end; what it prints is kept unless it goes elsewhere."""
    command = [sys.executable, "-m", "cape_engine", *map(str, arguments)]
    path = os.pathsep.join(path for path in sys.path if path)
    streams = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **options}
    return subprocess.run(
        command, text=True, check=False, timeout=120, env={**os.environ, "PYTHONPATH": path}, **streams
    )


def closing(numbers: Iterable[int]) -> Callable[[], None]:
    """A function that closes streams in the new process, before the command begins."""

    def close() -> None:
        for number in numbers:
            os.close(number)

    return close


@needs_full
@pytest.mark.parametrize("words", [["run", "EXPORT", "--out", "out"], ["rules", "show", "9903.01.25"], ["--help"]])
def test_main__output_on_a_full_disk(words: list[str], export: Path, tmp_path: Path) -> None:
    """What could not be printed is said in one sentence, with exit code 3; results in a folder are whole."""
    given = [export if word == "EXPORT" else tmp_path / word if word == "out" else word for word in words]
    with FULL.open("w") as full:
        ran = process(*given, *(AS_OF if "run" in words else ()), stdout=full)
    said = [line for line in ran.stderr.splitlines() if "progress" not in line]
    assert ran.returncode == 3
    assert len(said) == 1
    assert "standard output could not be written (No space left on device)" in said[0]
    assert "run the same command again" in said[0]
    if "run" in words:
        assert pq.read_table(tmp_path / "out" / "entries.parquet").num_rows == len(exports.GOOD)


@needs_full
def test_main__messages_on_a_full_disk(export: Path, tmp_path: Path) -> None:
    """Progress that nobody takes stops nothing."""
    with FULL.open("w") as full:
        ran = process("run", export, *AS_OF, "--out", tmp_path / "out", stderr=full)
    assert ran.returncode == 0
    assert '"event": "result"' in ran.stdout


@pytest.mark.parametrize("numbers", [(1,), (2,), (0, 1, 2)], ids=["output", "error", "all"])
@pytest.mark.parametrize("quiet", [[], ["--quiet"]], ids=["", "quiet"])
def test_main__closed_streams(numbers: tuple[int, ...], quiet: list[str], tmp_path: Path) -> None:
    """Closed streams stop no run, and nothing that was to be printed gets into its files; the exit code is as ever."""
    export = es003.write([*exports.good(), *entry(BAD, entry_type="08")], tmp_path / "export.csv")
    options = {name: None for name, number in (("stdin", 0), ("stdout", 1), ("stderr", 2)) if number in numbers}
    ran = process("run", export, *AS_OF, *quiet, "--out", tmp_path / "out", preexec_fn=closing(numbers), **options)
    assert ran.returncode == 1
    assert "fault" not in (ran.stderr or "")
    assert len(es003.tables(tmp_path / "out")["entries"]) == len(exports.GOOD) + 1


@pytest.mark.parametrize(("words", "code"), [(["rules", "show", "9903.01.25"], 0), (["run", "EXPORT"], 1)])
def test_main__reader_that_leaves(words: list[str], code: int, tmp_path: Path) -> None:
    """A reader that had enough, as `head` has, changes no exit code and is no word worth."""
    export = es003.write([*exports.good(), *entry(BAD, entry_type="08")], tmp_path / "export.csv")
    reader, writer = os.pipe()
    os.close(reader)
    given = [export if word == "EXPORT" else word for word in words]
    ran = process(*given, *([*AS_OF, "--json"] if "run" in words else []), stdout=writer)
    os.close(writer)
    assert ran.returncode == code
    assert [line for line in ran.stderr.splitlines() if "progress" not in line] == []


def test_voices__stand_for_the_streams(capsys: pytest.CaptureFixture[str]) -> None:
    """What is written arrives, questions are answered by the stream, and afterwards everything is as before."""
    before = sys.stdout, sys.stderr
    with voices() as out:
        assert isinstance(sys.stdout, Voice)
        assert sys.stdout.encoding == before[0].encoding
        print("heard")  # noqa: T201 - this is what is tested
        assert out.lost() is None
    assert (sys.stdout, sys.stderr) == before
    assert capsys.readouterr().out == "heard\n"
