"""Runs into a folder: parts kept over a stop, taken over while nothing they depend on changed, and made anew if not."""

from __future__ import annotations

import datetime as dt
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

import cape_engine
import cape_fixtures
from cape_engine import intake, rules
from cape_engine.errors import OutputError, Stopped, UsageError
from cape_engine.pipeline import kept_sums
from cape_engine.pipeline.api import memory_bytes, requested
from cape_engine.pipeline.part import Share
from cape_engine.settings import Settings
from cape_engine.store import Store

AS_OF = dt.date(2026, 5, 4)
ENTRIES = 240


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Any]:
    """A store of several partitions, and the files beside it."""
    folder = tmp_path_factory.mktemp("streaming")
    files = cape_fixtures.write(cape_fixtures.generate(ENTRIES, 11, as_of=AS_OF), folder, format="parquet")
    store, _found = intake.build_store(
        files.rows,
        folder / "store",
        headers=[files.headers],
        ruleset=rules.load(),
        settings=Settings.build(None, None),
        partition_lines=900,
    )
    assert len(store.partitions) >= 5
    return {"store": store, "importers": files.importers}


def run(made: Mapping[str, Any], **options: Any) -> cape_engine.RunResult:
    """A run over the store."""
    given = {"importers": made["importers"], "as_of": AS_OF, "threads": 2, **options}
    return cape_engine.run(made["store"].folder, **given)


def reused(result: cape_engine.RunResult) -> int:
    """How many partitions a run took over."""
    count = result.manifest["partitions_reused"]
    assert isinstance(count, int)
    return count


def files_of(result: cape_engine.RunResult) -> dict[str, str]:
    """The hash of each file of a result."""
    files: Any = result.manifest["files"]
    return {name: said["sha256"] for name, said in files.items()}


def some_entries(store: Store, place: int, count: int) -> list[str]:
    """The first entry numbers of a partition."""
    numbers: list[str] = store.read(store.partitions[place]).entries.column("entry_number").to_pylist()[:count]
    return numbers


def declaration(folder: Path, name: str, numbers: list[str]) -> Path:
    """A declaration of some entries."""
    path = folder / name
    path.write_text("Entry Number\r\n" + "".join(f"{number}\r\n" for number in numbers))
    return path


class StopAfter:
    """Asks a run to stop after so many partitions."""

    def __init__(self, partitions: int) -> None:
        self.event = threading.Event()
        self._left = partitions
        self._counting = False

    def stage(self, name: str, total: int | None = None) -> None:
        """Count only while entries are processed."""
        del total
        self._counting = name == "processing entries"

    def advance(self, steps: int = 1) -> None:
        """Count down."""
        if self._counting:
            self._left -= steps
            if self._left <= 0:
                self.event.set()


@pytest.mark.parametrize("detail", ["none", "changes", "full"])
def test_run__in_memory_and_in_a_folder(made: Mapping[str, Any], tmp_path: Path, detail: str) -> None:
    """Tables read from the folder say what the tables in memory say, in the same order."""
    held, written = run(made, detail=detail), run(made, detail=detail, out=tmp_path / "out")
    assert held.manifest["result_hash"] == written.manifest["result_hash"]
    assert held.manifest["counts"] == written.manifest["counts"]
    assert held.manifest["totals_cents"] == written.manifest["totals_cents"]
    for name, table in held.tables().items():
        rows, others = table.to_pylist(), written.table(name).to_pylist()
        if name == "findings":  # by partition in the file
            rows, others = sorted(rows, key=repr), sorted(others, key=repr)
        assert others == rows, name


def test_run__stopped_and_repeated(made: Mapping[str, Any], tmp_path: Path) -> None:
    """A stopped run leaves no result; the same command continues, and its files are those of an undisturbed run."""
    undisturbed = run(made, out=tmp_path / "undisturbed")
    assert reused(undisturbed) == 0
    watcher = StopAfter(2)
    with pytest.raises(Stopped, match="run the same command again"):
        run(made, out=tmp_path / "out", progress=watcher, stop=watcher.event)
    assert not (tmp_path / "out" / "manifest.json").exists()
    again = run(made, out=tmp_path / "out")
    assert 2 <= reused(again) < len(made["store"].partitions)
    assert again.manifest["result_hash"] == undisturbed.manifest["result_hash"]
    assert files_of(again) == files_of(undisturbed)


def test_run__repeated_and_full(made: Mapping[str, Any], tmp_path: Path) -> None:
    """Nothing changed: every partition is taken over; `full` runs all of them; both give the same files."""
    first = run(made, out=tmp_path / "out")
    second = run(made, out=tmp_path / "out")
    assert reused(second) == len(made["store"].partitions)
    third = run(made, out=tmp_path / "out", full=True)
    assert reused(third) == 0
    assert files_of(first) == files_of(second) == files_of(third)
    assert second.manifest["counts"] == first.manifest["counts"]
    assert second.refunds.equals(first.refunds)


