"""Files added to a store: new entries beside, entries that come again by a stated rule, nothing else touched."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pytest

from cape_engine import intake
from cape_engine.errors import InputError, StoreError
from cape_engine.rules import Ruleset
from cape_engine.settings import Settings
from cape_engine.store import Store
from cape_engine.store import adding as store_adding

from .conftest import ES003, GOOD, Read

OFF = {"claim.check_digit": "off"}
VERSIONED = (*ES003, "version")


@pytest.fixture
def add(ruleset: Ruleset) -> Callable[..., Read]:
    """Add files to a store."""

    def build(into: Store, *sources: Path, **options: Any) -> Read:
        settings = Settings.build(OFF)
        return Read(*intake.add_to_store(sources, into.folder, ruleset=ruleset, settings=settings, **options))

    return build


def numbered(numbers: Iterable[int], amount: str = "1.00", lines: int = 2) -> list[tuple[str, ...]]:
    """Entries with some lines each."""
    return [
        (f"ABC{number:07d}0", str(line), "01", "12-345678900", "03/01/2025", "CN", "1", "3923900080", "7", amount)
        for number in numbers
        for line in range(1, lines + 1)
    ]


def versioned(version: str, amount: str) -> list[tuple[str, ...]]:
    """The good rows with a version, and another duty for the first entry."""
    return [(*row[:9], amount if row[0] == "ABC12345676" else row[9], version) for row in GOOD]


def files_of(store: Store) -> dict[str, int]:
    """Every file of a store, and when it was written."""
    return {
        str(path.relative_to(store.folder)): path.stat().st_mtime_ns
        for path in store.folder.rglob("*.parquet")
        if path.parent != store.folder
    }


def bare(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Rows without where they came from."""
    return [{key: value for key, value in row.items() if not key.startswith("source")} for row in rows]


def hashes(store: Store) -> dict[str, str]:
    """The content hash of each partition."""
    return {part["name"]: part["content_sha256"] for part in store.manifest["partitions"]}


def test_add_to_store__new_entries(
    read: Callable[..., Read], export: Callable[..., Path], add: Callable[..., Read]
) -> None:
    """New entries come in new partitions; the old ones are not touched; contents are those of one import of all."""
    one, two = export(numbered(range(30)), name="a.csv"), export(numbered(range(15, 60)), name="b.csv")
    new = export(numbered(range(30, 60)), name="c.csv")
    old = read(one, changes=OFF, partition_lines=20).store
    before = files_of(old)
    added = add(old, new, partition_lines=20)
    assert added.codes() == []
    assert before.items() <= files_of(added.store).items()
    assert hashes(old).items() <= hashes(added.store).items()
    whole = read(one, two, changes=OFF)
    for name in ("entries", "lines", "tariffs"):
        assert bare(added.table(name)) == bare(whole.table(name))
    assert added.store.manifest["totals"] == whole.store.manifest["totals"]
    assert [source.name for source in added.store.sources] == [str(one), str(new)]
    assert {row["source_idx"] for row in added.table("tariffs")} == {0, 1}


def test_add_to_store__interleaved(
    read: Callable[..., Read], export: Callable[..., Path], add: Callable[..., Read]
) -> None:
    """New entries between old ones come in partitions of their own; every entry is there once."""
    old = read(export(numbered(range(0, 40, 2)), name="a.csv"), changes=OFF, partition_lines=10).store
    added = add(old, export(numbered(range(1, 40, 2)), name="b.csv"), partition_lines=16)
    assert sorted(row["entry_number"] for row in added.table("entries")) == [f"ABC{n:07d}0" for n in range(40)]
    assert hashes(old).items() <= hashes(added.store).items()


def test_add_to_store__same_again(
    read: Callable[..., Read], export: Callable[..., Path], add: Callable[..., Read]
) -> None:
    """Entries that say the same change nothing, not a byte of the manifest; they are counted."""
    path = export()
    old = read(path).store
    manifest = (old.folder / "manifest.json").read_bytes()
    assert add(old, export(GOOD[2:], name="b.csv")).one("ENTRY_AGAIN_SAME")["value"] == "1"
    again = add(old, path)
    assert again.codes() == ["ENTRY_AGAIN_SAME"]
    assert f"{path}: 2 entries are in the store already" in again.found()[0]["message"]
    assert (old.folder / "manifest.json").read_bytes() == manifest


