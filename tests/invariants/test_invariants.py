"""The invariants of handbook 5.11 over generated entries and the whole road; each fails when its rule is broken."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cape_engine import bridge, intake, liquidation, mass_processing, refund
from cape_engine.schema import facts as f
from cape_engine.schema import rows as t
from cape_engine.schema.codes import Action, Change
from cape_engine.settings import Settings
from invariants import house, variants
from invariants.house import Answer, Inputs

SEEDS = st.integers(0, 10_000)
DAY = st.sampled_from(house.DAYS)
MIX = st.sampled_from(["all_rules", "accepted", "realistic"])
FEW = settings(max_examples=3)
KEPT_SPLIT = mass_processing.RULES.index("5.3 column 1 kept as filed, split layout; CSMS 66319804")
Process = Callable[..., mass_processing.MassResult]


def run(inputs: Inputs, **options: Any) -> Answer:
    """The whole road, in a folder that is gone afterwards."""
    with tempfile.TemporaryDirectory() as folder:
        return house.answer(inputs, Path(folder), **options)


def mass(inputs: Inputs) -> Iterator[tuple[list[str], mass_processing.MassResult]]:
    """Mass processing alone, whatever the claim checks would say: the entry numbers and the result."""
    with tempfile.TemporaryDirectory() as folder:
        paths = house.written(inputs, Path(folder) / "files")
        options: dict[str, Any] = {"ruleset": house.law(), "settings": Settings.build({})}
        store, _found = intake.build_store(
            [paths["rows"]], Path(folder) / "store", headers=[paths["headers"]], **options
        )
        for name in store.partitions:
            part = store.read(name)
            yield (
                part.entries.column("entry_number").to_pylist(),
                mass_processing.process(part, as_of=inputs.as_of, **options),
            )


@settings(max_examples=20)
@given(SEEDS, MIX, DAY)
def test_run__keeps_the_invariants(seed: int, mix: str, day: Any) -> None:
    """1, 2, 3, 4, 6, 12 and 13 hold for every run, on both sides of each change of law."""
    inputs = house.made(seed, mix, day)
    answer = run(inputs)
    assert any(answer.accepted())
    found = {name: violations(inputs, answer)[:3] for name, violations in house.VIOLATIONS.items()}
    assert {name: said for name, said in found.items() if said} == {}


def _no_change(result: mass_processing.MassResult, partition: bridge.Partition) -> dict[str, Any]:
    del result, partition
    return {}


def _principal_off(result: mass_processing.MassResult, partition: bridge.Partition) -> dict[str, Any]:
    """A cent too much for every entry."""
    del partition
    return {"principal_cents": result.principal_cents + (result.principal_cents > 0)}


def _sum_off(result: mass_processing.MassResult, partition: bridge.Partition) -> dict[str, Any]:
    """New duty and bill a cent off, so that the money still adds up at the entry."""
    del partition
    more = (result.principal_cents > 0).astype(np.int64)
    return {
        "recalculated_duty_cents": result.recalculated_duty_cents + more,
        "principal_cents": result.principal_cents - more,
    }


def _kept_changed(result: mass_processing.MassResult, partition: bridge.Partition) -> dict[str, Any]:
    """Two kept numbers exchange a cent."""
    del partition
    numbers = result.recalculated_number_cents.copy()
    kept = np.flatnonzero((result.change == int(Change.KEPT)) & (numbers > 0))
    numbers[kept] += np.where(np.arange(len(kept)) % 2 == 0, 1, -1)
    return {"recalculated_number_cents": numbers}


def _restored_for_nothing(result: mass_processing.MassResult, partition: bridge.Partition) -> dict[str, Any]:
    """A base number gets duty `restored` on lines that have additional numbers only."""
    numbers, change = result.recalculated_number_cents.copy(), result.change.copy()
    texts = partition.tariffs.column(str(t.HTS_NUMBER)).to_pylist()
    base = np.array([not text.startswith(("98", "99")) for text in texts])
    chosen = base & (change == int(Change.KEPT))
    numbers[chosen] += 100
    change[chosen] = int(Change.RESTORED)
    return {"recalculated_number_cents": numbers, "change": change}


def _removed_row_dropped(result: mass_processing.MassResult, partition: bridge.Partition) -> dict[str, Any]:
    """The first number of every entry that should go stays."""
    del partition
    change = result.change.copy()
    change[np.flatnonzero(change == int(Change.REMOVED))[::7]] = int(Change.KEPT)
    return {"change": change}


def _exempt_left(result: mass_processing.MassResult, partition: bridge.Partition) -> dict[str, Any]:
    """Numbers without duty are not removed."""
    filed = bridge.integers(partition.tariffs, t.DUTY_CENTS)
    return {"change": np.where(filed == 0, int(Change.KEPT), result.change).astype(np.int8)}


def _by_place(result: mass_processing.MassResult, partition: bridge.Partition) -> dict[str, Any]:
    """The answer depends on where in its partition the entry stands."""
    del partition
    place = np.arange(len(result.principal_cents)) % 2
    return {"principal_cents": result.principal_cents + place}


def _fees_refunded(result: mass_processing.MassResult, partition: bridge.Partition) -> dict[str, Any]:
    """The merchandise processing fee comes back too."""
    return {"principal_cents": result.principal_cents + bridge.integers(partition.entries, f.FEE_499_CENTS, 0)}


def _by_count(result: mass_processing.MassResult, partition: bridge.Partition) -> dict[str, Any]:
    """A cent more for each number on the entry."""
    lines = bridge.offsets(partition.entries, t.LINE_COUNT)
    numbers = bridge.offsets(partition.lines, t.TARIFF_COUNT)
    return {"principal_cents": result.principal_cents + np.diff(numbers[lines])}


def break_mass(
    monkeypatch: pytest.MonkeyPatch, change: Callable[[mass_processing.MassResult, bridge.Partition], dict[str, Any]]
) -> None:
    """From now on mass processing gives other results."""
    process: Process = mass_processing.process

    def broken(partition: bridge.Partition, **options: Any) -> mass_processing.MassResult:
        result = process(partition, **options)
        return replace(result, **change(result, partition))

    monkeypatch.setattr(mass_processing, "process", broken)


@pytest.mark.parametrize(
    ("name", "change", "broken"),
    [
        ("1", _principal_off, True),
        ("2", _sum_off, True),
        ("3", _kept_changed, True),
        ("3", _restored_for_nothing, True),
        ("4", _restored_for_nothing, True),
        ("6", _removed_row_dropped, True),
        ("6", _exempt_left, True),
        *((name, _no_change, False) for name in house.VIOLATIONS),
    ],
)
def test_violations__are_found(
    name: str,
    change: Callable[[mass_processing.MassResult, bridge.Partition], dict[str, Any]],
    broken: bool,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Mass processing that breaks a rule is caught by the invariant of that rule; as it is, it is not."""
    break_mass(monkeypatch, change)
    inputs = house.made(7)
    assert bool(house.VIOLATIONS[name](inputs, run(inputs))) == broken


