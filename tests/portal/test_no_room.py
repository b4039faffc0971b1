"""A full disk in the middle of a commit and a ledger that may only be read: nothing half there, and what to do."""

from __future__ import annotations

import csv
import json
import os
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest

from cape_engine import intake, rules
from cape_engine.cli import invoke
from cape_engine.ledger import Ledger
from cape_engine.settings import Settings
from portal import limited, shapes
from road import es003

DAY = "2026-05-04"
COUNT = 2_000
ROOMS = [1 << 12, 1 << 15, 1 << 16, 1 << 17, 1 << 18, 1 << 19, 1 << 20, None]
"""Growing room in bytes: the disk is full at one place of the command after the other."""
COMMANDS = ("check", "pack", "answers")
LEDGER_FULL = "nothing of the transaction counts"
Capture = pytest.CaptureFixture[str]


def _goods(number: str) -> str:
    """Every third entry or so stays behind for want of IEEPA duty, so that lists are long."""
    return "ordinary" if int(number[-2:]) % 3 else "exempt_only"


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Entries in a store, declarations of them on a ledger, and CBP's answers, in a folder to be copied."""
    folder = tmp_path_factory.mktemp("world")
    numbers = [shapes.number(serial) for serial in range(COUNT)]
    intake.build_store(
        [shapes.export(folder / "rows.csv", {number: {"goods": _goods(number)} for number in numbers})],
        folder / "store",
        headers=(),
        ruleset=rules.load(),
        settings=Settings.build(),
    )
    shapes.declaration(folder / "claim.csv", numbers)
    with (folder / "details.csv").open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(["ENTRY_NUMBER", "CLAIM_NUMBER", "STATUS", "ERROR_DESCRIPTION"])
        for place, number in enumerate(number for number in numbers if _goods(number) == "ordinary"):
            failed = place % 5 == 0
            status = ["Failed", "ENTRY ON DRAWBACK"] if failed else ["Entry Summary Updated", ""]
            writer.writerow([number, "100000000001", *status])
    with Ledger.open(folder / "new.ledger"):
        pass
    assert invoke([*words("pack", folder, folder / "sent", "sent.ledger"), "--quiet"]) == 1
    shutil.rmtree(folder / "sent")
    return folder


def words(command: str, world: Path, out: Path, ledger: str | Path = "") -> list[str]:
    """A command on the entries of `world` with a ledger beside it."""
    place = world / (ledger or ledger_of(command))
    common = ["--ledger", str(place), "--out", str(out), "--as-of", DAY]
    return {
        "check": ["check", f"{world}/claim.csv", "--store", f"{world}/store", "--as-filer", "ABC", *common],
        "pack": ["pack", "--store", f"{world}/store", "--set", "claim.unknown_facts=pass", *common],
        "answers": ["answers", f"{world}/details.csv", *common],
    }[command]


def ledger_of(command: str) -> str:
    """The ledger that a command begins with: the answers need one that knows what was sent."""
    return "sent.ledger" if command == "answers" else "new.ledger"


def head(ledger: Path) -> tuple[str, int, Mapping[str, int]]:
    """What a ledger says, in short."""
    with Ledger.open(ledger, read_only=True) as opened:
        shown = opened.show()
        assert opened.verify().ok
        return shown.head, shown.runs, shown.states


def whole(out: Path) -> bool:
    """Whether a folder of results has a manifest and every file that it lists."""
    if not (out / "manifest.json").exists():
        return False
    listed = json.loads((out / "manifest.json").read_text(encoding="utf-8"))["files"]
    return all((out / name).is_file() for name in listed)


@pytest.fixture(params=["file size", "file system"])
def room(request: pytest.FixtureRequest, tmp_path: Path, world: Path) -> Iterator[tuple[Path, bool]]:
    """A folder with a copy of the world; whether it is a small file system of its own (only root can make one)."""
    folder = tmp_path / "room"
    folder.mkdir()
    small = request.param == "file system"
    if small:
        if os.geteuid() != 0 or shutil.which("mount") is None:
            pytest.skip("only root can make a small file system")
        made = ["mount", "-t", "tmpfs", "-o", "size=16m", "tmpfs", str(folder)]
        if subprocess.run(made, check=False, capture_output=True).returncode:
            pytest.skip("this machine lets nobody mount a file system")
    try:
        shutil.copytree(world, folder, dirs_exist_ok=True)
        yield folder, small
    finally:
        if small:
            subprocess.run(["umount", str(folder)], check=True)


@pytest.mark.parametrize("command", COMMANDS)
def test_disk_full__wherever_it_happens(command: str, room: tuple[Path, bool]) -> None:
    """Too little room at any place: exit code 3 with the reason, the ledger as it was; with room it completes."""
    folder, small = room
    ledger, out = folder / ledger_of(command), folder / "out"
    before = head(ledger)
    asked = words(command, folder, out)
    *full, done = limited.run(asked, ledger, out, rooms=ROOMS, folder=folder if small else "")
    said = [one["err"] for one in full]
    for one in full:
        assert one["code"] == 3, one
        assert "run the same command again" in one["err"]
        assert not [name for name in one["left"] if name.startswith(".")]
        assert one["left"] == [] or LEDGER_FULL in one["err"], "results count only if the ledger has them"
        proof = json.loads(one["verify"]["out"].splitlines()[0])
        assert (proof["ok"], proof["head"]) == (True, before[0]), one
    assert any(LEDGER_FULL in one and "ledger" in one for one in said), said
    assert any("could not be written" in one and "free the disk" in one for one in said), said
    assert done["code"] in {0, 1}, done["err"]
    after = head(ledger)
    assert after[0] != before[0]
    assert after[1] == before[1] + 1
    assert whole(out)
    assert not list(out.glob(".*"))


@contextmanager
def read_only(folder: Path) -> Iterator[None]:
    """A folder in which nobody may write, not even root: by its rights, or mounted so."""
    if os.geteuid() != 0:
        modes = {path: path.stat().st_mode for path in (*folder.iterdir(), folder)}
        for path, mode in modes.items():
            path.chmod(mode & ~0o222)
        try:
            yield
        finally:
            for path, mode in reversed(modes.items()):
                path.chmod(mode)
        return
    place = str(folder)
    for command in (["mount", "--bind", place, place], ["mount", "-o", "remount,bind,ro", place]):
        if shutil.which("mount") is None or subprocess.run(command, check=False, capture_output=True).returncode:
            pytest.skip("root may write everywhere, and this machine lets nobody mount a folder read-only")
    try:
        yield
    finally:
        subprocess.run(["umount", place], check=True)


@pytest.mark.parametrize("command", COMMANDS)
def test_read_only_ledger__every_command(command: str, world: Path, tmp_path: Path, capsys: Capture) -> None:
    """A ledger that may only be read records nothing: the commands say so, and no results appear; asking it works."""
    box, out = tmp_path / "box", tmp_path / "out"
    box.mkdir()
    ledger = box / "claims.ledger"
    shutil.copy(world / ledger_of(command), ledger)
    before = ledger.read_bytes()
    with read_only(box):
        said = es003.cape(capsys, *words(command, world, out, ledger))
        assert said.code == 3
        assert all(part in said.err for part in ("claims.ledger", "may only be read", "name another ledger")), said.err
        assert not out.exists()
        for asked in ("verify", "show"):
            assert es003.cape(capsys, "ledger", asked, ledger).code == 0
    assert ledger.read_bytes() == before
    assert [path.name for path in box.iterdir()] == ["claims.ledger"]
    assert es003.cape(capsys, *words(command, world, out, ledger)).code in {0, 1}
    assert whole(out)