@pytest.mark.parametrize(
    "change",
    [
        {"as_of": dt.date(2026, 5, 5)},
        {"accepted_on": dt.date(2026, 5, 20)},
        {"detail": "none"},
        {"settings": {"mass.tolerance_cents": 99}},
        {"importers": None},
    ],
)
def test_run__what_every_partition_depends_on(made: Mapping[str, Any], tmp_path: Path, change: dict[str, Any]) -> None:
    """Another day, setting, detail or importers file, and nothing of the earlier run is taken over."""
    run(made, out=tmp_path / "out")
    changed = run(made, out=tmp_path / "out", **change)
    assert reused(changed) == 0
    assert files_of(changed) == files_of(run(made, out=tmp_path / "fresh", **change))


def test_run__one_declaration_more(made: Mapping[str, Any], tmp_path: Path) -> None:
    """Only the partitions that hold newly declared entries run again, and the answer is that of a full run."""
    store = made["store"]
    first = declaration(tmp_path, "one.csv", some_entries(store, 0, 5) + some_entries(store, 3, 5))
    more = declaration(tmp_path, "two.csv", some_entries(store, 2, 3))
    run(made, out=tmp_path / "out", declaration=[first])
    both = run(made, out=tmp_path / "out", declaration=[first, more])
    assert reused(both) == len(store.partitions) - 1
    fresh = run(made, out=tmp_path / "fresh", declaration=[first, more])
    assert both.manifest["result_hash"] == fresh.manifest["result_hash"]
    assert files_of(both) == files_of(fresh)


def test_run__declared_but_in_no_source(made: Mapping[str, Any], tmp_path: Path) -> None:
    """Entries that no partition holds follow the others, in memory and in the folder."""
    claim = declaration(tmp_path, "claim.csv", [*some_entries(made["store"], 0, 2), "ZZZ00000016"])
    for result in (run(made, declaration=[claim]), run(made, declaration=[claim], out=tmp_path / "out")):
        row = result.entries.filter(pa.compute.equal(result.entries.column("entry_number"), "ZZZ00000016"))
        assert row.column("reason_codes").to_pylist() == [["NOT_IN_ACE"]]
        assert result.exit_code == 1


def test_run__header_row_of_one_partition(made: Mapping[str, Any], tmp_path: Path) -> None:
    """A header file that speaks of one entry touches the partition of that entry alone."""
    number = some_entries(made["store"], 1, 1)[0]
    headers = tmp_path / "headers.csv"
    headers.write_text(f"entry_number,drawback_flag\n{number},true\n")
    run(made, out=tmp_path / "out")
    changed = run(made, out=tmp_path / "out", headers=headers)
    assert reused(changed) == len(made["store"].partitions) - 1
    assert files_of(changed) == files_of(run(made, out=tmp_path / "fresh", headers=headers))