def test_violations_of_12__are_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """A cent more interest is caught."""
    price = refund.price

    def broken(*given: Any, **options: Any) -> refund.Priced:
        priced = price(*given, **options)
        return replace(priced, interest_cents=priced.interest_cents + (priced.interest_cents > 0))

    monkeypatch.setattr(refund, "price", broken)
    inputs = house.made(7)
    assert house.violations_of_12(inputs, run(inputs))


@pytest.mark.parametrize("fault", ["day", "waiting"])
def test_violations_of_13__are_found(fault: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A decision on the next day, or one for an entry that waits, is caught."""
    plan = liquidation.plan

    def broken(*given: Any, **options: Any) -> liquidation.Plan:
        planned = plan(*given, **options)
        day = planned.liquidation_day.copy()
        decided = day != bridge.NO_DAY
        if fault == "day":
            return replace(planned, liquidation_day=np.where(decided, day + 1, day).astype(np.int32))
        waits = planned.action == int(Action.WAIT)
        day[waits] = day[decided].max()
        return replace(planned, liquidation_day=day, payable=planned.payable | waits)

    monkeypatch.setattr(liquidation, "plan", broken)
    inputs = house.made(7)
    assert house.violations_of_13(inputs, run(inputs))


def violations_of_5(full: Answer, split: Answer) -> list[str]:
    """Full and split layouts of the same goods give the same principal."""
    return house.differences(full, split, ["disposition", "recalculated_duty_cents", "principal_cents", "action"])


@pytest.fixture(scope="module")
def layouts() -> tuple[Inputs, Inputs]:
    """Accepted entries in both layouts."""
    return variants.with_layouts(house.made(3, "accepted", entries=8))


def test_run__full_and_split_layouts(layouts: tuple[Inputs, Inputs], monkeypatch: pytest.MonkeyPatch) -> None:
    """5: the two layouts give the same principal, and a cent of difference for one of them is caught."""
    full, split = map(run, layouts)
    assert any(row["restored_column1_cents"] > 0 for row in full.entries.values())
    assert not any(row["restored_column1_cents"] > 0 for row in split.entries.values())
    assert violations_of_5(full, split) == []

    def split_off(result: mass_processing.MassResult, partition: bridge.Partition) -> dict[str, Any]:
        del partition
        return {"principal_cents": result.principal_cents + int((result.rule == KEPT_SPLIT).any())}

    break_mass(monkeypatch, split_off)
    assert violations_of_5(*map(run, layouts))


@FEW
@given(SEEDS, DAY)
def test_run__fees_are_no_duty(seed: int, day: Any) -> None:
    """7: fees, AD/CVD and taxes change no amount and no decision."""
    inputs = house.made(seed, day=day)
    assert house.violations_of_7(run(inputs), run(variants.other_fees(inputs))) == []


def test_violations_of_7__are_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """A fee that comes back with the duty is caught."""
    break_mass(monkeypatch, _fees_refunded)
    inputs = house.made(7)
    assert house.violations_of_7(run(inputs), run(variants.other_fees(inputs)))


def violations_of_8(inputs: Inputs) -> list[str]:
    """Removing twice equals removing once: the new version gives back nothing and keeps its duty."""
    first = run(inputs)
    again = house.new_version(inputs, first)
    found = []
    for numbers, result in mass(again):
        for place, number in enumerate(numbers):
            expected = first.entries[number]["recalculated_duty_cents"]
            got = (result.principal_cents[place], result.bill_cents[place], result.recalculated_duty_cents[place])
            if got != (0, 0, expected):
                found.append(f"{number}: {got} after {expected}")
    refiled = run(again).entries
    for number, row in refiled.items():
        if row["disposition"] != "rejected" or "NO_IEEPA_HTS" not in row["reason_codes"] or row["new_version"]:
            found.append(f"{number}: {row['disposition']}, version {row['new_version']}")
    return found


@FEW
@given(SEEDS, DAY)
def test_run__removing_twice(seed: int, day: Any) -> None:
    """8: the new version, filed again, is refused for want of IEEPA numbers, and its second principal is 0."""
    assert violations_of_8(house.made(seed, day=day)) == []


def test_violations_of_8__are_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """An engine that gives something back the second time too is caught."""
    break_mass(monkeypatch, _by_count)
    assert violations_of_8(house.made(7))


@FEW
@given(SEEDS, DAY, st.sampled_from([1, 50, 300]))
def test_run__order_partitions_threads(seed: int, day: Any, lines: int) -> None:
    """9: row order, partition size and threads change nothing."""
    inputs = house.made(seed, day=day)
    whole = run(inputs)
    assert house.violations_of_9(whole, run(variants.shuffled(inputs, seed), partition_lines=lines, threads=2)) == []


@FEW
@given(SEEDS, DAY)
def test_run__merged_into_an_old_result(seed: int, day: Any) -> None:
    """9: changed entries, run alone and merged into the old result, give what a run on everything gives."""
    old = house.made(seed, day=day)
    changed = {row["entry_number"] for row in old.headers[::3]}
    new = replace(old, headers=[{**row, "drawback_flag": row["entry_number"] in changed} for row in old.headers])
    merged = {**run(old).entries, **run(variants.part_of(new, changed)).entries}
    whole = run(new)
    untouched = {row["entry_number"] for row in old.headers if row["drawback_flag"]} - changed
    names = [name for name in next(iter(merged.values())) if name != "payment_id"]
    for number in merged.keys() - untouched:
        assert [merged[number][name] for name in names] == [whole.entries[number][name] for name in names]


def test_violations_of_9__are_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """An answer that depends on the place in the partition is caught."""
    break_mass(monkeypatch, _by_place)
    inputs = house.made(7)
    assert house.violations_of_9(run(inputs), run(inputs, partition_lines=50))


def violations_of_14(inputs: Inputs) -> list[str]:
    """An exempt number more changes no amount."""
    return house.differences(run(inputs), run(variants.with_exempt(inputs)), house.AMOUNTS)


@FEW
@given(SEEDS, DAY)
def test_run__exempt_number_added(seed: int, day: Any) -> None:
    """14: adding an exempt number to a line changes no amount."""
    assert violations_of_14(house.made(seed, "accepted", day)) == []


def test_violations_of_14__are_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """An amount that depends on how many numbers there are is caught."""
    break_mass(monkeypatch, _by_count)
    assert violations_of_14(house.made(7, "accepted"))


def violations_of_scaling(inputs: Inputs, factor: int) -> list[str]:
    """Whole multiples give whole multiples where no cent is rounded and no tolerance decides: without replacement."""
    small, large = run(inputs), run(variants.scaled(inputs, factor))
    kept = set(small.entries) - {row["entry_number"] for row in inputs.rows if house.is_replacement(row["hts_number"])}
    assert any(small.entries[number]["principal_cents"] for number in kept)
    small, large = (
        replace(one, entries={n: one.entries[n] for n in kept & one.entries.keys()}) for one in (small, large)
    )
    amounts = [name for name in house.AMOUNTS if name != "interest_cents"]
    return house.differences(small, large, ["disposition", *amounts], factor)


@FEW
@given(SEEDS, st.sampled_from([2, 7, 100]))
def test_run__scaled(seed: int, factor: int) -> None:
    """14: scaling every amount by a whole factor scales the result."""
    assert violations_of_scaling(house.made(seed, "accepted"), factor) == []


def test_violations_of_scaling__are_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """A cent too much, whatever the size, is caught."""
    break_mass(monkeypatch, _principal_off)
    assert violations_of_scaling(house.made(7, "accepted"), 7)
