"""Picking entries from a store: the same rows as the whole partitions have, whatever is asked first."""

from __future__ import annotations

import pyarrow as pa
import pytest

from cape_engine import bridge, intake, rules
from cape_engine.schema import rows as s
from cape_engine.schema.facts import ENTRY_NUMBER, IMPORTER_NUMBER
from cape_engine.settings import Settings
from cape_engine.store import Store, pick_entries
from portal import shapes

NUMBERS = [shapes.number(serial, filer) for filer in ("ABC", "XYZ") for serial in range(1, 12)]


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    """Twenty-two entries in partitions of a few lines, some with value or number columns of their own."""
    folder = tmp_path_factory.mktemp("picking")
    goods = ("ordinary", "ieepa_alone", "value_on_ieepa")
    entries = {
        number: {"goods": goods[place % 3], "importer": f"12-34567{place:02d}00"}
        for place, number in enumerate(NUMBERS)
    }
    path = shapes.export(folder / "rows.csv", entries)
    built, _ = intake.build_store(
        [path], folder / "store", headers=(), ruleset=rules.load(), settings=Settings.build(), partition_lines=4
    )
    assert len(built.partitions) > 3
    return built


@pytest.mark.parametrize("threads", [1, 3])
@pytest.mark.parametrize("chosen", [NUMBERS[:1], NUMBERS[3:9], NUMBERS[::4], NUMBERS, [], ["ZZZ00000019", "short"]])
@pytest.mark.parametrize("ahead", [None, {"entries": [str(IMPORTER_NUMBER)], "tariffs": [str(s.HTS_NUMBER)]}])
def test_pick_entries__same_rows(
    chosen: list[str], threads: int, ahead: dict[str, list[str]] | None, store: Store
) -> None:
    """Every column of the picked entries, lines and numbers equals that of the partitions they came from."""
    found = pick_entries(store, chosen, ahead=ahead, threads=threads)
    assert bridge.single(found.entries, ENTRY_NUMBER).to_pylist() == sorted(set(chosen) & set(NUMBERS))
    whole = [store.read(name) for name in store.partitions]
    entries = pa.concat_tables([part.entries for part in whole]).to_pylist()
    lines = pa.concat_tables([part.lines for part in whole]).to_pylist()
    tariffs = pa.concat_tables([part.tariffs for part in whole]).to_pylist()
    wanted: tuple[list[object], list[object], list[object]] = ([], [], [])
    for entry in entries:
        own, lines = lines[: entry[s.LINE_COUNT]], lines[entry[s.LINE_COUNT] :]
        count = sum(line[s.TARIFF_COUNT] for line in own)
        numbers, tariffs = tariffs[:count], tariffs[count:]
        if entry[ENTRY_NUMBER] in chosen:
            wanted[0].append(entry)
            wanted[1].extend(own)
            wanted[2].extend(numbers)
    for table, rows in zip((found.entries, found.lines, found.tariffs), wanted, strict=True):
        assert table.whole().to_pylist() == rows
