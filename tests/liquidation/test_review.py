"""Who is picked for review: by flag, by amount, by a sample that depends on the entry and the seed only."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cape_engine import rules
from cape_engine.errors import SettingError
from cape_engine.liquidation import review
from cape_engine.schema.codes import Flag
from cape_engine.settings import Settings, catalogue
from reference import liquidation as twin

RULESET = rules.load()
HANDBOOK = {
    "mode_gap": Flag.MODE_GAP,
    "replacement_layout": Flag.REPLACEMENT_LAYOUT_UNKNOWN,
    "bundled_duty": Flag.BUNDLED_DUTY,
    "displaced_232": Flag.DISPLACED_232,
    "bill": Flag.BILL_FLAG,
    "value_placement": Flag.VALUE_NOT_PLACED | Flag.VALUE_DOUBLE,
}
"""Handbook 6.4 and clarification 26, typed a second time."""

numbers = st.lists(st.text("ABCXYZ0123456789", max_size=12), max_size=30)


def picked(flags: list[int], principal: list[int], settings: dict[str, object] | None = None) -> list[bool]:
    """Whether entries with these flags and principals are picked."""
    names = pa.array([f"ABC{place:08d}" for place in range(len(flags))])
    given_ = (names, np.array(flags, np.uint32), np.array(principal, np.int64))
    return list(review.picked(*given_, RULESET, Settings.build(settings)).tolist())


def test_rules__as_the_handbook_lists_them() -> None:
    """The file's flag rules, all switched on, are those of the handbook, and the default of the setting names them."""
    found = {row.rule: review.flags_of(row) for row in RULESET.review_rules if row.kind == "flag" and row.default_on}
    assert found == HANDBOOK
    assert catalogue()["schedule.review_rules"].default == list(HANDBOOK)
    assert all(row.setting in catalogue() for row in RULESET.review_rules)


def test_rules__another_file(tmp_path: Path) -> None:
    """A rule is switched off, and another one added, by data alone; a changed setting counts before the file."""
    folder = Path(shutil.copytree(rules.default_folder(), tmp_path / "rules"))
    file = folder / "review_rules.csv"
    rows = file.read_text(encoding="utf-8").splitlines()
    rows = [row.replace(",Y,", ",N,") if row.startswith("mode_gap,") else row for row in rows]
    rows.append("above_rate,flag,IEEPA_ABOVE_RATE,schedule.review_rules,more duty than the rate gives,Y,ours,Q")
    file.write_text("\n".join(rows) + "\n", encoding="utf-8")
    other = rules.load(folder)
    names, cents = pa.array(["ABC00000001", "ABC00000002"]), np.zeros(2, np.int64)
    flags = np.array([Flag.MODE_GAP, Flag.IEEPA_ABOVE_RATE], np.uint32)
    for ruleset, settings, expected in (
        (RULESET, None, ["mode_gap", ""]),
        (other, None, ["", "above_rate"]),
        (other, {"schedule.review_rules": ["mode_gap", "above_rate"]}, ["mode_gap", "above_rate"]),
    ):
        told = review.reasons(names, flags, cents, ruleset, Settings.build(settings))
        assert told.to_pylist() == expected
    with pytest.raises(SettingError, match=r"'above_rate' is no rule of review_rules\.csv, which has mode_gap, "):
        review.picked(names, flags, cents, RULESET, Settings.build({"schedule.review_rules": ["above_rate"]}))


def test_reasons__every_rule_that_picks() -> None:
    """An entry that several rules pick names all of them, in the order of the file."""
    settings = Settings.build({"schedule.review_amount_cents": 500, "schedule.review_sample": 10_000})
    names, flags = pa.array(["ABC00000001"] * 2), np.array([Flag.BILL_FLAG | Flag.MODE_GAP, 0], np.uint32)
    told = review.reasons(names, flags, np.array([500, 499], np.int64), RULESET, settings)
    assert told.to_pylist() == ["mode_gap;bill;amount;sample", "sample"]


def test_picked__by_each_rule() -> None:
    """Every word of schedule.review_rules picks its flags, and only while it is listed."""
    for rule, flag in HANDBOOK.items():
        for one in flag:
            assert picked([one], [0]) == [True], rule
            others = [word for word in HANDBOOK if word != rule]
            assert picked([one], [0], {"schedule.review_rules": others}) == [False], rule


def test_picked__other_flags_pick_nobody() -> None:
    """A flag that is only a note picks nobody."""
    assert picked([Flag.COLUMN1_RESTORED | Flag.CHAPTER_98 | Flag.OUTSIDE_OWN_DATES], [10**12]) == [False]


def test_picked__bundled_duty_as_a_note() -> None:
    """mass.bundled_duty = flag keeps the flag and picks nobody."""
    assert picked([Flag.BUNDLED_DUTY], [0], {"mass.bundled_duty": "flag"}) == [False]
    assert picked([Flag.BUNDLED_DUTY | Flag.BILL_FLAG], [0], {"mass.bundled_duty": "flag"}) == [True]


def test_picked__by_amount() -> None:
    """The threshold is the first amount that is picked; without one no amount is."""
    assert picked([0, 0], [99_999, 100_000], {"schedule.review_amount_cents": 100_000}) == [False, True]
    assert picked([0], [10**15]) == [False]


@given(names=numbers, per=st.integers(0, 12_000), seed=st.integers(0, 2**63))
def test_sampled__equals_the_twin(names: list[str], per: int, seed: int) -> None:
    """The vectorised hash picks exactly whom the twin picks."""
    chosen = review.sampled(pa.array(names, pa.string()), per, seed).tolist()
    assert chosen == [twin.sampled(name, per, seed) for name in names]


def test_sampled__does_not_depend_on_order_or_slices() -> None:
    """Each entry is picked or not by its own number, wherever it stands."""
    names = pa.array([f"XYZ{place:08d}" for place in range(5_000)])
    whole = review.sampled(names, 500, 7)
    turned = names.take(pa.array(range(4_999, -1, -1)))
    assert review.sampled(turned, 500, 7).tolist() == whole[::-1].tolist()
    assert review.sampled(names.slice(1_234, 700), 500, 7).tolist() == whole[1_234:1_934].tolist()


def test_sampled__takes_about_its_share() -> None:
    """500 in 10,000 picks about 5 %, another seed picks others, and 10,000 picks all."""
    names = pa.array([f"XYZ{place:08d}" for place in range(20_000)])
    one, other = review.sampled(names, 500, 1), review.sampled(names, 500, 2)
    assert 850 < one.sum() < 1_150
    assert (one & other).sum() < 150
    assert review.sampled(names, 10_000, 1).all()