def test_add_to_store__higher_version(
    read: Callable[..., Read], export: Callable[..., Path], add: Callable[..., Read]
) -> None:
    """The higher version counts, as a number; only the partition that holds the entry is written anew."""
    rows = [*versioned("00199", "5.00"), *((*row, "00101") for row in numbered(range(90, 99)))]
    old = read(export(rows, VERSIONED, name="a.csv"), changes=OFF, partition_lines=4).store
    new = export(versioned("00200", "6.00"), VERSIONED, name="b.csv")
    added = add(old, new)
    assert added.codes() == ["ENTRY_AGAIN_NEWER", "ENTRY_AGAIN_NEWER"]
    assert "version 00200 and replaces version 00199" in added.found()[0]["message"]
    assert added.entry("ABC12345676")["version"] == "00200"
    assert [row["duty_cents"] for row in added.table("tariffs") if row["duty_cents"] != 100] == [600, 600, 0]
    kept = hashes(old).items() & hashes(added.store).items()
    changed = {name for name in hashes(old) if name not in hashes(added.store)}
    assert len(kept) == len(old.partitions) - len(changed)
    assert 0 < len(changed) < len(old.partitions)
    assert not any((added.store.folder / name).exists() for name in changed)
    fresh = read(new, export(rows[3:], VERSIONED, name="c.csv"), changes=OFF)
    assert added.store.manifest["totals"] == fresh.store.manifest["totals"]


def test_add_to_store__older_version(
    read: Callable[..., Read], export: Callable[..., Path], add: Callable[..., Read]
) -> None:
    """An older version is left out, with a warning that names both."""
    old = read(export(versioned("00201", "5.00"), VERSIONED)).store
    added = add(old, export(versioned("00102", "6.00"), VERSIONED, name="b.csv"))
    assert added.codes() == ["ENTRY_AGAIN_OLDER", "ENTRY_AGAIN_OLDER"]
    assert added.found()[0]["severity"] == "warning"
    assert hashes(added.store) == hashes(old)


@pytest.mark.parametrize(
    ("place", "cell"), [(4, "03/09/2025"), (5, "VN"), (7, "3923900081"), (8, "10001"), (9, "2,000.01"), (6, "9")]
)
@pytest.mark.parametrize("version", ["", "00101"])
def test_add_to_store__contradiction(
    read: Callable[..., Read],
    export: Callable[..., Path],
    add: Callable[..., Read],
    changed: Callable[..., Any],
    place: int,
    cell: str,
    version: str,
) -> None:
    """The same version, or none, with other contents: the store keeps its own, and both sources are named."""
    first = export([(*row, version) for row in GOOD], VERSIONED, name="a.csv")
    old = read(first).store
    rows = changed(0, **{f"c{place}": cell})
    rows[1] = (*rows[1][:4], *(rows[0][4:6]), *rows[1][6:])
    second = export([(*row, version) for row in rows], VERSIONED, name="b.csv")
    added = add(old, second)
    finding = added.one("ENTRY_AGAIN_DIFFERS")
    assert (finding["severity"], finding["source"], finding["entry_number"]) == ("error", str(second), "ABC12345676")
    assert str(first) in finding["message"]
    assert added.one("ENTRY_AGAIN_SAME")["value"] == "1"
    assert hashes(added.store) == hashes(old)


def test_add_to_store__further_line(
    read: Callable[..., Read], export: Callable[..., Path], add: Callable[..., Read]
) -> None:
    """A line more or less is another content; an entry beside it that is the same is not blamed."""
    old = read(export(numbered(range(3))), changes=OFF).store
    added = add(old, export([*numbered([0], lines=3), *numbered([1]), *numbered([2], lines=1)], name="b.csv"))
    found = {row["entry_number"] for row in added.found() if row["code"] == "ENTRY_AGAIN_DIFFERS"}
    assert found == {"ABC00000000", "ABC00000020"}


