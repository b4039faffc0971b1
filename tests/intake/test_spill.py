"""Imports through the disk: whatever the limit, the order and the cut, contents and findings are the same."""

from __future__ import annotations

import random
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cape_engine.errors import OutputError, UsageError
from cape_engine.findings import Findings
from cape_engine.intake import build, csv_file, files, memory, spill
from cape_engine.intake.memory import LEAST_LIMIT, MIB, Budget, budget_of
from cape_engine.intake.spill import Pool
from cape_engine.intake.stretch import Stretch

from .conftest import ES003

HEADER = (*ES003[:8], "Line Goods Value Amount", "Line Tariff Amount", "Liquidation Status", "Line Tariff Quantity (1)")
SMALL = Budget(held_bytes=3_000, process_bytes=1 << 60, kept_bytes=0, bucket_rows=40, threads=2)


def faulty_rows(entries: int = 60, seed: int = 5) -> list[tuple[str, ...]]:
    """Rows of many entries with every fault that is found between rows, in no order."""
    chosen = random.Random(seed)
    rows: list[tuple[str, ...]] = []
    for place in range(entries):
        number = f"{chosen.choice(['ABC', 'XYZ', '9AZ'])}{place * 37:07d}{place % 10}"
        for line in range(1, chosen.randint(1, 6)):
            total = f"{chosen.randint(1, 9999)}.00"
            origin = chosen.choice(["CN", "VN"])
            for ordinal, hts in enumerate(chosen.sample(["99030124", "99030125", "3923900080", "8471300100"], 2), 1):
                status = "Liquidated" if place % 7 else chosen.choice(["Open", "Liquidated", ""])
                row = (
                    *(number, str(line), "01", "12-345678900", "03/01/2025"),
                    *(origin if chosen.random() > 0.02 else "MX", str(ordinal), hts, total),
                    *(f"{chosen.randint(0, 99)}.50", status, chosen.choice(["", "3", "4.25"])),
                )
                rows.append(row)
                if chosen.random() < 0.05:
                    rows.append(row)
                if chosen.random() < 0.03:
                    rows.append((*row[:9], "77.77", *row[10:]))
                if chosen.random() < 0.02:
                    rows.append((*row[:9], "nonsense", *row[10:]))
                if chosen.random() < 0.02:
                    rows.append((*row[:3], "cut off"))
    for line in range(1, 3):
        rows += [("S4R00000010", str(line), *rows[0][2:6], str(place), *rows[0][7:]) for place in range(1, 40)]
    chosen.shuffle(rows)
    return rows


def told(result: Any) -> list[dict[str, Any]]:
    """All findings, the name of the store's files left out."""
    return [{key: value for key, value in row.items() if key != "source"} for row in result.found()]


def contents(result: Any) -> list[tuple[str, str]]:
    """Names and content hashes of the partitions."""
    return [(part["name"], part["content_sha256"]) for part in result.store.manifest["partitions"]]


@pytest.mark.parametrize("seed", [5, 6])
@pytest.mark.parametrize("partition_lines", [1_000_000, 23])
def test_build_store__through_the_disk(
    read: Callable[..., Any],
    export: Callable[..., Path],
    monkeypatch: pytest.MonkeyPatch,
    seed: int,
    partition_lines: int,
) -> None:
    """Rows sorted through the disk in small buckets give the partitions and the findings of an import in memory."""
    path = export(faulty_rows(seed=seed), HEADER)
    monkeypatch.setattr(csv_file, "_BLOCK_BYTES", 1500)
    whole = read(path, partition_lines=partition_lines)
    spilled: list[int] = []
    monkeypatch.setattr(build, "budget_of", lambda *_: SMALL)
    monkeypatch.setattr(spill, "_RUN_ROWS", 50)
    monkeypatch.setattr(spill, "_SAMPLE", 8)
    close = Pool.close

    def closing(pool: Pool) -> None:
        spilled.append(pool.spilled)
        close(pool)

    monkeypatch.setattr(Pool, "close", closing)
    parts = read(path, partition_lines=partition_lines)
    assert spilled[0] > 10_000
    assert contents(parts) == contents(whole)
    assert told(parts) == told(whole)
    assert {"ROW_DUPLICATE", "ROW_CONFLICT", "FACT_CONFLICT", "LINE_FACT_CONFLICT", "CELL_NOT_A_NUMBER"} <= set(
        whole.codes()
    )
    assert {"ROW_CELLS", "LINE_TARIFFS_TOO_MANY"} <= set(whole.codes())
    for name in ("entries", "lines", "tariffs"):
        assert parts.table(name) == whole.table(name)


def test_build_store__order_of_rows(read: Callable[..., Any], export: Callable[..., Path]) -> None:
    """Sorted rows and shuffled ones, one file and several, say the same."""
    rows = [row for row in faulty_rows() if len(row) == len(HEADER)]
    rows = list({(row[0], row[1], row[6]): row for row in rows}.values())
    header = (*ES003, *HEADER[len(ES003) :])  # an older heading is judged file by file
    one = read(export(rows, header, name="a.csv"))
    two = read(export(sorted(rows), header, name="b.csv"))
    three = read(*(export(rows[part::3], header, name=f"c{part}.csv") for part in range(3)))
    assert contents(one) == contents(two) == contents(three)


