"""Results are written whole or not at all, and a folder without a manifest holds no result."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from cape_engine.errors import OutputError
from cape_engine.outputs import files

TABLES = {"entries": pa.table({"a": [1, 2]}), "refunds": pa.table({"b": ["x"]})}


def test_write_results__files_and_hashes(tmp_path: Path) -> None:
    """Each table becomes a Parquet file named in the manifest with its hash and rows."""
    files.write_results(tmp_path / "out", TABLES, {"engine": "test"})
    manifest = json.loads((tmp_path / "out" / files.MANIFEST).read_text())
    assert manifest["files"]["entries.parquet"]["rows"] == 2
    for name, record in manifest["files"].items():
        assert files.sha256_of(tmp_path / "out" / name) == record["sha256"]
    assert pq.read_table(tmp_path / "out" / "refunds.parquet").equals(TABLES["refunds"])
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [
        "entries.parquet",
        "manifest.json",
        "refunds.parquet",
    ]


def test_write_results__same_tables_same_bytes(tmp_path: Path) -> None:
    """The same tables give byte-identical files."""
    for name in ("a", "b"):
        files.write_results(tmp_path / name, TABLES, {})
    assert (tmp_path / "a" / "entries.parquet").read_bytes() == (tmp_path / "b" / "entries.parquet").read_bytes()


def test_write_results__failure_leaves_no_manifest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """When a rename fails half-way, no manifest stands for the mixture, and the message says what to do."""
    out = tmp_path / "out"
    files.write_results(out, TABLES, {})
    renamed = Path.replace

    def fail(self: Path, target: Path) -> Path:
        if self.name == "refunds.parquet":
            raise OSError(28, "No space left on device")
        return renamed(self, target)

    monkeypatch.setattr(Path, "replace", fail)
    with pytest.raises(OutputError, match=r"No space left on device.*run the same command again"):
        files.write_results(out, TABLES, {})
    assert not (out / files.MANIFEST).exists()
    assert not (out / ".staging").exists()


def test_write_results__unwritable_folder(tmp_path: Path) -> None:
    """A folder that cannot be made is one clear error with exit code 3."""
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="could not be written") as caught:
        files.write_results(tmp_path / "file" / "out", TABLES, {})
    assert caught.value.exit_code == 3


def test_staged__by_two_at_once(tmp_path: Path) -> None:
    """The second command is refused, and takes nothing of the first away; afterwards the folder is free and clean."""
    with files.staged(tmp_path / "out") as staging:
        (staging / "a.csv").write_text("1")
        with (
            pytest.raises(OutputError, match=r"another command writes there; wait for it or choose another --out"),
            files.staged(tmp_path / "out"),
        ):
            raise AssertionError("both had it")
        assert (staging / "a.csv").read_text() == "1"
        files.move_results(staging, tmp_path / "out", ["a.csv"])
    assert [item.name for item in (tmp_path / "out").iterdir()] == ["a.csv"]
    with files.staged(tmp_path / "out") as staging:
        assert list(staging.iterdir()) == []


def test_staged__what_a_killed_command_left(tmp_path: Path) -> None:
    """Files on their way and the lock of a process that is gone are no reason to refuse."""
    (tmp_path / files.STAGING).mkdir()
    (tmp_path / files.STAGING / "half.csv").write_text("1")
    (tmp_path / files.LOCK).write_text("")
    with files.staged(tmp_path) as staging:
        assert list(staging.iterdir()) == []
    assert list(tmp_path.iterdir()) == []
