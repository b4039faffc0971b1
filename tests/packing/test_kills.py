"""`cape pack` killed at any moment: the ledger stays whole, and the same command completes."""

from __future__ import annotations

import os
import random
import subprocess
import sys
import time
from pathlib import Path

import pytest

from cape_engine.ledger import Ledger
from packing.world import AS_OF, world

pytestmark = pytest.mark.heavy

KILLS = int(os.environ.get("CAPE_TEST_KILLS", "25"))
SLOWEST_SECONDS = 60


def test_pack__killed(tmp_path: Path) -> None:
    """After each kill the ledger verifies; in the end exactly the recorded declarations lie in the folder."""
    made, draw = world(tmp_path / "world", 300), random.Random(9)
    words = ["--headers", str(made.headers), "--as-of", AS_OF.isoformat(), "--quiet"]
    for source in made.rows:
        words += ["--source", str(source)]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}

    def started(folder: Path) -> subprocess.Popen[bytes]:
        folder.mkdir(exist_ok=True)
        place = ["--out", str(folder / "out"), "--ledger", str(folder / "claims.db")]
        return subprocess.Popen([sys.executable, "-m", "cape_engine", "pack", *words, *place], env=environment)

    begun = time.monotonic()
    assert started(tmp_path / "whole").wait(SLOWEST_SECONDS) == 1
    seconds = time.monotonic() - begun
    names = {path.name: path.read_bytes() for path in (tmp_path / "whole" / "out" / "declarations").iterdir()}
    for kill in range(KILLS):
        folder = tmp_path / str(kill)
        process = started(folder)
        time.sleep(draw.uniform(0.4, 1.0) * seconds)
        process.kill()
        process.wait()
        if (folder / "claims.db").exists() and (folder / "claims.db").stat().st_size:
            with Ledger.open(folder / "claims.db") as book:
                assert book.verify().ok
        assert started(folder).wait(SLOWEST_SECONDS) == 1
        assert {p.name: p.read_bytes() for p in (folder / "out" / "declarations").iterdir()} == names
        with Ledger.open(folder / "claims.db") as book:
            assert book.verify().ok
            assert sorted(book.declared().column("file_name").to_pylist()) == sorted(names)