def test_build_store__repeats_are_judged_over_all_buckets(
    read: Callable[..., Any], export: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whether an older heading repeats the line's value is asked of the whole file, however it is cut."""
    rows = [
        (
            f"ABC{place:07d}0",
            "1",
            "01",
            "12-345678900",
            "03/01/2025",
            "CN",
            str(ordinal),
            hts,
            f"{place + 1}.00",
            "1.00",
        )
        for place in range(80)
        for ordinal, hts in ((1, "99030124"), (2, "3923900080"))
    ]
    header = (*ES003[:8], "Line Goods Value Amount", "Line Tariff Amount")
    odd = [*rows[:-1], (*rows[-1][:8], "12345.00", "1.00")]
    monkeypatch.setattr(spill, "_SAMPLE", 8)
    for changed, expected in ((rows, ["LINE_VALUE_REPEATED"]), (odd, [])):
        whole = read(export(changed, header), changes={"claim.check_digit": "off"})
        with monkeypatch.context() as patch:
            patch.setattr(build, "budget_of", lambda *_: SMALL)
            parts = read(export(changed, header), changes={"claim.check_digit": "off"})
        assert whole.codes() == parts.codes() == expected
        assert told(parts) == told(whole)
        assert contents(parts) == contents(whole)


def test_build_store__unreadable_later_on(
    read: Callable[..., Any], export: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file that turns out to be unreadable after some of its rows went to disk leaves none of them behind."""
    good = export(faulty_rows(20), HEADER, name="a.csv")
    bad = export(faulty_rows(20, seed=9), HEADER, name="b.csv")
    monkeypatch.setattr(csv_file, "_BLOCK_BYTES", 1500)
    monkeypatch.setattr(build, "budget_of", lambda *_: SMALL)
    alone = read(good)
    hashed = files.sha256_of

    def fail(path: Path) -> str:
        if path == bad:
            raise files.Unreadable("FILE_UNREADABLE", str(path), value="the disk went away")
        return str(hashed(path))

    monkeypatch.setattr(files, "sha256_of", fail)
    both = read(good, bad)
    assert contents(both) == contents(alone)
    assert "FILE_UNREADABLE" in both.codes()


def test_pool__skewed_keys() -> None:
    """However uneven the keys are, every row comes back once, buckets follow each other, and entries stay whole."""
    chosen = np.random.default_rng(3)
    pool = Pool(Path(), budget=4_000)
    every: list[int] = []
    for _part in range(30):
        keys = np.unique(np.concatenate([chosen.integers(0, 10, 5), chosen.integers(10**15, 10**16, 5)]))
        counts = chosen.integers(1, 9, len(keys))
        starts = np.concatenate([[0], np.cumsum(counts)])
        every += np.repeat(keys, counts).tolist()
        rows = np.arange(starts[-1])
        pool.add(Stretch(keys, starts, rows.astype(np.int32), np.zeros(len(rows), np.int16), rows, None, {}))
    buckets = pool.cut(64)
    seen: list[int] = []
    before = -1
    for number in range(buckets):
        own = [key for part in pool.bucket(number) for key in np.repeat(part.keys, np.diff(part.starts)).tolist()]
        assert not own or min(own) > before
        before = max(own, default=before)
        seen += own
    assert sorted(seen) == sorted(every)
    pool.close()


def test_pool__large_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """Rows go to disk too when the process is at its limit for other reasons, but not for a handful of them."""
    monkeypatch.setattr(spill, "_WORTH_WRITING", 1_000)
    pool = Pool(Path(), budget=1 << 60, process=1)
    for _part in range(40):
        rows = np.arange(3)
        keys, starts = np.arange(3), np.arange(4)
        pool.add(Stretch(keys, starts, rows.astype(np.int32), np.zeros(3, np.int16), rows, None, {}))
        assert pool.held_bytes <= 1_000
    assert pool.spilled > 0
    pool.close()


def test_pool__disk_full(
    monkeypatch: pytest.MonkeyPatch, read: Callable[..., Any], export: Callable[..., Path]
) -> None:
    """A disk that takes no more rows stops the import with one sentence, and it may be repeated."""

    def full(*_arguments: object, **_options: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(build, "budget_of", lambda *_: SMALL)
    monkeypatch.setattr(tempfile, "TemporaryFile", full)
    with pytest.raises(OutputError, match="No space left on device"):
        read(export(faulty_rows(), HEADER))


def test_budget_of__limits() -> None:
    """A limit below what the engine needs is refused; a higher one gives more rows to hold; none asks the machine."""
    with pytest.raises(UsageError, match="at least 512 MiB"):
        budget_of(LEAST_LIMIT - 1, 2, 1_000_000)
    small, large = budget_of(LEAST_LIMIT, 2, 1_000_000), budget_of(8192 * MIB, 2, 1_000_000)
    assert small.held_bytes < large.held_bytes
    assert small.bucket_rows <= large.bucket_rows
    assert small.threads <= large.threads == 2
    assert budget_of(None, 2, 1_000_000).held_bytes > 0
    assert memory.resident() > 10 * MIB


def test_findings__none_lost(read: Callable[..., Any], export: Callable[..., Path]) -> None:
    """Findings of all buckets come together (a guard of this file's own comparison)."""
    result = read(export(faulty_rows(), HEADER))
    assert isinstance(result.findings, Findings)
    assert len(result.found()) > 100
