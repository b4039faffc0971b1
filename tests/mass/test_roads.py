"""Lines by shape: which road a line takes, and what it shares with others, changes no result."""

from __future__ import annotations

import datetime as dt
import itertools
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cape_engine.bridge import readonly
from cape_engine.errors import StoreError
from cape_engine.mass_processing import RULES, MassResult, load_column1, process
from cape_engine.schema import facts as f
from cape_engine.schema import rows as t
from cape_engine.schema.codes import Change
from cape_engine.settings import Settings
from cape_engine.store.shapes import shapes_of
from cape_kernels.work import BLOCK_LINES, PROGRAM, PROGRAMS
from mass.builders import AS_OF, entry, line, partition, ruleset, run, tariff

BASE = "3923900080"  # 3 %
IEEPA, EXEMPT, REPLACEMENT, SECTION301 = "99030125", "99030130", "99030220", "99038803"


def whole(result: MassResult) -> dict[str, list[Any]]:
    """What a result says of entries and lines."""
    names = ["filed_duty_cents", "removed_ieepa_cents", "restored_column1_cents", "recomputed_duty_cents"]
    names += ("recomputed_known", "principal_cents", "trial", "flags", "gap_cents", "change", "rule")
    return {name: getattr(result, name).tolist() for name in names}


def single(place: int) -> dict[str, Any]:
    """One of many kinds of entries, its amounts by its place."""
    value = 1_000 + place
    kinds: list[Any] = [
        line(tariff(IEEPA, value * 10), tariff(BASE, value * 3, value)),
        line(tariff(SECTION301, value * 25), tariff(IEEPA, value * 10), tariff(BASE, value * 3, value)),
        line(tariff(REPLACEMENT, value * 15), tariff(BASE, 0, value)),
        line(tariff(IEEPA, value * 10), tariff(BASE, 0, value), **{t.SET_INDICATOR: "V"}),
        line(tariff(IEEPA, value * 90), tariff(BASE, value * 3, value)),
        line(tariff(IEEPA, value * 10, value), tariff(BASE, value * 3, 0)),
        line(tariff(IEEPA, 0), tariff(BASE, 0, value), **{t.SPI_CODE: "S"}),
        line(tariff(BASE, value * 3, value)),
        line(tariff(IEEPA, value * 10), tariff(BASE, value * 3, 3_000_000_000 + value)),
        line(tariff(IEEPA, value * 10), tariff(BASE, value * 3, value), **{t.COUNTRY_OF_ORIGIN: "RU"}),
    ]
    day = dt.date(2025, 5, 1) + dt.timedelta(place % 190)
    return entry(kinds[place % len(kinds)], **{f.ENTRY_DATE: day})


def test_process__many_lines_as_one_by_one() -> None:
    """Entries of every kind give the same beside thousands of others as alone: blocks and programs leave no trace."""
    count = 3 * BLOCK_LINES + 17
    made = [single(place) for place in range(count)]
    together = whole(run(*made))
    apart = [whole(run(*made[start : start + 7])) for start in range(0, count, 7)]
    for name, values in together.items():
        assert values == list(itertools.chain.from_iterable(one[name] for one in apart)), name


def test_process__shapes_that_fall_on_one_place() -> None:
    """More programs than there is room for: those that share a place do not take each other's lines."""
    ieepa = list(dict.fromkeys(row.hts_number for row in ruleset().ieepa_rows))[:80]
    others = list(dict.fromkeys(row.hts_number for row in ruleset().other_rows if row.kind == "additional"))[:20]
    far = PROGRAMS // 4  # there are 68 periods: kinds of lines that are so far apart fall on one place
    removed = list(itertools.permutations(ieepa, 2))[:far]
    pairs = [*removed, *itertools.product(others, ieepa[:10])]
    lines = [line(tariff(one, 100), tariff(two, 200), tariff(BASE, 3_000, 1_000)) for one, two in pairs]
    twice = [one for place in range(len(pairs) - far) for one in (lines[place], lines[place + far]) * 2]
    result = run(*(entry(one) for one in (*lines, *twice)))
    once = {name: values[: len(lines)] for name, values in whole(result).items() if name not in {"change", "rule"}}
    again = {name: values[len(lines) :] for name, values in whole(result).items()}
    for name, values in once.items():
        wanted = [values[at] for place in range(len(pairs) - far) for at in (place, place + far) * 2]
        assert again[name] == wanted, name


def test_program__one_cache_line() -> None:
    """What a shape means is fetched in one go: a field at the wrong place would pad it beyond 64 bytes."""
    assert PROGRAM.itemsize == 64