@pytest.fixture
def records_read(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """A list that grows by one for each record of a part that is read."""
    read: list[int] = []
    from_bytes = Share.from_bytes

    def counted(data: bytes, register: Any) -> Share:
        read.append(len(data))
        return from_bytes(data, register)

    monkeypatch.setattr(Share, "from_bytes", staticmethod(counted))
    return read


def test_run__sums_kept(made: Mapping[str, Any], tmp_path: Path, records_read: list[int]) -> None:
    """What did not change is not read part by part: the sums of parts that went are taken away from those of all."""
    some = some_entries(made["store"], 0, 5)
    less = declaration(tmp_path, "less.csv", some)
    more = declaration(tmp_path, "more.csv", some + some_entries(made["store"], 2, 2))
    other = declaration(tmp_path, "other.csv", some_entries(made["store"], 0, 3) + some_entries(made["store"], 1, 1))
    fresh = {name: run(made, out=tmp_path / name.stem, declaration=[name]) for name in (less, more, other)}
    run(made, out=tmp_path / "out", declaration=[less])
    assert not records_read
    for name, went in ((less, 0), (more, 1), (more, 0), (other, 3), (less, 2)):
        records_read.clear()
        again = run(made, out=tmp_path / "out", declaration=[name])
        assert again.manifest["result_hash"] == fresh[name].manifest["result_hash"]
        assert again.manifest["counts"] == fresh[name].manifest["counts"]
        assert files_of(again) == files_of(fresh[name])
        # Where not even half of the parts stay, those that do are read one by one.
        parts = len(made["store"].partitions)
        assert len(records_read) == (went if 2 * went < parts else parts - went)


@pytest.mark.parametrize("harm", ["gone", "empty", "cut", "last frame", "flipped", "notes"])
def test_run__kept_sums_damaged(made: Mapping[str, Any], tmp_path: Path, records_read: list[int], harm: str) -> None:
    """Without the file of sums, or with a damaged one, parts are read one by one, and the file is written anew."""
    first = run(made, out=tmp_path / "out")
    path = tmp_path / "out" / ".run" / kept_sums.NAME
    data = path.read_bytes()
    length = 12 + int.from_bytes(data[:8], "little")
    flipped = {"flipped": 100, "notes": len(data) - 20}
    if harm in flipped:
        data = data[: flipped[harm]] + bytes([data[flipped[harm]] ^ 1]) + data[flipped[harm] + 1 :]
    path.write_bytes(data[: {"empty": 0, "cut": len(data) // 2, "last frame": length}.get(harm, len(data))])
    if harm == "gone":
        path.unlink()
    parts = len(made["store"].partitions)
    for read in (parts, 0):
        records_read.clear()
        again = run(made, out=tmp_path / "out")
        assert files_of(again) == files_of(first)
        assert again.manifest["counts"] == first.manifest["counts"]
        assert reused(again) == parts
        assert len(records_read) == read


@pytest.mark.parametrize("harm", ["other bytes", "gone"])
def test_run__record_of_a_part_that_went(
    made: Mapping[str, Any], tmp_path: Path, records_read: list[int], harm: str
) -> None:
    """Where the record of a part that went is damaged, the others are read; where it is gone, nothing is taken over."""
    parts = len(made["store"].partitions)
    claim = declaration(tmp_path, "one.csv", some_entries(made["store"], 0, 5))
    more = declaration(tmp_path, "two.csv", some_entries(made["store"], 2, 2))
    fresh = run(made, out=tmp_path / "fresh", declaration=[claim, more])
    run(made, out=tmp_path / "out", declaration=[claim])
    record = tmp_path / "out" / ".run" / "records" / "part-000002"
    if harm == "gone":
        record.unlink()
    else:
        record.write_bytes(record.read_bytes()[::-1])
    again = run(made, out=tmp_path / "out", declaration=[claim, more])
    assert files_of(again) == files_of(fresh)
    assert reused(again) == len(records_read) == (0 if harm == "gone" else parts - 1)


def test_run__kept_sums_of_other_results(made: Mapping[str, Any], tmp_path: Path) -> None:
    """Sums that do not add up with what is noted of the parts are refused, with the next step; nothing is written."""
    some = some_entries(made["store"], 0, 30)
    claims = {name: declaration(tmp_path, f"{name}.csv", some[:count]) for name, count in (("less", 2), ("more", 30))}
    for name, claim in claims.items():
        run(made, out=tmp_path / name, declaration=[claim])
    kept = {name: tmp_path / name / ".run" / kept_sums.NAME for name in claims}
    length = {name: 12 + int.from_bytes(path.read_bytes()[:8], "little") for name, path in kept.items()}
    forged = kept["less"].read_bytes()[: length["less"]] + kept["more"].read_bytes()[length["more"] :]
    kept["more"].write_bytes(forged)
    with pytest.raises(OutputError, match="run again with --full"):
        run(made, out=tmp_path / "more", declaration=[claims["more"]])
    again = run(made, out=tmp_path / "more", declaration=[claims["more"]], full=True)
    assert files_of(again) == files_of(run(made, out=tmp_path / "fresh", declaration=[claims["more"]]))


def test_run__files_altered_since(made: Mapping[str, Any], tmp_path: Path) -> None:
    """Results that somebody altered are not taken over."""
    first = run(made, out=tmp_path / "out")
    path = tmp_path / "out" / "entries.parquet"
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    again = run(made, out=tmp_path / "out")
    assert reused(again) == 0
    assert again.manifest["earlier_results_not_used"] == "entries.parquet is not as the last run left it"
    assert first.manifest["earlier_results_not_used"] is None
    assert files_of(again) == files_of(first)


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("2GiB", 2 << 30),
        ("2 GB", 2 * 10**9),
        ("600000k", 600_000_000),
        ("1t", 10**12),
        (1 << 30, 1 << 30),
        (None, None),
    ],
)
def test_memory_bytes__sizes(text: str | int | None, size: int | None) -> None:
    """Sizes as people write them."""
    assert memory_bytes(text) == size


@pytest.mark.parametrize("text", ["much", "2 GiBs", "-1GiB", "1.5GiB", "10MiB", ""])
def test_memory_bytes__refused(text: str) -> None:
    """What is no size, or too little, is refused with the way to write it."""
    with pytest.raises(UsageError, match=r"GiB|512MiB"):
        memory_bytes(text)


def test_requested__memory_limit_leaves_one_thread(made: Mapping[str, Any]) -> None:
    """A tight limit still runs, with the same answer."""
    assert requested(made["store"].folder, memory_limit="1GiB").memory_limit_bytes == 1 << 30
    tight, free = run(made, memory_limit="512MiB"), run(made)
    assert tight.manifest["result_hash"] == free.manifest["result_hash"]
