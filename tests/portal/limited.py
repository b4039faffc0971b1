"""Runs `cape` commands in a process of their own that has little room on the disk."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from typing import Any

CHILD = """
import contextlib, io, json, os, resource, sys
from pathlib import Path

asked = json.load(sys.stdin)
from cape_engine import cli


def run(command):
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = cli.invoke(command)
    return {"code": code, "out": out.getvalue(), "err": err.getvalue()}


def limited(size):
    hard = resource.getrlimit(resource.RLIMIT_FSIZE)[1]
    resource.setrlimit(resource.RLIMIT_FSIZE, (hard if size is None else size, hard))


def filled(folder, free):
    filler = Path(folder, "filler")
    filler.unlink(missing_ok=True)
    if free is not None:
        with contextlib.suppress(OSError), filler.open("wb") as stream:
            room = os.statvfs(folder)
            os.posix_fallocate(stream.fileno(), 0, room.f_bavail * room.f_frsize - free)


found = []
for room in asked["rooms"]:
    if asked["folder"]:
        filled(asked["folder"], room)
    else:
        limited(room)
    said = run(asked["command"])
    limited(None)
    out = Path(asked["out"])
    said["left"] = sorted(path.name for path in out.iterdir()) if out.exists() else []
    said["verify"] = run(["ledger", "verify", asked["ledger"], "--json"])
    found.append(said)
    if said["code"] != 3:
        break
if asked["folder"]:
    filled(asked["folder"], None)
print(json.dumps(found))
"""


def run(
    command: Sequence[object],
    ledger: object,
    out: object,
    *,
    rooms: Sequence[int | None] = (None,),
    folder: object = "",
) -> list[dict[str, Any]]:
    """What the command says with each size of room, and what it leaves, until it does not stop any more.

    Args:
        command: arguments of `cape`.
        ledger: what is verified after each attempt.
        out: folder whose files are listed after each attempt.
        rooms: largest size of a file in bytes; in a `folder`, bytes that are left free on its disk. None: no limit.
        folder: a small file system of its own that is filled up.
    """
    asked = {
        "command": [str(word) for word in command],
        "ledger": str(ledger),
        "out": str(out),
        "rooms": list(rooms),
        "folder": str(folder),
    }
    done = subprocess.run(
        [sys.executable, "-c", CHILD], input=json.dumps(asked), capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stdout + done.stderr
    found: list[dict[str, Any]] = json.loads(done.stdout.splitlines()[-1])
    return found