def test_process__rules_of_numbers_in_any_order() -> None:
    """Each number before the base number has its own change, rule and duty, wherever it stands and whatever follows."""
    said = {
        IEEPA: (10_000, Change.REMOVED, "5.1 additional", 0),
        EXEMPT: (0, Change.REMOVED, "5.1 exempt", 0),
        SECTION301: (25_000, Change.KEPT, "kept as filed", 25_000),
        BASE: (3_000, Change.KEPT, "kept as filed", 3_000),
    }
    beside = [order for count in range(4) for order in itertools.permutations((IEEPA, EXEMPT, SECTION301), count)]
    lines = [(*order, BASE) for pair in itertools.permutations(beside, 2) for order in pair]
    made = [line(*(tariff(one, said[one][0], 1_000 if one == BASE else 0) for one in numbers)) for numbers in lines]
    result = run(entry(*made))
    wanted = [said[one] for numbers in lines for one in numbers]
    assert result.change.tolist() == [change for _, change, _, _ in wanted]
    for code, (_, _, rule, _) in zip(result.rule.tolist(), wanted, strict=True):
        assert RULES[code].startswith(rule)
    assert result.recalculated_number_cents.tolist() == [duty for _, _, _, duty in wanted]
    assert result.gap_known.all()
    assert not result.gap_cents.any()


def test_process__findings_in_the_order_of_lines() -> None:
    """Findings about lines stand in their order, whichever road found them."""
    above = line(tariff(IEEPA, 90_000), tariff(BASE, 3_000, 1_000))
    unknown = line(tariff(REPLACEMENT, 1), tariff(BASE, 7, 1_000))
    found = run(entry(above, unknown, above, unknown, unknown, above)).findings.to_table().to_pylist()
    told = [(row["code"], row["value"]) for row in found if row["column"] == str(t.LINE_NUMBER)]
    assert [value for code, value in told if code == "IEEPA_ABOVE_RATE"] == ["1", "3", "6"]
    assert [value for code, value in told if code == "REPLACEMENT_LAYOUT_UNKNOWN"] == ["2", "4", "5"]


def test_process__free_number_with_a_programme(tmp_path: Path) -> None:
    """A duty on a number that the user's table has at Free is a difference of both modes, with a programme or not."""
    file = tmp_path / "column1.csv"
    file.write_text("hts_number,computation_code\n39239000,0\n", encoding="utf-8")
    column1 = load_column1(file)
    plain = line(tariff(IEEPA, 10_000), tariff(BASE, 3_000, 1_000))
    claimed = {**plain, t.SPI_CODE: "S"}
    result = run(entry(plain), entry(claimed), column1=column1)
    assert result.gap_cents.tolist() == [3_000, 3_000]
    assert result.recomputed_duty_cents.tolist() == [0, 0]


def test_process__lines_and_numbers_that_do_not_fit() -> None:
    """Shapes that speak of more or fewer numbers than there are end the run with what to do, not with a wrong sum."""
    made = partition(*(single(place) for place in range(40)))
    shapes = shapes_of(made)
    for wanted in (int(shapes.size.argmin()), int(shapes.size.argmax())):
        key = shapes.key.copy()
        key[-1] = wanted << shapes.bits
        wrong = replace(made, kept_shapes=partial(replace, shapes, key=key))
        with pytest.raises(StoreError, match="import the sources again"):
            process(wrong, ruleset=ruleset(), settings=Settings.build({}), as_of=AS_OF)


@pytest.mark.parametrize("mode", ["A", "B"])
def test_process__keys_of_either_width(mode: str) -> None:
    """Keys of 32 bits, as stores have them, and of 64, as tables give them, lead to the same answers."""
    made = partition(*(single(place) for place in range(BLOCK_LINES + 40)))
    shapes = shapes_of(made)
    settings, answers = Settings.build({"mass.mode": mode}), []
    for kind in (np.int32, np.int64):
        kept = replace(made, kept_shapes=partial(replace, shapes, key=readonly(shapes.key.astype(kind))))
        answers.append(whole(process(kept, ruleset=ruleset(), settings=settings, as_of=AS_OF)))
    assert answers[0] == answers[1]
    assert len(set(answers[0]["principal_cents"])) > BLOCK_LINES // 4


def test_process__values_beside_at_their_own_numbers() -> None:
    """A value beside a number before the last counts there, also where other lines of the partition have none."""
    bare = line(tariff(IEEPA, 10_000), tariff(BASE, 3_000, 1_000))
    moved = line(tariff(IEEPA, 10_000, 1_000), tariff(BASE, 3_000, 0))
    double = line(tariff(IEEPA, 10_000, 1_000), tariff(BASE, 3_000, 1_000))
    alone = [whole(run(entry(one)))["flags"][0] for one in (bare, moved, double)]
    assert len(set(alone)) == len(alone)
    order = np.random.default_rng(2026).integers(0, 3, 100)
    result = run(*(entry((bare, moved, double)[kind]) for kind in order))
    assert result.flags.tolist() == [alone[kind] for kind in order]
