"""The face of `import` and `export`: limits, additions, files for other programs, and stopping."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from cape_engine.store import Store, is_store
from face.exports import AS_OF, GOOD, good_alone
from road import es003

Capture = pytest.CaptureFixture[str]


@pytest.fixture
def export(tmp_path: Path) -> Path:
    """The good rows as an export."""
    return good_alone(tmp_path)


def test_import__memory_limit(export: Path, tmp_path: Path, capsys: Capture) -> None:
    """A limit is a size in words; too little of it is said before anything is read."""
    assert es003.cape(capsys, "import", export, "--store", tmp_path / "store", "--memory-limit", "2GiB").code == 0
    for limit, words in (("much", "is no size"), ("10MiB", "too little")):
        said = es003.cape(capsys, "import", export, "--store", tmp_path / "other", "--memory-limit", limit)
        assert (said.code, words in said.err) == (2, True)
    assert not (tmp_path / "other").exists()


def test_import__into(export: Path, tmp_path: Path, capsys: Capture) -> None:
    """An addition takes a store; the same file again brings nothing new, and is no reason for exit code 1."""
    store = tmp_path / "store"
    said = es003.cape(capsys, "import", export, "--into", store)
    assert (said.code, "is not a store" in said.err) == (2, True)
    assert es003.cape(capsys, "import", export, "--store", store).code == 0
    before = (store / "manifest.json").read_bytes()
    said = es003.cape(capsys, "import", export, "--into", store, "--json")
    assert said.code == 0
    events = [json.loads(line) for line in said.out.splitlines()]
    assert [event["code"] for event in events if event["event"] == "finding"] == ["ENTRY_AGAIN_SAME"]
    assert (store / "manifest.json").read_bytes() == before


@pytest.mark.parametrize("given", [[], ["--store", "one", "--into", "two"]])
def test_import__one_target(export: Path, capsys: Capture, given: list[str]) -> None:
    """A new store or one that is there: one of them, and not both."""
    said = es003.cape(capsys, "import", export, *given)
    assert (said.code, "either --store DIR" in said.err) == (2, True)


def test_export__then_import(export: Path, tmp_path: Path, capsys: Capture) -> None:
    """What is exported can be imported and run, with the same answer."""
    assert es003.cape(capsys, "import", export, "--store", tmp_path / "store").code == 0
    said = es003.cape(capsys, "export", tmp_path / "store", "--out", tmp_path / "rows", "--json")
    assert said.code == 0
    files = [json.loads(line) for line in said.out.splitlines()]
    rows = Store.open(tmp_path / "store").manifest["totals"]["tariffs"]
    assert [(Path(file["file"]).name, file["rows"]) for file in files] == [
        ("rows.parquet", rows),
        ("entries.parquet", len(GOOD)),
    ]
    hashes = []
    for source in (tmp_path / "store", tmp_path / "rows" / "rows.parquet"):
        out = tmp_path / f"out-{source.name}"
        assert es003.cape(capsys, "run", source, *AS_OF, "--out", out, "--quiet").code in {0, 1}
        hashes.append(pq.read_table(out / "entries.parquet").drop_columns(["payment_id"]).to_pylist())
    assert hashes[0] == hashes[1]


def test_export__quiet_and_wrong(export: Path, tmp_path: Path, capsys: Capture) -> None:
    """Quiet is quiet; a folder that is no store is said to be none."""
    assert es003.cape(capsys, "import", export, "--store", tmp_path / "store", "--quiet").code == 0
    said = es003.cape(capsys, "export", tmp_path / "store", "--out", tmp_path / "rows", "--quiet")
    assert (said.code, said.out, said.err) == (0, "", "")
    said = es003.cape(capsys, "export", tmp_path / "rows", "--out", tmp_path / "again")
    assert (said.code, "is not a store" in said.err) == (2, True)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_import__signal(tmp_path: Path, number: signal.Signals) -> None:
    """A signal stops an import with exit code 3 and the way on; nothing that looks like a store is left."""
    header = '"Entry Summary Number","Entry Summary Line Number","Tariff Ordinal Number","HTS Number - Full",'
    header += '"Line Tariff Goods Value Amount","Line Tariff Duty Amount"\n'
    source = tmp_path / "large.csv"
    with source.open("w", encoding="utf-8") as file:
        file.write(header)
        for place in range(400_000):
            file.write(f"ABC{place // 20:07d}0,{place % 20 + 1},1,3923900080,100.00,3.00\n")
    path = os.pathsep.join(part for part in sys.path if part)
    command = [sys.executable, "-m", "cape_engine", "import", str(source), "--store", str(tmp_path / "store")]
    command += ["--partition-lines", "2000", "--json"]
    with subprocess.Popen(
        command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, env={**os.environ, "PYTHONPATH": path}
    ) as process:
        assert process.stderr is not None
        for line in process.stderr:
            if "writing partitions" in line:
                break
        time.sleep(0.2)
        process.send_signal(number)
        said = process.stderr.read()
        assert process.wait(60) == 3, said
    assert "run the same command again" in said
    assert not is_store(tmp_path / "store")