def test_add_to_store__silent_columns(
    read: Callable[..., Read], export: Callable[..., Path], add: Callable[..., Read]
) -> None:
    """A fact that the added file has no column for is no contradiction."""
    old = read(export([(*row, "Liquidated") for row in GOOD], (*ES003, "Liquidation Status"))).store
    assert add(old, export(GOOD, name="b.csv")).codes() == ["ENTRY_AGAIN_SAME"]


def test_add_to_store__refused_entries(
    read: Callable[..., Read], export: Callable[..., Path], add: Callable[..., Read], changed: Callable[..., Any]
) -> None:
    """A refused entry is replaced by a readable one; a readable one is not replaced by what cannot be read."""
    broken = export(changed(0, c9="nonsense"), name="a.csv")
    old = read(broken).store
    repaired = add(old, export(name="b.csv"))
    assert "ENTRY_AGAIN_REPAIRED" in repaired.codes()
    assert repaired.refused() == []
    assert len(repaired.table("tariffs")) == 3
    again = add(repaired.store, broken)
    assert "ENTRY_AGAIN_UNREADABLE" in again.codes()
    assert hashes(again.store) == hashes(repaired.store)


def test_add_to_store__not_a_store(export: Callable[..., Path], add: Callable[..., Read], tmp_path: Path) -> None:
    """Only a store can be added to."""
    with pytest.raises(StoreError, match="is not a store"):
        add(Store(tmp_path, {}), export())


def test_add_to_store__nothing_readable(
    read: Callable[..., Read], export: Callable[..., Path], add: Callable[..., Read], tmp_path: Path
) -> None:
    """Files that cannot be read leave the store as it is, without anything beside."""
    old = read(export()).store
    with pytest.raises(InputError):
        add(old, tmp_path / "missing.csv")
    assert {item.name for item in old.folder.iterdir()} == {"manifest.json", "parties.parquet", "part-00000"}


def test_addition__killed_at_any_step(
    read: Callable[..., Read],
    export: Callable[..., Path],
    add: Callable[..., Read],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    """Wherever an addition breaks off, the store opens whole, and the same command ends with the undisturbed store."""
    start = read(
        export(
            [*versioned("00101", "5.00"), *((*row, "00101") for row in numbered(range(9)))], VERSIONED, name="a.csv"
        ),
        changes=OFF,
        partition_lines=4,
    ).store
    new = export([*versioned("00102", "6.00"), *((*row, "00101") for row in numbered([90]))], VERSIONED, name="b.csv")
    shutil.copytree(start.folder, tmp_path / "undisturbed")
    wanted = hashes(add(Store.open(tmp_path / "undisturbed"), new).store)
    assert wanted != hashes(start)
    steps = 0

    def counted(real: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any, **options: Any) -> Any:
            nonlocal steps
            if steps == 0:
                raise KeyboardInterrupt
            steps -= 1
            return real(*arguments, **options)

        return call

    reached = 0
    for last in range(40):
        folder = tmp_path / f"killed-{last}"
        shutil.copytree(start.folder, folder)
        steps = last
        with monkeypatch.context() as patch:
            patch.setattr(Path, "rename", counted(Path.rename))
            patch.setattr(Path, "replace", counted(Path.replace))
            for name in ("sync", "write_parties"):
                patch.setattr(store_adding, name, counted(getattr(store_adding, name)))
            patch.setattr(store_adding.Addition, "close", lambda _self: None)  # as SIGKILL would have it
            try:
                add(Store.open(folder), new)
                break
            except KeyboardInterrupt:
                reached += 1
        assert hashes(Store.open(folder)) in (hashes(start), wanted)
        after = add(Store.open(folder), new)
        assert hashes(after.store) == wanted
        assert {item.name for item in folder.iterdir()} == {*wanted, "manifest.json", "parties.parquet"}
        assert json.loads((folder / "manifest.json").read_text(encoding="utf-8"))["generation"] == 1
    assert reached > 5
