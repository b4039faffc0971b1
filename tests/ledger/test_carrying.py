"""`cape ledger export` and `backup` where the place will not do: what is said, and what stands afterwards."""

from __future__ import annotations

import errno
import os
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from cape_engine import cli
from cape_engine.errors import OutputError
from cape_engine.ledger import Ledger


@pytest.fixture
def made(tmp_path: Path) -> Path:
    """An empty ledger."""
    with Ledger.open(tmp_path / "claims.ledger"):
        return tmp_path / "claims.ledger"


@pytest.mark.parametrize(
    ("act", "out", "said"),
    [
        ("export", "full", "the folder is not empty. Name a new one."),
        ("export", "full/file", "this is a file. Name a new folder."),
        ("backup", "full/file", "the file exists already. Name a new one."),
        ("backup", "none/file", "Make it, or name another file."),
    ],
)
def test_carry__place_is_taken(
    act: str, out: str, said: str, made: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Exit code 2, because the same command again would never help; what stood there stays."""
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "file").write_text("ours")
    assert cli.invoke(["ledger", act, str(made), "--out", str(tmp_path / out)]) == 2
    assert said in capsys.readouterr().err
    assert [item.name for item in (tmp_path / "full").iterdir()] == ["file"]
    assert (tmp_path / "full" / "file").read_text() == "ours"


@pytest.mark.parametrize(
    ("code", "step"),
    [
        (errno.EACCES, "Permission denied; nothing was exported. See that this is a folder that may be written"),
        (errno.ENOSPC, "No space left on device; nothing was exported. Make room"),
    ],
)
def test_export__refused_by_the_system(
    code: int, step: str, made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The words of the system and the step that fits; no table stays, so that the same command may follow."""
    write, written = pq.write_table, list[Path]()

    def refused(rows: Any, place: Path, **options: Any) -> None:
        if len(written) == 2:
            raise OSError(code, os.strerror(code))
        written.append(place)
        write(rows, place, **options)

    with Ledger.open(made, read_only=True) as ledger:
        monkeypatch.setattr(pq, "write_table", refused)
        with pytest.raises(OutputError, match=step):
            ledger.export(tmp_path / "out")
        assert list((tmp_path / "out").iterdir()) == []
        monkeypatch.undo()
        ledger.export(tmp_path / "out")
